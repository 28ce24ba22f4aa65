import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Hooks that answer later, or never.
@Suite struct LateHookScenarios {
    @Test(arguments: ProtocolVersion.allCases, [0, 1])
    func `a CONNECT that waits keeps the packets behind it`(_ version: ProtocolVersion, _ loop: Int) throws {
        let hook = RecordingHook([.authOnRegister, .authOnRegisterM5])
        hook.registerAnswer = { _, ticket in
            hook.keep(ticket)
            return .later
        }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        let client = try broker.client(version)
        try client.send(.connect(ConnectPacket(version: version, clientID: broker.id(on: loop, "c"))))
        #expect(hook.hasTickets(1))
        try client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atMostOnce)])))
        try client.publish("t", "x")
        hook.tickets[0].answer(.register(.ok(nil)))
        let types = try (0..<3).map { _ in try client.receive().type }
        #expect(types == [.connack, .suback, .publish])
    }

    @Test func `packets sent in one piece with a CONNECT that waits are kept too`() throws {
        let hook = RecordingHook([.authOnRegister])
        hook.registerAnswer = { _, ticket in
            ticket.answer(.ok(nil))
            return .later
        }
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        for number in 0..<20 {
            let client = try broker.client()
            try client.send(
                encodePacket(
                    .connect(ConnectPacket(version: .v311, clientID: "c\(number)".text)), version: .v311) + [
                        0xC0, 0,
                    ])
            #expect(try client.receive().type == .connack)
            #expect(try client.receive() == .pingresp)
        }
    }

    @Test(arguments: ProtocolVersion.allCases, QoS.allCases)
    func `a PUBLISH that waits is routed before what came behind it`(_ version: ProtocolVersion, _ qos: QoS)
        throws
    {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5])
        hook.publishAnswer = { event, ticket in
            guard event.message.payload.byteCount == 1 else { return .ok(nil) }
            hook.keep(ticket)
            return .later
        }
        let broker = try TestBroker(hooks: [hook])
        let receiver = try broker.client(broker.id(on: 1, "r"), version)
        try receiver.subscribe("t", qos: qos)
        let sender = try broker.client("s", version)
        try sender.publish("t", "1", qos: qos, id: 1)
        try sender.publish("t", "22", qos: qos, id: 2)
        #expect(hook.hasTickets(1))
        // Another client is served meanwhile.
        let other = try broker.client("other", version)
        try other.publish("t", "33", qos: .atMostOnce)
        #expect(try receiver.receiveMessage().text == "33")
        hook.tickets[0].answer(.publish(.ok(nil)))
        #expect(try receiver.receiveMessages(2).map(\.text) == ["1", "22"])
        hook.tickets[0].answer(.publish(.ok(nil)))  // a second answer is ignored
        let acks = try sender.drain()
        #expect(acks.count == (qos == .atMostOnce ? 0 : 2))
        #expect(broker.isBalanced)
    }

    @Test(arguments: [HookTimeoutBehaviour.deny, .next, .allow])
    func `an answer that does not come is replaced by the hook's timeout behaviour`(
        _ behaviour: HookTimeoutBehaviour
    ) throws {
        let silent = RecordingHook(
            [.authOnPublishM5, .authOnSubscribeM5, .authOnRegisterM5], timeout: behaviour)
        silent.publishAnswer = { _, ticket in
            silent.keep(ticket)
            return .later
        }
        silent.subscribeAnswer = { _, ticket in
            silent.keep(ticket)
            return .later
        }
        let second = RecordingHook([.authOnPublishM5, .authOnSubscribeM5])
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [silent, second], clock: clock) { $0.hookTimeout = 1000 }
        let client = try broker.client("c", .v5)
        try client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atMostOnce)])))
        #expect(silent.hasTickets(1))
        broker.pass(clock, milliseconds: 900)
        #expect(broker.numbers[.hookTimeout] == 0)
        broker.pass(clock, milliseconds: 200)
        guard case .suback(let suback) = try client.receive() else {
            Issue.record("no SUBACK")
            return
        }
        #expect(suback.codes == [behaviour == .deny ? 0x87 : 0])
        try client.publish("other", "x", qos: .atLeastOnce)
        #expect(silent.hasTickets(2))
        broker.pass(clock, milliseconds: 1100)
        let code = try client.receiveAck(.puback, 1).reasonCode
        #expect(code == (behaviour == .deny ? .notAuthorized : .noMatchingSubscribers))
        #expect(second.lines.count == (behaviour == .next ? 2 : 0))
        #expect(broker.numbers[.hookTimeout] == 2)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [HookTimeoutBehaviour.deny, .next, .allow], ProtocolVersion.allCases)
    func `a CONNECT whose hook does not answer is decided by the timeout`(
        _ behaviour: HookTimeoutBehaviour, _ version: ProtocolVersion
    ) throws {
        let silent = RecordingHook([.authOnRegister, .authOnRegisterM5], timeout: behaviour)
        silent.registerAnswer = { _, ticket in
            silent.keep(ticket)
            return .later
        }
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [silent], clock: clock) {
            $0.hookTimeout = 1000
            $0.allowsAnonymous = false
        }
        let client = try broker.client(version)
        try client.send(.connect(ConnectPacket(version: version, clientID: "c")))
        #expect(silent.hasTickets(1))
        broker.pass(clock, milliseconds: 900)
        #expect(broker.numbers[.hookTimeout] == 0)
        broker.pass(clock, milliseconds: 200)
        guard case .connack(let connack) = try client.receive() else {
            Issue.record("no CONNACK")
            return
        }
        let refusal: UInt8 = version == .v5 ? (behaviour == .deny ? 0x88 : 0x86) : 5
        #expect(connack.code == (behaviour == .allow ? 0 : refusal))
    }

    @Test func `a client that waits for a hook does not exceed its keep alive`() throws {
        let hook = RecordingHook([.authOnPublish])
        hook.publishAnswer = { _, ticket in
            hook.keep(ticket)
            return .later
        }
        let clock = ManualClock()
        let broker = try TestBroker(hooks: [hook], clock: clock)
        let client = try broker.client()
        try client.connect("c", keepAlive: 1)
        try client.publish("t", "x", qos: .atLeastOnce)
        #expect(hook.hasTickets(1))
        try client.send(.pingreq)
        broker.pass(clock, milliseconds: 1700)
        hook.tickets[0].answer(.publish(.ok(nil)))
        #expect(try client.receive().type == .puback)
        #expect(try client.receive() == .pingresp)
    }

    @Test func `an answer for a client that has gone is ignored`() throws {
        let hook = RecordingHook([.authOnPublish, .authOnRegister])
        let broker = try TestBroker(hooks: [hook]) { $0.allowsAnonymous = false }
        hook.publishAnswer = { _, ticket in
            hook.keep(ticket)
            return .later
        }
        let client = try broker.client("c")
        try client.publish("t", "x", qos: .atLeastOnce)
        #expect(hook.hasTickets(1))
        let newer = try broker.client("c")
        #expect(try client.receiveUntilEnd().isEmpty)
        client.drop()
        #expect(broker.wait { $0[RejectReason.sessionClosed] == 1 })
        hook.tickets[0].answer(.publish(.ok(nil)))
        #expect(try newer.drain().isEmpty)
        try newer.disconnect()
        hook.registerAnswer = { _, ticket in
            hook.keep(ticket)
            return .later
        }
        let second = try broker.client()
        try second.send(.connect(ConnectPacket(version: .v311, clientID: "d")))
        #expect(hook.hasTickets(2))
        second.drop()
        hook.tickets[1].answer(.register(.ok(nil)))
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 && $0[LoopGauge.sessionsOnline] == 0 })
        #expect(broker.numbers[.publishReceived] == 1 && broker.numbers.messages(.client) == 0)
        #expect(broker.isBalanced)
    }

    @Test func `a delivery that waits for on_deliver keeps its place, also over a reconnect`() throws {
        let hook = RecordingHook([.onDeliver])
        hook.deliverAnswer = { _, ticket in
            hook.keep(ticket)
            return .later
        }
        let broker = try TestBroker(hooks: [hook])
        let first = try broker.client("c", clean: false)
        try first.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("s")
        for text in ["1", "2"] { try sender.publishAndComplete("t", text, qos: .atLeastOnce) }
        #expect(hook.hasTickets(1))
        first.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        hook.deliverAnswer = { _, _ in .ok(nil) }
        hook.tickets[0].answer(.publish(.ok(nil)))
        let again = try broker.client("c", clean: false)
        #expect(try again.receiveMessages(2).map(\.text) == ["1", "2"])
        #expect(broker.isBalanced)
    }
}
