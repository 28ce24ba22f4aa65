import Primitives

/// CONNACK (§3.2).
public struct ConnackPacket: Equatable, Sendable {
    /// Not in MQTT 3.1, where the byte is reserved.
    public var isSessionPresent: Bool
    /// As on the wire: a `ReasonCode` of MQTT 5, a `ConnectReturnCode` before.
    public var code: UInt8
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(isSessionPresent: Bool = false, code: UInt8, properties: Properties = Properties()) {
        self.isSessionPresent = isSessionPresent
        self.code = code
        self.properties = properties
    }

    /// A packet of MQTT 5.
    public init(
        isSessionPresent: Bool = false, reasonCode: ReasonCode, properties: Properties = Properties()
    ) {
        self.init(isSessionPresent: isSessionPresent, code: reasonCode.rawValue, properties: properties)
    }

    /// A packet of MQTT 3.1 or 3.1.1.
    public init(isSessionPresent: Bool = false, returnCode: ConnectReturnCode) {
        self.init(isSessionPresent: isSessionPresent, code: returnCode.rawValue)
    }
}

extension ConnackPacket {
    /// Decodes the body of a CONNACK packet.
    ///
    /// - Parameter body: the bytes after the fixed header, all of them.
    /// - Throws: `MalformedPacket`, at an offset from the first byte of the body.
    public static func decode(body: RawSpan, version: ProtocolVersion) throws(MalformedPacket)
        -> ConnackPacket
    {
        var reader = PacketReader(body, of: .connack)
        let flags = try reader.readUInt8()
        guard flags <= (version == .v31 ? 0 : 1) else { throw reader.problem(.reservedConnackFlags, at: 0) }
        let code: UInt8
        if version == .v5 {
            code = try reader.readReasonCode().rawValue
        } else {
            code = try reader.readUInt8()
            guard ConnectReturnCode(rawValue: code) != nil else {
                throw reader.problem(.reasonCodeInvalid, at: 1)
            }
        }
        let properties = try reader.readProperties(of: .connack, version: version)
        try reader.end()
        return ConnackPacket(isSessionPresent: flags == 1, code: code, properties: properties)
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.connack) { writer in
            writer.write(isSessionPresent && version != .v31 ? 1 : 0 as UInt8)
            writer.write(code)
            writer.write(properties, of: .connack, version: version)
        }
    }
}
