/// Where something is sent over HTTP: `http://host:port/path?query` or the same with `https`.
///
/// A user and a password have no place in it: the URL is shown and logged. Nor has a fragment, which is never sent.
package struct URLSetting: Hashable, Sendable {
    /// As written.
    package let text: String

    private static let longest = 2048

    /// - Returns: nil when `text` is no such URL.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.longest, text.utf8.allSatisfy(Self.isURLByte) else { return nil }
        let schemes = ["http://", "https://"]
        guard let scheme = schemes.first(where: text.hasPrefix) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard Self.isAuthority(authority) else { return nil }
        self.text = text
    }

    /// A host, and maybe a port.
    private static func isAuthority(_ authority: Substring) -> Bool {
        var host = authority
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            host = authority[..<colon]
            let digits = authority[authority.index(after: colon)...]
            guard digits.allSatisfy(\.isASCIIDigit), let port = Int(digits), 1...65535 ~= port else {
                return false
            }
        }
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && AddressSetting("\(host):1") != nil
        }
        return !host.isEmpty && host.utf8.count <= 253 && host.utf8.allSatisfy(isHostByte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// What may stand in a URL as it is [RFC 3986 §2], but `#` and `@`.
    private static func isURLByte(_ byte: UInt8) -> Bool {
        0x21...0x7E ~= byte && !##""#@<>\^`{|}"##.utf8.contains(byte)
    }
}
