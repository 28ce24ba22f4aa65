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

/// `node …`, `cluster show`, `plugin show`.
extension Control {
    static var nodeHandlers: [String: Handler] {
        [
            "node status": { try $0.nodeStatus($1, $2) },
            "node start": { try $0.nodeStart($1, $2) },
            "node stop": { try $0.nodeStop($1, $2) },
            "node upgrade": { control, _, _ in throw control.noUpgrade },
            "cluster show": { try $0.clusterShow($1, $2) },
            "plugin show": { try $0.pluginShow($1, $2) },
            "plugin enable": { control, invocation, _ in try control.changePlugin(invocation, "enable") },
            "plugin disable": { control, invocation, _ in try control.changePlugin(invocation, "disable") },
        ]
    }

    private func nodeStatus(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let snapshot = registry.snapshot()
        func row(_ name: String, _ number: some BinaryInteger) -> [Cell] {
            [.text(name), .integer(Int(truncatingIfNeeded: number))]
        }
        output.table(
            ["Status", "Value"],
            [
                row("num_online", snapshot[LoopGauge.sessionsOnline]),
                row("num_offline", snapshot[LoopGauge.sessionsOffline]),
                row("msg_in", snapshot[VersionedCounter.publishReceived]),
                row("msg_out", snapshot[VersionedCounter.publishSent]),
                row("queue_in", snapshot.sum(VerneMQQueues.messageIn)),
                row("queue_out", snapshot.sum(VerneMQQueues.messageOut)),
                row("queue_drop", snapshot.sum(VerneMQQueues.drop)),
                row("queue_unhandled", snapshot.sum(VerneMQQueues.unhandled)),
                row("num_subscriptions", snapshot[RoutingMetrics.subscriptions]),
                row("num_retained", snapshot[RoutingMetrics.retainMessages]),
                row("matches_local", snapshot[Counter.routerMatchesLocal]),
                row("matches_remote", snapshot[Counter.routerMatchesRemote]),
                [.text("version"), .text(version)],
            ])
    }

    /// Accepts clients again after `node stop`.
    private func nodeStart(_ invocation: Invocation, _ output: any AdminOutput) throws {
        for listener in runtime.runningListeners where listener.isSuspended {
            do throws(TransportError) {
                _ = try runtime.resume(listener.address)
            } catch {
                throw AdminFailure(.failed, "can't restart listener due to '\(error)'")
            }
        }
        output.text("Done")
    }

    /// Sends all clients away and accepts none; the process stays, as VerneMQ's does.
    private func nodeStop(_ invocation: Invocation, _ output: any AdminOutput) throws {
        for listener in runtime.runningListeners { _ = runtime.suspend(listener.address, closing: true) }
        output.text("Done")
    }

    private var noUpgrade: AdminFailure {
        AdminFailure(
            .failed,
            "the running broker is not upgraded in place: install the new version and write 'vernemq restart'; "
                + "this is version \(version)")
    }

    private func clusterShow(_ invocation: Invocation, _ output: any AdminOutput) throws {
        output.table(["Node", "Running"], [[.text(nodeName), .boolean(!runtime.isDraining)]])
    }

    /// No plugin is part of this build yet, so none can be found.
    private func changePlugin(_ invocation: Invocation, _ verb: String) throws {
        if let name = invocation.value("name") {
            throw AdminFailure(.failed, "Can't \(verb) plugin: \(name) due to plugin_not_found")
        }
        guard let module = invocation.value("module"), let function = invocation.value("function") else {
            throw AdminFailure(.failed, "Incomplete plugin specification")
        }
        let arity = invocation.value("arity") ?? "0"
        throw AdminFailure(
            .failed, "Can't \(verb) module plugin: {\(module),\(function),\(arity)} due to plugin_not_found")
    }

    private func pluginShow(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let wanted = invocation.value("plugin")
        let wantedHook = invocation.value("hook")
        var rows: [[Cell]] = []
        for hook in runtime.broker.registeredHooks where wanted == nil || hook.name == wanted {
            let points = hook.points.map(\.name).sorted().filter { wantedHook == nil || $0 == wantedHook }
            guard !points.isEmpty else { continue }
            rows.append([
                .text(hook.name), .text("application"), .text(points.map { $0 + "\n" }.joined()),
                .text(points.map { "\(hook.name):\($0)\n" }.joined()),
            ])
        }
        output.table(["Plugin", "Type", "Hook(s)", "M:F/A"], rows)
    }
}
