import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Lives of one broker: each ends with a kill, which leaves what was committed, or with a planned stop.
private final class Lives {
    private(set) var store = ManualStore()
    private(set) var broker: TestBroker

    init() throws { broker = try TestBroker(store: store) { $0.session.maxOfflineMessages = -1 } }

    deinit { broker.stop() }

    enum End: CaseIterable { case kill, stop }

    /// - Returns: what the store held.
    @discardableResult
    func restart(_ end: End) throws -> ManualStore.Contents {
        let killed = store.contents
        broker.stop()
        let contents = end == .kill ? killed : store.contents
        store = ManualStore(contents)
        broker = try TestBroker(store: store) { $0.session.maxOfflineMessages = -1 }
        return contents
    }

    func receiver(_ window: UInt16) throws -> TestClient {
        try broker.client(
            "r", .v5, clean: false,
            properties: Properties {
                $0.sessionExpiryInterval = 1000
                $0.receiveMaximum = window
            })
    }
}

@Suite struct RedeliveryScenarios {
    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `what was sent comes with DUP, through any number of restarts [MQTT-3.3.1-1]`(_ qos: QoS) throws {
        for ends: [Lives.End] in [
            [.kill], [.stop], [.kill, .kill], [.kill, .stop], [.stop, .kill], [.kill, .stop, .kill],
        ] {
            let lives = try Lives()
            let receiver = try lives.receiver(100)
            try receiver.subscribe("t", qos: qos)
            let sender = try lives.broker.client("s")
            for number in 1...4 { try sender.publish("t", "\(number)", qos: qos, id: UInt16(number)) }
            let sent = try (1...4).map { _ in try receiver.receivePublish() }
            #expect(lives.store.wait { $0.contents.copyCount == 4 })
            for end in ends { try lives.restart(end) }
            let again = try lives.receiver(100)
            let messages = try again.receiveMessages(4)
            #expect(messages.map(\.text) == sent.map(\.text), "\(ends)")
            #expect(messages.map(\.packetIdentifier) == sent.map(\.packetIdentifier), "\(ends)")
            #expect(messages.allSatisfy { $0.isDuplicate }, "\(ends)")
            #expect(lives.broker.wait { $0[LoopGauge.storedCopies] == 0 })
            #expect(lives.broker.isBalanced)
        }
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `what was never sent comes without DUP after planned stops`(_ qos: QoS) throws {
        let lives = try Lives()
        let receiver = try lives.receiver(2)
        try receiver.subscribe("t", qos: qos)
        let sender = try lives.broker.client("s")
        for number in 1...5 { try sender.publish("t", "\(number)", qos: qos, id: UInt16(number)) }
        _ = try (1...2).map { _ in try receiver.receivePublish() }
        #expect(lives.store.wait { $0.contents.copyCount == 5 })
        try lives.restart(.stop)
        try lives.restart(.kill)  // nobody was there
        let messages = try lives.receiver(2).receiveMessages(5)
        #expect(messages.map(\.text) == ["1", "2", "3", "4", "5"])
        #expect(messages.map(\.isDuplicate) == [true, true, false, false, false])
    }

    /// The publisher's loop is the subscriber's, or another; the broker ends at any moment.
    @Test(
        arguments: [QoS.atLeastOnce, .exactlyOnce], [1, 5, 65_535] as [UInt16])
    func `in flight at a kill: the same order, the same identifiers, DUP [MQTT-4.4.0-1, 4.6.0-1]`(
        _ qos: QoS, _ window: UInt16
    ) throws {
        for seed in 1...12 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed &* 1000 &+ UInt64(window))
            let lives = try Lives()
            let receiver = try lives.receiver(window)
            try receiver.subscribe("t", qos: qos)
            // Identifiers do not begin with 1.
            let sender = try lives.broker.client(lives.broker.id(on: Int(seed & 1), "s"))
            for number in 0..<random.below(20) {
                try sender.publishAndComplete("t", "before \(number)", qos: qos)
                _ = try receiver.receiveMessage()
            }
            var sent: [PublishPacket] = []
            var released: [UInt16] = []
            var published = 0
            var receivedCount = 0
            for _ in 0..<2 {
                for _ in 0..<1 + random.below(20) {
                    published += 1
                    try sender.publish("t", "\(published)", qos: qos, id: UInt16(published))
                }
                let coming = min(published - receivedCount, Int(window) - sent.count - released.count)
                for _ in 0..<random.below(max(coming, 0) + 1) {
                    sent.append(try receiver.receivePublish())
                    receivedCount += 1
                }
                // Some are acknowledged, the oldest first with QoS 2 [MQTT-4.6.0-3].
                for _ in 0..<random.below(4) where !sent.isEmpty {
                    let publish = sent.remove(at: qos == .exactlyOnce ? 0 : random.below(sent.count))
                    let identifier = publish.packetIdentifier?.rawValue ?? 0
                    try receiver.acknowledge(publish)
                    guard qos == .exactlyOnce else { continue }
                    var packet = try receiver.receive()
                    while case .publish(let next) = packet {
                        sent.append(next)
                        receivedCount += 1
                        packet = try receiver.receive()
                    }
                    guard case .pubrel(let release) = packet, release.packetIdentifier.rawValue == identifier
                    else {
                        Issue.record("\(packet) in place of PUBREL \(identifier)")
                        return
                    }
                    released.append(identifier)
                }
            }
            if random.below(2) == 0 { _ = lives.store.wait { $0.contents.copyCount > 0 } }
            let contents = try lives.restart(.kill)
            for _ in 0..<random.below(3) { try lives.restart(Lives.End.allCases[random.below(2)]) }
            let kept = Set(contents.texts(of: "r"))
            let again = try lives.receiver(window)
            var messages: [PublishPacket] = []
            var owed: [UInt16] = []
            let isTaken = lives.broker.wait { numbers in
                guard let packets = try? again.drain() else { return true }
                for packet in packets {
                    switch packet {
                    case .publish(let publish):
                        messages.append(publish)
                        try? again.acknowledge(publish)
                    case .pubrel(let release):
                        owed.append(release.packetIdentifier.rawValue)
                        try? again.send(.pubcomp(AckPacket(packetIdentifier: release.packetIdentifier)))
                    default: Issue.record("\(packet)")
                    }
                }
                return packets.isEmpty && numbers[LoopGauge.storedCopies] == 0
            }
            #expect(isTaken, "seed \(seed)")
            // All that the store has comes, once, in the order of publishing.
            let numbers = messages.compactMap { Int($0.text) }
            #expect(
                numbers == numbers.sorted() && Set(numbers).count == numbers.count, "seed \(seed): \(numbers)"
            )
            let identifiers = Dictionary(uniqueKeysWithValues: messages.map { ($0.text, $0) })
            for publish in sent where kept.contains(publish.text) {
                guard let resent = identifiers[publish.text] else {
                    Issue.record("seed \(seed): \(publish.text) is lost")
                    continue
                }
                #expect(resent.packetIdentifier == publish.packetIdentifier, "seed \(seed): \(publish.text)")
                #expect(resent.isDuplicate, "seed \(seed): \(publish.text)")
            }
            // With QoS 2 a message that was sent was stored before.
            if qos == .exactlyOnce {
                #expect(sent.allSatisfy { kept.contains($0.text) }, "seed \(seed)")
                #expect(released.allSatisfy { owed.contains($0) }, "seed \(seed): \(released) \(owed)")
            }
            #expect(lives.broker.isBalanced)
        }
    }

    @Test
    func
        `an identifier that the client still uses is not given again, and what waits behind keeps its order`()
        throws
    {
        let lives = try Lives()
        let receiver = try lives.receiver(65_535)
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try lives.broker.client(lives.broker.id(on: 1, "s"))
        try sender.publishAndComplete("t", "stays", qos: .atLeastOnce)
        let stays = try receiver.receivePublish()
        // Identifiers come round to the one that is not acknowledged.
        var last: UInt16 = 0
        for number in 1...65_540 {
            try sender.publish("t", "\(number)", qos: .atLeastOnce, id: UInt16(number % 60_000 + 1))
            let message = try receiver.receivePublish()
            #expect(message.text == "\(number)" && message.packetIdentifier != stays.packetIdentifier)
            last = message.packetIdentifier?.rawValue ?? 0
            try receiver.acknowledge(message)
            _ = try sender.receive()
        }
        #expect(last < 20)
        try lives.restart(.kill)
        let again = try lives.receiver(65_535)
        let message = try again.receiveMessage()
        #expect(message.text == "stays" && message.packetIdentifier == stays.packetIdentifier)
        #expect(message.isDuplicate)
    }
}
