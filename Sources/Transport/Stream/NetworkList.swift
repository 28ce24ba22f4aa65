import StreamProtocols

/// A list of networks: which addresses are believed.
package struct NetworkList: Sendable, Equatable {
    private struct Network: Sendable, Equatable {
        let high, low: UInt64
        let isIPv4: Bool
        let prefix: Int

        func contains(_ address: PeerAddress) -> Bool {
            guard address.kind == (isIPv4 ? .ipv4 : .ipv6) else { return false }
            return isIPv4
                ? Self.isEqual(address.low, low, 64 - 32 + prefix)
                : Self.isEqual(address.high, high, min(prefix, 64))
                    && Self.isEqual(address.low, low, max(prefix - 64, 0))
        }

        private static func isEqual(_ left: UInt64, _ right: UInt64, _ bits: Int) -> Bool {
            bits == 0 || (left ^ right) >> UInt64(64 - bits) == 0
        }
    }

    /// Everybody, and Unix sockets.
    package static let any = NetworkList(networks: nil)
    /// Nobody.
    package static let none = NetworkList(networks: [])

    private let networks: [Network]?

    private init(networks: [Network]?) { self.networks = networks }

    /// Reads `any`, or addresses and networks between commas, semicolons or blanks: `10.0.0.0/8, ::1`.
    ///
    /// - Returns: nil when a part is neither; see `firstProblem(in:)`.
    package init?(_ text: String) {
        guard Self.firstProblem(in: text) == nil else { return nil }
        if text == "any" {
            self = .any
        } else {
            networks = Self.parts(of: text).compactMap { Self.network($0) }
        }
    }

    /// The first part that is neither an address nor a network; nil = there is none.
    package static func firstProblem(in text: String) -> String? {
        text == "any" ? nil : parts(of: text).first { network($0) == nil }
    }

    private static func parts(of text: String) -> [String] {
        text.split { $0 == "," || $0 == ";" || $0 == " " }.map(String.init)
    }

    private static func network(_ text: String) -> Network? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(parts[0].utf8) else { return nil }
        let width = address.family == .ipv4 ? 32 : 128
        var prefix = width
        if parts.count == 2 {
            guard let number = Int(parts[1]), (0...width).contains(number), parts[1].first != "+" else {
                return nil
            }
            prefix = number
        }
        return Network(high: address.high, low: address.low, isIPv4: width == 32, prefix: prefix)
    }

    /// Whether a peer at `address` is in one of them. An IPv4 address that came over IPv6 counts as IPv4.
    package func contains(_ address: PeerAddress) -> Bool {
        guard let networks else { return true }
        let plain = address.unmapped
        return networks.contains { $0.contains(plain) }
    }
}
