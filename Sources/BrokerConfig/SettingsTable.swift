/// Every key the broker knows: all of VerneMQ 1.x and 2.x, and our own. The parser, `config show`, `config describe`
/// and docs/configuration.md read it.
package struct SettingsTable: Sendable {
    /// The one table.
    package static let shared = SettingsTable(groups: [
        sessions, queues, listenerRoots, listenerAddresses, listenerOptions, http, monitoring, logging, node,
        metadata, plugins, webhooks, scripting, databases, bridges, storage, levelDB, erlang, legacy, ours,
    ])

    package let groups: [SettingGroup]
    /// Keys without a free word.
    private let exact: [String: Setting]
    /// Keys with free words, those with fewer first.
    private let patterns: [(words: [Substring], setting: Setting)]

    init(groups: [SettingGroup]) {
        self.groups = groups
        let all = groups.flatMap(\.settings)
        exact = Dictionary(
            all.filter { !$0.isPattern }.map { ($0.pattern, $0) }, uniquingKeysWith: { first, _ in first })
        patterns = all.filter(\.isPattern)
            .map { (words: $0.pattern.split(separator: "."), setting: $0) }
            .sorted { Self.freeWords($0.words) < Self.freeWords($1.words) }
    }

    /// In the order of the groups.
    package var settings: [Setting] { groups.flatMap(\.settings) }

    /// The setting that `key` is an instance of.
    package func setting(for key: ConfKey) -> Setting? {
        if !key.words.contains(where: { $0.contains(".") }), let setting = exact[key.description] {
            return setting
        }
        return patterns.first { pattern in
            pattern.words.count == key.words.count
                && zip(pattern.words, key.words).allSatisfy { $0.hasPrefix("$") || String($0) == $1 }
        }?.setting
    }

    /// The setting declared as `pattern`, free words included.
    package func setting(pattern: String) -> Setting? {
        exact[pattern] ?? patterns.first { $0.setting.pattern == pattern }?.setting
    }

    /// What may have been meant by `key`, at most three.
    package func nearest(to key: ConfKey) -> [String] {
        let free = patterns.filter { $0.words.count == key.words.count }.map { pattern in
            // With the words of `key` in the free places.
            zip(pattern.words, key.words).map { $0.hasPrefix("$") ? $1 : String($0) }.joined(separator: ".")
        }
        return NearestKeys.of(key.description, among: exact.keys.map(\.self) + free)
    }

    private static func freeWords(_ words: [Substring]) -> Int { words.count { $0.hasPrefix("$") } }
}
