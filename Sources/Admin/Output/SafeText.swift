/// Makes text harmless that a client may have chosen: a terminal obeys control characters, and with some it shows the
/// letters of a line in another order. They become `\x1b` or `\u{202e}`, which one can see.
package enum SafeText {
    /// - Parameter isMultiline: whether line feeds and tabs stay.
    package static func make(_ text: String, isMultiline: Bool) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7e).contains($0) || (isMultiline && ($0 == 0x0a || $0 == 0x09)) })
        {
            return text
        }
        var safe = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isMultiline, scalar == "\n" || scalar == "\t" {
                safe.append(scalar)
            } else if isHarmful(scalar) {
                safe.append(contentsOf: escape(scalar).unicodeScalars)
            } else {
                safe.append(scalar)
            }
        }
        return String(safe)
    }

    /// Control characters of either set, line and paragraph separators, what turns the direction of writing, and what takes no
    /// room.
    package static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x061c, 0x200b, 0x200e, 0x200f, 0xfeff, 0x2028...0x202e, 0x2066...0x2069,
            0xfff9...0xfffb,
            0xe0001, 0xe0020...0xe007f:
            true
        default: false
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        let digits = String(scalar.value, radix: 16)
        if scalar.value <= 0xff { return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits }
        return "\\u{" + digits + "}"
    }
}
