/// The first two to five bytes of a packet (§2.1).
public struct FixedHeader: Sendable, BitwiseCopyable, Equatable {
    /// The kind of packet.
    public let type: PacketType
    /// The lower half of the first byte.
    public let flags: UInt8
    /// 2 to 5.
    public let headerByteCount: Int
    /// Bytes of the body.
    public let remainingLength: Int

    /// Header and body.
    @inlinable public var packetByteCount: Int { headerByteCount &+ remainingLength }

    /// What four bytes of remaining length can say.
    public static let largestRemainingLength = 268_435_455
    /// The largest packet with its fixed header.
    public static let largestPacketByteCount = largestRemainingLength + 5

    /// A header with these fields.
    public init(type: PacketType, flags: UInt8, headerByteCount: Int, remainingLength: Int) {
        self.type = type
        self.flags = flags
        self.headerByteCount = headerByteCount
        self.remainingLength = remainingLength
    }

    /// Reads the header at the front of `bytes`, and refuses a bad one before the body has arrived.
    ///
    /// - Parameters:
    ///   - maximumRemainingLength: in bytes; a longer packet is `packetTooLarge`.
    ///   - allowsDuplicateFlag: MQTT 3.1 sends PUBREL, SUBSCRIBE and UNSUBSCRIBE again with DUP, later versions do not.
    /// - Returns: nil when more bytes are needed.
    @inline(__always)
    public static func decode(
        _ bytes: RawSpan, maximumRemainingLength: Int, allowsDuplicateFlag: Bool = false
    ) throws(MalformedPacket) -> FixedHeader? {
        guard bytes.byteCount > 0 else { return nil }
        let first = bytes.octet(at: 0)
        guard let type = PacketType(rawValue: first >> 4) else {
            throw MalformedPacket(.reservedPacketType, at: 0, in: nil)
        }
        let flags = first & 0x0F
        if let reserved = type.reservedFlags {
            guard flags == reserved || (allowsDuplicateFlag && reserved != 0 && flags == reserved | 0b1000)
            else { throw MalformedPacket(.reservedFlags, at: 0, in: type) }
        } else if flags & 0b0110 == 0b0110 {
            throw MalformedPacket(.qos3, at: 0, in: type)
        }
        guard bytes.byteCount > 1 else { return nil }
        let second = bytes.octet(at: 1)
        guard second >= 0x80 else {
            guard Int(second) <= maximumRemainingLength else {
                throw MalformedPacket(.packetTooLarge, at: 1, in: type)
            }
            return FixedHeader(type: type, flags: flags, headerByteCount: 2, remainingLength: Int(second))
        }
        return try decodeLongLength(bytes, type, flags, maximumRemainingLength)
    }

    private static func decodeLongLength(
        _ bytes: RawSpan, _ type: PacketType, _ flags: UInt8, _ maximumRemainingLength: Int
    ) throws(MalformedPacket) -> FixedHeader? {
        var length = Int(bytes.octet(at: 1) & 0x7F)
        for index in 2...4 {
            guard index < bytes.byteCount else { return nil }
            let byte = bytes.octet(at: index)
            length |= Int(byte & 0x7F) << (7 &* (index &- 1))
            if byte < 0x80 {
                guard byte != 0 else {
                    throw MalformedPacket(.overlongVariableByteInteger, at: index, in: type)
                }
                guard length <= maximumRemainingLength else {
                    throw MalformedPacket(.packetTooLarge, at: 1, in: type)
                }
                return FixedHeader(
                    type: type, flags: flags, headerByteCount: index &+ 1, remainingLength: length)
            }
        }
        throw MalformedPacket(.remainingLengthOverflow, at: 4, in: type)
    }
}
