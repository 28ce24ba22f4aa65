/// The rules of §4.7 and §4.8.2 as they read. nil: refused.
enum ExpectedTopic {
    private static let plus = UInt8(ascii: "+")
    private static let hash = UInt8(ascii: "#")

    static func nameLevels(_ bytes: [UInt8]) -> Int? {
        guard isText(bytes), !bytes.contains(plus), !bytes.contains(hash) else { return nil }
        return split(bytes).count
    }

    static func filterLevels(_ bytes: [UInt8]) -> Int? {
        guard isText(bytes) else { return nil }
        let levels = split(bytes)
        var matched = levels[...]
        if levels.first == Array("$share".utf8) {
            guard let parts = sharedParts(bytes), !parts.group.contains(plus), !parts.group.contains(hash)
            else {
                return nil
            }
            matched = levels.dropFirst(2)
        }
        for (index, level) in zip(matched.indices, matched) {
            if level.contains(plus), level != [plus] { return nil }
            if level.contains(hash), level != [hash] || index != matched.endIndex - 1 { return nil }
        }
        return levels.count
    }

    /// nil also when it is not a shared subscription.
    static func sharedParts(_ bytes: [UInt8]) -> (group: [UInt8], filter: [UInt8])? {
        let levels = split(bytes)
        guard levels.count >= 3, levels[0] == Array("$share".utf8), !levels[1].isEmpty else { return nil }
        let filter = Array(levels[2...].joined(separator: [UInt8(ascii: "/")]))
        return filter.isEmpty ? nil : (levels[1], filter)
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        !bytes.isEmpty && !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    }

    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
    }
}
