import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// A PUBLISH that is refused, whatever is wrong with it, and the reason it is counted under.
struct RefusedPublish: Sendable, CustomTestStringConvertible {
    /// When the bytes are sent.
    enum Moment: Sendable { case connected, beforeConnect, behindRefusedConnect, duringAuthentication }

    var testDescription: String
    var reason: RejectReason
    var version = ProtocolVersion.v5
    var moment = Moment.connected
    /// PUBLISHes of those bytes that are accepted.
    var acceptedCount: UInt64 = 0
    /// The client breaks the connection after the bytes.
    var isDropped = false
    var change: @Sendable (inout BrokerSettings) -> Void = { _ in }
    var bytes: [UInt8]

    /// Header, topic, what stands behind it.
    private static func publish(_ flags: UInt8, _ topic: String, _ rest: [UInt8] = []) -> [UInt8] {
        let body = [0, UInt8(topic.utf8.count)] + Array(topic.utf8) + rest
        return [0x30 | flags, UInt8(body.count)] + body
    }

    private static let plain = publish(0, "t", [0])
    private static let disconnect: [UInt8] = [0xE0, 0]

    static let malformed: [RefusedPublish] = [
        RefusedPublish(
            testDescription: "a topic beyond the end", reason: .malformed, bytes: [0x30, 3, 0, 9, 0x61]),
        RefusedPublish(
            testDescription: "no room for a topic", reason: .malformed, version: .v31, bytes: [0x30, 0]),
        RefusedPublish(
            testDescription: "no room for a packet identifier", reason: .malformed, bytes: publish(2, "t")),
        RefusedPublish(
            testDescription: "a topic that is not UTF-8", reason: .malformed,
            bytes: [0x30, 4, 0, 1, 0xFF, 0]),
        RefusedPublish(
            testDescription: "an unknown property", reason: .malformed, bytes: publish(0, "t", [2, 0x7F, 0])),
        RefusedPublish(testDescription: "QoS 3 in the first byte", reason: .malformed, bytes: [0x36]),
        RefusedPublish(
            testDescription: "QoS 3 of a whole packet", reason: .malformed, version: .v311,
            bytes: publish(6, "t", [0, 1])),
        RefusedPublish(
            testDescription: "a remaining length of five bytes", reason: .malformed,
            bytes: [0x30, 0xFF, 0xFF, 0xFF, 0xFF]),
    ]

    static let tooLarge: [RefusedPublish] = [
        RefusedPublish(
            testDescription: "the header of one that is too large", reason: .packetTooLarge,
            change: { $0.session.maxMessageSize = 1000 }, bytes: [0x32, 0xE9, 0x07]),
        RefusedPublish(
            testDescription: "one that is too large, in full", reason: .packetTooLarge, version: .v311,
            change: { $0.session.maxMessageSize = 100 },
            bytes: publish(0, "t", Array(repeating: 0x78, count: 120))),
    ]

    static let forbidden: [RefusedPublish] = [
        RefusedPublish(
            testDescription: "no topic in MQTT 3.1.1", reason: .protocolError, version: .v311,
            bytes: publish(0, "")),
        RefusedPublish(
            testDescription: "no topic and no alias", reason: .protocolError, bytes: publish(0, "", [0])),
        RefusedPublish(
            testDescription: "packet identifier 0", reason: .protocolError, bytes: publish(2, "t", [0, 0, 0])),
        RefusedPublish(
            testDescription: "a subscription identifier", reason: .protocolError,
            bytes: publish(0, "t", [2, 0x0B, 1])),
        RefusedPublish(
            testDescription: "before CONNECT", reason: .protocolError, moment: .beforeConnect, bytes: plain),
        RefusedPublish(
            testDescription: "while the client authenticates", reason: .protocolError,
            moment: .duringAuthentication, bytes: plain),
    ]

    static let topics: [RefusedPublish] =
        ["a/#", "a/+", "#"].flatMap { topic in
            ProtocolVersion.allCases.map {
                RefusedPublish(
                    testDescription: "topic \(topic), \($0)", reason: .topicInvalid, version: $0,
                    bytes: publish(0, topic, $0 == .v5 ? [0] : []))
            }
        } + [
            RefusedPublish(
                testDescription: "too many levels", reason: .topicInvalid,
                change: { $0.publish.topicMaxDepth = 3 },
                bytes: publish(0, "a/b/c/d", [0])),
            RefusedPublish(
                testDescription: "a topic of the broker", reason: .dollarTopic,
                bytes: publish(0, "$SYS/x", [0])),
            RefusedPublish(
                testDescription: "alias 0", reason: .topicAliasInvalid,
                bytes: publish(0, "t", [3, 0x23, 0, 0])),
            RefusedPublish(
                testDescription: "an alias over the maximum", reason: .topicAliasInvalid,
                change: { $0.aliases.clientMaximum = 5 }, bytes: publish(0, "t", [3, 0x23, 0, 6])),
            RefusedPublish(
                testDescription: "an alias that was never set", reason: .topicAliasInvalid,
                change: { $0.aliases.clientMaximum = 5 }, bytes: publish(0, "", [3, 0x23, 0, 5])),
            RefusedPublish(
                testDescription: "an alias whose topic needs more memory than there is",
                reason: .quotaExceeded,
                change: {
                    $0.aliases.clientMaximum = 5
                    $0.aliases.byteLimit = 1
                }, bytes: publish(0, "t", [3, 0x23, 0, 1])),
        ]

    static let limits: [RefusedPublish] = [
        RefusedPublish(
            testDescription: "QoS over the maximum", reason: .qosNotSupported,
            change: { $0.publish.maxQoS = .atLeastOnce }, bytes: publish(4, "t", [0, 1, 0])),
        RefusedPublish(
            testDescription: "RETAIN where it is not available", reason: .retainNotSupported,
            change: { $0.publish.retainAvailable = false }, bytes: publish(1, "t", [0])),
        RefusedPublish(
            testDescription: "a payload that is no text", reason: .payloadFormatInvalid,
            change: { $0.publish.checksPayloadFormat = true }, bytes: publish(0, "t", [2, 1, 1, 0xFF])),
        RefusedPublish(
            testDescription: "a payload that is no text, with QoS 1", reason: .payloadFormatInvalid,
            change: { $0.publish.checksPayloadFormat = true }, bytes: publish(2, "t", [0, 1, 2, 1, 1, 0xFF])),
        RefusedPublish(
            testDescription: "more than Receive Maximum", reason: .receiveMaximumExceeded, acceptedCount: 1,
            change: { $0.publish.receiveMaxBroker = 1 },
            bytes: publish(4, "t", [0, 1, 0]) + publish(4, "t", [0, 2, 0])),
        RefusedPublish(
            testDescription: "what a hook denies", reason: .notAuthorized,
            bytes: publish(2, "denied", [0, 1, 0])
        ),
        RefusedPublish(
            testDescription: "what the store would have to keep", reason: .storageUnavailable,
            bytes: publish(3, "unstorable", [0, 1, 0])),
    ]

    static let ended: [RefusedPublish] = [
        RefusedPublish(
            testDescription: "behind DISCONNECT", reason: .sessionClosed, bytes: disconnect + plain),
        RefusedPublish(
            testDescription: "behind a CONNECT that is refused", reason: .sessionClosed,
            moment: .behindRefusedConnect, bytes: plain),
        RefusedPublish(
            testDescription: "while a hook is asked that never answers", reason: .sessionClosed,
            isDropped: true, bytes: publish(0, "pending", [0]) + plain + [0x30, 9]),
    ]

    static let all = malformed + tooLarge + forbidden + topics + limits + ended
}

@Suite struct RefusedPublishes {
    private static func hook() -> RecordingHook {
        let hook = RecordingHook([.authOnPublish, .authOnPublishM5, .authOnRegisterM5, .onAuthM5])
        hook.authAnswer = { _, _ in .ok(AuthModifiers(reasonCode: .continueAuthentication)) }
        hook.registerAnswer = { event, _ in
            event.subscriber.clientID == "refused" ? .refuse(HookRefusal()) : .ok(nil)
        }
        hook.publishAnswer = { event, ticket in
            switch String(decoding: event.message.topic.copiedBytes(), as: UTF8.self) {
            case "denied": .refuse(HookRefusal())
            case "pending": .later
            default: .ok(nil)
            }
        }
        return hook
    }

    private static func connect(_ id: UTF8Text, _ version: ProtocolVersion, _ method: UTF8Text? = nil)
        -> [UInt8]
    {
        var properties = Properties()
        properties.authenticationMethod = method
        return encodePacket(
            .connect(ConnectPacket(version: version, clientID: id, properties: properties)), version: version)
    }

    @Test(arguments: RefusedPublish.all)
    func `it is received and rejected for one reason`(_ refused: RefusedPublish) throws {
        let hook = Self.hook()
        let store = ManualStore()
        let broker = try TestBroker(hooks: [hook], store: store) {
            refused.change(&$0)
            $0.allowsAnonymous = refused.moment != .behindRefusedConnect
        }
        let client = try broker.client(refused.version)
        switch refused.moment {
        case .beforeConnect: try client.send(refused.bytes)
        case .behindRefusedConnect:
            try client.send(Self.connect("refused", refused.version) + refused.bytes)
        case .duringAuthentication:
            try client.send(Self.connect("c", refused.version, "method"))
            #expect(try client.receive().type == .auth)
            try client.send(refused.bytes)
        case .connected:
            try client.connect("c")
            store.health.set(isFailing: refused.reason == .storageUnavailable)
            try client.send(refused.bytes)
        }
        if refused.isDropped {
            #expect(broker.wait { $0[LoopGauge.publishesPending] == 1 })
            client.reset()
        }
        // Behind the one that waits there is another, and a part of a third.
        let rejectedCount: UInt64 = refused.isDropped ? 2 : 1
        #expect(broker.wait { $0[refused.reason] == rejectedCount })
        let numbers = broker.numbers
        #expect(numbers[.ledgerReceived] == rejectedCount + refused.acceptedCount)
        #expect(numbers.messages(.client) == refused.acceptedCount)
        #expect(RejectReason.allCases.reduce(0) { $0 + numbers[$1] } == rejectedCount)
        #expect(broker.isBalanced)
    }

    @Test func `each reason has its input`() {
        #expect(Set(RefusedPublish.all.map(\.reason)) == Set(RejectReason.allCases))
    }

    @Test func `a PUBLISH of which only a part comes is not received, and its bytes are told`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c")
        try client.send([0x30, 100, 0, 1, 0x74])
        client.finishSending()
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 })
        let numbers = broker.numbers
        #expect(numbers[.ledgerReceived] == 0 && numbers[Counter.bytesUndecoded] == 5)
        #expect(broker.isBalanced)
    }

    @Test func `every rejected PUBLISH in one piece is counted, also those behind the end`() throws {
        let broker = try TestBroker { $0.session.maxMessageSize = 1000 }
        let client = try broker.client("c")
        // One good, one with wildcards, which ends the connection, then two more and half of one.
        let good: [UInt8] = [0x30, 3, 0, 1, 0x74]
        try client.send(good + [0x30, 3, 0, 1, 0x23] + good + good + [0x30, 3, 0])
        #expect(broker.wait { $0[RejectReason.sessionClosed] == 2 })
        let numbers = broker.numbers
        #expect(numbers[.ledgerReceived] == 4 && numbers[RejectReason.topicInvalid] == 1)
        #expect(numbers[Counter.bytesUndecoded] == 13)
        #expect(broker.isBalanced)
    }

    @Test func `the bytes of a packet that cannot be decoded are told, with all behind it`() throws {
        let broker = try TestBroker()
        let client = try broker.client("c")
        // PINGREQ, and then a fixed header whose length has five bytes.
        try client.send([0xC0, 0, 0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1, 7, 7])
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 })
        #expect(broker.numbers[Counter.bytesUndecoded] == 8)
        #expect(broker.isBalanced)
    }

    @Test func `the bytes of a first packet that is no CONNECT are told`() throws {
        let broker = try TestBroker()
        let client = try broker.client()
        try client.send([0xC0, 0, 0xC0, 0, 0xC0])
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 && $0[Counter.bytesUndecoded] != 0 })
        #expect(broker.numbers[Counter.bytesUndecoded] == 5)
    }
}
