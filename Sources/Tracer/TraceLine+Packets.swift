import MQTTCodec
import Primitives

extension TraceLine {
    /// `<0.812.0> MQTT RECV: CID: "client" `.
    mutating func putPrefix(
        _ subject: TraceSubject, _ direction: TraceDirection, hidesMountpoint: Bool = false
    ) {
        put(subject.token)
        put(" ")
        put(direction.text)
        if !subject.mountpoint.isEmpty, !hidesMountpoint {
            put("MP: ")
            put(quoted: UTF8Text(subject.mountpoint))
            put(" ")
        }
        put("CID: ")
        put(quoted: subject.clientID)
        put(" ")
    }

    mutating func put(_ packet: ControlPacket, version: ProtocolVersion) {
        switch packet {
        case .connect(let packet): put(packet)
        case .connack(let packet): put(packet, version: version)
        case .publish(let packet):
            unsafe put(
                TracePublish(
                    topic: packet.topic.bytes.span.bytes, payload: packet.payload.span.bytes, qos: packet.qos,
                    isDuplicate: packet.isDuplicate, isRetained: packet.isRetained,
                    packetIdentifier: packet.packetIdentifier?.rawValue ?? 0, properties: packet.properties))
        case .puback(let ack): put(ack, .puback, "PUBACK", version: version)
        case .pubrec(let ack): put(ack, .pubrec, "PUBREC", version: version)
        case .pubrel(let ack): put(ack, .pubrel, "PUBREL", version: version)
        case .pubcomp(let ack): put(ack, .pubcomp, "PUBCOMP", version: version)
        case .subscribe(let packet):
            put("SUBSCRIBE(m")
            put(packet.packetIdentifier.rawValue)
            put(") with topics:\n")
            putLines(packet.filters, version: version)
            putLine(packet.properties)
        case .suback(let packet): put(packet, version: version)
        case .unsubscribe(let packet):
            put("UNSUBSCRIBE(m")
            put(packet.packetIdentifier.rawValue)
            put(version == .v5 ? ") with topics:\n" : ")\n")
            if version == .v5 { putLines(packet.filters) }
            putLine(packet.properties)
        case .unsuback(let packet): put(packet, version: version)
        case .pingreq: put("PINGREQ()\n")
        case .pingresp: put("PINGRESP()\n")
        case .disconnect(let packet):
            put("DISCONNECT(")
            if version == .v5 {
                put("rc:")
                put(packet.reasonCode, in: .disconnect)
            }
            put(")\n")
            putLine(packet.properties)
        case .auth(let packet):
            put("AUTH(rc:")
            put(packet.reasonCode, in: .auth)
            put(")\n")
            putLine(packet.properties)
        }
    }

    mutating func put(_ publish: borrowing TracePublish) {
        put("PUBLISH(d")
        put(flag: publish.isDuplicate)
        put(", q")
        put(publish.qos.rawValue)
        put(", r")
        put(flag: publish.isRetained)
        put(", m")
        put(publish.packetIdentifier)
        put(", \"")
        put(text: publish.topic)
        put("\") with payload:\n")
        putLine(payload: publish.payload, limit: style.payloadByteCount)
        putLine(publish.properties)
    }

    private mutating func put(_ packet: ConnectPacket) {
        let isV5 = packet.version == .v5
        put("CONNECT(c: ")
        put(packet.clientID)
        put(", v: ")
        put(packet.protocolLevel)
        put(", u: ")
        put(userName: packet.userName)
        put(", p: pw_no_print, cs: ")
        put(packet.cleanStart, asWord: isV5)
        put(", ka: ")
        put(packet.keepAlive)
        put(")\n")
        putLine(packet.properties)
        guard let will = packet.will else { return }
        put("    with LWT(wr: ")
        put(will.isRetained, asWord: isV5)
        put(", wq: ")
        put(will.qos.rawValue)
        put(", wt: ")
        put(will.topic)
        put(") with payload:\n")
        unsafe putLine(payload: will.payload.span.bytes, limit: style.payloadByteCount)
        putLine(will.properties)
    }

    mutating func put(userName: UTF8Text?) {
        if let userName { put(userName) } else { put("undefined") }
    }

    private mutating func put(_ value: Bool, asWord: Bool) {
        if asWord { put(value) } else { put(flag: value) }
    }

    private mutating func put(_ packet: ConnackPacket, version: ProtocolVersion) {
        put("CONNACK(sp: ")
        put(flag: packet.isSessionPresent)
        put(", rc: ")
        if version == .v5, let code = ReasonCode(rawValue: packet.code) {
            put(code, in: .connack)
        } else {
            put(packet.code)
        }
        put(")\n")
        putLine(packet.properties)
    }

    private mutating func put(
        _ ack: AckPacket, _ type: PacketType, _ name: String, version: ProtocolVersion
    ) {
        put(name)
        put("(m")
        put(ack.packetIdentifier.rawValue)
        if version == .v5 {
            // VerneMQ closes the bracket of the others too early.
            put(type == .puback || !style.compatibility ? ", rc: " : "), rc: ")
            put(ack.reasonCode, in: type)
        }
        put(")\n")
        putLine(ack.properties)
    }

    private mutating func put(_ packet: SubackPacket, version: ProtocolVersion) {
        put("SUBACK(m")
        put(packet.packetIdentifier.rawValue)
        if version == .v5 {
            put(", reason_codes:")
            put(codes: packet.codes)
        } else {
            put(", qt")
            put(
                .list(
                    packet.codes.prefix(style.listCount + 1).map { code in
                        code == 0x80 ? .atom("not_allowed") : .integer(Int64(code))
                    }))
        }
        put(")\n")
        putLine(packet.properties)
    }

    private mutating func put(_ packet: UnsubackPacket, version: ProtocolVersion) {
        put("UNSUBACK(m")
        put(packet.packetIdentifier.rawValue)
        if version == .v5 {
            put(", reason_codes:")
            put(codes: packet.codes)
        }
        put(")\n")
        putLine(packet.properties)
    }

    private mutating func put(codes: [UInt8]) {
        put(.list(codes.prefix(style.listCount + 1).map { .integer(Int64($0)) }))
    }
}
