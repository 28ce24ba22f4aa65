package import BrokerMetrics
import DequeModule
import Logging
package import MQTTCodec
package import Primitives

/// One subscription of a session.
package struct Subscription: Sendable {
    /// As the client sent it, `$share/…` included.
    package var filter: UTF8Text
    package var options: SubscriptionOptions
    /// 0 = none.
    package var identifier: UInt32

    package init(filter: UTF8Text, options: SubscriptionOptions, identifier: UInt32) {
        self.filter = filter
        self.options = options
        self.identifier = identifier
    }

    /// Whether the filter begins as that of a shared subscription does.
    package var isShared: Bool { filter.bytes.starts(with: Self.sharePrefix) }

    private static let sharePrefix = Array("$share/".utf8)
}

/// All that the broker knows of one client: its subscriptions, what is under way to it, what waits for it, its
/// will. It lives on its home loop, with a connection or without one.
///
///     (new)   → online    [attach]
///     online  → offline   [detach, when the session outlives its connection]
///     online  → gone      [detach, when it does not]
///     offline → online    [attach]
///     offline → gone      [expire, or a clean start of the same client id]
///
/// A silent client owns almost nothing: every collection below is empty storage until its first element.
package final class Session {
    package let id: SubscriberID
    /// A constant, which is used without being counted each time; `Shard.forgetSessions` undoes the cycle.
    let shard: Shard
    /// The shard's: to go through the shard for them would count a reference with each use.
    let counters: LoopCounters
    package internal(set) var handle: SessionHandle { didSet { publisherHandle = handle } }
    /// A second handle that leads here: the one it had before it took that of an ended sibling.
    var formerHandle: SessionHandle?

    // The connection; nil while offline.
    package internal(set) var transport: (any ClientTransport)?
    var output: OutputBuffer?
    /// Counts attachments and detachments: a timer of an earlier connection finds another number and does nothing.
    var epoch: UInt32 = 0
    package internal(set) var connectedAt: MonotonicTime
    /// When the last packet came, at the resolution of a turn.
    var lastPacketAt: MonotonicTime

    // What CONNECT said.
    package internal(set) var version = ProtocolVersion.v311
    var isBridge = false
    package internal(set) var userName: UTF8Text?
    package internal(set) var settings: SessionSettings
    /// Seconds the session outlives its connection; `.max` = for ever.
    package internal(set) var sessionExpiryInterval: UInt32 = 0
    /// Whether CONNECT asked for a session that outlives the connection; a later DISCONNECT may not ask then.
    var connectExpiryWasZero = true
    package internal(set) var keepAlive: UInt16 = 0
    /// QoS 1 and 2 messages that may be under way to the client.
    var receiveMaximum = 20
    var window: Int { attachBatch == 0 ? receiveMaximum : 0 }
    /// Bytes; 0 = no limit.
    var maximumPacketSize: UInt32 = 0
    var requestsProblemInformation = true
    var authenticationMethod: UTF8Text?

    package internal(set) var will: WillMessage?
    package internal(set) var subscriptions = SubscriptionList()
    /// What its shared groups look at; nil until it has a shared subscription.
    var presence: SessionPresence?
    /// Sorts its shared groups by `presence`.
    var settling: MembershipSettling?
    package internal(set) var inflight = InflightWindow()
    package internal(set) var received = ReceivedPacketIdentifiers()
    package internal(set) var queue = MessageQueue()
    var incomingAliases: IncomingTopicAliases?
    var outgoingAliases: OutgoingTopicAliases?
    var retainedScans = RetainedScans()
    /// A job for them is under way.
    var isScanning = false
    /// SUBSCRIBE packets of this connection that were granted, and those of them that have been answered.
    var subscribesGranted: UInt32 = 0
    var subscribesAnswered: UInt32 = 0
    /// A SUBSCRIBE or UNSUBSCRIBE that is decoded in parts.
    var filterDecoding: FilterDecoding?
    /// The SUBSCRIBE or UNSUBSCRIBE that is being worked off; nothing further is taken meanwhile.
    var filterJob: (any DeferredJob)?
    /// Further connections of this client id, on the session that the directory knows.
    var siblings: ContiguousArray<Session> = []
    /// On a sibling: the session that the directory knows. It outlives its siblings or hands over to one.
    weak var first: Session? { didSet { publisherHandle = first?.handle ?? handle } }
    /// What no-local compares with: the session that holds this client's subscriptions.
    var publisherHandle: SessionHandle
    /// The question a hook has not answered yet.
    var pendingHook: PendingHook?
    /// The answer `on_deliver` owes for the message at the front of the queue.
    var pendingDelivery: PendingHook?
    /// Its number in the store; 0 = nothing of it is kept. Never used twice.
    package internal(set) var storeNumber: UInt64 = 0
    /// The batch that its state was last noted in, and where among its changes.
    var notedBatch: UInt64 = 0
    var notedChange = 0
    /// Identifiers in `received` that the store has.
    var storedReceived = ReceivedPacketIdentifiers()
    /// The last batch with an identifier that was received.
    var receivedBatch: UInt64 = 0
    /// The last of its QoS 2 messages that was put off.
    var receivedFanOut: UInt64 = 0
    /// Answers that promise what the store has not written yet, in order.
    var heldAnswers: Deque<HeldAnswer> = []
    /// The batch that says that the client is back: until it is committed, no PUBLISH of QoS 1 or 2 goes out. 0 = it is.
    var attachBatch: UInt64 = 0
    /// No QoS 1 copy with a higher number in the store was ever sent.
    var sentThrough: UInt64 = 0
    /// A job sends it what is left (`sendMoreLater`).
    var sendsMoreLater = false
    /// The last batch for which a QoS 1 message waits before it is sent; those behind it wait as well.
    var orderBatch: UInt64 = 0
    /// The last batch this session asked to be told of.
    var awaitedBatch: UInt64 = 0
    /// PUBLISH packets of the current second, for `max_message_rate`.
    var rateWindowStart = MonotonicTime(nanoseconds: 0)
    var rateCount = 0
    var retryTimerIsSet = false
    var willDeadline: MonotonicTime?
    /// The will's number in the store, where it lies while the session is not kept; 0 = it does not.
    var willNumber: UInt64 = 0
    package internal(set) var expiryDeadline: MonotonicTime?

    init(id: SubscriberID, shard: Shard, settings: SessionSettings, now: MonotonicTime) {
        self.id = id
        self.shard = shard
        counters = shard.counters
        self.settings = settings
        handle = SessionHandle(loop: 0, slot: 0, generation: 0)
        publisherHandle = handle
        connectedAt = now
        lastPacketAt = now
    }

    package var isOnline: Bool { transport != nil }

    /// Whether the connection may hand over its next packet.
    package var takesPackets: Bool { transport != nil && pendingHook == nil && filterJob == nil }

    // MARK: Packets

    /// Takes one packet of the client. A malformed one ends the connection.
    ///
    /// - Parameter body: the bytes after the fixed header, borrowed from the loop's buffer.
    /// - Returns: false when it has so many filters that only a part of them was looked at: call again in a later turn,
    ///   with the same packet.
    @discardableResult
    package func receive(_ header: FixedHeader, body: RawSpan) -> Bool {
        lastPacketAt = shard.now
        do throws(MalformedPacket) {
            switch header.type {
            case .publish: try receivePublish(flags: header.flags, body: body)
            case .puback, .pubrec, .pubrel, .pubcomp: try receiveAck(header, body: body)
            case .pingreq:
                guard body.byteCount == 0 else { throw MalformedPacket(.trailingBytes, at: 0, in: .pingreq) }
                counters.add(.pingreqReceived, version.label)
                counters.add(.pingrespSent, version.label)
                output?.append([0xD0, 0])
            case .subscribe, .unsubscribe: return try receiveFilters(header.type, body)
            case .disconnect: receive(try DisconnectPacket.decode(body: body, version: version))
            case .auth where version == .v5:
                receive(try AuthPacket.decode(body: body, version: version))
            case .connect, .connack, .suback, .unsuback, .pingresp, .auth:
                // A second CONNECT [MQTT-3.1.0-2], or a packet only a server sends.
                disconnect(.protocolError, .protocolError)
            }
        } catch {
            if header.type == .publish { counters.countRefusedPublish(RejectReason(error)) }
            fail(error)
        }
        return true
    }

    /// Ends the connection because of a packet that breaks the rules [MQTT-4.13.1-1].
    package func fail(_ error: MalformedPacket) {
        shard.log.debug(
            "malformed packet",
            metadata: ["client": "\(id.clientID)", "problem": "\(error)"])
        if error.problem == .packetTooLarge {
            counters.add(.invalidMessageSizeError, version.label)
            disconnect(.packetTooLarge, .packetTooLarge)
        } else {
            disconnect(error.reasonCode, .malformed)
        }
    }

    /// Tells a v5 client why, then closes. The will is published. Nothing further of this connection is taken.
    package func disconnect(_ code: ReasonCode, _ reason: CloseReason) {
        guard let transport else { return }
        if version == .v5 { send(.disconnect(DisconnectPacket(reasonCode: code, properties: Properties()))) }
        transport.close(reason)
        detach(reason)
    }

    // MARK: Sending

    /// Encodes a control packet other than PUBLISH and counts it. One that the client's Maximum Packet Size has no
    /// room for is not sent.
    ///
    /// - Returns: false when nothing was sent.
    @discardableResult
    func send(_ packet: ControlPacket) -> Bool {
        guard let output else { return false }
        let limit = version == .v5 ? maximumPacketSize : 0
        guard shard.encode(packet, version: version, limit: limit, to: output) else { return false }
        switch packet {
        case .connack(let p): counters.add(.connackSent, version.label, code: p.code)
        case .disconnect(let p): counters.add(.disconnectSent, version.label, code: p.reasonCode.rawValue)
        case .auth(let p): counters.add(.authSent, version.label, code: p.reasonCode.rawValue)
        case .suback: counters.add(.subackSent, version.label)
        case .unsuback: counters.add(.unsubackSent, version.label)
        default: break
        }
        return true
    }

    /// Sends PUBACK, PUBREC, PUBREL or PUBCOMP, in the two-byte form when there is nothing to add [MQTT5 §3.4.2.1].
    func sendAck(_ type: PacketType, _ identifier: UInt16, _ code: ReasonCode = .success) {
        guard let output else { return }
        let label = version.label
        let wireCode = version == .v5 ? code.rawValue : 0
        if maximumPacketSize > 0, maximumPacketSize < 5 {
            guard maximumPacketSize == 4, wireCode == 0 else { return }  // [MQTT-3.1.2-25]
        }
        switch type {
        case .puback: counters.add(.pubackSent, label, code: wireCode)
        case .pubrec: counters.add(.pubrecSent, label, code: wireCode)
        case .pubrel: counters.add(.pubrelSent, label, code: wireCode)
        default: counters.add(.pubcompSent, label, code: wireCode)
        }
        let first = type.rawValue << 4 | (type == .pubrel ? 2 : 0)
        let high = UInt8(truncatingIfNeeded: identifier >> 8)
        let low = UInt8(truncatingIfNeeded: identifier)
        let isLong = wireCode != 0
        unsafe output.append(count: isLong ? 5 : 4) { target in
            unsafe target.storeBytes(of: first, as: UInt8.self)
            unsafe target.storeBytes(of: isLong ? 3 : 2, toByteOffset: 1, as: UInt8.self)
            unsafe target.storeBytes(of: high, toByteOffset: 2, as: UInt8.self)
            unsafe target.storeBytes(of: low, toByteOffset: 3, as: UInt8.self)
            if isLong { unsafe target.storeBytes(of: wireCode, toByteOffset: 4, as: UInt8.self) }
        }
    }
}
