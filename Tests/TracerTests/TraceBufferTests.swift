import Primitives
import Synchronization
import Testing
import Tracer

@Suite struct TraceBufferTests {
    private func event(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

    @Test func `events come in order, all at once`() {
        let buffer = TraceBuffer()
        #expect(buffer.tryAppend(event("a")) == .taken)
        #expect(buffer.tryAppend(event("b")) == .taken)
        var batch = TraceBatch()
        #expect(buffer.take(into: &batch))
        #expect(batch.events == [event("a"), event("b")] && batch.droppedCount == 0)
        #expect(buffer.byteCount == 0)
        #expect(buffer.take(into: &batch, milliseconds: 0) && batch.isEmpty)
    }

    @Test func `what does not fit in is dropped, and the reader is told with the next batch`() {
        let buffer = TraceBuffer(byteCount: 200)
        #expect(buffer.tryAppend([UInt8](repeating: 0x61, count: 100)) == .taken)
        for _ in 0..<3 { #expect(buffer.tryAppend([UInt8](repeating: 0x62, count: 100)) == .dropped) }
        var batch = TraceBatch()
        #expect(buffer.take(into: &batch))
        #expect(batch.events.count == 1 && batch.droppedCount == 3)
        #expect(buffer.tryAppend(event("c")) == .taken)
        var output: [UInt8] = []
        batch.write(into: &output, text: TraceText(), at: TraceTime(seconds: 0))
        #expect(
            String(decoding: output, as: UTF8.self) == String(repeating: "a", count: 100)
                + "1970-01-01T00:00:00Z 3 events dropped because the reader is slow\n")
        #expect(buffer.take(into: &batch) && batch.events == [event("c")] && batch.droppedCount == 0)
        #expect(buffer.droppedCount == 3)
    }

    @Test func `an event larger than the buffer is dropped, and said even if nothing follows`() {
        let buffer = TraceBuffer(byteCount: 1000)
        #expect(buffer.tryAppend([UInt8](repeating: 0x61, count: 1000)) == .dropped)
        var batch = TraceBatch()
        #expect(buffer.take(into: &batch, milliseconds: 0) && batch.events.isEmpty && batch.droppedCount == 1)
    }

    @Test func `when the trace ends the reader gets what is left, then the end`() {
        let buffer = TraceBuffer(byteCount: 200)
        #expect(buffer.tryAppend(event("a")) == .taken)
        #expect(buffer.tryAppend([UInt8](repeating: 0x61, count: 200)) == .dropped)
        buffer.close()
        #expect(buffer.tryAppend(event("b")) == .closed)
        #expect(buffer.tryAppend([UInt8](repeating: 0x61, count: 200)) == .closed)
        var batch = TraceBatch()
        #expect(buffer.take(into: &batch) && batch.events == [event("a")] && batch.droppedCount == 1)
        #expect(!buffer.take(into: &batch) && batch.isEmpty)
        #expect(!buffer.isReaderGone)
    }

    @Test func `when the reader goes nothing is kept and the loops learn it`() {
        let buffer = TraceBuffer(byteCount: 200)
        #expect(buffer.tryAppend(event("a")) == .taken)
        buffer.abandon()
        #expect(buffer.isReaderGone && buffer.byteCount == 0)
        #expect(buffer.tryAppend(event("b")) == .closed)
        #expect(buffer.byteCount == 0)
    }

    @Test func `a reader that waits is woken by an event and by the end`() throws {
        let buffer = TraceBuffer()
        let answers = BlockingQueue<Int>()
        let reader = try WorkerThread(name: "reader") {
            var batch = TraceBatch()
            while buffer.take(into: &batch) { answers.put(batch.events.count) }
            answers.put(-1)
        }
        #expect(buffer.tryAppend(Array("a".utf8)) == .taken)
        #expect(answers.takeOne() == 1)
        buffer.close()
        #expect(answers.takeOne() == -1)
        reader.join()
    }

    @Test
    func `of what many loops append each event is taken or counted as dropped, and memory stays bounded`()
        throws
    {
        let buffer = TraceBuffer(byteCount: 4096)
        let taken = Atomic<Int>(0)
        let dropped = Atomic<Int>(0)
        let loops = try (0..<4).map { loop in
            try WorkerThread(name: "loop") {
                for number in 0..<5000 {
                    switch buffer.tryAppend([UInt8(loop), UInt8(number & 0xFF), UInt8(number >> 8)]) {
                    case .taken: taken.add(1, ordering: .relaxed)
                    case .dropped: dropped.add(1, ordering: .relaxed)
                    case .closed: Issue.record("closed too early")
                    }
                }
            }
        }
        let read = BlockingQueue<(count: Int, dropped: Int, isInOrder: Bool)>()
        let reader = try WorkerThread(name: "reader") {
            var last = [-1, -1, -1, -1]
            var (count, dropped, isInOrder) = (0, 0, true)
            var batch = TraceBatch()
            while buffer.take(into: &batch) {
                count += batch.events.count
                dropped += Int(batch.droppedCount)
                if batch.events.count > 4096 / 64 { isInOrder = false }
                for event in batch.events {
                    let number = Int(event[1]) | Int(event[2]) << 8
                    if number <= last[Int(event[0])] { isInOrder = false }
                    last[Int(event[0])] = number
                }
            }
            read.put((count, dropped, isInOrder))
        }
        for loop in loops { loop.join() }
        buffer.close()
        reader.join()
        let result = try #require(read.takeOne())
        #expect(result.isInOrder)
        #expect(result.count == taken.load(ordering: .relaxed))
        #expect(result.dropped == dropped.load(ordering: .relaxed))
        #expect(result.count + result.dropped == 20_000)
        #expect(buffer.byteCount == 0)
    }

    @Test func `loops that append while the reader goes leave nothing behind`() throws {
        for _ in 0..<50 {
            let buffer = TraceBuffer()
            let loops = try (0..<2).map { _ in
                try WorkerThread(name: "loop") { while buffer.tryAppend([1]) != .closed {} }
            }
            var batch = TraceBatch()
            #expect(buffer.take(into: &batch))
            buffer.abandon()
            for loop in loops { loop.join() }
            #expect(buffer.byteCount == 0)
        }
    }
}
