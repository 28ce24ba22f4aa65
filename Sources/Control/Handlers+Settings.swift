import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Glibc
import Listeners
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Transport

/// `set`, `show`, `describe`, `config`.
extension Control {
    static var settingHandlers: [String: Handler] {
        [
            "set": { try $0.set($1, $2) }, "show": { try $0.show($1, $2) },
            "describe": { try $0.describe($1, $2) }, "config show": { try $0.showConfig($1, $2) },
            "config reset": { try $0.resetConfig($1, $2) },
        ]
    }

    /// There is one node: `--node` may name it.
    func checkNode(_ invocation: Invocation) throws(AdminFailure) {
        guard let node = invocation.value("node") else { return }
        if invocation.has("all") {
            throw AdminFailure(.usage, "Error: --node and --all cannot be combined")
        }
        guard Self.list(node).allSatisfy({ $0 == nodeName }) else {
            throw AdminFailure(.usage, "Invalid node name\nThis node is \(nodeName); it has no others.")
        }
    }

    /// `vmq_server` is the part that has settings at run time. VerneMQ asks for it; here nothing else can be meant.
    private func checkApplication(_ invocation: Invocation) throws {
        guard let app = invocation.argument("app"), app != "vmq_server" else { return }
        throw AdminFailure(.failed, "App not configured via vmq_config")
    }

    private func set(_ invocation: Invocation, _ output: any AdminOutput) throws {
        try checkNode(invocation)
        let pairs = invocation.arguments.map { ($0.name, $0.value ?? "") }
        try settings.set(pairs) { runtime.apply($0) }
        let lines = pairs.map { "\($0.0) set to \"\($0.1)\"" }
        guard invocation.has("all") else { return output.text(lines.joined(separator: "\n")) }
        output.text("Setting config across the cluster")
        output.table(
            ["Node", "Node Down/Unreachable", "Result"],
            [[.text(nodeName), .boolean(false), .text(lines.joined(separator: "\n"))]])
    }

    private func show(_ invocation: Invocation, _ output: any AdminOutput) throws {
        try checkNode(invocation)
        let config = settings.config
        let names = invocation.arguments.map(\.name)
        var cells: [Cell] = [.text(nodeName)]
        var unknown: [String] = []
        for name in names {
            guard let key = ConfKey(name), let setting = SettingsTable.shared.setting(for: key) else {
                unknown.append(name)
                continue
            }
            let text = config.value(name)?.shownText ?? ""
            if case .integer = setting.type, let number = Int(text) {
                cells.append(.integer(number))
            } else {
                cells.append(.text(text))
            }
        }
        guard unknown.isEmpty else {
            throw AdminFailure(.usage, "Invalid config keys: \(unknown.joined(separator: " ")) ")
        }
        output.table(["node"] + names, [cells])
    }

    private func describe(_ invocation: Invocation, _ output: any AdminOutput) throws {
        for name in invocation.arguments.map(\.name) {
            do throws(ConfigError) {
                let text = try ConfigText.describe(name)
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
                output.text(name + ":\n" + lines.joined(separator: "\n"))
            } catch {
                throw AdminFailure(.usage, "Invalid config keys: \(name) ")
            }
        }
    }

    private func showConfig(_ invocation: Invocation, _ output: any AdminOutput) throws {
        try checkApplication(invocation)
        if let key = invocation.value("key") {
            guard let value = settings.config.value(key) else { throw AdminFailure(.failed, "not found") }
            return output.text(
                "Scope: \(settings.isChanged(key) ? "node" : "env")\nValue: \(value.shownText)")
        }
        output.beginTable(["Config", "Env", "Node", "Global"])
        let config = settings.config
        for setting in SettingsTable.shared.settings where !setting.isPattern && setting.newName == nil {
            guard setting.status == .implemented, let value = config.value(setting.pattern) else { continue }
            let isChanged = settings.isChanged(setting.pattern)
            output.row([
                .text(setting.pattern), .text(isChanged ? "" : value.shownText),
                .text(isChanged ? value.shownText : ""), .text(""),
            ])
        }
        output.endTable()
    }

    private func resetConfig(_ invocation: Invocation, _ output: any AdminOutput) throws {
        try checkApplication(invocation)
        guard !invocation.has("config-file"), !invocation.has("config-val") else {
            throw AdminFailure(
                .failed,
                "config reset gives settings the values that the broker was started with, and no others; "
                    + "write: set <setting>=<value>")
        }
        guard !invocation.isOn("global") else {
            throw AdminFailure(
                .failed,
                "config reset --global has nothing to reset: settings that were changed with set hold on this node alone; "
                    + "write config reset without --global")
        }
        let keys = invocation.value("key").map { [$0] } ?? []
        let reset = try settings.reset(keys) { runtime.apply($0) }
        guard keys.isEmpty || !reset.isEmpty else { throw AdminFailure(.failed, "config item not found") }
        output.text("Done")
    }

    var nodeName: String { runtime.broker.settings.nodeName }
}
