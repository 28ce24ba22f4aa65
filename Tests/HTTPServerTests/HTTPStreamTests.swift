import Dispatch
import Synchronization
import Testing

@testable import HTTPServer

/// The pipe alone, without a server.
@Suite struct HTTPStreamTests {
    private func begun(_ stream: HTTPStream, _ counters: HTTPCounters = HTTPCounters()) -> HTTPStream {
        #expect(stream.begin(counters))
        return stream
    }

    private func read(
        _ stream: HTTPStream, _ count: Int = 16, resume: @escaping @Sendable () -> Void = {}
    ) -> (reading: HTTPStream.Reading, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: count)
        let reading = bytes.withUnsafeMutableBytes { stream.read(into: $0) { resume } }
        guard case .bytes(let taken) = reading else { return (reading, []) }
        return (reading, Array(bytes[..<taken]))
    }

    /// What waits, at most `count` bytes.
    private func take(_ stream: HTTPStream, _ count: Int) -> [UInt8] { read(stream, count).bytes }

    private func reading(_ stream: HTTPStream, resume: @escaping @Sendable () -> Void = {})
        -> HTTPStream.Reading
    {
        read(stream, resume: resume).reading
    }

    @Test func `tryWrite takes all or nothing, and never waits`() {
        let stream = begun(HTTPStream(capacity: 10))
        #expect(stream.tryWrite([1, 2, 3, 4, 5, 6]))
        #expect(!stream.tryWrite([7, 8, 9, 10, 11]))
        #expect(stream.tryWrite([7, 8, 9, 10]))
        #expect(!stream.tryWrite([0]))
        #expect(take(stream, 4) == [1, 2, 3, 4])
        #expect(!stream.tryWrite([UInt8](repeating: 0, count: 11)))
        #expect(stream.tryWrite([11, 12]))
        #expect(take(stream, 100) == [5, 6, 7, 8, 9, 10, 11, 12])
        #expect(stream.peak == (10, 10))
    }

    @Test func `write waits for room, keeps the order and holds no more than the capacity`() {
        let stream = begun(HTTPStream(capacity: 7))
        let all = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
        let done = DispatchSemaphore(value: 0)
        let queue = DispatchQueue(label: "producer")
        queue.async {
            #expect(stream.write(Array(all[..<3])))
            #expect(stream.write(Array(all[3...])))
            stream.finish()
            done.signal()
        }
        var got: [UInt8] = []
        while true {
            let (reading, bytes) = read(stream, 5)
            got += bytes
            if reading == .finished { break }
        }
        done.wait()
        #expect(got == all)
        #expect(stream.peak == (7, 7))
    }

    @Test func `a reader that found nothing is told once when something comes`() {
        let stream = begun(HTTPStream())
        let told = Atomic<Int>(0)
        #expect(reading(stream) { told.add(1, ordering: .relaxed) } == .waiting)
        #expect(stream.progress == nil)
        #expect(stream.tryWrite([1]))
        #expect(stream.tryWrite([2]))
        #expect(told.load(ordering: .relaxed) == 1)
        #expect(take(stream, 9) == [1, 2])
        #expect(reading(stream) { told.add(1, ordering: .relaxed) } == .waiting)
        stream.finish()
        #expect(told.load(ordering: .relaxed) == 2)
        #expect(reading(stream) == .finished)
    }

    @Test func `a cancelled stream lets its writer go, takes nothing more and tells it once`() {
        let counters = HTTPCounters()
        let stream = begun(HTTPStream(capacity: 2), counters)
        let told = Atomic<Int>(0)
        stream.onCancel { told.add(1, ordering: .relaxed) }
        let written = Mutex<Bool?>(nil)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "producer").async {
            let result = stream.write([1, 2, 3])
            written.withLock { $0 = result }
            done.signal()
        }
        #expect(eventually { stream.peak.kept == 2 })
        stream.cancel(.reader)
        stream.cancel(.deadline)
        done.wait()
        #expect(written.withLock { $0 } == false)
        #expect(stream.isCancelled)
        #expect(!stream.tryWrite([]))
        #expect(told.load(ordering: .relaxed) == 1)
        #expect(counters.reading.streams(endedBy: .reader) == 1)
        #expect(counters.reading.openStreams == 0)
        // Too late: told at once.
        stream.onCancel { told.add(1, ordering: .relaxed) }
        #expect(told.load(ordering: .relaxed) == 2)
        #expect(reading(stream) == .failed)
    }

    @Test func `a stream that ends whole is not cancelled`() {
        let counters = HTTPCounters()
        let stream = begun(HTTPStream(), counters)
        stream.onCancel { Issue.record("nobody has gone") }
        #expect(stream.write([1]))
        stream.finish()
        #expect(!stream.write([2]))
        #expect(take(stream, 9) == [1])
        #expect(reading(stream) == .finished)
        stream.complete(isWhole: true)
        #expect(!stream.isCancelled)
        #expect(counters.reading.streams(endedBy: .finished) == 1)
    }

    @Test func `a stream that failed is read to where it is, and then breaks off`() {
        let counters = HTTPCounters()
        let stream = begun(HTTPStream(), counters)
        #expect(stream.write([1]))
        stream.fail()
        #expect(take(stream, 9) == [1])
        #expect(reading(stream) == .failed)
        stream.complete(isWhole: false)
        #expect(counters.reading.streams(endedBy: .failed) == 1)
    }

    @Test func `a stream begins once, and not when it is over`() {
        let counters = HTTPCounters()
        let stream = begun(HTTPStream(), counters)
        #expect(!stream.begin(counters))
        let late = HTTPStream()
        late.cancel(.failed)
        #expect(!late.begin(counters))
        #expect(counters.reading.begunStreams == 1)
        #expect(counters.reading.endedStreams.reduce(0, +) == 0)
    }
}
