package import Admin
package import BrokerConfig
import BrokerCore
package import BrokerLog
package import BrokerMetrics
package import Listeners
import Logging
import Primitives

/// What operators do to a running broker: the handlers of the commands of `vmq-admin`, whoever calls them. It talks to
/// loops by letters and waits for their answers, so it never runs on one.
///
///     command line ─┐                       ┌─ BrokerRuntime   sessions, listeners
///     HTTP API     ─┴→ Invocation → Control ─┼─ RuntimeSettings  set, show
///                          ↓                 ├─ MetricsRegistry  metrics
///                      AdminOutput           └─ Traces, APIKeys, log
package final class Control: Sendable {
    package let runtime: BrokerRuntime
    package let mqttListeners: MQTTListeners
    package let registry: MetricsRegistry
    package let settings: RuntimeSettings
    package let keys: APIKeys
    package let traces: Traces
    package let history: MetricHistory
    /// Listeners that are not MQTT's.
    let pageListeners: any PageListeners
    /// Starts a listener as the configuration has it.
    let startListener: @Sendable (ListenerSettings, EffectiveConfig) throws -> Void
    /// Reads `/metrics` back in all its forms.
    let checkExposition: @Sendable (Snapshot) -> [ExpositionCheck]
    /// The course of the key numbers, as the status page shows it.
    let keyNumbers: @Sendable (_ minutes: Int) -> [KeyNumber]
    let logOutput: LogOutput?
    /// nil = there are no plugins.
    let plugins: (any PluginOperations)?
    package let version: String
    let log: Logger
    private let handlers: [String: Handler]

    /// Carries out one command.
    typealias Handler = @Sendable (Control, Invocation, any AdminOutput) throws -> Void

    /// - Parameters:
    ///   - pageListeners: what `listener …` is about beside MQTT.
    ///   - startListener: starts a listener of any kind that this build has.
    ///   - checkExposition: writes a reading in each form of `/metrics` and says what is wrong with it.
    ///   - keyNumbers: the course of the key numbers over the last minutes.
    package init(
        runtime: BrokerRuntime, registry: MetricsRegistry, settings: RuntimeSettings, keys: APIKeys,
        pageListeners: any PageListeners,
        startListener: @escaping @Sendable (ListenerSettings, EffectiveConfig) throws -> Void,
        checkExposition: @escaping @Sendable (Snapshot) -> [ExpositionCheck],
        keyNumbers: @escaping @Sendable (_ minutes: Int) -> [KeyNumber], logOutput: LogOutput?,
        plugins: (any PluginOperations)? = nil, version: String
    ) {
        self.runtime = runtime
        mqttListeners = MQTTListeners(runtime)
        self.registry = registry
        self.settings = settings
        self.keys = keys
        self.pageListeners = pageListeners
        self.startListener = startListener
        self.checkExposition = checkExposition
        self.keyNumbers = keyNumbers
        self.logOutput = logOutput
        self.plugins = plugins
        self.version = version
        log = Logger(label: "admin")
        traces = Traces(runtime)
        history = MetricHistory()
        handlers = Self.all
    }

    /// The commands that have a handler, by their words.
    package static var handledCommands: Set<String> { Set(all.keys) }

    private static var all: [String: Handler] {
        var handlers: [String: Handler] = [:]
        for group in [
            sessionHandlers, clientHandlers, retainHandlers, listenerHandlers, metricHandlers,
            settingHandlers,
            nodeHandlers, keyHandlers, traceHandlers, logHandlers, tlsHandlers, completionHandlers,
            pluginHandlers,
        ] {
            handlers.merge(group) { _, new in new }
        }
        return handlers
    }

    /// Whether the command can be carried out here.
    package func handles(_ command: AdminCommand) -> Bool { handlers[command.name] != nil }

    /// Carries a command out. What changes something leaves a line in the log: who, from where, what, and what came of it.
    ///
    /// - Throws: `AdminFailure` with a sentence for the caller; nothing else.
    package func run(_ invocation: Invocation, for caller: Caller, _ output: any AdminOutput)
        throws(AdminFailure)
    {
        guard let handler = handlers[invocation.command.name] else {
            throw AdminFailure(.usage, "\(invocation.command.name) is not part of this build")
        }
        do {
            try handler(self, invocation, output)
            audit(invocation, caller, "done")
        } catch let failure as AdminFailure {
            audit(invocation, caller, failure.text)
            throw failure
        } catch {
            audit(invocation, caller, "\(error)")
            throw AdminFailure(.failed, "\(error)")
        }
    }

    /// Looks at what can be known of a command before its answer begins: an HTTP answer that is sent while it is made has its
    /// status already when the command finds something wrong.
    ///
    /// - Throws: of kind `.usage` what the command would refuse, and of kind `.failed` what there is no room for now.
    package func check(_ invocation: Invocation) throws(AdminFailure) {
        switch invocation.command.name {
        case "session disconnect batch": try checkNode(invocation)
        case "trace client": try traces.checkRoom()
        default: return
        }
    }

    /// Leaves the line in the log that says who has changed what, or has tried to; none of a command that only reads.
    package func audit(_ invocation: Invocation, _ caller: Caller, _ result: String) {
        switch invocation.command.effect {
        case .reads: return
        case .changes, .destroys: audit(invocation.auditText, caller, result)
        }
    }

    /// Leaves the line in the log that says who has changed what.
    package func audit(_ command: String, _ caller: Caller, _ result: String) {
        audit(
            "operator's command",
            [
                "command": "\(command)", "who": "\(caller.name)", "from": "\(caller.origin)",
                "result": "\(result)",
            ])
    }

    /// Leaves the line in the log that says that an address is not listened to for a while: its keys were wrong.
    ///
    /// - Parameter origin: as `FailedAttempts` counts it.
    package func auditRefusedKeys(from origin: String) {
        audit(
            "API keys refused",
            [
                "from": "\(origin)", "wrong_keys": .stringConvertible(FailedAttempts.allowed),
                "seconds": .stringConvertible(FailedAttempts.window),
            ])
    }

    /// Whoever makes the log say less is seen doing it: the level of the log does not count.
    private func audit(_ message: String, _ facts: Logger.Metadata) {
        guard let logOutput else { return log.notice("\(message)", metadata: facts) }
        logOutput.writeAudit(label: log.label, message: message, metadata: facts)
    }
}

/// Who gives a command.
package struct Caller: Sendable {
    /// The user of the local socket, or the beginning of an API key.
    package let name: String
    /// `local`, or an address.
    package let origin: String

    package init(name: String, origin: String) {
        self.name = name
        self.origin = origin
    }
}

extension Invocation {
    /// The command as it was given, without what nobody may read in a log.
    fileprivate var auditText: String {
        func shown(_ item: Item) -> String {
            guard let value = item.value else { return item.name }
            guard isSecret(item.name) else { return "\(item.name)=\(value)" }
            // Of a key its beginning, by which api-key show names it; a short one has none to spare.
            let isLongKey = command.words.first == "api-key" && value.utf8.count >= 16
            return "\(item.name)=\(isLongKey ? String(value.prefix(6)) : "")******"
        }
        return ([command.name] + arguments.map(shown) + flags.map { "--" + shown($0) }).joined(separator: " ")
    }

    /// Settings may be set under any name, and an attempt that was refused had its value too.
    private func isSecret(_ name: String) -> Bool {
        if command.words.first == "api-key" { return name == "key" }
        if name.lowercased().contains("pass") { return true }
        guard command.rule == .assignments else { return false }
        return ConfKey(name).flatMap(SettingsTable.shared.setting)?.isSecret ?? false
    }
}
