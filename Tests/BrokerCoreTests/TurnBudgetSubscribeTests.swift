import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

extension ControlPacket {
    static func subscribe(_ filters: [UTF8Text], qos: QoS = .atMostOnce, identifier: UInt16 = 1) -> Self {
        .subscribe(
            SubscribePacket(
                packetIdentifier: PacketIdentifier(rawValue: identifier),
                filters: filters.map { SubscribeFilter($0, qos: qos) }))
    }

    static func unsubscribe(_ filters: [UTF8Text], identifier: UInt16 = 2) -> Self {
        .unsubscribe(
            UnsubscribePacket(packetIdentifier: PacketIdentifier(rawValue: identifier), filters: filters))
    }
}

extension TurnBench {
    /// Retained messages, set without a publisher.
    func retain(_ topics: some Sequence<String>, payload: [UInt8] = [1]) {
        for topic in topics {
            let message = ApplicationMessage(
                facts: MessageFacts(
                    qos: .atMostOnce, isRetained: true, mountpoint: .default, publisher: nil),
                topic: Array(topic.utf8).span.bytes, properties: [UInt8]().span.bytes,
                payload: payload.span.bytes)
            _ = broker.retained.set(
                message.topic, mountpoint: .default, message: message, byteCount: message.byteCount)
        }
    }
}

private func numbered(_ prefix: String, _ count: Int) -> [UTF8Text] {
    (0..<count).map { UTF8Text("\(prefix)\($0)") }
}

@Suite struct TurnBudgetSubscribeTests {
    private static func bench(_ change: (inout BrokerSettings) -> Void = { _ in }) -> TurnBench {
        TurnBench { settings in
            settings.maxSubscriptionsPerClient = 0
            settings.maxFiltersPerPacket = 0
            change(&settings)
        }
    }

    @Test func `SUBSCRIBE of very many filters is worked off in slices`() throws {
        try expectBounded(8000) { count in
            let bench = Self.bench()
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in client.send(.subscribe(numbered("a/", count))) }
        }
    }

    @Test func `SUBSCRIBE of one filter, repeated, is worked off in slices and kept once`() throws {
        var benches: [TurnBench] = []
        try expectBounded(8000) { count in
            let bench = Self.bench()
            benches.append(bench)
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe([UTF8Text](repeating: "t/#", count: count)))
            }
        }
        for bench in benches {
            #expect(bench.broker.subscriptions.subscriptionCount == 1)
            #expect(bench.clients[0].session?.outbound.scans.count == 0)
        }
    }

    @Test func `UNSUBSCRIBE of all of very many filters is worked off in slices`() throws {
        try expectBounded(8000) { count in
            let bench = Self.bench()
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe(numbered("a/", count)))
            } attack: { _ in
                client.send(.unsubscribe(numbered("a/", count)))
            }
        }
    }

    @Test func `UNSUBSCRIBE takes pending retained scans away without a walk over all of them`() throws {
        try expectBounded(4000) { count in
            let bench = Self.bench { $0.session.maxOnlineMessages = 10 }
            bench.retain((0..<count).map { "a/\($0)" }, payload: Array(repeating: 7, count: 400))
            let client = bench.connect("c")
            client.isReading = false
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe(numbered("a/", count)))
            } attack: { _ in
                #expect((client.session?.outbound.scans.count ?? 0) > count / 2)
                client.send(.unsubscribe(numbered("a/", count)))
            }
        }
    }

    @Test func `a client that does not read has its scans waiting, and the loop sleeps`() throws {
        let bench = Self.bench()
        bench.retain((0..<3000).map { "a/\($0)" }, payload: Array(repeating: 7, count: 400))
        let client = bench.connect("c")
        client.isReading = false
        client.send(.subscribe(numbered("a/", 30_000)))
        try bench.settle()
        let waiting = try #require(client.session?.outbound.scans.count)
        #expect(waiting > 20_000)
        let steps = bench.shards[0].steps
        for _ in 0..<100 { bench.turn() }
        #expect(bench.shards[0].steps == steps)
        #expect(bench.numbers[LoopGauge.deferredJobsWaiting] == 0)
        // It reads again, and gets the rest.
        client.isReading = true
        try bench.settle()
        #expect(client.session?.outbound.scans.isEmpty == true)
        #expect(bench.numbers.copies(.retained) == 3000)
        #expect(bench.numbers[DropReason.queueFull] == 0)
    }

    @Test func `a scan that visits very many nodes and finds nothing is counted and sliced`() throws {
        try expectBounded(50) { count in
            let bench = Self.bench()
            bench.retain((0..<2000).map { "a/\($0)/x" })
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in
                client.send(.subscribe((0..<count).map { UTF8Text("a/+/z\($0)") }))
            }
        }
    }

    @Test func `topics that begin with $ are counted where a wildcard passes by them`() throws {
        try expectBounded(4000) { count in
            let bench = Self.bench()
            bench.retain((0..<count).map { "$\($0)" })
            let client = bench.connect("c")
            return try TurnBudgetCase(bench) { _ in client.send(.subscribe(["#"])) }
        }
    }

    @Test func `a small SUBSCRIBE beside a huge one is answered soon`() throws {
        let bench = Self.bench()
        let hog = bench.connect("hog")
        let small = bench.connect("small")
        hog.send(.subscribe(numbered("a/", 30_000)))
        for _ in 0..<30 { bench.turn() }
        #expect(hog.receivedByteCount < 100)
        let before = small.receivedByteCount
        small.send(.subscribe(["b"]))
        bench.turn()
        #expect(small.receivedByteCount > before)
    }

    // MARK: Between two slices

    @Test func `packets behind a long SUBSCRIBE keep their order`() throws {
        let bench = Self.bench()
        let client = bench.connect("c")
        client.keepsOutput = true
        try bench.settle()
        _ = try client.takeTypes()
        client.send(.subscribe(numbered("a/", 5000)))
        client.send(bytes: [0xC0, 0])
        client.send(.unsubscribe(numbered("a/", 5000)))
        client.send(bytes: [0xC0, 0])
        try bench.settle()
        #expect(try client.takeTypes() == [.suback, .pingresp, .unsuback, .pingresp])
        #expect(bench.broker.subscriptions.subscriptionCount == 0)
    }

    @Test func `a client that vanishes in the midst of SUBSCRIBE leaves nothing behind`() throws {
        let bench = Self.bench()
        let client = bench.connect("c")
        client.send(.subscribe(numbered("a/", 20_000)))
        for _ in 0..<25 { bench.turn() }
        #expect(bench.broker.subscriptions.subscriptionCount > 0)
        client.vanish()
        try bench.settle()
        #expect(bench.broker.subscriptions.subscriptionCount == 0)
        #expect(bench.broker.subscriptions.sizes == (0, 0))
        #expect(bench.shards[0].sessionCount == 0)
    }

    @Test func `a session that is taken over in the midst of SUBSCRIBE keeps what was in place`() throws {
        let bench = Self.bench()
        let client = bench.connect("c", expiry: 100)
        client.send(.subscribe(numbered("a/", 20_000)))
        for _ in 0..<25 { bench.turn() }
        let newcomer = bench.connect("c", cleanStart: false, expiry: 100)
        newcomer.keepsOutput = true
        #expect(client.closeReason == .takenOver)
        try bench.settle()
        let count = bench.broker.subscriptions.subscriptionCount
        #expect(count > 0 && count < 20_000)
        #expect(newcomer.session?.subscriptions.count == count)
        // The new connection takes packets.
        newcomer.send(.unsubscribe(numbered("a/", 20_000)))
        try bench.settle()
        #expect(bench.broker.subscriptions.subscriptionCount == 0)
        #expect(try newcomer.takeTypes() == [.connack, .unsuback])
    }

    @Test func `the broker stops in the midst of SUBSCRIBE`() throws {
        let bench = Self.bench()
        let client = bench.connect("c", expiry: 100)
        client.send(.subscribe(numbered("a/", 20_000)))
        for _ in 0..<25 { bench.turn() }
        bench.shards[0].disconnectAll()
        try bench.settle()
        #expect(client.closeReason == .shutdown)
        #expect(bench.numbers[LoopGauge.deferredJobsWaiting] == 0)
    }

    // MARK: Limits

    @Test(arguments: [true, false])
    func `a packet with more filters than allowed ends the connection and is counted`(_ isSubscribe: Bool)
        throws
    {
        let bench = TurnBench { $0.maxFiltersPerPacket = 100 }
        let client = bench.connect("c")
        client.keepsOutput = true
        let filters = numbered("a/", 101)
        client.send(isSubscribe ? .subscribe(filters) : .unsubscribe(filters))
        try bench.settle()
        #expect(try client.takeTypes() == [.connack, .disconnect])
        #expect(client.closeReason == .protocolError)
        #expect(bench.numbers[.filterListsRefused] == 1)
        #expect(bench.broker.subscriptions.subscriptionCount == 0)
        let other = bench.connect("d")
        other.send(.subscribe(Array(filters.dropLast())))
        try bench.settle()
        #expect(other.closeReason == nil)
        #expect(bench.broker.subscriptions.subscriptionCount == 100)
    }

    @Test func `filters over the client's limit are refused one by one, by number and by bytes`() throws {
        let bench = TurnBench { $0.maxSubscriptionsPerClient = 100 }
        let client = bench.connect("c")
        client.send(.subscribe(numbered("a/", 101)))
        try bench.settle()
        #expect(bench.numbers[.filtersOverLimit] == 1)
        let other = bench.connect("d")
        let long = String(repeating: "x", count: 60_000)
        other.send(.subscribe(numbered(long, 18)))
        try bench.settle()
        #expect(bench.numbers[.filtersOverLimit] == 2)
        #expect(other.session?.subscriptions.count == 17)
    }
}
