import Primitives

/// One pass over a text: is it UTF-8 without U+0000, how many `/` are in it, is there a `+` or `#`.
///
/// Eight bytes at a time while they are ASCII, byte by byte from the first that is not. Control characters and
/// non-characters such as U+FFFF are accepted (§1.5.4 lets a server do so), and a byte order mark is kept
/// [MQTT-1.5.4-3].
struct TextScan: BitwiseCopyable {
    private(set) var slashCount = 0
    private(set) var hasWildcard = false

    /// Scans `count` bytes from `offset` on, which the caller knows to be inside `bytes`.
    @inline(__always)
    static func scan(
        _ bytes: RawSpan, at offset: Int, count: Int, in type: PacketType?
    ) throws(MalformedPacket) -> TextScan {
        var scan = TextScan()
        var index = offset
        let end = offset &+ count
        while end &- index >= 8 {
            let word = bytes.littleEndianUInt64(at: index)
            guard scan.add(word) else { return try continued(scan, bytes, from: index, to: end, in: type) }
            index &+= 8
        }
        guard index < end else { return scan }
        // The rest as one more word, filled up with letters.
        var word: UInt64
        if count >= 8 {
            let restBits = UInt64(truncatingIfNeeded: end &- index) &* 8
            word = bytes.littleEndianUInt64(at: end &- 8) &>> (64 &- restBits) | filler &<< restBits
        } else {
            word = filler
            for position in index..<end { word = word &<< 8 | UInt64(bytes.octet(at: position)) }
        }
        guard scan.add(word) else { return try continued(scan, bytes, from: index, to: end, in: type) }
        return scan
    }

    private static let filler: UInt64 = 0x6161_6161_6161_6161
    private static let highBits: UInt64 = 0x8080_8080_8080_8080
    private static let lowBits: UInt64 = 0x7F7F_7F7F_7F7F_7F7F

    /// - Returns: false when a byte is 0 or not ASCII; nothing is added then.
    @inline(__always)
    private mutating func add(_ word: UInt64) -> Bool {
        // Adding 0x7F to a byte under 0x80 sets its high bit unless the byte is 0, and carries nothing over.
        guard word & Self.highBits == 0, (word &+ Self.lowBits) & Self.highBits == Self.highBits else {
            return false
        }
        let notSlash = (word ^ 0x2F2F_2F2F_2F2F_2F2F) &+ Self.lowBits
        // `#` is 0x23 and `+` is 0x2B: they differ in one bit.
        let notWildcard = ((word | 0x0808_0808_0808_0808) ^ 0x2B2B_2B2B_2B2B_2B2B) &+ Self.lowBits
        slashCount &+= (~notSlash & Self.highBits).nonzeroBitCount
        if ~notWildcard & Self.highBits != 0 { hasWildcard = true }
        return true
    }

    @inline(never)
    private static func continued(
        _ start: TextScan, _ bytes: RawSpan, from: Int, to end: Int, in type: PacketType?
    ) throws(MalformedPacket) -> TextScan {
        var scan = start
        var index = from
        while index < end {
            let byte = bytes.octet(at: index)
            if byte < 0x80 {
                switch byte {
                case 0: throw MalformedPacket(.nullCharacter, at: index, in: type)
                case UInt8(ascii: "/"): scan.slashCount &+= 1
                case UInt8(ascii: "+"), UInt8(ascii: "#"): scan.hasWildcard = true
                default: break
                }
                index &+= 1
                continue
            }
            let length = bytes.utf8SequenceLength(at: index, end: end)
            guard length > 0 else { throw MalformedPacket(.invalidUTF8, at: index, in: type) }
            index &+= length
        }
        return scan
    }
}
