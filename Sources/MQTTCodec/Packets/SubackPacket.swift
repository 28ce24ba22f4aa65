/// SUBACK (§3.9).
public struct SubackPacket: Equatable, Sendable {
    /// The Packet Identifier; not 0 in a decoded packet.
    public var packetIdentifier: PacketIdentifier
    /// As on the wire, one for each filter: a `ReasonCode` of MQTT 5; before, the granted QoS or 0x80.
    public var codes: [UInt8]
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(packetIdentifier: PacketIdentifier, codes: [UInt8], properties: Properties = Properties()) {
        self.packetIdentifier = packetIdentifier
        self.codes = codes
        self.properties = properties
    }
}

extension SubackPacket {
    /// Decodes the body of a SUBACK packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(body: RawSpan, version: ProtocolVersion) throws(MalformedPacket)
        -> SubackPacket
    {
        var reader = PacketReader(body, of: .suback)
        let identifier = try reader.readPacketIdentifier()
        let properties = try reader.readProperties(of: .suback, version: version)
        guard reader.remaining > 0 else { throw reader.problem(.emptyPayload, at: reader.offset) }
        var codes: [UInt8] = []
        codes.reserveCapacity(reader.remaining)
        while reader.remaining > 0 {
            let code = try reader.readReasonCode()
            guard version == .v5 || code.rawValue <= 0x80 else {
                throw reader.problem(.reasonCodeInvalid, at: reader.offset &- 1)
            }
            codes.append(code.rawValue)
        }
        return SubackPacket(packetIdentifier: identifier, codes: codes, properties: properties)
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.suback) { writer in
            writer.write(packetIdentifier)
            writer.write(properties, of: .suback, version: version)
            writer.write(raw: codes)
        }
    }
}
