import BrokerCore
import BrokerMetrics
import Glibc
import Listeners
import MQTTCodec
import Primitives
import Synchronization
import TestSupport
import Testing

/// How far a loop may read the store while others are busy.
@Suite struct StoreHorizonScenarios {
    /// Keeps a loop busy until it goes out of use.
    private final class Stall: Sendable {
        private let isOver = Atomic<Bool>(false)
        private let hasBegun = Atomic<Bool>(false)

        init(_ loop: Int, of broker: TestBroker) {
            broker.runtime.directory.post(
                .core(
                    .run { [self] shard in
                        guard shard.index == loop else { return }
                        hasBegun.store(true, ordering: .releasing)
                        while !isOver.load(ordering: .acquiring) { sched_yield() }
                    }))
            while !hasBegun.load(ordering: .acquiring) { sched_yield() }
        }

        func end() { isOver.store(true, ordering: .releasing) }
    }

    /// A receiver on loop 1 that takes one message at a time, with `count` of a publisher on the same loop waiting for
    /// it: one under way, a thousand in memory, the rest in the store alone.
    private struct Backlog {
        let bench: StoreBench
        let receiver: TestClient
        let near: TestClient
        let far: TestClient
        private(set) var received: [String] = []

        init(_ count: Int) throws {
            bench = try StoreBench {
                $0.session.maxOnlineMessages = -1
                $0.session.maxOfflineMessages = -1
            }
            let broker = bench.broker
            receiver = try broker.client(
                broker.id(on: 1, "r"), .v5, clean: false,
                properties: Properties {
                    $0.sessionExpiryInterval = 1000
                    $0.receiveMaximum = 1
                })
            try receiver.subscribe("t", qos: .atLeastOnce)
            near = try broker.client(broker.id(on: 1, "near"))
            far = try broker.client(broker.id(on: 0, "far"))
            for number in 1...count {
                try near.publish("t", "near \(number)", qos: .atLeastOnce, id: UInt16(number))
            }
            for number in 1...count { try near.receiveAck(.puback, UInt16(number)) }
            #expect(broker.wait { $0[LoopGauge.spilledMessages] == Int64(count - 1001) })
        }

        mutating func receive(_ count: Int) throws {
            for _ in 0..<count {
                let message = try receiver.receivePublish()
                received.append(message.text)
                try receiver.acknowledge(message)
            }
        }
    }

    @Test func `a client gets all its stored messages while another loop is busy`() throws {
        var backlog = try Backlog(1600)
        let stall = Stall(0, of: backlog.bench.broker)
        defer { stall.end() }
        try backlog.receive(1600)
        #expect(backlog.received == (1...1600).map { "near \($0)" })
        stall.end()
        #expect(backlog.bench.broker.wait { $0[LoopGauge.storedCopies] == 0 })
        #expect(backlog.bench.broker.isBalanced)
    }

    @Test func `what a busy loop has not settled waits for it, is counted as late, and comes once`() throws {
        var backlog = try Backlog(1300)
        let (broker, store) = (backlog.bench.broker, backlog.bench.store)
        store.holdCommits()
        try backlog.far.publish("t", "far", qos: .atLeastOnce)
        #expect(store.wait { $0.heldCopyCount == 1 })
        #expect(broker.wait { $0[LoopGauge.spilledMessages] == 300 })
        let stall = Stall(0, of: broker)
        defer { stall.end() }
        store.release()  // loop 0 cannot take notice
        try backlog.receive(1300)
        #expect(backlog.received == (1...1300).map { "near \($0)" })
        var late: UInt64 = 0
        while late == 0 { late = broker.registry.snapshot(deadline: .milliseconds(20))[.storeBarriersLate] }
        #expect(try backlog.receiver.drain().isEmpty)
        stall.end()
        try backlog.receive(1)
        #expect(backlog.received.last == "far")
        #expect(broker.wait { $0[.ledgerDelivered] == 1301 && $0[LoopGauge.storedCopies] == 0 })
        #expect(broker.isBalanced)
    }

    @Test func `a client that comes back while the store takes no writes gets what is in it`() throws {
        let bench = try StoreBench()
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: 1, "r")
        try bench.away(id, qos: .atLeastOnce)
        let near = try broker.client(broker.id(on: 1, "near"))
        let far = try broker.client(broker.id(on: 0, "far"))
        for number in 1...150 { try near.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        #expect(broker.wait { $0[LoopGauge.spilledMessages] == 50 })
        store.holdCommits()
        try near.publish("t", "151", qos: .atLeastOnce)
        #expect(store.wait { $0.heldCopyCount == 1 })
        try far.publish("t", "152", qos: .atLeastOnce)
        #expect(store.wait { $0.heldCopyCount == 2 })
        store.health.set(isFailing: true)
        let receiver = try bench.lasting(id)
        #expect(try receiver.receiveMessages(150).map(\.text) == (1...150).map { "\($0)" })
        #expect(try receiver.drain().isEmpty)
        store.health.set(isFailing: false)
        store.release()
        #expect(try receiver.receiveMessages(2).map(\.text) == ["151", "152"])
        #expect(broker.wait { $0[.ledgerDelivered] == 152 && $0[LoopGauge.storedCopies] == 0 })
        #expect(broker.isBalanced)
    }

    @Test func `a copy whose removal is not committed does not come again with the backlog`() throws {
        var backlog = try Backlog(1001)
        let (broker, store) = (backlog.bench.broker, backlog.bench.store)
        // The copy of the other loop is acknowledged, and its row is still there when the backlog behind it is read.
        try backlog.receive(1001)
        #expect(broker.wait { $0[LoopGauge.storedCopies] == 0 })
        try backlog.far.publishAndComplete("t", "far", qos: .atLeastOnce)
        let far = try backlog.receiver.receivePublish()
        #expect(store.wait { $0.contents.copyCount == 1 })
        for number in 1...1050 {
            try backlog.near.publish("t", "near \(number)", qos: .atLeastOnce, id: UInt16(number))
        }
        for number in 1...1050 { try backlog.near.receiveAck(.puback, UInt16(number)) }
        #expect(broker.wait { $0[LoopGauge.spilledMessages] == 50 })
        let stall = Stall(0, of: broker)
        defer { stall.end() }
        try backlog.receiver.acknowledge(far)
        try backlog.receive(1050)
        #expect(backlog.received.suffix(1050) == (1...1050).map { "near \($0)" })
        #expect(try backlog.receiver.drain().isEmpty)
        stall.end()
        #expect(broker.wait { $0[LoopGauge.storedCopies] == 0 })
        #expect(broker.isBalanced)
    }

    @Test func `the identifier of a copy does not stay when its removal is written first`() throws {
        let bench = try StoreBench()
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: 1, "r")
        let receiver = try bench.lasting(id)
        try receiver.subscribe("t", qos: .atLeastOnce)
        let other = try bench.lasting(broker.id(on: 1, "other"))
        try broker.client(broker.id(on: 0, "far")).publishAndComplete("t", "x", qos: .atLeastOnce)
        _ = try receiver.receivePublish()
        #expect(store.wait { $0.contents.copyCount == 1 })
        store.hold()
        // Loop 1 may not hand over what comes next: the identifier, and the end.
        try other.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 9, filters: [SubscribeFilter("u", qos: .atLeastOnce)],
                    properties: Properties())))
        // On a slow machine the identifier comes in a batch of its own, before that of the subscription.
        #expect(store.wait { $0.heldBatchCount >= 1 })
        let held = store.heldBatchCount
        receiver.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let again = try broker.client(id, .v5, clean: true)
        #expect(store.wait { $0.heldBatchCount > held })  // loop 0 removes the copy
        store.release()
        try again.settle()
        #expect(broker.wait { $0[LoopGauge.storedCopies] == 0 })
        #expect(store.wait { $0.contents.number(of: id) == nil && $0.contents.copyCount == 0 })
        #expect(store.wait { $0.contents.flights.values.allSatisfy(\.isEmpty) })
        #expect(broker.isBalanced)
    }
}
