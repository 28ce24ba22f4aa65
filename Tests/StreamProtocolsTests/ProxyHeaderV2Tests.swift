import Primitives
import StreamProtocols
import Testing

/// A header of version 2 from its parts.
struct ProxyBytes {
    var versionAndCommand: UInt8 = 0x21
    var family: UInt8 = 0x11
    var addresses: [UInt8] = ProxyBytes.ipv4
    var extensions: [[UInt8]] = []
    /// nil: that of the parts.
    var length: Int?

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    static let ipv4: [UInt8] = [192, 0, 2, 7, 198, 51, 100, 1, 0xC8, 0x22, 0x07, 0x5B]

    var bytes: [UInt8] {
        let rest = addresses + extensions.joined()
        let length = length ?? rest.count
        return Self.signature + [versionAndCommand, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
    }

    static func tlv(_ kind: UInt8, _ value: [UInt8]) -> [UInt8] {
        [kind, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
    }

    static func tlv(_ kind: UInt8, _ text: String) -> [UInt8] { tlv(kind, Array(text.utf8)) }

    static func tls(flags: UInt8 = 7, verify: [UInt8] = [0, 0, 0, 0], _ parts: [[UInt8]] = []) -> [UInt8] {
        tlv(0x20, [flags] + verify + parts.joined())
    }
}

@Suite struct ProxyHeaderV2Tests {
    private static let facts = ProxyFacts(
        version: 2, source: .ip(.ipv4(0xC000_0207), port: 51234),
        destination: .ip(.ipv4(0xC633_6401), port: 1883))

    @Test(arguments: [0x11, 0x12] as [UInt8])
    func `IPv4 has the addresses and ports of both ends`(_ family: UInt8) {
        let bytes = ProxyBytes(family: family).bytes
        #expect(bytes.count == 28)
        #expect(proxyParse(bytes) == .header(Self.facts, byteCount: 28))
        #expect(proxyParse(bytes + [0x10, 0x0C]) == .header(Self.facts, byteCount: 28))
    }

    @Test(arguments: [0x21, 0x22] as [UInt8])
    func `IPv6 has the addresses and ports of both ends`(_ family: UInt8) {
        let addresses: [UInt8] = Array(1...32) + [0x12, 0x34, 0x56, 0x78]
        let bytes = ProxyBytes(family: family, addresses: addresses).bytes
        let facts = ProxyFacts(
            version: 2,
            source: .ip(.ipv6(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10), port: 0x1234),
            destination: .ip(.ipv6(high: 0x1112_1314_1516_1718, low: 0x191A_1B1C_1D1E_1F20), port: 0x5678))
        #expect(proxyParse(bytes) == .header(facts, byteCount: 52))
    }

    @Test(arguments: [0x31, 0x32] as [UInt8])
    func `Unix sockets have paths`(_ family: UInt8) {
        func padded(_ path: [UInt8]) -> [UInt8] { path + [UInt8](repeating: 0, count: 108 - path.count) }
        let whole = [UInt8](repeating: UInt8(ascii: "p"), count: 108)
        let bytes = ProxyBytes(family: family, addresses: padded(Array("/run/a".utf8)) + padded(whole)).bytes
        let facts = ProxyFacts(
            version: 2, source: .unix(path: "/run/a"), destination: .unix(path: UTF8Text(bytes: whole)))
        #expect(proxyParse(bytes) == .header(facts, byteCount: 232))
        let abstract = ProxyBytes(family: family, addresses: padded([]) + padded([0, 0x61])).bytes
        let unnamed = ProxyFacts(version: 2, source: .unix(path: nil), destination: .unix(path: nil))
        #expect(proxyParse(abstract) == .header(unnamed, byteCount: 232))
        let invalid = ProxyBytes(family: family, addresses: padded([0xFF]) + padded([])).bytes
        #expect(proxyParse(invalid) == .malformed(.invalidText))
    }

    @Test func `LOCAL and unspecified tell of no source`() {
        for family in UInt8.min...UInt8.max {
            let local = ProxyBytes(versionAndCommand: 0x20, family: family, addresses: [9, 9, 9]).bytes
            #expect(proxyParse(local) == .header(ProxyFacts(version: 2), byteCount: 19))
        }
        let unspecified = ProxyBytes(family: 0, addresses: [], extensions: [ProxyBytes.tlv(0x02, "a")]).bytes
        let facts = ProxyFacts(version: 2, authority: "a")
        #expect(proxyParse(unspecified) == .header(facts, byteCount: 20))
    }

    @Test func `every beginning of a header is incomplete`() {
        let headers = [
            ProxyBytes(), ProxyBytes(versionAndCommand: 0x20, family: 0, addresses: []),
            ProxyBytes(extensions: [ProxyBytes.tls([ProxyBytes.tlv(0x22, "name")]), ProxyBytes.tlv(4, "")]),
        ]
        for header in headers {
            let bytes = header.bytes
            for count in 0..<bytes.count { #expect(proxyParse(Array(bytes[..<count])) == .incomplete) }
        }
    }

    @Test func `a byte that cannot be in a header is refused when it comes`() {
        let bytes = ProxyBytes().bytes
        for index in 1..<12 {
            #expect(proxyParse(Array(bytes[..<index]) + [bytes[index] ^ 1]) == .malformed(.missing))
        }
        for byte in UInt8.min...UInt8.max {
            let expected: ProxyParse =
                byte >> 4 != 2
                ? .malformed(.unsupportedVersion)
                : byte & 15 > 1 ? .malformed(.unsupportedCommand) : .incomplete
            #expect(proxyParse(ProxyBytes.signature + [byte]) == expected)
            let families: [UInt8] = [0, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32]
            let family: ProxyParse = families.contains(byte) ? .incomplete : .malformed(.unsupportedFamily)
            #expect(proxyParse(ProxyBytes.signature + [0x21, byte]) == family)
        }
    }

    @Test func `a header has at most 4096 bytes`() {
        let filled = ProxyBytes(extensions: [ProxyBytes.tlv(0xEE, [UInt8](repeating: 1, count: 4065))]).bytes
        #expect(filled.count == 4096)
        #expect(proxyParse(filled) == .header(Self.facts, byteCount: 4096))
        #expect(proxyParse(Array(ProxyBytes(length: 4080).bytes[..<16])) == .incomplete)
        #expect(proxyParse(Array(ProxyBytes(length: 4081).bytes[..<16])) == .malformed(.tooLarge))
        #expect(proxyParse(Array(ProxyBytes(length: 65535).bytes[..<16])) == .malformed(.tooLarge))
    }

    @Test(
        arguments: [(0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216), (0x32, 216)]
            as [(UInt8, Int)])
    func `a header that is shorter than its addresses is refused`(_ family: UInt8, _ count: Int) {
        for length in [0, 1, count - 1] {
            let bytes = ProxyBytes(family: family, addresses: [], length: length).bytes
            #expect(proxyParse(bytes) == .malformed(.addressesTruncated))
        }
        #expect(proxyParse(ProxyBytes(family: family, addresses: [], length: count).bytes) == .incomplete)
    }

    @Test func `extensions are read, and unknown ones passed over`() {
        let bytes = ProxyBytes(extensions: [
            ProxyBytes.tlv(0x01, "mqtt"), ProxyBytes.tlv(0x04, "padding"), ProxyBytes.tlv(0x04, ""),
            ProxyBytes.tlv(0x02, "broker.example"), ProxyBytes.tlv(0x05, [0, 1, 2]),
            ProxyBytes.tlv(0x30, "blue"),
            ProxyBytes.tlv(0xEA, "vpce-1"), ProxyBytes.tlv(0xEA, "vpce-2"),
            ProxyBytes.tls(
                verify: [0, 0, 1, 2],
                [
                    ProxyBytes.tlv(0x21, "TLSv1.3"), ProxyBytes.tlv(0x22, "sensor ä"),
                    ProxyBytes.tlv(0x23, "TLS_AES_128_GCM_SHA256"), ProxyBytes.tlv(0x24, "SHA256"),
                    ProxyBytes.tlv(0x25, "RSA2048"), ProxyBytes.tlv(0x26, "x25519"),
                    ProxyBytes.tlv(0x26, [0xFF]),
                ]),
        ]).bytes
        var facts = Self.facts
        facts.alpn = Array("mqtt".utf8)
        facts.authority = "broker.example"
        facts.uniqueID = [0, 1, 2]
        facts.networkNamespace = "blue"
        facts.tls = ProxyTLS(
            clientFlags: 7, verify: 0x0102, version: "TLSv1.3", commonName: "sensor ä",
            cipher: "TLS_AES_128_GCM_SHA256", signatureAlgorithm: "SHA256", keyAlgorithm: "RSA2048")
        #expect(proxyParse(bytes) == .header(facts, byteCount: bytes.count))
    }

    @Test func `an empty common name is none`() {
        let bytes = ProxyBytes(extensions: [ProxyBytes.tls([ProxyBytes.tlv(0x22, "")])]).bytes
        var facts = Self.facts
        facts.tls = ProxyTLS(clientFlags: 7, verify: 0)
        #expect(proxyParse(bytes) == .header(facts, byteCount: bytes.count))
    }

    @Test(
        arguments: [
            ([ProxyBytes.tlv(0x01, "")], .extensionLength),
            ([ProxyBytes.tlv(0x02, "")], .extensionLength),
            ([ProxyBytes.tlv(0x02, [UInt8](repeating: 0x61, count: 256))], .extensionLength),
            ([ProxyBytes.tlv(0x02, [0xC0, 0x80])], .invalidText),
            ([ProxyBytes.tlv(0x03, [0, 0, 0])], .extensionLength),
            ([ProxyBytes.tlv(0x03, [0, 0, 0, 0, 0])], .extensionLength),
            ([ProxyBytes.tlv(0x05, [UInt8](repeating: 1, count: 129))], .extensionLength),
            ([ProxyBytes.tlv(0x30, "a\0")], .invalidText),
            ([ProxyBytes.tlv(0x20, [7, 0, 0, 0])], .extensionLength),
            ([ProxyBytes.tls([[0x22]])], .extensionTruncated),
            ([ProxyBytes.tls([[0x22, 0, 2, 0x61]])], .extensionTruncated),
            ([ProxyBytes.tls([[0xEE, 0, 2, 0x61]])], .extensionTruncated),
            ([ProxyBytes.tls([ProxyBytes.tlv(0x22, [0xFF])])], .invalidText),
            ([ProxyBytes.tls([ProxyBytes.tlv(0x22, "root\0x")])], .invalidText),
            ([ProxyBytes.tls([ProxyBytes.tlv(0x22, "a"), ProxyBytes.tlv(0x22, "b")])], .extensionRepeated),
            ([ProxyBytes.tls(), ProxyBytes.tls()], .extensionRepeated),
            ([ProxyBytes.tlv(0x01, "a"), ProxyBytes.tlv(0x01, "a")], .extensionRepeated),
            ([ProxyBytes.tlv(0x02, "a"), ProxyBytes.tlv(0x02, "a")], .extensionRepeated),
            ([ProxyBytes.tlv(0x05, "a"), ProxyBytes.tlv(0x05, "a")], .extensionRepeated),
            ([ProxyBytes.tlv(0x30, "a"), ProxyBytes.tlv(0x30, "a")], .extensionRepeated),
            ([[0x04]], .extensionTruncated), ([[0x04, 0]], .extensionTruncated),
            ([[0x04, 0, 1]], .extensionTruncated), ([[0xEE, 0xFF, 0xFF, 0]], .extensionTruncated),
        ] as [([[UInt8]], ProxyProblem)])
    func `an extension that cannot be is refused`(_ extensions: [[UInt8]], _ problem: ProxyProblem) {
        #expect(proxyParse(ProxyBytes(extensions: extensions).bytes) == .malformed(problem))
    }

    @Test func `a checksum is that of the whole header`() {
        let name = ProxyBytes.tlv(0x02, "a")
        // Computed apart, bit by bit.
        func sum(_ bytes: [UInt8]) -> [UInt8] {
            var sum = UInt32.max
            for byte in bytes {
                sum ^= UInt32(byte)
                for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
            }
            let final = ~sum
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: final >> UInt32($0)) }
        }
        for extensions in [
            [ProxyBytes.tlv(3, [0, 0, 0, 0]), name], [name, ProxyBytes.tlv(3, [0, 0, 0, 0])],
        ] {
            let zeroed = ProxyBytes(extensions: extensions).bytes
            let place = zeroed.count - (extensions[0] == name ? 4 : 8)
            var bytes = zeroed
            bytes.replaceSubrange(place..<place + 4, with: sum(zeroed))
            var facts = Self.facts
            facts.authority = "a"
            // What follows the header is not part of it.
            #expect(proxyParse(bytes + [1]) == .header(facts, byteCount: bytes.count))
            for index in 16..<bytes.count where bytes[index] < 0xFF {
                var changed = bytes
                changed[index] ^= 1
                if case .header = proxyParse(changed) { Issue.record("byte \(index) may be changed") }
            }
            #expect(proxyParse(zeroed) == .malformed(.checksumMismatch))
        }
    }

    @Test(
        arguments: [
            (7, 0, true), (3, 0, true), (5, 0, true), (1, 0, false), (0, 0, false), (6, 0, false),
            (7, 1, false),
            (3, 0x0100_0000, false), (0xFB, 0, true),
        ] as [(UInt8, UInt32, Bool)])
    func `a certificate is verified when the proxy says that there was one over TLS and verify is 0`(
        _ flags: UInt8, _ verify: UInt32, _ isVerified: Bool
    ) {
        #expect(ProxyTLS(clientFlags: flags, verify: verify).hasVerifiedCertificate == isVerified)
    }
}
