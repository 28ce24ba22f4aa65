import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct PublishScenarios {
    @Test(arguments: Path.all)
    func `a message reaches its subscriber with the QoS of both sides [MQTT-4.3.1-1, 4.3.2-1, 4.3.3-1]`(
        _ path: Path
    ) throws {
        let broker = try TestBroker()
        let (sender, receiver) = try path.clients(broker)
        #expect(try receiver.subscribe("a/+", qos: path.qos) == [path.qos.rawValue])
        for number in 1...3 {
            let code = try sender.publishAndComplete("a/b", "m\(number)", qos: path.qos, id: UInt16(number))
            #expect(code == .success)
        }
        let messages = try receiver.receiveMessages(3)
        #expect(messages.map(\.text) == ["m1", "m2", "m3"])
        #expect(
            messages.allSatisfy {
                $0.qos == path.qos && !$0.isRetained && !$0.isDuplicate && $0.topic == "a/b"
            })
        let ids = messages.compactMap { $0.packetIdentifier?.rawValue }
        #expect(ids == (path.qos == .atMostOnce ? [] : [1, 2, 3]))
        #expect(broker.isBalanced)
    }

    @Test(arguments: Path.all.filter { $0.sender == .v5 })
    func `the QoS of a delivery is the lower of publication and subscription [MQTT-3.8.4-8]`(_ path: Path)
        throws
    {
        let broker = try TestBroker()
        let (sender, receiver) = try path.clients(broker)
        try receiver.subscribe("t", qos: path.qos)
        for qos in QoS.allCases { try sender.publishAndComplete("t", "\(qos)", qos: qos, id: 7) }
        #expect(try receiver.receiveMessages(3).map(\.qos) == QoS.allCases.map { min($0, path.qos) })
    }

    @Test(arguments: Path.all.filter { $0.sender == $0.receiver })
    func `a thousand messages arrive once and in order [MQTT-4.6.0-6]`(_ path: Path) throws {
        let broker = try TestBroker { $0.session.maxOnlineMessages = -1 }
        let (sender, receiver) = try path.clients(broker)
        try receiver.subscribe("t", qos: path.qos)
        for number in 0..<1000 { try sender.publish("t", "\(number)", qos: path.qos, id: UInt16(number + 1)) }
        let messages = try receiver.receiveMessages(1000)
        #expect(messages.map(\.text) == (0..<1000).map(String.init))
        #expect(try receiver.drain().isEmpty)
        #expect(try sender.drain().count == (path.qos == .atMostOnce ? 0 : 1000))
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a repeated QoS 2 PUBLISH is acknowledged and not routed again [MQTT-4.3.3-10]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("receiver")
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("sender", version)
        try sender.publish("t", "one", qos: .exactlyOnce, id: 5)
        try sender.receiveAck(.pubrec, 5)
        try sender.publish("t", "one", qos: .exactlyOnce, id: 5, duplicate: true)
        try sender.receiveAck(.pubrec, 5)
        try sender.send(.pubrel(AckPacket(packetIdentifier: 5)))
        try sender.receiveAck(.pubcomp, 5)
        try sender.publishAndComplete("t", "two", qos: .exactlyOnce, id: 5)
        #expect(try receiver.receiveMessages(2).map(\.text) == ["one", "two"])
        #expect(broker.numbers[.ledgerDuplicate] == 1)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a v5 publisher learns that nobody subscribes`(_ qos: QoS) throws {
        let broker = try TestBroker()
        let sender = try broker.client("sender", .v5)
        #expect(try sender.publishAndComplete("nobody", "x", qos: qos) == .noMatchingSubscribers)
        #expect(broker.numbers[.ledgerUnrouted] == 1)
    }

    @Test func `a v5 receiver may refuse a message, which ends its delivery [MQTT-4.4.0-2]`() throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r", .v5, properties: Properties { $0.receiveMaximum = 1 })
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("s", .v5)
        for number in 1...3 {
            try sender.publishAndComplete("t", "\(number)", qos: number == 1 ? .atLeastOnce : .exactlyOnce)
        }
        for number in 1...2 {
            let message = try receiver.receivePublish()
            #expect(message.text == "\(number)")
            try receiver.acknowledge(message, .quotaExceeded)
        }
        #expect(try receiver.receiveMessage().text == "3")
        #expect(broker.wait { $0[DropReason.refusedByClient] == 2 })
        #expect(broker.isBalanced)
    }

    // MARK: Unknown packet identifiers

    @Test(arguments: ProtocolVersion.allCases)
    func `an unknown PUBACK is counted and ignored`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.send(.puback(AckPacket(packetIdentifier: 77)))
        #expect(try client.drain().isEmpty)
        #expect(broker.numbers[.pubackInvalidError] == 1)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `an unknown PUBREC is answered, with 0x92 in v5, unless it reports an error`(
        _ version: ProtocolVersion
    )
        throws
    {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.send(.pubrec(AckPacket(packetIdentifier: 77)))
        let code = try client.receiveAck(.pubrel, 77).reasonCode
        #expect(code == (version == .v5 ? .packetIdentifierNotFound : .success))
        if version == .v5 {
            try client.send(.pubrec(AckPacket(packetIdentifier: 78, reasonCode: .unspecifiedError)))
        }
        #expect(try client.drain().isEmpty)
        #expect(broker.numbers[.pubrecInvalidError] == (version == .v5 ? 2 : 1))
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `an unknown PUBREL is completed, with 0x92 in v5`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.send(.pubrel(AckPacket(packetIdentifier: 77)))
        let code = try client.receiveAck(.pubcomp, 77).reasonCode
        #expect(code == (version == .v5 ? .packetIdentifierNotFound : .success))
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `an unknown PUBCOMP is counted and harms nobody`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.send(.pubcomp(AckPacket(packetIdentifier: 77)))
        #expect(try client.drain().isEmpty)
        #expect(broker.numbers[.pubcompInvalidError] == 1)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a client may answer each of two PUBRELs [MQTT-4.3.3-11]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r", version)
        try receiver.subscribe("t", qos: .exactlyOnce)
        try broker.client("s").publishAndComplete("t", "x", qos: .exactlyOnce)
        let message = try receiver.receivePublish()
        for _ in 1...2 {
            try receiver.acknowledge(message)
            try receiver.receiveAck(.pubrel, 1)
        }
        for _ in 1...2 { try receiver.send(.pubcomp(AckPacket(packetIdentifier: 1))) }
        #expect(try receiver.drain().isEmpty)
        #expect(broker.numbers[.ledgerDelivered] == 1)
    }

    @Test(arguments: ProtocolVersion.allCases, [QoS.atLeastOnce, .exactlyOnce])
    func `an acknowledgement of the wrong kind ends the connection [MQTT-4.8.0-1]`(
        _ version: ProtocolVersion, _ qos: QoS
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r", version)
        try receiver.subscribe("t", qos: qos)
        try broker.client("s").publishAndComplete("t", "x", qos: qos)
        let ack = AckPacket(packetIdentifier: try receiver.receivePublish().packetIdentifier ?? 0)
        try receiver.send(qos == .atLeastOnce ? .pubrec(ack) : .puback(ack))
        #expect(try receiver.endReason() == (version == .v5 ? .protocolError : nil))
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `PUBREL is repeated for a repeated PUBREC`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r", version)
        try receiver.subscribe("t", qos: .exactlyOnce)
        try broker.client("s").publishAndComplete("t", "x", qos: .exactlyOnce)
        let message = try receiver.receivePublish()
        try receiver.acknowledge(message)
        try receiver.receiveAck(.pubrel, 1)
        try receiver.acknowledge(message)
        try receiver.receiveAck(.pubrel, 1)
        try receiver.send(.pubcomp(AckPacket(packetIdentifier: 1)))
        #expect(broker.isBalanced)
        #expect(broker.wait { $0[.ledgerDelivered] == 1 && $0[LoopGauge.inflightMessages] == 0 })
    }

    @Test(arguments: ProtocolVersion.allCases, QoS.allCases)
    func `a publication to a topic that begins with $ is acknowledged and goes nowhere [MQTT-4.3.2-4]`(
        _ version: ProtocolVersion, _ qos: QoS
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.subscribe("$SYS/x", qos: .atMostOnce)
        try client.publish("$SYS/x", "forged", qos: qos)
        if qos != .atMostOnce {
            let code = try client.receiveAck(qos == .atLeastOnce ? .puback : .pubrec, 1).reasonCode
            #expect(code == (version == .v5 ? .notAuthorized : .success))
        }
        #expect(try client.drain().isEmpty)
        #expect(broker.numbers[RejectReason.dollarTopic] == 1)
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a topic deeper than topic_max_depth ends the connection`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker { $0.publish.topicMaxDepth = 3 }
        let client = try broker.client("c", version)
        try client.subscribe("a/b/c", qos: .atMostOnce)
        try client.publish("a/b/c", "fits")
        #expect(try client.receivePublish().text == "fits")
        try client.publish("a/b/c/d", "too deep")
        #expect(try client.endReason() == (version == .v5 ? .topicNameInvalid : nil))
        #expect(broker.numbers[RejectReason.topicInvalid] == 1)
        #expect(broker.isBalanced)
    }
}
