import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct PropertyScenarios {
    private static let everything = Properties {
        $0.payloadFormatIndicator = 1
        $0.contentType = "text/plain"
        $0.responseTopic = "answers/here"
        $0.correlationData = [0, 1, 255]
        $0.userProperties = [
            UserProperty("b", "1"), UserProperty("a", "2"), UserProperty("b", "1"), UserProperty("", ""),
        ]
    }

    @Test(arguments: Path.all.filter { $0.sender == .v5 })
    func `properties pass unaltered, user properties in their order [MQTT-3.3.2-15…18, 3.3.2-20]`(
        _ path: Path
    ) throws {
        let broker = try TestBroker()
        let (sender, receiver) = try path.clients(broker)
        try receiver.subscribe("t", qos: path.qos)
        try sender.publishAndComplete("t", "x", qos: path.qos, properties: Self.everything)
        let properties = try receiver.receiveMessage().properties
        #expect(properties == (path.receiver == .v5 ? Self.everything : Properties()))
    }

    @Test func `a retained message and a queued one keep their properties`() throws {
        let broker = try TestBroker()
        let expiry = Properties { $0.sessionExpiryInterval = 100 }
        let receiver = try broker.client("r", .v5, properties: expiry)
        try receiver.subscribe("t", SubscriptionOptions(qos: .atLeastOnce, retainAsPublished: true))
        try receiver.disconnect()
        try broker.client("s", .v5).publishAndComplete(
            "t", "x", qos: .atLeastOnce, retain: true, properties: Self.everything)
        let again = try broker.client("r", .v5, clean: false, properties: expiry)
        let queued = try again.receiveMessage()
        #expect(queued.properties == Self.everything)
        #expect(queued.isRetained)
        let newcomer = try broker.client("n", .v5)
        try newcomer.subscribe("t", qos: .atLeastOnce)
        #expect(try newcomer.receiveMessage().properties == Self.everything)
    }

    @Test(arguments: Path.short)
    func `a message with an expiry is forwarded with what is left of it [MQTT-3.3.2-6]`(_ path: Path) throws {
        let broker = try TestBroker()
        let (_, receiver) = try path.clients(broker)
        try receiver.subscribe("t", qos: path.qos)
        let sender = try broker.client("expiring", .v5)
        try sender.publishAndComplete(
            "t", "x", qos: path.qos, properties: Properties { $0.messageExpiryInterval = 100 })
        let interval = try receiver.receiveMessage().properties.messageExpiryInterval
        #expect(path.receiver == .v5 ? interval == 100 || interval == 99 : interval == nil)
    }

    @Test func `a queued message counts down, and is dropped when its time is over [MQTT-3.3.2-5]`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let session = Properties { $0.sessionExpiryInterval = 100 }
        let receiver = try broker.client("r", .v5, properties: session)
        try receiver.subscribe("t", qos: .atLeastOnce)
        try receiver.disconnect()
        let sender = try broker.client("s", .v5)
        try sender.publishAndComplete(
            "t", "long", qos: .atLeastOnce, properties: Properties { $0.messageExpiryInterval = 60 })
        try sender.publishAndComplete(
            "t", "short", qos: .atLeastOnce, properties: Properties { $0.messageExpiryInterval = 1 })
        broker.pass(clock, milliseconds: 1500)
        let again = try broker.client("r", .v5, clean: false, properties: session)
        let message = try again.receiveMessage()
        #expect(message.text == "long")
        #expect(message.properties.messageExpiryInterval == 59)
        #expect(try again.drain().isEmpty)
        #expect(broker.numbers[DropReason.expired] == 1)
        #expect(broker.isBalanced)
    }

    @Test func `a client does not get its own message under a no-local subscription [MQTT-3.8.3-3]`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c", .v5)
        try client.subscribe("t/#", SubscriptionOptions(qos: .atLeastOnce, noLocal: true))
        try client.subscribe("t/both", qos: .atMostOnce)
        #expect(try client.publishAndComplete("t/own", "x", qos: .atLeastOnce) == .noMatchingSubscribers)
        try client.publish("t/both", "x")
        try broker.client("other").publish("t/other", "y")
        #expect(
            try client.receiveMessages(2).map(\.topic).sorted { "\($0)" < "\($1)" } == ["t/both", "t/other"])
        #expect(try client.drain().isEmpty)
    }

    @Test(arguments: [true, false])
    func `RETAIN of a live message is kept for retain-as-published alone [MQTT-3.3.1-12, 3.3.1-13]`(
        _ isSameLoop: Bool
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client(broker.id(on: isSameLoop ? 0 : 1, "r"), .v5)
        try receiver.subscribe("t", SubscriptionOptions(qos: .atMostOnce, retainAsPublished: true))
        let plain = try broker.client(broker.id(on: isSameLoop ? 0 : 1, "p"), .v5)
        try plain.subscribe("t", qos: .atMostOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        try sender.publish("t", "kept", retain: true)
        try sender.publish("t", "live")
        #expect(try receiver.receiveMessages(2).map(\.isRetained) == [true, false])
        #expect(try plain.receiveMessages(2).map(\.isRetained) == [false, false])
    }
}
