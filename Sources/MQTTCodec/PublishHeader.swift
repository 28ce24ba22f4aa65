import Primitives

/// Who sent a packet, where the rules differ.
public enum PacketSender: Sendable, BitwiseCopyable {
    case client
    case server
}

/// One PUBLISH, decoded in place: the hot path. Holds no bytes, only where they lie in the packet's body, so
/// decoding allocates nothing.
///
///     body   | topic length | topic | packet identifier | property length | properties | payload |
///                            ^topic   only QoS 1 and 2     only MQTT 5       ^properties  ^payload
public struct PublishHeader: Sendable, BitwiseCopyable, Equatable {
    /// The QoS that it was sent with.
    public let qos: QoS
    /// Always false for QoS 0. A client that sets DUP there [MQTT-3.3.1-2] is forgiven, as by VerneMQ.
    public let isDuplicate: Bool
    /// The RETAIN flag.
    public let isRetained: Bool
    /// 0 for QoS 0, else not 0.
    public let packetIdentifier: UInt16
    /// Empty only in MQTT 5 with a topic alias.
    public let topic: ByteRange
    /// 0 when the topic is empty.
    public let topicLevelCount: Int
    /// The bytes of the properties without their length, checked. Empty before MQTT 5.
    public let properties: ByteRange
    /// True when `properties` may be sent on as they are: neither Topic Alias nor Message Expiry Interval nor
    /// Subscription Identifier among them.
    public let propertiesAreForwardable: Bool
    /// 0: none.
    public let topicAlias: UInt16
    /// In seconds.
    public let messageExpiryInterval: UInt32?
    /// The Payload Format Indicator. The payload is not checked against it.
    public let payloadFormatIsUTF8: Bool
    /// The payload; may be empty.
    public let payload: ByteRange

    /// - Parameters:
    ///   - flags: the lower half of the packet's first byte.
    ///   - body: the bytes behind the fixed header, all of them.
    ///   - sender: a client must not send Subscription Identifiers.
    /// - Complexity: O(topic + properties); the payload is not looked at.
    public static func decode(
        flags: UInt8, body: RawSpan, version: ProtocolVersion, from sender: PacketSender = .client
    ) throws(MalformedPacket) -> PublishHeader {
        guard let qos = QoS(rawValue: (flags >> 1) & 0b11) else {
            throw MalformedPacket(.qos3, at: 0, in: .publish)
        }
        let byteCount = body.byteCount
        guard byteCount >= 2 else { throw MalformedPacket(.truncated, at: byteCount, in: .publish) }
        let topic = ByteRange(offset: 2, count: Int(body.bigEndianUInt16(at: 0)))
        guard topic.end <= byteCount else { throw MalformedPacket(.truncated, at: byteCount, in: .publish) }

        var offset = topic.end
        var packetIdentifier: UInt16 = 0
        if qos != .atMostOnce {
            guard byteCount &- offset >= 2 else {
                throw MalformedPacket(.truncated, at: byteCount, in: .publish)
            }
            packetIdentifier = body.bigEndianUInt16(at: offset)
            guard packetIdentifier != 0 else {
                throw MalformedPacket(.packetIdentifierZero, at: offset, in: .publish)
            }
            offset &+= 2
        }

        var facts = PropertyFacts(range: ByteRange(offset: offset, count: 0))
        if version == .v5 {
            if offset < byteCount, body.octet(at: offset) == 0 {
                facts.range = ByteRange(offset: offset &+ 1, count: 0)
            } else {
                facts = try PropertyFacts.scan(body, at: offset, from: sender)
            }
            offset = facts.range.end
        }

        var topicLevelCount = 0
        if topic.count > 0 || facts.topicAlias == 0 {
            topicLevelCount = try TopicName.levelCount(body, topic, in: .publish)
        }
        return PublishHeader(
            qos: qos, isDuplicate: flags & 0b1000 != 0 && qos != .atMostOnce, isRetained: flags & 1 != 0,
            packetIdentifier: packetIdentifier, topic: topic, topicLevelCount: topicLevelCount,
            properties: facts.range, propertiesAreForwardable: facts.areForwardable,
            topicAlias: facts.topicAlias,
            messageExpiryInterval: facts.messageExpiryInterval,
            payloadFormatIsUTF8: facts.payloadFormatIsUTF8,
            payload: ByteRange(offset: offset, count: byteCount &- offset))
    }

    /// The property bytes to pass on to subscribers: all but what belongs to one hop (Topic Alias,
    /// Subscription Identifier) and Message Expiry Interval, which is written anew. Order kept
    /// [MQTT-3.3.2-18].
    public func forwardedProperties(in body: RawSpan) -> [UInt8] {
        guard !propertiesAreForwardable else { return properties.bytes(in: body).copiedBytes() }
        var forwarded: [UInt8] = []
        forwarded.reserveCapacity(properties.count)
        var scanner = PropertyScanner(body, properties, of: .publish, in: .publish)
        // Checked when the header was decoded, so nothing is thrown here.
        while let property = try? scanner.next() {
            guard !property.identifier.staysWithThisHop else { continue }
            for index in property.range.offset..<property.range.end {
                forwarded.append(body.octet(at: index))
            }
        }
        return forwarded
    }
}

extension PropertyIdentifier {
    fileprivate var staysWithThisHop: Bool {
        self == .topicAlias || self == .messageExpiryInterval || self == .subscriptionIdentifier
    }
}

/// What routing wants to know of a PUBLISH's properties.
private struct PropertyFacts: BitwiseCopyable {
    var range: ByteRange
    var areForwardable = true
    var topicAlias: UInt16 = 0
    var messageExpiryInterval: UInt32?
    var payloadFormatIsUTF8 = false

    init(range: ByteRange) {
        self.range = range
    }

    @inline(never)
    static func scan(
        _ body: RawSpan, at offset: Int, from sender: PacketSender
    ) throws(MalformedPacket) -> PropertyFacts {
        var reader = PacketReader(body, of: .publish)
        reader.skip(to: offset)
        let range = try reader.readPropertyRange()
        var facts = PropertyFacts(range: range)
        var scanner = PropertyScanner(body, range, of: .publish, in: .publish)
        while let property = try scanner.next() {
            if property.identifier.staysWithThisHop { facts.areForwardable = false }
            switch property.identifier {
            case .topicAlias: facts.topicAlias = UInt16(truncatingIfNeeded: property.number)
            case .messageExpiryInterval: facts.messageExpiryInterval = property.number
            case .payloadFormatIndicator: facts.payloadFormatIsUTF8 = property.number == 1
            case .subscriptionIdentifier where sender == .client:
                throw reader.problem(.subscriptionIdentifierFromClient, at: property.range.offset)
            default: break
            }
        }
        return facts
    }
}
