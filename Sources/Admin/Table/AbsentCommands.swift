/// Commands of VerneMQ that this build does not have, and why: who writes one is told more than that it is unknown. An entry
/// counts for nothing once the table has a command that begins with its words.
struct AbsentCommands: Sendable {
    private let entries: [(words: [String], reason: String)]

    /// - Parameter entries: words with blanks between them, and what ends the sentence that begins with them.
    init(_ entries: KeyValuePairs<String, String>) {
        self.entries = entries.map { ($0.key.split(separator: " ").map(String.init), $0.value) }
    }

    static let vmqAdmin = AbsentCommands([
        "cluster join": "this build is a node of its own, and no cluster",
        "cluster leave": "this build is a node of its own, and no cluster",
        "cluster status": "its name is cluster show",
        "bridge": "this build has no bridges to other brokers",
        "webhooks": "this build has no webhooks",
        "script": "this build has no Lua scripts",
        "webui": "this build has the status page in its place: /status of its HTTP listener",
        "node swc_sync_status": "it is about VerneMQ's own metadata, which this broker does not have",
        "node flag_as_init_synced": "it is about VerneMQ's own metadata, which this broker does not have",
        "node history": "it is about VerneMQ's own metadata, which this broker does not have",
    ])

    /// Why there is no such command.
    ///
    /// - Returns: nil when VerneMQ has none either, or the table has it.
    func reason(for words: [String], in table: CommandTable) -> String? {
        guard let entry = entries.first(where: { words.starts(with: $0.words) }), isAbsent(entry.words, table)
        else { return nil }
        return "\(entry.words.joined(separator: " ")): \(entry.reason)"
    }

    /// What a later build may have.
    private static let later: Set = ["cluster join", "cluster leave", "bridge", "webhooks", "script"]

    /// The words of those that the table does not have.
    ///
    /// - Parameter isLater: those that a later build may have, or those that none will; nil = all.
    func names(in table: CommandTable, isLater: Bool? = nil) -> [String] {
        entries.filter { isAbsent($0.words, table) }.map { $0.words.joined(separator: " ") }.filter {
            isLater == nil || Self.later.contains($0) == isLater
        }
    }

    private func isAbsent(_ words: [String], _ table: CommandTable) -> Bool {
        table.knownPrefix(of: words).count < words.count
    }
}
