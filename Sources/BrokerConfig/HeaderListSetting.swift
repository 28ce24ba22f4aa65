/// Headers for the requests that the broker makes: `name=value,name=value`, as OpenTelemetry's own variable for them is
/// written.
///
/// Blanks around names and values do not count. `%2C` is a comma in a value, `%25` a percent sign, and so on.
package struct HeaderListSetting: Sendable {
    /// In the order in which they are written, decoded.
    package let headers: [(name: String, value: String)]

    /// Headers that the request has itself.
    static let ours = [
        "content-type", "content-encoding", "content-length", "transfer-encoding", "host", "connection",
        "expect",
    ]

    /// - Returns: nil when `text` is not such a list, or names a header that the request has itself.
    package init?(_ text: String) {
        var headers: [(name: String, value: String)] = []
        guard !text.isEmpty else {
            self.headers = []
            return
        }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let name = Self.trimmed(part[..<equals])
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte),
                !Self.ours.contains(name.lowercased()),
                let value = Self.decoded(Self.trimmed(part[part.index(after: equals)...]))
            else { return nil }
            headers.append((String(name), value))
        }
        self.headers = headers
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    /// With `%XX` turned into bytes; nil where that is no visible text.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let high = hexValue(rest.removeFirst()),
                let low = hexValue(rest.removeFirst())
            else { return nil }
            bytes.append(high << 4 | low)
        }
        // A line end in a value would begin a header of its own.
        guard bytes.allSatisfy({ $0 == UInt8(ascii: "\t") || ($0 >= 0x20 && $0 != 0x7F) }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// What the name of a header consists of [RFC 9110 §5.6.2].
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
