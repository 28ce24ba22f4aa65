import Primitives
import StreamProtocols
import Testing

func proxyParse(_ bytes: [UInt8]) -> ProxyParse { ProxyHeader.parse(bytes.span.bytes) }
func proxyParse(_ text: String) -> ProxyParse { proxyParse(Array(text.utf8)) }

@Suite struct ProxyHeaderV1Tests {
    private static let v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

    @Test func `a line of TCP4 has the addresses and ports of both ends`() {
        let line = "PROXY TCP4 192.0.2.7 198.51.100.1 51234 1883\r\n"
        let facts = ProxyFacts(
            version: 1, source: .ip(.ipv4(0xC000_0207), port: 51234),
            destination: .ip(.ipv4(0xC633_6401), port: 1883))
        #expect(proxyParse(line) == .header(facts, byteCount: line.utf8.count))
        #expect(proxyParse(line + "\u{10}\u{0}") == .header(facts, byteCount: line.utf8.count))
    }

    @Test func `a line of TCP6 has IPv6 addresses`() {
        let line = "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n"
        let facts = ProxyFacts(
            version: 1, source: .ip(.ipv6(high: 0x2001_0DB8_0000_0000, low: 7), port: 1),
            destination: .ip(.ipv6(high: 0, low: 1), port: 65535))
        #expect(proxyParse(line) == .header(facts, byteCount: line.utf8.count))
    }

    @Test(arguments: ["", " ", " ff:: ff:: 1 1", " anything \u{1} at all", " \(v6) \(v6) 65535 65535"])
    func `UNKNOWN tells of no source, whatever follows it`(_ rest: String) {
        let line = "PROXY UNKNOWN\(rest)\r\n"
        #expect(proxyParse(line) == .header(ProxyFacts(version: 1), byteCount: line.utf8.count))
    }

    @Test func `a line may have 107 bytes and no more`() {
        for count in 100...112 {
            let line = "PROXY UNKNOWN " + String(repeating: "x", count: count - 16) + "\r\n"
            #expect(line.utf8.count == count)
            let expected: ProxyParse =
                count <= 107
                ? .header(ProxyFacts(version: 1), byteCount: count) : .malformed(.lineTooLong)
            #expect(proxyParse(line) == expected)
        }
    }

    @Test(
        arguments: [
            ("GET / HTTP/1.1\r\n", .missing), ("\u{10}", .missing), ("proxy TCP4", .missing),
            ("PROXX", .missing),
            ("PROXY\t", .missing), ("PROXYTCP4", .missing), ("X", .missing),
            ("PROXY TCP5", .invalidLine), ("PROXY UD", .invalidLine), ("PROXY  ", .invalidLine),
            ("PROXY TCP ", .invalidLine), ("PROXY TCP44", .invalidLine), ("PROXY UNKNOWNX", .invalidLine),
            ("PROXY \r\n", .invalidLine), ("PROXY TCP4\r\n", .invalidLine),
            ("PROXY UNKNOW\r\n", .invalidLine),
            ("PROXY UNKNOWN\n", .invalidLine), ("PROXY UNKNOWN\rx", .invalidLine),
            ("PROXY t", .invalidLine),
            ("PROXY TCP4 192.0.2.7 192.0.2.8 1 2\n", .invalidLine),
            ("PROXY TCP4 192.0.2.7 192.0.2.8 1 2 ", .invalidLine),
            ("PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n", .invalidLine),
            ("PROXY TCP4 192.0.2.7 192.0.2.8\r\n", .invalidLine),
            ("PROXY TCP4 192.0.2.7\r\n", .invalidLine),
            ("PROXY TCP4 192.0.2.7\t", .invalidAddress), ("PROXY TCP4  ", .invalidAddress),
            ("PROXY TCP4 192.0.2.256 ", .invalidAddress), ("PROXY TCP4 192.0.02.6 ", .invalidAddress),
            ("PROXY TCP4 :", .invalidAddress),
            ("PROXY TCP6 192.0.2.7 ", .invalidAddress), ("PROXY TCP6 fe80::1%", .invalidAddress),
            ("PROXY TCP4 1.2.3.4 1.2.3.4000000000", .invalidAddress), ("PROXY TCP6 g", .invalidAddress),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 0", .invalidPort), ("PROXY TCP4 1.2.3.4 5.6.7.8 1 0", .invalidPort),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 65536", .invalidPort),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1 -", .invalidPort),
            ("PROXY TCP4 1.2.3.4 5.6.7.8  ", .invalidPort),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", .invalidPort),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1 x\r\n", .invalidPort),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 +", .invalidPort),
        ] as [(String, ProxyProblem)])
    func `what cannot become a line is refused as soon as that is known`(
        _ text: String, _ problem: ProxyProblem
    ) {
        #expect(proxyParse(text) == .malformed(problem))
        // The byte before was still the beginning of a header.
        let before = Array(text.utf8.dropLast())
        if !text.hasSuffix("\r\n"), problem != .missing { #expect(proxyParse(before) == .incomplete) }
    }

    @Test(arguments: [
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 1883\r\n", "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n",
        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN a b c d\r\n", "PROXY TCP6 ::ffff:192.0.2.7 \(v6) 65535 65535\r\n",
    ])
    func `every beginning of a line is incomplete`(_ line: String) {
        let bytes = Array(line.utf8)
        for count in 0..<bytes.count { #expect(proxyParse(Array(bytes[..<count])) == .incomplete) }
    }

    @Test func `every problem has a label of its own and says something`() {
        #expect(Set(ProxyProblem.allCases.map(\.label)).count == ProxyProblem.allCases.count)
        for problem in ProxyProblem.allCases {
            #expect(problem.label.utf8.allSatisfy { $0 == UInt8(ascii: "_") || 97...122 ~= $0 })
            #expect(problem.text.utf8.count > 30)
        }
    }
}
