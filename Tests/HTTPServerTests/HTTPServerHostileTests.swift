import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPServer

/// What peers do that mean no good, or no harm but know no better.
@Suite struct HTTPServerHostileTests {
    @Test(arguments: requestCases.filter { $0.refusal != nil })
    func `what cannot be understood in one way only is refused, told, counted and ends the connection`(
        _ row: RequestCase
    ) throws {
        let refusal = try #require(row.refusal)
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send(row.bytes)
        let answer = try #require(client.readAnswer())
        #expect(answer.status == refusal.status)
        #expect(answer.headers["connection"] == "close")
        // What stands behind it is no request any more.
        client.send("GET /query?a=1 HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(client.readAnswer() == nil)
        // The library refuses some by itself, does not say why, and says so after the connection's end.
        #expect(eventually { server.statistics.refusals.reduce(0, +) > 0 })
        let counted = server.statistics.refusals
        #expect(
            counted[refusal.index] + (refusal == .malformed ? 0 : counted[HTTPRefusal.malformed.index]) == 1)
        #expect(counted.reduce(0, +) == 1)
    }

    @Test(arguments: ["/health", "/metrics"])
    func `twice as many half-open connections as there are places do not keep a page from being served`(
        page: String
    ) throws {
        let server = try startServer {
            $0.connections = 8
            $0.requestTimeout = .seconds(600)  // no time limit helps
            $0.idleTimeout = .seconds(600)
        }
        let halves = [
            "", "GET /metrics HTTP/1.1\r\nHos",
            "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\na",
        ]
        var hostile: [RawClient] = []
        for number in 0..<16 {
            hostile.append(try RawClient(port: server.port))
            hostile[number].send(halves[number % 3])
        }
        for _ in 0..<3 {
            #expect(try RawClient(port: server.port).request("GET", page)?.status == 200)
        }
        #expect(server.statistics.openConnections <= 8)
        #expect(server.statistics.sparedConnections >= 8)
        #expect(server.statistics.timedOutConnections == 0)
        #expect(hostile.count == 16)
    }

    @Test func `a client that has few connections keeps them while one that has many opens more`() throws {
        let server = try startServer { $0.connections = 6 }
        let honest = try RawClient(port: server.port, from: 0x7F00_0002)
        #expect(honest.request("GET", "/query?a=1")?.status == 200)
        let hostile = try (0..<12).map { _ in try RawClient(port: server.port) }
        #expect(try RawClient(port: server.port).request("GET", "/health")?.status == 200)
        // The oldest of all, and idle.
        #expect(honest.request("GET", "/query?still=here")?.text == "still=here\n")
        #expect(hostile.count == 12)
    }

    @Test func `a body that comes slowly is given up with 408`() throws {
        let server = try startServer { $0.requestTimeout = .milliseconds(200) }
        let client = try RawClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\n")
        var count = 0
        while count < 100, !client.isReadable(within: 50), client.send("x") { count += 1 }
        #expect(count < 100)
        #expect(client.readAnswer()?.status == 408)
        #expect(client.isClosedByServer())
        #expect(server.statistics.timedOutConnections == 1)
        #expect(server.statistics.refusals[HTTPRefusal.timeout.index] == 1)
    }

    @Test func `a connection that is idle between requests lives for the idle timeout and no longer`() throws
    {
        let server = try startServer {
            $0.requestTimeout = .milliseconds(50)
            $0.idleTimeout = .seconds(1)
        }
        let client = try RawClient(port: server.port)
        #expect(client.request("GET", "/query?a=1")?.status == 200)
        #expect(!client.isReadable(within: 200))  // four request timeouts
        #expect(client.request("GET", "/query?a=2")?.status == 200)
        #expect(client.isClosedByServer())
        #expect(server.statistics.timedOutConnections == 0)
    }

    @Test func `a page that takes long is waited for, and holds up neither health nor other connections`()
        throws
    {
        let release = DispatchSemaphore(value: 0)
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            limits: {
                var limits = HTTPLimits()
                limits.requestTimeout = .milliseconds(200)
                limits.threads = 1
                return limits
            }(),
            routes: [
                Route("/slow") { _ in
                    release.wait()
                    return .text(200, "slow")
                },
                Route("/health", lane: .health) { _ in .text(200, "well") },
            ])
        let slow = try RawClient(port: server.port)
        slow.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(try RawClient(port: server.port).request("GET", "/health")?.text == "well\n")
        #expect(!slow.isReadable(within: 500))  // more than two request timeouts
        release.signal()
        #expect(slow.readAnswer()?.text == "slow\n")
    }

    @Test(arguments: Route.Lane.allCases)
    func `pages of one lane wait for none of another`(blocked: Route.Lane) throws {
        let release = DispatchSemaphore(value: 0)
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            limits: {
                var limits = HTTPLimits()
                limits.threads = 1
                return limits
            }(),
            routes: [
                Route("/slow", lane: blocked) { _ in
                    release.wait()
                    return .text(200, "slow")
                }
            ] + Route.Lane.allCases.map { lane in Route("/\(lane)", lane: lane) { _ in .text(200, "here") } })
        let slow = try RawClient(port: server.port)
        slow.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
        for lane in Route.Lane.allCases where lane != blocked {
            #expect(try RawClient(port: server.port).request("GET", "/\(lane)")?.text == "here\n")
        }
        release.signal()
        #expect(slow.readAnswer()?.text == "slow\n")
    }

    @Test func `a page for whom nobody waits any more is not made`() throws {
        let release = DispatchSemaphore(value: 0)
        let made = Atomic<Int>(0)
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            limits: {
                var limits = HTTPLimits()
                limits.threads = 1
                return limits
            }(),
            routes: [
                Route("/slow") { _ in
                    release.wait()
                    return .text(200, "slow")
                },
                Route("/page") { _ in
                    made.add(1, ordering: .relaxed)
                    return .text(200, "page")
                },
            ])
        let slow = try RawClient(port: server.port)
        slow.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
        var gone: [RawClient] = []
        for _ in 0..<5 {
            let client = try RawClient(port: server.port)
            client.send("GET /page HTTP/1.1\r\nHost: t\r\n\r\n")
            gone.append(client)
        }
        while server.statistics.openConnections < 6 { sched_yield() }
        for client in gone { client.reset() }
        release.signal()
        #expect(slow.readAnswer()?.text == "slow\n")
        #expect(try RawClient(port: server.port).request("GET", "/page")?.text == "page\n")
        #expect(made.load(ordering: .relaxed) == 1)
    }

    @Test func `a client that ends its side gets the whole answer all the same`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send("GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n")
        client.endSending()
        #expect(client.readAnswer()?.body.count == 200_000)
        #expect(client.isClosedByServer())
    }

    @Test func `requests sent at once are answered in order`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        let requests = (0..<20).map { "GET /query?n=\($0) HTTP/1.1\r\nHost: t\r\n\r\n" }
        client.send(requests.joined())
        for number in 0..<20 { #expect(client.readAnswer()?.text == "n=\(number)\n") }
    }

    @Test func `a client that waits for 100-continue is told to go on`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(client.readAnswer()?.status == 100)
        client.send("abc")
        #expect(client.readAnswer()?.text == "POST 3\n")
    }

    @Test func `bodies that arrive together hold no more than their budget`() throws {
        let server = try startServer { $0.bodySize = 1 << 20 }
        let part = String(repeating: "b", count: (1 << 20) - 1)
        var clients: [RawClient] = []
        for _ in 0..<20 {
            let client = try RawClient(port: server.port)
            client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1048576\r\n\r\n" + part)
            clients.append(client)
        }
        // The budget is 16 MiB: at the 17th body somebody is refused, and those who were not are served.
        var looks = 0
        while server.statistics.refusals[HTTPRefusal.busy.index] == 0, looks < 100 {
            _ = clients[19].isReadable(within: 100)
            looks += 1
        }
        for client in clients { client.send("b") }
        let statuses = clients.map { $0.readAnswer()?.status }
        #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 })
        #expect(statuses.filter { $0 == 503 }.count == server.statistics.refusals[HTTPRefusal.busy.index])
        #expect(statuses.contains(503))
        #expect(statuses.filter { $0 == 200 }.count >= 15)
    }

    @Test func `who is not let in hears it before its body has come, and its body takes no room`() throws {
        let server = try startServer { $0.bodySize = 1 << 20 }
        let part = String(repeating: "b", count: (1 << 20) - 1)
        let end = "Content-Length: 1048576\r\n\r\n"
        for _ in 0..<20 {
            let client = try RawClient(port: server.port)
            client.send("POST /guarded HTTP/1.1\r\nHost: t\r\n\(end)")
            #expect(client.readAnswer()?.text == "no key\n")
            #expect(client.isClosedByServer())
        }
        // Nor do bodies that no page reads.
        let silent = try ["GET /guarded", "POST /health", "POST /nosuch", "POST /metrics", "PUT /echo"]
            .flatMap { line in
                try (0..<5).map { _ in
                    let client = try RawClient(port: server.port)
                    client.send("\(line) HTTP/1.1\r\nHost: t\r\nkey: good\r\n\(end)" + part)
                    return client
                }
            }
        let client = try RawClient(port: server.port)
        client.send("POST /guarded HTTP/1.1\r\nHost: t\r\nkey: good\r\n\(end)" + part + "b")
        #expect(client.readAnswer()?.text == "POST 1048576\n")
        for client in silent { client.send("b") }
        let statuses = silent.map { $0.readAnswer()?.status }
        #expect(statuses == [200, 200, 404, 405, 405].flatMap { [Int?](repeating: $0, count: 5) })
        #expect(server.statistics.refusals[HTTPRefusal.busy.index] == 0)
    }

    @Test func `a page asks once who is let in, with a body and without, and never for OPTIONS`() throws {
        let server = try startServer()
        let client = try RawClient(port: server.port)
        #expect(client.request("OPTIONS", "/guarded")?.status == 200)
        #expect(client.request("GET", "/guarded")?.status == 401)
        #expect(client.request("GET", "/guarded", ["key: good"])?.text == "GET 0\n")
        client.send("POST /guarded HTTP/1.1\r\nHost: t\r\nkey: good\r\nContent-Length: 3\r\n\r\nabc")
        #expect(client.readAnswer()?.text == "POST 3\n")
        client.send(
            "POST /guarded HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(client.readAnswer()?.status == 401)
    }

    @Test(arguments: ["/status/", "/status//", "/status/?x=1", "/status"])
    func `a slash at the end changes nothing`(
        target: String
    ) throws {
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            routes: [Route("/") { _ in .text(200, "root") }, Route("/status") { _ in .text(200, "status") }])
        #expect(try RawClient(port: server.port).request("GET", target)?.text == "status\n")
        #expect(try RawClient(port: server.port).request("GET", "/")?.text == "root\n")
    }

    @Test func `HTTP 1.0 is answered and closed, unless it asks to go on`() throws {
        let server = try startServer()
        let once = try RawClient(port: server.port)
        once.send("GET /query?a=1 HTTP/1.0\r\n\r\n")
        #expect(once.readAnswer()?.headers["connection"] == "close")
        #expect(once.isClosedByServer())
        let often = try RawClient(port: server.port)
        for _ in 0..<2 {
            often.send("GET /query?a=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(often.readAnswer()?.headers["connection"]?.lowercased() == "keep-alive")
        }
    }

    @Test func `answers carry a date`() throws {
        let server = try startServer()
        let date = try #require(RawClient(port: server.port).request("GET", "/health")?.headers["date"])
        #expect(date.count == 29 && date.hasSuffix(" GMT"))
    }
}
