import BrokerMetrics
import MQTTCodec
import Primitives
import Synchronization
import Testing

@testable import BrokerCore

@Suite struct TurnBudgetFanOutTests {
    private func subscribe(_ client: BenchClient, _ filter: UTF8Text, _ qos: QoS) {
        client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: PacketIdentifier(rawValue: 1),
                    filters: [SubscribeFilter(filter, qos: qos)],
                    properties: Properties())))
    }

    private func publish(_ client: BenchClient, _ topic: UTF8Text, _ text: String, _ qos: QoS, id: UInt16 = 1)
    {
        client.send(
            .publish(
                PublishPacket(
                    topic: topic, payload: Array(text.utf8), qos: qos, isDuplicate: false, isRetained: false,
                    packetIdentifier: qos == .atMostOnce ? nil : PacketIdentifier(rawValue: id),
                    properties: Properties())))
    }

    @Test(arguments: [QoS.atMostOnce, .exactlyOnce], [1, 2])
    func `one PUBLISH with many subscribers`(_ qos: QoS, _ loops: Int) throws {
        var sender: BenchClient?
        try expectBounded(3000) { n in
            try TurnBudgetCase(TurnBench(loops: loops)) { bench in
                for number in 0..<n { subscribe(bench.connect(UTF8Text("c\(number)")), "t", qos) }
                sender = bench.connect("sender")
            } attack: { _ in
                if let sender { publish(sender, "t", "x", qos) }
            }
        }
    }

    @Test func `the wills of many clients with many subscribers`() throws {
        var doomed: [BenchClient] = []
        try expectBounded(300) { n in
            doomed = []
            return try TurnBudgetCase(TurnBench()) { bench in
                for number in 0..<300 { subscribe(bench.connect(UTF8Text("c\(number)")), "t", .atMostOnce) }
                for number in 0..<n {
                    doomed.append(
                        bench.connect(
                            UTF8Text("d\(number)"), will: WillPacketFields(topic: "t", payload: [1])))
                }
            } attack: { _ in
                // A turn ends a few connections.
                for client in doomed { client.vanish() }
            }
        }
    }

    /// 3,000 subscribers of "t", on two loops; those with an even number are kept when there is a store.
    private func crowd(_ bench: TurnBench, _ qos: QoS) throws -> [BenchClient] {
        let clients = (0..<3000).map { number in
            let client = bench.connect(UTF8Text("c\(number)"), expiry: number % 2 == 0 ? 1000 : 0)
            subscribe(client, "t", qos)
            return client
        }
        try bench.settle()
        return clients
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `what is published behind a long fan-out comes behind it`(_ qos: QoS) throws {
        let bench = TurnBench(loops: 2)
        let clients = try crowd(bench, qos)
        let watchers = [clients[0], clients[2999]]
        for client in watchers { subscribe(client, "u", qos) }
        let sender = bench.connect("sender")
        try bench.settle()
        for client in watchers { client.keepsOutput = true }
        for number in 0..<3 {
            publish(sender, "t", "long \(number).", qos, id: UInt16(2 * number + 1))
            publish(sender, "u", "short \(number).", qos, id: UInt16(2 * number + 2))
        }
        try bench.settle()
        for client in watchers {
            let text = String(decoding: client.received.map { $0 < 32 || $0 > 126 ? 46 : $0 }, as: UTF8.self)
            let places = (0..<3).flatMap { ["long \($0).", "short \($0)."] }.map { word in
                Array(text.utf8).firstRange(of: Array(word.utf8))?.lowerBound
            }
            #expect(places.allSatisfy { $0 != nil })
            #expect(places.compactMap(\.self) == places.compactMap(\.self).sorted())
        }
        #expect(bench.numbers[.fanOutsPutOff] > 0)
        #expect(bench.numbers.copies(.client) == 9006)
        #expect(LedgerEquation.allCases.allSatisfy { bench.numbers.residual($0) == 0 })
    }

    @Test
    func
        `messages with few subscribers pass the long fan-outs of others, which wait without their subscribers`()
        throws
    {
        let bench = TurnBench()
        for number in 0..<3000 { subscribe(bench.connect(UTF8Text("c\(number)")), "t", .atMostOnce) }
        let reader = bench.connect("reader")
        subscribe(reader, "u", .atMostOnce)
        let crowd = (0..<50).map { bench.connect(UTF8Text("p\($0)")) }
        let sender = bench.connect("sender")
        try bench.settle()
        reader.keepsOutput = true
        for client in crowd { publish(client, "t", "long", .atMostOnce) }
        publish(sender, "u", "short", .atMostOnce)
        for _ in 0..<3 { bench.turn() }
        #expect(try reader.takeTypes() == [.publish])
        #expect(bench.shards[0].routing.fanOuts.count > 30)
        #expect(bench.shards[0].routing.fanOuts.byteCount < 50 * 1000)
        // Some messages of a publisher wait; what it sends beyond 16,384 copies stays in its socket.
        for _ in 0..<20 { publish(crowd[49], "t", "again", .atMostOnce) }
        for _ in 0..<3 { bench.turn() }
        #expect(bench.shards[0].routing.fanOuts.count <= 50 + 5)
        try bench.settle()
        #expect(bench.numbers.copies(.client) == 70 * 3000 + 1)
        #expect(LedgerEquation.allCases.allSatisfy { bench.numbers.residual($0) == 0 })
    }

    @Test func `copies of a member that ends find their groups without a look at all others, each time`()
        throws
    {
        try expectBounded(2000) { count in
            try TurnBudgetCase(TurnBench()) { bench in
                let other = bench.connect("other")
                for number in 0..<1000 { subscribe(other, UTF8Text("$share/h\(number)/t"), .atMostOnce) }
                let hoarder = bench.connect("hoarder", receiveMaximum: 65_535)
                subscribe(hoarder, "$share/g/t", .atLeastOnce)
                try bench.settle()
                let sender = bench.connect("sender")
                for number in 0..<count { publish(sender, "t", "x", .atLeastOnce, id: UInt16(number + 1)) }
                try bench.settle()
                #expect(hoarder.session?.outbound.window.count == count)
            } attack: { bench in
                bench.clients[1].vanish()
            }
        }
    }

    @Test func `a batch may go as long as it has nothing of the message that is given in slices`() throws {
        let bench = TurnBench(store: BatchStore())
        let shard = bench.shards[0]
        for number in 0..<1100 {
            subscribe(bench.connect(UTF8Text("c\(number)"), expiry: 1000), "t", .atLeastOnce)
        }
        let sender = bench.connect("sender")
        try bench.settle()
        for id in 1...3 as ClosedRange<UInt16> { publish(sender, "t", "x", .atLeastOnce, id: id) }
        bench.turn()
        #expect(shard.routing.fanOuts.count == 2 && shard.outbox.isPinned)
        while shard.routing.fanOuts.count == 2 {
            _ = shard.routing.fanOuts.advance(on: shard, until: shard.steps + 1)
        }
        #expect(!shard.outbox.isPinned && !shard.isHandOverDue)
        // To look up the subscribers of the next one takes the whole slice.
        shard.routing.routes = RouteCache()
        _ = shard.routing.fanOuts.advance(on: shard, until: shard.steps + 1)
        #expect(!shard.outbox.isPinned)
        _ = shard.routing.fanOuts.advance(on: shard, until: shard.steps + 1)
        #expect(shard.outbox.isPinned)
        try bench.settle()
        #expect(bench.numbers.copies(.client) == 3300)
    }

    @Test func `the copies of one message that go to one heir share a body`() throws {
        let store = BatchStore()
        let bench = TurnBench(store: store)
        let groups = (0..<50).map { UTF8Text("$share/g\($0)/t") }
        let heir = bench.connect("heir", expiry: 1000)
        let member = bench.connect("member")
        for client in [heir, member] {
            for group in groups { subscribe(client, group, .atLeastOnce) }
            try bench.settle()
        }
        heir.vanish()
        try bench.settle()
        publish(bench.connect("sender"), "t", String(repeating: "x", count: 100_000), .atLeastOnce)
        try bench.settle()
        store.batches.withLock { $0 = [] }
        member.vanish()
        try bench.settle()
        #expect(bench.numbers[.sharedRedelivered] == 50)
        let written = store.batches.withLock { $0.filter { $0.liveCopyCount > 0 } }
        #expect(written.reduce(0) { $0 + $1.liveCopyCount } == 50)
        #expect(Set(written.flatMap { $0.messages.map(\.number) }).count == 50)
        #expect(written.reduce(0) { $0 + $1.byteCount } < written.count * 150_000)
        #expect(written.count <= 3)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `kept copies of one message are one batch, and it is acknowledged after their commit`(
        _ qos: QoS
    ) throws {
        let store = BatchStore()
        let bench = TurnBench(loops: 2, store: store)
        for client in try crowd(bench, qos) { client.isReading = false }
        let sender = bench.connect("sender", expiry: 1000)
        sender.keepsOutput = true
        try bench.settle()
        _ = try sender.takeTypes()
        store.batches.withLock { $0 = [] }
        store.hold()
        publish(sender, "t", "x", qos)
        if qos == .exactlyOnce { publish(sender, "t", "x", qos) }  // the same message again
        for _ in 0..<200 { bench.turn() }
        let written = store.batches.withLock { batches in
            batches.map { batch in
                (
                    copies: batch.copies.count { $0.message >= 0 },
                    received: batch.changes.count { if case .received = $0 { true } else { false } }
                )
            }
        }
        #expect(written.map { $0.copies }.filter { $0 > 0 } == [1500])
        #expect(written.filter { $0.copies > 0 }.map { $0.received } == [qos == .exactlyOnce ? 1 : 0])
        #expect(try sender.takeTypes().isEmpty)
        store.release()
        for _ in 0..<400 {
            bench.turn()
        }
        let answer: PacketType = qos == .atLeastOnce ? .puback : .pubrec
        #expect(try sender.takeTypes() == (qos == .exactlyOnce ? [answer, answer] : [answer]))
    }
}
