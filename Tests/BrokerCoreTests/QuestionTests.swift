import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// Questions about the sessions of a loop, and what an operator may do to them.
@Suite struct QuestionTests {
    private func subscribe(_ client: BenchClient, _ filters: [UTF8Text]) {
        client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 1, filters: filters.map { SubscribeFilter($0, qos: .atLeastOnce) })))
    }

    private func publish(_ client: BenchClient, _ topic: UTF8Text, _ text: String, _ id: UInt16 = 1) {
        client.send(
            .publish(
                PublishPacket(
                    topic: topic, payload: Array(text.utf8), qos: .atLeastOnce,
                    packetIdentifier: PacketIdentifier(rawValue: id))))
    }

    private func id(_ name: UTF8Text) -> SubscriberID { SubscriberID(mountpoint: .default, clientID: name) }

    /// All rows of a walk, and how many slices it took.
    private func walk(_ shard: Shard, _ question: SessionQuestion) -> (rows: [SessionRow], slices: Int) {
        var rows: [SessionRow] = []
        var cursor = SessionCursor()
        var slices = 0
        while !cursor.isAtEnd {
            rows += shard.walk(question, from: &cursor)
            slices += 1
        }
        return (rows, slices)
    }

    private func facts(_ bench: TurnBench, _ name: UTF8Text) throws -> SessionFacts {
        try #require(bench.shards[0].session(id(name))).facts
    }

    // MARK: One client

    @Test func `packets are counted by type and way, for each connection anew`() throws {
        let bench = TurnBench()
        let client = bench.connect("c", cleanStart: false, expiry: 100)
        subscribe(client, ["t"])
        try bench.settle()
        publish(client, "t", "x", 1)
        publish(client, "t", "y", 2)
        client.send(.pingreq)
        client.send(.pingreq)
        client.send(.pingreq)
        client.send(.puback(AckPacket(packetIdentifier: 1)))
        try bench.settle()
        let connection = try #require(facts(bench, "c").connection)
        let received: [(PacketType, Int)] = [
            (.publish, 2), (.puback, 1), (.subscribe, 1), (.pingreq, 3), (.unsubscribe, 0), (.connect, 0),
            (.disconnect, 0), (.auth, 0),
        ]
        for (type, count) in received { #expect(connection.received[type] == count, "\(type) received") }
        let sent: [(PacketType, Int)] = [
            (.publish, 2), (.puback, 2), (.suback, 1), (.pingresp, 3), (.pubrel, 0), (.connack, 0),
        ]
        for (type, count) in sent { #expect(connection.sent[type] == count, "\(type) sent") }
        client.vanish()
        bench.connect("c", cleanStart: false, expiry: 100)
        try bench.settle()
        let again = try #require(facts(bench, "c").connection)
        #expect(again.received[.publish] == 0 && again.sent[.publish] == 1, "the one not acknowledged")
    }

    @Test func `what waits has an age, and so has what is in flight`() throws {
        let bench = TurnBench { $0.session.maxInflightMessages = 1 }
        let reader = bench.connect("r", .v311, cleanStart: false)
        subscribe(reader, ["t"])
        let sender = bench.connect("s")
        try bench.settle()
        let none = try facts(bench, "r")
        #expect(none.oldestQueuedAt == nil && none.oldestInflightAt == nil)
        let begin = bench.shards[0].now
        func seconds(_ time: MonotonicTime) -> UInt64 { time.nanoseconds(since: begin) / 1_000_000_000 }
        for number in 1...3 as ClosedRange<UInt16> {
            publish(sender, "t", "m\(number)", number)
            try bench.settle()
            bench.advance(seconds: 5)
            bench.turn()
        }
        let waiting = try facts(bench, "r")
        #expect(waiting.inflightCount == 1 && waiting.queuedCount == 2)
        #expect(try seconds(#require(waiting.oldestInflightAt)) == 0)
        #expect(try seconds(#require(waiting.oldestQueuedAt)) == 5)
        var question = SessionQuestion(.messages)
        question.clientID = "r"
        let ages = walk(bench.shards[0], question).rows.map {
            $0.message?.message?.facts.receivedAt.map(seconds)
        }
        #expect(ages == [0, 5, 10])
    }

    @Test func `the last thing that went wrong with a client is kept`() throws {
        let bench = TurnBench {
            $0.session.maxOfflineMessages = 1
            $0.maxSubscriptionsPerClient = 1
        }
        let reader = bench.connect("r", cleanStart: false, expiry: 100)
        subscribe(reader, ["t"])
        let sender = bench.connect("s", cleanStart: false, expiry: 100)
        try bench.settle()
        func last(_ name: UTF8Text) throws -> String? {
            try facts(bench, name).lastError.map { "\($0.kind)" }
        }
        #expect(try last("r") == nil)
        subscribe(reader, ["u"])
        try bench.settle()
        #expect(try last("r") == "subscriptionRefused")
        reader.vanish()
        try bench.settle()
        #expect(try last("r")?.hasPrefix("disconnected(") == true)
        for number in 1...2 as ClosedRange<UInt16> { publish(sender, "t", "m", number) }
        try bench.settle()
        #expect(
            try last("r")?.hasPrefix("messageLost(") == true && last("r")?.hasSuffix("queueFull)") == true)
        publish(sender, "$SYS/x", "m", 3)
        try bench.settle()
        #expect(try last("s")?.hasPrefix("publishRefused(") == true)
        sender.send(.disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 100 })))
        try bench.settle()
        #expect(try last("s")?.hasPrefix("publishRefused(") == true, "DISCONNECT is no error")
    }

    // MARK: Walks

    @Test func `a walk brings each session once, in slices`() throws {
        let bench = TurnBench()
        for number in 0..<3000 { bench.connect(UTF8Text("c\(number)"), expiry: 100) }
        try bench.settle()
        bench.clients[7].vanish()
        try bench.settle()
        let (rows, slices) = walk(bench.shards[0], SessionQuestion())
        #expect(Set(rows.map { "\($0.session.subscriber.clientID)" }).count == 3000 && rows.count == 3000)
        #expect(slices > 10)
        #expect(rows.count { !$0.session.isOnline } == 1)
        var offline = SessionQuestion()
        offline.isOnline = false
        #expect(walk(bench.shards[0], offline).rows.map { "\($0.session.subscriber.clientID)" } == ["c7"])
    }

    @Test func `sessions that come and go between two slices leave the others in the walk`() throws {
        let bench = TurnBench()
        for number in 0..<2000 { bench.connect(UTF8Text("c\(number)")) }
        try bench.settle()
        var cursor = SessionCursor()
        var seen = bench.shards[0].walk(SessionQuestion(), from: &cursor).map {
            "\($0.session.subscriber.clientID)"
        }
        for number in 0..<100 { bench.clients[number].vanish() }
        bench.connect("newcomer")
        try bench.settle()
        while !cursor.isAtEnd {
            seen += bench.shards[0].walk(SessionQuestion(), from: &cursor).map {
                "\($0.session.subscriber.clientID)"
            }
        }
        let expected = (100..<2000).map { "c\($0)" }
        #expect(Set(seen).isSuperset(of: expected))
        #expect(seen.count == Set(seen).count)
    }

    @Test func `a client is found by its id, with its subscriptions, without a walk`() throws {
        let bench = TurnBench()
        for number in 0..<1000 { bench.connect(UTF8Text("c\(number)")) }
        subscribe(bench.clients[5], (0..<600).map { UTF8Text("a/\($0)") })
        try bench.settle()
        var question = SessionQuestion(.subscriptions)
        question.clientID = "c5"
        question.mountpoint = .default
        let before = bench.shards[0].steps
        let (rows, slices) = walk(bench.shards[0], question)
        #expect(rows.count == 600 && slices == 3)
        #expect(Set(rows.map { "\($0.subscription?.filter ?? "")" }).count == 600)
        #expect(bench.shards[0].steps - before < 700)
        question.clientID = "nobody"
        #expect(walk(bench.shards[0], question).rows.isEmpty)
    }

    @Test func `messages in flight come before those that wait, and each once`() throws {
        let bench = TurnBench()
        let receiver = bench.connect("r", .v311, cleanStart: false)
        let sender = bench.connect("s")
        subscribe(receiver, ["t"])
        try bench.settle()
        for number in 1...700 { publish(sender, "t", "\(number)", UInt16(number)) }
        try bench.settle()
        var question = SessionQuestion(.messages)
        question.clientID = "r"
        let rows = walk(bench.shards[0], question).rows
        let texts = rows.compactMap { row in
            row.message?.message.map { String(decoding: $0.payload.copiedBytes(), as: UTF8.self) }
        }
        #expect(texts == (1...700).map { "\($0)" })
        #expect(rows.prefix { $0.message?.place == .inflight }.count == 20)
        #expect(rows.first?.session.inflightCount == 20 && rows.first?.session.queuedCount == 680)
    }

    @Test func `each subscription has a row with each message, in slices, and who lacks either has none`()
        throws
    {
        let bench = TurnBench()
        let receiver = bench.connect("r", .v311, cleanStart: false)
        let sender = bench.connect("s")
        subscribe(receiver, ["t", "u", "v"])
        subscribe(bench.connect("idle"), ["x", "y"])
        try bench.settle()
        for number in 1...700 { publish(sender, "t", "\(number)", UInt16(number)) }
        try bench.settle()
        let (rows, slices) = walk(bench.shards[0], SessionQuestion(.subscriptionsAndMessages))
        let pairs = rows.map { row in
            "\(row.subscription?.filter ?? "-") "
                + (row.message?.message.map { String(decoding: $0.payload.copiedBytes(), as: UTF8.self) }
                    ?? "-")
        }
        #expect(pairs == ["t", "u", "v"].flatMap { filter in (1...700).map { "\(filter) \($0)" } })
        #expect(slices > 2100 / 256)
    }

    @Test func `a shorter retry_interval holds for what is in flight already`() throws {
        let bench = TurnBench { $0.session.retryInterval = 3_600_000 }
        let reader = bench.connect("r", .v311, cleanStart: false)
        subscribe(reader, ["t"])
        let sender = bench.connect("s")
        try bench.settle()
        publish(sender, "t", "x")
        try bench.settle()
        var settings = bench.shards[0].settings
        settings.session.retryInterval = 2000
        bench.shards[0].apply(settings)
        try bench.settle()
        #expect(bench.numbers[.ledgerRetransmitted] == 0)
        for _ in 0..<3 {
            bench.advance(seconds: 1)
            bench.turn()
        }
        try bench.settle()
        #expect(bench.numbers[.ledgerRetransmitted] == 1)
    }

    // MARK: What an operator does

    @Test func `a client that is sent away is told, and with cleanup nothing of it is left`() throws {
        let bench = TurnBench()
        let client = bench.connect("c", expiry: 1000)
        subscribe(client, ["t"])
        try bench.settle()
        #expect(bench.shards[0].disconnect(id("c"), cleanup: false))
        #expect(client.closeReason == .administrative)
        #expect(bench.shards[0].session(id("c"))?.isOnline == false)
        #expect(bench.shards[0].disconnect(id("c"), cleanup: true))
        try bench.settle()
        #expect(bench.shards[0].session(id("c")) == nil && bench.broker.subscriptions.subscriptionCount == 0)
        #expect(!bench.shards[0].disconnect(id("c"), cleanup: true))
    }

    @Test func `a subscription that is taken away brings nothing any more`() throws {
        let bench = TurnBench()
        let client = bench.connect("c")
        subscribe(client, ["t", "$share/g/t"])
        try bench.settle()
        #expect(bench.shards[0].unsubscribe(id("c"), "t"))
        #expect(bench.shards[0].unsubscribe(id("c"), "$share/g/t"))
        #expect(!bench.shards[0].unsubscribe(id("c"), "t") && !bench.shards[0].unsubscribe(id("x"), "t"))
        #expect(bench.broker.subscriptions.subscriptionCount == 0)
    }

    @Test func `a purged queue is counted as dropped, and what is in flight stays`() throws {
        let bench = TurnBench()
        let receiver = bench.connect("r", .v311, cleanStart: false)
        let sender = bench.connect("s")
        subscribe(receiver, ["t"])
        try bench.settle()
        for number in 1...50 { publish(sender, "t", "x", UInt16(number)) }
        try bench.settle()
        #expect(bench.shards[0].purgeQueue(of: id("r"))?.count == 30)
        let numbers = bench.numbers
        #expect(numbers[DropReason.queuePurged] == 30 && numbers[LoopGauge.queuedMessages] == 0)
        #expect(numbers[LoopGauge.inflightMessages] == 20)
        #expect(bench.shards[0].purgeQueue(of: id("nobody"))?.count == nil)
    }

    // MARK: Settings

    @Test func `a changed limit holds for clients that are connected, unless a hook gave them another`()
        throws
    {
        let bench = TurnBench()
        let receiver = bench.connect("r", .v311, cleanStart: false)
        let other = bench.connect("o", .v311, cleanStart: false)
        let sender = bench.connect("s")
        subscribe(receiver, ["t"])
        try bench.settle()
        bench.shards[0].session(id("o"))?.settings.maxOnlineMessages = 7
        for number in 1...50 { publish(sender, "t", "x", UInt16(number)) }
        try bench.settle()
        #expect(bench.numbers[LoopGauge.inflightMessages] == 20)
        var settings = bench.shards[0].settings
        settings.session.maxInflightMessages = 35
        settings.session.maxOnlineMessages = 10
        bench.shards[0].apply(settings)
        try bench.settle()
        #expect(bench.numbers[LoopGauge.inflightMessages] == 35)
        #expect(bench.shards[0].session(id("r"))?.settings.maxOnlineMessages == 10)
        #expect(bench.shards[0].session(id("o"))?.settings.maxOnlineMessages == 7)
        #expect(other.closeReason == nil)
    }
}
