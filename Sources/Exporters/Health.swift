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

    /// What `/health/ready` goes by.
    package struct Readiness: Sendable {
        /// The start is complete: what was stored has been restored, and all listeners were opened.
        package var isStarted = true
        /// The node is being stopped.
        package var isStopping = false
        /// All listeners.
        package var listeners: [ListenerStatus] = []
        /// Loops that did not answer in time.
        package var stalledLoops: [Int] = []
        /// The store takes no writes.
        package var isStoreFailing = false
        /// Clients have all descriptors that are for them.
        package var isOutOfDescriptors = false

        /// A node that is ready, once it has listeners.
        package init() {}

        fileprivate var reasons: [String] {
            let clients = listeners.filter { $0.type == "mqtt" }
            let isFull =
                !clients.isEmpty
                && clients.allSatisfy { listener in
                    guard let maximum = listener.maximumConnections else { return false }
                    return listener.connections ?? 0 >= maximum
                }
            return [
                isStarted ? nil : "Node is starting", isStopping ? ClusterState.stopping.reason : nil,
                Health.listenersReason(listeners), clients.isEmpty ? "There is no listener for clients" : nil,
                Health.loopsReason(stalledLoops), isStoreFailing ? "The store takes no writes" : nil,
                isFull ? "All listeners have max_connections" : nil,
                isOutOfDescriptors ? "Clients have all descriptors" : nil,
            ].compactMap { $0 }
        }
    }

    /// A stage of a check, with the nanoseconds it took; nil = it did not end.
    package typealias Stage = (name: String, nanoseconds: UInt64?)

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

    /// `/health/live`: the process answers, and no loop has been silent for long. For who restarts the broker when it is
    /// not.
    ///
    /// - Parameters:
    ///   - silentLoops: those that have been silent for long, with the seconds.
    ///   - duration: nanoseconds that the check took.
    package static func live(silentLoops: [(loop: Int, seconds: Int)], duration: UInt64) -> Health {
        let reasons = silentLoops.map { "Event loop \($0.loop) has not answered for \($0.seconds) s" }
        return timed(reasons, duration)
    }

    /// `/health/ready`: a new client would be served. For who sends clients here.
    ///
    /// - Parameter duration: nanoseconds that the check took.
    package static func ready(_ readiness: Readiness, duration: UInt64) -> Health {
        timed(readiness.reasons, duration)
    }

    /// `/health/path`: a message comes through.
    ///
    /// - Parameters:
    ///   - reasons: what is in its way, a sentence for each.
    ///   - ways: the stages of the way from each loop.
    ///   - store: nil = nothing is stored.
    ///   - duration: nanoseconds that all of it took.
    package static func path(
        reasons: [String], ways: [(loop: Int, stages: [Stage])], store: Stage?, duration: UInt64
    ) -> Health {
        timed(reasons, duration) { json in
            json.key("loops")
            json.beginArray()
            for way in ways {
                json.beginObject()
                json.field("loop", Int64(way.loop))
                for stage in way.stages { write(stage, to: &json) }
                json.endObject()
            }
            json.endArray()
            if let store { write(store, to: &json) }
        }
    }

    private static func write(_ stage: Stage, to json: inout JSONText) {
        guard let nanoseconds = stage.nanoseconds else { return json.null(stage.name) }
        json.field(stage.name, nanoseconds / 1000)
    }

    private static func timed(
        _ reasons: [String], _ duration: UInt64, _ more: (inout JSONText) -> Void = { _ in }
    ) -> Health {
        var json = JSONText()
        json.beginObject()
        json.field("status", reasons.isEmpty ? "OK" : "DOWN")
        json.key("reasons")
        json.beginArray()
        for reason in reasons { json.string(reason) }
        json.endArray()
        json.field("duration_us", duration / 1000)
        more(&json)
        json.endObject()
        return Health(statusCode: reasons.isEmpty ? 200 : 503, body: json.bytes)
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
