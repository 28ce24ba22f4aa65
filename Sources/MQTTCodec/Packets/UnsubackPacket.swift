import Primitives

/// UNSUBACK (§3.11).
public struct UnsubackPacket: Equatable, Sendable {
    /// The Packet Identifier; not 0 in a decoded packet.
    public var packetIdentifier: PacketIdentifier
    /// As on the wire, one for each filter. Empty before MQTT 5.
    public var codes: [UInt8]
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(
        packetIdentifier: PacketIdentifier, codes: [UInt8] = [], properties: Properties = Properties()
    ) {
        self.packetIdentifier = packetIdentifier
        self.codes = codes
        self.properties = properties
    }
}

extension UnsubackPacket {
    /// Decodes the body of a UNSUBACK packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(body: RawSpan, version: ProtocolVersion) throws(MalformedPacket)
        -> UnsubackPacket
    {
        var reader = PacketReader(body, of: .unsuback)
        let identifier = try reader.readPacketIdentifier()
        guard version == .v5 else {
            try reader.end()
            return UnsubackPacket(packetIdentifier: identifier)
        }
        let properties = try reader.readProperties(of: .unsuback, version: version)
        guard reader.remaining > 0 else { throw reader.problem(.emptyPayload, at: reader.offset) }
        var codes: [UInt8] = []
        codes.reserveCapacity(reader.remaining)
        while reader.remaining > 0 { codes.append(try reader.readReasonCode().rawValue) }
        return UnsubackPacket(packetIdentifier: identifier, codes: codes, properties: properties)
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.unsuback) { writer in
            writer.write(packetIdentifier)
            writer.write(properties, of: .unsuback, version: version)
            if version == .v5 { writer.write(raw: codes) }
        }
    }
}
