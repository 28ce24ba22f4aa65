/// Every key the broker knows: all of VerneMQ 1.x and 2.x, and our own. The parser, `config show`, `config describe`
/// and docs/configuration.md read it.
package struct SettingsTable: Sendable {
    /// The one table.
    package static let shared = SettingsTable(groups: [
        sessions, queues, listenerRoots, listenerAddresses, listenerOptions, http, monitoring, otlp, logging,
        node, metadata, filePlugins, plugins, webhooks, scripting, databases, bridges, storage, levelDB,
        erlang, legacy,
        ours,
        limits,
    ])

    /// The groups in the order in which the documentation lists them.
    package let groups: [SettingGroup]
    /// Keys without a free word.
    private let exact: [String: Setting]
    /// Keys with free words, those with fewer first, by their number of words and their first word, which is never free.
    private let patterns: [Shape: [Pattern]]

    private struct Pattern {
        /// `nil` for a free word.
        let words: [String?]
        let setting: Setting

        func matches(_ key: ConfKey) -> Bool {
            zip(words, key.words).allSatisfy { $0 == nil || $0 == $1 }
        }
    }

    private struct Shape: Hashable {
        let count: Int
        let first: String

        init?(_ words: [String]) {
            guard let first = words.first else { return nil }
            self.first = first
            count = words.count
        }
    }

    init(groups: [SettingGroup]) {
        self.groups = groups
        let all = groups.flatMap(\.settings)
        exact = Dictionary(
            all.filter { !$0.isPattern }.map { ($0.pattern, $0) }, uniquingKeysWith: { first, _ in first })
        var patterns: [Shape: [Pattern]] = [:]
        for setting in all where setting.isPattern {
            let words = setting.pattern.split(separator: ".").map(String.init)
            guard let shape = Shape(words) else { continue }
            patterns[shape, default: []].append(
                Pattern(words: words.map { $0.hasPrefix("$") ? nil : $0 }, setting: setting))
        }
        self.patterns = patterns.mapValues { $0.sorted { Self.freeWords($0) < Self.freeWords($1) } }
    }

    /// In the order of the groups.
    package var settings: [Setting] { groups.flatMap(\.settings) }

    /// The setting that `key` is an instance of.
    package func setting(for key: ConfKey) -> Setting? {
        if !key.words.contains(where: { $0.contains(".") }), let setting = exact[key.description] {
            return setting
        }
        return Shape(key.words).flatMap { patterns[$0] }?.first { $0.matches(key) }?.setting
    }

    /// The setting declared as `pattern`, free words included.
    package func setting(pattern: String) -> Setting? {
        if let setting = exact[pattern] { return setting }
        let words = pattern.split(separator: ".").map(String.init)
        return Shape(words).flatMap { patterns[$0] }?.first { $0.setting.pattern == pattern }?.setting
    }

    /// What may have been meant by `key`, at most three.
    package func nearest(to key: ConfKey) -> [String] {
        var search = nearestKeys()
        return nearest(to: key, &search)
    }

    /// A search among the keys without a free word, for several calls of `nearest(to:_:)`.
    func nearestKeys() -> NearestKeys { NearestKeys(among: exact.keys) }

    func nearest(to key: ConfKey, _ search: inout NearestKeys) -> [String] {
        let free = patterns.values.joined().filter { $0.words.count == key.words.count }.map { pattern in
            // With the words of `key` in the free places.
            zip(pattern.words, key.words).map { $0 ?? $1 }.joined(separator: ".")
        }
        return search.of(key.description, besides: free)
    }

    private static func freeWords(_ pattern: Pattern) -> Int { pattern.words.count { $0 == nil } }
}
