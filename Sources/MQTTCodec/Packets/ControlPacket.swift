/// Any packet, owning its bytes.
public enum ControlPacket: Equatable, Sendable {
    // Its own allocation, so that the other cases are not as large.
    indirect case connect(ConnectPacket)
    case connack(ConnackPacket)
    case publish(PublishPacket)
    case puback(AckPacket)
    case pubrec(AckPacket)
    case pubrel(AckPacket)
    case pubcomp(AckPacket)
    case subscribe(SubscribePacket)
    case suback(SubackPacket)
    case unsubscribe(UnsubscribePacket)
    case unsuback(UnsubackPacket)
    case pingreq
    case pingresp
    case disconnect(DisconnectPacket)
    case auth(AuthPacket)

    /// The kind of packet.
    public var type: PacketType {
        switch self {
        case .connect: .connect
        case .connack: .connack
        case .publish: .publish
        case .puback: .puback
        case .pubrec: .pubrec
        case .pubrel: .pubrel
        case .pubcomp: .pubcomp
        case .subscribe: .subscribe
        case .suback: .suback
        case .unsubscribe: .unsubscribe
        case .unsuback: .unsuback
        case .pingreq: .pingreq
        case .pingresp: .pingresp
        case .disconnect: .disconnect
        case .auth: .auth
        }
    }
}

extension ControlPacket {
    /// Decodes a packet.
    ///
    /// - Parameters:
    ///   - body: the `remainingLength` bytes behind `header`.
    ///   - version: the session's; a CONNECT says its own.
    ///   - sender: a client's PUBLISH must not have Subscription Identifiers.
    /// - Throws: with an offset counted from the packet's first byte.
    public static func decode(
        _ header: FixedHeader, body: RawSpan, version: ProtocolVersion, from sender: PacketSender = .server
    ) throws(MalformedPacket) -> ControlPacket {
        guard body.byteCount == header.remainingLength else {
            let problem: MalformedPacket.Problem =
                body.byteCount < header.remainingLength ? .truncated : .trailingBytes
            throw MalformedPacket(problem, at: header.packetByteCount, in: header.type)
        }
        do {
            return try decode(header.type, header.flags, body, version, sender)
        } catch {
            throw error.moved(by: error.problem == .reservedPacketType ? 0 : header.headerByteCount)
        }
    }

    private static func decode(
        _ type: PacketType, _ flags: UInt8, _ body: RawSpan, _ version: ProtocolVersion,
        _ sender: PacketSender
    ) throws(MalformedPacket) -> ControlPacket {
        switch type {
        case .connect: return .connect(try ConnectPacket.decode(body: body))
        case .connack: return .connack(try ConnackPacket.decode(body: body, version: version))
        case .publish:
            return .publish(
                try PublishPacket.decode(flags: flags, body: body, version: version, from: sender))
        case .puback: return .puback(try AckPacket.decode(type, body: body, version: version))
        case .pubrec: return .pubrec(try AckPacket.decode(type, body: body, version: version))
        case .pubrel: return .pubrel(try AckPacket.decode(type, body: body, version: version))
        case .pubcomp: return .pubcomp(try AckPacket.decode(type, body: body, version: version))
        case .subscribe: return .subscribe(try SubscribePacket.decode(body: body, version: version))
        case .suback: return .suback(try SubackPacket.decode(body: body, version: version))
        case .unsubscribe: return .unsubscribe(try UnsubscribePacket.decode(body: body, version: version))
        case .unsuback: return .unsuback(try UnsubackPacket.decode(body: body, version: version))
        case .pingreq, .pingresp:
            guard body.byteCount == 0 else { throw MalformedPacket(.trailingBytes, at: 0, in: type) }
            return type == .pingreq ? .pingreq : .pingresp
        case .disconnect: return .disconnect(try DisconnectPacket.decode(body: body, version: version))
        case .auth: return .auth(try AuthPacket.decode(body: body, version: version))
        }
    }

    /// Appends the packet to what `writer` holds.
    ///
    /// - Parameter version: the session's; a CONNECT says its own.
    /// - Returns: false when the packet is too large to be encoded; nothing is written then.
    @discardableResult
    public func encode(version: ProtocolVersion, into writer: inout PacketWriter) -> Bool {
        switch self {
        case .connect(let packet): packet.encode(into: &writer)
        case .connack(let packet): packet.encode(version: version, into: &writer)
        case .publish(let packet): packet.encode(version: version, into: &writer)
        case .puback(let packet), .pubrec(let packet), .pubrel(let packet), .pubcomp(let packet):
            packet.encode(type, version: version, into: &writer)
        case .subscribe(let packet): packet.encode(version: version, into: &writer)
        case .suback(let packet): packet.encode(version: version, into: &writer)
        case .unsubscribe(let packet): packet.encode(version: version, into: &writer)
        case .unsuback(let packet): packet.encode(version: version, into: &writer)
        case .pingreq, .pingresp: writer.writePacket(type) { _ in }
        case .disconnect(let packet): packet.encode(version: version, into: &writer)
        case .auth(let packet): packet.encode(version: version, into: &writer)
        }
    }
}
