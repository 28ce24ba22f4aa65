import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Clients, hooks, limits and restarts by chance, over a store. The books are looked at again and again.
private final class ChanceRun {
    let seed: UInt64
    let loops: Int
    var random: SeededGenerator
    var store = ManualStore()
    var broker: TestBroker
    var clients: [Int: TestClient] = [:]
    private static let memberCount = 8

    init(seed: UInt64, loops: Int) throws {
        self.seed = seed
        self.loops = loops
        random = SeededGenerator(seed: seed)
        broker = try Self.start(store, loops, seed)
    }

    private static func start(_ store: ManualStore, _ loops: Int, _ seed: UInt64) throws -> TestBroker {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5, .onDeliver, .onDeliverM5])
        hook.publishAnswer = { event, _ in
            event.message.topic.byteCount == 6 ? .refuse(HookRefusal()) : .ok(nil)  // "denied"
        }
        hook.deliverAnswer = { event, _ in
            event.message.payload.byteCount == 13 ? .refuse(HookRefusal()) : .ok(nil)
        }
        // A third of the runs has no hooks, whose messages take another way.
        return try TestBroker(loops: loops, hooks: seed % 3 == 0 ? [] : [hook], store: store) {
            $0.session.maxOnlineMessages = 10
            $0.session.maxOfflineMessages = 12
            $0.session.maxMessageSize = 5000
            $0.session.queueType = seed % 2 == 0 ? .fifo : .lifo
        }
    }

    private func version(_ member: Int) -> ProtocolVersion { [.v5, .v311, .v5, .v31][member % 4] }
    private func id(_ member: Int) -> UTF8Text { "member\(member)".text }

    private func connect(_ member: Int) throws {
        var properties = Properties()
        if version(member) == .v5 {
            if member % 3 > 0 { properties.sessionExpiryInterval = 1000 }
            properties.receiveMaximum = UInt16(1 + random.below(6))
            if random.below(3) == 0 { properties.maximumPacketSize = 60 }
        }
        let will =
            random.below(3) == 0 ? WillPacketFields(qos: .atLeastOnce, topic: "a", payload: [1]) : nil
        let client = try broker.client(version(member))
        // The older connection, if there is one, is taken over.
        try client.connect(
            id(member), clean: random.below(4) == 0 || member % 3 == 0, will: will, properties: properties)
        clients[member]?.drop()
        clients[member] = client
    }

    func act() throws {
        let member = random.below(Self.memberCount)
        guard let client = clients[member] else { return try connect(member) }
        // MQTT 3.1.1 knows no answer to a PUBLISH that is denied: the broker has closed, and the client finds out here.
        do { try act(member, client) } catch is TestClientError { clients[member] = nil }
    }

    private func act(_ member: Int, _ client: TestClient) throws {
        switch random.below(24) {
        case 0..<10: try publish(member, client)
        case 10..<13:
            let filter = ["#", "a/+", "a", "$share/g/a/#", "$share/h/+"][random.below(5)] as UTF8Text
            try client.send(
                .subscribe(
                    SubscribePacket(
                        packetIdentifier: 1,
                        filters: [SubscribeFilter(filter, qos: QoS.allCases[random.below(3)])])))
        case 13: try client.send(.unsubscribe(UnsubscribePacket(packetIdentifier: 2, filters: ["#", "a"])))
        case 14..<18: try read(client)
        case 18..<21:
            clients[member] = nil
            switch random.below(3) {
            case 0: client.drop()
            case 1: client.reset()
            default: try client.send([0xE0, 0])
            }
        case 21: try connect(member)
        default:
            // What no client should send. Its connection ends, and something behind it was read with it.
            let bad: [[UInt8]] = [[0x36, 0], [0x30, 3, 0, 1, 0x23], [0x30, 0xFF, 0x7F], [0x30, 2, 0, 9]]
            try client.send(bad[random.below(bad.count)] + [0x30, 4, 0, 1, 0x61, 0])
            clients[member] = nil
        }
    }

    private func publish(_ member: Int, _ client: TestClient) throws {
        var properties = Properties()
        if version(member) == .v5, random.below(4) == 0 { properties.messageExpiryInterval = 1 }
        try client.publish(
            ["a", "a/b", "b", "denied", "$x"][random.below(5)],
            String(repeating: "x", count: random.below(10) == 0 ? 13 : random.below(90)),
            qos: QoS.allCases[random.below(3)], id: UInt16(1 + random.below(20)),
            retain: random.below(6) == 0, properties: properties)
    }

    private func read(_ client: TestClient) throws {
        for packet in try client.drain() {
            switch packet {
            case .publish(let publish) where random.below(4) > 0:
                try client.acknowledge(
                    publish, client.version == .v5 && random.below(5) == 0 ? .quotaExceeded : .success)
            case .pubrec(let ack) where !ack.reasonCode.isError:
                try client.send(.pubrel(AckPacket(packetIdentifier: ack.packetIdentifier)))
            case .pubrel(let ack):
                try client.send(.pubcomp(AckPacket(packetIdentifier: ack.packetIdentifier)))
            default: break
            }
        }
    }

    /// All equations are 0, and VerneMQ's formula gives what waits.
    func checkBooks(_ step: Int) throws {
        for (member, client) in clients {
            do { try client.settle() } catch is TestClientError { clients[member] = nil }
        }
        let isBalanced = broker.isBalanced
        let numbers = broker.numbers
        let residuals = LedgerEquation.allCases.map { "\($0): \(numbers.residual($0))" }
        #expect(isBalanced, "seed \(seed), \(loops) loops, step \(step): \(residuals)")
    }

    func restart() throws {
        for client in clients.values { client.drop() }
        clients = [:]
        broker.stop()
        store.release()
        var contents = store.contents
        // What a start removes: copies whose session ended while they were on their way.
        contents.copies = contents.copies.filter { contents.sessions[$0.key] != nil }
        store = ManualStore(contents)
        let stored = contents.copyCount
        broker = try Self.start(store, loops, seed)
        #expect(broker.isBalanced, "seed \(seed): after a restart")
        let numbers = broker.numbers
        #expect(numbers[.ledgerLoaded] == UInt64(stored))
    }

    /// Every session ends: nothing is left anywhere.
    func end() throws {
        for client in clients.values { client.drop() }
        clients = [:]
        for member in 0..<Self.memberCount {
            let client = try broker.client(id(member), version(member))
            try client.disconnect()
        }
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 0 && $0[LoopGauge.sessionsOffline] == 0 })
        #expect(broker.isBalanced, "seed \(seed): at the end")
        for gauge in [
            LoopGauge.queuedMessages, .inflightMessages, .outputMessages, .storedCopies, .spilledMessages,
            .publishesPending, .queuedBytes,
        ] {
            // What is removed by another loop is on its way to it.
            #expect(broker.wait { $0[gauge] == 0 }, "seed \(seed), \(loops) loops: \(gauge)")
        }
    }
}

@Suite struct AccountingByChance {
    @Test(arguments: 1...6 as ClosedRange<UInt64>, [1, 2])
    func `whatever happens, the books balance, and VerneMQ's formula gives what waits`(
        _ seed: UInt64, _ loops: Int
    ) throws {
        let run = try ChanceRun(seed: seed, loops: loops)
        for step in 1...400 {
            try run.act()
            if step % 40 == 0 { try run.checkBooks(step) }
            if step % 130 == 0 { try run.restart() }
        }
        try run.checkBooks(400)
        try run.end()
    }
}
