import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct RetainedScenarios {
    @Test(arguments: Path.short)
    func `a retained message is set, replaced and removed [MQTT-3.3.1-5, 3.3.1-6]`(_ path: Path) throws {
        let broker = try TestBroker()
        let (sender, receiver) = try path.clients(broker)
        func retained() throws -> [String] {
            // QoS 0 is not acknowledged: PINGRESP tells that it has been taken.
            _ = try sender.drain()
            try receiver.subscribe("t", qos: path.qos)
            return try receiver.drain().compactMap { packet in
                guard case .publish(let publish) = packet else { return nil }
                try receiver.acknowledge(publish)
                if publish.qos == .exactlyOnce {
                    try receiver.receiveAck(.pubrel, publish.packetIdentifier?.rawValue ?? 0)
                    try receiver.send(.pubcomp(AckPacket(packetIdentifier: publish.packetIdentifier ?? 0)))
                }
                #expect(publish.isRetained && publish.qos == path.qos)
                return publish.text
            }
        }
        try sender.publishAndComplete("t", "one", qos: path.qos, retain: true)
        #expect(try retained() == ["one"])
        try receiver.unsubscribe(["t"])
        try sender.publishAndComplete("t", "two", qos: path.qos, retain: true)
        #expect(try retained() == ["two"])
        try sender.publishAndComplete("t", "", qos: path.qos, retain: true)
        let empty = try receiver.receiveMessage()
        #expect(empty.payload.isEmpty && !empty.isRetained)
        #expect(try retained() == [])
        #expect(broker.numbers[.retainedSet] == 2 && broker.numbers[.retainedDeleted] == 1)
        #expect(broker.isBalanced)
    }

    @Test(arguments: QoS.allCases, QoS.allCases)
    func `a retained message comes with the lower of both QoS`(_ published: QoS, _ subscribed: QoS) throws {
        let broker = try TestBroker()
        try broker.client("s").publishAndComplete("t", "x", qos: published, retain: true)
        let receiver = try broker.client("r", .v5)
        try receiver.subscribe("t", qos: subscribed)
        #expect(try receiver.receiveMessage().qos == min(published, subscribed))
    }

    @Test func `retain handling says when retained messages are sent [MQTT-3.3.1-9…11]`() throws {
        let broker = try TestBroker()
        try broker.client("s").publishAndComplete("t", "x", qos: .atMostOnce, retain: true)
        let receiver = try broker.client("r", .v5)
        func count(_ filter: UTF8Text, _ handling: UInt8) throws -> Int {
            try receiver.subscribe(filter, SubscriptionOptions(qos: .atMostOnce, retainHandling: handling))
            return try receiver.drain().count
        }
        #expect(try count("t", 2) == 0)
        #expect(try count("t", 1) == 0)
        #expect(try count("t", 0) == 1)
        #expect(try count("t", 0) == 1)
        #expect(try count("+", 1) == 1)
        #expect(try count("+", 1) == 0)
    }

    @Test func `a resumed session subscribes anew with retain handling 1 and gets nothing`() throws {
        let broker = try TestBroker()
        try broker.client("s").publishAndComplete("t", "x", qos: .atMostOnce, retain: true)
        let options = SubscriptionOptions(qos: .atMostOnce, retainHandling: 1)
        let first = try broker.client("r", .v5, properties: lasting(.v5))
        try first.subscribe("t", options)
        #expect(try first.drain().count == 1)
        try first.disconnect()
        let again = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
        try again.subscribe("t", options)
        #expect(try again.drain().isEmpty)
    }

    @Test func `a shared subscription gets no retained messages`() throws {
        let broker = try TestBroker()
        try broker.client("s").publishAndComplete("t", "x", qos: .atMostOnce, retain: true)
        for version in ProtocolVersion.allCases {
            let receiver = try broker.client("r", version)
            try receiver.subscribe("$share/g/t", qos: .atLeastOnce)
            #expect(try receiver.drain().isEmpty)
        }
    }

    @Test func `wildcards find what is retained, but no topic that begins with $`() throws {
        let broker = try TestBroker()
        let sender = try broker.client("s")
        for topic in ["a", "a/b", "a/b/c", "b"] as [UTF8Text] {
            try sender.publishAndComplete(topic, "\(topic)", qos: .atMostOnce, retain: true)
        }
        let dollar = try broker.client()
        try dollar.connect("d", will: WillPacketFields(isRetained: true, topic: "$x/b", payload: [1]))
        dollar.drop()
        #expect(broker.wait { $0[.retainedSet] == 5 })
        for (filter, topics) in [
            "#": ["a", "a/b", "a/b/c", "b"], "a/#": ["a", "a/b", "a/b/c"], "+": ["a", "b"], "+/b": ["a/b"],
            "$x/#": ["$x/b"], "a/+/c": ["a/b/c"],
        ] as [UTF8Text: Set<UTF8Text>] {
            let receiver = try broker.client("r", .v5)
            try receiver.subscribe(filter, qos: .atMostOnce)
            let found = try receiver.receiveMessages(topics.count)
            #expect(Set(found.map(\.topic)) == topics)
            #expect(try receiver.drain().isEmpty)
        }
    }

    @Test func `an expired retained message is not delivered, another counts down`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.retainedExpirySweepInterval = 1 }
        let sender = try broker.client("s", .v5)
        try sender.publishAndComplete(
            "short", "x", qos: .atMostOnce, retain: true,
            properties: Properties { $0.messageExpiryInterval = 1 })
        try sender.publishAndComplete(
            "long", "x", qos: .atMostOnce, retain: true,
            properties: Properties { $0.messageExpiryInterval = 100 })
        broker.pass(clock, milliseconds: 2500)
        #expect(broker.wait { $0[.retainedExpired] == 1 })
        let receiver = try broker.client("r", .v5)
        try receiver.subscribe("#", qos: .atMostOnce)
        let message = try receiver.receivePublish()
        #expect(message.topic == "long")
        #expect(message.properties.messageExpiryInterval == 98)
        #expect(try receiver.drain().isEmpty)
    }

    @Test(arguments: QoS.allCases, [ProtocolVersion.v311, .v5])
    func `no retained message is lost to a subscriber's limits`(_ qos: QoS, _ version: ProtocolVersion) throws
    {
        let broker = try TestBroker { $0.session.maxOnlineMessages = 1000 }
        let sender = try broker.client("s")
        for number in 0..<3000 {
            try sender.publish(
                "kept/\(number % 10)/\(number)".text, String(repeating: "x", count: 100), qos: qos,
                id: UInt16(number + 1), retain: true)
        }
        _ = try sender.drain()
        let receiver = try broker.client("r", version)
        try receiver.subscribe("kept/#", qos: qos)
        let messages = try receiver.receiveMessages(3000)
        #expect(Set(messages.map(\.topic)).count == 3000)
        #expect(messages.allSatisfy { $0.isRetained })
        #expect(try receiver.drain().isEmpty)
        #expect(broker.isBalanced)
    }

    @Test func `live messages between retained ones are not lost`() throws {
        let broker = try TestBroker()
        let sender = try broker.client("s")
        for number in 0..<2000 { try sender.publish("t/\(number)".text, "kept", retain: true) }
        _ = try sender.drain()
        let receiver = try broker.client(broker.id(on: 1, "r"))
        try receiver.subscribe("t/#", qos: .atLeastOnce)
        for number in 0..<500 {
            try sender.publish("t/\(number)".text, "live", qos: .atLeastOnce, id: UInt16(number + 1))
        }
        let messages = try receiver.receiveMessages(2500)
        #expect(messages.count(where: { $0.text == "live" }) == 500)
        #expect(broker.isBalanced)
    }

    @Test func `a subscription given up while its retained messages come ends them`() throws {
        let broker = try TestBroker()
        let sender = try broker.client("s")
        for number in 0..<2000 {
            try sender.publish("t/\(number)".text, "kept", qos: .atLeastOnce, id: 1, retain: true)
        }
        _ = try sender.drain()
        let receiver = try broker.client("r")
        try receiver.subscribe("t/#", qos: .atLeastOnce)
        try receiver.send(.unsubscribe(UnsubscribePacket(packetIdentifier: 2, filters: ["t/#"])))
        let packets = try receiver.drain()
        #expect(packets.contains { $0.type == .unsuback })
        #expect(packets.count < 2000)
        #expect(broker.isBalanced)
    }
}

extension String {
    var text: UTF8Text { UTF8Text(self) }
}
