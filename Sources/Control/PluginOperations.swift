package import BrokerCore

/// What operators do to plugins. The room that has the plugins is not known here; who wires both brings it.
package protocol PluginOperations: Sendable {
    /// Plugins that run, in the order in which they are asked.
    var plugins: [PluginRow] { get }
    /// Starts a plugin. - Throws: VerneMQ's word for why not.
    func enable(_ name: String) throws(PluginRefusal)
    /// Stops a plugin. - Throws: VerneMQ's word for why not.
    func disable(_ name: String) throws(PluginRefusal)
    /// Looks at an access control file.
    ///
    /// - Parameter path: nil = the file of the settings, whose lines are quoted.
    func checkACL(_ path: String?) throws(PluginRefusal) -> ACLFindings
}

/// Why a command about plugins was not carried out.
package struct PluginRefusal: Error {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// A plugin that runs.
package struct PluginRow: Sendable {
    package var name: String
    /// Its hooks and what they were asked.
    package var hooks: [(point: HookPoint, reading: HookReading)]
    /// Users or rules of its file; nil = it has none.
    package var entries: Int?
    /// Lines of its file that count for nothing.
    package var badLines: Int?
    /// Jobs that wait for its threads; nil = it has none.
    package var waiting: Int?

    package init(
        name: String, hooks: [(point: HookPoint, reading: HookReading)], entries: Int?, badLines: Int?,
        waiting: Int?
    ) {
        self.name = name
        self.hooks = hooks
        self.entries = entries
        self.badLines = badLines
        self.waiting = waiting
    }
}

/// What an access control file has in it.
package struct ACLFindings: Sendable {
    package var path: String
    package var ruleCount: Int
    package var findings: [(line: Int, isSkipped: Bool, text: String)]
    /// Lines that count for nothing, those that are not listed included.
    package var skippedCount: Int

    package init(
        path: String, ruleCount: Int, findings: [(line: Int, isSkipped: Bool, text: String)],
        skippedCount: Int
    ) {
        self.path = path
        self.ruleCount = ruleCount
        self.findings = findings
        self.skippedCount = skippedCount
    }
}
