import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// What makes a session of `version` outlive its connection.
func lasting(_ version: ProtocolVersion) -> Properties {
    version == .v5 ? Properties { $0.sessionExpiryInterval = 1000 } : Properties()
}

@Suite struct SessionScenarios {
    // MARK: Clean and persistent

    @Test(arguments: ProtocolVersion.allCases)
    func `a session that lasts is present at the next connect, with its subscriptions`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let first = try broker.client(version)
        #expect(try !first.connect("c", clean: false, properties: lasting(version)).isSessionPresent)
        try first.subscribe("t", qos: .atLeastOnce)
        try first.disconnect()
        let second = try broker.client(version)
        // CONNACK of 3.1 has no place to say so.
        let isPresent = try second.connect("c", clean: false, properties: lasting(version)).isSessionPresent
        #expect(isPresent == (version != .v31))
        try second.publishAndComplete("t", "x", qos: .atMostOnce)
        #expect(try second.receivePublish().text == "x")
        #expect(broker.numbers[.sessionResumed] == 1)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a clean session is gone after its connection`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let first = try broker.client("c", version)
        try first.subscribe("t", qos: .atLeastOnce)
        try first.disconnect()
        let second = try broker.client(version)
        #expect(try !second.connect("c", clean: false, properties: lasting(version)).isSessionPresent)
        try second.publish("t", "x")
        #expect(try second.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a clean start wipes an older session with its messages [MQTT-3.1.2-4]`(_ version: ProtocolVersion)
        throws
    {
        let broker = try TestBroker()
        let first = try broker.client("c", version, clean: false, properties: lasting(version))
        try first.subscribe("t", qos: .atLeastOnce)
        try first.disconnect()
        try broker.client("s").publishAndComplete("t", "lost", qos: .atLeastOnce)
        let second = try broker.client(version)
        #expect(try !second.connect("c", clean: true).isSessionPresent)
        try second.publish("t", "x")
        #expect(try second.drain().isEmpty)
        #expect(broker.numbers[DropReason.sessionEnded] == 1)
        #expect(broker.isBalanced)
    }

    // MARK: Offline queue

    @Test(
        arguments: [QueueType.fifo, .lifo],
        Path.all.filter { $0.sender == $0.receiver && $0.qos == .atLeastOnce })
    func `an offline client's queue holds max_offline_messages`(_ type: QueueType, _ path: Path) throws {
        let broker = try TestBroker {
            $0.session.maxOfflineMessages = 3
            $0.session.queueType = type
        }
        let id = broker.id(on: path.isSameLoop ? 0 : 1, "r")
        let first = try broker.client(id, path.receiver, clean: false, properties: lasting(path.receiver))
        try first.subscribe("t", qos: .exactlyOnce)
        try first.disconnect()
        let sender = try broker.client(broker.id(on: 0, "s"), path.sender)
        for number in 1...5 {
            try sender.publishAndComplete(
                "t", "\(number)", qos: number % 2 == 0 ? .atLeastOnce : .exactlyOnce)
        }
        try sender.publish("t", "QoS 0")
        #expect(broker.wait { $0[DropReason.queueFull] == 2 && $0[DropReason.offlineQoS0] == 1 })
        #expect(broker.numbers[LoopGauge.queuedMessages] == 3)
        let again = try broker.client(id, path.receiver, clean: false, properties: lasting(path.receiver))
        let messages = try again.receiveMessages(3)
        #expect(messages.map(\.text) == (type == .fifo ? ["1", "2", "3"] : ["5", "4", "3"]))
        #expect(messages.allSatisfy { !$0.isDuplicate })
        #expect(broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `an offline queue longer than max_online_messages is cut at connect, unless overridden`(
        _ overrides: Bool
    ) throws {
        let broker = try TestBroker {
            $0.session.maxOnlineMessages = 2
            $0.session.overridesMaxOnlineMessages = overrides
        }
        let first = try broker.client("c", clean: false)
        try first.subscribe("t", qos: .atLeastOnce)
        try first.disconnect()
        let sender = try broker.client("s")
        for number in 1...5 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        let again = try broker.client("c", clean: false)
        #expect(
            try again.receiveMessages(overrides ? 5 : 2).map(\.text)
                == (1...(overrides ? 5 : 2)).map(String.init))
        #expect(try again.drain().isEmpty)
        #expect(broker.numbers[DropReason.queueFull] == (overrides ? 0 : 3))
        #expect(broker.isBalanced)
    }

    // MARK: Resuming

    @Test(arguments: ProtocolVersion.allCases)
    func `what was under way is sent again with DUP and its identifier, then the rest [MQTT-4.4.0-1]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let first = try broker.client("c", version, clean: false, properties: lasting(version))
        try first.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("s")
        try sender.publishAndComplete("t", "one", qos: .atLeastOnce)
        try sender.publishAndComplete("t", "two", qos: .exactlyOnce)
        try sender.publishAndComplete("t", "three", qos: .exactlyOnce)
        for _ in 1...2 { _ = try first.receivePublish() }
        let third = try first.receivePublish()
        try first.acknowledge(third)
        try first.receiveAck(.pubrel, 3)
        first.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        try sender.publishAndComplete("t", "four", qos: .atLeastOnce)

        let again = try broker.client("c", version, clean: false, properties: lasting(version))
        let one = try again.receivePublish()
        let two = try again.receivePublish()
        try again.receiveAck(.pubrel, 3)
        let four = try again.receivePublish()
        #expect([one, two, four].map(\.text) == ["one", "two", "four"])
        #expect([one, two, four].map(\.isDuplicate) == [true, true, false])
        #expect([one, two, four].map(\.packetIdentifier) == [1, 2, 4])
        try again.acknowledge(one)
        try again.acknowledge(four)
        try again.acknowledge(two)
        try again.send(.pubcomp(AckPacket(packetIdentifier: 3)))
        try again.receiveAck(.pubrel, 2)
        try again.send(.pubcomp(AckPacket(packetIdentifier: 2)))
        #expect(broker.wait { $0[.ledgerDelivered] == 4 && $0[LoopGauge.inflightMessages] == 0 })
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `an unreleased identifier of the client survives its connection [MQTT-4.3.3-10]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let receiver = try broker.client("r")
        try receiver.subscribe("t", qos: .exactlyOnce)
        let first = try broker.client("c", version, clean: false, properties: lasting(version))
        try first.publish("t", "once", qos: .exactlyOnce, id: 9)
        try first.receiveAck(.pubrec, 9)
        first.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let again = try broker.client("c", version, clean: false, properties: lasting(version))
        try again.publish("t", "once", qos: .exactlyOnce, id: 9, duplicate: true)
        try again.receiveAck(.pubrec, 9)
        try again.send(.pubrel(AckPacket(packetIdentifier: 9)))
        #expect(try again.receiveAck(.pubcomp, 9).reasonCode == .success)
        #expect(try receiver.receiveMessage().text == "once")
        #expect(try receiver.drain().isEmpty)
    }

    @Test func `a message over the new connection's maximum packet size is given up, and the next goes on`()
        throws
    {
        let broker = try TestBroker()
        let first = try broker.client("c", .v5, clean: false, properties: lasting(.v5))
        try first.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("s")
        try sender.publishAndComplete("t", String(repeating: "x", count: 200), qos: .atLeastOnce)
        _ = try first.receivePublish()
        first.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        try sender.publishAndComplete("t", "small", qos: .atLeastOnce)
        var properties = lasting(.v5)
        properties.maximumPacketSize = 100
        properties.receiveMaximum = 1
        let again = try broker.client("c", .v5, clean: false, properties: properties)
        #expect(try again.receiveMessage().text == "small")
        #expect(broker.wait { $0[DropReason.packetTooLarge] == 1 && $0[LoopGauge.inflightMessages] == 0 })
        #expect(broker.isBalanced)
    }

    @Test func `a session may be resumed with another protocol version`() throws {
        let broker = try TestBroker()
        let first = try broker.client("c", .v5, clean: false, properties: lasting(.v5))
        try first.subscribe("t", SubscriptionOptions(qos: .exactlyOnce), identifier: 4)
        try first.disconnect()
        try broker.client("s", .v5).publishAndComplete(
            "t", "x", qos: .exactlyOnce, properties: Properties { $0.contentType = "y" })
        let again = try broker.client(.v311)
        #expect(try again.connect("c", clean: false).isSessionPresent)
        #expect(try again.receiveMessage().properties == Properties())
    }

    // MARK: Takeover

    @Test(arguments: ProtocolVersion.allCases, ProtocolVersion.allCases)
    func `a second connection with the same client id takes over [MQTT-3.1.4-3]`(
        _ older: ProtocolVersion, _ newer: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let id = broker.id(on: 1, "c")
        let first = try broker.client(id, older, clean: false, properties: lasting(older))
        try first.subscribe("t", qos: .atLeastOnce)
        try broker.client("s").publishAndComplete("t", "under way", qos: .atLeastOnce)
        #expect(try first.receivePublish().text == "under way")
        let second = try broker.client(newer)
        let isPresent = try second.connect(id, clean: false, properties: lasting(newer)).isSessionPresent
        #expect(isPresent == (newer != .v31))
        #expect(try first.endReason() == (older == .v5 ? .sessionTakenOver : nil))
        #expect(try second.receiveMessage().isDuplicate)
        #expect(broker.numbers[CloseReason.takenOver] == 1)
        #expect(broker.numbers[.sessionTakenOver] == 1)
        #expect(broker.isBalanced)
    }

    @Test func `many newcomers with one client id leave one of them connected`() throws {
        let broker = try TestBroker()
        let clients = try (0..<30).map { _ in try broker.client("same", .v5) }
        for client in clients.dropLast() {
            #expect(try client.endReason() == .sessionTakenOver)
            client.drop()
        }
        #expect(try clients[29].drain().isEmpty)
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 1 && $0[LoopGauge.connectionsOpen] == 1 })
    }

    // MARK: Expiry

    @Test(arguments: [true, false])
    func `a v5 session expires after its interval [MQTT-3.1.2-23]`(_ isChangedByDisconnect: Bool) throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let interval = Properties { $0.sessionExpiryInterval = isChangedByDisconnect ? 1000 : 1 }
        let client = try broker.client("c", .v5, properties: interval)
        try client.subscribe("t", qos: .atLeastOnce)
        try client.disconnect(
            properties: isChangedByDisconnect ? Properties { $0.sessionExpiryInterval = 1 } : Properties())
        try broker.client("s").publishAndComplete("t", "lost", qos: .atLeastOnce)
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 && $0[LoopGauge.queuedMessages] == 1 })
        broker.pass(clock, milliseconds: 900)
        #expect(broker.numbers[.sessionExpired] == 0)
        broker.pass(clock, milliseconds: 200)
        #expect(broker.wait { $0[.sessionExpired] == 1 })
        #expect(broker.numbers[LoopGauge.sessionsOffline] == 0)
        #expect(broker.numbers[DropReason.sessionEnded] == 1)
        #expect(try !broker.client(.v5).connect("c", clean: false).isSessionPresent)
        #expect(broker.isBalanced)
    }

    @Test func `DISCONNECT may end a session at once`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c", .v5, properties: lasting(.v5))
        try client.disconnect(properties: Properties { $0.sessionExpiryInterval = 0 })
        #expect(try !broker.client(.v5).connect("c", clean: false).isSessionPresent)
    }

    @Test func `DISCONNECT must not raise the expiry from 0 [MQTT-3.14.2-2]`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c", .v5)
        try client.send(
            .disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 5 })))
        #expect(try client.endReason() == .protocolError)
    }

    @Test func `persistent_client_expiration ends an offline v3 session`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.persistentClientExpiration = 1 }
        try broker.client("c", clean: false).disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 900)
        #expect(broker.numbers[.sessionExpired] == 0)
        broker.pass(clock, milliseconds: 200)
        #expect(broker.wait { $0[.sessionExpired] == 1 })
        #expect(try !broker.client().connect("c", clean: false).isSessionPresent)
    }

    @Test func `a client that comes back in time is not expired`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let interval = Properties { $0.sessionExpiryInterval = 1 }
        for id in ["c", "stays away"] as [UTF8Text] {
            try broker.client(id, .v5, properties: interval).disconnect()
        }
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 2 })
        broker.pass(clock, milliseconds: 900)
        let again = try broker.client("c", .v5, clean: false, properties: interval)
        broker.pass(clock, milliseconds: 1100)
        #expect(broker.numbers[.sessionExpired] == 1)
        #expect(try again.drain().isEmpty)
        #expect(broker.numbers[LoopGauge.sessionsOnline] == 1)
    }
}
