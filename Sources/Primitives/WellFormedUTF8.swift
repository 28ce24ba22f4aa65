/// What counts as UTF-8, in one place: RFC 3629, so surrogates, overlong forms and numbers over U+10FFFF do
/// not.
extension RawSpan {
    /// Bytes of the character that begins at `index` and lies in front of `end`; 0 when it is not well-formed
    /// (Unicode, table 3-7).
    public func utf8SequenceLength(at index: Int, end: Int) -> Int {
        guard index < end else { return 0 }
        let lead = byte(at: index)
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0..<0x80: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard end &- index >= length, second.contains(byte(at: index &+ 1)) else { return 0 }
        for position in index &+ 2..<index &+ length where byte(at: position) & 0xC0 != 0x80 {
            return 0
        }
        return length
    }

    /// Whether all bytes together are well-formed UTF-8. Eight bytes at a time while they are ASCII.
    public var isWellFormedUTF8: Bool {
        let end = byteCount
        var index = 0
        while index < end {
            if end &- index >= 8,
                unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080
                    == 0
            {
                index &+= 8
                continue
            }
            let length = utf8SequenceLength(at: index, end: end)
            guard length > 0 else { return false }
            index &+= length
        }
        return true
    }
}
