/// An IPv4 or IPv6 address, read strictly: what one reader takes for an address and another does not is how a
/// filter by address is got round.
package struct IPAddress: Hashable, Sendable {
    /// Which of the two.
    package enum Family: UInt8, Sendable { case ipv4 = 4, ipv6 = 6 }

    /// IPv4 or IPv6. An IPv4 address that is written as `::ffff:192.0.2.7` is IPv6 here.
    package let family: Family
    /// The 16 bytes of an IPv6 address, most significant first; IPv4 lies in `low`.
    package let high, low: UInt64

    /// `a.b.c.d` as a number, most significant byte first.
    package static func ipv4(_ bits: UInt32) -> IPAddress {
        IPAddress(family: .ipv4, high: 0, low: UInt64(bits))
    }

    /// The 16 bytes, most significant first.
    package static func ipv6(high: UInt64, low: UInt64) -> IPAddress {
        IPAddress(family: .ipv6, high: high, low: low)
    }

    private init(family: Family, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    /// Reads an address of either family without brackets, zone or port; nil when the text is anything else.
    package init?(_ text: some Collection<UInt8>) {
        guard text.count <= Self.maximumByteCount else { return nil }
        guard let address = Self.parseIPv4(text).map(Self.ipv4) ?? Self.parseIPv6(text) else { return nil }
        self = address
    }

    /// The longest text of an address: eight groups whose last two are an IPv4 address.
    package static let maximumByteCount = 45

    /// Four decimal numbers up to 255 without leading zeros, which some take for octal [RFC 6943, 3.1.1].
    static func parseIPv4(_ text: some Collection<UInt8>) -> UInt32? {
        var bits: UInt32 = 0
        var number: UInt32?
        var dotCount = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard let part = number, dotCount < 3 else { return nil }
                bits = bits << 8 | part
                number = nil
                dotCount += 1
            } else {
                guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte, number != 0 else { return nil }
                let value = (number ?? 0) * 10 + UInt32(byte - UInt8(ascii: "0"))
                guard value <= 255 else { return nil }
                number = value
            }
        }
        guard let part = number, dotCount == 3 else { return nil }
        return bits << 8 | part
    }

    /// Groups of one to four hexadecimal digits, `::` once for one or more groups of zeros, and an IPv4
    /// address in place of the last two groups if wanted [RFC 4291, 2.2].
    static func parseIPv6(_ text: some Collection<UInt8>) -> IPAddress? {
        let colon = UInt8(ascii: ":")
        var groups: [UInt16] = []
        var gap: Int?
        var rest = text[...]
        if rest.first == colon {
            rest = rest.dropFirst()
            guard rest.first == colon else { return nil }
            rest = rest.dropFirst()
            gap = 0
        }
        while let first = rest.first {
            if first == colon {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst()
                continue
            }
            let part = rest.prefix { $0 != colon }
            rest = rest[part.endIndex...]
            if rest.isEmpty, let bits = parseIPv4(part) {
                groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else {
                guard let group = hexadecimal(part) else { return nil }
                groups.append(group)
            }
            guard groups.count <= 8 else { return nil }
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
            // A colon has to be followed by a group or by the second colon of `::`.
            if rest.isEmpty { return nil }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let halves = [groups[..<4], groups[4...]].map { $0.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
        return .ipv6(high: halves[0], low: halves[1])
    }

    private static func hexadecimal(_ text: some Collection<UInt8>) -> UInt16? {
        guard 1...4 ~= text.count else { return nil }
        var value: UInt16 = 0
        for byte in text {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
