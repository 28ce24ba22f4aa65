/// Finds what somebody may have meant by a key that does not exist.
enum NearestKeys {
    /// At most three of `candidates`, nearest first; only those near enough to be a slip of the hand.
    static func of(_ key: String, among candidates: some Sequence<String>) -> [String] {
        let written = Array(key.utf8)
        let limit = max(2, written.count / 4)
        return Set(candidates)
            .map { (name: $0, distance: distance(written, Array($0.utf8))) }
            .filter { $0.distance <= limit }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3)
            .map(\.name)
    }

    /// Insertions, deletions, replacements and swaps of neighbours between `left` and `right`.
    ///
    /// - Complexity: O(left × right).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                var best = min(last[column + 1], current[column]) + 1
                best = min(best, last[column] + (left[row] == right[column] ? 0 : 1))
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
