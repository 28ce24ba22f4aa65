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
    RequestCase("GET / HTTP/1.1\r\nHost: [::1]:8888\r\n\r\n"),
    RequestCase("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    RequestCase("GET http://t/metrics HTTP/1.1\r\nHost: t\r\n\r\n"),
    RequestCase("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"),
    RequestCase("GET / HTTP/1.0\r\n\r\n"),
    // The first line [RFC 9112 §3].
    RequestCase("GET /\r\n", .requestLine),
    RequestCase("GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET /a\u{1}b HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET /\u{e9} HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET metrics HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET * HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET http:///metrics HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("G(T / HTTP/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET / HTTP/2.0\r\nHost: t\r\n\r\n", .version),
    RequestCase("GET / HTTP/1.2\r\nHost: t\r\n\r\n", .version),
    RequestCase("GET / http/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET / HTTPS/1.1\r\nHost: t\r\n\r\n", .requestLine),
    RequestCase("GET /" + String(repeating: "a", count: 8_000) + " HTTP/1.1\r\nHost: t\r\n\r\n", .uriTooLong),
    // Host [RFC 9112 §3.2].
    RequestCase("GET / HTTP/1.1\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nhost: u\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.1\r\nHost: t, u\r\n\r\n", .host),
    RequestCase("GET / HTTP/1.0\r\nHost: t\r\nHost: t\r\n\r\n", .host),
    // Header fields [RFC 9112 §5.1, 5.2].
    RequestCase("GET / HTTP/1.1\r\nHost : t\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost\t: t\r\n\r\n", .header),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX: \u{e9}\r\n\r\n"),
    RequestCase("GET / HTTP/1.1\r\nHost: t\r\nX:\r\n\r\n"),
    RequestCase(
        "GET / HTTP/1.1\r\nHost: t\r\nX: " + String(repeating: "a", count: 4_097) + "\r\n\r\n",
        .headerTooLarge),
    RequestCase(
        "GET / HTTP/1.1\r\nHost: t\r\n" + String(repeating: "X: 1\r\n", count: 100) + "\r\n",
        .headerTooLarge),
    RequestCase(
        "GET / HTTP/1.1\r\nHost: t\r\n"
            + String(repeating: "X: " + String(repeating: "a", count: 4_000) + "\r\n", count: 13) + "\r\n",
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
    .post("Transfer-Encoding: chunked", "x\r\n", .malformed),
    .post("Transfer-Encoding: chunked", "-1\r\n", .malformed),
    .post("Transfer-Encoding: chunked", "3\r\nabcd\r\n", .malformed),
    .post("Transfer-Encoding: chunked", "3e9\r\n" + String(repeating: "a", count: 1_001), .bodyTooLarge),
    .post("Expect: 100-continue\r\nContent-Length: 3", "abc"),
    .post("Expect: a-miracle\r\nContent-Length: 3", "", .expectation),
]

@Suite struct RequestHeadTests {
    private func read(_ line: String, _ fields: [String] = ["Host: h"]) -> Result<
        RequestHead, HTTPRefusal.Thrown
    > {
        let parts = line.split(separator: " ").map { Array($0.utf8) }
        return RequestHead.read(
            method: parts[0], target: parts[1], version: parts[2],
            fields: fields.map { field in
                let halves = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                return (Array(halves[0].utf8), Array(halves[1].drop { $0 == " " }.utf8))
            }, HTTPLimits())
    }

    @Test(arguments: [
        ("/a?b", "/a?b"), ("http://h/a?b", "/a?b"), ("HTTP://h:1", "/"), ("http://h?q", "/?q"),
        ("https://h/", "/"),
    ]) func `a target in absolute form is its path`(target: String, path: String) throws {
        #expect(try read("GET \(target) HTTP/1.1").get().target == Array(path.utf8))
    }

    @Test(arguments: [
        ("Content-Length: 003", RequestHead.Framing.length(3)), ("Content-Length: 0", .none),
        ("Transfer-Encoding: CHUNKED", .chunked), ("X: y", .none),
    ]) func `the end of the body is told in one way`(field: String, framing: RequestHead.Framing) throws {
        let head = try read("POST / HTTP/1.1", ["Host: h", field]).get()
        #expect(try head.framing(HTTPLimits()).get() == framing)
    }

    @Test func `header fields are bounded in number, and together in bytes`() {
        let many = (0...100).map { "X\($0): 1" }
        #expect(throws: HTTPRefusal.Thrown(.headerTooLarge)) {
            try read("GET / HTTP/1.1", ["Host: h"] + many).get()
        }
        let long = (0..<13).map { "X\($0): " + String(repeating: "a", count: 4_000) }
        #expect(throws: HTTPRefusal.Thrown(.headerTooLarge)) {
            try read("GET / HTTP/1.1", ["Host: h"] + long).get()
        }
    }
}
