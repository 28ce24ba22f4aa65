import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

private func numbered(_ prefix: String, _ count: Int, _ suffix: String = "") -> [UTF8Text] {
    (0..<count).map { UTF8Text("\(prefix)\($0)\(suffix)") }
}

extension ControlPacket {
    fileprivate static func publish(_ topic: UTF8Text, qos: QoS = .atMostOnce, identifier: UInt16 = 1) -> Self
    {
        .publish(
            PublishPacket(
                topic: topic, payload: [1], qos: qos,
                packetIdentifier: qos == .atMostOnce ? nil : PacketIdentifier(rawValue: identifier)))
    }
}

@Suite struct TurnBudgetSessionTests {
    private static func bench(loops: Int = 1, store: any MessageStore = MemoryMessageStore()) -> TurnBench {
        TurnBench(loops: loops, store: store) { settings in
            settings.maxSubscriptionsPerClient = 0
            settings.maxFiltersPerPacket = 0
        }
    }

    // MARK: Shared groups

    @Test func `very many shared groups at one node come and go without a search`() throws {
        try expectBounded(4000) { count in
            let bench = Self.bench()
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe(numbered("$share/g", count, "/t")))
                client.send(.unsubscribe(numbered("$share/g", count, "/t")))
            }
        }
    }

    @Test(arguments: ["$share/g/a/", "a/"])
    func `the end of a session with very many subscriptions is worked off in slices`(_ prefix: String) throws
    {
        try expectBounded(8000) { count in
            let bench = Self.bench()
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe(numbered(prefix, count)))
            } attack: { bench in
                client.vanish()
                #expect(bench.shards[0].sessionCount == 0)
            }
        }
    }

    @Test func `a clean start over very many subscriptions is worked off in slices`() throws {
        try expectBounded(8000) { count in
            let bench = Self.bench()
            let client = bench.connect("c", expiry: 100)
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe(numbered("$share/g/a/", count)))
            } attack: { bench in
                bench.connect("c", cleanStart: true)
            }
        }
    }

    @Test func `a session with very many shared subscriptions goes offline and comes back in slices`() throws
    {
        try expectBounded(8000) { count in
            let bench = Self.bench()
            let client = bench.connect("c", expiry: 100)
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe(numbered("$share/g/a/", count)))
            } attack: { bench in
                client.vanish()
                try bench.settle()
                let group = bench.broker.subscriptions.group(
                    Array("a/0".utf8), shareName: Array("g".utf8), mountpoint: .default, loop: 0)
                #expect(group?.counts.online == 0)
                bench.connect("c", cleanStart: false, expiry: 100)
                try bench.settle()
                #expect(group?.counts.online == 1)
            }
        }
    }

    @Test func `a group with very many members that are away finds the one that is not`() throws {
        let members = 5000
        let bench = Self.bench()
        let presences = (0..<members).map { _ in SessionPresence(.online) }
        for (number, presence) in presences.enumerated() {
            _ = bench.broker.subscriptions.subscribe(
                Array("t".utf8), shareName: Array("g".utf8), mountpoint: .default,
                target: SubscriptionTarget(
                    session: SessionHandle(loop: 0, slot: UInt32(number), generation: 1), options: 1),
                presence: presence)
        }
        let group = try #require(
            bench.broker.subscriptions.group(
                Array("t".utf8), shareName: Array("g".utf8), mountpoint: .default, loop: 0))
        for presence in presences.dropFirst() { presence.state = .offline }
        // Each look puts some of them where they belong; nobody is asked about all of them at once.
        var looks = 0
        var random = RandomNumbers(seed: 7)
        while group.counts.online > 1, looks < members {
            #expect(group.pick(random: random.next(), policy: .random) != nil)
            looks += 1
        }
        #expect(looks >= members / 16 - 1 && looks < members)
        for number in 0..<10 {
            #expect(group.pick(random: UInt64(number), policy: .random)?.session.slot == 0)
        }
        // Those that have ended are not picked, even while they are being cleared away.
        for presence in presences { presence.state = .gone }
        while group.pick(random: random.next(), policy: .random) != nil {
            Issue.record("picked one that ended")
        }
    }

    // MARK: What others see meanwhile

    @Test
    func `a new session of the same client keeps its subscriptions while the old one's are cleared away`()
        throws
    {
        let bench = Self.bench()
        let old = bench.connect("c", expiry: 100)
        let filters = numbered("a/", 10_000) + numbered("$share/g/a/", 1000)
        old.send(.subscribe(filters))
        try bench.settle()
        let new = bench.connect("c", cleanStart: true, expiry: 100)
        new.send(.subscribe(filters))
        try bench.settle()
        #expect(bench.broker.subscriptions.subscriptionCount == filters.count)
        #expect(new.session?.subscriptions.count == filters.count)
        new.keepsOutput = true
        let publisher = bench.connect("p")
        for filter in numbered("a/", 1000) { publisher.send(.publish(filter)) }
        try bench.settle()
        let types = try new.takeTypes()
        #expect(types.filter { $0 == .publish }.count == 2000)  // a plain and a shared one each
    }

    @Test func `a message for a session that is being cleared away is lost with a reason, not delivered`()
        throws
    {
        let bench = Self.bench()
        let client = bench.connect("c")
        client.send(.subscribe(numbered("a/", 10_000) + numbered("$share/g/b/", 10_000)))
        try bench.settle()
        let publisher = bench.connect("p")
        let delivered = bench.numbers[.ledgerDelivered]
        client.vanish()
        publisher.send(.publish("a/0", qos: .atLeastOnce))
        publisher.send(.publish("b/0", qos: .atLeastOnce, identifier: 2))
        bench.turn()
        #expect(bench.numbers[.ledgerDelivered] == delivered)
        #expect(bench.numbers[DropReason.subscriberGone] == 1)
        #expect(bench.numbers[.ledgerUnrouted] == 1)  // the group passes it by
        try bench.settle()
        #expect(bench.broker.subscriptions.sizes == (0, 0))
    }

    @Test func `an ended member's unacknowledged messages go to the others of its group, in slices`() throws {
        let bench = Self.bench()
        let first = bench.connect("first", expiry: 100, receiveMaximum: 65_535)
        first.send(.subscribe(["$share/g/t"], qos: .atLeastOnce))
        try bench.settle()
        let publisher = bench.connect("p")
        for number in 1...4000 {
            publisher.send(.publish("t", qos: .atLeastOnce, identifier: UInt16(number)))
        }
        try bench.settle()
        let second = bench.connect("second", receiveMaximum: 65_535)
        second.send(.subscribe(["$share/g/t"], qos: .atLeastOnce))
        try bench.settle()
        let cost = try bench.measure { bench.connect("first", cleanStart: true) }
        #expect(bench.numbers[.sharedRedelivered] == 4000)
        #expect(second.session?.outbound.window.count == 4000)
        #expect(cost.longestTurn <= 2 * TurnBench.turnSteps)
        #expect(cost.turns > 2)
        #expect(bench.numbers[LoopGauge.inflightMessages] == 4000)
    }

    // MARK: Depth

    @Test func `a topic of 65,535 slashes is published, retained and found, in time linear in its length`()
        throws
    {
        let bench = TurnBench { $0.publish.topicMaxDepth = 0 }
        let client = bench.connect("c")
        client.keepsOutput = true
        let topic = UTF8Text(String(repeating: "/", count: 65_535))
        let filters = [topic, UTF8Text(String(repeating: "+/", count: 32_767) + "#"), "#"]
        client.send(.subscribe(filters))
        try bench.settle()
        _ = try client.takeTypes()
        let publisher = bench.connect("p")
        publisher.send(.publish(PublishPacket(topic: topic, payload: [1], isRetained: true)))
        let cost = try bench.measure {}
        #expect(try client.takeTypes() == [.publish, .publish, .publish])
        #expect(cost.total < 10_000)
        let late = bench.connect("late")
        late.keepsOutput = true
        late.send(.subscribe(filters))
        let found = try bench.measure {}
        #expect(try late.takeTypes() == [.connack, .suback, .publish, .publish, .publish])
        #expect(found.total < 6 * 65_535, "\(found)")
        #expect(found.longestTurn < 20_000, "\(found)")
        publisher.send(.publish(PublishPacket(topic: topic, isRetained: true)))
        client.vanish()
        late.vanish()
        try bench.settle()
        #expect(bench.broker.retained.sizes == (0, 0))
        #expect(bench.broker.subscriptions.sizes == (0, 0))
    }

    @Test func `clients whose CONNECT waited for the store go on in slices`() throws {
        try expectBounded(2000) { count in
            let store = BatchStore()
            let bench = TurnBench(store: store) { $0.store.backlogByteCount = 8 << 20 }
            return try TurnBudgetCase(bench) { bench in
                let away = bench.connect("away", expiry: 1000)
                away.send(
                    .subscribe(
                        SubscribePacket(
                            packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
                try bench.settle()
                away.vanish()
                try bench.settle()
                store.hold()
                let sender = bench.connect("sender")
                let payload = [UInt8](repeating: 1, count: 5 << 20)
                for id in 1...2 as ClosedRange<UInt16> {
                    sender.send(
                        .publish(
                            PublishPacket(
                                topic: "t", payload: payload, qos: .atLeastOnce,
                                packetIdentifier: PacketIdentifier(rawValue: id))))
                }
                try bench.settle()
                for number in 0..<count { bench.connect(UTF8Text("c\(number)"), expiry: 1000) }
                #expect(bench.numbers[.storePausesConnect] == UInt64(count))
            } attack: { bench in
                store.release()
                try bench.settle()
                #expect(bench.numbers[LoopGauge.sessionsOnline] == Int64(count) + 1)
            }
        }
    }

    // MARK: Slots

    @Test func `a slot that is used again rests as long as it can, and old handles find nobody`() throws {
        let bench = Self.bench()
        var handles: Set<SessionHandle> = []
        for number in 0..<200 {
            let client = bench.connect(UTF8Text("c\(number)"))
            let handle = try #require(client.session?.handle)
            #expect(handles.insert(handle).inserted)
            client.vanish()
            #expect(bench.shards[0].session(handle) == nil)
        }
        let kept = (0..<3).map { bench.connect(UTF8Text("k\($0)")) }
        kept[1].vanish()
        kept[0].vanish()
        let slots = [kept[1], kept[0]].map { $0.session?.handle.slot }
        let next = (0..<3).map { bench.connect(UTF8Text("n\($0)")).session?.handle.slot }
        #expect(Array(next.prefix(2)) == slots)
    }

    @Test func `a handle has room for the generations of years`() {
        let handle = SessionHandle(loop: 255, slot: (1 << 26) - 1, generation: (1 << 30) - 1)
        #expect(handle.loop == 255 && handle.slot == (1 << 26) - 1 && handle.generation == (1 << 30) - 1)
        #expect(handle.bits == .max)
        #expect(SessionHandle.generation(after: handle.generation) == 0)
        #expect(
            SessionHandle(loop: 3, slot: 5, generation: 7) != SessionHandle(loop: 3, slot: 5, generation: 8))
    }

    @Test func `a lifetime timer that a limit has outlived looks at the limit again`() throws {
        let bench = TurnBench { $0.session.maxConnectionLifetime = 10 }
        let client = bench.connect("c")
        let session = try #require(client.session)
        session.settings.maxConnectionLifetime = 20
        bench.advance(seconds: 11)
        bench.turn()
        #expect(client.closeReason == nil)
        bench.advance(seconds: 10)
        bench.turn()
        bench.turn()
        #expect(client.closeReason == .lifetime)
    }
}
