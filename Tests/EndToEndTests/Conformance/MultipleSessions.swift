import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Several connections of one client id, which `auth_on_register` may allow: VerneMQ's `allow_multiple_sessions`.
@Suite struct MultipleSessions {
    /// Allows it to those who start clean, and to nobody else.
    private func broker(_ mode: DeliverMode, clock: any Clock = SystemClock()) throws -> TestBroker {
        let hook = RecordingHook([.authOnRegister, .authOnRegisterM5])
        hook.registerAnswer = { event, _ in
            var settings = SessionSettings()
            settings.allowsMultipleSessions = event.cleanStart
            settings.deliverMode = mode
            var modifiers = RegisterModifiers()
            modifiers.settings = settings
            return .ok(modifiers)
        }
        return try TestBroker(hooks: [hook], clock: clock) { $0.allowsAnonymous = false }
    }

    private func connections(_ count: Int, _ broker: TestBroker) throws -> [TestClient] {
        try (0..<count).map { number in
            let client = try broker.client(.v5)
            #expect(try client.connect("c").isSessionPresent == (number > 0))
            return client
        }
    }

    private func texts(_ client: TestClient) throws -> [String] {
        try client.drain().compactMap { packet in
            guard case .publish(let publish) = packet else { return nil }
            try client.acknowledge(publish)
            return publish.text
        }
    }

    /// Takes what comes to all of them until there are `count` messages.
    private func collect(_ count: Int, _ clients: [TestClient]) throws -> [[String]] {
        var all = clients.map { _ in [String]() }
        while all.reduce(0, { $0 + $1.count }) < count {
            for (index, client) in clients.enumerated() { all[index] += try texts(client) }
        }
        return all
    }

    @Test func `with fanout each connection gets each message`() throws {
        let broker = try broker(.fanout)
        let clients = try connections(3, broker)
        try clients[0].subscribe("t", qos: .atLeastOnce)
        try clients[1].subscribe("u", qos: .atLeastOnce)
        let sender = try broker.client("sender", .v5)
        for number in 0..<10 {
            try sender.publishAndComplete(number % 2 == 0 ? "t" : "u", "\(number)", qos: .atLeastOnce)
        }
        let all = try collect(30, clients)
        for own in all { #expect(own == (0..<10).map { "\($0)" }) }
        #expect(broker.isBalanced)
    }

    @Test func `the keep alive of a connection holds when it takes the place of the first`() throws {
        let clock = ManualClock()
        let broker = try broker(.fanout, clock: clock)
        let first = try broker.client(.v5)
        try first.connect("c")
        let heir = try broker.client(.v5)
        try heir.connect("c", keepAlive: 10)
        try first.disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 1 })
        broker.pass(clock, milliseconds: 14_000)
        #expect(broker.numbers[.keepaliveExpired] == 0)
        broker.pass(clock, milliseconds: 2000)
        #expect(try heir.endReason() == .keepAliveTimeout)
    }

    @Test func `with balance each message goes to one connection`() throws {
        let broker = try broker(.balance)
        let clients = try connections(3, broker)
        try clients[2].subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("sender", .v5)
        for number in 0..<90 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        let all = try collect(90, clients)
        #expect(all.allSatisfy { !$0.isEmpty })
        #expect(all.flatMap(\.self).compactMap { Int($0) }.sorted() == Array(0..<90))
        for own in all { #expect(own.compactMap { Int($0) } == own.compactMap { Int($0) }.sorted()) }
        #expect(broker.isBalanced)
    }

    @Test(arguments: [DeliverMode.fanout, .balance])
    func `the others go on with the subscriptions when the first connection ends`(_ mode: DeliverMode) throws
    {
        let broker = try broker(mode)
        let clients = try connections(3, broker)
        try clients[0].subscribe("t", qos: .atLeastOnce)
        try clients[0].subscribe("$share/g/s", qos: .atLeastOnce)
        let sender = try broker.client("sender", .v5)
        for left in [2, 1] {
            try clients[2 - left].disconnect()
            let rest = Array(clients.suffix(left))
            #expect(try sender.publishAndComplete("t", "a", qos: .atLeastOnce) == .success)
            #expect(try sender.publishAndComplete("s", "b", qos: .atLeastOnce) == .success)
            let all = try collect(mode == .fanout ? 2 * left : 2, rest)
            #expect(Set(all.flatMap(\.self)) == ["a", "b"])
        }
        try clients[2].disconnect()
        #expect(try sender.publishAndComplete("t", "a", qos: .atLeastOnce) == .noMatchingSubscribers)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [0, 1])
    func `with balance, what a connection has not acknowledged goes to the others`(_ leaving: Int) throws {
        let broker = try broker(.balance)
        let clients = try connections(2, broker)
        try clients[0].subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("sender", .v5)
        for number in 0..<30 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        let staying = clients[1 - leaving]
        var taken: [String] = []
        var open: [String] = []
        while taken.count + open.count < 30 {
            taken += try texts(staying)
            for packet in try clients[leaving].drain() {
                if case .publish(let publish) = packet { open.append(publish.text) }
            }
        }
        clients[leaving].drop()
        let again = try staying.receiveMessages(open.count).map(\.text)
        #expect(again == open)
        #expect(!open.isEmpty)
        #expect(broker.isBalanced)
    }

    @Test func `with fanout, what a connection has not acknowledged ends with it`() throws {
        let broker = try broker(.fanout)
        let clients = try connections(2, broker)
        try clients[0].subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("sender", .v5)
        try sender.publishAndComplete("t", "x", qos: .atLeastOnce)
        _ = try clients[0].receivePublish()
        #expect(try clients[1].receiveMessage().text == "x")
        clients[0].drop()
        #expect(broker.wait { $0[DropReason.sessionEnded] == 1 })
        #expect(try clients[1].drain().isEmpty)
        #expect(broker.isBalanced)
    }

    @Test func `no-local keeps a message from every connection of its client [MQTT-3.8.3-3]`() throws {
        let broker = try broker(.fanout)
        let clients = try connections(3, broker)
        try clients[0].subscribe("t", SubscriptionOptions(qos: .atLeastOnce, noLocal: true))
        for client in clients { try client.publishAndComplete("t", "own", qos: .atLeastOnce) }
        for client in clients { #expect(try client.drain().isEmpty) }
        try clients[0].disconnect()
        for client in clients.dropFirst() { try client.publishAndComplete("t", "own", qos: .atLeastOnce) }
        for client in clients.dropFirst() { #expect(try client.drain().isEmpty) }
        try broker.client("other", .v5).publishAndComplete("t", "theirs", qos: .atLeastOnce)
        for client in clients.dropFirst() { #expect(try client.receiveMessage().text == "theirs") }
    }

    @Test func `a newcomer to whom it is not allowed displaces them all [MQTT-3.1.4-3]`() throws {
        let broker = try broker(.fanout)
        let clients = try connections(3, broker)
        let newcomer = try broker.client("c", .v5, clean: false)
        for client in clients { #expect(try client.endReason() == .sessionTakenOver) }
        #expect(try newcomer.drain().isEmpty)
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 1 })
    }

    @Test func `each connection has its own will`() throws {
        let broker = try broker(.fanout)
        let witness = try broker.client("witness", .v5)
        try witness.subscribe("w/+", qos: .atMostOnce)
        for number in 0..<3 {
            let client = try broker.client(.v5)
            try client.connect("c", will: WillPacketFields(topic: UTF8Text("w/\(number)"), payload: [65]))
            if number > 0 { client.drop() } else { try client.disconnect() }
            if number > 0 { #expect(try witness.receivePublish().topic == UTF8Text("w/\(number)")) }
        }
        #expect(try witness.drain().isEmpty)
    }
}
