import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// A question that a plugin can be asked.
enum AskedQuestion: CaseIterable, Sendable {
    case auth, register, will, publish, subscribe, unsubscribe, reauthenticate, deliver

    var point: HookPoint {
        switch self {
        case .auth, .reauthenticate: .onAuthM5
        case .register: .authOnRegisterM5
        case .will, .publish: .authOnPublishM5
        case .subscribe: .authOnSubscribeM5
        case .unsubscribe: .onUnsubscribeM5
        case .deliver: .onDeliverM5
        }
    }

    var invalid: Counter {
        switch self {
        case .auth, .reauthenticate: .hookInvalidAuth
        case .register: .hookInvalidRegister
        case .will, .publish: .hookInvalidPublish
        case .subscribe: .hookInvalidSubscribe
        case .unsubscribe: .hookInvalidUnsubscribe
        case .deliver: .hookInvalidDeliver
        }
    }

    /// An answer of this question's kind.
    enum Kind: CaseIterable { case next, ok, refuse, later }

    func reply(_ kind: Kind) -> HookReply {
        func answer<Modifiers>() -> HookAnswer<Modifiers> {
            switch kind {
            case .next: .next
            case .ok: .ok(nil)
            case .refuse: .refuse(HookRefusal())
            case .later: .later
            }
        }
        return switch self {
        case .auth, .reauthenticate: .auth(answer())
        case .register: .register(answer())
        case .will, .publish, .deliver: .publish(answer())
        case .subscribe: .subscribe(answer())
        case .unsubscribe: .unsubscribe(answer())
        }
    }

    /// Every answer that is none to this question.
    var wrongReplies: [HookReply] {
        let kinds: [AskedQuestion] = [.auth, .register, .publish, .subscribe, .unsubscribe]
        // A copy is answered for as a message is.
        let own = self == .deliver ? AskedQuestion.publish.point : point
        return kinds.flatMap { kind in
            Kind.allCases.filter { kind.point != own || $0 == .later }.map(kind.reply)
        }
    }
}

/// A client that waits for the answer to one question, or has it already.
private struct Scene {
    let question: AskedQuestion
    let bench: CoreBench
    let client: MemoryTransport
    let hooks: [ScriptedHook]

    /// - Parameters:
    ///   - answers: of the hooks in their order, at once; nil = later.
    init(
        _ question: AskedQuestion, _ answers: [HookReply?] = [nil], timeout: HookTimeoutBehaviour = .deny,
        _ change: (inout BrokerSettings) -> Void = { _ in }
    ) throws {
        self.question = question
        let hooks = answers.map { ScriptedHook([question.point], $0, timeout: timeout) }
        self.hooks = hooks
        // An exchange before the question, where it needs one, is answered by another plugin.
        let opener = ScriptedHook(
            [.onAuthM5], .auth(.ok(AuthModifiers(reasonCode: .success))), name: "opener")
        bench = CoreBench {
            $0.allowsAnonymous = question != .register
            change(&$0)
        }
        if question == .reauthenticate { bench.shard.setHooks([opener]) } else { bench.shard.setHooks(hooks) }
        client = bench.connect("c") { packet in
            switch question {
            case .auth, .reauthenticate: packet.properties.authenticationMethod = "m"
            case .will:
                packet.will = WillPacketFields(qos: .atLeastOnce, isRetained: false, topic: "w", payload: [1])
            default: break
            }
        }
        bench.shard.setHooks(hooks)
        let filters = [SubscribeFilter("a", qos: .atLeastOnce), SubscribeFilter("b", qos: .atLeastOnce)]
        switch question {
        case .auth, .register, .will: return
        case .publish:
            try client.send(
                .publish(
                    PublishPacket(
                        topic: "a", payload: [7], qos: .atLeastOnce,
                        packetIdentifier: PacketIdentifier(rawValue: 9))))
        case .subscribe:
            try client.send(
                .subscribe(SubscribePacket(packetIdentifier: PacketIdentifier(rawValue: 9), filters: filters))
            )
        case .unsubscribe:
            try client.send(
                .subscribe(SubscribePacket(packetIdentifier: PacketIdentifier(rawValue: 8), filters: filters))
            )
            try client.send(
                .unsubscribe(
                    UnsubscribePacket(packetIdentifier: PacketIdentifier(rawValue: 9), filters: ["a", "b"])))
        case .reauthenticate:
            try client.send(
                .auth(
                    AuthPacket(
                        reasonCode: .reAuthenticate, properties: Properties { $0.authenticationMethod = "m" })
                ))
        case .deliver:
            try client.send(
                .subscribe(SubscribePacket(packetIdentifier: PacketIdentifier(rawValue: 8), filters: filters))
            )
            try client.send(.publish(PublishPacket(topic: "a", payload: [7])))
        }
    }

    func answer(_ reply: HookReply) throws {
        let ticket = try #require(hooks[0].tickets.last)
        bench.shard.answered(ticket, reply)
    }

    /// What has become of the question.
    enum Outcome: Equatable {
        case open, allowed, refused, unchanged
    }

    /// Reads what the client was sent.
    func outcome() throws -> Outcome {
        let packets = try client.received()
        switch question {
        case .auth, .register, .will:
            if client.session != nil { return client.closeReason == nil ? .allowed : .refused }
            return client.closeReason == nil ? .open : .refused
        case .publish:
            for case .puback(let packet) in packets { return packet.reasonCode.isError ? .refused : .allowed }
        case .subscribe:
            for case .suback(let packet) in packets {
                let isEmpty = client.session?.subscriptions.isEmpty ?? true
                #expect(packet.codes.count == 2)
                return packet.codes.allSatisfy { $0 >= 0x80 } && isEmpty ? .refused : .allowed
            }
        case .unsubscribe:
            for case .unsuback(let packet) in packets {
                #expect(packet.codes.count == 2)
                return packet.codes == [0, 0] && client.session?.subscriptions.isEmpty == true
                    ? .unchanged : .allowed
            }
        case .reauthenticate:
            if client.closeReason != nil { return .refused }
            for case .auth(let packet) in packets where packet.reasonCode == .success { return .allowed }
        case .deliver:
            for case .publish(let packet) in packets {
                return packet.payload == [7] && packet.topic == "a" ? .unchanged : .allowed
            }
            if bench.numbers[DropReason.deniedByHook] > 0 { return .refused }
        }
        return .open
    }

    /// What must stand for an answer that is not valid.
    var safe: Outcome { question == .unsubscribe || question == .deliver ? .unchanged : .refused }

    var isBalanced: Bool {
        let numbers = bench.numbers
        return numbers[.ledgerReceived] == numbers.messages(.client) + numbers[RejectReason.notAuthorized]
            + numbers[RejectReason.sessionClosed] + UInt64(max(0, numbers[LoopGauge.publishesPending]))
    }
}

private func text(_ count: Int) -> UTF8Text {
    UTF8Text(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: count))
}

private let badTexts: [UTF8Text] = [
    text(65_536), UTF8Text(bytes: [0xC0, 0x80]), UTF8Text(bytes: [0x61, 0]), UTF8Text(bytes: [0xFF]),
]
private let badTopics: [UTF8Text] = badTexts + ["", "a/+", "#", "$SYS/a", "$share/g/t", "1/2/3/4/5/6"]
private let badFilters: [UTF8Text] =
    badTexts + ["", "a+", "a/#/b", "$share/g", "$share//a", "$share/+/a", "1/2/3/4/5/6"]
private let badProperties: [Properties] =
    badTexts.flatMap { bad in
        [
            Properties { $0.contentType = bad }, Properties { $0.reasonString = bad },
            Properties { $0.userProperties = [UserProperty("n", bad)] },
            Properties { $0.userProperties = [UserProperty(bad, "v")] },
        ]
    } + [
        Properties { $0.responseTopic = "a/#" }, Properties { $0.responseTopic = "" },
        Properties { $0.correlationData = [UInt8](repeating: 0, count: 65_536) },
        Properties { $0.payloadFormatIndicator = 2 }, Properties { $0.retainAvailable = 9 },
        Properties { $0.receiveMaximum = 0 }, Properties { $0.maximumPacketSize = 0 },
        Properties { $0.subscriptionIdentifiers = [268_435_456] }, Properties { $0.topicAlias = 0 },
    ]

private func grant(_ filter: UTF8Text) -> SubscribeVerdict {
    .grant(SubscribeFilter(filter, qos: .atMostOnce))
}

/// Answers of the right kind with something wrong in them.
private func badReplies(_ question: AskedQuestion) -> [HookReply] {
    func publish(_ change: (inout PublishModifiers) -> Void) -> PublishModifiers {
        var modifiers = PublishModifiers()
        change(&modifiers)
        return modifiers
    }
    let publishes =
        badTopics.map { topic in publish { $0.topic = topic } }
        + badProperties.map { properties in publish { $0.properties = properties } }
        + badTexts.map { name in publish { $0.mountpoint = .intern(name) } }
        + [publish { $0.qos = .exactlyOnce }, publish { $0.isRetained = true }]
    func register(_ change: (inout RegisterModifiers) -> Void) -> HookReply {
        var modifiers = RegisterModifiers()
        change(&modifiers)
        return .register(.ok(modifiers))
    }
    func badSettings(_ change: (inout SessionSettings) -> Void) -> HookReply {
        var settings = SessionSettings()
        change(&settings)
        return register { $0.settings = settings }
    }
    switch question {
    case .publish, .will: return publishes.map { .publish(.ok($0)) }
    case .deliver: return publishes.map { .publish(.ok($0)) }
    case .auth, .reauthenticate:
        return [ReasonCode.notAuthorized, .reAuthenticate, .grantedQoS1].map {
            .auth(.ok(AuthModifiers(reasonCode: $0)))
        }
            + [.auth(.ok(AuthModifiers(reasonCode: .success, data: [UInt8](repeating: 0, count: 65_536))))]
            + badTexts.map { .auth(.ok(AuthModifiers(reasonCode: .success, reasonString: $0))) }
    case .register:
        return (badTexts + ["", text(101)]).map { id in register { $0.clientID = id } }
            + badTexts.map { name in register { $0.userName = name } }
            + badTexts.map { name in register { $0.mountpoint = .intern(name) } }
            + badProperties.map { properties in register { $0.connackProperties = properties } }
            + [
                badSettings { $0.maxInflightMessages = -1 }, badSettings { $0.maxInflightMessages = 65_536 },
                badSettings { $0.receiveMaxClient = 0 }, badSettings { $0.maxMessageSize = 268_435_456 },
                badSettings { $0.maxMessageSize = 0 }, badSettings { $0.maxOnlineMessages = -2 },
                badSettings { $0.maxMessageRate = -1 },
            ]
    case .subscribe:
        let noLocal = SubscribeFilter("$share/g/a", SubscriptionOptions(qos: .atMostOnce, noLocal: true))
        return
            ([[], [grant("a")], [grant("a"), grant("b"), grant("c")], [grant("a"), .grant(noLocal)]]
            + badFilters.map { [grant("a"), grant($0)] }).map { .subscribe(.ok($0)) }
    case .unsubscribe:
        return ([[], ["a"], ["a", "b", "c"]] + badFilters.map { ["a", $0] }).map { .unsubscribe(.ok($0)) }
    }
}

/// Answers of plugins, right and wrong, at once and later.
@Suite struct HookAnswerTests {
    @Test(arguments: AskedQuestion.allCases)
    func `an answer to another question never lets anybody in`(_ question: AskedQuestion) throws {
        for reply in question.wrongReplies {
            let scene = try Scene(question)
            #expect(try scene.outcome() == .open)
            try scene.answer(reply)
            #expect(try scene.outcome() == scene.safe, "\(reply)")
            #expect(scene.bench.numbers[question.invalid] == 1)
            #expect(scene.isBalanced)
            #expect(!scene.client.pauses.contains(.hook) || scene.client.closeReason != nil)
        }
    }

    @Test(arguments: AskedQuestion.allCases, [true, false])
    func `an answer with a bad value changes nothing and allows nothing`(
        _ question: AskedQuestion, _ isLater: Bool
    ) throws {
        let replies = badReplies(question)
        #expect(replies.count >= 7)
        for reply in replies {
            let scene = try Scene(question, isLater ? [nil] : [reply]) {
                $0.publish.topicMaxDepth = 5
                $0.publish.maxQoS = .atLeastOnce
                $0.publish.retainAvailable = false
                $0.maxClientIDSize = 100
            }
            if isLater { try scene.answer(reply) }
            #expect(try scene.outcome() == scene.safe, "\(reply)")
            #expect(scene.bench.numbers[question.invalid] == 1, "\(reply)")
            #expect(scene.isBalanced)
        }
    }

    @Test(arguments: AskedQuestion.allCases)
    func `a good answer does what it says, and a second one nothing`(_ question: AskedQuestion) throws {
        let scene = try Scene(question)
        let ticket = try #require(scene.hooks[0].tickets.last)
        try scene.answer(question.reply(.ok))
        #expect(try scene.outcome() == (scene.safe == .unchanged ? .unchanged : .allowed))
        #expect(scene.bench.numbers[.hookAnswersIgnored] == 0)
        for kind in AskedQuestion.Kind.allCases { scene.bench.shard.answered(ticket, question.reply(kind)) }
        #expect(scene.bench.numbers[.hookAnswersIgnored] == 4)
        #expect(try scene.client.received().isEmpty)
        #expect(scene.client.closeReason == nil)
        #expect(scene.bench.numbers[question.invalid] == 0)
        #expect(scene.isBalanced)
    }

    @Test(arguments: AskedQuestion.allCases, AskedQuestion.Kind.allCases)
    func `an answer for a client that has gone is ignored`(
        _ question: AskedQuestion, _ kind: AskedQuestion.Kind
    ) throws {
        let scene = try Scene(question)
        scene.client.vanish()
        try scene.answer(question.reply(kind))
        #expect(scene.bench.numbers[.hookAnswersIgnored] == 1)
        #expect(scene.client.session == nil)
        #expect(scene.isBalanced)
        // The place is free for whoever comes next.
        scene.bench.shard.setHooks([])
        if question != .register { #expect(scene.bench.connect("c").session != nil) }
    }

    @Test(arguments: AskedQuestion.allCases)
    func `an answer after the deadline is ignored`(_ question: AskedQuestion) throws {
        let scene = try Scene(question)
        let ticket = try #require(scene.hooks[0].tickets.last)
        scene.bench.shard.hookDeadlinePassed(ticket.asker, ticket.serial)
        let outcome = try scene.outcome()
        #expect(outcome == (question == .unsubscribe ? .unchanged : .refused))
        scene.bench.shard.answered(ticket, question.reply(.ok))
        #expect(scene.bench.numbers[.hookAnswersIgnored] == 1)
        #expect(scene.bench.numbers[.hookTimeout] == 1)
        #expect(scene.isBalanced)
    }

    @Test(arguments: AskedQuestion.allCases)
    func `a question goes on in the chain in which it was asked`(_ question: AskedQuestion) throws {
        // The first answers later, the second says no. Meanwhile others take their places, who would say yes.
        let scene = try Scene(question, [nil, question.reply(.refuse)])
        let others = (0..<3).map { _ in ScriptedHook([question.point], question.reply(.ok)) }
        scene.bench.shard.setHooks(others)
        try scene.answer(question.reply(.next))
        #expect(try scene.outcome() == (question == .unsubscribe ? .unchanged : .refused))
        #expect(scene.hooks[1].tickets.count == 1)
        #expect(others.allSatisfy { $0.tickets.isEmpty })
    }

    @Test(arguments: AskedQuestion.allCases)
    func `a question whose chain has gone is answered by the chain that has gone`(_ question: AskedQuestion)
        throws
    {
        let scene = try Scene(question, [nil, question.reply(.ok)])
        scene.bench.shard.setHooks([])
        try scene.answer(question.reply(.next))
        #expect(try scene.outcome() == (scene.safe == .unchanged ? .unchanged : .allowed))
        #expect(scene.hooks[1].tickets.count == 1)
    }

    @Test(arguments: AskedQuestion.allCases, [HookTimeoutBehaviour.deny, .allow])
    func `the time-out is that of the hook that was asked`(
        _ question: AskedQuestion, _ behaviour: HookTimeoutBehaviour
    ) throws {
        let scene = try Scene(question, timeout: behaviour)
        let ticket = try #require(scene.hooks[0].tickets.last)
        scene.bench.shard.setHooks([
            ScriptedHook([question.point], timeout: behaviour == .deny ? .allow : .deny)
        ])
        scene.bench.shard.hookDeadlinePassed(ticket.asker, ticket.serial)
        let allowed: Scene.Outcome = scene.safe == .unchanged ? .unchanged : .allowed
        let denied: Scene.Outcome = question == .unsubscribe ? .unchanged : .refused
        #expect(try scene.outcome() == (behaviour == .deny ? denied : allowed))
    }

    @Test func `a refusal stays one when its text cannot be sent`() throws {
        for text in badTexts {
            let scene = try Scene(
                .register, [.register(.refuse(HookRefusal(reasonCode: .banned, reasonString: text)))])
            let packets = try scene.client.received()
            guard case .connack(let connack)? = packets.first else {
                Issue.record("no CONNACK")
                continue
            }
            #expect(connack.code == ReasonCode.banned.rawValue)
            #expect(connack.properties.reasonString == nil)
            #expect(scene.bench.numbers[.hookInvalidRegister] == 1)
        }
    }

    @Test func `texts of 65,535 bytes are as good as any`() throws {
        var modifiers = PublishModifiers()
        modifiers.topic = text(65_535)
        modifiers.properties = Properties {
            $0.contentType = text(65_535)
            $0.correlationData = [UInt8](repeating: 1, count: 65_535)
            $0.userProperties = [UserProperty(text(65_535), text(65_535))]
        }
        let scene = try Scene(.deliver, [.publish(.ok(modifiers))])
        let packets = try scene.client.received()
        guard case .publish(let packet)? = packets.last else {
            Issue.record("no PUBLISH")
            return
        }
        #expect(packet.topic.count == 65_535)
        #expect(packet.properties == modifiers.properties)
        #expect(scene.bench.numbers[.hookInvalidDeliver] == 0)
    }
}
