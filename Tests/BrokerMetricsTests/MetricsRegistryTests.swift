import BrokerMetrics
import Foundation
import Synchronization
import Testing

/// A thread that behaves as a loop does: waits to be woken, counts a turn, answers.
private final class LiveLoop: Sendable {
    let exchange: SnapshotExchange
    private let semaphore: DispatchSemaphore
    private let isEnding = Atomic<Bool>(false)

    init(_ begin: @escaping @Sendable (LoopCounters) -> Void) {
        let semaphore = DispatchSemaphore(value: 0)
        self.semaphore = semaphore
        let exchange = SnapshotExchange { semaphore.signal() }
        self.exchange = exchange
        Thread.detachNewThread { [self] in
            let counters = LoopCounters()
            begin(counters)
            var answered: UInt64 = 0
            while true {
                semaphore.wait()
                if isEnding.load(ordering: .acquiring) { return }
                counters.add(.loopTurns)
                exchange.answer(lastAnswered: &answered, from: counters)
            }
        }
    }

    func end() {
        isEnding.store(true, ordering: .releasing)
        semaphore.signal()
    }
}

@Suite struct MetricsRegistryTests {
    @Test func `a snapshot sums what live loops counted`() {
        let registry = MetricsRegistry(version: "1")
        let loops = (1...3).map { number in LiveLoop { $0.add(.bytesReceived, number * 100) } }
        for loop in loops { registry.add(loop: loop.exchange) }
        defer { for loop in loops { loop.end() } }
        let first = registry.snapshot(deadline: .seconds(30))
        #expect(first[Counter.bytesReceived] == 600)
        #expect(first.loops.map(\.isStalled) == [false, false, false])
        #expect(first.loops.map { $0[.bytesReceived] } == [100, 200, 300])
        let second = registry.snapshot(deadline: .seconds(30))
        #expect(second[Counter.loopTurns] > first[Counter.loopTurns])
    }

    @Test func `a loop that does not answer is stalled and shown with its last numbers`() {
        let registry = MetricsRegistry(version: "1")
        let live = LiveLoop { _ in }
        defer { live.end() }
        let stuck = SnapshotExchange {}
        registry.add(loop: live.exchange)
        registry.add(loop: stuck)
        // It answered once, long ago.
        let counters = LoopCounters()
        counters.add(.bytesSent, 7)
        var answered: UInt64 = 0
        _ = stuck.request()
        stuck.answer(lastAnswered: &answered, from: counters)
        counters.add(.bytesSent, 100)
        let snapshot = registry.snapshot(deadline: .milliseconds(200))
        #expect(snapshot.loops[1].isStalled)
        #expect(snapshot[Counter.bytesSent] == 7)
        #expect(lines(snapshot, "loop_stalled")["loop=1"] == 1)
        #expect(snapshot.duration >= 200_000_000)
        // It comes back.
        stuck.answer(lastAnswered: &answered, from: counters)
        let again = SnapshotExchange {}
        #expect(again.lastWords.isEmpty)
        #expect(stuck.lastWords[Counter.bytesSent.word] == 107)
    }

    @Test func `loops that do not come to the end of a turn are told`() {
        let registry = MetricsRegistry(version: "1")
        let live = (0..<2).map { _ in LiveLoop { _ in } }
        defer { for loop in live { loop.end() } }
        registry.add(loop: live[0].exchange)
        registry.add(loop: SnapshotExchange {})
        registry.add(loop: live[1].exchange)
        #expect(registry.stalledLoops(deadline: .seconds(1)) == [1])
    }

    @Test func `loops that do not answer are waited for once, however many ask`() {
        let registry = MetricsRegistry(version: "1")
        registry.add(loop: SnapshotExchange {})
        #expect(registry.stalledLoops(deadline: .milliseconds(300)) == [0])
        let begin = ContinuousClock.now
        for _ in 0..<20 { #expect(registry.stalledLoops(deadline: .seconds(60)) == [0]) }
        #expect(ContinuousClock.now - begin < .seconds(30))
    }

    @Test func `a loop that never answered counts as nothing`() {
        let registry = MetricsRegistry(version: "1")
        registry.add(loop: SnapshotExchange {})
        let snapshot = registry.snapshot(deadline: .zero)
        #expect(snapshot.loops[0].isStalled)
        #expect(snapshot[Counter.loopTurns] == 0)
        #expect(snapshot.residual(.delivery) == 0)
    }

    @Test func `an old answer does not pass for a new one`() {
        let exchange = SnapshotExchange {}
        let counters = LoopCounters()
        var answered: UInt64 = 0
        let first = exchange.request()
        exchange.answer(lastAnswered: &answered, from: counters)
        #expect(exchange.words(since: first) != nil)
        let second = exchange.request()
        #expect(exchange.words(since: second) == nil)
        exchange.answer(lastAnswered: &answered, from: counters)
        #expect(exchange.words(since: second) != nil)
    }

    @Test func `rooms are read at each snapshot, and are 0 until somebody reads them`() throws {
        let registry = MetricsRegistry(version: "9.8.7", catalog: TestRoom.catalog)
        #expect(lines(registry.snapshot(), "room_plain") == ["": 0])
        #expect(lines(registry.snapshot(), "store_rows") == ["kind=copies": 0, "kind=bodies": 0])
        #expect(lines(registry.snapshot(), "room_sparse_seconds") == [:])
        let count = Mutex(5)
        try registry.register(TestRoom.room) { reading in
            reading.add(TestRoom.plain, count.withLock { $0 })
            reading.add(TestRoom.listeners, ["listener": "default", "type": "mqtt"], 3)
            reading.add(TestRoom.listeners, ["type": "mqttws", "listener": "web"], 4)
            reading.add(TestRoom.sparse, ["stage": "b"], 7)
        }
        #expect(lines(registry.snapshot(), "room_plain") == ["": 5])
        count.withLock { $0 = 6 }
        let snapshot = registry.snapshot()
        #expect(lines(snapshot, "room_plain") == ["": 6])
        #expect(
            lines(snapshot, "listener_connections")
                == ["listener=default,type=mqtt": 3, "listener=web,type=mqttws": 4])
        #expect(lines(snapshot, "room_sparse_seconds") == ["stage=b": 7])
        #expect(lines(snapshot, "build_info") == ["version=9.8.7": 1])
    }
}
