import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// The one way out for a packet. It knows what the client takes, and counts what it is sent.
///
///     control packets ──┐                ┌─ the client's Maximum Packet Size
///     acknowledgements ─┼─ ClientOutput ─┼─ its Topic Alias Maximum
///     PUBLISH ──────────┘                └─ written() ─→ counters          OutputBuffer → socket, at the end of the turn
///
/// It lies in its session and is never copied, so no reference is counted with a packet; a connection that has no
/// session yet makes one to send its refusal. Each function is told the shard, whose counters and buffers it uses.
struct ClientOutput: ~Copyable {
    /// nil = there is no connection, and nothing is written.
    private let buffer: OutputBuffer?
    /// The version of MQTT that the client speaks, or spoke when it was last connected.
    let version: ProtocolVersion
    /// The client's Maximum Packet Size in bytes; 0 = it has named none.
    let packetSizeLimit: UInt32
    /// nil = the client takes no topic aliases.
    private var aliases: OutgoingTopicAliases?
    /// nil = nobody watches the connection.
    var watch: ConnectionWatch?
    /// When the connection began: what was published before is not measured (`Residence`).
    private let beganAt: MonotonicTime
    /// Packets that were written to this connection.
    private(set) var sent = PacketTally()

    /// The output of a client that has no connection.
    init(version: ProtocolVersion) {
        buffer = nil
        self.version = version
        packetSizeLimit = 0
        aliases = nil
        watch = nil
        beganAt = MonotonicTime(nanoseconds: 0)
    }

    /// - Parameter packetSizeLimit: bytes; 0 = none.
    init(
        _ buffer: OutputBuffer, version: ProtocolVersion, packetSizeLimit: UInt32 = 0,
        aliases: OutgoingTopicAliases? = nil, watch: ConnectionWatch? = nil,
        beganAt: MonotonicTime = MonotonicTime(nanoseconds: 0)
    ) {
        self.buffer = buffer
        self.version = version
        self.packetSizeLimit = packetSizeLimit
        self.aliases = aliases
        self.watch = watch
        self.beganAt = beganAt
    }

    /// Calls `body` with the buffer, if there is a connection, without counting a reference: that was four of the
    /// seventeen of a QoS 1 message.
    ///
    /// Safe because `body` does nothing but append: no code that could end the connection, and with it this value,
    /// runs before it returns.
    @inline(__always)
    private func withBuffer<Result>(_ body: (OutputBuffer) -> Result) -> Result? {
        guard let buffer = unsafe buffer.map({ unsafe Unmanaged.passUnretained($0) }) else { return nil }
        return unsafe buffer._withUnsafeGuaranteedRef { body($0) }
    }

    /// Topic aliases that the client takes; 0 = none.
    var aliasMaximum: Int { aliases.map { Int($0.maximum) } ?? 0 }

    /// Whether there is a connection.
    var isOpen: Bool { buffer != nil }

    /// Bytes that wait for the client to take them.
    var byteCount: Int { buffer?.byteCount ?? 0 }

    /// Whether the client does not take what it is sent: over 256 KiB wait. Always false without a connection.
    var isBlocked: Bool { buffer?.isBlocked == true }

    // MARK: Control packets

    /// Writes a packet that is neither PUBLISH nor an acknowledgement of one. Where it is too large for the client, it
    /// goes without its reason string and user properties; where that is not enough, it does not go [MQTT-3.1.2-24,
    /// 3.1.2-25].
    ///
    /// - Returns: false when nothing was written.
    @discardableResult
    mutating func send(_ packet: ControlPacket, from shard: Shard) -> Bool {
        guard let buffer else { return false }
        guard
            encode(packet, into: &shard.packets.writer)
                || encode(packet.withoutTexts, into: &shard.packets.writer)
        else {
            shard.log.debug(
                "packet over the client's maximum packet size is not sent",
                metadata: ["type": "\(packet.type)", "limit": .stringConvertible(packetSizeLimit)])
            return false
        }
        buffer.append(shard.packets.writer.bytes)
        written(packet.type, code: packet.sentCode, from: shard)
        if let watch { watch.saw(shard.now, isReceived: false) { packet } }
        return true
    }

    /// - Returns: false when the packet is too large.
    private func encode(_ packet: ControlPacket, into writer: inout PacketWriter) -> Bool {
        writer.removeAll()
        return packet.encode(version: version, into: &writer)
            && (packetSizeLimit == 0 || writer.bytes.count <= Int(packetSizeLimit))
    }

    /// Writes PINGRESP.
    mutating func sendPingResponse(from shard: Shard) {
        guard let buffer else { return }
        buffer.append([PacketType.pingresp.rawValue << 4, 0])
        written(.pingresp, from: shard)
        if let watch { watch.saw(shard.now, isReceived: false) { .pingresp } }
    }

    /// Writes PUBACK, PUBREC, PUBREL or PUBCOMP, in the two-byte form when there is nothing to add [MQTT5 §3.4.2.1].
    ///
    /// - Parameter code: not sent before MQTT 5, which has none.
    mutating func sendAck(
        _ type: PacketType, _ identifier: UInt16, _ code: ReasonCode = .success, from shard: Shard
    ) {
        let wireCode = version == .v5 ? code.rawValue : 0
        let isLong = wireCode != 0
        guard packetSizeLimit == 0 || packetSizeLimit >= (isLong ? 5 : 4) else { return }  // [MQTT-3.1.2-25]
        let first = type.rawValue << 4 | (type == .pubrel ? 2 : 0)
        let high = UInt8(truncatingIfNeeded: identifier >> 8)
        let low = UInt8(truncatingIfNeeded: identifier)
        let isWritten: Void? = withBuffer {
            unsafe $0.append(count: isLong ? 5 : 4) { target in
                unsafe target.storeBytes(of: first, as: UInt8.self)
                unsafe target.storeBytes(of: isLong ? 3 : 2, toByteOffset: 1, as: UInt8.self)
                unsafe target.storeBytes(of: high, toByteOffset: 2, as: UInt8.self)
                unsafe target.storeBytes(of: low, toByteOffset: 3, as: UInt8.self)
                if isLong { unsafe target.storeBytes(of: wireCode, toByteOffset: 4, as: UInt8.self) }
            }
        }
        guard isWritten != nil else { return }
        written(type, code: wireCode, from: shard)
        if watch != nil { showAck(type, identifier, code, shard.now) }
    }

    @inline(never)
    private func showAck(_ type: PacketType, _ identifier: UInt16, _ code: ReasonCode, _ now: MonotonicTime) {
        watch?.saw(now, isReceived: false) {
            .ack(
                type,
                AckPacket(packetIdentifier: PacketIdentifier(rawValue: identifier), reasonCode: code))
        }
    }

    // MARK: PUBLISH

    /// Writes PUBLISH for a copy. One of QoS 0 is delivered when the kernel has taken it (`OutputPackets.swift`), and
    /// is counted in the output until then.
    ///
    /// - Parameters:
    ///   - identifier: 0 with QoS 0.
    ///   - isCurrent: the message is the very one that is being fanned out, so its templates may be used; a queued one
    ///     is another message, and a hook may have changed this subscriber's copy.
    /// - Returns: false, with nothing written, when the packet is larger than the client takes, or than any packet of
    ///   its version [MQTT-3.1.2-25].
    @inline(__always)
    mutating func publish(
        _ publication: borrowing Publication, _ terms: DeliveryTerms, identifier: UInt16,
        isDuplicate: Bool = false, isCurrent: Bool = false, from shard: Shard
    ) -> Bool {
        guard let reference = unsafe buffer.map({ unsafe Unmanaged.passUnretained($0) }) else { return false }
        let isPlain = terms.subscriptionIdentifier == 0 && aliases == nil && packetSizeLimit == 0
        let usesTemplate = isCurrent && isPlain && !isDuplicate && shard.packets.templates.isActive
        let isWritten = unsafe reference._withUnsafeGuaranteedRef { buffer in
            usesTemplate
                ? shard.packets.templates.append(
                    publication, version, terms.qos, terms.isRetained, identifier: identifier,
                    now: shard.now, to: buffer)
                : encode(
                    publication, terms, identifier: identifier, isDuplicate: isDuplicate, now: shard.now,
                    to: buffer)
        }
        guard isWritten else { return false }
        written(.publish, from: shard)
        if watch != nil { show(publication, terms, identifier, isDuplicate: isDuplicate, shard.now) }
        if terms.qos == .atMostOnce {
            shard.counters.move(.outputMessages, by: 1)
            unsafe reference._withUnsafeGuaranteedRef { $0.countPacket() }
        }
        if isCurrent {
            let isStuck = buffer?.isStuck == true
            shard.residence.countCurrent(terms.qos, isStuck: isStuck)
            if isStuck { mark(publication, Residence.Way(terms.qos, .stuck), from: shard) }
        } else if !isDuplicate, !terms.isRetainedMessage {
            measure(publication, terms.qos, from: shard)
        }
        return true
    }

    /// Notes when the message of a copy that has waited came.
    private func measure(_ publication: borrowing Publication, _ qos: QoS, from shard: Shard) {
        let received = publication.facts.received
        guard received.nanoseconds != 0 else { return }
        var way = Residence.Way(qos, received < beganAt ? .offline : .queued)
        if buffer?.isStuck == true {
            way.insert(.stuck)
            mark(publication, way, from: shard)
        }
        shard.residence.add(received, hooks: publication.facts.hookMicroseconds, way)
    }

    /// The copy is written when the kernel takes bytes again.
    @inline(never)
    private func mark(_ publication: borrowing Publication, _ way: Residence.Way, from shard: Shard) {
        guard publication.facts.received.nanoseconds != 0 else { return }
        buffer?.mark(received: publication.facts.received, appended: shard.now, kind: way.rawValue)
    }

    @inline(never)
    private func show(
        _ publication: borrowing Publication, _ terms: DeliveryTerms, _ identifier: UInt16, isDuplicate: Bool,
        _ now: MonotonicTime
    ) {
        watch?.sent(publication, terms, identifier: identifier, isDuplicate: isDuplicate, now)
    }

    private mutating func encode(
        _ publication: borrowing Publication, _ terms: DeliveryTerms, identifier: UInt16, isDuplicate: Bool,
        now: MonotonicTime, to buffer: OutputBuffer
    ) -> Bool {
        var encoder = PublishEncoder(
            topic: publication.topic, properties: publication.properties, payload: publication.payload,
            version: version)
        encoder.qos = terms.qos
        encoder.isRetained = terms.isRetained
        encoder.isDuplicate = isDuplicate
        encoder.packetIdentifier = identifier
        if version == .v5 {
            encoder.subscriptionIdentifier = terms.subscriptionIdentifier
            if let deadline = publication.facts.expiryDeadline {
                encoder.messageExpiryInterval = UInt32(clamping: deadline.secondsRoundedUp(since: now))
            }
            let limit =
                packetSizeLimit > 0
                ? min(Int(packetSizeLimit), FixedHeader.largestPacketByteCount)
                : FixedHeader.largestPacketByteCount
            if encoder.packetByteCount > limit { return false }
            if aliases != nil {
                // The alias itself takes three bytes, which the packet may not have left.
                encoder.topicAlias = .max
                let hasRoom = encoder.packetByteCount <= limit
                encoder.topicAlias = 0
                if hasRoom, let use = aliases?.use(publication.topic) {
                    encoder.topicAlias = use.alias
                    encoder.omitsTopic = use.isKnown
                }
            }
        }
        return encoder.encode(to: buffer, sharing: publication.message?.sharedPayload)
    }

    // MARK: What was sent

    /// A packet is in the output, and is counted. Where it was written, a watcher sees it as well.
    ///
    /// - Parameter code: as sent; 0 where the packet has none.
    @inline(__always)
    private mutating func written(_ type: PacketType, code: UInt8 = 0, from shard: Shard) {
        sent.add(type)
        let (counters, label) = (shard.counters, version.label)
        switch type {
        case .publish: counters.add(.publishSent, label)
        case .puback: counters.add(.pubackSent, label, code: code)
        case .pubrec: counters.add(.pubrecSent, label, code: code)
        case .pubrel: counters.add(.pubrelSent, label, code: code)
        case .pubcomp: counters.add(.pubcompSent, label, code: code)
        case .connack: counters.add(.connackSent, label, code: code)
        case .disconnect: counters.add(.disconnectSent, label, code: code)
        case .auth: counters.add(.authSent, label, code: code)
        case .suback: counters.add(.subackSent, label)
        case .unsuback: counters.add(.unsubackSent, label)
        case .pingresp: counters.add(.pingrespSent, label)
        case .connect, .subscribe, .unsubscribe, .pingreq: break  // a broker sends none of these
        }
    }
}

extension ControlPacket {
    /// One of the four acknowledgements.
    fileprivate static func ack(_ type: PacketType, _ packet: AckPacket) -> ControlPacket {
        switch type {
        case .pubrec: .pubrec(packet)
        case .pubrel: .pubrel(packet)
        case .pubcomp: .pubcomp(packet)
        default: .puback(packet)
        }
    }

    /// The packet without reason string and user properties, which may be left out where there is no room for them
    /// [MQTT-3.2.2-19, 3.2.2-20, 3.14.2-3, 3.14.2-4, 3.15.2-2, 3.15.2-3].
    fileprivate var withoutTexts: ControlPacket {
        func trim(_ properties: inout Properties) {
            properties.reasonString = nil
            properties.userProperties = []
        }
        switch self {
        case .connack(var packet):
            trim(&packet.properties)
            return .connack(packet)
        case .disconnect(var packet):
            trim(&packet.properties)
            return .disconnect(packet)
        case .auth(var packet):
            trim(&packet.properties)
            return .auth(packet)
        default: return self  // the broker puts no such text into any other packet
        }
    }

    /// The code that its counter has as a label; 0 where there is none.
    fileprivate var sentCode: UInt8 {
        switch self {
        case .connack(let packet): packet.code
        case .disconnect(let packet): packet.reasonCode.rawValue
        case .auth(let packet): packet.reasonCode.rawValue
        default: 0
        }
    }
}
