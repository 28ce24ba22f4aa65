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

/// `client show`, `subscriptions show`, `queue …`: who is it, who would get it, what waits.
extension Control {
    static var clientHandlers: [String: Handler] {
        [
            "client show": { try $0.showClient($1, $2) },
            "subscriptions show": { try $0.showSubscriptions($1, $2) },
            "queue show": { try $0.showQueue($1, $2) },
            "queue purge": { try $0.purgeQueue($1, $2) },
        ]
    }

    private func subscriber(_ invocation: Invocation) -> SubscriberID {
        SubscriberID(
            mountpoint: Mountpoint.named(UTF8Text(invocation.value("mountpoint") ?? "")),
            clientID: UTF8Text(invocation.argument("client-id") ?? ""))
    }

    private func question(_ subscriber: SubscriberID, _ rows: SessionQuestion.Rows) -> SessionQuestion {
        var question = SessionQuestion(rows)
        question.clientID = subscriber.clientID
        question.mountpoint = subscriber.mountpoint
        return question
    }

    // MARK: client show

    private func showClient(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation)
        let clock = SessionClock(node: nodeName, runtime.broker.clock)
        for facts in try sessions(of: subscriber, invocation) {
            output.table(["Item", "Value"], ClientFacts(facts, clock).rows)
        }
        output.text("Subscriptions:")
        output.beginTable(["topic", "qos", "no_local", "rap", "retain_handling", "identifier"])
        try runtime.walk(question(subscriber, .subscriptions)) { row in
            guard let subscription = row.subscription, !output.isCancelled else { return false }
            output.row([
                .text("\(subscription.filter)"), .integer(Int(subscription.options.qos.rawValue)),
                .boolean(subscription.options.noLocal), .boolean(subscription.options.retainAsPublished),
                .integer(Int(subscription.options.retainHandling)),
                subscription.identifier == 0 ? .null : .integer(Int(subscription.identifier)),
            ])
            return true
        }
        output.endTable()
    }

    /// The session of a client, and those of its further connections.
    ///
    /// - Throws: when there is none; the text names a mountpoint where the client has one.
    private func sessions(of subscriber: SubscriberID, _ invocation: Invocation) throws -> [SessionFacts] {
        var found: [SessionFacts] = []
        try runtime.walk(question(subscriber, .sessions)) { row in
            found.append(row.session)
            return true
        }
        guard found.isEmpty else { return found }
        throw try noSession(of: subscriber, invocation)
    }

    private func noSession(of subscriber: SubscriberID, _ invocation: Invocation) throws -> AdminFailure {
        var elsewhere = question(subscriber, .sessions)
        elsewhere.mountpoint = nil
        var other: Mountpoint?
        try runtime.walk(elsewhere) { row in
            other = row.session.subscriber.mountpoint
            return false
        }
        let hint = other.map {
            $0 == .default
                ? "; it has one on the default mountpoint"
                : "; it has one on mountpoint \"\($0.name)\": --mountpoint"
        }
        return AdminFailure(
            .failed,
            "there is no session of client \"\(subscriber.clientID)\"\(mountpointText(invocation))\(hint ?? "")"
        )
    }

    private func mountpointText(_ invocation: Invocation) -> String {
        let name = invocation.value("mountpoint") ?? ""
        return name.isEmpty ? "" : " on mountpoint \"\(name)\""
    }

    // MARK: subscriptions show

    /// Who would get a message with this topic, or has this very filter.
    private func showSubscriptions(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let wanted = UTF8Text(invocation.value("filter") ?? "")
        let mountpoint = Mountpoint.named(UTF8Text(invocation.value("mountpoint") ?? ""))
        let limit = invocation.integer("limit") ?? 100
        var question = SessionQuestion(.subscriptions)
        // Who asks for a topic looks for a client, and may have the wrong mountpoint.
        question.mountpoint = wanted.isEmpty ? mountpoint : nil
        output.beginTable(["client_id", "is_online", "mountpoint", "qos", "topic"])
        var count = 0
        var elsewhere = 0
        var isCut = false
        try runtime.walk(question) { row in
            isCut = count >= limit
            guard !isCut, !output.isCancelled else { return false }
            guard let subscription = row.subscription else { return true }
            guard wanted.isEmpty || TopicMatch.matches(subscription.filter, wanted) else { return true }
            guard row.session.subscriber.mountpoint == mountpoint else {
                elsewhere += 1
                return true
            }
            count += 1
            output.row([
                .text("\(row.session.subscriber.clientID)"), .boolean(row.session.isOnline),
                .text("\(row.session.subscriber.mountpoint.name)"),
                .integer(Int(subscription.options.qos.rawValue)), .text("\(subscription.filter)"),
            ])
            return true
        }
        output.endTable()
        if isCut {
            output.note(Self.cutText(limit))
        } else if elsewhere > 0 {
            output.note("\(elsewhere) more on other mountpoints: --mountpoint")
        }
    }

    // MARK: queue

    private func showQueue(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation)
        let clock = SessionClock(node: nodeName, runtime.broker.clock)
        let showsPayload = invocation.has("payload")
        let limit = invocation.integer("limit") ?? 100
        var columns = [
            "place", "topic", "qos", "retain", "packet_id", "size", "age", "expires_in", "sent_ago",
        ]
        if showsPayload { columns.append("payload") }
        let sessions = try sessions(of: subscriber, invocation)
        var count = 0
        var isCut = false
        func show(_ waiting: WaitingMessage) -> Bool {
            isCut = count >= limit
            guard !isCut, !output.isCancelled else { return false }
            count += 1
            output.row(Self.cells(of: waiting, clock, withPayload: showsPayload))
            return true
        }
        output.beginTable(columns)
        try runtime.walk(question(subscriber, .messages)) { row in row.message.map(show) ?? false }
        var lostCount = 0
        for session in sessions where !isCut && !output.isCancelled {
            lostCount += try walkStored(session, show)
        }
        output.endTable()
        if isCut { output.note(Self.cutText(limit)) }
        // While they were read some may have come or gone.
        if isCut { count = sessions.reduce(0) { $0 + $1.queuedCount + $1.inflightCount } }
        output.note("\(count) \(count == 1 ? "message waits" : "messages wait")")
        if lostCount > 0 {
            output.note("\(lostCount) messages in the store cannot be read; 'vernemq store check' says which")
        }
    }

    private static func cells(of waiting: WaitingMessage, _ clock: SessionClock, withPayload: Bool) -> [Cell]
    {
        let message = waiting.message
        var cells: [Cell] = [
            .text(waiting.place.rawValue), Cell(message.map { String(bytes: $0.topic) }),
            .integer(Int(waiting.qos.rawValue)), .boolean(waiting.isRetained),
            waiting.packetIdentifier == 0 ? .null : .integer(Int(waiting.packetIdentifier)),
            Cell(message?.payload.byteCount), Cell(message?.facts.receivedAt.map(clock.age)),
            Cell(message?.facts.expiryDeadline.flatMap(clock.secondsLeft)),
            Cell(waiting.sentAt.map(clock.age)),
        ]
        if withPayload {
            cells.append(Cell(message.map { String(bytes: $0.payload, SessionColumn.payloadLimit) }))
        }
        return cells
    }

    private func purgeQueue(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let subscriber = subscriber(invocation)
        var count = 0
        var isMore = true
        var isThere = false
        while isMore, !output.isCancelled,
            let slice = try runtime.ask(homeOf: subscriber, { $0.purgeQueue(of: subscriber) })
        {
            isThere = true
            count += slice.count
            isMore = slice.isMore
            if isMore { output.progress("messages", done: count, total: nil) }
        }
        guard isThere || output.isCancelled else { throw try noSession(of: subscriber, invocation) }
        output.text("\(count) messages dropped")
    }
}

/// What `client show` says of a session, line by line.
private struct ClientFacts {
    let rows: [[Cell]]

    init(_ facts: SessionFacts, _ clock: SessionClock) {
        var rows: [[Cell]] = []
        func add(_ item: String, _ cell: Cell) { rows.append([.text(item), cell]) }
        add("client_id", .text("\(facts.subscriber.clientID)"))
        add("mountpoint", .text("\(facts.subscriber.mountpoint.name)"))
        add("state", .text(facts.isOnline ? "online" : "offline"))
        add("home_loop", .integer(facts.loop))
        if let connection = facts.connection {
            add("peer", .text("\(connection.peer.address):\(connection.peer.port)"))
            add("listener", .text(connection.listener))
            add("user", connection.userName.map { .text("\($0)") } ?? .undefined)
            add("protocol", .integer(Int(connection.protocolLevel)))
            add("keep_alive_seconds", .integer(Int(connection.keepAlive)))
            add("connected_seconds", .integer(clock.age(connection.connectedAt)))
            add("last_packet_seconds_ago", .integer(clock.age(connection.lastPacketAt)))
            add("output_blocked", .boolean(connection.isBlocked))
            add("connections", .integer(facts.connectionCount))
            add("packets_received", .text(Self.text(connection.received, Self.receivedTypes)))
            add("packets_sent", .text(Self.text(connection.sent, Self.sentTypes)))
        }
        add("session_seconds", .integer(clock.age(facts.startedAt)))
        add(
            "session_expiry_interval",
            facts.expiryInterval == .max ? .text("never") : .integer(Int(facts.expiryInterval)))
        add("expires_in_seconds", Cell(facts.expiryDeadline.flatMap(clock.secondsLeft)))
        add("stored", .boolean(facts.isStored))
        add("subscriptions", .integer(facts.subscriptionCount))
        add("queued_messages", .integer(facts.queuedCount))
        add("queued_in_store_alone", .integer(facts.spilledCount))
        add("queued_bytes", .integer(facts.queuedByteCount))
        add("oldest_queued_seconds", Cell(facts.oldestQueuedAt.map(clock.age)))
        add("inflight_messages", .integer(facts.inflightCount))
        add("oldest_inflight_seconds", Cell(facts.oldestInflightAt.map(clock.age)))
        let settings = facts.settings
        if let connection = facts.connection {
            // For MQTT 5 the client says so itself, for MQTT 3 the broker.
            add("max_inflight_messages", .integer(connection.receiveMaximum))
            add(
                "client_maximum_packet_size",
                connection.maximumPacketSize == 0 ? .null : .integer(connection.maximumPacketSize))
            add("client_topic_alias_maximum", .integer(connection.topicAliasMaximum))
        } else {
            add("max_inflight_messages", .integer(settings.maxInflightMessages))
        }
        add("max_online_messages", .integer(settings.maxOnlineMessages))
        add("max_offline_messages", .integer(settings.maxOfflineMessages))
        add("max_message_rate", .integer(settings.maxMessageRate))
        add("max_message_size", .integer(settings.maxMessageSize))
        add("queue_type", .text(settings.queueType.rawValue))
        if let will = facts.will {
            add("will_topic", .text("\(will.topic)"))
            add("will_qos", .integer(Int(will.qos.rawValue)))
            add("will_retain", .boolean(will.isRetained))
            add("will_delay_seconds", .integer(Int(will.delayInterval)))
            add("will_size", .integer(will.payload.count))
        } else {
            add("will_topic", .null)
        }
        add("last_error", Cell(facts.lastError.map { $0.kind.text }))
        add("last_error_seconds_ago", Cell(facts.lastError.map { clock.age($0.at) }))
        self.rows = rows
    }

    private static let receivedTypes: [PacketType] = [
        .publish, .puback, .pubrec, .pubrel, .pubcomp, .subscribe, .unsubscribe, .pingreq, .auth,
    ]
    private static let sentTypes: [PacketType] = [
        .publish, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .pingresp, .auth,
    ]

    /// `publish 12, puback 3`: those of which there were any.
    private static func text(_ tally: PacketTally, _ types: [PacketType]) -> String {
        let counted = types.filter { tally[$0] > 0 }.map { "\($0) \(tally[$0])" }
        return counted.isEmpty ? "none" : counted.joined(separator: ", ")
    }
}

extension LastError.Kind {
    /// With the reason as the metrics label it.
    fileprivate var text: String {
        switch self {
        case .disconnected(let reason): "disconnected: \(reason.label)"
        case .publishRefused(let reason): "publish refused: \(reason.label)"
        case .messageLost(let reason): "message lost: \(reason.label)"
        case .subscriptionRefused: "subscription refused"
        }
    }
}

/// Whether a subscription's filter matches a topic, or is the very filter that was asked for.
enum TopicMatch {
    /// - Parameters:
    ///   - filter: of a subscription, `$share/group/…` included.
    ///   - wanted: a topic name, or a filter.
    static func matches(_ filter: UTF8Text, _ wanted: UTF8Text) -> Bool {
        if filter == wanted { return true }
        // A filter is asked for: no other one is it.
        guard !wanted.bytes.contains(UInt8(ascii: "#")), !wanted.bytes.contains(UInt8(ascii: "+")) else {
            return false
        }
        var levels = filter.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        if levels.first.map({ $0.elementsEqual("$share".utf8) }) == true, levels.count > 2 {
            levels = levels.dropFirst(2)
        }
        let topic = wanted.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // Wildcards at the first level do not match topics that begin with `$` [MQTT-4.7.2-1].
        if wanted.bytes.first == UInt8(ascii: "$"),
            levels.first?.first.map({ $0 == 0x23 || $0 == 0x2B }) == true
        {
            return false
        }
        var index = 0
        for level in levels {
            if level.elementsEqual("#".utf8) { return true }
            guard index < topic.count, level.elementsEqual("+".utf8) || level.elementsEqual(topic[index])
            else {
                return false
            }
            index += 1
            // `sport/#` matches `sport` too.
            if index == topic.count, levels.count == index + 1, levels.last?.elementsEqual("#".utf8) == true {
                return true
            }
        }
        return index == topic.count
    }
}
