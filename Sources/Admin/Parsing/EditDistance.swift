/// How many letters one has to add, remove, change or swap with their neighbour to make one word of another.
package enum EditDistance {
    /// - Complexity: O(a × b). Words over 64 characters are not looked at: they count as far away.
    package static func between(_ a: String, _ b: String) -> Int {
        let a = Array(a.prefix(65))
        let b = Array(b.prefix(65))
        if a.count > 64 || b.count > 64 { return Int.max }
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            row.reserveCapacity(b.count + 1)
            for j in 1...b.count {
                var least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    least = min(least, beforeLast[j - 2] + 1)
                }
                row.append(least)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }

    /// The nearest of `choices`; nil = none is near enough to be what was meant. Of two that are as near, the first.
    package static func nearest(to word: String, among choices: [String]) -> String? {
        guard !word.isEmpty else { return nil }
        if word.utf8.count > 1, let longer = choices.first(where: { $0.hasPrefix(word) }) { return longer }
        let allowed = max(1, min(word.count, 64) / 3)
        var best: (word: String, distance: Int)?
        for choice in choices {
            let distance = between(word, choice)
            if distance <= allowed, distance < best?.distance ?? Int.max { best = (choice, distance) }
        }
        return best?.word
    }
}
