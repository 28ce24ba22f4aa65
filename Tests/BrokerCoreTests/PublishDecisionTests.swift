import BrokerMetrics
import MQTTCodec
import Testing

@testable import BrokerCore

@Suite struct PublishDecisionTests {
    typealias Facts = PublishDecision.Facts
    typealias Limits = PublishLimits

    private static let checked = Limits(checksPayloadFormat: true)
    private static let few = Limits(receiveMaxBroker: 2)

    /// The last value: whether the payload is UTF-8.
    private static let admissions: [(Facts, Limits, Bool, PublishDecision)] = [
        (Facts(), Limits(), true, .accept),
        (Facts(qos: .atLeastOnce, isRetained: true), Limits(), true, .accept),
        (Facts(qos: .exactlyOnce), Limits(), true, .accept),
        // The depth of the topic; an alias alone has none.
        (Facts(topicLevelCount: 4), Limits(topicMaxDepth: 4), true, .accept),
        (
            Facts(topicLevelCount: 5), Limits(topicMaxDepth: 4), true,
            .disconnect(.topicInvalid, .topicNameInvalid, .protocolError)
        ),
        (Facts(topicLevelCount: 0), Limits(topicMaxDepth: 1), true, .accept),
        (Facts(topicLevelCount: 1000), Limits(topicMaxDepth: 0), true, .accept),
        // What CONNACK has announced.
        (Facts(qos: .atLeastOnce), Limits(maxQoS: .atLeastOnce), true, .accept),
        (
            Facts(qos: .exactlyOnce), Limits(maxQoS: .atLeastOnce), true,
            .disconnect(.qosNotSupported, .qosNotSupported, .protocolError)
        ),
        (
            Facts(isRetained: true), Limits(retainAvailable: false), true,
            .disconnect(.retainNotSupported, .retainNotSupported, .protocolError)
        ),
        (Facts(isRetained: false), Limits(retainAvailable: false), true, .accept),
        // The payload format, where the packet claims one and the operator wants it checked.
        (Facts(claimsUTF8: true), checked, true, .accept),
        (Facts(claimsUTF8: true), Limits(), false, .accept),
        (Facts(claimsUTF8: false), checked, false, .accept),
        (
            Facts(claimsUTF8: true), checked, false,
            .disconnect(.payloadFormatInvalid, .payloadFormatInvalid, .protocolError)
        ),
        (
            Facts(qos: .atLeastOnce, claimsUTF8: true), checked, false,
            .refuse(.payloadFormatInvalid, .payloadFormatInvalid)
        ),
        (
            Facts(qos: .exactlyOnce, claimsUTF8: true), checked, false,
            .refuse(.payloadFormatInvalid, .payloadFormatInvalid)
        ),
        // QoS 2 that is not released.
        (Facts(qos: .exactlyOnce, isRepeated: true, unreleasedCount: 1), Limits(), true, .answerAgain),
        (Facts(qos: .exactlyOnce, isRepeated: true, unreleasedCount: 2), few, true, .answerAgain),
        (Facts(qos: .exactlyOnce, unreleasedCount: 1), few, true, .accept),
        (
            Facts(qos: .exactlyOnce, unreleasedCount: 2), few, true,
            .disconnect(.receiveMaximumExceeded, .receiveMaximumExceeded, .protocolError)
        ),
        (Facts(version: .v311, qos: .exactlyOnce, unreleasedCount: 2), few, true, .accept),
        (Facts(qos: .atLeastOnce, unreleasedCount: 2), few, true, .accept),
    ]

    @Test(arguments: admissions.indices) func admission(_ index: Int) {
        let (facts, limits, isUTF8, expected) = Self.admissions[index]
        #expect(PublishDecision.admission(facts, limits, isUTF8: isUTF8) == expected)
    }

    @Test func `the payload is read only when it matters`() {
        var readCount = 0
        func read() -> Bool {
            readCount += 1
            return true
        }
        _ = PublishDecision.admission(Facts(), Self.checked, isUTF8: read())
        _ = PublishDecision.admission(Facts(claimsUTF8: true), Limits(), isUTF8: read())
        #expect(readCount == 0)
        _ = PublishDecision.admission(Facts(claimsUTF8: true), Self.checked, isUTF8: read())
        #expect(readCount == 1)
    }

    private static let topics: [(String, PublishDecision)] = [
        ("$SYS/x", .refuse(.dollarTopic, .notAuthorized)), ("$", .refuse(.dollarTopic, .notAuthorized)),
        ("a/$SYS", .accept), ("/", .accept), ("", .accept),
    ]

    @Test(arguments: topics) func `topics that begin with a dollar`(
        _ topic: String, _ expected: PublishDecision
    ) {
        #expect(PublishDecision.topic(firstByte: topic.utf8.first) == expected)
    }

    private static let strict = Limits(disconnectsOnUnauthorizedV3: true)

    private static let denials: [(ProtocolVersion, Limits, PublishDecision)] = [
        (.v5, Limits(), .refuse(.notAuthorized, .quotaExceeded)),
        (.v5, strict, .refuse(.notAuthorized, .quotaExceeded)),
        (.v311, Limits(), .disconnect(.notAuthorized, .notAuthorized, .administrative)),
        (.v31, Limits(), .acknowledge(.notAuthorized)),
        (.v31, strict, .disconnect(.notAuthorized, .notAuthorized, .administrative)),
    ]

    @Test(arguments: denials.indices) func `a hook refuses`(_ index: Int) {
        let (version, limits, expected) = Self.denials[index]
        #expect(PublishDecision.denial(version, .quotaExceeded, limits) == expected)
    }

    private static let storages: [(ProtocolVersion, Bool, PublishDecision)] = [
        (.v5, false, .accept), (.v311, false, .accept),
        (.v5, true, .refuse(.storageUnavailable, .quotaExceeded)),
        (.v311, true, .ignore(.storageUnavailable)), (.v31, true, .ignore(.storageUnavailable)),
    ]

    @Test(arguments: storages.indices) func `the store takes no writes`(_ index: Int) {
        let (version, isFailing, expected) = Self.storages[index]
        #expect(PublishDecision.storage(version, isFailing: isFailing) == expected)
    }

    @Test func `only an acknowledgement of MQTT 5 tells the client why`() {
        #expect(PublishDecision.isTold(.v5, .atLeastOnce) && PublishDecision.isTold(.v5, .exactlyOnce))
        #expect(!PublishDecision.isTold(.v5, .atMostOnce))
        #expect(!PublishDecision.isTold(.v311, .exactlyOnce) && !PublishDecision.isTold(.v31, .atLeastOnce))
    }
}

@Suite struct AckDecisionTests {
    private static let cases: [(PacketType, Bool, InflightWindow.State, AckDecision)] = [
        (.puback, false, .awaitingPuback, .complete),
        (.puback, true, .awaitingPuback, .refuse),
        (.puback, false, .awaitingPubrec, .protocolError),
        (.puback, true, .awaitingPubcomp, .protocolError),
        (.pubrec, false, .awaitingPuback, .protocolError),
        (.pubrec, false, .awaitingPubrec, .sendPubrel),
        (.pubrec, true, .awaitingPubrec, .refuse),
        (.pubrec, false, .awaitingPubcomp, .sendPubrelAgain),
        (.pubrec, true, .awaitingPubcomp, .ignore),
        (.pubcomp, false, .awaitingPubcomp, .complete),
        // MQTT 5 lets PUBCOMP say that the identifier is not known: the exchange is over all the same.
        (.pubcomp, true, .awaitingPubcomp, .complete),
        (.pubcomp, false, .awaitingPubrec, .protocolError),
        (.pubcomp, false, .awaitingPuback, .protocolError),
    ]

    @Test(arguments: cases.indices) func `an acknowledgement`(_ index: Int) {
        let (type, isRefusal, state, expected) = Self.cases[index]
        #expect(AckDecision.decide(type, isRefusal: isRefusal, state) == expected)
    }
}
