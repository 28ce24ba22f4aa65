import Glibc
import Testing

@testable import HTTPServer

@Suite struct HTTPServerLoadTests {
    @Test func `fifty scrapes at once are all served whole`() async throws {
        let server = try startServer()
        let port = server.port
        let sizes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask { (try? RawClient(port: port))?.request("GET", "/metrics")?.body.count ?? -1 }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sizes == [Int](repeating: 200_000, count: 50))
        #expect(server.statistics.requests[1] == 50)
    }

    @Test func `fifty connections that say nothing do not keep a scrape from being served`() throws {
        let server = try startServer()
        let silent = try (0..<50).map { _ in try RawClient(port: server.port) }
        for client in silent { client.send("GET /metrics HTTP/1.1\r\nHos") }
        #expect(try RawClient(port: server.port).request("GET", "/metrics")?.body.count == 200_000)
        #expect(silent.count == 50)
    }

    @Test func `a connection over the limit takes the place of the one that has been idle longest`() throws {
        let server = try startServer { $0.connections = 2 }
        let first = try RawClient(port: server.port)
        #expect(first.request("GET", "/query?a=1")?.status == 200)
        let second = try RawClient(port: server.port)
        #expect(second.request("GET", "/query?a=1")?.status == 200)
        let third = try RawClient(port: server.port)
        #expect(third.request("GET", "/query?a=1")?.status == 200)
        #expect(first.isClosedByServer())
        #expect(second.request("GET", "/query?a=1")?.status == 200)
        #expect(server.statistics.sparedConnections == 1)
        #expect(server.statistics.refusedConnections == 0)
        #expect(server.statistics.openConnections == 2)
    }

    @Test func `a client that falls silent within its request is cut`() throws {
        let server = try startServer {
            $0.idleTimeout = .seconds(1)
            $0.requestTimeout = .milliseconds(200)
        }
        let client = try RawClient(port: server.port)
        client.send("GET /metrics HTTP/1.1\r\nHost: ")
        #expect(client.isClosedByServer())
    }

    @Test func `a client that sends a byte now and then is cut all the same`() throws {
        let server = try startServer {
            $0.idleTimeout = .seconds(2)
            $0.requestTimeout = .milliseconds(200)
        }
        let client = try RawClient(port: server.port)
        client.send("GET /metrics HTTP/1.1\r\nX: ")
        // A byte each 100 ms never lets the idle timeout of two seconds pass; 10 s would be 100 bytes.
        var count = 0
        while count < 100, !client.isReadable(within: 100), client.send("x") { count += 1 }
        #expect(count < 100)
        #expect(client.isClosedByServer())
        #expect(server.statistics.timedOutConnections == 1)
    }

    @Test func `a client that does not read its answer is cut`() throws {
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            limits: {
                var limits = HTTPLimits()
                limits.requestTimeout = .milliseconds(300)
                return limits
            }(),
            routes: [Route("/big") { _ in HTTPResponse(body: [UInt8](repeating: 0, count: 50_000_000)) }])
        let client = try RawClient(port: server.port)
        client.send("GET /big HTTP/1.1\r\nHost: t\r\n\r\n")
        let other = try RawClient(port: server.port)
        var looks = 0
        while server.statistics.timedOutConnections == 0, looks < 100 {
            _ = other.isReadable(within: 100)
            looks += 1
        }
        #expect(server.statistics.timedOutConnections == 1)
    }

    @Test func `requests given up in any state leave nothing behind`() throws {
        let server = try startServer()
        let halves = [
            "GET /metrics HTTP/1.1\r\nHos", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nab",
            "GET /" + String(repeating: "a", count: 300_000),
            "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 300_000),
            "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n",
        ]
        for half in halves { try RawClient(port: server.port).send(half) }
        #expect(try RawClient(port: server.port).request("GET", "/query?a=1")?.status == 200)
        server.stop()
        #expect(server.statistics.openConnections == 0)
    }
}
