import Glibc

/// Where a listener waits: an IP address and port, or a Unix socket.
package enum AddressSetting: Hashable, Sendable {
    /// `host` is a numeric IPv4 or IPv6 address without brackets; port 0 lets the kernel choose.
    case ip(host: String, port: UInt16)
    case unix(path: String)

    /// Reads `127.0.0.1:1883`, `::1:1883` (split at the last colon), `[::1]:1883` or `local:/path:0`.
    /// Host names are not accepted, as in VerneMQ.
    package init?(_ text: String) {
        // The kernel would stop reading at a zero byte, and listen elsewhere than was written.
        guard !text.utf8.contains(0), let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit), let port = UInt16(digits) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("local:") {
            let path = String(host.dropFirst("local:".count))
            // `sun_path` holds 108 bytes with the closing zero.
            guard path.hasPrefix("/"), path.utf8.count < 108, port == 0 else { return nil }
            self = .unix(path: path)
            return
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        let isIPv6 = Self.isNumeric(host, family: AF_INET6)
        guard isIPv6 || (!isBracketed && Self.isNumeric(host, family: AF_INET)) else { return nil }
        self = .ip(host: host, port: port)
    }

    private static func isNumeric(_ host: String, family: Int32) -> Bool {
        var address = in6_addr()
        return unsafe withUnsafeMutablePointer(to: &address) { unsafe inet_pton(family, host, $0) } == 1
    }
}

extension AddressSetting {
    /// Whether only this machine reaches it.
    package var isLoopback: Bool {
        switch self {
        case .unix: true
        case .ip(let host, _): host.hasPrefix("127.") || host == "::1"
        }
    }
}

extension AddressSetting: CustomStringConvertible {
    /// `127.0.0.1:1883`, `[::1]:1883` or the path.
    package var description: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}
