import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing
import Transport

/// Clients that do what chance tells them, and count what they did.
private final class Crowd {
    let broker: TestBroker
    var random: SeededGenerator
    var clients: [Int: TestClient] = [:]
    var published: UInt64 = 0
    var connected: UInt64 = 0
    var subscribed: UInt64 = 0
    var pinged: UInt64 = 0
    var received: UInt64 = 0
    /// Identifiers of QoS 2 publications under way, by client.
    var unreleased: [Int: Set<UInt16>] = [:]
    let memberCount = 12

    init(_ broker: TestBroker, seed: UInt64) {
        self.broker = broker
        random = SeededGenerator(seed: seed)
    }

    func version(_ member: Int) -> ProtocolVersion { ProtocolVersion.allCases[member % 3] }

    func connect(_ member: Int) throws {
        let clean = random.below(3) == 0
        var properties = Properties()
        if version(member) == .v5 {
            if !clean { properties.sessionExpiryInterval = [1, 1000][random.below(2)] }
            properties.receiveMaximum = UInt16(1 + random.below(10))
            if random.below(4) == 0 { properties.maximumPacketSize = 120 }
        }
        let will =
            random.below(2) == 0
            ? WillPacketFields(
                qos: QoS.allCases[random.below(3)], isRetained: random.below(4) == 0, topic: topic(),
                payload: [1]) : nil
        let older = clients[member]
        let client = try broker.client(version(member))
        // The older connection's messages are lost with it.
        older?.drop()
        try client.send(
            .connect(
                ConnectPacket(
                    version: client.version, cleanStart: clean, clientID: "member\(member)".text, will: will,
                    properties: properties)))
        guard case .connack(let connack) = try client.receive(), connack.code == 0 else {
            throw TestClientError(description: "refused")
        }
        if !connack.isSessionPresent { unreleased[member] = [] }
        connected += 1
        clients[member] = client
    }

    func topic() -> UTF8Text { ["a", "a/b", "a/c", "b", "b/c/d"][random.below(5)] }

    func act(_ member: Int) throws {
        guard let client = clients[member] else { return try connect(member) }
        switch random.below(20) {
        case 0..<8:
            let qos = QoS.allCases[random.below(3)]
            let id = UInt16(1 + random.below(5))
            published += 1
            try client.publish(
                topic(), String(repeating: "x", count: random.below(200)), qos: qos, id: id,
                retain: random.below(5) == 0)
            if qos == .exactlyOnce { unreleased[member, default: []].insert(id) }
        case 8..<10:
            if let id = unreleased[member]?.min() {
                unreleased[member]?.remove(id)
                try client.send(.pubrel(AckPacket(packetIdentifier: PacketIdentifier(rawValue: id))))
            }
        case 10..<13:
            let filter = ["#", "a/+", "b/#", "a", "$share/g/a/#", "$share/h/+"][random.below(6)] as UTF8Text
            subscribed += 1
            try client.send(
                .subscribe(
                    SubscribePacket(
                        packetIdentifier: 1,
                        filters: [SubscribeFilter(filter, qos: QoS.allCases[random.below(3)])])))
        case 13:
            try client.send(.unsubscribe(UnsubscribePacket(packetIdentifier: 2, filters: ["#", "a"])))
        case 14..<17: try read(member, client)
        case 17:
            client.drop()
            clients[member] = nil
        case 18:
            try client.disconnect()
            clients[member] = nil
        default: try connect(member)
        }
    }

    /// Takes what has come, and acknowledges most of it.
    func read(_ member: Int, _ client: TestClient) throws {
        pinged += 1
        for packet in try client.drain() {
            switch packet {
            case .publish(let publish):
                received += 1
                guard random.below(5) > 0 else { continue }
                try client.acknowledge(
                    publish, version(member) == .v5 && random.below(6) == 0 ? .quotaExceeded : .success)
            case .pubrel(let ack):
                try client.send(.pubcomp(AckPacket(packetIdentifier: ack.packetIdentifier)))
            default: break
            }
        }
    }
}

@Suite struct LedgerTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `every message of a chaotic crowd is accounted for`(_ seed: UInt64) throws {
        let budget = seed % 3 == 0 ? 0 : LoopSettings().turnBudgetNanoseconds
        let broker = try TestBroker(turnBudget: budget) {
            $0.session.maxOnlineMessages = 20
            $0.session.maxOfflineMessages = 10
            $0.session.queueType = seed % 2 == 0 ? .fifo : .lifo
        }
        let crowd = Crowd(broker, seed: seed)
        for _ in 0..<1500 { try crowd.act(crowd.random.below(crowd.memberCount)) }
        for (member, client) in crowd.clients { try crowd.read(member, client) }
        #expect(broker.isBalanced)
        let numbers = broker.numbers
        #expect(numbers[.connectReceived] == crowd.connected)
        // Packets of connections that were dropped may have been lost with them, never invented.
        #expect(numbers[.ledgerReceived] <= crowd.published)
        #expect(numbers[.ledgerReceived] >= crowd.published - crowd.published / 10)
        #expect(numbers[.publishSent] >= crowd.received)
        #expect(numbers[LoopGauge.sessionsOnline] == Int64(crowd.clients.count))
        for client in crowd.clients.values { client.drop() }
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 && $0[LoopGauge.sessionsOnline] == 0 })
        #expect(broker.isBalanced)
    }

    @Test func `the counters are what well-behaved clients did, packet for packet`() throws {
        let broker = try TestBroker()
        let receivers = try (0..<6).map { number in
            let client = try broker.client(
                broker.id(on: number % 2, "r\(number)"), ProtocolVersion.allCases[number % 3])
            try client.subscribe("t/#", qos: QoS.allCases[number / 2])
            return client
        }
        let sender = try broker.client("s", .v5)
        for qos in QoS.allCases {
            for number in 1...10 {
                try sender.publishAndComplete("t/\(number)".text, "x", qos: qos, id: UInt16(number))
            }
        }
        for receiver in receivers { #expect(try receiver.receiveMessages(30).count == 30) }
        for client in receivers + [sender] { try client.disconnect() }
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 })
        let numbers = broker.numbers
        #expect(
            numbers[.connectReceived] == 7 && numbers[.subscribeReceived] == 6 && numbers[.subackSent] == 6)
        #expect(
            numbers[.publishReceived] == 30 && numbers.messages(.client) == 30
                && numbers[.ledgerUnrouted] == 0
        )
        #expect(
            numbers.copies(.client) == 180 && numbers[.publishSent] == 180
                && numbers[.ledgerDelivered] == 180)
        #expect(numbers[.ledgerPosted] == numbers[.ledgerTaken])
        #expect(
            numbers[CloseReason.clientDisconnect] == 7 && numbers[.queueSetup] == 7
                && numbers[.queueTeardown] == 7)
        for gauge in [LoopGauge.sessionsOnline, .sessionsOffline, .queuedMessages, .inflightMessages] {
            #expect(numbers[gauge] == 0)
        }
        #expect(broker.isBalanced)
    }

    @Test func `a batch in slices keeps each subscriber's order, and every copy is accounted for`()
        throws
    {
        let broker = try TestBroker(turnBudget: 0)
        let receivers = try (0..<150).map { number in
            let client = try broker.client(broker.id(on: 1, "r\(number)"))
            try client.subscribe("t", qos: number % 2 == 0 ? .atMostOnce : .atLeastOnce)
            client.patience = 5000  // a loop that sleeps on a letter wakes by itself after ten seconds
            return client
        }
        let sender = try broker.client(broker.id(on: 0, "s"))
        for number in 1...30 {
            try sender.publish("t", "\(number)", qos: .atLeastOnce, id: UInt16(number))
            // Every third leaves while its copies are on their way or half delivered.
            if number == 10 { for leaver in stride(from: 0, to: 150, by: 3) { receivers[leaver].drop() } }
        }
        for (number, receiver) in receivers.enumerated() where number % 3 != 0 {
            #expect(try receiver.receiveMessages(30).map(\.text) == (1...30).map { "\($0)" })
        }
        #expect(try sender.drain().count == 30)
        #expect(broker.isBalanced)
        #expect(broker.numbers[.ledgerPosted] == broker.numbers[.ledgerTaken])
    }

    @Test func `messages for sessions that end meanwhile are counted`() throws {
        let broker = try TestBroker()
        let sender = try broker.client(broker.id(on: 0, "s"))
        for number in 0..<50 {
            let receiver = try broker.client(broker.id(on: 1, "r\(number)"), .v5)
            try receiver.subscribe("t", qos: .atLeastOnce)
            for id in 1...20 as ClosedRange<UInt16> {
                try sender.publish("t", "x", qos: .atLeastOnce, id: id)
            }
            receiver.drop()
        }
        #expect(try sender.drain().count == 1000)
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 1 })
        #expect(broker.isBalanced)
    }
}
