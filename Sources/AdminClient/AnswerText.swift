/// What a person is told of an answer that is not the broker's own kind: its text, or the texts in its JSON.
enum AnswerText {
    /// - Parameter contentType: as it was sent.
    static func of(_ body: [UInt8], contentType: String) -> String {
        let text = String(decoding: body, as: UTF8.self)
        if contentType.hasPrefix("application/json") || contentType.hasSuffix("+json") {
            let texts = self.texts(in: body)
            if !texts.isEmpty { return texts.joined(separator: "\n") }
        }
        // A page for a browser says nothing to a person at a terminal.
        if contentType.hasPrefix("text/html") { return "" }
        return trimmed(text)
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// The values of all members named `text`, in their order. What is no JSON has none.
    static func texts(in json: [UInt8]) -> [String] {
        var found: [String] = []
        var rest = json[...]
        var isTextMember = false
        while let byte = rest.first {
            guard byte == UInt8(ascii: "\"") else {
                // Between a name and its value there is a colon and white space.
                if byte != UInt8(ascii: ":"), byte > 0x20 { isTextMember = false }
                rest.removeFirst()
                continue
            }
            rest.removeFirst()
            guard let string = string(&rest) else { return found }
            let isName = rest.first(where: { $0 > 0x20 }) == UInt8(ascii: ":")
            if isTextMember, !isName { found.append(string) }
            isTextMember = isName && string == "text"
        }
        return found
    }

    /// The string that begins here, behind its first quote; nil = it has no end.
    private static func string(_ rest: inout ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var units: [UInt16] = []
        func endUnits() {
            guard !units.isEmpty else { return }
            bytes += Array(String(decoding: units, as: UTF16.self).utf8)
            units = []
        }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                guard let escaped = rest.popFirst() else { return nil }
                if escaped == UInt8(ascii: "u") {
                    let digits = String(decoding: rest.prefix(4), as: UTF8.self)
                    guard let unit = UInt16(digits, radix: 16) else { return nil }
                    units.append(unit)
                    rest = rest.dropFirst(4)
                    continue
                }
                endUnits()
                bytes.append(plain(escaped))
                continue
            }
            endUnits()
            if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    private static func plain(_ escaped: UInt8) -> UInt8 {
        switch escaped {
        case UInt8(ascii: "n"): UInt8(ascii: "\n")
        case UInt8(ascii: "t"): UInt8(ascii: "\t")
        case UInt8(ascii: "r"): UInt8(ascii: "\r")
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        default: escaped
        }
    }
}
