/// DISCONNECT (§3.14).
public struct DisconnectPacket: Equatable, Sendable {
    /// Success is "normal disconnection". Always that before MQTT 5.
    public var reasonCode: ReasonCode
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(reasonCode: ReasonCode = .success, properties: Properties = Properties()) {
        self.reasonCode = reasonCode
        self.properties = properties
    }
}

extension DisconnectPacket {
    /// Decodes the body of a DISCONNECT packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(
        body: RawSpan, version: ProtocolVersion
    ) throws(MalformedPacket) -> DisconnectPacket {
        var reader = PacketReader(body, of: .disconnect)
        // MQTT 5 leaves out what is normal and empty: 0 bytes, 1 byte, or more (§3.14.2.1).
        guard version == .v5, reader.remaining > 0 else {
            try reader.end()
            return DisconnectPacket()
        }
        let reasonCode = try reader.readReasonCode()
        guard reader.remaining > 0 else { return DisconnectPacket(reasonCode: reasonCode) }
        let properties = try reader.readProperties(of: .disconnect, version: version)
        try reader.end()
        return DisconnectPacket(reasonCode: reasonCode, properties: properties)
    }

    /// In MQTT 5 a plain success has no body, and what has no properties no property length (§3.14.2.2.1).
    ///
    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.disconnect) { writer in
            guard version == .v5, reasonCode != .success || !properties.isEmpty else { return }
            writer.write(reasonCode.rawValue)
            if !properties.isEmpty { writer.write(properties, of: .disconnect, version: version) }
        }
    }
}
