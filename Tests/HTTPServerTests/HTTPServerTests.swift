import Glibc
import HTTPServer
import Testing

struct Broken: Error {}

/// A server with a page of each kind, on a port of its own.
func startServer(_ change: (inout HTTPLimits) -> Void = { _ in }, address: String = "127.0.0.1") throws
    -> HTTPServer
{
    var limits = HTTPLimits()
    limits.bodySize = 1_000
    change(&limits)
    let big = [UInt8](repeating: UInt8(ascii: "x"), count: 200_000)
    return try HTTPServer(
        address: address, port: 0, limits: limits,
        routes: [
            Route("/metrics") { _ in HTTPResponse(contentType: "text/plain", body: big) },
            Route("/health", .any) { _ in .json(Array("{}".utf8)) },
            Route("/echo", .only(["POST"])) { .text(200, "\($0.method) \($0.body.count)") },
            Route("/query") { request in
                .text(200, request.query.map { "\($0.name)=\($0.value ?? "nothing")" }.joined(separator: ";"))
            },
            Route("/broken") { _ in throw Broken() },
            Route("/api/v1/*") { .text(200, $0.path) },
            Route(
                "/guarded", .only(["GET", "POST"]),
                admission: { $0.header("key") == "good" ? nil : .text(401, "no key") },
                handler: { .text(200, "\($0.method) \($0.body.count)") }),
        ])
}

@Suite struct HTTPServerTests {
    @Test func `GET answers with the page and its length`() throws {
        let server = try startServer()
        let answer = try #require(RawClient(port: server.port).request("GET", "/metrics"))
        #expect(answer.status == 200)
        #expect(answer.body.count == 200_000)
        #expect(answer.headers["content-type"] == "text/plain")
        #expect(server.statistics.requests == [0, 1, 0, 0, 0])
        #expect(server.statistics.responseBytes == 200_000)
    }

    @Test func `HEAD answers with the length of the page and no body`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        let head = try #require(client.request("HEAD", "/metrics"))
        #expect(head.status == 200)
        #expect(head.headers["content-length"] == "200000")
        // Were there a body, the next answer would not parse.
        #expect(client.request("GET", "/query?a=1")?.text == "a=1\n")
    }

    @Test func `a page that does not exist is 404, and over the network nobody is told which do`() throws {
        let server = try startServer()
        let answer = try #require(RawClient(port: server.port).request("GET", "/nosuch"))
        #expect(answer.status == 404)
        #expect(answer.text == "There is no page here.\n")
        #expect(server.statistics.requests[3] == 1)
        let routes = Routes([Route("/metrics") { _ in HTTPResponse() }])
        let local = HTTPRequest(
            method: "GET", target: Array("/nosuch".utf8), peer: .local(uid: 0, gid: 0, pid: 1))
        #expect(String(decoding: routes.answer(local) { _ in }.body, as: UTF8.self).contains("/metrics"))
    }

    @Test func `a method a page does not take is 405 with Allow`() throws {
        let server = try startServer()
        let answer = try #require(RawClient(port: server.port).request("DELETE", "/metrics"))
        #expect(answer.status == 405)
        #expect(answer.headers["allow"] == "GET, HEAD, OPTIONS")
        #expect(answer.text.contains("GET, HEAD, OPTIONS"))
    }

    @Test func `OPTIONS says what a page takes`() throws {
        let server = try startServer()
        let answer = try #require(RawClient(port: server.port).request("OPTIONS", "/metrics"))
        #expect(answer.status == 200)
        #expect(answer.headers["allow"] == "GET, HEAD, OPTIONS")
        #expect(answer.body.isEmpty)
    }

    @Test(arguments: ["GET", "POST", "PUT", "BREW"]) func `a page for any method takes every method`(
        method: String
    ) throws {
        let server = try startServer()
        #expect(try RawClient(port: server.port).request(method, "/health")?.status == 200)
    }

    @Test func `a body reaches the handler`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send(
            "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n"
                + String(repeating: "b", count: 1_000))
        #expect(client.readAnswer()?.text == "POST 1000\n")
    }

    @Test func `a body announced as too large is 413 before it is sent`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n")
        #expect(client.readAnswer()?.status == 413)
    }

    @Test func `a chunked body that grows too large is 413`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<3 { client.send("190\r\n" + String(repeating: "c", count: 400) + "\r\n") }
        client.send("0\r\n\r\n")
        #expect(client.readAnswer()?.status == 413)
    }

    @Test(arguments: [8_001, 20_000, 300_000])
    func `a request line over the limit is 414`(length: Int) throws {
        let server = try startServer()
        let answer = try RawClient(port: server.port).request(
            "GET", "/" + String(repeating: "a", count: length))
        #expect(answer?.status == 414)
        // The library tells nobody of a line that its own memory has no room for.
        guard length < 100_000 else { return }
        #expect(eventually { server.statistics.count(of: .uriTooLong) == 1 })
        #expect(eventually { server.statistics.requests[3] == 1 })
    }

    @Test func `a request line of just the limit is served`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        let around = "GET /query? HTTP/1.1".utf8.count
        #expect(
            client.request("GET", "/query?" + String(repeating: "a", count: 8_000 - around))?.status == 200)
        #expect(
            client.request("GET", "/query?" + String(repeating: "a", count: 8_001 - around))?.status == 414)
    }

    @Test(arguments: [4_097, 20_000, 300_000]) func `a header over the limit is 431`(length: Int) throws {
        let server = try startServer()
        let answer = try RawClient(port: server.port)
            .request("GET", "/query?a", ["X-Long: " + String(repeating: "h", count: length)])
        #expect(answer?.status == 431)
        #expect(eventually { server.statistics.count(of: .headerTooLarge) == 1 })
    }

    @Test func `a handler that throws is 500 and counted`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        let answer = try #require(client.request("GET", "/broken"))
        #expect(answer.status == 500)
        #expect(!answer.text.contains("Broken"))
        #expect(server.statistics.handlerErrors == 1)
        #expect(client.request("GET", "/query?still=here")?.text == "still=here\n")
    }

    @Test func `a query keeps its order, its blanks and what has no value`() throws {
        let server = try startServer()
        let answer = try RawClient(port: server.port).request(
            "GET", "/query?--limit=1&--client_id&a%20b=c+d%26e&x=")
        #expect(answer?.text == "--limit=1;--client_id=nothing;a b=c d&e;x=\n")
    }

    @Test func `a route with a star answers for everything below it`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        #expect(client.request("GET", "/api/v1/session/show?x=1")?.text == "/api/v1/session/show\n")
        #expect(client.request("GET", "/api/v1/")?.status == 404)
    }

    @Test func `a connection serves many requests`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        for number in 0..<20 { #expect(client.request("GET", "/query?n=\(number)")?.text == "n=\(number)\n") }
        #expect(server.statistics.acceptedConnections == 1)
    }

    @Test func `what is no HTTP is 400 and the server goes on`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send("\u{1}\u{2}garbage\r\n\r\n")
        _ = client.isClosedByServer()
        #expect(try RawClient(port: server.port).request("GET", "/query?a=1")?.status == 200)
    }

    @Test func `both families reach a server on the IPv6 wildcard`() throws {
        let server = try startServer(address: "::")
        #expect(
            try RawClient(port: server.port, isIPv6: true).request("GET", "/query?six=6")?.text == "six=6\n")
        #expect(try RawClient(port: server.port).request("GET", "/query?four=4")?.text == "four=4\n")
    }

    @Test func `a port in use is an error that names the address and the reason`() throws {
        let server = try startServer()
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(address: "127.0.0.1", port: server.port, routes: [])
        }
        #expect(error?.errorNumber == EADDRINUSE)
        #expect(
            error?.description
                == "http listener 127.0.0.1:\(server.port): cannot bind: Address already in use (errno \(EADDRINUSE)); stop what listens there, or set another listener.http address"
        )
    }

    @Test(arguments: ["", "300.1.1.1", "not an address"]) func `what is no address is an error`(
        address: String
    ) {
        #expect(throws: HTTPServerError.self) { try HTTPServer(address: address, port: 0, routes: []) }
    }

    @Test func `a stopped server frees its port and ends its connections`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        #expect(client.request("GET", "/query?a=1")?.status == 200)
        server.stop()
        server.stop()
        #expect(client.isClosedByServer())
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
        let again = try HTTPServer(address: "127.0.0.1", port: server.port, routes: [])
        #expect(again.port == server.port)
    }
}

extension HTTPStatistics {
    /// How many requests were refused for this reason.
    fileprivate func count(of refusal: HTTPRefusal) -> Int? {
        refusalsByReason.first { $0.reason == refusal.rawValue }?.count
    }
}
