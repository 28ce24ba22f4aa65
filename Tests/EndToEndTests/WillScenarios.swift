import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

private func will(
    _ text: String = "gone", qos: QoS = .atLeastOnce, retain: Bool = false, delay: UInt32? = nil
) -> WillPacketFields {
    WillPacketFields(
        qos: qos, isRetained: retain, topic: "will", payload: Array(text.utf8),
        properties: Properties { $0.willDelayInterval = delay })
}

private func watcher(_ broker: TestBroker) throws -> TestClient {
    let watcher = try broker.client(broker.id(on: 0, "watcher"), .v5)
    try watcher.subscribe("will", qos: .exactlyOnce)
    return watcher
}

@Suite struct WillScenarios {
    @Test(arguments: ProtocolVersion.allCases)
    func `a will deeper than topic_max_depth is refused at CONNECT`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker { $0.publish.topicMaxDepth = 3 }
        for (topic, code): (UTF8Text, UInt8) in [("a/b/c/d", version == .v5 ? 0x90 : 5), ("a/b/c", 0)] {
            let client = try broker.client(version)
            try client.send(
                .connect(
                    ConnectPacket(
                        version: version, clientID: "c", will: WillPacketFields(topic: topic))))
            guard case .connack(let connack) = try client.receive() else {
                throw TestClientError(description: "no CONNACK")
            }
            #expect(connack.code == code)
        }
    }

    @Test(arguments: ProtocolVersion.allCases, [0, 1])
    func `the will is published when the connection breaks [MQTT-3.1.2-8]`(
        _ version: ProtocolVersion, _ loop: Int
    ) throws {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        for qos in QoS.allCases {
            let client = try broker.client(version)
            try client.connect(broker.id(on: loop, "c"), will: will(qos: qos))
            client.drop()
            let message = try watcher.receiveMessage()
            #expect(message.text == "gone" && message.qos == qos && !message.isRetained)
        }
        #expect(broker.numbers.messages(.will) == 3)
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `the will is dropped at DISCONNECT [MQTT-3.14.4-3]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        let client = try broker.client(version)
        try client.connect("c", will: will())
        try client.disconnect()
        #expect(try watcher.drain().isEmpty)
        #expect(broker.numbers.messages(.will) == 0)
    }

    @Test(arguments: [ReasonCode.disconnectWithWillMessage, .unspecifiedError])
    func `a v5 client may leave with its will`(_ code: ReasonCode) throws {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect("c", will: will())
        try client.disconnect(code)
        #expect(try watcher.receiveMessage().text == "gone")
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `the will is published after a protocol error`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        let client = try broker.client(version)
        try client.connect("c", will: will())
        try client.send([0x30, 0x04, 0x00, 0x02, 0x61, 0x23])
        _ = try client.receiveUntilEnd()
        #expect(try watcher.receiveMessage().text == "gone")
    }

    @Test func `a retained will is kept [MQTT-3.1.2-15]`() throws {
        let broker = try TestBroker()
        let client = try broker.client()
        try client.connect("c", will: will(retain: true))
        client.drop()
        #expect(broker.wait { $0[.retainedSet] == 1 })
        let watcher = try watcher(broker)
        let message = try watcher.receiveMessage()
        #expect(message.isRetained && message.text == "gone" && message.qos == .atLeastOnce)
    }

    @Test func `will properties travel with it, in their order [MQTT-3.1.3-10]`() throws {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        var fields = will()
        fields.properties = Properties {
            $0.payloadFormatIndicator = 1
            $0.messageExpiryInterval = 100
            $0.contentType = "text"
            $0.responseTopic = "r"
            $0.correlationData = [1, 2]
            $0.userProperties = [UserProperty("b", "1"), UserProperty("a", "2")]
        }
        let client = try broker.client(.v5)
        try client.connect("c", will: fields)
        client.drop()
        var properties = try watcher.receiveMessage().properties
        #expect((99...100).contains(properties.messageExpiryInterval ?? 0))
        properties.messageExpiryInterval = 100
        #expect(properties == fields.properties)
    }

    // MARK: Delay

    @Test func `a delayed will waits for its interval [MQTT-3.1.3-9]`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect(
            "c", will: will(delay: 1), properties: Properties { $0.sessionExpiryInterval = 100 })
        client.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 900)
        #expect(try watcher.drain().isEmpty)
        broker.pass(clock, milliseconds: 200)
        #expect(try watcher.receiveMessage().text == "gone")
        #expect(broker.numbers.messages(.will) == 1)
    }

    @Test func `a delayed will is published when its session expires first`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect(
            "c", will: will(delay: 1000), properties: Properties { $0.sessionExpiryInterval = 1 })
        client.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 1100)
        #expect(try watcher.receiveMessage().text == "gone")
        #expect(broker.wait { $0[.sessionExpired] == 1 })
        #expect(broker.numbers.messages(.will) == 1)
    }

    @Test func `a delayed will of a session that does not outlive its connection is published at once`()
        throws
    {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect("c", will: will(delay: 1000))
        client.drop()
        #expect(try watcher.receiveMessage().text == "gone")
    }

    @Test func `a client that is back in time cancels its delayed will for good`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let watcher = try watcher(broker)
        let lasting = Properties { $0.sessionExpiryInterval = 100 }
        let client = try broker.client(.v5)
        try client.connect("c", will: will(delay: 1), properties: lasting)
        client.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let again = try broker.client("c", .v5, clean: false, properties: lasting)
        try again.disconnect()
        // A later will with the same delay has come: the cancelled one would have come before it.
        let other = try broker.client(.v5)
        try other.connect("other", will: will("other", delay: 1), properties: lasting)
        other.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 2 })
        broker.pass(clock, milliseconds: 1100)
        #expect(try watcher.receiveMessage().text == "other")
        #expect(broker.numbers.messages(.will) == 1)
    }

    @Test func `a clean start publishes the delayed will of the session it ends`() throws {
        let broker = try TestBroker()
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect(
            "c", will: will(delay: 1000), properties: Properties { $0.sessionExpiryInterval = 100 })
        client.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        _ = try broker.client("c", .v5)
        #expect(try watcher.receiveMessage().text == "gone")
    }

    @Test func `max_last_will_delay caps the delay`() throws {
        let broker = try TestBroker { $0.maxLastWillDelay = 0 }
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect(
            "c", will: will(delay: 1000), properties: Properties { $0.sessionExpiryInterval = 2000 })
        client.drop()
        #expect(try watcher.receiveMessage().text == "gone")
    }

    // MARK: Takeover

    @Test(arguments: ProtocolVersion.allCases, [true, false])
    func `the will of a displaced client is published, unless suppressed`(
        _ version: ProtocolVersion, _ isSuppressed: Bool
    ) throws {
        let broker = try TestBroker { $0.suppressesWillOnTakeover = isSuppressed }
        let watcher = try watcher(broker)
        let client = try broker.client(version)
        try client.connect("c", will: will())
        _ = try broker.client("c", version)
        _ = try client.receiveUntilEnd()
        #expect(broker.wait { $0[CloseReason.takenOver] == 1 })
        #expect(broker.numbers.messages(.will) == (isSuppressed ? 0 : 1))
        if isSuppressed {
            #expect(try watcher.drain().isEmpty)
        } else {
            #expect(try watcher.receiveMessage().text == "gone")
        }
    }

    @Test(arguments: [true, false])
    func `a delayed will is suppressed at takeover too, also by a clean start`(_ clean: Bool) throws {
        let broker = try TestBroker { $0.suppressesWillOnTakeover = true }
        let lasting = Properties { $0.sessionExpiryInterval = 100 }
        let client = try broker.client(.v5)
        try client.connect("c", will: will(delay: 1000), properties: lasting)
        _ = try broker.client("c", .v5, clean: clean, properties: lasting)
        _ = try client.receiveUntilEnd()
        #expect(broker.numbers.messages(.will) == 0)
    }
}
