public import Primitives

/// The options of one subscription, in the bits they have on the wire (§3.8.3.1). Before MQTT 5 only the QoS.
///
///     bit   7 6        5 4               3                     2          1 0
///           reserved   retain handling   retain as published   no local   QoS
public struct SubscriptionOptions: BitwiseCopyable, Hashable, Sendable {
    /// Always a valid byte: no reserved bit, no QoS 3, no retain handling 3.
    public let rawValue: UInt8

    /// nil when `rawValue` is not valid in MQTT 5.
    public init?(rawValue: UInt8) {
        guard rawValue & 0b1100_0000 == 0, rawValue & 0b11 != 3, rawValue & 0b0011_0000 != 0b0011_0000 else {
            return nil
        }
        self.rawValue = rawValue
    }

    /// - Parameter retainHandling: 0 send retained messages, 1 only when the subscription is new, 2 never;
    ///   more is taken as 2.
    public init(
        qos: QoS, noLocal: Bool = false, retainAsPublished: Bool = false, retainHandling: UInt8 = 0
    ) {
        rawValue =
            qos.rawValue | (noLocal ? 0b0100 : 0) | (retainAsPublished ? 0b1000 : 0) | min(retainHandling, 2)
            << 4
    }

    /// The highest the subscriber wants.
    public var qos: QoS { QoS(rawValue: rawValue & 0b11) ?? .exactlyOnce }
    /// The client's own messages are not for it.
    public var noLocal: Bool { rawValue & 0b0100 != 0 }
    /// The retain flag is passed on as the publisher set it.
    public var retainAsPublished: Bool { rawValue & 0b1000 != 0 }
    /// 0 send retained messages, 1 only when the subscription is new, 2 never.
    public var retainHandling: UInt8 { rawValue >> 4 }
}

/// One line of a SUBSCRIBE.
public struct SubscribeFilter: Equatable, Sendable {
    /// A valid filter, `$share/<group>/` included.
    public var filter: UTF8Text
    /// The QoS and the flags that the client asks for.
    public var options: SubscriptionOptions

    /// A filter with these options.
    public init(_ filter: UTF8Text, _ options: SubscriptionOptions) {
        self.filter = filter
        self.options = options
    }

    /// A filter with this QoS and all other options 0.
    public init(_ filter: UTF8Text, qos: QoS) {
        self.init(filter, SubscriptionOptions(qos: qos))
    }
}

/// SUBSCRIBE (§3.8).
public struct SubscribePacket: Equatable, Sendable {
    /// The Packet Identifier; not 0 in a decoded packet.
    public var packetIdentifier: PacketIdentifier
    /// At least one, in the order of the packet.
    public var filters: [SubscribeFilter]
    /// Empty before MQTT 5. A Subscription Identifier counts for all filters of the packet.
    public var properties: Properties

    /// A packet with these fields.
    public init(
        packetIdentifier: PacketIdentifier, filters: [SubscribeFilter], properties: Properties = Properties()
    ) {
        self.packetIdentifier = packetIdentifier
        self.filters = filters
        self.properties = properties
    }
}

extension SubscribePacket {
    /// Decodes the body of a SUBSCRIBE packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(body: RawSpan, version: ProtocolVersion) throws(MalformedPacket)
        -> SubscribePacket
    {
        var decoder = Decoder()
        var all = FilterListPart.all
        guard let packet = try decoder.decode(body, version: version, part: &all) else {
            throw MalformedPacket(.truncated, at: body.byteCount, in: .subscribe)
        }
        return packet
    }

    /// Decodes a packet in parts; the body is the same each time.
    public struct Decoder {
        private var packet: SubscribePacket?
        private var offset = 0
        /// The levels of the deepest filter so far; `$share` and the group count as two.
        public private(set) var levelCount = 0

        /// Has decoded nothing yet.
        public init() {}

        /// How many filters there are so far.
        public var filterCount: Int { packet?.filters.count ?? 0 }

        /// - Parameter part: how much to do.
        /// - Returns: the packet, or nil when there is more to decode.
        public mutating func decode(
            _ body: RawSpan, version: ProtocolVersion, part: inout FilterListPart
        ) throws(MalformedPacket) -> SubscribePacket? {
            var reader = PacketReader(body, of: .subscribe)
            if packet == nil {
                let identifier = try reader.readPacketIdentifier()
                let properties = try reader.readProperties(of: .subscribe, version: version)
                guard reader.remaining > 0 else { throw reader.problem(.emptyPayload, at: reader.offset) }
                packet = SubscribePacket(packetIdentifier: identifier, filters: [], properties: properties)
                offset = reader.offset
            }
            reader.skip(to: offset)
            while reader.remaining > 0, part.left > 0 {
                let range = try reader.readBinaryRange()
                levelCount = max(levelCount, try TopicFilter.levelCount(body, range, in: .subscribe))
                let options = try readOptions(&reader, version)
                if options.noLocal, TopicFilter.isShared(body, range) {
                    throw reader.problem(.noLocalOnSharedSubscription, at: reader.offset &- 1)
                }
                packet?.filters.append(SubscribeFilter(UTF8Text(bytes: reader.copy(range)), options))
                part.spend(filterOf: range.count)
            }
            offset = reader.offset
            return reader.remaining == 0 ? packet : nil
        }
    }

    private static func readOptions(
        _ reader: inout PacketReader, _ version: ProtocolVersion
    ) throws(MalformedPacket) -> SubscriptionOptions {
        let byte = try reader.readUInt8()
        let reserved: UInt8 = version == .v5 ? 0b1100_0000 : 0b1111_1100
        if byte & reserved != 0 { throw reader.problem(.reservedSubscriptionOptions, at: reader.offset &- 1) }
        if byte & 0b11 == 3 { throw reader.problem(.subscriptionQoS3, at: reader.offset &- 1) }
        guard let options = SubscriptionOptions(rawValue: byte) else {
            throw reader.problem(.retainHandling3, at: reader.offset &- 1)
        }
        return options
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.subscribe) { writer in
            writer.write(packetIdentifier)
            writer.write(properties, of: .subscribe, version: version)
            for line in filters {
                writer.write(line.filter)
                writer.write(version == .v5 ? line.options.rawValue : line.options.qos.rawValue)
            }
        }
    }
}
