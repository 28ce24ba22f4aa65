package import MQTTCodec

/// One row of the table that decode, encode, fuzz and end-to-end tests share: bytes and what they mean.
package struct WireFixture: Sendable, CustomStringConvertible {
    package enum Expectation: Sendable {
        case packet(ControlPacket)
        case malformed(MalformedPacket.Problem)
    }

    package let name: String
    /// The session's version; of a CONNECT, its own.
    package let version: ProtocolVersion
    package let bytes: [UInt8]
    package let expected: Expectation
    /// True when encoding the packet gives these very bytes.
    package let isCanonical: Bool
    package let sender: PacketSender
    /// The limit to decode with.
    package let maximumRemainingLength: Int

    package var description: String { "\(name) \(version)" }

    /// - Parameter wire: see `wireBytes`.
    static func packet(
        _ name: String, _ version: ProtocolVersion, _ wire: String, _ packet: ControlPacket,
        isCanonical: Bool = true
    ) -> WireFixture {
        WireFixture(
            name: name, version: version, bytes: wireBytes(wire), expected: .packet(packet),
            isCanonical: isCanonical, sender: .server,
            maximumRemainingLength: FixedHeader.largestRemainingLength)
    }

    static func malformed(
        _ name: String, _ version: ProtocolVersion, _ wire: String, _ problem: MalformedPacket.Problem,
        sender: PacketSender = .server, limit: Int = FixedHeader.largestRemainingLength
    ) -> WireFixture {
        WireFixture(
            name: name, version: version, bytes: wireBytes(wire), expected: .malformed(problem),
            isCanonical: false, sender: sender, maximumRemainingLength: limit)
    }
}

/// Bytes from text: hexadecimal digits in pairs, `'letters'` in quotes without blanks, and `..` for the
/// number of bytes that follow as a variable byte integer.
package func wireBytes(_ wire: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for word in wire.split(separator: " ").reversed() {
        if word == ".." {
            bytes = variableByteInteger(bytes.count) + bytes
        } else if word.first == "'", word.last == "'", word.utf8.count > 1 {
            bytes = Array(word.utf8.dropFirst().dropLast()) + bytes
        } else {
            bytes = hexBytes(word) + bytes
        }
    }
    return bytes
}

private func hexBytes(_ digits: Substring) -> [UInt8] {
    let values = digits.map { digit in
        guard let value = digit.hexDigitValue else { fatalError("\(digits) is not hexadecimal") }
        return UInt8(value)
    }
    precondition(values.count.isMultiple(of: 2), "\(digits) has half a byte")
    return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
}

private func variableByteInteger(_ value: Int) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value % 128) | 128] + variableByteInteger(value / 128)
}

/// Decodes the packet at the front of `bytes`; nil when it is not complete.
package func decodePacket(
    _ bytes: [UInt8], version: ProtocolVersion, from sender: PacketSender = .server,
    maximumRemainingLength: Int = FixedHeader.largestRemainingLength
) throws(MalformedPacket) -> ControlPacket? {
    let span = bytes.span.bytes
    guard let header = try FixedHeader.decode(span, maximumRemainingLength: maximumRemainingLength),
        header.packetByteCount <= bytes.count
    else { return nil }
    let body = span.extracting(header.headerByteCount..<header.packetByteCount)
    return try ControlPacket.decode(header, body: body, version: version, from: sender)
}

/// The bytes of `packet`.
package func encodePacket(_ packet: ControlPacket, version: ProtocolVersion) -> [UInt8] {
    var writer = PacketWriter()
    packet.encode(version: version, into: &writer)
    return writer.bytes
}
