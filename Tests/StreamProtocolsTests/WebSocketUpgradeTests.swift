import Primitives
import StreamProtocols
import TestSupport
import Testing

/// A request as lines; those that a test changes are replaced by their place.
struct UpgradeRequest {
    var line = "GET /mqtt HTTP/1.1"
    var headers = [
        "Host: broker.example:8080", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
    ]

    var bytes: [UInt8] { Array(([line] + headers).map { $0 + "\r\n" }.joined().utf8) + [0x0D, 0x0A] }

    /// Replaces the header with the same name, or adds one; nil takes it away.
    func with(_ name: String, _ value: String?) -> UpgradeRequest {
        var changed = self
        changed.headers.removeAll { $0.hasPrefix(name + ":") }
        if let value { changed.headers.append("\(name): \(value)") }
        return changed
    }

    func adding(_ lines: String...) -> UpgradeRequest {
        var changed = self
        changed.headers += lines
        return changed
    }
}

func parseUpgrade(
    _ bytes: [UInt8], _ settings: WebSocketUpgradeSettings = WebSocketUpgradeSettings()
) -> WebSocketUpgradeParse {
    var upgrade = WebSocketUpgrade()
    return upgrade.parse(bytes.span.bytes, settings)
}

func parseUpgrade(
    _ request: UpgradeRequest, _ settings: WebSocketUpgradeSettings = WebSocketUpgradeSettings()
) -> WebSocketUpgradeParse { parseUpgrade(request.bytes, settings) }

extension WebSocketUpgradeParse {
    var request: WebSocketRequest? {
        guard case .upgrade(let request, _) = self else { return nil }
        return request
    }

    var problem: WebSocketUpgradeProblem? {
        guard case .refused(_, let problem, _) = self else { return nil }
        return problem
    }
}

@Suite struct WebSocketUpgradeTests {
    @Test func `the example of the standard gets its answer [RFC 6455, 1.3]`() throws {
        let bytes = UpgradeRequest().bytes
        let parse = parseUpgrade(bytes + [0x82, 0x80])
        guard case .upgrade(let request, bytes.count) = parse else {
            Issue.record("\(parse)")
            return
        }
        #expect(request.subprotocol == "mqtt")
        #expect(request.host == "broker.example:8080")
        #expect(request.origin == nil && request.forwardedFor == nil && request.commonName == nil)
        #expect(
            String(decoding: request.response(subprotocol: request.subprotocol), as: UTF8.self)
                == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        )
    }

    @Test func `a request that comes byte by byte is incomplete until its last byte`() {
        let bytes = UpgradeRequest().bytes
        var upgrade = WebSocketUpgrade()
        for count in 0..<bytes.count {
            let parse = upgrade.parse(Array(bytes[..<count]).span.bytes, WebSocketUpgradeSettings())
            #expect(parse == .incomplete)
        }
        let parse = upgrade.parse(bytes.span.bytes, WebSocketUpgradeSettings())
        #expect(parse.request != nil)
    }

    @Test(arguments: [
        "GET /mqtt HTTP/1.1", "GET /mqtt?token=a%20b&x HTTP/1.1", "GET /mqtt? HTTP/1.1", "GET /mqtt HTTP/1.2",
        "GET http://broker.example/mqtt HTTP/1.1", "GET WSS://broker.example:8080/mqtt?x=/y HTTP/1.1",
    ])
    func `the path may be followed by a query, and the target may tell the host`(_ line: String) {
        #expect(parseUpgrade(UpgradeRequest(line: line)).problem == nil)
    }

    @Test(
        arguments: [
            ("POST /mqtt HTTP/1.1", .method), ("get /mqtt HTTP/1.1", .method),
            ("HEAD /mqtt HTTP/1.1", .method),
            ("OPTIONS * HTTP/1.1", .method), ("GET / HTTP/1.1", .path), ("GET /mqtt/ HTTP/1.1", .path),
            ("GET /MQTT HTTP/1.1", .path), ("GET /%6Dqtt HTTP/1.1", .path), ("GET //mqtt HTTP/1.1", .path),
            ("GET mqtt HTTP/1.1", .path), ("GET http://broker.example HTTP/1.1", .path),
            ("GET /mqtt#a HTTP/1.1", .path), ("GET /a/../mqtt HTTP/1.1", .path),
            ("GET /mqtt HTTP/1.0", .httpVersion), ("GET /mqtt HTTP/2.0", .httpVersion),
            ("GET /mqtt HTTP/0.9", .httpVersion), ("GET /mqtt", .requestLine),
            ("GET /mqtt HTTP/1.1 ", .requestLine),
            ("GET  /mqtt HTTP/1.1", .requestLine), (" GET /mqtt HTTP/1.1", .requestLine),
            ("GET /mqtt http/1.1", .requestLine), ("GET /mqtt HTTP/1.11", .requestLine),
            ("GET /mqtt HTTP/1,1", .requestLine), ("G(T /mqtt HTTP/1.1", .requestLine),
            ("GET\t/mqtt HTTP/1.1", .controlCharacter), ("GET /mqtt\u{7F} HTTP/1.1", .controlCharacter),
            ("GET /mqttä HTTP/1.1", .requestLine), ("\u{10}\u{0E}", .requestLine),
            ("\u{16}\u{03}", .requestLine),
            ("", .requestLine),
        ] as [(String, WebSocketUpgradeProblem)])
    func `another request line is refused`(_ line: String, _ problem: WebSocketUpgradeProblem) {
        #expect(parseUpgrade(UpgradeRequest(line: line)).problem == problem)
    }

    @Test(
        arguments: [
            ("Host", "[2001:db8::1]:80", nil), ("Host", "a_b.example", nil), ("Host", nil, .host),
            ("Host", "", .host),
            ("Host", "a b", .host), ("Host", "a/b", .host), ("Host", "u@h", .host), ("Host", "a?b", .host),
            ("Upgrade", "WebSocket", nil), ("Upgrade", "h2c , websocket", nil), ("Upgrade", nil, .noUpgrade),
            ("Upgrade", "websockets", .noUpgrade), ("Upgrade", "web socket", .noUpgrade),
            ("Upgrade", "", .noUpgrade),
            ("Connection", "keep-alive, upgrade", nil), ("Connection", ",,UPGRADE,", nil),
            ("Connection", "close", .noUpgrade), ("Connection", nil, .noUpgrade),
            ("Connection", "upgrade-insecure", .noUpgrade),
            ("Sec-WebSocket-Version", nil, .webSocketVersion),
            ("Sec-WebSocket-Version", "8", .webSocketVersion),
            ("Sec-WebSocket-Version", "13, 8", .webSocketVersion),
            ("Sec-WebSocket-Version", "013", .webSocketVersion),
            ("Sec-WebSocket-Key", nil, .key), ("Sec-WebSocket-Key", "", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==A", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQA=", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ_==", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j====", .key),
            ("Sec-WebSocket-Protocol", nil, .subprotocol), ("Sec-WebSocket-Protocol", "", .subprotocol),
            ("Sec-WebSocket-Protocol", "MQTT", .subprotocol),
            ("Sec-WebSocket-Protocol", "mqttv5, soap", .subprotocol),
            ("Sec-WebSocket-Protocol", "mqtt;q=1", .subprotocol),
            ("Content-Length", "0", nil), ("Content-Length", "1", .body), ("Content-Length", "00", .body),
            ("Content-Length", "+0", .body), ("Content-Length", "", .body), ("Content-Length", "0, 0", .body),
            ("Transfer-Encoding", "chunked", .body), ("Transfer-Encoding", "identity", .body),
            ("Origin", "https://example.org", nil), ("Origin", "null", nil), ("Origin", "a b", .origin),
            ("Sec-WebSocket-Extensions", "permessage-deflate", nil),
            ("X-Anything", "ä\t(comment) \"x\"", nil),
        ] as [(String, String?, WebSocketUpgradeProblem?)])
    func `each header is checked`(_ name: String, _ value: String?, _ problem: WebSocketUpgradeProblem?) {
        #expect(parseUpgrade(UpgradeRequest().with(name, value)).problem == problem)
    }

    @Test(arguments: ["Host: a", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"])
    func `a header that may be there once is not there twice`(_ line: String) {
        #expect(parseUpgrade(UpgradeRequest().adding(line)).problem == .repeatedHeader)
        #expect(parseUpgrade(UpgradeRequest().adding(line.lowercased())).problem == .repeatedHeader)
        let twice = UpgradeRequest().adding("Origin: https://a", "Origin: https://a")
        #expect(parseUpgrade(twice).problem == .repeatedHeader)
        #expect(
            parseUpgrade(UpgradeRequest().adding("Content-Length: 0", "Content-Length: 0")).problem != nil)
    }

    @Test(arguments: [
        "Folded: a\r\n b", "Folded: a\r\n\tb", "Name : a", "Name\t: a", " Name: a", ": a", "Name", "Na me: a",
        "Na(me: a", "Näme: a", "\"Name\": a",
    ])
    func `a header that readers take differently is refused`(_ line: String) {
        #expect(parseUpgrade(UpgradeRequest().adding(line)).problem == .header)
    }

    @Test(arguments: ["A: b\nC: d", "A: b\rC: d", "A: b\0", "A: b\r\r", "A: \u{1B}[2J", "A: b\u{7F}", "\n"])
    func `control characters and other line ends are refused`(_ line: String) {
        #expect(parseUpgrade(UpgradeRequest().adding(line)).problem == .controlCharacter)
        let early = Array("GET /mqtt HTTP/1.1\n".utf8)
        #expect(parseUpgrade(early).problem == .controlCharacter)
    }

    @Test(
        arguments: [
            (["mqtt"], "mqtt"), (["mqttv3.1"], "mqttv3.1"), (["mqttv3.1, mqtt"], "mqttv3.1"),
            (["soap,mqtt , mqttv3.1"], "mqtt"), (["soap", "mqttv3.1"], "mqttv3.1"),
            ([",", "mqttv3.1,mqtt"], "mqttv3.1"),
        ] as [([String], UTF8Text)])
    func `the first subprotocol of the client that is spoken is taken`(
        _ lists: [String], _ expected: UTF8Text
    ) {
        var request = UpgradeRequest().with("Sec-WebSocket-Protocol", nil)
        request.headers += lists.map { "sec-websocket-protocol: \($0)" }
        #expect(parseUpgrade(request).request?.subprotocol == expected)
    }

    @Test func `limits are the longest that is taken`() {
        var settings = WebSocketUpgradeSettings()
        settings.maximumRequestLineByteCount = 100
        settings.maximumHeaderValueByteCount = 50
        settings.maximumHeaderCount = 8
        settings.maximumByteCount = 600
        func line(_ count: Int) -> String {
            "GET /mqtt?" + String(repeating: "a", count: count - 19) + " HTTP/1.1"
        }
        #expect(parseUpgrade(UpgradeRequest(line: line(100)), settings).problem == nil)
        #expect(parseUpgrade(UpgradeRequest(line: line(101)), settings).problem == .requestLineTooLong)
        // Before the line has ended.
        #expect(parseUpgrade(Array(line(111).utf8.prefix(101)), settings).problem == .requestLineTooLong)
        #expect(parseUpgrade(Array(line(111).utf8.prefix(100)), settings) == .incomplete)
        for (count, problem) in [(50, nil), (51, .headerTooLong)] as [(Int, WebSocketUpgradeProblem?)] {
            let value = "  \(String(repeating: "v", count: count))\t"
            #expect(parseUpgrade(UpgradeRequest().adding("A:\(value)"), settings).problem == problem)
        }
        let open = "GET / HTTP/1.1\r\nA:" + String(repeating: "v", count: 400)
        #expect(parseUpgrade(Array(open.utf8), settings).problem == .headerTooLong)
        #expect(parseUpgrade(UpgradeRequest().adding("A: 1", "B: 2"), settings).problem == nil)
        #expect(
            parseUpgrade(UpgradeRequest().adding("A: 1", "B: 2", "C: 3"), settings).problem == .tooManyHeaders
        )
        for (count, problem) in [(600, nil), (601, .requestTooLarge)] as [(Int, WebSocketUpgradeProblem?)] {
            settings.maximumHeaderValueByteCount = 1000
            let request = UpgradeRequest()
            let bytes = request.adding("A:" + String(repeating: "v", count: count - request.bytes.count - 4))
                .bytes
            #expect(bytes.count == count)
            #expect(parseUpgrade(bytes, settings).problem == problem)
            #expect(parseUpgrade(Array(bytes.prefix(599)), settings) == .incomplete)
            if count > 600 {
                #expect(parseUpgrade(Array(bytes.prefix(600)), settings).problem == .requestTooLarge)
            }
        }
    }

    @Test func `a request that was refused stays refused`() {
        var upgrade = WebSocketUpgrade()
        for bytes in [[0x10], UpgradeRequest().bytes] {
            let parse = upgrade.parse(bytes.span.bytes, WebSocketUpgradeSettings())
            #expect(parse.problem == .requestLine)
        }
    }

    @Test func `only pages of allowed origins may connect, and what is no page may`() {
        var settings = WebSocketUpgradeSettings()
        settings.allowedOrigins = ["https://Example.org", "null"]
        func problem(_ origin: String?) -> WebSocketUpgradeProblem? {
            parseUpgrade(UpgradeRequest().with("Origin", origin), settings).problem
        }
        #expect(problem(nil) == nil)
        #expect(problem("https://example.org") == nil)
        #expect(problem("https://example.org:443") == .origin)
        #expect(problem("http://example.org") == .origin)
        #expect(problem("https://example.org.evil") == .origin)
        #expect(problem("") == .origin)
        #expect(problem("NULL") == nil)
        settings.allowedOrigins = []
        #expect(problem("https://example.org") == .origin)
        let found = parseUpgrade(UpgradeRequest().with("Origin", "https://a.example")).request?.origin
        #expect(found == "https://a.example")
    }

    @Test func `the first entry of X-Forwarded-For is given out`() {
        func entry(_ lines: String...) -> UTF8Text? {
            var request = UpgradeRequest()
            request.headers += lines
            return parseUpgrade(request).request?.forwardedFor
        }
        #expect(entry("X-Forwarded-For: 192.0.2.7, 198.51.100.1") == "192.0.2.7")
        #expect(entry("x-forwarded-for:  2001:db8::7 ", "X-Forwarded-For: 192.0.2.7") == "2001:db8::7")
        #expect(entry("X-Forwarded-For: ", "X-Forwarded-For: 192.0.2.7") == "")
        #expect(entry("X-Forwarded-For: , 192.0.2.7") == "")
        #expect(entry() == nil)
    }

    @Test func `the header with the common name is read where a setting names it`() {
        var settings = WebSocketUpgradeSettings()
        let request = UpgradeRequest().adding("X-SSL-Client-CN: sensor ä")
        #expect(parseUpgrade(request, settings).request?.commonName == nil)
        settings.commonNameHeader = "x-ssl-client-cn"
        #expect(parseUpgrade(request, settings).request?.commonName == "sensor ä")
        #expect(parseUpgrade(UpgradeRequest(), settings).request?.commonName == nil)
        #expect(parseUpgrade(UpgradeRequest().adding("x-ssl-client-cn: "), settings).problem == nil)
        let twice = request.adding("x-ssl-client-cn: other")
        #expect(parseUpgrade(twice, settings).problem == .repeatedHeader)
        var bytes = request.bytes
        if let place = bytes.firstIndex(of: 0xC3) { bytes[place] = 0xFF }
        #expect(parseUpgrade(bytes, settings).problem == .commonName)
    }

    @Test func `every refusal is an answer that closes the connection`() {
        #expect(
            Set(WebSocketUpgradeProblem.allCases.map(\.label)).count == WebSocketUpgradeProblem.allCases.count
        )
        for problem in WebSocketUpgradeProblem.allCases {
            let text = String(decoding: problem.response, as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 \(problem.status) "))
            let parts = text.components(separatedBy: "\r\n\r\n")
            #expect(parts.count == 2 && parts[1] == problem.text + "\n")
            #expect(parts[0].contains("\r\nContent-Length: \(parts[1].utf8.count)\r\n"))
            #expect(parts[0].contains("close\r\n"))
            #expect(parts[0].contains("Allow: GET") == (problem.status == 405))
            #expect(parts[0].contains("Upgrade: websocket") == (problem.status == 426))
            #expect(parts[0].contains("Sec-WebSocket-Version: 13") == (problem == .webSocketVersion))
        }
        guard case .refused(404, .path, let response) = parseUpgrade(UpgradeRequest(line: "GET / HTTP/1.1"))
        else {
            Issue.record("another path is not refused")
            return
        }
        #expect(response == WebSocketUpgradeProblem.path.response)
    }
}

extension String {
    /// Without Foundation.
    fileprivate func components(separatedBy separator: String) -> [Substring] {
        self.split(separator: separator, omittingEmptySubsequences: false)
    }
}

@Suite struct ForwardedForTests {
    @Test(
        arguments: [
            ("192.0.2.7", .ipv4(0xC000_0207)), ("192.0.2.7:1234", .ipv4(0xC000_0207)),
            ("2001:db8::7", .ipv6(high: 0x2001_0DB8_0000_0000, low: 7)),
            ("[2001:db8::7]", .ipv6(high: 0x2001_0DB8_0000_0000, low: 7)),
            ("[2001:db8::7]:443", .ipv6(high: 0x2001_0DB8_0000_0000, low: 7)),
            ("", nil), ("unknown", nil), ("_hidden", nil), ("localhost", nil), ("192.0.2.07", nil),
            ("192.0.2.7:", nil),
            ("192.0.2.7:65536", nil), ("192.0.2.7:1a", nil), ("192.0.2.7 ", nil), ("\"192.0.2.7\"", nil),
            ("[192.0.2.7]", nil), ("[2001:db8::7", nil), ("2001:db8::7]", nil), ("[2001:db8::7]x", nil),
            ("[2001:db8::7]:", nil), ("[fe80::1%eth0]", nil), ("192.0.2.7, 198.51.100.1", nil),
        ] as [(UTF8Text, IPAddress?)])
    func `an entry is an address, with a port if wanted, or nothing`(
        _ entry: UTF8Text, _ expected: IPAddress?
    ) {
        #expect(ForwardedFor.address(entry) == expected)
    }
}
