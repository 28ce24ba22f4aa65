/// The health answers: is the node fit for traffic? Bodies and status codes as VerneMQ gives them.
package struct Health: Hashable, Sendable {
    /// What the node knows of its cluster.
    package enum ClusterState: Hashable, Sendable {
        /// Joined and ready; a node on its own is its own cluster.
        case ready
        case unknown
        case notJoined
        case memberOffline
        /// The node is being stopped: send no new clients.
        case stopping

        fileprivate var reason: String? {
            switch self {
            case .ready: nil
            case .unknown: "Unknown cluster status"
            case .notJoined: "Node has not joined cluster"
            case .memberOffline: "At least one node is offline"
            case .stopping: "Node is stopping"
            }
        }
    }

    /// 200 or 503.
    package let statusCode: Int
    /// JSON.
    package let body: [UInt8]

    /// The media type of every health answer.
    package static let contentType = "application/json"

    /// `/health/ping`: the HTTP server answers.
    package static let ping = Health(statusCode: 200, body: Array("{\"status\":\"OK\"}".utf8))

    /// `/health`: this node is ready, every listener runs, and every event loop answers. A member elsewhere may be down.
    ///
    /// A limit that keeps clients out is named, and the node is well all the same: it serves those it has, and sending it
    /// fewer is what a load balancer does by counting connections.
    ///
    /// - Parameter stalledLoops: loops that did not answer in time.
    package static func node(
        _ cluster: ClusterState, _ listeners: [ListenerStatus], stalledLoops: [Int] = []
    ) -> Health {
        let own: ClusterState = cluster == .memberOffline ? .ready : cluster
        let reasons = [own.reason, listenersReason(listeners), loopsReason(stalledLoops)].compactMap { $0 }
        let limits = listeners.flatMap { listener in
            listener.reachedLimits.map {
                "\($0) of the \(listener.type) listener on \(listener.ip):\(listener.port)"
            }
        }
        guard reasons.isEmpty, !limits.isEmpty else { return down(reasons) }
        var json = JSONText()
        json.beginObject()
        json.field("status", "OK")
        json.key("limits_reached")
        json.beginArray()
        for limit in limits { json.string(limit) }
        json.endArray()
        json.endObject()
        return Health(statusCode: 200, body: json.bytes)
    }

    /// `/health/listeners`: every listener runs. The failure has one `reason`, not a list.
    package static func listeners(_ listeners: [ListenerStatus]) -> Health {
        guard let reason = listenersReason(listeners) else { return ping }
        var json = JSONText()
        json.beginObject()
        json.field("status", "DOWN")
        json.field("reason", reason)
        json.endObject()
        return Health(statusCode: 503, body: json.bytes)
    }

    /// `/health/listeners_full_cluster`: every node is online and every listener runs.
    package static func fullCluster(_ cluster: ClusterState, _ listeners: [ListenerStatus]) -> Health {
        down([cluster.reason, listenersReason(listeners)].compactMap { $0 })
    }

    private static func down(_ reasons: [String]) -> Health {
        guard !reasons.isEmpty else { return ping }
        var json = JSONText()
        json.beginObject()
        json.field("status", "DOWN")
        json.key("reasons")
        json.beginArray()
        for reason in reasons { json.string(reason) }
        json.endArray()
        json.endObject()
        return Health(statusCode: 503, body: json.bytes)
    }

    private static func loopsReason(_ stalled: [Int]) -> String? {
        guard !stalled.isEmpty else { return nil }
        return "Event loops do not answer: [\(stalled.map { "\($0)" }.joined(separator: ","))]"
    }

    private static func listenersReason(_ listeners: [ListenerStatus]) -> String? {
        let stopped = listeners.filter { !$0.isRunning }.map(\.type)
        return stopped.isEmpty ? nil : "Listeners are not ready: [\(stopped.joined(separator: ","))]"
    }
}
