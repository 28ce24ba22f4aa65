import Primitives

/// Makes bytes of a client safe for a terminal: no byte of them can move its cursor, begin a line or an escape sequence,
/// or turn the direction of the text.
///
/// What cannot be shown is written as `\xHH` for each byte. A backslash stays as it is, for payloads are often JSON.
enum SafeText {
    /// - Parameters:
    ///   - limit: bytes that are shown. A character that does not fit whole is left out.
    ///   - mark: what is written behind a text that was cut.
    static func append(
        _ bytes: RawSpan, to output: inout [UInt8], limit: Int = .max, mark: String = ""
    ) {
        let end = min(bytes.byteCount, max(0, limit))
        var index = 0
        while index < end {
            let byte = bytes.byte(at: index)
            if 0x20..<0x7F ~= byte {
                output.append(byte)
                index += 1
            } else if byte >= 0x80, let scalar = scalar(in: bytes, at: index) {
                guard index + scalar.length <= end else { break }
                let isHidden = isHidden(scalar.value)
                for offset in index..<index + scalar.length {
                    if isHidden {
                        appendHex(bytes.byte(at: offset), to: &output)
                    } else {
                        output.append(bytes.byte(at: offset))
                    }
                }
                index += scalar.length
            } else {
                appendHex(byte, to: &output)
                index += 1
            }
        }
        if end < bytes.byteCount { output += mark.utf8 }
    }

    /// The first `limit` bytes, without a character that is cut in two.
    static func prefix(_ bytes: [UInt8], limit: Int) -> ArraySlice<UInt8> {
        guard bytes.count > limit else { return bytes[...] }
        var end = max(0, limit)
        // At most three bytes of a character can be in front of the cut.
        for back in 1...3 where end - back >= 0 && bytes[end - back] >= 0xC0 {
            if let scalar = unsafe scalar(in: bytes.span.bytes, at: end - back), scalar.length > back {
                end -= back
            }
            break
        }
        return bytes[..<end]
    }

    /// Columns that the bytes of a text take, as far as one character takes one.
    static func columnCount(_ bytes: some Sequence<UInt8>) -> Int {
        bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    }

    /// Control characters of both sets, line separators, and what changes the direction of text.
    static func isHidden(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
            0xFFF9...0xFFFB, 0xFFFE...0xFFFF, 0xE0000...0xE0FFF:
            true
        default: false
        }
    }

    /// The character that begins at `index` with a byte over 0x7F; nil when it is not well-formed.
    static func scalar(in bytes: RawSpan, at index: Int) -> (value: UInt32, length: Int)? {
        let length = bytes.utf8SequenceLength(at: index, end: bytes.byteCount)
        guard length > 1 else { return nil }
        var value = UInt32(bytes.byte(at: index)) & (0x7F >> UInt32(length))
        for offset in index + 1..<index + length {
            value = value << 6 | UInt32(bytes.byte(at: offset) & 0x3F)
        }
        return (value, length)
    }

    private static func appendHex(_ byte: UInt8, to output: inout [UInt8]) {
        output += "\\x".utf8
        for digit in [byte >> 4, byte & 0x0F] {
            output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
    }
}
