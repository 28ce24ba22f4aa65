import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

private func auth(_ code: ReasonCode, _ data: String, method: UTF8Text = "SCRAM") -> ControlPacket {
    .auth(
        AuthPacket(
            reasonCode: code,
            properties: Properties {
                $0.authenticationMethod = method
                $0.authenticationData = Array(data.utf8)
            }))
}

private let methodProperties = Properties {
    $0.authenticationMethod = "SCRAM"
    $0.authenticationData = Array("first".utf8)
}

/// Asks once more, and accepts when the client says "right".
private func scram() -> RecordingHook {
    let hook = RecordingHook([.onAuthM5, .authOnRegisterM5, .onRegisterM5])
    hook.authAnswer = { event, _ in
        switch String(decoding: event.data ?? [], as: UTF8.self) {
        case "first": .ok(AuthModifiers(reasonCode: .continueAuthentication, data: Array("challenge".utf8)))
        case "right": .ok(AuthModifiers(reasonCode: .success, data: Array("proof".utf8)))
        default: .refuse(HookRefusal(reasonCode: .badAuthenticationMethod))
        }
    }
    return hook
}

@Suite struct EnhancedAuthScenarios {
    private func connected(_ broker: TestBroker, _ loop: Int = 0) throws -> TestClient {
        let client = try broker.client(.v5)
        try client.send(
            .connect(
                ConnectPacket(version: .v5, clientID: broker.id(on: loop, "c"), properties: methodProperties))
        )
        #expect(try client.receive() == auth(.continueAuthentication, "challenge"))
        try client.send(auth(.continueAuthentication, "right"))
        guard case .connack(let connack) = try client.receive() else {
            throw TestClientError(description: "no CONNACK")
        }
        #expect(connack.code == 0)
        #expect(connack.properties.authenticationMethod == "SCRAM")
        #expect(connack.properties.authenticationData == Array("proof".utf8))
        return client
    }

    @Test(arguments: [0, 1], [true, false])
    func `an exchange ends in CONNACK, after auth_on_register [MQTT-4.12.0-2]`(
        _ loop: Int, _ isAnonymous: Bool
    ) throws {
        let hook = scram()
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = isAnonymous }
        let client = try connected(broker, loop)
        #expect(try client.drain().isEmpty)
        let id = broker.id(on: loop, "c")
        #expect(
            hook.lines
                == [
                    "on_auth_m5 |\(id) SCRAM first success",
                    "on_auth_m5 |\(id) SCRAM right continueAuthentication",
                ]
                + (isAnonymous ? [] : ["auth_on_register_m5 |\(id) - - true"]) + [
                    "on_register_m5 |\(id) - - true"
                ])
    }

    @Test func `a refused exchange is answered in CONNACK`() throws {
        let broker = try TestBroker(hooks: [scram()])
        let client = try broker.client(.v5)
        try client.send(.connect(ConnectPacket(version: .v5, clientID: "c", properties: methodProperties)))
        _ = try client.receive()
        try client.send(auth(.continueAuthentication, "wrong"))
        guard case .connack(let connack) = try client.receive() else {
            throw TestClientError(description: "no CONNACK")
        }
        #expect(connack.code == ReasonCode.badAuthenticationMethod.rawValue)
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test func `without a hook the method is not supported`() throws {
        let broker = try TestBroker()
        let client = try broker.client(.v5)
        #expect(try client.connect("c", properties: methodProperties).code == 0x8C)
    }

    @Test(arguments: [
        auth(.continueAuthentication, "right", method: "OTHER"), .pingreq, .disconnect(DisconnectPacket()),
    ])
    func `any other packet during the exchange ends it [MQTT-3.1.2-30]`(_ packet: ControlPacket) throws {
        let broker = try TestBroker(hooks: [scram()])
        let client = try broker.client(.v5)
        try client.send(.connect(ConnectPacket(version: .v5, clientID: "c", properties: methodProperties)))
        _ = try client.receive()
        try client.send(packet)
        for packet in try client.receiveUntilEnd() {
            guard case .connack(let connack) = packet else {
                Issue.record("\(packet) before CONNACK")
                continue
            }
            #expect(connack.code >= 0x80)
        }
    }

    @Test func `a client that does not go on with the exchange is closed after mqtt_connect_timeout`() throws
    {
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [scram()], clock: clock) { $0.connectTimeout = 1000 }
        for loop in 0...1 {
            let client = try broker.client(.v5)
            try client.send(
                .connect(
                    ConnectPacket(
                        version: .v5, clientID: broker.id(on: loop, "c"), properties: methodProperties)))
            #expect(try client.receive() == auth(.continueAuthentication, "challenge"))
            broker.pass(clock, milliseconds: 900)
            #expect(broker.numbers[.socketCloseTimeout] == UInt64(loop))
            broker.pass(clock, milliseconds: 200)
            #expect(try client.receiveUntilEnd().isEmpty)
            client.drop()
        }
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 })
        let client = try connected(broker)
        let other = try broker.client()
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 2 })
        broker.pass(clock, milliseconds: 1100)
        #expect(try other.receiveUntilEnd().isEmpty)
        #expect(try client.drain().isEmpty)
    }

    // MARK: Again

    @Test func `a connected client may authenticate again [MQTT-4.12.1-1]`() throws {
        let broker = try TestBroker(hooks: [scram()])
        let client = try connected(broker)
        try client.send(auth(.reAuthenticate, "first"))
        #expect(try client.receive() == auth(.continueAuthentication, "challenge"))
        try client.send(auth(.continueAuthentication, "right"))
        #expect(try client.receive() == auth(.success, "proof"))
        #expect(try client.drain().isEmpty)
    }

    @Test func `a refused re-authentication ends the connection with its code`() throws {
        let broker = try TestBroker(hooks: [scram()])
        let client = try connected(broker)
        try client.send(auth(.reAuthenticate, "wrong"))
        #expect(try client.endReason() == .badAuthenticationMethod)
    }

    @Test func `AUTH with another method, or without having begun with one, is a protocol error`() throws {
        let broker = try TestBroker(hooks: [scram()])
        let client = try connected(broker)
        try client.send(auth(.reAuthenticate, "first", method: "OTHER"))
        #expect(try client.endReason() == .protocolError)
        let plain = try broker.client("plain", .v5)
        try plain.send(auth(.reAuthenticate, "first"))
        #expect(try plain.endReason() == .protocolError)
    }
}
