public import Primitives

/// UNSUBSCRIBE (§3.10).
public struct UnsubscribePacket: Equatable, Sendable {
    /// The Packet Identifier; not 0 in a decoded packet.
    public var packetIdentifier: PacketIdentifier
    /// At least one, each valid, in the order of the packet.
    public var filters: [UTF8Text]
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(
        packetIdentifier: PacketIdentifier, filters: [UTF8Text], properties: Properties = Properties()
    ) {
        self.packetIdentifier = packetIdentifier
        self.filters = filters
        self.properties = properties
    }
}

extension UnsubscribePacket {
    /// Decodes the body of a UNSUBSCRIBE packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(
        body: RawSpan, version: ProtocolVersion
    ) throws(MalformedPacket) -> UnsubscribePacket {
        var decoder = Decoder()
        var all = FilterListPart.all
        guard let packet = try decoder.decode(body, version: version, part: &all) else {
            throw MalformedPacket(.truncated, at: body.byteCount, in: .unsubscribe)
        }
        return packet
    }

    /// Decodes a packet in parts; the body is the same each time.
    public struct Decoder {
        private var packet: UnsubscribePacket?
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
        ) throws(MalformedPacket) -> UnsubscribePacket? {
            var reader = PacketReader(body, of: .unsubscribe)
            if packet == nil {
                let identifier = try reader.readPacketIdentifier()
                let properties = try reader.readProperties(of: .unsubscribe, version: version)
                guard reader.remaining > 0 else { throw reader.problem(.emptyPayload, at: reader.offset) }
                packet = UnsubscribePacket(packetIdentifier: identifier, filters: [], properties: properties)
                offset = reader.offset
            }
            reader.skip(to: offset)
            while reader.remaining > 0, part.left > 0 {
                let range = try reader.readBinaryRange()
                levelCount = max(levelCount, try TopicFilter.levelCount(body, range, in: .unsubscribe))
                packet?.filters.append(UTF8Text(bytes: reader.copy(range)))
                part.spend(filterOf: range.count)
            }
            offset = reader.offset
            return reader.remaining == 0 ? packet : nil
        }
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.unsubscribe) { writer in
            writer.write(packetIdentifier)
            writer.write(properties, of: .unsubscribe, version: version)
            for filter in filters { writer.write(filter) }
        }
    }
}
