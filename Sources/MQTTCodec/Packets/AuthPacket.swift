/// AUTH (§3.15). Only in MQTT 5.
public struct AuthPacket: Equatable, Sendable {
    /// Success, Continue authentication or Re-authenticate.
    public var reasonCode: ReasonCode
    /// Whether the Authentication Method is there and the right one is the session's question.
    public var properties: Properties

    /// A packet with these fields.
    public init(reasonCode: ReasonCode = .success, properties: Properties = Properties()) {
        self.reasonCode = reasonCode
        self.properties = properties
    }
}

extension AuthPacket {
    /// Decodes the body of a AUTH packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(body: RawSpan, version: ProtocolVersion) throws(MalformedPacket) -> AuthPacket {
        guard version == .v5 else { throw MalformedPacket(.reservedPacketType, at: 0, in: .auth) }
        var reader = PacketReader(body, of: .auth)
        guard reader.remaining > 0 else { return AuthPacket() }
        let reasonCode = try reader.readReasonCode()
        let properties = try reader.readProperties(of: .auth, version: version)
        try reader.end()
        return AuthPacket(reasonCode: reasonCode, properties: properties)
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.auth) { writer in
            guard reasonCode != .success || !properties.isEmpty else { return }
            writer.write(reasonCode.rawValue)
            writer.write(properties, of: .auth, version: version)
        }
    }
}
