public import Primitives

/// PUBLISH (§3.3) that owns its bytes: for tests, bridges and traces. The path of a message uses
/// `PublishHeader`.
public struct PublishPacket: Equatable, Sendable {
    /// Empty only in MQTT 5 with a topic alias.
    public var topic: UTF8Text
    /// The payload; may be empty.
    public var payload: [UInt8]
    /// The QoS that it is sent with.
    public var qos: QoS
    /// False for QoS 0.
    public var isDuplicate: Bool
    /// The RETAIN flag.
    public var isRetained: Bool
    /// nil for QoS 0, and only there.
    public var packetIdentifier: PacketIdentifier?
    /// Empty before MQTT 5.
    public var properties: Properties

    /// A packet with these fields.
    public init(
        topic: UTF8Text, payload: [UInt8] = [], qos: QoS = .atMostOnce, isDuplicate: Bool = false,
        isRetained: Bool = false, packetIdentifier: PacketIdentifier? = nil,
        properties: Properties = Properties()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.isDuplicate = isDuplicate
        self.isRetained = isRetained
        self.packetIdentifier = packetIdentifier
        self.properties = properties
    }
}

extension PublishPacket {
    /// - Parameter sender: a client must not send Subscription Identifiers.
    public static func decode(
        flags: UInt8, body: RawSpan, version: ProtocolVersion, from sender: PacketSender = .server
    ) throws(MalformedPacket) -> PublishPacket {
        let header = try PublishHeader.decode(flags: flags, body: body, version: version, from: sender)
        return PublishPacket(
            topic: UTF8Text(bytes: header.topic.bytes(in: body).copiedBytes()),
            payload: header.payload.bytes(in: body).copiedBytes(), qos: header.qos,
            isDuplicate: header.isDuplicate, isRetained: header.isRetained,
            packetIdentifier: header.qos == .atMostOnce
                ? nil : PacketIdentifier(rawValue: header.packetIdentifier),
            properties: try Properties.decode(body, header.properties, of: .publish, in: .publish))
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        var flags = qos.rawValue << 1
        if isDuplicate, qos != .atMostOnce { flags |= 0b1000 }
        if isRetained { flags |= 0b0001 }
        return writer.writePacket(.publish, flags: flags) { writer in
            writer.write(topic)
            if qos != .atMostOnce { writer.write(packetIdentifier ?? PacketIdentifier(rawValue: 0)) }
            writer.write(properties, of: .publish, version: version)
            writer.write(raw: payload)
        }
    }
}
