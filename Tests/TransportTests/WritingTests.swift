import Primitives
import Testing
import Transport

struct WritingTests {
    @Test func `many appends in one turn leave in one write`() throws {
        let harness = try Harness()
        let script = Script { connection, bytes in
            for number in 0..<100 { connection.output.append([UInt8(number)]) }
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        #expect(try client.read(100) == (0..<100).map { UInt8($0) })
        try harness.ask { _ in }  // the write may return after the client has read
        #expect(harness.events.calls(.bytesSent) == 1)
        #expect(harness.events.sum(.bytesSent) == 100)
    }

    @Test func `payloads by reference leave in their place and in the same write`() throws {
        let harness = try Harness()
        let payload = [UInt8](repeating: 7, count: 20_000)
        let shared = SharedBytes(copying: payload.span.bytes)
        let script = Script { connection, bytes in
            connection.output.append([1])
            connection.output.append(shared: shared, from: 0)
            connection.output.append([2])
            connection.output.append(shared: shared, from: 19_999)
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        #expect(try client.read(20_003) == [1] + payload + [2, 7])
        try harness.ask { _ in }  // the write may return after the client has read
        #expect(harness.events.calls(.bytesSent) == 1)
    }

    @Test func `a slow reader blocks the output, and it drains when the reader reads`() throws {
        let harness = try Harness()
        let total = 16 * 1024 * 1024
        let blocked = Inbox<Int>()
        let drained = Inbox<Int>()
        let chunkSize = 64 * 1024
        @Sendable func chunk(_ offset: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(truncatingIfNeeded: offset / chunkSize), count: chunkSize)
        }
        // Writes until the output is blocked, and goes on when it has drained.
        @Sendable func write(_ connection: ScriptedConnection) {
            while connection.counter < total, !connection.output.isBlocked {
                connection.output.append(chunk(connection.counter))
                connection.counter += chunkSize
            }
            if connection.output.isBlocked { blocked.post(connection.counter) }
        }
        let script = Script(drained: {
            drained.post($0.counter)
            write($0)
        }) { connection, bytes in
            write(connection)
            return bytes.count
        }
        let client = try Client(harness.listen(script), receiveBuffer: 16 * 1024)
        try client.send([1])
        let limit = try blocked.next()
        #expect(limit < total)
        while harness.events.calls(.writeBlocked) == 0 { try harness.ask { _ in } }
        let received = try client.read(total)
        #expect(received.count == total)
        for offset in stride(from: 0, to: total, by: chunkSize) {
            #expect(isSame(received[offset..<(offset + chunkSize)], chunk(offset)[...]))
        }
        _ = try drained.next()
        try harness.ask { _ in }
        #expect(harness.events.sum(.bytesSent) == total)
    }

    @Test func `a peer that takes nothing is closed after the send time-out`() throws {
        var settings = LoopSettings()
        settings.sendTimeoutNanoseconds = 50_000_000
        settings.deadlineCheckNanoseconds = 10_000_000
        let harness = try Harness(settings: settings)
        let script = Script { connection, bytes in
            connection.output.append([UInt8](repeating: 1, count: 16 * 1024 * 1024))
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        try client.send([1])
        #expect(try script.closed.next() == .sendTimeout)
        #expect(harness.events.sum(.sendTimeout) == 1)
        #expect(harness.events.sum(.bytesSent) + harness.events.sum(.bytesDiscarded) == 16 * 1024 * 1024)
    }
}
