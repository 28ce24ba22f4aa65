/// PUBACK, PUBREC, PUBREL or PUBCOMP (§3.4 to §3.7): they have one form.
public struct AckPacket: Equatable, Sendable {
    /// The Packet Identifier; not 0 in a decoded packet.
    public var packetIdentifier: PacketIdentifier
    /// Always success before MQTT 5.
    public var reasonCode: ReasonCode
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(
        packetIdentifier: PacketIdentifier, reasonCode: ReasonCode = .success,
        properties: Properties = Properties()
    ) {
        self.packetIdentifier = packetIdentifier
        self.reasonCode = reasonCode
        self.properties = properties
    }
}

/// The part of an `AckPacket` that a session acts on, decoded in place; allocates nothing.
public struct AckHeader: Equatable, Sendable, BitwiseCopyable {
    /// Not 0.
    public let packetIdentifier: PacketIdentifier
    /// Always success before MQTT 5.
    public let reasonCode: ReasonCode
    /// The bytes of the properties without their length, checked. Empty before MQTT 5.
    public let properties: ByteRange

    /// - Parameters:
    ///   - type: PUBACK, PUBREC, PUBREL or PUBCOMP.
    ///   - body: the bytes behind the fixed header, all of them.
    public static func decode(
        _ type: PacketType, body: RawSpan, version: ProtocolVersion
    ) throws(MalformedPacket) -> AckHeader {
        var reader = PacketReader(body, of: type)
        let identifier = try reader.readPacketIdentifier()
        // MQTT 5 leaves out what is success and empty: 2 bytes, 3 bytes, or more (§3.4.2.1).
        guard version == .v5, reader.remaining > 0 else {
            try reader.end()
            return AckHeader(
                packetIdentifier: identifier, reasonCode: .success, properties: ByteRange(offset: 2, count: 0)
            )
        }
        let reasonCode = try reader.readReasonCode()
        var properties = ByteRange(offset: reader.offset, count: 0)
        if reader.remaining > 0 {
            properties = try reader.readPropertyRange()
            try reader.end()
            var scanner = PropertyScanner(body, properties, of: .publishAck, in: type)
            while try scanner.next() != nil {}
        }
        return AckHeader(packetIdentifier: identifier, reasonCode: reasonCode, properties: properties)
    }
}

extension AckPacket {
    /// Decodes the body of one of these packets, with its properties.
    ///
    /// - Parameters:
    ///   - type: PUBACK, PUBREC, PUBREL or PUBCOMP.
    ///   - body: the bytes after the fixed header, all of them.
    public static func decode(
        _ type: PacketType, body: RawSpan, version: ProtocolVersion
    ) throws(MalformedPacket) -> AckPacket {
        let header = try AckHeader.decode(type, body: body, version: version)
        return AckPacket(
            packetIdentifier: header.packetIdentifier, reasonCode: header.reasonCode,
            properties: try Properties.decode(body, header.properties, of: .publishAck, in: type))
    }

    /// In MQTT 5 a plain success has 2 bytes; anything else has the property length too, as VerneMQ writes
    /// it.
    ///
    /// - Parameter type: PUBACK, PUBREC, PUBREL or PUBCOMP.
    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(_ type: PacketType, version: ProtocolVersion, into writer: inout PacketWriter) -> Bool
    {
        writer.writePacket(type) { writer in
            writer.write(packetIdentifier)
            guard version == .v5, reasonCode != .success || !properties.isEmpty else { return }
            writer.write(reasonCode.rawValue)
            writer.write(properties, of: .publishAck, version: version)
        }
    }
}
