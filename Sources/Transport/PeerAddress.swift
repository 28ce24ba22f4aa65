import CSystem

/// One end of a connection. Compares by value; 40 bytes, no allocation for IP addresses.
package struct PeerAddress: Sendable, Hashable, CustomStringConvertible {
    /// What kind of socket the address is of.
    package enum Kind: UInt8, Sendable { case unknown = 0, unix = 1, ipv4 = 4, ipv6 = 6 }

    /// The kind of socket.
    package let kind: Kind
    /// 0 for Unix sockets.
    package let port: UInt16
    private let scope: UInt32
    /// The address, most significant byte first; IPv4 lies in `low`.
    package let high, low: UInt64
    /// The path of a Unix socket that has one.
    package let path: String?

    private init(kind: Kind, high: UInt64, low: UInt64, scope: UInt32, port: UInt16, path: String?) {
        self.kind = kind
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
        self.path = path
    }

    /// The address of a socket that has none.
    package static let unknown = PeerAddress(kind: .unknown, high: 0, low: 0, scope: 0, port: 0, path: nil)

    /// `a.b.c.d` as a number, most significant byte first.
    package static func ipv4(_ bits: UInt32, port: UInt16) -> PeerAddress {
        PeerAddress(kind: .ipv4, high: 0, low: UInt64(bits), scope: 0, port: port, path: nil)
    }

    /// An IPv6 address, most significant byte first.
    package static func ipv6(high: UInt64, low: UInt64, port: UInt16) -> PeerAddress {
        PeerAddress(kind: .ipv6, high: high, low: low, scope: 0, port: port, path: nil)
    }

    /// A Unix socket; the path has at most 107 bytes.
    package static func unix(path: String) -> PeerAddress {
        PeerAddress(kind: .unix, high: 0, low: 0, scope: 0, port: 0, path: path)
    }

    /// Reads an IPv4 or IPv6 address, without brackets or port. Names are not looked up.
    package init?(ip text: String, port: UInt16) {
        var address = csystem_address()
        guard csystem_address_parse(text, &address) == 1 else { return nil }
        self.init(
            kind: Kind(rawValue: address.kind) ?? .unknown, high: address.high, low: address.low,
            scope: address.scope, port: port, path: nil)
    }

    init(_ address: borrowing csystem_address) {
        let kind = Kind(rawValue: address.kind) ?? .unknown
        var path: String?
        if kind == .unix, address.path.0 != 0 {
            path = withUnsafeBytes(of: address.path) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        self.init(
            kind: kind, high: address.high, low: address.low, scope: address.scope, port: address.port,
            path: path)
    }

    /// For the kernel; nil when a path is too long for it (107 bytes).
    var systemAddress: csystem_address? {
        var address = csystem_address()
        address.kind = kind.rawValue
        address.high = high
        address.low = low
        address.scope = scope
        address.port = port
        if let path {
            let isTooLong = withUnsafeMutableBytes(of: &address.path) { bytes in
                guard path.utf8.count < bytes.count else { return true }
                bytes.copyBytes(from: path.utf8)
                return false
            }
            if isTooLong { return nil }
        }
        return address
    }

    func withPort(_ port: UInt16) -> PeerAddress {
        PeerAddress(kind: kind, high: high, low: low, scope: scope, port: port, path: path)
    }

    /// The address alone: "192.0.2.7", "2001:db8::1"; a Unix socket's path, or "local" when it has none.
    package var ipText: String {
        switch kind {
        case .unknown: return "unknown"
        case .unix: return path ?? "local"
        case .ipv4: return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
        case .ipv6:
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                guard let base = buffer.baseAddress else { return "" }
                csystem_address_text(high, low, base, buffer.count)
                return String(cString: base)
            }
        }
    }

    /// "192.0.2.7:1883", "[2001:db8::1]:1883", "local:/run/broker.sock".
    package var description: String {
        switch kind {
        case .unknown: "unknown"
        case .unix: path.map { "local:\($0)" } ?? "local"
        case .ipv4: "\(ipText):\(port)"
        case .ipv6: "[\(ipText)]:\(port)"
        }
    }
}

extension PeerAddress {
    /// What came over IPv6 with an IPv4 address (`::ffff:192.0.2.7`), as that address.
    var unmapped: PeerAddress {
        guard kind == .ipv6, high == 0, low >> 32 == 0xFFFF else { return self }
        return .ipv4(UInt32(truncatingIfNeeded: low), port: port)
    }
}
