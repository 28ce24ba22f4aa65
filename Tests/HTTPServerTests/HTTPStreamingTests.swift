import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPServer

/// Streams through a server.
@Suite struct HTTPStreamingTests {
    /// A server whose pages make a stream each; `made` gets every one of them.
    private struct Streaming {
        let server: HTTPServer
        let made = Made()

        final class Made: Sendable {
            private let streams = Mutex<[HTTPStream]>([])
            func add(_ stream: HTTPStream) -> HTTPResponse {
                streams.withLock { $0.append(stream) }
                return HTTPResponse(contentType: "text/plain", stream: stream)
            }
            var all: [HTTPStream] { streams.withLock { $0 } }
        }

        init(_ change: (inout HTTPLimits) -> Void = { _ in }) throws {
            var limits = HTTPLimits()
            change(&limits)
            let made = made
            server = try HTTPServer(
                address: "127.0.0.1", port: 0, limits: limits,
                routes: [
                    // The number of bytes is the query; each piece is 10,000 bytes with a letter of its own.
                    Route("/bytes") { request in
                        let count = Int(request.query.first?.name ?? "") ?? 0
                        return made.add(
                            HTTPStream { stream in
                                var rest = count
                                var letter = UInt8(ascii: "a")
                                while rest > 0 {
                                    let piece = [UInt8](repeating: letter, count: min(rest, 10_000))
                                    guard stream.write(piece) else { return }
                                    rest -= piece.count
                                    letter = letter == UInt8(ascii: "z") ? UInt8(ascii: "a") : letter + 1
                                }
                            })
                    },
                    Route("/endless") { _ in
                        made.add(
                            HTTPStream(timeout: .milliseconds(300)) { stream in
                                while stream.write([UInt8](repeating: 0, count: 65_536)) {}
                            })
                    },
                    Route("/patient") { _ in
                        made.add(
                            HTTPStream(capacity: 16 << 10, timeout: .seconds(1)) { stream in
                                while stream.write([UInt8](repeating: 0, count: 65_536)) {}
                            })
                    },
                    // Written to by the test.
                    Route("/idle") { _ in made.add(HTTPStream(timeout: .milliseconds(300))) },
                    Route("/lasting") { _ in
                        made.add(HTTPStream(timeout: .milliseconds(300), isLasting: true))
                    },
                    Route("/broken") { _ in
                        made.add(
                            HTTPStream { stream in
                                stream.write(Array("half".utf8))
                                throw Broken()
                            })
                    },
                    Route("/plain") { _ in .text(200, "plain") },
                ])
        }

        func get(_ target: String, keepLittle: Bool = false) throws -> RawClient {
            let client = try RawClient(port: server.port)
            if keepLittle { client.keepLittle() }
            client.send("GET \(target) HTTP/1.1\r\nHost: t\r\n\r\n")
            return client
        }
    }

    @Test func `fifty megabytes pass through a pipe of a quarter of one`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/bytes?50000000")
        let head = try #require(client.readHead())
        #expect(head.status == 200)
        #expect(head.headers["transfer-encoding"] == "chunked")
        #expect(head.headers["content-length"] == nil)
        var count = 0
        var areRight = true
        while let chunk = client.readChunk(), !chunk.isEmpty {
            // The first byte of each chunk tells where it belongs.
            areRight = areRight && chunk[0] == UInt8(ascii: "a") + UInt8(count / 10_000 % 26)
            count += chunk.count
        }
        #expect(count == 50_000_000)
        #expect(areRight)
        let stream = try #require(streaming.made.all.first)
        #expect(stream.peak.kept <= 256 << 10)
        #expect(stream.peak.memory == 256 << 10)
        #expect(eventually { streaming.server.statistics.streams(endedBy: .finished) == 1 })
        #expect(streaming.server.statistics.responseBytes == 50_000_000)
        #expect(!stream.isCancelled)
    }

    @Test func `a connection goes on after a stream`() throws {
        let streaming = try Streaming()
        let client = try RawClient(port: streaming.server.port)
        #expect(client.request("GET", "/bytes?25000")?.body.count == 25_000)
        #expect(client.request("GET", "/plain")?.text == "plain\n")
        #expect(client.request("GET", "/bytes?0")?.body.isEmpty == true)
        #expect(client.request("GET", "/plain")?.text == "plain\n")
        #expect(streaming.server.statistics.acceptedConnections == 1)
        #expect(streaming.server.statistics.begunStreams == 2)
        #expect(streaming.server.statistics.streams(endedBy: .finished) == 2)
    }

    @Test func `requests behind a stream are answered in order`() throws {
        let streaming = try Streaming()
        let client = try RawClient(port: streaming.server.port)
        let targets = ["/bytes?30000", "/plain", "/bytes?5"]
        client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: t\r\n\r\n" }.joined())
        #expect(client.readAnswer()?.body.count == 30_000)
        #expect(client.readAnswer()?.text == "plain\n")
        #expect(client.readAnswer()?.text == "aaaaa")
    }

    @Test func `what is written arrives at once, while the stream goes on`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/idle")
        #expect(client.readHead()?.status == 200)
        let stream = try #require(streaming.made.all.first)
        for word in ["one", "two", "three"] {
            #expect(stream.tryWrite(Array(word.utf8)))
            #expect(client.readChunk() == Array(word.utf8))
        }
        #expect(streaming.server.statistics.openStreams == 1)
        stream.finish()
        #expect(client.readChunk() == [])
        #expect(eventually { streaming.server.statistics.openStreams == 0 })
    }

    @Test func `a reader that waits for an idle stream is never too slow`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/idle")
        #expect(client.readHead()?.status == 200)
        #expect(!client.isReadable(within: 1_000))  // more than three deadlines
        let stream = try #require(streaming.made.all.first)
        #expect(stream.tryWrite([1]))
        #expect(client.readChunk() == [1])
    }

    @Test func `a reader that takes nothing is ended by the deadline and counted`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/endless", keepLittle: true)
        #expect(client.readHead()?.status == 200)
        #expect(eventually { streaming.server.statistics.streams(endedBy: .deadline) == 1 })
        let stream = try #require(streaming.made.all.first)
        #expect(stream.isCancelled)
        #expect(!stream.write([1]))
        #expect(streaming.server.statistics.openStreams == 0)
        #expect(eventually { streaming.server.statistics.openConnections == 0 })
    }

    @Test func `a reader that is slow, but takes something now and then, is not ended`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/patient", keepLittle: true)
        #expect(client.readHead()?.status == 200)
        let clock = ContinuousClock()
        let begin = clock.now
        // Three deadlines; a little at a time, so that pipe and kernel stay full.
        while begin.duration(to: clock.now) < .seconds(3) {
            #expect(client.readSome(2_000) > 0)
            poll(nil, 0, 20)
        }
        #expect(streaming.server.statistics.openStreams == 1)
        let stream = try #require(streaming.made.all.first)
        #expect(!stream.isCancelled)
        #expect(stream.peak.kept == stream.capacity)
        // And then nothing any more.
        #expect(eventually { streaming.server.statistics.streams(endedBy: .deadline) == 1 })
    }

    @Test func `a reader that takes too little is ended, but not one of a stream that lasts`() throws {
        let streaming = try Streaming()
        let slow = try streaming.get("/patient", keepLittle: true)
        #expect(slow.readHead()?.status == 200)
        let lasting = try streaming.get("/lasting")
        #expect(lasting.readHead()?.status == 200)
        let follower = try #require(streaming.made.all.last)
        // Something with each look, and an eighth of the least.
        let isEnded = eventually {
            _ = slow.readSome(20)
            _ = follower.tryWrite([0])
            _ = lasting.readSome(1)
            return streaming.server.statistics.streams(endedBy: .deadline) == 1
        }
        #expect(isEnded && streaming.server.statistics.openStreams == 1 && !follower.isCancelled)
    }

    @Test func `a reader that takes nothing is ended also when the producer has long returned`() throws {
        let returned = DispatchSemaphore(value: 0)
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            routes: [
                Route("/large") { _ in
                    HTTPResponse(
                        stream: HTTPStream(capacity: 32 << 20, timeout: .milliseconds(300)) { stream in
                            stream.write([UInt8](repeating: 0, count: 32 << 20))
                            returned.signal()
                        })
                }
            ])
        let client = try RawClient(port: server.port)
        client.keepLittle()
        client.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(returned.wait(timeout: .now() + 60) == .success)
        #expect(eventually { server.statistics.streams(endedBy: .deadline) == 1 })
        #expect(eventually { server.statistics.openConnections == 0 })
    }

    @Test func `a place is taken until the producer has returned, too`() throws {
        let release = DispatchSemaphore(value: 0)
        var limits = HTTPLimits()
        limits.streams = 1
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0, limits: limits,
            routes: [
                Route("/stuck") { _ in HTTPResponse(stream: HTTPStream { _ in release.wait() }) },
                Route("/other") { _ in HTTPResponse(stream: HTTPStream { $0.write([1]) }) },
            ])
        let client = try RawClient(port: server.port)
        client.send("GET /stuck HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(client.readHead()?.status == 200)
        client.vanish()
        #expect(eventually { server.statistics.streams(endedBy: .reader) == 1 })
        let other = try RawClient(port: server.port)
        #expect(other.request("GET", "/other")?.status == 503)
        release.signal()
        #expect(eventually { other.request("GET", "/other")?.status == 200 })
    }

    @Test func `a stream whose reader went before it began is cancelled`() throws {
        let release = DispatchSemaphore(value: 0)
        let told = DispatchSemaphore(value: 0)
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            routes: [
                Route("/late") { _ in
                    release.wait()
                    let stream = HTTPStream()
                    stream.onCancel { told.signal() }
                    return HTTPResponse(stream: stream)
                }
            ])
        let client = try RawClient(port: server.port)
        client.send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(eventually { server.pendingCount == 1 })
        client.vanish()
        release.signal()
        #expect(told.wait(timeout: .now() + 60) == .success)
        #expect(eventually { server.statistics.openStreams == 0 && server.pendingCount == 0 })
    }

    @Test func `a page that is made while the server stops begins no stream`() throws {
        let isMaking = DispatchSemaphore(value: 0)
        let release = DispatchSemaphore(value: 0)
        let stopped = DispatchSemaphore(value: 0)
        let stream = HTTPStream { _ in Issue.record("it must not begin") }
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0,
            routes: [
                Route("/idle") { _ in HTTPResponse(stream: HTTPStream()) },
                Route("/late") { _ in
                    isMaking.signal()
                    release.wait()
                    return HTTPResponse(stream: stream)
                },
            ])
        let idle = try RawClient(port: server.port)
        idle.send("GET /idle HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(idle.readHead()?.status == 200)
        let client = try RawClient(port: server.port)
        client.send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n")
        isMaking.wait()
        DispatchQueue(label: "stop").async {
            server.stop()
            stopped.signal()
        }
        // The first thing that a stop does is to end the streams that are open.
        #expect(eventually { server.statistics.streams(endedBy: .server) == 1 })
        release.signal()
        #expect(stopped.wait(timeout: .now() + 60) == .success)
        #expect(stream.isCancelled)
        #expect(server.statistics.begunStreams == 1)
        #expect(server.pendingCount == 0)
    }

    @Test func `a reader that goes while nothing is sent is noticed`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/idle")
        #expect(client.readHead()?.status == 200)
        let stream = try #require(streaming.made.all.first)
        let told = DispatchSemaphore(value: 0)
        stream.onCancel { told.signal() }
        client.vanish()
        #expect(told.wait(timeout: .now() + 60) == .success)
        #expect(stream.isCancelled)
        #expect(!stream.tryWrite([1]))
        #expect(eventually { streaming.server.statistics.openConnections == 0 })
        #expect(streaming.server.statistics.streams(endedBy: .reader) == 1)
        #expect(eventually { streaming.server.pendingCount == 0 })
    }

    @Test func `a reader that goes in the midst lets the producer go`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/bytes?500000000")
        #expect(client.readChunk() == nil)  // a head is no chunk, but something has come
        client.vanish()
        #expect(eventually { streaming.server.statistics.streams(endedBy: .reader) == 1 })
        #expect(try #require(streaming.made.all.first).isCancelled)
        streaming.server.stop()
    }

    @Test func `HEAD begins no stream`() throws {
        let streaming = try Streaming()
        let client = try RawClient(port: streaming.server.port)
        let head = try #require(client.request("HEAD", "/bytes?100000"))
        #expect(head.status == 200)
        #expect(head.headers["content-type"] == "text/plain")
        // How long the answer to GET would be is not known, and nothing follows.
        #expect(head.headers["content-length"] == nil)
        #expect(client.readToEnd().isEmpty)
        #expect(client.isClosedByServer())
        #expect(streaming.server.statistics.begunStreams == 0)
        #expect(streaming.server.statistics.refusedStreams == 0)
        #expect(streaming.made.all.allSatisfy { $0.isCancelled && $0.peak.kept == 0 })
    }

    @Test func `streams that go on take no place of those that end, and have a bound of their own`() throws {
        let streaming = try Streaming {
            $0.streams = 1
            $0.lastingStreams = 2
        }
        let lasting = try (0..<2).map { _ in try streaming.get("/lasting") }
        for client in lasting { #expect(client.readHead()?.status == 200) }
        let third = try RawClient(port: streaming.server.port)
        let refused = try #require(third.request("GET", "/lasting"))
        #expect(refused.status == 503 && refused.text.hasPrefix("2 answers of this kind are being sent"))
        #expect(streaming.server.statistics.refusedStreams == 1)
        #expect(third.request("GET", "/bytes?1")?.status == 200)
        lasting[0].vanish()
        #expect(eventually { streaming.server.statistics.openStreams == 1 })
        #expect(try streaming.get("/lasting").readHead()?.status == 200)
    }

    @Test
    func `one stream more than there are places is 503 with a sentence, counted, and finds a place later`()
        throws
    {
        let streaming = try Streaming { $0.streams = 2 }
        let first = try streaming.get("/idle")
        #expect(first.readHead()?.status == 200)
        let second = try streaming.get("/endless")
        #expect(second.readHead()?.status == 200)
        let third = try RawClient(port: streaming.server.port)
        let answer = try #require(third.request("GET", "/bytes?1"))
        #expect(answer.status == 503)
        #expect(answer.text.hasPrefix("2 answers of this kind are being sent"))
        #expect(streaming.server.statistics.refusedStreams == 1)
        #expect(streaming.made.all[2].isCancelled)
        first.vanish()
        #expect(eventually { third.request("GET", "/bytes?1")?.status == 200 })
    }

    @Test func `a producer that throws is logged, counted, and its answer breaks off`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/broken")
        #expect(client.readHead()?.status == 200)
        #expect(client.readChunk() == Array("half".utf8))
        #expect(client.readChunk() == nil)
        #expect(client.isClosedByServer())
        #expect(streaming.server.statistics.handlerErrors == 1)
        #expect(eventually { streaming.server.statistics.streams(endedBy: .failed) == 1 })
    }

    @Test func `HTTP 1.0 gets a stream until the connection ends`() throws {
        let streaming = try Streaming()
        let client = try RawClient(port: streaming.server.port)
        client.send("GET /bytes?30000 HTTP/1.0\r\n\r\n")
        let head = try #require(client.readHead())
        #expect(head.headers["transfer-encoding"] == nil)
        #expect(client.readToEnd().count == 30_000)
        #expect(eventually { streaming.server.statistics.streams(endedBy: .finished) == 1 })
    }

    @Test func `a stop ends streams that wait, that are full and that nobody reads`() throws {
        let streaming = try Streaming()
        let idle = try streaming.get("/idle")
        #expect(idle.readHead()?.status == 200)
        let full = try streaming.get("/endless", keepLittle: true)
        #expect(full.readHead()?.status == 200)
        #expect(try streaming.get("/bytes?500000000").readHead()?.status == 200)
        streaming.server.stop()
        #expect(streaming.made.all.allSatisfy { $0.isCancelled })
        #expect(idle.readChunk() == nil)
        #expect(idle.isClosedByServer())
        let statistics = streaming.server.statistics
        #expect(statistics.openStreams == 0)
        #expect(statistics.begunStreams == 3)
        #expect(statistics.openConnections == 0)
        #expect(streaming.server.pendingCount == 0)
    }

    @Test func `a stream is the last that gives way when there is no place left, and does`() throws {
        let streaming = try Streaming { $0.connections = 2 }
        let streams = try (0..<2).map { _ in
            let client = try streaming.get("/idle")
            #expect(client.readHead()?.status == 200)
            return client
        }
        #expect(try RawClient(port: streaming.server.port).request("GET", "/plain")?.status == 200)
        #expect(streams[0].isClosedByServer())
        #expect(streaming.server.statistics.streams(endedBy: .server) == 1)
        #expect(streaming.server.statistics.sparedConnections == 1)
        #expect(streaming.made.all[0].isCancelled)
        #expect(!streaming.made.all[1].isCancelled)
        #expect(streaming.made.all[1].tryWrite([7]))
        #expect(streams[1].readChunk() == [7])
    }

    @Test func `an event loop that writes to a reader that takes nothing is never held up`() throws {
        let streaming = try Streaming()
        let client = try streaming.get("/idle", keepLittle: true)
        #expect(client.readHead()?.status == 200)
        let stream = try #require(streaming.made.all.first)
        // As much as pipe and kernel take, until the deadline ends it all.
        let piece = [UInt8](repeating: 1, count: 16_384)
        let clock = ContinuousClock()
        var longest = Duration.zero
        let isEnded = eventually {
            var isTaken = true
            for _ in 0..<1_000 where isTaken {
                longest = max(longest, clock.measure { isTaken = stream.tryWrite(piece) })
            }
            return stream.isCancelled
        }
        #expect(isEnded)
        #expect(longest < .seconds(1))
        #expect(streaming.server.statistics.streams(endedBy: .deadline) == 1)
        #expect(stream.peak.kept <= stream.capacity)
    }
}
