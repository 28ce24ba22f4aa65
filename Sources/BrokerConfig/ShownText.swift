/// Text out of a configuration, made fit for a message: short, and without characters that steer a terminal or begin a
/// line of their own.
package enum ShownText {
    /// Longer values are cut in messages, in bytes.
    private static let longestValue = 80
    private static let longestKey = 160

    /// A value, up to 80 bytes of it.
    package static func value(_ text: String) -> String { cut(text, longestValue) }
    static func key(_ text: String) -> String { cut(text, longestKey) }

    /// Looks at no more than the bytes it shows.
    private static func cut(_ text: String, _ limit: Int) -> String {
        let size = text.utf8.count
        guard size > limit else { return escaped(text) }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return escaped(String(text[..<end])) + "… (\(size) bytes)"
    }

    /// Control characters of both sets, line separators and what changes the direction of text as `\u{1B}`.
    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        var output = ""
        for scalar in text.unicodeScalars {
            if isHidden(scalar) {
                output += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
        default: isControl(scalar)
        }
    }

    /// U+0000 to U+001F and U+007F to U+009F.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || 0x7F..<0xA0 ~= scalar.value
    }
}
