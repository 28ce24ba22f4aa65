import BrokerMetrics

/// The descriptors of the process, as the pages show them.
private struct DescriptorStatus {
    var limit: Int64 = 0
    var open: Int64 = 0
    var clients: Int64 = 0
    var clientsLimit: Int64 = 0

    /// nil when nobody has drawn up a budget.
    init?(_ snapshot: Snapshot) {
        let limits = snapshot.samples(.descriptorsLimit)
        guard !limits.isEmpty else { return nil }
        for sample in limits {
            limit &+= sample.value
            if sample.labelValues == ["clients"] { clientsLimit = sample.value }
        }
        for sample in snapshot.samples(.descriptorsOpen) {
            open &+= sample.value
            if sample.labelValues == ["clients"] { clients = sample.value }
        }
    }
}

/// `/status.json`: VerneMQ's fields, and behind them ours (`StatusJSON+Own.swift`).
package enum StatusJSON {
    /// The media type of the answer.
    package static let contentType = "application/json"

    /// An array with one object: node name → numbers. The mountpoint is a string.
    package static func render(_ facts: StatusFacts) -> [UInt8] {
        let (snapshot, status) = (facts.snapshot, facts.node)
        var json = JSONText()
        json.beginArray()
        json.beginObject()
        json.key(status.node)
        json.beginObject()
        // VerneMQ counts connections, and what remains of the queues: with sockets that never sent CONNECT both are wrong.
        json.field("num_online", snapshot[LoopGauge.sessionsOnline])
        json.field("num_offline", snapshot[LoopGauge.sessionsOffline])
        json.field("msg_in", snapshot[VersionedCounter.publishReceived])
        json.field("msg_out", snapshot[VersionedCounter.publishSent])
        json.field("queue_in", snapshot.sum(VerneMQQueues.messageIn))
        json.field("queue_out", snapshot.sum(VerneMQQueues.messageOut))
        json.field("queue_drop", snapshot.sum(VerneMQQueues.drop))
        json.field("queue_unhandled", snapshot.sum(VerneMQQueues.unhandled))
        // VerneMQ's page computes its drop rate from this field, which VerneMQ does not send: whatever is lost counts.
        json.field("msg_drop", WatchedCount.lost.value(in: snapshot))
        json.field("num_subscriptions", snapshot[RoomMetric.routerSubscriptions])
        json.field("num_retained", snapshot[RoomMetric.retainMessages])
        json.field("matches_local", snapshot[Counter.routerMatchesLocal])
        json.field("matches_remote", snapshot[Counter.routerMatchesRemote])
        json.field("version", status.version)
        if let descriptors = DescriptorStatus(snapshot) {
            json.key("descriptors")
            json.beginObject()
            json.field("limit", descriptors.limit)
            json.field("open", descriptors.open)
            json.field("clients", descriptors.clients)
            json.field("clients_limit", descriptors.clientsLimit)
            json.endObject()
        }
        json.key("mystatus")
        json.beginArray()
        json.beginObject()
        for member in status.members { json.field(member.node, member.isReachable) }
        json.endObject()
        json.endArray()
        json.key("listeners")
        json.beginArray()
        for listener in status.listeners { append(listener, to: &json) }
        json.endArray()
        appendOwn(facts, to: &json)
        json.endObject()
        json.endObject()
        json.endArray()
        return json.bytes
    }

    private static func append(_ listener: ListenerStatus, to json: inout JSONText) {
        json.beginObject()
        json.field("type", listener.type)
        json.field("status", listener.isRunning ? "running" : "suspended")
        json.field("ip", listener.ip)
        json.field("port", Int64(listener.port))
        json.field("mountpoint", listener.mountpoint)
        if let maximum = listener.maximumConnections {
            json.field("max_conns", Int64(maximum))
        } else {
            json.field("max_conns", "infinity")
        }
        if let connections = listener.connections { json.field("conns", Int64(connections)) }
        if let refused = listener.refused { json.field("refused", Int64(refused)) }
        if !listener.reachedLimits.isEmpty {
            json.key("limits_reached")
            json.beginArray()
            for limit in listener.reachedLimits { json.string(limit) }
            json.endArray()
        }
        json.endObject()
    }
}
