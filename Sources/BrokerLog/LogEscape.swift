/// Makes text safe to stand in a line: what is not to be seen is spelled out.
enum LogEscape {
    /// Backslashes and control characters as `\\`, `\n`, `\u{1B}`.
    static func plain(_ text: String, limit: Int) -> [UInt8] {
        var output: [UInt8] = []
        append(text, to: &output, limit: limit, plainly)
        return output
    }

    /// As `plain(_:limit:)`, after the bytes already in `output`.
    static func appendPlain(_ text: String, to output: inout [UInt8], limit: Int) {
        append(text, to: &output, limit: limit, plainly)
    }

    /// As JSON wants it, without the quotes around, after the bytes already in `output`.
    static func appendJSON(_ text: String, to output: inout [UInt8], limit: Int) {
        append(text, to: &output, limit: limit, asJSON)
    }

    private static func plainly(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: isHidden(scalar) ? "\\u{\(String(scalar.value, radix: 16, uppercase: true))}" : nil
        }
    }

    private static func asJSON(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\\": "\\\\"
        case "\"": "\\\""
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default:
            // All hidden characters are in the first plane, so four digits are enough.
            isHidden(scalar) ? "\\u" + String(String(scalar.value + 0x10000, radix: 16).dropFirst()) : nil
        }
    }

    /// - Parameter limit: bytes; a longer text is cut between two characters and ends with `…`.
    private static func append(
        _ text: String, to output: inout [UInt8], limit: Int, _ spelled: (Unicode.Scalar) -> String?
    ) {
        // Nearly all text needs nothing: it is looked at once, byte by byte.
        if text.utf8.count <= limit - 3, text.utf8.allSatisfy(needsNothing) {
            output += text.utf8
            return
        }
        let end = output.count + limit - 3
        for scalar in text.unicodeScalars {
            if let piece = spelled(scalar) {
                guard output.count + piece.utf8.count <= end else { return output += "…".utf8 }
                output += piece.utf8
            } else {
                let piece = UTF8.encode(scalar)
                guard let piece, output.count + piece.count <= end else { return output += "…".utf8 }
                output += piece
            }
        }
    }

    /// Whether both forms leave it as it is.
    private static func needsNothing(_ byte: UInt8) -> Bool {
        0x20..<0x7F ~= byte && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "\"")
    }

    /// Control characters of both sets, line separators, and what changes the direction of text.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
        default: false
        }
    }
}
