import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import Synchronization
import TestSupport
import Testing

@Suite struct PathProbeTests {
    private func broker(
        loops: Int = 2, store: any MessageStore = MemoryMessageStore(),
        _ change: (inout BrokerSettings) -> Void = { _ in }
    ) throws -> TestBroker { try TestBroker(loops: loops, store: store, change) }

    @Test(arguments: [1, 2, 3]) func `an open path is walked from each loop, and every copy is accounted for`(
        loops: Int
    ) throws {
        let broker = try broker(loops: loops, store: ManualStore())
        let probe = PathProbe(broker.runtime, deadline: 60_000, shareTime: 0)
        for number in 1...5 {
            let walk = probe.walk()
            #expect(walk.reasons == [])
            #expect(walk.ways.map(\.loop) == Array(0..<loops))
            #expect(walk.ways.allSatisfy { $0.waited != nil && $0.routed != nil && $0.queued != nil })
            #expect(walk.stored != nil)
            #expect(probe.counts.open == number)
        }
        #expect(broker.isBalanced)
        let numbers = broker.numbers
        #expect(numbers.copies(.broker) == UInt64(5 * loops))
        #expect(numbers[.ledgerDelivered] == UInt64(5 * loops))
        #expect(numbers[.ledgerReceived] == 0)
        #expect(numbers[LoopGauge.queuedMessages] == 0 && numbers[LoopGauge.queuedBytes] == 0)
    }

    @Test func `no client and no operator sees a probe`() throws {
        let broker = try broker { $0.session.maxOfflineMessages = 0 }
        let client = try broker.client("all")
        try client.subscribe("#", qos: .atLeastOnce)
        try client.subscribe("$SYS/#", qos: .atLeastOnce)
        let subscriptions = broker.runtime.broker.subscriptionCount
        let probe = PathProbe(broker.runtime, deadline: 60_000, shareTime: 0)
        #expect(probe.walk().reasons == [])
        #expect(try client.drain().isEmpty)
        #expect(broker.runtime.broker.subscriptionCount == subscriptions)
        let numbers = broker.numbers
        #expect(numbers[LoopGauge.sessionsOnline] == 1 && numbers[LoopGauge.sessionsOffline] == 0)
        var seen: [UTF8Text] = []
        try broker.runtime.walk(SessionQuestion()) { row in
            seen.append(row.session.subscriber.clientID)
            return true
        }
        #expect(seen == ["all"])
    }

    @Test func `a loop that stands still is named, gets no further probes, and is well afterwards`() throws {
        let broker = try broker()
        let probe = PathProbe(broker.runtime, deadline: 5000, shareTime: 0)
        let isOpen = broker.wait { _ in probe.walk().reasons.isEmpty }
        #expect(isOpen)
        let before = probe.counts.blocked
        let (stands, goesOn) = (BlockingQueue<Void>(), BlockingQueue<Void>())
        broker.runtime.directory.post(
            .core(
                .run { shard in
                    guard shard.index == 1 else { return }
                    stands.put(())
                    var nothing: ContiguousArray<Void> = []
                    _ = goesOn.take(into: &nothing)
                }))
        var begun: ContiguousArray<Void> = []
        _ = stands.take(into: &begun)
        let blocked = probe.walk()
        #expect(blocked.reasons.contains { $0.hasPrefix("loop 1 did not take a letter") })
        #expect(
            blocked.reasons.contains {
                $0.hasPrefix("a message from loop 0 did not come out of a queue of loop 1")
            })
        // What is stuck does not fill up.
        let again = probe.walk().reasons
        #expect(again.count == 2 && again.allSatisfy { $0.hasPrefix("an earlier probe from loop") })
        #expect(probe.counts.blocked == before + 2)
        goesOn.put(())
        let isWell = broker.wait { _ in probe.walk().reasons.isEmpty }
        #expect(isWell)
        #expect(broker.isBalanced)
    }

    @Test func `a store that does not commit is named, and is not asked twice`() throws {
        let store = ManualStore()
        let broker = try broker(store: store)
        store.hold()
        let probe = PathProbe(broker.runtime, deadline: 5000, shareTime: 0)
        #expect(probe.walk().reasons == ["the store did not commit a write within 5000 ms"])
        #expect(probe.walk().reasons == ["the store has not committed the write of an earlier probe"])
        store.release()
        let isWell = broker.wait { _ in probe.walk().reasons.isEmpty }
        #expect(isWell)
        store.health.set(isFailing: true)
        #expect(probe.walk().reasons == ["the store takes no writes"])
        store.health.set(isFailing: false)
        #expect(probe.walk().reasons == [])
    }

    @Test func `many who ask at once share a walk`() throws {
        let broker = try broker()
        let probe = PathProbe(broker.runtime, deadline: 60_000, shareTime: 60_000)
        let found = BlockingQueue<PathProbe.Walk>()
        let threads = try (0..<20).map { number in
            try WorkerThread(name: "asker-\(number)") { found.put(probe.walk()) }
        }
        for thread in threads { thread.join() }
        var walks: ContiguousArray<PathProbe.Walk> = []
        _ = found.take(into: &walks)
        #expect(walks.count == 20 && walks.allSatisfy { $0.reasons.isEmpty })
        #expect(probe.counts.open == 1 && probe.counts.shared == 19)
    }

    @Test func `a walk through the sessions ends in time though a loop does not answer`() throws {
        let broker = try broker()
        let (stands, goesOn) = (BlockingQueue<Void>(), BlockingQueue<Void>())
        broker.runtime.directory.post(
            .core(
                .run { shard in
                    guard shard.index == 0 else { return }
                    stands.put(())
                    var nothing: ContiguousArray<Void> = []
                    _ = goesOn.take(into: &nothing)
                }))
        var begun: ContiguousArray<Void> = []
        _ = stands.take(into: &begun)
        let begin = ContinuousClock.now
        #expect(throws: BrokerRuntime.LoopDoesNotAnswer.self) {
            try broker.runtime.walk(SessionQuestion(), patience: 50) { _ in true }
        }
        // Without a patience it would be five seconds.
        #expect(ContinuousClock.now - begin < .seconds(4))
        goesOn.put(())
        try broker.runtime.walk(SessionQuestion(), patience: 60_000) { _ in true }
    }

    @Test func `a loop is silent when it has not answered for long, and not when it answers late`() throws {
        let broker = try broker()
        #expect(broker.registry.silentLoops(for: .zero, patience: .seconds(60)).isEmpty)
        let (stands, goesOn) = (BlockingQueue<Void>(), BlockingQueue<Void>())
        broker.runtime.directory.post(
            .core(
                .run { shard in
                    guard shard.index == 1 else { return }
                    stands.put(())
                    var nothing: ContiguousArray<Void> = []
                    _ = goesOn.take(into: &nothing)
                }))
        var begun: ContiguousArray<Void> = []
        _ = stands.take(into: &begun)
        // Silent, and not yet for long.
        #expect(broker.registry.silentLoops(for: .seconds(3600), patience: .milliseconds(1)).isEmpty)
        let silent = broker.wait { _ in
            broker.registry.silentLoops(for: .milliseconds(1), patience: .milliseconds(1)).map(\.loop) == [1]
        }
        #expect(silent)
        goesOn.put(())
        let answers = broker.wait { _ in
            broker.registry.silentLoops(for: .milliseconds(1), patience: .seconds(60)).isEmpty
        }
        #expect(answers)
    }
}
