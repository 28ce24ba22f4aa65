import BrokerCore
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Statements about AUTH and the Authentication Method that no other scenario proves (§4.12).
@Suite struct AuthenticationConformance {
    private func hook() -> RecordingHook {
        let hook = RecordingHook([.onAuthM5, .authOnRegisterM5])
        hook.authAnswer = { event, _ in
            let isEnough = event.data == [2]
            return .ok(
                AuthModifiers(
                    reasonCode: isEnough ? .success : .continueAuthentication, data: [9],
                    reasonString: "because"))
        }
        hook.registerAnswer = { _, _ in
            var modifiers = RegisterModifiers()
            modifiers.connackProperties = Properties {
                $0.authenticationMethod = "the hook's"
                $0.userProperties = [UserProperty("from", "hook")]
            }
            return .ok(modifiers)
        }
        return hook
    }

    private func auth(_ code: ReasonCode, _ data: UInt8) -> ControlPacket {
        .auth(
            AuthPacket(
                reasonCode: code,
                properties: Properties {
                    $0.authenticationMethod = "M"
                    $0.authenticationData = [data]
                }))
    }

    private func receiveAuth(_ client: TestClient) throws -> AuthPacket {
        let packet = try client.receive()
        guard case .auth(let auth) = packet else {
            throw TestClientError(description: "expected AUTH, got \(packet)")
        }
        return auth
    }

    @Test(arguments: [nil, 0, 1] as [UInt8?])
    func `AUTH and CONNACK have the method, and AUTH no text unless it is wanted [MQTT-4.12.0-5, 3.1.2-29]`(
        _ wanted: UInt8?
    ) throws {
        let broker = try TestBroker(hooks: [hook()]) { $0.allowsAnonymous = false }
        let client = try broker.client(.v5)
        let properties = Properties {
            $0.authenticationMethod = "M"
            $0.authenticationData = [1]
            $0.requestProblemInformation = wanted
        }
        try client.send(.connect(ConnectPacket(version: .v5, clientID: "c", properties: properties)))
        let text: UTF8Text? = wanted == 0 ? nil : "because"
        func check(_ packet: AuthPacket, _ code: ReasonCode) {
            #expect(packet.reasonCode == code)
            #expect(packet.properties.authenticationMethod == "M")
            #expect(packet.properties.reasonString == text)
        }
        check(try receiveAuth(client), .continueAuthentication)
        try client.send(auth(.continueAuthentication, 2))
        guard case .connack(let connack) = try client.receive() else {
            throw TestClientError(description: "no CONNACK")
        }
        #expect(connack.code == 0)
        #expect(connack.properties.authenticationMethod == "M")
        #expect(connack.properties.authenticationData == [9])
        #expect(connack.properties.userProperties == [UserProperty("from", "hook")])
        try client.send(auth(.reAuthenticate, 1))
        check(try receiveAuth(client), .continueAuthentication)
        try client.send(auth(.continueAuthentication, 2))
        check(try receiveAuth(client), .success)
    }

    @Test func `a client that names no method gets none in CONNACK, and no AUTH [MQTT-4.12.0-6]`() throws {
        let broker = try TestBroker(hooks: [hook()]) { $0.allowsAnonymous = false }
        let client = try broker.client(.v5)
        let connack = try client.connect("c")
        #expect(connack.code == 0)
        #expect(connack.properties.authenticationMethod == nil)
        #expect(connack.properties.userProperties == [UserProperty("from", "hook")])
        #expect(try client.drain().isEmpty)
    }

    @Test func `AUTH gives up its text where there is no room for it [MQTT-3.15.2-2]`() throws {
        let hook = RecordingHook([.onAuthM5])
        let text = UTF8Text(String(repeating: "x", count: 100))
        hook.authAnswer = { _, _ in
            .ok(AuthModifiers(reasonCode: .continueAuthentication, data: [9], reasonString: text))
        }
        let broker = try TestBroker(hooks: [hook])
        for limit in [40, 400] as [UInt32] {
            let client = try broker.client(.v5)
            let properties = Properties {
                $0.authenticationMethod = "M"
                $0.maximumPacketSize = limit
            }
            try client.send(.connect(ConnectPacket(version: .v5, clientID: "c", properties: properties)))
            #expect(try receiveAuth(client).properties.reasonString == (limit == 400 ? text : nil))
        }
    }

    @Test func `a hook's code that DISCONNECT does not have is replaced [MQTT-3.14.2-1, 4.12.1-2]`() throws {
        let hook = RecordingHook([.onAuthM5])
        hook.authAnswer = { event, _ in
            event.reasonCode == .reAuthenticate
                ? .refuse(HookRefusal(reasonCode: .badUserNameOrPassword))
                : .ok(AuthModifiers(reasonCode: .success))
        }
        let broker = try TestBroker(hooks: [hook])
        let client = try broker.client("c", .v5, properties: Properties { $0.authenticationMethod = "M" })
        try client.send(auth(.reAuthenticate, 1))
        #expect(try client.endReason() == .notAuthorized)
    }
}
