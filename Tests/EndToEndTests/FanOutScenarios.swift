import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// A subscriber of mixed kind: what makes its copy differ from the others'.
private struct Member {
    let client: TestClient
    let qos: QoS
    let identifier: UInt32?
}

private func members(_ count: Int, _ broker: TestBroker) throws -> [Member] {
    try (0..<count).map { number in
        let version = ProtocolVersion.allCases[number % 3]
        let qos = QoS.allCases[(number / 3) % 3]
        let id = broker.id(on: number % 2, "member\(number)")
        let client = try broker.client(id, version)
        let identifier = version == .v5 && number % 5 == 0 ? UInt32(number + 1) : nil
        try client.subscribe("fan/#", SubscriptionOptions(qos: qos), identifier: identifier)
        return Member(client: client, qos: qos, identifier: identifier)
    }
}

/// Bytes that show when a piece of them is missing, doubled or moved.
private func pattern(_ count: Int) -> String {
    var text = ""
    text.reserveCapacity(count + 8)
    var number = 0
    while text.utf8.count < count {
        text += "\(number),"
        number += 1
    }
    return String(text.prefix(count))
}

@Suite struct FanOutScenarios {
    @Test(arguments: QoS.allCases)
    func `fifty subscribers of mixed version and QoS get their copies`(_ qos: QoS) throws {
        let broker = try TestBroker()
        let members = try members(50, broker)
        let sender = try broker.client("sender", .v5)
        for number in 1...5 {
            try sender.publishAndComplete("fan/out", "m\(number)", qos: qos, id: UInt16(number))
        }
        for member in members {
            let messages = try member.client.receiveMessages(5)
            #expect(messages.map(\.text) == (1...5).map { "m\($0)" })
            #expect(messages.allSatisfy { $0.qos == min(qos, member.qos) })
            let identifiers = member.identifier.map { [$0] } ?? []
            #expect(messages.allSatisfy { $0.properties.subscriptionIdentifiers == identifiers })
        }
        #expect(broker.isBalanced)
        #expect(broker.wait { $0[.ledgerDelivered] == 250 })
    }

    @Test(arguments: [1000, 16_383, 16_384, 20_000, 1_000_000], QoS.allCases)
    func `a large payload arrives byte for byte at each of several subscribers`(_ size: Int, _ qos: QoS)
        throws
    {
        let broker = try TestBroker()
        let members = try members(12, broker)
        let payload = pattern(size)
        for loop in 0...1 {
            let sender = try broker.client(broker.id(on: loop, "sender"), .v5)
            try sender.publishAndComplete(
                "fan/large", payload, qos: qos, properties: Properties { $0.contentType = "text/plain" })
            try sender.publishAndComplete("fan/small", "behind it", qos: qos, id: 2)
            for member in members {
                let messages = try member.client.receiveMessages(2)
                #expect(messages[0].payload == Array(payload.utf8))
                #expect(messages[1].text == "behind it")
                #expect(
                    messages[0].properties.contentType == (member.client.version == .v5 ? "text/plain" : nil))
            }
        }
        #expect(broker.isBalanced)
    }

    @Test func `a large retained message is delivered to later subscribers of every version`() throws {
        let broker = try TestBroker()
        let payload = pattern(100_000)
        try broker.client("sender").publishAndComplete("fan/kept", payload, qos: .atLeastOnce, retain: true)
        for member in try members(9, broker) {
            #expect(try member.client.receiveMessage().payload == Array(payload.utf8))
        }
    }

    @Test(arguments: [true, false])
    func `each overlapping subscription gets a copy with its own identifier`(_ isSameLoop: Bool) throws {
        let broker = try TestBroker()
        let receiver = try broker.client(broker.id(on: isSameLoop ? 0 : 1, "r"), .v5)
        try receiver.subscribe("a/b", SubscriptionOptions(qos: .atMostOnce), identifier: 1)
        try receiver.subscribe("a/+", SubscriptionOptions(qos: .atLeastOnce), identifier: 268_435_455)
        try receiver.subscribe("#", SubscriptionOptions(qos: .exactlyOnce))
        try broker.client(broker.id(on: 0, "s")).publishAndComplete("a/b", "x", qos: .exactlyOnce)
        let messages = try receiver.receiveMessages(3)
        let copies = messages.sorted { $0.qos < $1.qos }
        #expect(copies.map(\.qos) == QoS.allCases)
        #expect(copies.map(\.properties.subscriptionIdentifiers) == [[1], [268_435_455], []])
    }

    @Test func `a wildcard at the first level does not match a topic that begins with $ [MQTT-4.7.2-1]`()
        throws
    {
        let broker = try TestBroker()
        let receiver = try broker.client("r")
        for filter in ["#", "+/x", "$SYS/x"] as [UTF8Text] {
            try receiver.subscribe(filter, qos: .atMostOnce)
        }
        let will = WillPacketFields(topic: "$SYS/x", payload: Array("from a will".utf8))
        let sender = try broker.client()
        try sender.connect("s", will: will)
        sender.drop()
        #expect(try receiver.receivePublish().topic == "$SYS/x")
        #expect(try receiver.drain().isEmpty)
    }
}
