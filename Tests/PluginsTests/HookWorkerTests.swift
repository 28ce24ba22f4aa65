import BrokerCore
import Primitives
import Synchronization
import Testing

@testable import Plugins

/// Threads of plugins: what they take on, and what they do not.
@Suite struct HookWorkerTests {
    private final class Ticker: Clock {
        private let nanoseconds = Atomic<UInt64>(1)
        var now: MonotonicTime { MonotonicTime(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
        var wallMilliseconds: Int64 { 0 }
        func pass(milliseconds: UInt64) {
            nanoseconds.wrappingAdd(milliseconds * 1_000_000, ordering: .relaxed)
        }
    }

    private func client(_ number: Int) -> SubscriberID {
        SubscriberID(mountpoint: .default, clientID: UTF8Text("c\(number)"))
    }

    /// Holds a thread of a worker until it is let go.
    private final class Gate: Sendable {
        private let entered = BlockingQueue<Bool>()
        private let left = BlockingQueue<Bool>()

        func hold() {
            entered.put(true)
            _ = left.takeOne()
        }
        func waitUntilHeld() { _ = entered.takeOne() }
        func open() { left.put(true) }
    }

    @Test func `jobs of a client keep their order, on several threads`() throws {
        var limits = HookWorker.Limits()
        limits.threads = 3
        let worker = try HookWorker(name: "test", limits)
        let done = Mutex<[Int: [Int]]>([:])
        for number in 0..<600 {
            let refusal = worker.submit(client: client(number % 7), byteCount: 1, expired: {}) {
                done.withLock { $0[number % 7, default: []].append(number) }
                return true
            }
            #expect(refusal == nil)
        }
        worker.stop()
        let found = done.withLock { $0 }
        #expect(found.values.reduce(0) { $0 + $1.count } == 600)
        for order in found.values { #expect(order == order.sorted()) }
        #expect(worker.reading.done == 600)
        #expect(worker.reading.waitingJobs == 0)
        #expect(worker.reading.waitingBytes == 0)
        #expect(worker.submit(client: client(1), byteCount: 1, expired: {}, run: { true }) == .stopped)
    }

    @Test func `more than may wait is refused, by number and by bytes`() throws {
        var limits = HookWorker.Limits()
        limits.jobs = 3
        limits.bytes = 100
        let worker = try HookWorker(name: "test", limits)
        let gate = Gate()
        #expect(
            worker.submit(
                client: client(0), byteCount: 10, expired: {},
                run: {
                    gate.hold(); return true
                }) == nil)
        gate.waitUntilHeld()
        #expect(worker.submit(client: client(0), byteCount: 91, expired: {}, run: { true }) == .full)
        #expect(worker.submit(client: client(0), byteCount: 90, expired: {}, run: { true }) == nil)
        #expect(worker.submit(client: client(0), byteCount: 0, expired: {}, run: { true }) == nil)
        #expect(worker.submit(client: client(0), byteCount: 0, expired: {}, run: { true }) == .full)
        #expect(worker.reading.refused == 2)
        gate.open()
        worker.stop()
        #expect(worker.reading.done == 3)
    }

    @Test func `a job that waited for too long is not done`() throws {
        let clock = Ticker()
        var limits = HookWorker.Limits()
        limits.patience = 100
        let worker = try HookWorker(name: "test", limits, clock: clock)
        let gate = Gate()
        let expired = Mutex(0)
        _ = worker.submit(
            client: client(0), byteCount: 1, expired: {},
            run: {
                gate.hold(); return true
            })
        gate.waitUntilHeld()
        _ = worker.submit(
            client: client(0), byteCount: 1, expired: { expired.withLock { $0 += 1 } },
            run: {
                Issue.record("it was done")
                return true
            })
        clock.pass(milliseconds: 101)
        gate.open()
        worker.stop()
        #expect(expired.withLock { $0 } == 1)
        #expect(worker.reading.expired == 1)
    }

    @Test func `the breaker opens after failures in a row, and one job closes it`() throws {
        let clock = Ticker()
        var limits = HookWorker.Limits()
        limits.failures = 3
        limits.pause = 1000
        let worker = try HookWorker(name: "test", limits, clock: clock)
        func run(_ isGood: Bool) -> HookWorker.Refusal? {
            let ends = BlockingQueue<Bool>()
            let before = worker.reading
            let refusal = worker.submit(client: client(0), byteCount: 1, expired: {}) {
                ends.put(true)
                return isGood
            }
            guard refusal == nil else { return refusal }
            _ = ends.takeOne()
            while worker.reading.waitingJobs != before.waitingJobs {}
            return nil
        }
        #expect(run(false) == nil)
        #expect(run(true) == nil)
        for _ in 0..<3 { #expect(run(false) == nil) }
        #expect(worker.reading.isBroken)
        #expect(run(true) == .broken)
        clock.pass(milliseconds: 1000)
        #expect(run(false) == nil)  // the probe fails: open again
        #expect(run(true) == .broken)
        clock.pass(milliseconds: 1000)
        #expect(run(true) == nil)
        #expect(!worker.reading.isBroken)
        #expect(run(true) == nil)
        worker.stop()
    }
}
