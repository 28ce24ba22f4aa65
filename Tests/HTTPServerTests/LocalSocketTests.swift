import Glibc
import TestSupport
import Testing

@testable import HTTPServer

@Suite struct LocalSocketTests {
    private let folder = TestFolder()
    private var path: String { "\(folder.path)/admin.sock" }

    private func start(_ traits: ListenerTraits = ListenerTraits(isLocal: true), permissions: UInt32 = 0o600)
        throws -> HTTPServer
    {
        var limits = HTTPLimits()
        limits.bodySize = 1_000
        return try HTTPServer(
            unixSocket: path, permissions: permissions, limits: limits,
            routes: [
                Route("/who") { .text(200, "\($0.peer)") },
                Route("/stream") { _ in
                    HTTPResponse(
                        stream: HTTPStream { stream in
                            for _ in 0..<100 { stream.write([UInt8](repeating: 1, count: 10_000)) }
                        })
                },
                Route("/idle") { _ in HTTPResponse(stream: HTTPStream()) },
            ], traits: traits)
    }

    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt32(status.st_mode & 0o7777) : 0
    }

    private func error(_ body: () throws -> HTTPServer) -> HTTPServerError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? HTTPServerError
        }
    }

    @Test func `a request over a Unix socket says who sent it`() throws {
        let server = try start()
        let client = try RawClient(unixSocket: path)
        let answer = try #require(client.request("GET", "/who"))
        #expect(answer.status == 200)
        #expect(answer.text == "local(uid: \(geteuid()), gid: \(getegid()), pid: \(getpid()))\n")
        #expect(client.request("GET", "/stream")?.body.count == 1_000_000)
        #expect(client.request("GET", "/who")?.status == 200)
        #expect(server.port == 0)
        #expect(server.statistics.acceptedConnections == 1)
        #expect(server.statistics.refusals.reduce(0, +) == 0)
    }

    @Test func `a request over TCP says where it came from`() throws {
        for (address, isIPv6, expected) in [
            ("127.0.0.1", false, "127.0.0.1"), ("::", false, "127.0.0.1"), ("::", true, "::1"),
        ] {
            let server = try HTTPServer(
                address: address, port: 0,
                routes: [
                    Route("/who") { request in
                        guard case .tcp(let address, let port) = request.peer, port > 0 else {
                            return .text(500, "?")
                        }
                        return .text(200, address)
                    }
                ])
            let client = try RawClient(port: server.port, isIPv6: isIPv6)
            #expect(client.request("GET", "/who")?.text == "\(expected)\n")
        }
    }

    @Test(arguments: [0o600, 0o660, 0o666] as [UInt32])
    func `the file has the permissions that were asked for, whatever the umask`(permissions: UInt32) throws {
        let server = try start(permissions: permissions)
        #expect(mode(path) == permissions)
        // Nothing lies beside it.
        #expect(TestFolder.names(in: folder.path) == ["admin.sock"])
        server.stop()
    }

    @Test func `a stop removes the file`() throws {
        let server = try start()
        server.stop()
        #expect(TestFolder.names(in: folder.path).isEmpty)
        #expect(throws: RawClient.Failure.self) { try RawClient(unixSocket: path) }
    }

    @Test func `a stop leaves the file of somebody else`() throws {
        let server = try start()
        unlink(path)
        let file = open(path, O_CREAT | O_WRONLY, 0o644)
        close(file)
        server.stop()
        #expect(TestFolder.names(in: folder.path) == ["admin.sock"])
    }

    @Test func `a socket that nobody listens on is replaced`() throws {
        // As a broker leaves it that was killed: the file is there, and no process has it open.
        let other = try LocalListeningSocket(path: path, permissions: 0o666)
        close(other.descriptor)
        #expect(mode(path) == 0o666)
        let server = try start()
        #expect(mode(path) == 0o600)
        #expect(try RawClient(unixSocket: path).request("GET", "/who")?.status == 200)
        // The dead broker's end, if it came late, would not take the new one's file.
        other.removeFile()
        #expect(TestFolder.names(in: folder.path) == ["admin.sock"])
        server.stop()
    }

    @Test func `a socket that somebody listens on is refused and goes on`() throws {
        let server = try start()
        let refusal = error { try start() }
        #expect(refusal?.problem == .alreadyServed)
        #expect(
            refusal?.description
                == "http listener \(path): is in use: somebody listens there, most often a broker that runs already"
        )
        #expect(try RawClient(unixSocket: path).request("GET", "/who")?.status == 200)
        #expect(TestFolder.names(in: folder.path) == ["admin.sock"])
        server.stop()
    }

    @Test func `what is no socket is left alone`() throws {
        let file = open(path, O_CREAT | O_WRONLY, 0o644)
        close(file)
        #expect(error { try start() }?.problem == .placeTaken)
        #expect(mode(path) == 0o644)
    }

    @Test func `a directory that is missing, is none, or is everybody's is refused by name`() throws {
        func start(_ path: String) throws -> HTTPServer { try HTTPServer(unixSocket: path, routes: []) }
        let missing = error { try start("\(folder.path)/no/admin.sock") }
        #expect(missing?.problem == .directoryUnfit)
        #expect(missing?.errorNumber == ENOENT)
        #expect(missing?.description.contains("(\(folder.path)/no): No such file or directory") == true)
        close(open("\(folder.path)/file", O_CREAT | O_WRONLY, 0o644))
        #expect(error { try start("\(folder.path)/file/admin.sock") }?.errorNumber == ENOTDIR)
        mkdir("\(folder.path)/open", 0o777)
        chmod("\(folder.path)/open", 0o777)
        #expect(
            error { try start("\(folder.path)/open/admin.sock") }?.description.hasSuffix(
                "/open): every user may write there") == true)
        chmod("\(folder.path)/open", 0o1777)
        try start("\(folder.path)/open/admin.sock").stop()
    }

    @Test func `a path that is too long is refused`() throws {
        let long = "\(folder.path)/" + String(repeating: "a", count: 100)
        #expect(error { try HTTPServer(unixSocket: long, routes: []) }?.problem == .addressInvalid)
        #expect(error { try HTTPServer(unixSocket: "", routes: []) }?.problem == .addressInvalid)
    }

    @Test(arguments: [
        (HTTPPeer.local(uid: 0, gid: 0, pid: 1), true), (.local(uid: 1_000, gid: 0, pid: 1), true),
        (.local(uid: 1_001, gid: 1_000, pid: 1), false), (.local(uid: 65_534, gid: 0, pid: 1), false),
        (.local(uid: .max, gid: .max, pid: 0), false), (.tcp(address: "192.0.2.1", port: 1), true),
    ]) func `root and the broker's own user are admitted over a Unix socket`(peer: HTTPPeer, isAdmitted: Bool)
    {
        #expect(peer.isAdmitted(owner: 1_000) == isAdmitted)
    }

    @Test func `another user is refused with 403, counted, and its connection ends`() throws {
        let server = try start(
            ListenerTraits(
                isLocal: true,
                admits: { peer in
                    guard case .local(let uid, _, let pid) = peer else { return true }
                    return uid != geteuid() || pid != getpid()
                }))
        let client = try RawClient(unixSocket: path)
        let answer = try #require(client.request("GET", "/who"))
        #expect(answer.status == 403)
        #expect(answer.text == "This socket serves root and the user that the broker runs as.\n")
        #expect(client.isClosedByServer())
        #expect(server.statistics.refusedPeers == 1)
        #expect(server.statistics.requests[3] == 1)
    }

    @Test func `a reader that goes while nothing is sent is noticed`() throws {
        let server = try start()
        do {
            let client = try RawClient(unixSocket: path)
            client.send("GET /idle HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(client.readHead()?.status == 200)
        }
        #expect(eventually { server.statistics.streams(endedBy: .reader) == 1 })
        #expect(eventually { server.statistics.openConnections == 0 })
    }

    @Test(arguments: requestCases.filter { $0.refusal != nil })
    func `what cannot be understood in one way only is refused here, too`(_ row: RequestCase) throws {
        let refusal = try #require(row.refusal)
        let server = try start()
        let client = try RawClient(unixSocket: path)
        client.send(row.bytes)
        #expect(client.readAnswer()?.status == refusal.status)
        client.send("GET /who HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(client.readAnswer() == nil)
        #expect(server.statistics.requests[1] == 0)
    }

    @Test(arguments: ["", "GET /who HTT", "GET /who HTTP/1.1\r\nHost: "])
    func `a request that does not come to its end is cut`(half: String) throws {
        var limits = HTTPLimits()
        limits.requestTimeout = .milliseconds(200)
        let server = try HTTPServer(unixSocket: path, limits: limits, routes: [])
        let client = try RawClient(unixSocket: path)
        client.send(half)
        #expect(client.isClosedByServer())
        #expect(server.statistics.timedOutConnections == 1)
    }
}
