import Primitives
import Testing

@testable import HTTPServer

/// A request as bytes, and what becomes of it.
struct RequestCase: Sendable, CustomTestStringConvertible {
    let bytes: String
    let refusal: HTTPRefusal?
    var testDescription: String { String(bytes.prefix(80).debugDescription) }

    init(_ bytes: String, _ refusal: HTTPRefusal? = nil) {
        self.bytes = bytes
        self.refusal = refusal
    }

    static func post(_ headers: String, _ body: String = "", _ refusal: HTTPRefusal? = nil) -> RequestCase {
        RequestCase("POST /echo HTTP/1.1\r\nHost: t\r\n\(headers)\r\n\r\n\(body)", refusal)
    }
}

let requestCases: [RequestCase] = [
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\n\r\n"),
    RequestCase("\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"),
    RequestCase("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET / HTTP/1.1\r\nHost: [::1]:8888\r\n\r\n"),
    RequestCase("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    RequestCase("GET http://t/metrics HTTP/1.1\r\nHost: t\r\n\r\n"),
    RequestCase("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"),
    RequestCase("GET / HTTP/1.0\r\n\r\n"),
    // The first line [RFC 9112 §3].
    RequestCase("GET /\r\n", .requestLine),
    RequestCase("GET  / HTTP/1.1\r\n", .requestLine),
    RequestCase("GET / HTTP/1.1 \r\n", .requestLine),
    RequestCase(" GET / HTTP/1.1\r\n", .requestLine),
    RequestCase("GET /a b HTTP/1.1\r\n", .requestLine),
    RequestCase("GET /a\u{1}b HTTP/1.1\r\n", .requestLine),
    RequestCase("GET /\u{e9} HTTP/1.1\r\n", .requestLine),
    RequestCase("GET metrics HTTP/1.1\r\n", .requestLine),
    RequestCase("GET * HTTP/1.1\r\n", .requestLine),
    RequestCase("GET http:///metrics HTTP/1.1\r\n", .requestLine),
    RequestCase("CONNECT t:80 HTTP/1.1\r\n", .requestLine),
    RequestCase("G(T / HTTP/1.1\r\n", .requestLine),
    RequestCase("GET / HTTP/1.1\n", .requestLine),
    RequestCase("GET / HTTP/2.0\r\n", .version),
    RequestCase("PRI * HTTP/2.0\r\n", .version),
    RequestCase("GET / HTTP/1.2\r\n", .version),
    RequestCase("GET / http/1.1\r\n", .requestLine),
    RequestCase("GET / HTTPS/1.1\r\n", .requestLine),
    RequestCase("GET /" + String(repeating: "a", count: 8_000) + " HTTP/1.1\r\n", .uriTooLong),
    RequestCase("GET /" + String(repeating: "a", count: 9_000), .uriTooLong),
    // Host [RFC 9112 §3.2].
    RequestCase("GET / HTTP/1.1\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nhost: u\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.1\r\nHost: t, u\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.0\r\nHost: t\r\nHost: t\r\n\r\n", .host),
    // Header fields [RFC 9112 §5.1, 5.2].
    RequestCase("GET / HTTP/1.1\r\nHost : t\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost\t: t\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\n Host: t\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n\tb\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nnocolon\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\n: empty\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: a\u{0}b\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: a\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: \u{e9}\r\n\r\n"),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX:\r\n\r\n"),
    RequestCase(
        "GET / HTTP/1.1\r\nHost: t\r\nX: " + String(repeating: "a", count: 4_097) + "\r\n\r\n",
        .headerTooLarge),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: " + String(repeating: "a", count: 5_000), .headerTooLarge),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\n" + String(repeating: "X: 1\r\n", count: 100), .headerTooLarge),
    RequestCase(
        "GET / HTTP/1.1\r\nHost: t\r\n"
            + String(repeating: "X: " + String(repeating: "a", count: 4_000) + "\r\n", count: 13),
        .headerTooLarge),
    // The length of the body [RFC 9112 §6].
    .post("Content-Length: 3", "abc"),
    .post("Content-Length: 0"),
    .post("Content-Length: 003", "abc"),
    .post("Content-Length: 3\r\nContent-Length: 3", "", .framing),
    .post("Content-Length: 3\r\nContent-Length: 4", "", .framing),
    .post("Content-Length: 3, 3", "", .framing),
    .post("Content-Length: -1", "", .framing),
    .post("Content-Length: +3", "", .framing),
    .post("Content-Length: 0x3", "", .framing),
    .post("Content-Length: 3 3", "", .framing),
    .post("Content-Length:", "", .framing),
    .post("Content-Length: 1001", "", .bodyTooLarge),
    .post("Content-Length: 99999999999999999999999999", "", .bodyTooLarge),
    .post("Content-Length: 3\r\nTransfer-Encoding: chunked", "", .framing),
    .post("Transfer-Encoding: chunked\r\nContent-Length: 3", "", .framing),
    .post("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"),
    .post("Transfer-Encoding: CHUNKED", "3\r\nabc\r\n0\r\n\r\n"),
    .post("Transfer-Encoding: chunked", "3;a=b\r\nabc\r\n0\r\nX: 1\r\n\r\n"),
    .post("Transfer-Encoding: chunked", "00003 ;x\r\nabc\r\n0\r\n\r\n"),
    .post("Transfer-Encoding: gzip", "", .transferCoding),
    .post("Transfer-Encoding: gzip, chunked", "", .transferCoding),
    .post("Transfer-Encoding: identity", "", .transferCoding),
    .post("Transfer-Encoding: xchunked", "", .transferCoding),
    .post("Transfer-Encoding: chunked, chunked", "", .framing),
    .post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "", .framing),
    .post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "", .transferCoding),
    .post("Transfer-Encoding:", "", .framing),
    RequestCase("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .framing),
    // Chunks [RFC 9112 §7.1].
    .post("Transfer-Encoding: chunked", "\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "x\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "-1\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "+3\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "0x3\r\n", .chunk),
    .post("Transfer-Encoding: chunked", " 3\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "3 \r\n", .chunk),
    .post("Transfer-Encoding: chunked", "3\n", .chunk),
    .post("Transfer-Encoding: chunked", "3;\u{1}\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "7fffffffffffffff\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "7ffffffffffffff\r\n", .bodyTooLarge),
    .post("Transfer-Encoding: chunked", "3e9\r\n", .bodyTooLarge),
    .post("Transfer-Encoding: chunked", "3\r\nabcd\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "3\r\nabc\n0\r\n\r\n", .chunk),
    .post("Transfer-Encoding: chunked", "3;" + String(repeating: "a", count: 300), .chunk),
    .post("Transfer-Encoding: chunked", "0\r\nX : 1\r\n\r\n", .header),
    .post("Transfer-Encoding: chunked", "0\r\n" + String(repeating: "X: 1\r\n", count: 101), .headerTooLarge),
    .post("Expect: 100-continue\r\nContent-Length: 3", "abc"),
    .post("Expect: a-miracle\r\nContent-Length: 3", "", .expectation),
]

@Suite struct RequestParserTests {
    private func limits() -> HTTPLimits {
        var limits = HTTPLimits()
        limits.bodySize = 1_000
        return limits
    }

    /// Gives the parser `pieces` as a connection does: what was not taken comes again in front of the next.
    private func run(_ pieces: [[UInt8]]) -> (RequestParser, RequestParser.Event, rest: [UInt8]) {
        var parser = RequestParser(limits())
        var waiting: [UInt8] = []
        for piece in pieces {
            waiting += piece
            while true {
                let (consumed, event) = parser.take(waiting.span.bytes)
                waiting.removeFirst(consumed)
                if event == .wantsContinue { continue }
                if event != .more { return (parser, event, waiting) }
                break
            }
        }
        return (parser, .more, waiting)
    }

    @Test(arguments: requestCases)
    func `a request is taken or refused, in one piece and byte by byte`(_ row: RequestCase) {
        let bytes = Array(row.bytes.utf8)
        for pieces in [[bytes], bytes.map { [$0] }] {
            let (_, event, rest) = run(pieces)
            #expect(event == (row.refusal.map { .refused($0) } ?? .complete))
            if row.refusal == nil { #expect(rest.isEmpty) }
        }
    }

    @Test func `a body is put together, and the next request stays where it is`() {
        let next = "GET / HTTP/1.1\r\n"
        let chunked =
            "POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        let plain = "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde"
        for request in [chunked, plain] {
            let (parser, event, rest) = run([Array((request + next).utf8)])
            #expect(event == .complete)
            #expect(parser.body == Array("abcde".utf8))
            #expect(rest == Array(next.utf8))
        }
    }

    @Test(arguments: [
        ("/a?b", "/a?b"), ("http://h/a?b", "/a?b"), ("HTTP://h:1", "/"), ("http://h?q", "/?q"),
        ("https://h/", "/"),
    ]) func `a target in absolute form is its path`(target: String, path: String) {
        let (parser, event, _) = run([Array("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n".utf8)])
        #expect(event == .complete)
        #expect(parser.head.target == Array(path.utf8))
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "Connection: close", false), ("1.1", "Connection: x, Close", false),
        ("1.0", "", false), ("1.0", "Connection: Keep-Alive", true),
        ("1.0", "Connection: keep-alive, close", false),
    ]) func `whether the connection goes on`(version: String, header: String, keeps: Bool) {
        let line = header.isEmpty ? "" : header + "\r\n"
        let (parser, event, _) = run([Array("GET / HTTP/\(version)\r\nHost: h\r\n\(line)\r\n".utf8)])
        #expect(event == .complete)
        #expect(parser.head.keepsConnection == keeps)
    }

    @Test func `any bytes are taken, refused or waited for, however they are cut`() {
        var random = SystemRandomNumberGenerator()
        for row in requestCases where row.bytes.utf8.count < 400 {
            for _ in 0..<50 {
                var bytes = Array(row.bytes.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
                    }
                }
                let whole = run([bytes])
                let pieces = run(bytes.map { [$0] })
                #expect(whole.1 == pieces.1, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
                #expect(whole.0.body == pieces.0.body)
            }
        }
    }
}
