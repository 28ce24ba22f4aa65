import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import TestSupport
import Testing
import Transport

@Suite struct ConnectScenarios {
    // MARK: Time-outs

    @Test(arguments: ProtocolVersion.allCases)
    func `a client that stays silent for one and a half keep alives is disconnected [MQTT-3.1.2-22]`(
        _ version: ProtocolVersion
    ) throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let client = try broker.client(version)
        try client.connect("c", keepAlive: 1)
        broker.pass(clock, milliseconds: 1400)
        #expect(broker.numbers[.keepaliveExpired] == 0)
        broker.pass(clock, milliseconds: 200)
        #expect(try client.endReason() == (version == .v5 ? .keepAliveTimeout : nil))
        #expect(broker.numbers[.keepaliveExpired] == 1)
        #expect(broker.numbers[CloseReason.keepAliveTimeout] == 1)
    }

    @Test func `a connection that sends no CONNECT is closed after mqtt_connect_timeout`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.connectTimeout = 1000 }
        let silent = try broker.client()
        let halfway = try broker.client()
        try halfway.send([0x10, 0x0E, 0x00, 0x04])
        #expect(broker.wait { $0[.socketOpen] == 2 && $0[.bytesReceived] == 4 })
        broker.pass(clock, milliseconds: 900)
        #expect(broker.numbers[.socketCloseTimeout] == 0)
        broker.pass(clock, milliseconds: 200)
        #expect(try silent.receiveUntilEnd().isEmpty)
        #expect(try halfway.receiveUntilEnd().isEmpty)
        for client in [silent, halfway] { client.drop() }
        #expect(broker.wait { $0[.socketCloseTimeout] == 2 && $0[CloseReason.connectTimeout] == 2 })
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 })
    }

    @Test func `a connected client is not touched by mqtt_connect_timeout`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock) { $0.connectTimeout = 1000 }
        let client = try broker.client("c")
        let silent = try broker.client()
        #expect(broker.wait { $0[.socketOpen] == 2 })
        broker.pass(clock, milliseconds: 1100)
        #expect(try silent.receiveUntilEnd().isEmpty)
        #expect(try client.drain().isEmpty)
    }

    @Test func `a connection older than its lifetime is ended with 0x98`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(
            clock: clock, listener: ListenerFacts(name: "test", maxConnectionLifetime: 60))
        let client = try broker.client("c", .v5)
        broker.pass(clock, milliseconds: 59_000)
        #expect(broker.numbers[CloseReason.lifetime] == 0)
        broker.pass(clock, milliseconds: 2000)
        #expect(try client.endReason() == .administrativeAction)
        #expect(broker.numbers[CloseReason.lifetime] == 1)
    }

    // MARK: Client ids

    @Test func `an empty client id is accepted where its version allows it, and one is generated`() throws {
        let broker = try TestBroker()
        #expect(try broker.client(.v31).connect("", clean: true).code == 2)
        #expect(try broker.client(.v311).connect("", clean: false).code == 2)
        #expect(try broker.client(.v311).connect("", clean: true).code == 0)
        for clean in [true, false] {
            let connack = try broker.client(.v5).connect("", clean: clean)
            #expect(connack.code == 0)
            let id = try #require(connack.properties.assignedClientIdentifier)
            #expect("\(id)".hasPrefix("anon-"))
            #expect(id.count == 33)
        }
    }

    @Test func `generated client ids differ`() throws {
        let broker = try TestBroker()
        let clients = try (0..<50).map { _ in try broker.client(.v5) }
        let ids = try clients.map { try $0.connect("").properties.assignedClientIdentifier }
        #expect(Set(ids).count == 50)
        for client in clients { #expect(try client.drain().isEmpty) }
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a client id over max_client_id_size is refused`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker { $0.maxClientIDSize = 10 }
        #expect(try broker.client(version).connect("0123456789").code == 0)
        let client = try broker.client(version)
        #expect(try client.connect("0123456789a").code == (version == .v5 ? 0x85 : 2))
        #expect(try client.receiveUntilEnd().isEmpty)
        #expect(broker.wait { $0[CloseReason.refused] == 1 })
    }

    // MARK: Versions

    @Test(arguments: ProtocolVersion.allCases)
    func `a protocol level the listener does not allow is refused`(_ version: ProtocolVersion) throws {
        let others = ProtocolVersion.allCases.filter { $0 != version }.map(\.rawValue)
        let broker = try TestBroker(listener: ListenerFacts(name: "test", allowedProtocolVersions: others))
        let client = try broker.client(version)
        #expect(try client.connect("c").code == (version == .v5 ? 0x84 : 1))
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test func `a bridge gets RETAIN as published and not its own messages`() throws {
        let broker = try TestBroker()
        let bridge = try broker.client(.v31)
        try bridge.send(.connect(ConnectPacket(version: .v31, isBridge: true, clientID: "bridge")))
        #expect(try bridge.receive() == .connack(ConnackPacket(returnCode: .accepted)))
        try bridge.subscribe("t", qos: .atLeastOnce)
        try bridge.publishAndComplete("t", "own", qos: .atLeastOnce)
        try broker.client("s").publish("t", "kept", retain: true)
        let message = try bridge.receivePublish()
        #expect(message.text == "kept" && message.isRetained)
        #expect(try bridge.drain().isEmpty)
    }

    @Test func `the bridge level of 3.1.1 is refused where it is not allowed`() throws {
        let broker = try TestBroker()
        let bridge = try broker.client(.v311)
        try bridge.send(.connect(ConnectPacket(version: .v311, isBridge: true, clientID: "bridge")))
        #expect(try bridge.receiveUntilEnd() == [.connack(ConnackPacket(code: 1))])
    }

    // MARK: CONNACK

    @Test func `CONNACK tells a v5 client the limits that are not the default`() throws {
        let broker = try TestBroker {
            $0.publish.receiveMaxBroker = 7
            $0.aliases.clientMaximum = 3
            $0.session.maxMessageSize = 5000
            $0.publish.maxQoS = .atLeastOnce
            $0.publish.retainAvailable = false
            $0.serverKeepAliveMax = 30
        }
        let properties = try broker.client(.v5).connect("c", keepAlive: 60).properties
        #expect(properties.receiveMaximum == 7)
        #expect(properties.topicAliasMaximum == 3)
        #expect((properties.maximumPacketSize ?? 0) > 5000)
        #expect(properties.maximumQoS == 1)
        #expect(properties.retainAvailable == 0)
        #expect(properties.serverKeepAlive == 30)
        let plain = try TestBroker()
        #expect(try plain.client(.v5).connect("c").properties == Properties())
    }

    @Test func `what was announced as unavailable is refused`() throws {
        let broker = try TestBroker {
            $0.publish.maxQoS = .atLeastOnce
            $0.publish.retainAvailable = false
        }
        let first = try broker.client("c", .v5)
        #expect(try first.subscribe("t", qos: .exactlyOnce) == [1])
        try first.publish("t", "x", qos: .exactlyOnce)
        #expect(try first.endReason() == .qosNotSupported)
        let second = try broker.client("c", .v5)
        try second.publish("t", "x", retain: true)
        #expect(try second.endReason() == .retainNotSupported)
    }

    // MARK: Listeners

    @Test func `clients beyond max_connections wait until another leaves`() throws {
        let broker = try TestBroker(loops: 1, maxConnections: 2, overLimit: .wait)
        let first = try broker.client("1")
        let second = try broker.client("2")
        let third = try broker.client()
        third.patience = 100
        #expect(throws: TestClientError.self) { try third.connect("3") }
        try first.disconnect()
        third.patience = 60_000
        guard case .connack = try third.receive() else {
            Issue.record("no CONNACK")
            return
        }
        #expect(try second.drain().isEmpty)
    }

    @Test func `mountpoints keep clients, subscriptions and retained messages apart`() throws {
        let broker = try TestBroker()
        let port = try broker.runtime.listen(
            ListenerFacts(name: "other", mountpoint: .intern("other")),
            on: ListenAddress(parsing: "127.0.0.1:0")
        ).port
        let here = try broker.client("same")
        let there = try TestClient(port: port)
        try there.connect("same")
        for client in [here, there] { try client.subscribe("t/#", qos: .atMostOnce) }
        try here.publish("t/kept", "here", retain: true)
        #expect(try here.receivePublish().text == "here")
        try there.publish("t", "there")
        #expect(try there.receivePublish().text == "there")
        #expect(try here.drain().isEmpty)
        let late = try TestClient(port: port)
        try late.connect("late")
        try late.subscribe("#", qos: .atMostOnce)
        #expect(try late.drain().isEmpty)
        #expect(broker.numbers[.sessionTakenOver] == 0)
    }

    @Test func `packets sent with CONNECT in one piece are taken in order, on whichever loop`() throws {
        let broker = try TestBroker()
        for loop in 0...1 {
            for number in 0..<10 {
                let client = try broker.client(.v5)
                let id = broker.id(on: loop, "pipelined-\(number)")
                let bytes =
                    encodePacket(.connect(ConnectPacket(version: .v5, clientID: id)), version: .v5)
                    + encodePacket(
                        .subscribe(
                            SubscribePacket(
                                packetIdentifier: 1, filters: [SubscribeFilter(id, qos: .atLeastOnce)])),
                        version: .v5)
                    + encodePacket(
                        .publish(
                            PublishPacket(topic: id, payload: [1], qos: .atLeastOnce, packetIdentifier: 2)),
                        version: .v5)
                try client.send(bytes)
                let types = try (0..<4).map { _ in try client.receive().type }
                #expect(types[0...1] == [.connack, .suback])
                #expect(Set(types[2...3]) == [.publish, .puback])
            }
        }
    }
}
