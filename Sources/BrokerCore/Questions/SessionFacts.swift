package import MQTTCodec
package import Primitives

/// A session as it is seen from outside: a value, true at the moment when it was made.
package struct SessionFacts: Sendable {
    /// Its connection, while it has one.
    package struct Connection: Sendable {
        package let peer: ClientPeer
        package let listener: String
        package let userName: UTF8Text?
        /// Seconds; 0 = none.
        package let keepAlive: UInt16
        /// Protocol level as on the wire, with VerneMQ's bit 128 for a bridge: 3, 4, 5, 131, 132.
        package let protocolLevel: UInt8
        package let connectedAt: MonotonicTime
        package let lastPacketAt: MonotonicTime
        /// A number for this connection, unique on its loop.
        package let epoch: UInt32
        /// Whether the output holds so much that deliveries wait in the queue.
        package let isBlocked: Bool
        /// Messages in flight that the client takes at once.
        package let receiveMaximum: Int
        /// Bytes; 0 = the client has named none.
        package let maximumPacketSize: Int
        /// Topic aliases that the client takes; 0 = none.
        package let topicAliasMaximum: Int
        /// Packets of this connection, by type.
        package let received: PacketTally
        package let sent: PacketTally
    }

    /// The number of its home loop.
    package let loop: Int
    package let subscriber: SubscriberID
    /// A token that identifies the session on this broker (`SessionHandle.bits`).
    package let token: UInt64
    /// nil = the client is away.
    package let connection: Connection?
    package let version: ProtocolVersion
    package let isBridge: Bool
    /// When the session began, or was found in the store.
    package let startedAt: MonotonicTime
    /// Seconds the session outlives its connection; 0 = it ends with it, `.max` = it never expires.
    package let expiryInterval: UInt32
    /// When it ends; nil while it has a connection.
    package let expiryDeadline: MonotonicTime?
    /// Whether the session is in the store.
    package let isStored: Bool
    /// Its number there; it means nothing where the session is not stored.
    package let storeNumber: UInt64
    package let will: WillMessage?
    package let settings: SessionSettings
    package let subscriptionCount: Int
    /// Messages that wait, in memory and in the store alone.
    package let queuedCount: Int
    /// Of these, the ones in the store alone.
    package let spilledCount: Int
    /// Bytes of those in memory.
    package let queuedByteCount: Int
    /// QoS 1 and 2 messages that were sent and are not acknowledged.
    package let inflightCount: Int
    /// Copies that were lost since the session began, or the broker was started, as the log counts losses.
    package let lostCount: Int
    /// When the broker got the message that waits in front; nil = none waits, or it came before the broker was started.
    package let oldestQueuedAt: MonotonicTime?
    /// When the message that is in flight longest was sent; nil = none is.
    package let oldestInflightAt: MonotonicTime?
    /// What last went wrong; nil = nothing did.
    package let lastError: LastError?
    /// Connections of this client id, where a hook allows several.
    package let connectionCount: Int
    /// Whether it is a further connection of a client id, whose subscriptions another session holds.
    package let isSibling: Bool

    /// Whether the client is connected.
    package var isOnline: Bool { connection != nil }
}

/// A subscription as it is seen from outside.
package struct SubscriptionFacts: Sendable {
    /// As the client sent it, `$share/…` included.
    package let filter: UTF8Text
    package let options: SubscriptionOptions
    /// 0 = none.
    package let identifier: UInt32
}

/// A message that waits for a client, or was sent and is not acknowledged.
package struct WaitingMessage: Sendable {
    package enum Place: String, Sendable {
        case queued, inflight
        /// In the store alone.
        case stored
    }

    package let place: Place
    /// nil = the client has it, and only the end of its QoS 2 exchange is outstanding.
    package let message: ApplicationMessage?
    package let qos: QoS
    package let isRetained: Bool
    /// 0 = it has none yet.
    package let packetIdentifier: UInt16
    /// Its number in the store; 0 = it is in memory alone.
    package let storeNumber: UInt64
    /// When it was sent last; nil = it was not.
    package let sentAt: MonotonicTime?

    /// One that was read from the store.
    package init(_ copy: LoadedBacklog.Copy) {
        place = .stored
        message = copy.message
        qos = copy.terms.qos
        isRetained = copy.terms.isRetained
        packetIdentifier = copy.packetIdentifier
        storeNumber = copy.number
        sentAt = nil
    }

    init(
        place: Place, message: ApplicationMessage?, qos: QoS, isRetained: Bool, packetIdentifier: UInt16,
        storeNumber: UInt64, sentAt: MonotonicTime?
    ) {
        self.place = place
        self.message = message
        self.qos = qos
        self.isRetained = isRetained
        self.packetIdentifier = packetIdentifier
        self.storeNumber = storeNumber
        self.sentAt = sentAt
    }
}

extension Session {
    /// The session as it is now. - Complexity: constant; a subscription or a message is not looked at.
    package var facts: SessionFacts {
        let level = version == .v31 ? 3 : version == .v311 ? 4 : 5
        var seen: SessionFacts.Connection?
        if let transport = connection.transport {
            seen = SessionFacts.Connection(
                peer: transport.clientPeer, listener: transport.listenerFacts.name, userName: userName,
                keepAlive: connection.keepAlive, protocolLevel: UInt8(isBridge ? level + 128 : level),
                connectedAt: connection.connectedAt, lastPacketAt: connection.lastPacketAt,
                epoch: connection.epoch, isBlocked: connection.output.isBlocked,
                receiveMaximum: outbound.receiveMaximum,
                maximumPacketSize: Int(connection.output.packetSizeLimit),
                topicAliasMaximum: connection.output.aliasMaximum,
                received: connection.received, sent: connection.output.sent)
        }
        return SessionFacts(
            loop: shard.index, subscriber: id, token: handle.bits, connection: seen, version: version,
            isBridge: isBridge, startedAt: startedAt, expiryInterval: lifetime.expiryInterval,
            expiryDeadline: lifetime.expiryDeadline, isStored: isKept, storeNumber: record.number,
            will: lifetime.will,
            settings: settings, subscriptionCount: subscriptionHolder.subscriptions.count,
            queuedCount: outbound.queue.count, spilledCount: outbound.backlog?.count ?? 0,
            queuedByteCount: outbound.queue.byteCount, inflightCount: outbound.window.count,
            lostCount: Int(lostCount),
            oldestQueuedAt: outbound.queue.isEmptyInMemory ? nil : outbound.queue[0].message.facts.receivedAt,
            oldestInflightAt: oldestInflightAt, lastError: lastError,
            connectionCount: 1 + subscriptionHolder.siblings.count, isSibling: first != nil)
    }

    private var oldestInflightAt: MonotonicTime? {
        var oldest: MonotonicTime?
        guard outbound.window.count > 0 else { return nil }
        outbound.window.look(at: 0) { entry, _ in oldest = entry.heldFor == 0 ? entry.sentAt : nil }
        return oldest
    }

    /// Messages in flight, then those that wait in memory, each in its order.
    ///
    /// - Parameters:
    ///   - item: 0 to begin, and then where to go on; nil when all were seen. What is acknowledged meanwhile may move
    ///     others, so that one is passed over.
    ///   - limit: how many to look at at most.
    func waitingMessages(from item: inout Int?, limit: Int) -> ContiguousArray<WaitingMessage> {
        var found: ContiguousArray<WaitingMessage> = []
        guard var position = item else { return found }
        let slotCount = outbound.window.slotCount
        let end = min(position + limit, slotCount + outbound.queue.countInMemory)
        while position < end {
            if position < slotCount {
                outbound.window.look(at: position) { entry, message in
                    found.append(
                        WaitingMessage(
                            place: .inflight, message: message, qos: entry.terms.qos,
                            isRetained: entry.terms.isRetained, packetIdentifier: entry.packetIdentifier,
                            storeNumber: entry.ticket.number, sentAt: entry.heldFor == 0 ? entry.sentAt : nil)
                    )
                }
            } else {
                let copy = outbound.queue[position - slotCount]
                found.append(
                    WaitingMessage(
                        place: .queued, message: copy.message, qos: copy.qos,
                        isRetained: copy.terms.isRetained,
                        packetIdentifier: copy.ticket.identifier, storeNumber: copy.ticket.number, sentAt: nil
                    ))
            }
            position += 1
        }
        item = position < slotCount + outbound.queue.countInMemory ? position : nil
        return found
    }
}
