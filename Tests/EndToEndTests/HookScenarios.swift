import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct HookScenarios {
    private func broker(_ hook: RecordingHook, _ change: (inout BrokerSettings) -> Void = { _ in }) throws
        -> TestBroker
    {
        try TestBroker(hooks: [hook]) {
            $0.allowsAnonymous = false
            change(&$0)
        }
    }

    private func connect(_ client: TestClient, _ id: UTF8Text, clean: Bool = true) throws {
        try client.send(
            .connect(
                ConnectPacket(
                    version: client.version, cleanStart: clean, clientID: id, userName: "joe",
                    password: Array("pw".utf8),
                    properties: clean ? Properties() : lasting(client.version))))
        guard case .connack(let connack) = try client.receive(), connack.code == 0 else {
            throw TestClientError(description: "refused")
        }
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `each hook point fires with what it is about`(_ version: ProtocolVersion) throws {
        let hook = RecordingHook()
        let broker = try broker(hook) { $0.session.maxOfflineMessages = 1 }
        let v = version == .v5 ? "_m5" : ""
        let client = try broker.client(version)
        try connect(client, "c", clean: false)
        try client.subscribe("t/#", qos: .atLeastOnce)
        try client.publish("t/1", "x", qos: .atLeastOnce, id: 4, retain: true)
        let types = Set([try client.receive().type, try client.receive().type])
        #expect(types == [.puback, .publish])
        try client.send(.puback(AckPacket(packetIdentifier: 1)))
        try client.unsubscribe(["t/none"])
        try client.disconnect()
        #expect(hook.has("on_client_offline |c"))
        let other = try broker.client(version)
        try connect(other, "other")
        for text in ["kept", "full"] { try other.publishAndComplete("t/2", text, qos: .atLeastOnce) }
        #expect(hook.has("on_message_drop |c full queue_full"))
        let again = try broker.client(version)
        try connect(again, "c")
        for line in [
            "auth_on_register\(v) |c joe pw false", "on_register\(v) |c joe pw false", "on_client_wakeup |c",
            "auth_on_subscribe\(v) |c [\"t/#:1\"]", "on_subscribe\(v) |c [\"t/#:1\"]",
            "auth_on_publish\(v) |c 1 t/1 x retain", "on_publish\(v) |c 1 t/1 x retain",
            "on_deliver\(v) |c 1 t/1 x retain", "on_unsubscribe\(v) |c [t/none]",
            "on_topic_unsubscribed |c [t/none]", "on_offline_message |c 1 t/2 kept",
            "on_topic_unsubscribed |c all", "on_client_gone |c", "auth_on_register\(v) |c joe pw true",
        ] {
            #expect(hook.has(line), "\(line)")
        }
        let wrong =
            version == .v5
            ? hook.lines.filter { $0.hasPrefix("auth") && !$0.contains("_m5") }
            : hook.lines.filter { $0.contains("_m5") }
        #expect(wrong.isEmpty)
    }

    @Test func `a session that expires tells on_session_expired`() throws {
        let hook = RecordingHook([.onSessionExpired, .onTopicUnsubscribed, .onClientGone])
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [hook], clock: clock)
        let client = try broker.client("c", .v5, properties: Properties { $0.sessionExpiryInterval = 1 })
        try client.subscribe("t", qos: .atMostOnce)
        try client.disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        #expect(hook.lines.isEmpty)
        broker.pass(clock, milliseconds: 1100)
        #expect(hook.has("on_session_expired |c"))
        #expect(hook.lines == ["on_topic_unsubscribed |c all", "on_session_expired |c"])
    }

    @Test func `the queue wakes up after auth_on_register and before on_register`() throws {
        let hook = RecordingHook([.authOnRegister, .onRegister, .onClientWakeup])
        let broker = try broker(hook)
        _ = try broker.client("c")
        #expect(
            hook.lines.map { $0.prefix { $0 != " " } } == [
                "auth_on_register", "on_client_wakeup", "on_register",
            ])
    }

    @Test func `allow_anonymous leaves auth_on_register out, and on_register in`() throws {
        let hook = RecordingHook([.authOnRegister, .onRegister])
        let broker = try TestBroker(hooks: [hook])
        _ = try broker.client("c")
        #expect(hook.lines == ["on_register |c - - true"])
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `with nobody to ask, a client is refused unless anonymous ones are allowed`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker { $0.allowsAnonymous = false }
        let client = try broker.client(version)
        #expect(try client.connect("c").code == (version == .v5 ? 0x86 : 5))
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    // MARK: Refusals

    @Test(arguments: ProtocolVersion.allCases, [true, false])
    func `a refused CONNECT is answered in the client's version`(
        _ version: ProtocolVersion, _ isInvalidCredentials: Bool
    ) throws {
        let hook = RecordingHook()
        hook.registerAnswer = { _, _ in .refuse(HookRefusal(isInvalidCredentials: isInvalidCredentials)) }
        let broker = try broker(hook)
        let client = try broker.client(version)
        #expect(try client.connect("c").code == (version == .v5 ? 0x86 : isInvalidCredentials ? 4 : 5))
        #expect(try client.receiveUntilEnd().isEmpty)
        #expect(broker.numbers[.hookDenied] == 1)
        #expect(!hook.lines.contains("on_client_wakeup |c"))
    }

    @Test func `a hook's own code, text and server reach a v5 client`() throws {
        let hook = RecordingHook()
        hook.registerAnswer = { _, _ in
            .refuse(
                HookRefusal(reasonCode: .useAnotherServer, reasonString: "full", serverReference: "b:1883"))
        }
        let broker = try broker(hook)
        let connack = try broker.client(.v5).connect("c")
        #expect(connack.code == 0x9C)
        #expect(connack.properties.reasonString == "full" && connack.properties.serverReference == "b:1883")
    }

    @Test(arguments: ProtocolVersion.allCases, QoS.allCases)
    func `a refused PUBLISH is answered 0x87, closes 3.1.1, and is pretended to 3.1`(
        _ version: ProtocolVersion, _ qos: QoS
    ) throws {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5])
        hook.publishAnswer = { _, _ in .refuse(HookRefusal()) }
        let broker = try TestBroker(hooks: [hook])
        let client = try broker.client("c", version)
        try client.subscribe("t", qos: .atMostOnce)
        if version == .v311 {
            try client.publish("t", "x", qos: qos)
            #expect(try client.receiveUntilEnd().isEmpty)
        } else {
            let code = try client.publishAndComplete("t", "x", qos: qos)
            #expect(code == (version == .v5 && qos != .atMostOnce ? .notAuthorized : .success))
            #expect(try client.drain().isEmpty)
        }
        #expect(broker.numbers[RejectReason.notAuthorized] == 1)
        #expect(broker.isBalanced)
    }

    @Test func `disconnect_on_unauthorized_publish_v3 closes 3.1 too`() throws {
        let hook = RecordingHook([.authOnPublish])
        hook.publishAnswer = { _, _ in .refuse(HookRefusal()) }
        let broker = try TestBroker(hooks: [hook]) { $0.publish.disconnectsOnUnauthorizedV3 = true }
        let client = try broker.client("c", .v31)
        try client.publish("t", "x", qos: .atLeastOnce)
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test(arguments: [
        (ReasonCode.quotaExceeded, ReasonCode.quotaExceeded), (.serverUnavailable, .notAuthorized),
        (.success, .notAuthorized),
    ])
    func `a code that PUBACK does not have is replaced by 0x87`(_ given: ReasonCode, _ sent: ReasonCode)
        throws
    {
        let hook = RecordingHook([.authOnPublishM5])
        hook.publishAnswer = { _, _ in .refuse(HookRefusal(reasonCode: given)) }
        let broker = try TestBroker(hooks: [hook])
        #expect(try broker.client("c", .v5).publishAndComplete("t", "x", qos: .atLeastOnce) == sent)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a refused SUBSCRIBE has an error for each filter`(_ version: ProtocolVersion) throws {
        let hook = RecordingHook([.authOnSubscribe, .authOnSubscribeM5])
        hook.subscribeAnswer = { _, _ in .refuse(HookRefusal()) }
        let broker = try TestBroker(hooks: [hook])
        let client = try broker.client("c", version)
        #expect(try client.subscribe("t", qos: .atLeastOnce) == [version == .v5 ? 0x87 : 0x80])
        try client.publish("t", "x")
        #expect(try client.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a refused will refuses its CONNECT, after the takeover`(_ version: ProtocolVersion) throws {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5])
        hook.publishAnswer = { _, _ in .refuse(HookRefusal()) }
        let broker = try TestBroker(hooks: [hook])
        let older = try broker.client("c", version)
        let client = try broker.client(version)
        #expect(
            try client.connect("c", will: WillPacketFields(topic: "w", payload: [1])).code
                == (version == .v5 ? 0x87 : 5))
        #expect(try older.endReason() == (version == .v5 ? .sessionTakenOver : nil))
        #expect(hook.lines == ["auth_on_publish\(version == .v5 ? "_m5" : "") |c 0 w \u{1}"])
        #expect(broker.numbers.messages(.will) == 0)
    }

    // MARK: Changes

    @Test(arguments: [0, 1])
    func `auth_on_register may give another identity, which may live on another loop`(_ loop: Int) throws {
        let hook = RecordingHook([.authOnRegister, .authOnRegisterM5, .onRegister, .authOnPublish])
        let broker = try broker(hook)
        let id = broker.id(on: loop, "given")
        hook.registerAnswer = { event, _ in
            var modifiers = RegisterModifiers()
            if event.subscriber.clientID == "c" { modifiers.clientID = id }
            modifiers.userName = "jane"
            modifiers.mountpoint = .intern("mounted")
            return .ok(modifiers)
        }
        let client = try broker.client()
        try connect(client, "c")
        try client.subscribe("t", qos: .atMostOnce)
        try client.publish("t", "x")
        #expect(try client.receivePublish().text == "x")
        #expect(hook.lines.contains("on_register mounted|\(id) jane pw true"))
        #expect(hook.lines.contains("auth_on_publish mounted|\(id) 0 t x"))
        let second = try broker.client()
        try connect(second, id)
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test func `auth_on_register may change the session's settings`() throws {
        let hook = RecordingHook([.authOnRegister])
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [hook], clock: clock) {
            $0.allowsAnonymous = false
            $0.persistentClientExpiration = 1
        }
        hook.registerAnswer = { event, _ in
            var modifiers = RegisterModifiers()
            var settings = SessionSettings()
            settings.maxInflightMessages = 2
            modifiers.settings = settings
            modifiers.cleanStart = false
            return .ok(modifiers)
        }
        let client = try broker.client()
        try connect(client, "c")
        try client.subscribe("t", qos: .atLeastOnce)
        for number in 0..<5 { try client.publish("t", "x", qos: .atLeastOnce, id: UInt16(number + 1)) }
        #expect(try client.drain().count(where: { $0.type == .publish }) == 2)
        try client.disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 1100)
        #expect(broker.wait { $0[.sessionExpired] == 1 })
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `auth_on_publish may change everything about a message`(_ version: ProtocolVersion) throws {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5, .onPublish, .onPublishM5])
        hook.publishAnswer = { _, _ in
            var modifiers = PublishModifiers()
            modifiers.topic = "new/topic"
            modifiers.payload = Array("new".utf8)
            modifiers.qos = .atLeastOnce
            modifiers.isRetained = true
            modifiers.properties = Properties { $0.contentType = "new" }
            return .ok(modifiers)
        }
        let broker = try TestBroker(hooks: [hook])
        let receiver = try broker.client("r", .v5)
        try receiver.subscribe("#", SubscriptionOptions(qos: .exactlyOnce, retainAsPublished: true))
        let sender = try broker.client("s", version)
        try sender.publishAndComplete("old", "old", qos: .exactlyOnce)
        let message = try receiver.receiveMessage()
        #expect(
            message.topic == "new/topic" && message.text == "new" && message.qos == .atLeastOnce
                && message.isRetained)
        #expect(message.properties == Properties { $0.contentType = "new" })
        #expect(hook.has("on_publish\(version == .v5 ? "_m5" : "") |s 1 new/topic new retain"))
        let late = try broker.client("l", .v5)
        try late.subscribe("new/#", qos: .atMostOnce)
        #expect(try late.receivePublish().text == "new")
        #expect(broker.isBalanced)
    }

    @Test func `auth_on_subscribe may refuse one filter and change another`() throws {
        let hook = RecordingHook([.authOnSubscribeM5])
        hook.subscribeAnswer = { _, _ in
            .ok([.grant(SubscribeFilter("other", qos: .atLeastOnce)), .refuse(.quotaExceeded)])
        }
        let broker = try TestBroker(hooks: [hook])
        let client = try broker.client("c", .v5)
        try client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 1,
                    filters: [
                        SubscribeFilter("a", qos: .exactlyOnce), SubscribeFilter("b", qos: .exactlyOnce),
                    ])))
        #expect(try client.receive() == .suback(SubackPacket(packetIdentifier: 1, codes: [1, 0x97])))
        for topic in ["a", "b", "other"] as [UTF8Text] { try client.publish(topic, "x") }
        #expect(try client.receivePublish().topic == "other")
        #expect(try client.drain().isEmpty)
    }

    @Test func `on_unsubscribe may put other filters in place`() throws {
        let hook = RecordingHook([.onUnsubscribe])
        hook.unsubscribeAnswer = { _, _ in .ok(["b"]) }
        let broker = try TestBroker(hooks: [hook])
        let client = try broker.client("c")
        for filter in ["a", "b"] as [UTF8Text] { try client.subscribe(filter, qos: .atMostOnce) }
        try client.unsubscribe(["a"])
        for topic in ["a", "b"] as [UTF8Text] { try client.publish(topic, "x") }
        #expect(try client.drain().count == 1)
    }

    @Test(arguments: QoS.allCases, [false, true])
    func `on_deliver may change each subscriber's copy`(_ qos: QoS, _ isLater: Bool) throws {
        let hook = RecordingHook([.onDeliver, .onDeliverM5])
        hook.deliverAnswer = { event, ticket in
            var modifiers = PublishModifiers()
            modifiers.payload = Array("for \(event.subscriber.clientID)".utf8)
            guard isLater else { return .ok(modifiers) }
            ticket.answer(.ok(modifiers))
            return .later
        }
        let broker = try TestBroker(hooks: [hook])
        let receivers = try (0..<6).map { number in
            let client = try broker.client(broker.id(on: number / 3, "r\(number)"), [.v311, .v5][number % 2])
            try client.subscribe("t", qos: qos)
            return client
        }
        let sender = try broker.client("s")
        for number in 1...3 { try sender.publishAndComplete("t", "x", qos: qos, id: UInt16(number)) }
        for (number, receiver) in receivers.enumerated() {
            let texts = try receiver.receiveMessages(3).map(\.text)
            #expect(texts.allSatisfy { $0.hasPrefix("for r\(number)-") })
        }
        #expect(broker.isBalanced)
    }

    @Test func `on_deliver may refuse a copy, which is counted`() throws {
        let hook = RecordingHook([.onDeliver])
        hook.deliverAnswer = { event, _ in
            event.message.payloadByteCount == 1 ? .refuse(HookRefusal()) : .next
        }
        let broker = try TestBroker(hooks: [hook])
        let client = try broker.client("c")
        try client.subscribe("t", qos: .atMostOnce)
        for text in ["1", "22", "3"] { try client.publish("t", text) }
        #expect(try client.drain().count == 1)
        #expect(broker.numbers[DropReason.deniedByHook] == 2)
        #expect(broker.isBalanced)
    }

    @Test func `the first hook that decides is the last to be asked`() throws {
        let first = RecordingHook([.authOnPublish])
        let second = RecordingHook([.authOnPublish])
        let third = RecordingHook([.authOnPublish])
        first.publishAnswer = { _, _ in .next }
        let broker = try TestBroker(hooks: [first, second, third])
        try broker.client("c").publishAndComplete("t", "x", qos: .atLeastOnce)
        #expect([first, second, third].map(\.lines.count) == [1, 1, 0])
        second.publishAnswer = { _, _ in .next }
        third.publishAnswer = { _, _ in .next }
        let client = try broker.client("c")
        try client.publish("t", "exhausted")
        #expect(try client.receiveUntilEnd().isEmpty)
        #expect([first, second, third].map(\.lines.count) == [2, 2, 1])
    }
}
