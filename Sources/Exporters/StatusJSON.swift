package import BrokerMetrics

/// A listener as the status pages show it.
package struct ListenerStatus: Hashable, Sendable {
    /// `mqtt`, `mqtts`, `mqttws`, `mqttwss`, `vmq`, `http`, `https`.
    package var type: String
    /// Shown as `running` or `suspended`.
    package var isRunning: Bool
    /// The address, or the path of a Unix socket.
    package var ip: String
    /// The port in use; 0 for a Unix socket.
    package var port: Int
    /// The topic space of its clients; empty for the usual one, and for HTTP.
    package var mountpoint: String
    /// nil when there is no limit.
    package var maximumConnections: Int?
    /// Connections now; nil where nobody counts them.
    package var connections: Int?
    /// Clients that were accepted only to be told that there is no room, since the start; nil where nobody
    /// counts them.
    package var refused: Int?
    /// Limits that keep clients out, by the names that operators know.
    package var reachedLimits: [String] = []

    /// The state of a listener; what is left out is not known or empty.
    package init(
        type: String, isRunning: Bool, ip: String, port: Int, mountpoint: String = "",
        maximumConnections: Int? = nil, connections: Int? = nil, refused: Int? = nil,
        reachedLimits: [String] = []
    ) {
        self.type = type
        self.isRunning = isRunning
        self.ip = ip
        self.port = port
        self.mountpoint = mountpoint
        self.maximumConnections = maximumConnections
        self.connections = connections
        self.refused = refused
        self.reachedLimits = reachedLimits
    }
}

/// What a node knows of itself beside its numbers.
package struct NodeStatus: Sendable {
    /// The node's name, such as `VerneMQ@127.0.0.1`.
    package var node: String
    /// The broker's version.
    package var version: String
    /// The listeners, in the order in which they are shown.
    package var listeners: [ListenerStatus]
    /// Every member of the cluster with whether this node reaches it; itself included.
    package var members: [(node: String, isReachable: Bool)]

    /// What is known of a node.
    ///
    /// - Parameter members: nil for a node that is its own cluster.
    package init(
        node: String, version: String, listeners: [ListenerStatus],
        members: [(node: String, isReachable: Bool)]? = nil
    ) {
        self.node = node
        self.version = version
        self.listeners = listeners
        self.members = members ?? [(node, true)]
    }
}

/// The descriptors of the process, as the pages show them.
private struct DescriptorStatus {
    var limit: Int64 = 0
    var open: Int64 = 0
    var clients: Int64 = 0
    var clientsLimit: Int64 = 0

    /// nil when nobody has drawn up a budget.
    init?(_ snapshot: Snapshot) {
        let limits = snapshot.external[ExternalMetric.descriptorsLimit.rawValue]
        guard !limits.isEmpty else { return nil }
        for sample in limits {
            limit &+= sample.value
            if sample.labelValues == ["clients"] { clientsLimit = sample.value }
        }
        for sample in snapshot.external[ExternalMetric.descriptorsOpen.rawValue] {
            open &+= sample.value
            if sample.labelValues == ["clients"] { clients = sample.value }
        }
    }
}

/// `/status.json`, in VerneMQ's shape with a few numbers more, and `/status/details.json`, what the page of ours shows beyond it.
package enum StatusJSON {
    /// The media type of both pages.
    package static let contentType = "application/json"

    /// An array with one object: node name → numbers. The mountpoint is a string.
    package static func render(_ snapshot: Snapshot, _ status: NodeStatus) -> [UInt8] {
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
        json.field("num_subscriptions", snapshot[.routerSubscriptions])
        json.field("num_retained", snapshot[.retainMessages])
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

    /// Uptime, memory, drops by reason, ledger and loops: for the page of ours, no promise to others.
    package static func renderDetails(_ snapshot: Snapshot, _ status: NodeStatus) -> [UInt8] {
        var json = JSONText()
        json.beginObject()
        json.field("node", status.node)
        json.field("version", status.version)
        json.field("uptime_ms", snapshot.uptimeMilliseconds)
        json.field("memory_bytes", snapshot.process.residentBytes)
        json.field("cpu_percent", Int64(snapshot.meanUtilization))
        json.field("bytes_in", snapshot[Counter.bytesReceived])
        json.field("bytes_out", snapshot[Counter.bytesSent])
        json.field("connects", snapshot[VersionedCounter.connectReceived])
        json.field(
            "connections", snapshot[.activeMQTTConnections] &+ snapshot[.activeWebSocketConnections])
        json.field("queued", snapshot[LoopGauge.queuedMessages])
        json.field("inflight", snapshot[LoopGauge.inflightMessages])
        json.field("output", snapshot[LoopGauge.outputMessages])
        json.key("drops")
        json.beginObject()
        for reason in DropReason.allCases { json.field(reason.label, snapshot[reason]) }
        json.endObject()
        json.key("rejected")
        json.beginObject()
        for reason in RejectReason.allCases { json.field(reason.label, snapshot[reason]) }
        json.endObject()
        json.key("ledger")
        json.beginObject()
        for equation in LedgerEquation.allCases { json.field(equation.rawValue, snapshot.residual(equation)) }
        json.endObject()
        json.key("store")
        json.beginObject()
        json.field("messages", snapshot[LoopGauge.storedCopies])
        json.field("on_disk_alone", snapshot[LoopGauge.spilledMessages])
        json.field("answers_waiting", snapshot[LoopGauge.heldAnswers])
        json.field("disk_bytes", snapshot[ExternalMetric.storeDiskBytes])
        json.field("damaged_rows", snapshot[ExternalMetric.storeDamaged])
        json.field("failing", snapshot[ExternalMetric.storeFailing] != 0)
        json.endObject()
        json.key("loops")
        json.beginArray()
        for loop in snapshot.loops {
            json.beginObject()
            json.field("busy_percent", Int64(loop.utilization))
            json.field("connections", loop[.connectionsOpen])
            json.field("turns", loop[.loopTurns])
            json.field("mailbox", loop[.mailboxDepth])
            json.field("stalled", loop.isStalled)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
