import Primitives
import Synchronization
import Testing
import Transport

/// Packets of the tests: one byte n, then n bytes.
private func packets(in bytes: [UInt8]) -> (whole: [[UInt8]], consumed: Int) {
    var whole: [[UInt8]] = []
    var offset = 0
    while offset < bytes.count, offset + 1 + Int(bytes[offset]) <= bytes.count {
        let end = offset + 1 + Int(bytes[offset])
        whole.append(Array(bytes[(offset + 1)..<end]))
        offset = end
    }
    return (whole, offset)
}

struct ReadingTests {
    @Test func `what is sent comes back, on every loop`() throws {
        let harness = try Harness(loops: 2)
        let address = try harness.listen(.echo())
        // With 16 ports the kernel's hash uses both loops (all but once in 2^15 runs); the echo holds for
        // any.
        for index in 0..<16 {
            let client = try Client(address)
            let words = Array("hello \(index)".utf8)
            try client.send(words)
            #expect(try client.read(words.count) == words)
        }
        #expect(harness.events.sum(.accepted) == 16)
        // A write may return after its client has read.
        for index in 0..<2 { try harness.ask(index) { _ in } }
        #expect(harness.events.sum(.bytesReceived) == harness.events.sum(.bytesSent))
    }

    @Test func `a packet that comes byte by byte is presented from its first byte on`() throws {
        let harness = try Harness()
        let presented = Inbox<[UInt8]>()
        let script = Script { _, bytes in
            presented.post(bytes)
            return packets(in: bytes).consumed
        }
        let client = try Client(harness.listen(script))
        let packet: [UInt8] = [4, 10, 11, 12, 13]
        for count in 1...packet.count {
            try client.send([packet[count - 1]])
            #expect(try presented.next() == Array(packet[..<count]))
        }
        try client.send([1, 99, 2])
        #expect(try presented.next() == [1, 99, 2], "nothing of the packet before is left")
        try client.send([7, 8])
        #expect(try presented.next() == [2, 7, 8])
    }

    @Test func `with its length known an incomplete packet is presented once, when it is complete`() throws {
        let harness = try Harness()
        let presented = Inbox<[UInt8]>()
        let script = Script { connection, bytes in
            presented.post(bytes)
            if let length = bytes.first, bytes.count < Int(length) + 1 {
                connection.neededByteCount = Int(length) + 1
            }
            return packets(in: bytes).consumed
        }
        let client = try Client(harness.listen(script))
        try client.send([3])
        #expect(try presented.next() == [3])
        for (index, byte) in ([1, 2, 3] as [UInt8]).enumerated() {
            try client.send([byte])
            // Only when the byte has been read may the next be sent, or they might come together.
            while harness.events.sum(.bytesReceived) < 2 + index { try harness.ask { _ in } }
        }
        #expect(try presented.next() == [3, 1, 2, 3])
        #expect(presented.all().isEmpty)
    }

    @Test func `what is held of a packet that claims to be long follows what has come of it`() throws {
        let harness = try Harness()
        let held = Inbox<Int>()
        let script = Script(received: { connection, _ in
            connection.neededByteCount = 100 << 20
            return 0
        })
        script.heldInputChanged.withLock { $0 = { held.post($0) } }
        let client = try Client(harness.listen(script))
        var sent = 0
        for count in [2, 1, 1, 100, 10_000, 50_000, 200_000] {
            try client.send([UInt8](repeating: 1, count: count))
            sent += count
            while harness.events.sum(.bytesReceived) < sent { try harness.ask { _ in } }
            for bytes in held.takeAll() { #expect(bytes <= 2 * sent) }
        }
    }

    @Test(arguments: [1, 3]) func `a packet of 10 MB is gathered and presented once`(packetCount: Int) throws
    {
        let harness = try Harness()
        let size = 10 * 1024 * 1024
        let packet = (0..<(size / 1024)).flatMap {
            [UInt8](repeating: UInt8(truncatingIfNeeded: $0 &* 31), count: 1024)
        }
        let presented = Inbox<Int>()
        let script = Script { connection, bytes in
            var offset = 0
            while bytes.count - offset >= size {
                presented.post(isSame(bytes[offset..<(offset + size)], packet[...]) ? size : -1)
                offset += size
            }
            if offset < bytes.count { connection.neededByteCount = size }
            connection.counter += 1
            return offset
        }
        let client = try Client(harness.listen(script))
        for _ in 0..<packetCount { try client.send(packet) }
        for _ in 0..<packetCount { #expect(try presented.next() == size) }
        let state = try harness.ask { loop -> [Int] in
            var state: [Int] = []
            loop.forEachConnection { connection in
                guard let connection = connection as? ScriptedConnection else { return }
                state = [connection.counter, connection.leftoverByteCount]
            }
            return state
        }
        #expect(state[0] <= 2 * packetCount, "its head, then the whole")
        #expect(state[1] == 0, "the memory is given back")
    }

    @Test func `what a paused connection left is presented when reading goes on, without new bytes`() throws {
        let harness = try Harness()
        let presented = Inbox<[UInt8]>()
        let connections = Inbox<Int>()
        // Takes one packet at a time, then waits for an answer.
        let script = Script(opened: { connections.post($0.slot) }) { connection, bytes in
            presented.post(bytes)
            connection.pauseReading(.hook)
            return Int(bytes[0]) + 1
        }
        let client = try Client(harness.listen(script))
        let slot = try connections.next()
        try client.send([1, 7, 2, 8, 8, 1, 9])
        #expect(try presented.next() == [1, 7, 2, 8, 8, 1, 9])
        harness.resume(slot, .hook)
        #expect(try presented.next() == [2, 8, 8, 1, 9])
        harness.resume(slot, .hook)
        #expect(try presented.next() == [1, 9])
        try client.send([1, 5])
        #expect(try harness.ask { _ in true })
        #expect(presented.all().isEmpty, "still paused")
        harness.resume(slot, .hook)
        #expect(try presented.next() == [1, 5])
    }

    @Test func `an answer that comes inside received goes on with the rest`() throws {
        let harness = try Harness()
        let presented = Inbox<[UInt8]>()
        let script = Script { connection, bytes in
            presented.post(bytes)
            connection.pauseReading(.hook)
            connection.resumeReading(.hook)
            return 1
        }
        let client = try Client(harness.listen(script))
        try client.send([1, 2, 3])
        #expect(try presented.next() == [1, 2, 3])
        #expect(try presented.next() == [2, 3])
        #expect(try presented.next() == [3])
    }

    @Test func `reading goes on only when no reason to pause is left`() throws {
        let harness = try Harness()
        let presented = Inbox<[UInt8]>()
        let opened = Inbox<Int>()
        let script = Script(opened: {
            $0.pauseReading(.hook)
            $0.pauseReading([.rate, .overload])
            opened.post($0.slot)
        }) { _, bytes in
            presented.post(bytes)
            return bytes.count
        }
        let client = try Client(harness.listen(script))
        let slot = try opened.next()
        try client.send([42])
        harness.resume(slot, .hook)
        harness.resume(slot, .rate)
        for _ in 0..<3 { try harness.ask { _ in } }
        #expect(presented.all().isEmpty)
        harness.resume(slot, .overload)
        #expect(try presented.next() == [42])
        #expect(harness.events.calls(.readPaused) == 1)
    }

    @Test func `a client that floods does not keep another waiting`() throws {
        var settings = LoopSettings()
        settings.readBufferByteCount = 64 * 1024
        settings.readBudgetByteCount = 64 * 1024
        let harness = try Harness(settings: settings)
        let first = Inbox<UInt8>()
        let opened = Inbox<Int>()
        let script = Script(opened: {
            $0.pauseReading(.hook)
            opened.post($0.slot)
        }) { _, bytes in
            first.post(bytes[0])
            return bytes.count
        }
        let address = try harness.listen(script)
        let flooding = try Client(address)
        _ = try opened.next()
        let quiet = try Client(address)
        _ = try opened.next()
        let count = flooding.sendUntilFull(1)
        try #require(count > 3 * 64 * 1024)
        try quiet.send([2])
        harness.onLoop { loop in loop.forEachConnection { $0.resumeReading(.hook) } }
        var turns = 0
        while try first.next() != 2 { turns += 1 }
        #expect(turns <= 1, "one share for the flood, then the other's turn")
        while harness.events.sum(.bytesReceived) < count + 1 { try harness.ask { _ in } }
        #expect(harness.events.sum(.fairnessYield) >= 2)
    }
}

extension Harness {
    func resume(_ slot: Int, _ reason: PauseReason) {
        onLoop { loop in
            loop.forEachConnection { if $0.slot == slot { $0.resumeReading(reason) } }
        }
    }
}
