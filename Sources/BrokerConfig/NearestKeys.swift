/// Finds what somebody may have meant by a key that does not exist.
///
/// A key of n bytes is held against each candidate of about its length at a cost of n × `limit` steps. Who asks for many
/// keys asks for those alone that will be shown.
package struct NearestKeys {
    private let candidates: [Candidate]
    /// Cells of distance tables filled so far: the work done.
    private(set) var steps = 0

    /// Slips of the hand that are looked for at most.
    private static let largestLimit = 8

    private struct Candidate {
        let name: String
        let bytes: [UInt8]

        init(_ name: String) {
            self.name = name
            bytes = Array(name.utf8)
        }
    }

    /// What may have been meant.
    package init(among candidates: some Sequence<String>) {
        self.candidates = candidates.map(Candidate.init)
    }

    /// At most three, nearest first; only those near enough to be a slip of the hand.
    ///
    /// - Parameter others: candidates for this key alone.
    package mutating func of(_ key: String, besides others: some Sequence<String> = EmptyCollection())
        -> [String]
    {
        let written = Array(key.utf8)
        let limit = min(max(2, written.count / 4), Self.largestLimit)
        var found: [(name: String, distance: Int)] = []
        for candidate in candidates + Set(others).map(Candidate.init)
        where abs(candidate.bytes.count - written.count) <= limit {
            if let distance = distance(written, candidate.bytes, limit: limit) {
                found.append((candidate.name, distance))
            }
        }
        return found.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    }

    /// Insertions, deletions, replacements and swaps of neighbours between `left` and `right`; `nil` when there are more
    /// than `limit`.
    ///
    /// - Complexity: O(left × limit): only cells near the diagonal can hold so small a distance.
    mutating func distance(_ left: [UInt8], _ right: [UInt8], limit: Int) -> Int? {
        guard abs(left.count - right.count) <= limit else { return nil }
        let far = limit + 1
        let width = right.count + 1
        // Three rows of the table in turn.
        var cells = [Int](repeating: far, count: 3 * width)
        var (beforeLast, last, current) = (0, width, 2 * width)
        for column in 0...min(limit, right.count) { cells[last + column] = column }
        for row in left.indices {
            let first = max(0, row + 1 - limit)
            let end = min(right.count, row + 1 + limit)
            guard first <= end else { return nil }
            if first > 0 { cells[current + first - 1] = far }
            var smallest = far
            for column in first...end {
                steps += 1
                var best = row + 1
                if column > 0 {
                    let isSame = left[row] == right[column - 1]
                    best = cells[last + column - 1] + (isSame ? 0 : 1)
                    best = min(best, cells[last + column] + 1, cells[current + column - 1] + 1)
                    let isSwap =
                        row > 0 && column > 1 && left[row] == right[column - 2]
                        && left[row - 1] == right[column - 1]
                    if isSwap { best = min(best, cells[beforeLast + column - 2] + 1) }
                }
                cells[current + column] = min(best, far)
                smallest = min(smallest, best)
            }
            if end < right.count { cells[current + end + 1] = far }
            guard smallest <= limit else { return nil }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        let distance = cells[last + right.count]
        return distance <= limit ? distance : nil
    }
}
