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

/// `node …`, `cluster show`.
extension Control {
    static var nodeHandlers: [String: Handler] {
        [
            "node status": { try $0.nodeStatus($1, $2) },
            "node start": { try $0.nodeStart($1, $2) },
            "node stop": { try $0.nodeStop($1, $2) },
            "node upgrade": { control, _, _ in throw control.noUpgrade },
            "cluster show": { try $0.clusterShow($1, $2) },
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
}
