/// Makes text safe to stand in a line: what is not to be seen is spelled out.
enum LogEscape {
    /// Backslashes and control characters as `\\`, `\n`, `\u{1B}`.
    static func plain(_ text: String, limit: Int) -> [UInt8] {
        escape(text, limit: limit) { scalar in
            switch scalar {
            case "\\": "\\\\"
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: isHidden(scalar) ? "\\u{\(String(scalar.value, radix: 16, uppercase: true))}" : nil
            }
        }
    }

    /// As JSON wants it, without the quotes around.
    static func json(_ text: String, limit: Int) -> [UInt8] {
        escape(text, limit: limit) { scalar in
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
    }

    /// - Parameter limit: bytes; a longer text is cut between two characters and ends with `…`.
    private static func escape(_ text: String, limit: Int, _ spelled: (Unicode.Scalar) -> String?) -> [UInt8]
    {
        var output: [UInt8] = []
        for scalar in text.unicodeScalars {
            let piece = spelled(scalar).map { Array($0.utf8) } ?? Array(String(scalar).utf8)
            guard output.count + piece.count <= limit - 3 else { return output + Array("…".utf8) }
            output += piece
        }
        return output
    }

    /// Control characters of both sets, line separators, and what changes the direction of text.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
        default: false
        }
    }
}
