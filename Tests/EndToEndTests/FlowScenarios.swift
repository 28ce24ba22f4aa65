import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct FlowScenarios {
    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce], [1, 3])
    func `no more messages are under way than the client's Receive Maximum [MQTT-3.3.4-9]`(
        _ qos: QoS, _ maximum: UInt16
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r", .v5, properties: Properties { $0.receiveMaximum = maximum })
        try receiver.subscribe("t", qos: qos)
        let sender = try broker.client("s")
        for number in 0..<10 { try sender.publishAndComplete("t", "\(number)", qos: qos) }
        #expect(try receiver.drain().count == 0 + Int(maximum))
        #expect(broker.numbers[LoopGauge.inflightMessages] == Int64(maximum))
        #expect(broker.numbers[LoopGauge.queuedMessages] == 10 - Int64(maximum))
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a Receive Maximum of 1 brings one message after the other, in order`(_ qos: QoS) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r", .v5, properties: Properties { $0.receiveMaximum = 1 })
        try receiver.subscribe("t", qos: qos)
        let sender = try broker.client("s")
        for number in 0..<50 { try sender.publishAndComplete("t", "\(number)", qos: qos) }
        #expect(try receiver.receiveMessages(50).map(\.text) == (0..<50).map(String.init))
        #expect(broker.isBalanced)
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `a v3 client has max_inflight_messages under way`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker { $0.session.maxInflightMessages = 4 }
        let receiver = try broker.client("r", version)
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("s")
        for number in 0..<10 {
            try sender.publishAndComplete(
                "t", "\(number)", qos: number % 2 == 0 ? .atLeastOnce : .exactlyOnce)
        }
        let first = try receiver.drain()
        #expect(first.count == 4)
        for case .publish(let publish) in first where publish.qos == .atLeastOnce {
            try receiver.acknowledge(publish)
        }
        #expect(try receiver.drain().count == 2)
    }

    @Test func `more unreleased publications than receive_max_broker end the connection with 0x93`() throws {
        let broker = try TestBroker { $0.publish.receiveMaxBroker = 2 }
        let client = try broker.client("c", .v5)
        for id in 1...2 as ClosedRange<UInt16> {
            try client.publish("t", "x", qos: .exactlyOnce, id: id)
            try client.receiveAck(.pubrec, id)
        }
        for _ in 0..<5 { try client.publishAndComplete("t", "x", qos: .atLeastOnce, id: 9) }
        try client.send(.pubrel(AckPacket(packetIdentifier: 1)))
        try client.receiveAck(.pubcomp, 1)
        try client.publish("t", "x", qos: .exactlyOnce, id: 3)
        try client.receiveAck(.pubrec, 3)
        try client.publish("t", "x", qos: .exactlyOnce, id: 4)
        #expect(try client.endReason() == .receiveMaximumExceeded)
        #expect(broker.numbers[RejectReason.receiveMaximumExceeded] == 1)
        #expect(broker.isBalanced)
    }

    @Test(arguments: QoS.allCases)
    func `a message over the client's Maximum Packet Size is dropped and counted [MQTT-3.1.2-24]`(_ qos: QoS)
        throws
    {
        let broker = try TestBroker()
        // Header 2, topic 3, identifier 2, properties 1, payload 92: exactly 100 with QoS 1 or 2.
        let receiver = try broker.client(
            "r", .v5,
            properties: Properties {
                $0.maximumPacketSize = qos == .atMostOnce ? 98 : 100; $0.receiveMaximum = 1
            })
        try receiver.subscribe("t", qos: qos)
        let sender = try broker.client("s")
        for size in [92, 93, 5000, 91] {
            try sender.publishAndComplete("t", String(repeating: "x", count: size), qos: qos)
        }
        #expect(try receiver.receiveMessages(2).map(\.payload.count) == [92, 91])
        #expect(broker.numbers[DropReason.packetTooLarge] == 2)
        #expect(broker.isBalanced)
    }

    @Test func `a topic alias does not carry a packet over the client's Maximum Packet Size`() throws {
        let broker = try TestBroker { $0.aliases.brokerMaximum = 10 }
        let receiver = try broker.client(
            "r", .v5,
            properties: Properties {
                $0.maximumPacketSize = 60; $0.topicAliasMaximum = 10
            })
        try receiver.subscribe("t/#", qos: .atMostOnce)
        let sender = try broker.client("s")
        let bodies = (40...60).map { String(repeating: "x", count: $0) }
        for body in bodies { try sender.publish("t/\(body.count)".text, body) }
        // Header 2, topic 6, properties 1: 51 fit without an alias.
        let messages = try receiver.receiveMessages(12)
        #expect(messages.map(\.payload.count) == Array(40...51))
        for message in messages {
            #expect(encodePacket(.publish(message), version: .v5).count <= 60)
        }
        #expect(try receiver.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a packet over max_message_size ends the connection`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker { $0.session.maxMessageSize = 100 }
        let client = try broker.client("c", version)
        try client.subscribe("t", qos: .atMostOnce)
        let overhead = version == .v5 ? 4 : 3
        try client.publish("t", String(repeating: "x", count: 100 - overhead))
        #expect(try client.receivePublish().payload.count == 100 - overhead)
        try client.publish("t", String(repeating: "x", count: 101 - overhead))
        #expect(try client.endReason() == (version == .v5 ? .packetTooLarge : nil))
        #expect(broker.numbers[CloseReason.packetTooLarge] == 1)
        #expect(broker.numbers[.invalidMessageSizeError] == 1)
    }

    // MARK: Topic aliases

    @Test func `a client's topic aliases stand for their topics [MQTT-3.3.2-12]`() throws {
        let broker = try TestBroker { $0.aliases.clientMaximum = 2 }
        let receiver = try broker.client("r")
        try receiver.subscribe("#", qos: .atMostOnce)
        let sender = try broker.client("s", .v5)
        for (topic, alias) in [("a", 1), ("", 1), ("b", 2), ("", 1), ("", 2), ("c", 1), ("", 1)]
            as [(UTF8Text, UInt16)]
        {
            try sender.publish(topic, "x", properties: Properties { $0.topicAlias = alias })
        }
        let messages = try receiver.receiveMessages(7)
        #expect(messages.map(\.topic) == ["a", "a", "b", "a", "b", "c", "c"])
        #expect(messages.allSatisfy { $0.properties.topicAlias == nil })
    }

    @Test(
        arguments: [
            ("t", 3, ReasonCode.topicAliasInvalid), ("", 2, .protocolError), ("", 3, .topicAliasInvalid),
        ] as [(UTF8Text, UInt16, ReasonCode)])
    func `a topic alias that is too large or unknown ends the connection`(
        _ topic: UTF8Text, _ alias: UInt16, _ code: ReasonCode
    ) throws {
        let broker = try TestBroker { $0.aliases.clientMaximum = 2 }
        let client = try broker.client("c", .v5)
        try client.publish(topic, "x", properties: Properties { $0.topicAlias = alias })
        #expect(try client.endReason() == code)
        #expect(broker.numbers[RejectReason.topicAliasInvalid] == 1)
        #expect(broker.isBalanced)
    }

    @Test func `an alias lives as long as its connection [MQTT-3.3.2-7]`() throws {
        let broker = try TestBroker { $0.aliases.clientMaximum = 2 }
        let first = try broker.client("c", .v5, properties: lasting(.v5))
        try first.publish("t", "x", properties: Properties { $0.topicAlias = 1 })
        try first.disconnect()
        let again = try broker.client("c", .v5, clean: false)
        try again.publish("", "x", properties: Properties { $0.topicAlias = 1 })
        #expect(try again.endReason() == .protocolError)
    }

    @Test(arguments: QoS.allCases)
    func
        `the broker uses at most the client's Topic Alias Maximum, the least recently used first [MQTT-3.1.2-26]`(
            _ qos: QoS
        ) throws
    {
        let broker = try TestBroker { $0.aliases.brokerMaximum = 100 }
        let receiver = try broker.client("r", .v5, properties: Properties { $0.topicAliasMaximum = 2 })
        try receiver.subscribe("#", qos: qos)
        let without = try broker.client("w", .v5)
        try without.subscribe("#", qos: qos)
        let sender = try broker.client("s")
        let topics = ["a", "b", "a", "c", "a", "b"] as [UTF8Text]
        for topic in topics { try sender.publishAndComplete(topic, "x", qos: qos) }
        let messages = try receiver.receiveMessages(6)
        #expect(messages.map(\.topic) == ["a", "b", "", "c", "", "b"])
        #expect(messages.map(\.properties.topicAlias) == [1, 2, 1, 2, 1, 2])
        let plain = try without.receiveMessages(6)
        #expect(plain.map(\.topic) == topics)
        #expect(plain.allSatisfy { $0.properties.topicAlias == nil })
    }

    // MARK: Rate and retries

    @Test func `a client over max_message_rate is not read for the rest of the second`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.session.maxMessageRate = 10 }
        let receiver = try broker.client("r")
        try receiver.subscribe("t", qos: .atMostOnce)
        let sender = try broker.client("s")
        for number in 0..<25 { try sender.publish("t", "\(number)") }
        for second in [0..<10, 10..<20, 20..<25] {
            #expect(try receiver.receiveMessages(second.count).map(\.text) == second.map(String.init))
            #expect(try receiver.drain().isEmpty)
            broker.pass(clock, milliseconds: 1100)
        }
        #expect(broker.numbers[.publisherThrottled] == 2)
    }

    @Test func `a QoS 2 message that is repeated counts for max_message_rate like a new one`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.session.maxMessageRate = 10 }
        let sender = try broker.client("s")
        for number in 0..<15 { try sender.publish("t", "x", qos: .exactlyOnce, id: 1, duplicate: number > 0) }
        for _ in 0..<10 { try sender.receiveAck(.pubrec, 1) }
        #expect(broker.wait { $0[.publisherThrottled] == 1 })
        #expect(broker.numbers[.ledgerDuplicate] == 9)
        broker.pass(clock, milliseconds: 1100)
        for _ in 0..<5 { try sender.receiveAck(.pubrec, 1) }
        #expect(broker.numbers[.publisherThrottled] == 1)
        #expect(broker.numbers[.ledgerDuplicate] == 14)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a v3 client gets again what it does not acknowledge`(_ qos: QoS) throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.session.retryInterval = 1000 }
        let receiver = try broker.client("r")
        try receiver.subscribe("t", qos: qos)
        try broker.client("s").publishAndComplete("t", "x", qos: qos)
        #expect(try !receiver.receivePublish().isDuplicate)
        broker.pass(clock, milliseconds: 900)
        #expect(try receiver.drain().isEmpty)
        for milliseconds in [200, 1100] as [Int64] {
            broker.pass(clock, milliseconds: milliseconds)
            let again = try receiver.receivePublish()
            #expect(again.isDuplicate && again.packetIdentifier == 1 && again.text == "x")
            #expect(try receiver.drain().isEmpty)
        }
        guard qos == .exactlyOnce else { return }
        try receiver.send(.pubrec(AckPacket(packetIdentifier: 1)))
        try receiver.receiveAck(.pubrel, 1)
        for _ in 0..<2 {
            broker.pass(clock, milliseconds: 1100)
            try receiver.receiveAck(.pubrel, 1)
            #expect(try receiver.drain().isEmpty, "more than PUBREL after PUBREC")
        }
        try receiver.send(.pubcomp(AckPacket(packetIdentifier: 1)))
        #expect(broker.wait { $0[LoopGauge.inflightMessages] == 0 })
        #expect(broker.isBalanced)
    }

    @Test func `a v5 client gets nothing again within a connection [MQTT-4.4.0-1]`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.session.retryInterval = 1000 }
        let receiver = try broker.client("r", .v5)
        try receiver.subscribe("t", qos: .atLeastOnce)
        let old = try broker.client("o")
        try old.subscribe("t", qos: .atLeastOnce)
        try broker.client("s").publishAndComplete("t", "x", qos: .atLeastOnce)
        _ = try old.receivePublish()
        for _ in 0..<2 {
            broker.pass(clock, milliseconds: 1100)
            #expect(try old.receivePublish().isDuplicate)
        }
        #expect(try receiver.drain().count == 1)
    }

    @Test func `a client that is throttled does not exceed its keep alive`() throws {
        let hook = RecordingHook([.authOnPublish])
        hook.publishAnswer = { _, _ in
            var modifiers = PublishModifiers()
            modifiers.throttle = 2200
            return .ok(modifiers)
        }
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [hook], clock: clock)
        let client = try broker.client()
        try client.connect("c", keepAlive: 1)
        try client.publish("t", "x")
        #expect(broker.wait { $0[.publisherThrottled] == 1 })
        try client.send(.pingreq)
        broker.pass(clock, milliseconds: 2300)
        #expect(try client.receive() == .pingresp)
        #expect(broker.numbers[.keepaliveExpired] == 0)
    }
}
