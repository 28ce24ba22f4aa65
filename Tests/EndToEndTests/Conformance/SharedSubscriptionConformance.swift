import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// What becomes of a message that a member of a shared subscription was given (§4.8.2).
@Suite struct SharedSubscriptionConformance {
    /// Everything that came until now, without acknowledging it.
    private func messages(_ client: TestClient) throws -> [PublishPacket] {
        try client.drain().compactMap { packet in
            guard case .publish(let publish) = packet else { return nil }
            return publish
        }
    }

    private func publish(_ count: Int, _ broker: TestBroker, _ qos: QoS) throws {
        let sender = try broker.client("sender", .v5)
        for number in 0..<count { try sender.publishAndComplete("t", "\(number)", qos: qos) }
    }

    /// Two members that have been given twenty messages between them and acknowledged none.
    private func group(_ broker: TestBroker, _ qos: QoS) throws -> (
        TestClient, [PublishPacket], TestClient, [PublishPacket]
    ) {
        let first = try broker.client(broker.id(on: 0, "a"), .v5)
        let second = try broker.client(broker.id(on: 1, "b"), .v5)
        for member in [first, second] { try member.subscribe("$share/g/t", qos: qos) }
        try publish(20, broker, qos)
        var (ofFirst, ofSecond): ([PublishPacket], [PublishPacket]) = ([], [])
        while ofFirst.count + ofSecond.count < 20 {
            ofFirst += try messages(first)
            ofSecond += try messages(second)
        }
        return (first, ofFirst, second, ofSecond)
    }

    @Test func `an unacknowledged QoS 1 message goes to another member when its session ends`() throws {
        let broker = try TestBroker()
        let (first, ofFirst, second, ofSecond) = try group(broker, .atLeastOnce)
        for message in ofSecond { try second.acknowledge(message) }
        try first.disconnect()
        let again = try second.receiveMessages(ofFirst.count)
        #expect(again.map(\.text) == ofFirst.map(\.text))
        #expect(again.allSatisfy { !$0.isDuplicate })
        #expect(broker.wait { $0[.sharedRedelivered] == UInt64(ofFirst.count) })
        #expect(broker.isBalanced)
    }

    @Test func `a group is its name and its filter, also when a message goes to another member`() throws {
        let broker = try TestBroker()
        let leaving = try broker.client(broker.id(on: 0, "a"), .v5)
        let other = try broker.client(broker.id(on: 1, "b"), .v5)
        try other.subscribe("$share/g/#", qos: .atLeastOnce)
        try leaving.subscribe("$share/g/t", qos: .atLeastOnce)
        try publish(5, broker, .atLeastOnce)
        #expect(try other.receiveMessages(5).count == 5)
        for _ in 0..<5 { _ = try leaving.receivePublish() }
        let mate = try broker.client(broker.id(on: 0, "c"), .v5)
        try mate.subscribe("$share/g/t", qos: .atLeastOnce)
        try leaving.disconnect()
        #expect(try mate.receiveMessages(5).count == 5)
        #expect(try other.drain().isEmpty)
        #expect(broker.isBalanced)
    }

    @Test func `a sent QoS 2 message goes to no other member when its session ends [MQTT-4.8.2-5]`() throws {
        let broker = try TestBroker()
        let (first, ofFirst, second, ofSecond) = try group(broker, .exactlyOnce)
        try first.disconnect()
        #expect(broker.wait { $0[DropReason.sessionEnded] == UInt64(ofFirst.count) })
        #expect(try second.drain().isEmpty)
        #expect(ofFirst.count + ofSecond.count == 20)
    }

    @Test func `a QoS 2 message waits for the member that was given it [MQTT-4.8.2-4]`() throws {
        let broker = try TestBroker()
        let lasting = Properties { $0.sessionExpiryInterval = 1000 }
        let member = try broker.client("a", .v5, clean: false, properties: lasting)
        try member.subscribe("$share/g/t", qos: .exactlyOnce)
        try publish(1, broker, .exactlyOnce)
        let sent = try member.receivePublish()
        let other = try broker.client("b", .v5)
        try other.subscribe("$share/g/t", qos: .exactlyOnce)
        member.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        #expect(try other.drain().isEmpty)
        let again = try broker.client("a", .v5, clean: false, properties: lasting)
        let message = try again.receiveMessage()
        #expect(message.packetIdentifier == sent.packetIdentifier)
        #expect(message.isDuplicate)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a message that a member refuses goes to nobody else [MQTT-4.8.2-6]`(_ qos: QoS) throws {
        let broker = try TestBroker()
        let (first, ofFirst, second, ofSecond) = try group(broker, qos)
        for message in ofFirst { try first.acknowledge(message, .unspecifiedError) }
        #expect(broker.wait { $0[DropReason.refusedByClient] == UInt64(ofFirst.count) })
        #expect(try first.drain().isEmpty)
        #expect(try second.drain().isEmpty)
        try first.disconnect()
        #expect(try second.drain().isEmpty)
        #expect(!ofSecond.isEmpty)
    }

    @Test func `each member gets its copies with the QoS it was granted [MQTT-4.8.2-3]`() throws {
        let broker = try TestBroker()
        let members = try QoS.allCases.map { qos in
            let client = try broker.client(UTF8Text("m\(qos.rawValue)"), .v5)
            try client.subscribe("$share/g/t", qos: qos)
            return (qos, client)
        }
        try publish(60, broker, .exactlyOnce)
        var count = 0
        while count < 60 {
            for (qos, member) in members {
                let own = try messages(member)
                #expect(own.allSatisfy { $0.qos == qos })
                count += own.count
            }
        }
        #expect(count == 60)
    }

    @Test(arguments: SharedSubscriptionPolicy.allCases)
    func `every policy prefers members that are online`(
        _ policy: SharedSubscriptionPolicy
    ) throws {
        let broker = try TestBroker { $0.sharedSubscriptionPolicy = policy }
        let lasting = Properties { $0.sessionExpiryInterval = 1000 }
        let away = try broker.client("away", .v5, clean: false, properties: lasting)
        try away.subscribe("$share/g/t", qos: .atLeastOnce)
        try away.disconnect()
        let here = try broker.client("here", .v5)
        try here.subscribe("$share/g/t", qos: .atLeastOnce)
        try publish(20, broker, .atLeastOnce)
        #expect(try here.receiveMessages(20).count == 20)
        let again = try broker.client("away", .v5, clean: false, properties: lasting)
        #expect(try again.drain().isEmpty)
    }
}
