import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// What waits for the store, when the store answers all of it at once.
@Suite struct TurnBudgetStoreTests {
    @Test func `what very many clients wait for goes out in slices when one commit has come`() throws {
        try expectBounded(5000) { count in
            let store = BatchStore()
            let bench = TurnBench(store: store)
            return try TurnBudgetCase(bench) { bench in
                for number in 0..<count { bench.connect(UTF8Text("c\(number)"), expiry: 1000) }
                try bench.settle()
                store.hold()
                for client in bench.clients {
                    client.send(
                        .subscribe(
                            SubscribePacket(
                                packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
                }
                for _ in 0..<count / 100 { bench.turn() }
                #expect(bench.numbers[LoopGauge.heldAnswers] == Int64(count))
            } attack: { bench in
                store.release()
                try bench.settle()
                #expect(bench.numbers[LoopGauge.heldAnswers] == 0)
            }
        }
    }

    @Test
    func `very many clients come back to messages in the store, and are told in slices that they may read`()
        throws
    {
        try expectBounded(5000) { count in
            let bench = TurnBench(store: BatchStore())
            return try TurnBudgetCase(bench) { bench in
                let shard = bench.shards[0]
                shard.restore(
                    (1...count).map { number in
                        let id = SubscriberID(mountpoint: .default, clientID: UTF8Text("c\(number)"))
                        let session = StoredSession(
                            number: UInt64(number), subscriber: id, version: .v5, isBridge: false,
                            expiryInterval: 100_000, expiryDeadline: .distantFuture)
                        let all = Subscription(
                            filter: "t", options: SubscriptionOptions(qos: .atLeastOnce), identifier: 0)
                        return RestoredSession(session: session, subscriptions: [all], copyCount: 2)
                    })
                bench.broker.goOn(afterMessage: 1 << 20, session: UInt64(count))
                while !shard.startRestored() { bench.turn() }
                // One more for each, which may be read when all loops have said so.
                bench.connect("sender").send(
                    .publish(
                        PublishPacket(topic: "t", payload: [1], qos: .atLeastOnce, packetIdentifier: 1)))
                try bench.settle()
            } attack: { bench in
                for number in 1...count {
                    bench.connect(UTF8Text("c\(number)"), cleanStart: false, expiry: 100_000)
                }
                try bench.settle()
                // The store has none of them: each read has come to its end.
                #expect(bench.numbers[DropReason.storeLost] == 3 * UInt64(count))
                #expect(bench.numbers[.storeBarriers] > 0)
            }
        }
    }
}
