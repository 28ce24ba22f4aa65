import Primitives

/// UNSUBACK (§3.11).
package struct UnsubackPacket: Equatable, Sendable {
    package var packetIdentifier: PacketIdentifier
    /// As on the wire, one for each filter. Empty before MQTT 5.
    package var codes: [UInt8]
    package var properties: Properties

    package init(
        packetIdentifier: PacketIdentifier, codes: [UInt8] = [], properties: Properties = Properties()
    ) {
        self.packetIdentifier = packetIdentifier
        self.codes = codes
        self.properties = properties
    }
}

extension UnsubackPacket {
    package static func decode(body: RawSpan, version: ProtocolVersion) throws(MalformedPacket)
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
    package func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.unsuback) { writer in
            writer.write(packetIdentifier)
            writer.write(properties, of: .unsuback, version: version)
            if version == .v5 { writer.write(raw: codes) }
        }
    }
}
