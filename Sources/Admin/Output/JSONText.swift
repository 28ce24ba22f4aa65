/// Writes strings and numbers as JSON.
enum JSONText {
    /// The text in quotes. What a terminal would obey is escaped too.
    static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        if isPlain { return "\"\(text)\"" }
        var json = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json.append(contentsOf: "\\\"".unicodeScalars)
            case "\\": json.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": json.append(contentsOf: "\\n".unicodeScalars)
            case "\r": json.append(contentsOf: "\\r".unicodeScalars)
            case "\t": json.append(contentsOf: "\\t".unicodeScalars)
            case "\u{8}": json.append(contentsOf: "\\b".unicodeScalars)
            case "\u{c}": json.append(contentsOf: "\\f".unicodeScalars)
            default:
                if SafeText.isHarmful(scalar) {
                    for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                        let digits = String(unit, radix: 16)
                        let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
                        json.append(contentsOf: "\\u\(zeros)\(digits)".unicodeScalars)
                    }
                } else {
                    json.append(scalar)
                }
            }
        }
        json.append("\"")
        return String(json)
    }

    /// The cell as a value.
    static func value(_ cell: Cell) -> String {
        switch cell {
        case .text(let text): quoted(text)
        case .integer(let number): String(number)
        case .real(let number): number.isFinite ? "\(number)" : "null"
        case .boolean(let flag): flag ? "true" : "false"
        case .null, .undefined: "null"
        }
    }

    /// The text without blanks at its ends, as VerneMQ trims what a command says.
    static func trimmed(_ text: String) -> String {
        let bytes = text.utf8
        guard bytes.first == 0x20 || bytes.last == 0x20 else { return text }
        let start = bytes.firstIndex { $0 != 0x20 } ?? bytes.endIndex
        let end = bytes.lastIndex { $0 != 0x20 }.map { bytes.index(after: $0) } ?? start
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}
