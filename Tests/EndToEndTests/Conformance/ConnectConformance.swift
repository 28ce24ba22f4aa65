import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Statements about CONNECT, CONNACK and PINGREQ that no other scenario proves.
@Suite struct ConnectConformance {
    private let will = WillPacketFields(qos: .exactlyOnce, topic: "w", payload: Array("gone".utf8))

    private func connect(
        _ client: TestClient, _ id: UTF8Text, clean: Bool = true, will: WillPacketFields? = nil,
        properties: Properties = Properties()
    ) throws -> ConnackPacket {
        try client.connect(id, clean: clean, will: will, properties: properties)
    }

    // MARK: CONNECT

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `a will with QoS 3 closes the connection [MQTT-3.1.2-12]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client(version)
        let level = version == .v5 ? "05" : "04"
        let properties = version == .v5 ? "00" : ""
        try client.send(
            wireBytes("10 .. 0004 'MQTT' \(level) 1e 003c \(properties) 0001 'a' \(properties) 0001 'w' 0000")
        )
        #expect(try client.receiveUntilEnd().isEmpty)
        client.drop()
        #expect(broker.wait { $0[CloseReason.malformed] == 1 })
    }

    @Test func `a will beyond what the broker supports refuses its CONNECT [MQTT-3.2.2-12, 3.2.2-13]`() throws
    {
        let broker = try TestBroker {
            $0.publish.maxQoS = .atLeastOnce
            $0.publish.retainAvailable = false
        }
        let retained = WillPacketFields(qos: .atMostOnce, isRetained: true, topic: "w")
        #expect(try connect(broker.client(.v5), "a", will: will).code == ReasonCode.qosNotSupported.rawValue)
        #expect(
            try connect(broker.client(.v5), "a", will: retained).code
                == ReasonCode.retainNotSupported.rawValue)
        #expect(
            try connect(broker.client(.v311), "a", will: will).code
                == ConnectReturnCode.notAuthorized.rawValue)
        let fitting = WillPacketFields(qos: .atLeastOnce, topic: "w")
        #expect(try connect(broker.client(.v5), "a", will: fitting).code == 0)
    }

    @Test func `payload_format_check refuses a will that is not the UTF-8 it says it is`() throws {
        let properties = Properties { $0.payloadFormatIndicator = 1 }
        let lying = WillPacketFields(topic: "w", payload: [0xFF], properties: properties)
        let checking = try TestBroker { $0.publish.checksPayloadFormat = true }
        #expect(
            try connect(checking.client(.v5), "a", will: lying).code
                == ReasonCode.payloadFormatInvalid.rawValue)
        let trusting = try TestBroker()
        #expect(try connect(trusting.client(.v5), "a", will: lying).code == 0)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `client ids of 1 to 23 letters and digits are accepted [MQTT-3.1.3-5]`(_ version: ProtocolVersion)
        throws
    {
        let broker = try TestBroker()
        let alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for start in stride(from: 0, to: 62, by: 20) {
            let id = String(alphabet.dropFirst(start).prefix(23))
            #expect(try connect(broker.client(version), UTF8Text(id)).code == 0)
        }
        #expect(try connect(broker.client(version), "1").code == 0)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `nothing behind a refused CONNECT is taken, nothing follows its CONNACK [MQTT-3.1.4-6, 3.2.2-7]`(
        _ version: ProtocolVersion
    ) throws {
        let hook = RecordingHook([.authOnRegister, .authOnRegisterM5])
        hook.registerAnswer = { event, _ in event.cleanStart ? .ok(nil) : .refuse(HookRefusal()) }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        let witness = try broker.client("witness")
        try witness.subscribe("t", qos: .atMostOnce)
        let client = try broker.client(version)
        let publish = ControlPacket.publish(PublishPacket(topic: "t", payload: [1]))
        try client.send(
            encodePacket(
                .connect(ConnectPacket(version: version, cleanStart: false, clientID: "c")), version: version)
                + encodePacket(publish, version: version) + encodePacket(.pingreq, version: version))
        let packets = try client.receiveUntilEnd()
        #expect(packets.count == 1)
        guard case .connack(let connack) = packets.first else {
            throw TestClientError(description: "no CONNACK")
        }
        #expect(connack.code != 0)
        #expect(try witness.drain().isEmpty)
        #expect(broker.numbers[.publishReceived] == 0)
    }

    // MARK: CONNACK

    @Test(arguments: ProtocolVersion.allCases)
    func `CONNACK is the first packet and comes once, whatever waits [MQTT-3.2.0-1, 3.2.0-2]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let lasting = Properties { if version == .v5 { $0.sessionExpiryInterval = 100 } }
        let first = try broker.client("c", version, clean: false, properties: lasting)
        try first.subscribe("t", qos: .exactlyOnce)
        try first.disconnect()
        let sender = try broker.client("sender")
        for number in 0..<5 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        let second = try broker.client(version)
        // CONNACK of 3.1 has no such flag.
        #expect(
            try second.connect("c", clean: false, properties: lasting).isSessionPresent == (version != .v31))
        let rest = try second.drain()
        #expect(rest.count == 5)
        #expect(rest.allSatisfy { $0.type == .publish })
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a refusal has session present 0, also where there is a session [MQTT-3.2.2-6]`(
        _ version: ProtocolVersion
    ) throws {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5])
        hook.publishAnswer = { _, _ in .refuse(HookRefusal()) }
        let broker = try TestBroker(hooks: [hook])
        let lasting = Properties { if version == .v5 { $0.sessionExpiryInterval = 100 } }
        try broker.client("c", version, clean: false, properties: lasting).disconnect()
        let refused = try connect(broker.client(version), "c", clean: false, will: will, properties: lasting)
        #expect(refused.code != 0)
        #expect(!refused.isSessionPresent)
        let accepted = try broker.client(version)
        try accepted.connect("c", clean: false, properties: lasting)
        #expect(broker.wait { $0[.sessionResumed] == 1 })
    }

    @Test func `a hook's code that CONNACK does not have is replaced [MQTT-3.2.2-8]`() throws {
        let hook = RecordingHook([.authOnRegisterM5])
        hook.registerAnswer = { event, _ in
            .refuse(HookRefusal(reasonCode: event.cleanStart ? .topicFilterInvalid : .success))
        }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        for clean in [true, false] {
            let code = try connect(broker.client(.v5), "c", clean: clean).code
            #expect(code == ReasonCode.badUserNameOrPassword.rawValue)
        }
    }

    @Test func `response information is for those who ask [MQTT-3.1.2-28]`() throws {
        let hook = RecordingHook([.authOnRegisterM5])
        hook.registerAnswer = { _, _ in
            var modifiers = RegisterModifiers()
            modifiers.connackProperties = Properties { $0.responseInformation = "replies/" }
            return .ok(modifiers)
        }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        for asked in [nil, 0, 1] as [UInt8?] {
            let properties = Properties { $0.requestResponseInformation = asked }
            let connack = try connect(broker.client(.v5), "c", properties: properties)
            #expect(connack.properties.responseInformation == (asked == 1 ? "replies/" : nil))
        }
    }

    @Test func `texts give way to the client's Maximum Packet Size [MQTT-3.2.2-19, 3.2.2-20]`() throws {
        let text = UTF8Text(String(repeating: "x", count: 100))
        let hook = RecordingHook([.authOnRegisterM5])
        hook.registerAnswer = { event, _ in
            guard event.cleanStart else {
                return .refuse(HookRefusal(reasonCode: .banned, reasonString: text))
            }
            var modifiers = RegisterModifiers()
            modifiers.connackProperties = Properties {
                $0.reasonString = text
                $0.userProperties = [UserProperty("k", "v")]
                $0.sharedSubscriptionAvailable = 1
            }
            return .ok(modifiers)
        }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        for limit in [50, 500] as [UInt32] {
            let properties = Properties { $0.maximumPacketSize = limit }
            let accepted = try connect(broker.client(.v5), "c", properties: properties)
            #expect(accepted.code == 0)
            #expect(accepted.properties.sharedSubscriptionAvailable == 1)
            #expect(accepted.properties.reasonString == (limit == 500 ? text : nil))
            #expect(accepted.properties.userProperties.count == (limit == 500 ? 1 : 0))
            let refused = try connect(broker.client(.v5), "c", clean: false, properties: properties)
            #expect(refused.code == ReasonCode.banned.rawValue)
            #expect(refused.properties.reasonString == (limit == 500 ? text : nil))
        }
    }

    @Test func `a packet with no room at all is left out, and the session goes on [MQTT-3.1.2-25]`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c", .v5, properties: Properties { $0.maximumPacketSize = 20 })
        let filters = (0..<30).map { SubscribeFilter(UTF8Text("f\($0)"), qos: .atMostOnce) }
        try client.send(.subscribe(SubscribePacket(packetIdentifier: 7, filters: filters)))
        #expect(try client.drain().isEmpty)
        try client.publish("f29", "x")
        #expect(try client.receivePublish().text == "x")
        let deaf = try broker.client(.v5)
        try deaf.send(
            .connect(
                ConnectPacket(
                    version: .v5, clientID: "deaf", properties: Properties { $0.maximumPacketSize = 4 })))
        #expect(try deaf.receiveUntilEnd().isEmpty)
    }

    @Test func `other answers have no texts, so none is too large for them [MQTT-3.4.2-2, 3.4.2-3]`() throws {
        let broker = try TestBroker { $0.publish.receiveMaxBroker = 1 }
        let client = try broker.client("c", .v5, properties: Properties { $0.maximumPacketSize = 8 })
        try client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("s", qos: .atMostOnce)])))
        guard case .suback(let suback) = try client.receive() else {
            throw TestClientError(description: "no SUBACK")
        }
        #expect(suback.properties.isEmpty)
        try client.send(.unsubscribe(UnsubscribePacket(packetIdentifier: 1, filters: ["s"])))
        guard case .unsuback(let unsuback) = try client.receive() else {
            throw TestClientError(description: "no UNSUBACK")
        }
        #expect(unsuback.properties.isEmpty)
        try client.publish("t", "x", qos: .atLeastOnce)
        #expect(
            try client.receiveAck(.puback, 1)
                == AckPacket(packetIdentifier: 1, reasonCode: .noMatchingSubscribers))
        try client.send(.pubrec(AckPacket(packetIdentifier: 5)))
        #expect(
            try client.receiveAck(.pubrel, 5)
                == AckPacket(packetIdentifier: 5, reasonCode: .packetIdentifierNotFound))
        try client.send(.pubrel(AckPacket(packetIdentifier: 6)))
        #expect(
            try client.receiveAck(.pubcomp, 6)
                == AckPacket(packetIdentifier: 6, reasonCode: .packetIdentifierNotFound))
        for id in [1, 2] as [UInt16] { try client.publish("t", "x", qos: .exactlyOnce, id: id) }
        #expect(
            try client.receiveUntilEnd() == [
                .pubrec(AckPacket(packetIdentifier: 1, reasonCode: .noMatchingSubscribers)),
                .disconnect(DisconnectPacket(reasonCode: .receiveMaximumExceeded)),
            ])
    }

    // MARK: Sessions and keep alive

    @Test(arguments: ProtocolVersion.allCases)
    func `a client without a will leaves none [3.1.1 MQTT-3.1.2-12]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let witness = try broker.client("witness")
        try witness.subscribe("#", qos: .atMostOnce)
        let client = try broker.client(version)
        try client.connect("c", will: will)
        try client.disconnect()
        try broker.client("c", version).drop()  // with the id of one that had a will
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 1 })
        #expect(try witness.drain().isEmpty)
    }

    @Test func `the server's keep alive is the one in force [MQTT-3.2.2-21, 3.1.2-22]`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.serverKeepAliveMax = 1 }
        for asked in [0, 60] as [UInt16] {
            let client = try broker.client(.v5)
            #expect(try client.connect("c", keepAlive: asked).properties.serverKeepAlive == 1)
            broker.pass(clock, milliseconds: 1600)
            #expect(try client.endReason() == .keepAliveTimeout)
        }
        let shorter = try broker.client(.v5)
        #expect(try shorter.connect("c", keepAlive: 1).properties.serverKeepAlive == nil)
    }

    /// What a hook puts into CONNACK, beside what CONNECT asks for and a limit of 30 seconds.
    @Test(
        arguments: [(10, 0, 10), (10, 60, 10), (3600, 20, 30), (0, 20, 30), (20, 20, 20)]
            as [(UInt16, UInt16, UInt16)])
    func `a hook's Server Keep Alive is in force, up to the limit [MQTT-3.1.2-21]`(
        _ hooks: UInt16, _ asked: UInt16, _ inForce: UInt16
    ) throws {
        let hook = RecordingHook([.authOnRegisterM5])
        hook.registerAnswer = { _, _ in
            var modifiers = RegisterModifiers()
            modifiers.connackProperties = Properties { $0.serverKeepAlive = hooks }
            return .ok(modifiers)
        }
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [hook], clock: clock) {
            $0.allowsAnonymous = false
            $0.serverKeepAliveMax = 30
        }
        let client = try broker.client(.v5)
        #expect(try client.connect("c", keepAlive: asked).properties.serverKeepAlive == inForce)
        broker.pass(clock, milliseconds: Int64(inForce) * 1500 - 500)
        #expect(broker.numbers[.keepaliveExpired] == 0)
        broker.pass(clock, milliseconds: 1000)
        #expect(try client.endReason() == .keepAliveTimeout)
    }

    @Test func `each CONNECT sets the session expiry anew [MQTT-3.1.2-23, 4.1.0-2]`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        func visit(_ interval: UInt32) throws -> Bool {
            let client = try broker.client(.v5)
            let properties = Properties { $0.sessionExpiryInterval = interval }
            let connack = try client.connect("c", clean: false, properties: properties)
            #expect(connack.properties.sessionExpiryInterval == nil)
            try client.disconnect()
            #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
            broker.pass(clock, milliseconds: 1100)
            return connack.isSessionPresent
        }
        #expect(try !visit(.max))
        #expect(try visit(100))
        #expect(broker.numbers[.sessionExpired] == 0)
        #expect(try visit(1))
        #expect(broker.wait { $0[.sessionExpired] == 1 })
        #expect(try !visit(.max))
    }

    @Test func `a session expiry that a hook changed is told in CONNACK`() throws {
        let hook = RecordingHook([.authOnRegisterM5])
        hook.registerAnswer = { _, _ in
            var modifiers = RegisterModifiers()
            modifiers.sessionExpiryInterval = 30
            return .ok(modifiers)
        }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        let asked = Properties { $0.sessionExpiryInterval = 3600 }
        #expect(
            try connect(broker.client(.v5), "c", properties: asked).properties.sessionExpiryInterval == 30)
    }

    @Test func `a v3 session that a hook makes last is kept for persistent_client_expiration`() throws {
        let hook = RecordingHook([.authOnRegister])
        hook.registerAnswer = { _, _ in
            var modifiers = RegisterModifiers()
            modifiers.cleanStart = false
            return .ok(modifiers)
        }
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [hook], clock: clock) {
            $0.allowsAnonymous = false
            $0.persistentClientExpiration = 1
        }
        try broker.client("c", .v311, clean: true).disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 900)
        #expect(broker.numbers[.sessionExpired] == 0)
        broker.pass(clock, milliseconds: 200)
        #expect(broker.wait { $0[.sessionExpired] == 1 })
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `PINGREQ is answered [MQTT-3.12.4-1]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        for _ in 0..<3 {
            try client.send(.pingreq)
            #expect(try client.receive() == .pingresp)
        }
    }
}
