import BrokerMetrics
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Testing

@testable import BrokerCore

/// A shard without connections, in turns that are over as soon as they have begun.
private struct Bench {
    let shard: Shard
    let broker: Broker
    let posted = Posted()

    final class Posted: Sendable {
        let letters = Mutex<[(loop: Int, copies: Int)]>([])
    }

    init() {
        broker = Broker(
            settings: BrokerSettings(), loopCount: 2,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let posted = posted
        shard = Shard(
            broker, index: 1, counters: LoopCounters(),
            links: ShardLinks { letter, loop in
                guard case .deliveries(let batch) = letter else { return }
                posted.letters.withLock { $0.append((loop, batch.copyCount)) }
            },
            now: Self.time(0))
    }

    static func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    var numbers: Snapshot {
        shard.refreshGauges()
        return Snapshot(loops: [Snapshot.Loop(words: shard.counters.copy())])
    }

    /// A message for `targets`, as another loop would send it.
    func batch(_ targets: [SubscriptionTarget]) -> DeliveryBatch {
        let topic = Array("t".utf8)
        let nothing: [UInt8] = []
        var publication = Publication(
            topic: topic.span.bytes, properties: nothing.span.bytes, payload: nothing.span.bytes,
            facts: MessageFacts(qos: .atLeastOnce, isRetained: false, mountpoint: .default, publisher: nil))
        let batch = DeliveryBatch()
        for target in targets { batch.append(&publication, target, serial: 1) }
        return batch
    }
}

@Suite struct ShardTurnTests {
    private let nobody = SessionHandle(loop: 1, slot: 9, generation: 1)

    @Test
    func `a batch that is longer than a turn is taken in slices, and each copy is counted when it is taken`()
    {
        let bench = Bench()
        let batch = bench.batch(Array(repeating: SubscriptionTarget(session: nobody, options: 1), count: 200))
        let byteCount = batch.byteCount
        _ = bench.broker.addTransit(byteCount, to: 1)
        var taken: [UInt64] = []
        var isDone = false
        while !isDone, taken.count < 10 {
            isDone = bench.shard.receive(.deliveries(batch)) { true }
            taken.append(bench.numbers[.ledgerTaken])
            #expect(bench.numbers[DropReason.subscriberGone] == taken.last)
            #expect(bench.broker.transit(to: 1) == (isDone ? 0 : byteCount))
        }
        #expect(taken == [64, 128, 192, 200])
        #expect(batch.copyCount == 0)  // it has gone back to the pool
    }

    @Test func `a batch is taken as a whole while the turn has time`() {
        let bench = Bench()
        let batch = bench.batch(Array(repeating: SubscriptionTarget(session: nobody, options: 1), count: 200))
        let isDone = bench.shard.receive(.deliveries(batch)) { false }
        #expect(isDone)
        #expect(bench.numbers[.ledgerTaken] == 200)
    }

    @Test func `timers for which a turn has no time fire in the next ones`() {
        let bench = Bench()
        for number in 0..<10 {
            bench.shard.timers.add(.keepAlive(nobody, UInt32(number)), at: Bench.time(100))
        }
        let now = Bench.time(1000)
        var waiting: [Int64] = []
        var sleeps: [UInt64?] = []
        for _ in 0..<4 {
            bench.shard.turnBegan(now) { true }
            waiting.append(bench.numbers[LoopGauge.timersWaiting])
            sleeps.append(bench.shard.sleepLimitNanoseconds(now))
        }
        #expect(waiting == [6, 2, 0, 0])
        #expect(sleeps == [0, 0, nil, nil])
    }

    @Test func `a loop that has timers to fire does not sleep, overloaded or not`() {
        let bench = Bench()
        for number in 0..<10 {
            bench.shard.timers.add(.keepAlive(nobody, UInt32(number)), at: Bench.time(100))
        }
        bench.shard.overload.begin()
        _ = bench.broker.addTransit(1 << 30, to: 1)
        let now = Bench.time(1000)
        bench.shard.turnBegan(now) { true }
        #expect(bench.shard.sleepLimitNanoseconds(now) == 0)
        for _ in 0..<3 { bench.shard.turnBegan(now) { true } }
        #expect(bench.shard.sleepLimitNanoseconds(now) == 1_000_000)
    }

    @Test func `timers of connections that are gone do not stay until their time has come`() {
        let bench = Bench()
        for number in 0..<20_000 as Range<UInt64> {
            bench.shard.timers.add(
                .keepAlive(nobody, UInt32(number)), at: Bench.time(1_000_000 + 50 * number))
        }
        for turn in 1...100 as ClosedRange<UInt64> { bench.shard.turnBegan(Bench.time(turn)) { false } }
        #expect(bench.numbers[LoopGauge.timersWaiting] <= 8192)
    }

    @Test func `the memory of many retained messages is given back after the last of them, in steps`() {
        let bench = Bench()
        func retain(_ number: Int, _ payload: [UInt8]) {
            let topic = Array("\(number)".utf8)
            let nothing: [UInt8] = []
            var publication = Publication(
                topic: topic.span.bytes, properties: nothing.span.bytes, payload: payload.span.bytes,
                facts: MessageFacts(qos: .atMostOnce, isRetained: true, mountpoint: .default, publisher: nil))
            _ = bench.shard.retain(&publication)
        }
        for number in 0..<100_000 { retain(number, [1]) }
        #expect(bench.numbers[LoopGauge.timersWaiting] == 0)
        for number in 0..<100_000 { retain(number, []) }
        #expect(bench.broker.retained.holdsSpareMemory)
        var turns: UInt64 = 0
        while bench.numbers[LoopGauge.timersWaiting] > 0, turns < 100 {
            turns += 1
            bench.shard.turnBegan(Bench.time(turns * 100)) { true }
        }
        #expect(!bench.broker.retained.holdsSpareMemory)
        #expect(turns == 2)
        #expect(bench.broker.retained.byteCount == 0)
    }

    @Test(arguments: [true, false])
    func `a shared copy that meets an ended session goes to another member, if there is one`(_ isMember: Bool)
    {
        let bench = Bench()
        let stays = SubscriptionTarget(
            session: SessionHandle(loop: 0, slot: 1, generation: 1), options: 1 | SubscriptionTarget.sharedBit
        )
        let gone = SubscriptionTarget(session: nobody, options: 1 | SubscriptionTarget.sharedBit)
        let presence = SessionPresence(.online)
        _ = bench.broker.subscriptions.subscribe(
            Array("t".utf8), shareName: Array("g".utf8), mountpoint: .default, target: gone,
            presence: presence)
        if isMember {
            _ = bench.broker.subscriptions.subscribe(
                Array("t".utf8), shareName: Array("g".utf8), mountpoint: .default, target: stays,
                presence: SessionPresence(.online))
        }
        presence.state = .gone
        _ = bench.broker.subscriptions.unsubscribe(
            Array("t".utf8), shareName: Array("g".utf8), mountpoint: .default, session: nobody)
        _ = bench.shard.receive(.deliveries(bench.batch([gone]))) { false }
        bench.shard.turnEnded()
        #expect(bench.numbers[.sharedRedelivered] == (isMember ? 1 : 0))
        #expect(bench.numbers[DropReason.subscriberGone] == (isMember ? 0 : 1))
        let posted = bench.posted.letters.withLock { $0 }
        #expect(posted.map(\.loop) == (isMember ? [0] : []))
        #expect(posted.map(\.copies) == (isMember ? [1] : []))
    }
}
