import Testing
import Transport

struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:1883", "127.0.0.1:1883"),
        ("0.0.0.0:0", "0.0.0.0:0"),
        ("::1:1883", "[::1]:1883"),
        ("[::1]:1883", "[::1]:1883"),
        (":::8883", "[::]:8883"),
        ("2001:db8:0:0:0:0:0:9:1883", "[2001:db8::9]:1883"),
        ("local:/run/broker.sock:0", "local:/run/broker.sock"),
        ("local:/run/broker.sock", "local:/run/broker.sock"),
        ("local:/run/a:b:0", "local:/run/a:b"),
    ])
    func `addresses are read as the configuration writes them`(text: String, expected: String) throws {
        #expect(try ListenAddress(parsing: text).description == expected)
    }

    @Test(arguments: [
        ("localhost:1883", "\"localhost\" is not an IPv4 or IPv6 address"),
        ("127.0.0.1", "it does not end in :PORT"),
        ("127.0.0.1:70000", "it does not end in :PORT"),
        ("127.0.0.1:", "it does not end in :PORT"),
        ("256.0.0.1:1", "\"256.0.0.1\" is not an IPv4 or IPv6 address"),
        ("", "it does not end in :PORT"),
        ("local:run/x:0", "local: needs an absolute path"),
        (
            "local:/" + String(repeating: "x", count: 107) + ":0",
            "the path has 108 bytes and a socket's path at most 107"
        ),
    ])
    func `what cannot be listened on is refused with the reason`(text: String, reason: String) {
        let error = #expect(throws: TransportError.self) { try ListenAddress(parsing: text) }
        #expect(error?.description.contains(reason) == true)
    }

    @Test func `the text of a peer is its address without a detour`() {
        #expect(PeerAddress.ipv4(0xC000_0207, port: 9).description == "192.0.2.7:9")
        #expect(PeerAddress(ip: "fe80::1", port: 9) == .ipv6(high: 0xFE80_0000_0000_0000, low: 1, port: 9))
        #expect(PeerAddress(ip: "::1%no-such-interface", port: 9) == nil)
    }
}
