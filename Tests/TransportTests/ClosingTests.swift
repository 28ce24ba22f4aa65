import Glibc
import Primitives
import Testing

@testable import Transport

struct ClosingTests {
    @Test func `what came before the end of a client is answered`() throws {
        let harness = try Harness()
        let script = Script.echo()
        let client = try Client(harness.listen(script))
        try client.send([1, 2, 3])
        client.endWriting()
        #expect(try client.readToEnd() == [1, 2, 3])
        #expect(try script.closed.next() == .peerClosed)
        #expect(harness.events.sum(.halfClosed) == 1)
        #expect(harness.events.sum(.reset) == 0)
    }

    @Test func `a reset by the client is told from an orderly end`() throws {
        let harness = try Harness()
        let script = Script { $1.count }
        let client = try Client(harness.listen(script))
        try client.send([1])
        while harness.events.sum(.bytesReceived) < 1 { try harness.ask { _ in } }
        client.reset()
        #expect(try script.closed.next() == .reset)
        #expect(harness.events.sum(.reset) == 1)
    }

    @Test func `a reset is noticed while reading is paused`() throws {
        let harness = try Harness()
        let opened = Inbox<Bool>()
        let script = Script(opened: {
            $0.pauseReading(.hook)
            opened.post(true)
        }) { $1.count }
        let client = try Client(harness.listen(script))
        _ = try opened.next()
        client.reset()
        #expect(try script.closed.next() == .reset)
    }

    @Test func `what a client sent before it vanished is read although writing to it fails`() throws {
        let harness = try Harness()
        let opened = Inbox<Int>()
        let presented = Inbox<[UInt8]>()
        let script = Script(opened: { opened.post($0.slot) }) { _, bytes in
            presented.post(bytes)
            return bytes.count
        }
        let path = "/tmp/transport-test-\(getpid())-vanish.sock"
        let address = try harness.listen(script, at: "local:\(path)")
        defer { unlink(path) }
        let client = try Client(address)
        _ = try opened.next()
        let hold = Inbox<Bool>()
        // The loop is busy with this task while the client says its last words and goes.
        harness.onLoop { loop in
            _ = try? hold.next()
            loop.forEachConnection { $0.flushForTest([1]) }
        }
        try client.send([9])
        client.reset()
        hold.post(true)
        #expect(try presented.next() == [9])
        #expect(try script.closed.next() != .requested)
    }

    @Test func `closing after the flush delivers the last byte, though input lies unread`() throws {
        let harness = try Harness()
        let size = 4 * 1024 * 1024
        let script = Script { connection, bytes in
            connection.output.append([UInt8](repeating: 5, count: size))
            connection.close(afterFlush: true)
            connection.output.append([6])  // too late
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        #expect(try client.read(1) == [5])
        try client.send([UInt8](repeating: 9, count: 100_000))
        let rest = try client.readToEnd()
        #expect(isSame(rest[...], [UInt8](repeating: 5, count: size - 1)[...]))
        client.endWriting()
        #expect(try script.closed.next() == .requested)
        #expect(harness.events.sum(.reset) == 0)
        #expect(harness.events.sum(.bytesDiscarded) == 0)
    }

    @Test func `the socket stays until the client has ended its side too`() throws {
        var settings = LoopSettings()
        settings.lingerNanoseconds = 20_000_000_000
        let harness = try Harness(settings: settings)
        let script = Script { connection, bytes in
            connection.close(afterFlush: true)
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        #expect(try client.readToEnd() == [])
        #expect(try harness.ask { $0.connectionCount } == 1)
        client.endWriting()
        #expect(try script.closed.next() == .requested)
        #expect(try harness.ask { $0.connectionCount } == 0)
    }

    @Test func `a client that never ends its side is left after the linger time`() throws {
        var settings = LoopSettings()
        settings.lingerNanoseconds = 20_000_000
        settings.deadlineCheckNanoseconds = 5_000_000
        let harness = try Harness(settings: settings)
        let script = Script { connection, bytes in
            connection.close(afterFlush: true)
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        #expect(try script.closed.next() == .requested)
        #expect(try client.readToEnd() == [])
    }

    @Test func `connections may close each other in any callback, each once`() throws {
        let harness = try Harness()
        let opened = Inbox<Int>()
        let script = Script(opened: { opened.post($0.slot) }) { connection, bytes in
            connection.loop.forEachConnection { $0.close(.requested, afterFlush: false) }
            connection.loop.forEachConnection { $0.close(.reset, afterFlush: true) }
            return 0
        }
        let address = try harness.listen(script)
        let clients = try (0..<5).map { _ in try Client(address) }
        for _ in clients { _ = try opened.next() }
        // All have something to say; only one gets to say it.
        for client in clients { try client.send([1]) }
        for _ in clients { #expect(try script.closed.next() == .requested) }
        #expect(try harness.ask { $0.connectionCount } == 0)
        #expect(script.closed.all().isEmpty)
    }

    @Test func `a loop that stops closes its connections and flushes what they wait for`() throws {
        let harness = try Harness()
        let opened = Inbox<Bool>()
        let script = Script(opened: {
            $0.output.append([7])
            opened.post(true)
        }) { $1.count }
        let client = try Client(harness.listen(script))
        _ = try opened.next()
        harness.group.stop()
        harness.group.join()
        #expect(try client.readToEnd() == [7])
        #expect(try script.closed.next() == .loopStopped)
        #expect(harness.group.handles[0].isStopped)
    }
}

extension Connection {
    /// Writes at once rather than at the end of the turn.
    fileprivate func flushForTest(_ bytes: [UInt8]) {
        output.append(bytes)
        flushOutput()
    }
}
