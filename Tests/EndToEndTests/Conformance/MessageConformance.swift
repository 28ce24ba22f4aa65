import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Statements about PUBLISH, its acknowledgements and its order that no other scenario proves.
@Suite struct MessageConformance {
    private func lasting(_ version: ProtocolVersion) -> Properties {
        Properties { if version == .v5 { $0.sessionExpiryInterval = 1000 } }
    }

    // MARK: Identifiers and DUP

    @Test(arguments: ProtocolVersion.allCases)
    func `DUP of a delivery is its own, not the publisher's [MQTT-3.3.1-1, 3.3.1-3]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("receiver", version)
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("sender", version)
        try sender.publish("t", "1", qos: .atLeastOnce, id: 1, duplicate: true)
        try sender.receiveAck(.puback, 1)
        try sender.publish("t", "2", qos: .exactlyOnce, id: 2, duplicate: true)
        try sender.receiveAck(.pubrec, 2)
        for text in ["1", "2"] {
            let message = try receiver.receivePublish()
            #expect(message.text == text)
            #expect(!message.isDuplicate)
        }
    }

    @Test(arguments: ProtocolVersion.allCases, [QoS.atLeastOnce, .exactlyOnce])
    func `a finished identifier may be used for a new message [MQTT-4.3.2-5, 4.3.3-12]`(
        _ version: ProtocolVersion, _ qos: QoS
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("receiver", version)
        try receiver.subscribe("t", qos: .atMostOnce)
        let sender = try broker.client("sender", version)
        for number in 0..<3 { try sender.publishAndComplete("t", "\(number)", qos: qos, id: 5) }
        #expect(try receiver.receiveMessages(3).map(\.text) == ["0", "1", "2"])
    }

    @Test func `a QoS 2 PUBLISH that was refused leaves its identifier free [MQTT-4.3.3-9]`() throws {
        let hook = RecordingHook([.authOnPublishM5])
        hook.publishAnswer = { event, _ in
            event.message.payload.byteCount == 1 ? .refuse(HookRefusal(reasonCode: .quotaExceeded)) : .ok(nil)
        }
        let broker = try TestBroker(hooks: [hook])
        let receiver = try broker.client("receiver", .v5)
        try receiver.subscribe("t", qos: .atMostOnce)
        let sender = try broker.client("sender", .v5)
        #expect(try sender.publishAndComplete("t", "x", qos: .exactlyOnce, id: 3) == .quotaExceeded)
        #expect(try sender.publishAndComplete("t", "new", qos: .exactlyOnce, id: 3) == .success)
        #expect(try receiver.receivePublish().text == "new")
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `SUBACK and UNSUBACK have the identifier of what they answer [MQTT-2.2.1-6, 3.8.4-2, 3.10.4-4]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        for id in [1, 300, 65535] as [UInt16] {
            let identifier = PacketIdentifier(rawValue: id)
            try client.send(
                .subscribe(
                    SubscribePacket(
                        packetIdentifier: identifier, filters: [SubscribeFilter("t", qos: .atMostOnce)])))
            guard case .suback(let suback) = try client.receive() else {
                throw TestClientError(description: "no SUBACK")
            }
            #expect(suback.packetIdentifier == identifier)
            try client.send(
                .unsubscribe(UnsubscribePacket(packetIdentifier: identifier, filters: ["t", "t", "u"])))
            guard case .unsuback(let unsuback) = try client.receive() else {
                throw TestClientError(description: "no UNSUBACK")
            }
            #expect(unsuback.packetIdentifier == identifier)
            #expect(unsuback.codes == (version == .v5 ? [0, 0x11, 0x11] : []))
        }
    }

    // MARK: Delivery goes on

    @Test(arguments: ProtocolVersion.allCases, [QoS.atLeastOnce, .exactlyOnce])
    func `what was begun is finished after UNSUBSCRIBE, what is new does not come [MQTT-3.10.4-2, 3.10.4-3]`(
        _ version: ProtocolVersion, _ qos: QoS
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("receiver", version, clean: false, properties: lasting(version))
        try receiver.subscribe("t", qos: qos)
        let sender = try broker.client("sender", version)
        try sender.publishAndComplete("t", "begun", qos: qos)
        #expect(try receiver.receivePublish().text == "begun")
        try receiver.unsubscribe(["t"])
        try sender.publishAndComplete("t", "late", qos: qos)
        try receiver.disconnect()
        let again = try broker.client("receiver", version, clean: false, properties: lasting(version))
        let message = try again.receiveMessage()
        #expect(message.text == "begun")
        #expect(message.isDuplicate)
        #expect(try again.drain().isEmpty)
        #expect(broker.isBalanced)
    }

    @Test func `a sent QoS 2 message does not expire, nor does its exchange [MQTT-4.3.3-7, 4.3.3-13]`() throws
    {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let first = try broker.client("receiver", .v5, clean: false, properties: lasting(.v5))
        try first.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("sender", .v5)
        let expiry = Properties { $0.messageExpiryInterval = 1 }
        for text in ["received", "sent"] {
            try sender.publishAndComplete("t", text, qos: .exactlyOnce, properties: expiry)
        }
        let received = try first.receivePublish()
        let sent = try first.receivePublish()
        try first.acknowledge(received)
        let identifier = received.packetIdentifier?.rawValue ?? 0
        try first.receiveAck(.pubrel, identifier)
        first.drop()
        broker.pass(clock, milliseconds: 1500)
        let second = try broker.client("receiver", .v5, clean: false, properties: lasting(.v5))
        try second.receiveAck(.pubrel, identifier)  // PUBREL, and PUBLISH no more [MQTT-4.3.3-5, 4.3.3-6]
        try second.send(.pubcomp(AckPacket(packetIdentifier: PacketIdentifier(rawValue: identifier))))
        let resent = try second.receiveMessage()
        #expect(resent.text == "sent")
        #expect(resent.packetIdentifier == sent.packetIdentifier)
        #expect(resent.isDuplicate)
        #expect(try second.drain().isEmpty)
    }

    @Test func `with no quota left other packets go both ways [MQTT-3.3.4-10, 4.9.0-3]`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c", .v5, properties: Properties { $0.receiveMaximum = 1 })
        try client.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("sender", .v5)
        for number in 0..<3 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        let first = try client.receivePublish()
        #expect(try client.drain().isEmpty)
        #expect(try client.subscribe("u", qos: .atLeastOnce) == [1])
        #expect(try client.unsubscribe(["u"]) == [0])
        #expect(try client.publishAndComplete("elsewhere", "x", qos: .exactlyOnce) == .noMatchingSubscribers)
        try client.acknowledge(first)
        #expect(try client.receiveMessages(2).map(\.text) == ["1", "2"])
    }

    @Test(arguments: Path.all.filter { $0.sender == $0.receiver && $0.qos != .atMostOnce })
    func `order holds over retransmission and the offline queue [MQTT-4.6.0-5, 4.6.0-6]`(_ path: Path) throws
    {
        let broker = try TestBroker()
        let (version, qos) = (path.receiver, path.qos)
        let id = broker.id(on: path.isSameLoop ? 0 : 1, "receiver")
        let first = try broker.client(id, version, clean: false, properties: lasting(version))
        try first.subscribe("t", qos: qos)
        let sender = try broker.client(broker.id(on: 0, "sender"), version)
        for number in 0..<60 { try sender.publishAndComplete("t", "\(number)", qos: qos) }
        for number in 0..<10 { #expect(try first.receivePublish().text == "\(number)") }
        first.drop()
        for number in 60..<120 { try sender.publishAndComplete("t", "\(number)", qos: qos) }
        let second = try broker.client(id, version, clean: false, properties: lasting(version))
        for number in 120..<150 { try sender.publishAndComplete("t", "\(number)", qos: qos) }
        #expect(try second.receiveMessages(150).map(\.text) == (0..<150).map { "\($0)" })
        #expect(broker.isBalanced)
    }

    // MARK: Content

    @Test func `payload_format_check answers 0x99, and ends the connection where QoS 0 has no answer`() throws
    {
        let broker = try TestBroker { $0.publish.checksPayloadFormat = true }
        let receiver = try broker.client("receiver", .v5)
        try receiver.subscribe("#", qos: .atMostOnce)
        let client = try broker.client("c", .v5)
        let text = Properties { $0.payloadFormatIndicator = 1 }
        func packet(_ qos: QoS, _ payload: [UInt8]) -> ControlPacket {
            .publish(
                PublishPacket(
                    topic: "t", payload: payload, qos: qos, packetIdentifier: qos == .atMostOnce ? nil : 1,
                    properties: text))
        }
        try client.send(packet(.atLeastOnce, [0xFF]))
        #expect(try client.receiveAck(.puback, 1).reasonCode == .payloadFormatInvalid)
        try client.send(packet(.exactlyOnce, [0xC0, 0x80]))
        #expect(try client.receiveAck(.pubrec, 1).reasonCode == .payloadFormatInvalid)
        try client.send(packet(.exactlyOnce, Array("größe".utf8)))  // the refused identifier is free
        #expect(try client.receiveAck(.pubrec, 1).reasonCode == .success)
        #expect(try receiver.receivePublish().text == "größe")
        try client.send(packet(.atMostOnce, [0xED, 0xA0, 0x80]))
        #expect(try client.endReason() == .payloadFormatInvalid)
        #expect(try receiver.drain().isEmpty)
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `topics are compared byte by byte, a BOM and canonical equivalents too [MQTT-1.5.4-3, 4.7.3-4]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        let topics = ["\u{FEFF}t", "t", "gr\u{F6}n", "gro\u{308}n", "T", "t/", "/t"]
        for topic in topics {
            try client.subscribe(UTF8Text(topic), qos: .atMostOnce)
            for other in topics { try client.publish(UTF8Text(other), other) }
            let messages = try client.drain()
            #expect(messages.count == 1)
            guard case .publish(let publish) = messages.first else { continue }
            #expect(publish.topic == UTF8Text(topic))
            try client.unsubscribe([UTF8Text(topic)])
        }
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a topic may have 65,535 bytes [MQTT-4.7.3-3]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        let topic = UTF8Text(String(repeating: "x", count: 65_535))
        try client.subscribe(topic, qos: .atLeastOnce)
        try client.publish(topic, "long")
        let message = try client.receivePublish()
        #expect(message.topic == topic)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a message without RETAIN leaves the retained one alone [MQTT-3.3.1-8]`(_ version: ProtocolVersion)
        throws
    {
        let broker = try TestBroker()
        let sender = try broker.client("sender", version)
        try sender.publishAndComplete("t", "kept", qos: .atLeastOnce, retain: true)
        try sender.publishAndComplete("t", "passing", qos: .atLeastOnce)
        try sender.publishAndComplete("t", "", qos: .atLeastOnce)
        let receiver = try broker.client("receiver", version)
        try receiver.subscribe("t", qos: .atMostOnce)
        #expect(try receiver.receivePublish().text == "kept")
        #expect(try receiver.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `an empty retained message is delivered and not kept [MQTT-3.3.1-6, 3.3.1-7]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let live = try broker.client("live", version)
        try live.subscribe("t", qos: .atMostOnce)
        let sender = try broker.client("sender", version)
        try sender.publishAndComplete("t", "", qos: .atLeastOnce, retain: true)
        #expect(try live.receivePublish().payload.isEmpty)
        let later = try broker.client("later", version)
        try later.subscribe("t", qos: .atMostOnce)
        #expect(try later.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `retained messages outlive the session that sent them [3.1.1 MQTT-3.1.2-7]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let sender = try broker.client("sender", version)
        try sender.publishAndComplete("t", "kept", qos: .atLeastOnce, retain: true)
        try sender.disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 0 })
        let receiver = try broker.client("receiver", version)
        try receiver.subscribe("t", qos: .atMostOnce)
        #expect(try receiver.receivePublish().isRetained)
    }

    @Test func `a replaced subscription gets retained messages again and misses no live one [MQTT-3.8.4-4]`()
        throws
    {
        let broker = try TestBroker()
        let receiver = try broker.client(broker.id(on: 1, "receiver"), .v5)
        let sender = try broker.client(broker.id(on: 0, "sender"), .v5)
        try sender.publishAndComplete("r", "retained", qos: .atLeastOnce, retain: true)
        var live = 0
        var retained = 0
        for round in 0..<20 {
            // Replaced while messages are on their way.
            for number in 0..<10 { try sender.publish("t", "\(round) \(number)", qos: .atMostOnce) }
            try receiver.send(
                .subscribe(
                    SubscribePacket(
                        packetIdentifier: 1,
                        filters: [
                            SubscribeFilter("t", qos: .atMostOnce), SubscribeFilter("r", qos: .atMostOnce),
                        ])))
            _ = try sender.drain()
            for packet in try receiver.drain() {
                guard case .publish(let publish) = packet else { continue }
                if publish.isRetained { retained += 1 } else { live += 1 }
            }
        }
        // Before the first SUBSCRIBE nobody listened; from then on nothing is missed.
        while live < 190 { live += try receiver.receivePublish().isRetained ? 0 : 1 }
        #expect(retained == 20)
        #expect(live <= 200)
    }

    @Test func `a client that answers PUBREL 0x92 with PUBCOMP 0x92 goes on`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c", .v5)
        try client.send(.pubrec(AckPacket(packetIdentifier: 9)))
        #expect(try client.receiveAck(.pubrel, 9).reasonCode == .packetIdentifierNotFound)
        try client.send(.pubcomp(AckPacket(packetIdentifier: 9, reasonCode: .packetIdentifierNotFound)))
        #expect(try client.drain().isEmpty)
    }
}
