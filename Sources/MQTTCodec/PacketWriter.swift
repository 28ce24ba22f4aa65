import Primitives

/// Collects encoded packets in one array that is used again and again.
public struct PacketWriter: Sendable {
    /// The packets written so far, back to back.
    public var bytes: [UInt8] = []

    /// Holds no bytes.
    public init() {}

    /// Forgets the bytes, keeps their memory unless it is more than nearly all packets need: a SUBACK may have
    /// millions of codes.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptByteCount)
    }

    /// The most bytes of memory that `removeAll` keeps.
    public static let keptByteCount = 256 * 1024

    /// Writes the fixed header and what `body` writes.
    ///
    /// - Returns: false, with nothing written, when the body is over the 268 435 455 bytes a packet can hold.
    mutating func writePacket(_ type: PacketType, flags: UInt8? = nil, _ body: (inout PacketWriter) -> Void)
        -> Bool
    {
        let start = bytes.count
        bytes.append(type.rawValue << 4 | (flags ?? type.reservedFlags ?? 0))
        writeLengthFirst(body)
        guard Self.isPacket(byteCount: bytes.count - start) else {
            bytes.removeSubrange(start...)
            return false
        }
        return true
    }

    /// Whether so many bytes, a fixed header among them, are one packet. A body that is a byte too long takes a fifth
    /// byte of length, so it is two over.
    static func isPacket(byteCount: Int) -> Bool { byteCount <= FixedHeader.largestPacketByteCount }

    /// Writes what `body` writes behind its length. One byte is kept for the length, as nearly always is
    /// enough; a longer one moves the body.
    mutating func writeLengthFirst(_ body: (inout PacketWriter) -> Void) {
        let lengthOffset = bytes.count
        bytes.append(0)
        body(&self)
        let count = bytes.count - lengthOffset - 1
        if count < 0x80 {
            bytes[lengthOffset] = UInt8(count)
        } else {
            var length: [UInt8] = []
            Self.appendVariableByteInteger(count, to: &length)
            bytes.replaceSubrange(lengthOffset...lengthOffset, with: length)
        }
    }

    mutating func write(_ byte: UInt8) {
        bytes.append(byte)
    }

    mutating func write(_ number: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
        bytes.append(UInt8(truncatingIfNeeded: number))
    }

    mutating func write(_ number: UInt32) {
        write(UInt16(truncatingIfNeeded: number >> 16))
        write(UInt16(truncatingIfNeeded: number))
    }

    mutating func write(_ identifier: PacketIdentifier) {
        write(identifier.rawValue)
    }

    mutating func write(raw: [UInt8]) {
        bytes.append(contentsOf: raw)
    }

    /// With a two-byte length in front. What is over 65 535 bytes is cut off.
    mutating func write(binary: [UInt8]) {
        write(prefix: binary, count: min(binary.count, Int(UInt16.max)))
    }

    /// With a two-byte length in front. What is over 65 535 bytes is cut off, between two characters.
    mutating func write(_ text: UTF8Text) {
        var count = min(text.count, Int(UInt16.max))
        while count < text.count, count > 0, text.bytes[count] & 0xC0 == 0x80 { count -= 1 }
        write(prefix: text.bytes, count: count)
    }

    private mutating func write(prefix bytes: [UInt8], count: Int) {
        write(UInt16(truncatingIfNeeded: count))
        self.bytes.append(contentsOf: bytes[..<count])
    }

    mutating func writeVariableByteInteger(_ value: Int) {
        Self.appendVariableByteInteger(value, to: &bytes)
    }

    private static func appendVariableByteInteger(_ value: Int, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
