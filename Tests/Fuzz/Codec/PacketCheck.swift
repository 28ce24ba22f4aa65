import MQTTCodec
import TestSupport

/// Decodes a packet and checks all that must then be true.
func checkPacket(_ header: FixedHeader, _ body: RawSpan, _ choice: ConnectionChoice) {
    let version = choice.version
    let packet: ControlPacket
    do {
        packet = try ControlPacket.decode(header, body: body, version: version, from: choice.sender)
    } catch {
        require((0...header.packetByteCount).contains(error.offset), "\(error) lies in the packet")
        require(error.packetType == header.type, "\(error) names the type \(header.type)")
        require(error.reasonCode.rawValue >= 0x80, "\(error) has a reason code that is an error")
        checkRefusedInPlace(header, body, choice)
        return
    }
    require(packet.type == header.type, "\(header.type) decodes as itself")
    checkRoundTrip(packet, version, byteCount: header.packetByteCount)
    switch packet {
    case .publish(let publish): checkPublish(publish, header, body, choice)
    case .puback(let ack), .pubrec(let ack), .pubrel(let ack), .pubcomp(let ack):
        let inPlace = try? AckHeader.decode(header.type, body: body, version: version)
        require(
            inPlace?.packetIdentifier == ack.packetIdentifier && inPlace?.reasonCode == ack.reasonCode,
            "AckHeader agrees with \(ack)")
    default: break
    }
}

private func checkRoundTrip(_ packet: ControlPacket, _ version: ProtocolVersion, byteCount: Int) {
    let bytes = encodePacket(packet, version: version)
    let again = try? decodePacket(bytes, version: version)
    require(
        again == packet, "\(version) \(packet) is itself when decoded again, not \(String(describing: again))"
    )
    require(encodePacket(packet, version: version) == bytes, "\(packet) is encoded the same way twice")
    // Two texts may be spelled longer than they came: an acknowledgement without property length, for one.
    require(bytes.count <= byteCount + 2, "\(packet) of \(byteCount) bytes does not grow to \(bytes.count)")
}

/// What the copying decoder refuses, the one that works in place refuses with the same error.
private func checkRefusedInPlace(_ header: FixedHeader, _ body: RawSpan, _ choice: ConnectionChoice) {
    switch header.type {
    case .publish:
        let inPlace = try? PublishHeader.decode(
            flags: header.flags, body: body, version: choice.version, from: choice.sender)
        require(inPlace == nil, "PublishHeader refuses what PublishPacket refuses")
    case .puback, .pubrec, .pubrel, .pubcomp:
        let inPlace = try? AckHeader.decode(header.type, body: body, version: choice.version)
        require(inPlace == nil, "AckHeader refuses what AckPacket refuses")
    default: break
    }
}
