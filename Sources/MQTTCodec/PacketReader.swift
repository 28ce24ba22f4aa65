import Primitives

/// Reads the body of one control packet, front to back. Borrows the bytes; cannot outlive them.
struct PacketReader: ~Copyable, ~Escapable {
    let bytes: RawSpan
    let type: PacketType
    private(set) var offset = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, of type: PacketType) {
        self.bytes = bytes
        self.type = type
    }

    /// Bytes not read yet.
    var remaining: Int { bytes.byteCount &- offset }

    func problem(_ problem: MalformedPacket.Problem, at offset: Int) -> MalformedPacket {
        MalformedPacket(problem, at: offset, in: type)
    }

    /// Throws `truncated` unless `count` bytes are left.
    func need(_ count: Int) throws(MalformedPacket) {
        guard remaining >= count else { throw problem(.truncated, at: bytes.byteCount) }
    }

    mutating func readUInt8() throws(MalformedPacket) -> UInt8 {
        try need(1)
        defer { offset &+= 1 }
        return bytes.octet(at: offset)
    }

    mutating func readUInt16() throws(MalformedPacket) -> UInt16 {
        try need(2)
        defer { offset &+= 2 }
        return bytes.bigEndianUInt16(at: offset)
    }

    mutating func readPacketIdentifier() throws(MalformedPacket) -> PacketIdentifier {
        let start = offset
        let number = try readUInt16()
        guard number != 0 else { throw problem(.packetIdentifierZero, at: start) }
        return PacketIdentifier(rawValue: number)
    }

    /// At most four bytes and in its shortest form [MQTT-1.5.5-1].
    mutating func readVariableByteInteger() throws(MalformedPacket) -> Int {
        var value = 0
        for index in 0..<4 {
            let byte = try readUInt8()
            value |= Int(byte & 0x7F) << (7 &* index)
            if byte < 0x80 {
                guard byte != 0 || index == 0 else {
                    throw problem(.overlongVariableByteInteger, at: offset &- 1)
                }
                return value
            }
        }
        throw problem(.overlongVariableByteInteger, at: offset &- 1)
    }

    mutating func readRange(count: Int) throws(MalformedPacket) -> ByteRange {
        try need(count)
        defer { offset &+= count }
        return ByteRange(offset: offset, count: count)
    }

    /// Bytes with a two-byte length in front, which is not part of the result.
    mutating func readBinaryRange() throws(MalformedPacket) -> ByteRange {
        try readRange(count: Int(readUInt16()))
    }

    mutating func readBinary() throws(MalformedPacket) -> [UInt8] {
        try copy(readBinaryRange())
    }

    mutating func readText() throws(MalformedPacket) -> UTF8Text {
        let range = try readBinaryRange()
        _ = try TextScan.scan(bytes, at: range.offset, count: range.count, in: type)
        return UTF8Text(bytes: copy(range))
    }

    mutating func readTopicName() throws(MalformedPacket) -> UTF8Text {
        let range = try readBinaryRange()
        _ = try TopicName.levelCount(bytes, range, in: type)
        return UTF8Text(bytes: copy(range))
    }

    /// A block of properties behind its length; none before MQTT 5.
    mutating func readProperties(
        of place: PropertyPlace, version: ProtocolVersion
    ) throws(MalformedPacket) -> Properties {
        guard version == .v5 else { return Properties() }
        return try Properties.decode(bytes, readPropertyRange(), of: place, in: type)
    }

    /// Where a block of properties lies, behind its length. One that is larger than any may be counts as a packet that is
    /// too large.
    mutating func readPropertyRange() throws(MalformedPacket) -> ByteRange {
        let start = offset
        let count = try readVariableByteInteger()
        guard count <= Properties.largestByteCount else { throw problem(.packetTooLarge, at: start) }
        return try readRange(count: count)
    }

    /// A reason code that packets of this type may carry.
    mutating func readReasonCode() throws(MalformedPacket) -> ReasonCode {
        let byte = try readUInt8()
        guard let code = ReasonCode(rawValue: byte), code.isAllowed(in: type) else {
            throw problem(.reasonCodeInvalid, at: offset &- 1)
        }
        return code
    }

    /// - Parameter offset: known to be inside.
    mutating func skip(to offset: Int) {
        self.offset = offset
    }

    /// Throws `trailingBytes` unless everything was read.
    func end() throws(MalformedPacket) {
        guard remaining == 0 else { throw problem(.trailingBytes, at: offset) }
    }

    func copy(_ range: ByteRange) -> [UInt8] {
        range.bytes(in: bytes).copiedBytes()
    }
}
