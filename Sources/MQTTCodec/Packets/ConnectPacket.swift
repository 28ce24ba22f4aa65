public import Primitives

/// The will of a CONNECT: what the server publishes when the client goes without DISCONNECT.
public struct WillPacketFields: Equatable, Sendable {
    /// The QoS that the will is published with.
    public var qos: QoS
    /// The Will Retain flag: the will is published with RETAIN.
    public var isRetained: Bool
    /// The Will Topic; a valid topic name.
    public var topic: UTF8Text
    /// The Will Payload (the Will Message before MQTT 5), at most 65,535 bytes.
    public var payload: [UInt8]
    /// MQTT 5: the will's own properties.
    public var properties: Properties

    /// A will with these fields.
    public init(
        qos: QoS = .atMostOnce, isRetained: Bool = false, topic: UTF8Text, payload: [UInt8] = [],
        properties: Properties = Properties()
    ) {
        self.qos = qos
        self.isRetained = isRetained
        self.topic = topic
        self.payload = payload
        self.properties = properties
    }
}

/// CONNECT (§3.1).
public struct ConnectPacket: Equatable, Sendable {
    /// The version that the protocol name and level say.
    public var version: ProtocolVersion
    /// The level has bit 7 set, mosquitto's sign for "I am a bridge". Not in MQTT 5.
    public var isBridge: Bool
    /// Clean Start; "clean session" before MQTT 5.
    public var cleanStart: Bool
    /// In seconds; 0: off.
    public var keepAlive: UInt16
    /// May be empty; no length limit here.
    public var clientID: UTF8Text
    /// nil = there is none.
    public var userName: UTF8Text?
    /// nil = there is none. At most 65,535 bytes.
    public var password: [UInt8]?
    /// nil = the client has no will.
    public var will: WillPacketFields?
    /// Empty before MQTT 5. The will has properties of its own.
    public var properties: Properties

    /// The level as on the wire: 3, 4, 5, 131 or 132.
    public var protocolLevel: UInt8 { version.rawValue | (isBridge ? 0x80 : 0) }

    /// A packet with these fields.
    public init(
        version: ProtocolVersion, isBridge: Bool = false, cleanStart: Bool = true, keepAlive: UInt16 = 60,
        clientID: UTF8Text, userName: UTF8Text? = nil, password: [UInt8]? = nil,
        will: WillPacketFields? = nil,
        properties: Properties = Properties()
    ) {
        self.version = version
        self.isBridge = isBridge
        self.cleanStart = cleanStart
        self.keepAlive = keepAlive
        self.clientID = clientID
        self.userName = userName
        self.password = password
        self.will = will
        self.properties = properties
    }
}

/// The connect flags (§3.1.2.3).
private struct ConnectFlags: OptionSet {
    let rawValue: UInt8

    static let reserved = ConnectFlags(rawValue: 1 << 0)
    static let cleanStart = ConnectFlags(rawValue: 1 << 1)
    static let will = ConnectFlags(rawValue: 1 << 2)
    static let willRetain = ConnectFlags(rawValue: 1 << 5)
    static let password = ConnectFlags(rawValue: 1 << 6)
    static let userName = ConnectFlags(rawValue: 1 << 7)

    /// 3 is possible.
    var willQoS: UInt8 { (rawValue >> 3) & 0b11 }
}

extension ConnectPacket {
    /// Memory that its texts hold, in bytes, as far as clients choose it.
    public var heldByteCount: Int {
        var count = 256 + clientID.count + (userName?.count ?? 0) + (password?.count ?? 0)
        count += properties.heldByteCount
        if let will { count += will.topic.count + will.payload.count + will.properties.heldByteCount }
        return count
    }

    /// Finds the version itself.
    ///
    /// MQTT 3.1 is read as its own text has it: will QoS and will retain mean nothing without the will flag,
    /// and user name and password may be missing though their flags are set.
    public static func decode(body: RawSpan) throws(MalformedPacket) -> ConnectPacket {
        var reader = PacketReader(body, of: .connect)
        let (version, isBridge) = try readProtocol(&reader)
        let flagsOffset = reader.offset
        let flags = ConnectFlags(rawValue: try reader.readUInt8())
        try check(flags, version, at: flagsOffset)
        let keepAlive = try reader.readUInt16()
        let properties = try reader.readProperties(of: .connect, version: version)
        let clientID = try reader.readText()

        var will: WillPacketFields?
        if flags.contains(.will), let qos = QoS(rawValue: flags.willQoS) {
            let willProperties = try reader.readProperties(of: .will, version: version)
            let topic = try reader.readTopicName()
            will = WillPacketFields(
                qos: qos, isRetained: flags.contains(.willRetain), topic: topic,
                payload: try reader.readBinary(),
                properties: willProperties)
        }
        let mayLackTexts = version == .v31
        var userName: UTF8Text?
        if flags.contains(.userName), !(mayLackTexts && reader.remaining == 0) {
            userName = try reader.readText()
        }
        var password: [UInt8]?
        if flags.contains(.password), !(mayLackTexts && reader.remaining == 0) {
            password = try reader.readBinary()
        }
        try reader.end()
        return ConnectPacket(
            version: version, isBridge: isBridge, cleanStart: flags.contains(.cleanStart),
            keepAlive: keepAlive,
            clientID: clientID, userName: userName, password: password, will: will, properties: properties)
    }

    /// The version alone, from the first bytes of the body: enough to answer with a refusal.
    ///
    /// - Parameter body: as much as has come.
    /// - Returns: nil when more is needed.
    public static func decodeVersion(
        body: RawSpan, of header: FixedHeader
    ) throws(MalformedPacket) -> ProtocolVersion? {
        let longest = 2 + 6 + 1
        guard body.byteCount >= min(header.remainingLength, longest) else { return nil }
        var reader = PacketReader(body, of: .connect)
        return try readProtocol(&reader).0
    }

    /// `MQTT` with 4, 5, 0x84 or 0x83, `MQIsdp` with 3 or 0x83.
    private static func readProtocol(
        _ reader: inout PacketReader
    ) throws(MalformedPacket) -> (ProtocolVersion, isBridge: Bool) {
        let name = try reader.readBinaryRange()
        // The longest name is 6 bytes: nothing longer is copied.
        let text = name.count <= 6 ? UTF8Text(bytes: reader.copy(name)) : ""
        let isNew = text == ProtocolName.mqtt
        guard isNew || text == ProtocolName.mqisdp else {
            throw reader.problem(.unknownProtocolName, at: name.offset)
        }
        switch (isNew, try reader.readUInt8()) {
        case (false, 0x03): return (.v31, false)
        case (_, 0x83): return (.v31, true)
        case (true, 0x04): return (.v311, false)
        case (true, 0x84): return (.v311, true)
        case (true, 0x05): return (.v5, false)
        default: throw reader.problem(.unsupportedProtocolLevel, at: name.end)
        }
    }

    private static func check(
        _ flags: ConnectFlags, _ version: ProtocolVersion, at offset: Int
    ) throws(MalformedPacket) {
        // MQTT 3.1 calls the bit unused, later versions reserve it [MQTT-3.1.2-3].
        if version != .v31, flags.contains(.reserved) {
            throw MalformedPacket(.reservedConnectFlag, at: offset, in: .connect)
        }
        if flags.contains(.will) {
            guard flags.willQoS < 3 else { throw MalformedPacket(.qos3, at: offset, in: .connect) }
        } else if version != .v31, flags.willQoS != 0 || flags.contains(.willRetain) {
            throw MalformedPacket(.willFlagsInconsistent, at: offset, in: .connect)
        }
        if version != .v5, flags.contains(.password), !flags.contains(.userName) {
            throw MalformedPacket(.passwordWithoutUserName, at: offset, in: .connect)
        }
    }

    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(into writer: inout PacketWriter) -> Bool {
        writer.writePacket(.connect) { writer in
            writer.write(version == .v31 ? ProtocolName.mqisdp : ProtocolName.mqtt)
            writer.write(protocolLevel)
            writer.write(flags.rawValue)
            writer.write(keepAlive)
            writer.write(properties, of: .connect, version: version)
            writer.write(clientID)
            if let will {
                writer.write(will.properties, of: .will, version: version)
                writer.write(will.topic)
                writer.write(binary: will.payload)
            }
            if let userName { writer.write(userName) }
            if let password { writer.write(binary: password) }
        }
    }

    private var flags: ConnectFlags {
        var flags: ConnectFlags = []
        if cleanStart { flags.insert(.cleanStart) }
        if let will {
            flags.formUnion([.will, ConnectFlags(rawValue: will.qos.rawValue << 3)])
            if will.isRetained { flags.insert(.willRetain) }
        }
        if userName != nil { flags.insert(.userName) }
        if password != nil { flags.insert(.password) }
        return flags
    }
}

private enum ProtocolName {
    /// MQTT 3.1.1 and 5.
    static let mqtt: UTF8Text = "MQTT"
    /// MQTT 3.1.
    static let mqisdp: UTF8Text = "MQIsdp"
}
