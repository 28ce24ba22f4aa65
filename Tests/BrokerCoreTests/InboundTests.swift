import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

@Suite struct InboundTests {
    private func publish(
        _ qos: QoS, _ identifier: UInt16 = 0, topic: String = "a", alias: UInt16 = 0
    ) throws -> (header: PublishHeader, body: [UInt8]) {
        var properties = Properties()
        if alias > 0 { properties.topicAlias = alias }
        let packet = PublishPacket(
            topic: UTF8Text(bytes: Array(topic.utf8)), qos: qos,
            packetIdentifier: PacketIdentifier(rawValue: identifier), properties: properties)
        var writer = PacketWriter()
        ControlPacket.publish(packet).encode(version: .v5, into: &writer)
        let fixed = try #require(
            try FixedHeader.decode(writer.bytes.span.bytes, maximumRemainingLength: .max))
        let body = Array(writer.bytes[fixed.headerByteCount...])
        return (
            try PublishHeader.decode(flags: fixed.flags, body: body.span.bytes, version: .v5), body
        )
    }

    private func expectRelease(_ inbound: inout Inbound, _ identifier: UInt16, _ expected: (Bool, Bool)) {
        let release = inbound.release(identifier)
        #expect(release == expected)
    }

    private func admission(_ inbound: Inbound, _ qos: QoS, _ identifier: UInt16) throws -> PublishDecision {
        inbound.admission(
            of: try publish(qos, identifier).header, .v5, PublishLimits(receiveMaxBroker: 2),
            isUTF8: true)
    }

    @Test func `a QoS 2 message is new until it was taken, and again when it was released`() throws {
        var inbound = Inbound()
        #expect(try admission(inbound, .exactlyOnce, 7) == .accept)
        inbound.accept(7, fanOut: 0)
        #expect(try admission(inbound, .exactlyOnce, 7) == .answerAgain)
        #expect(try admission(inbound, .atLeastOnce, 7) == .accept)
        expectRelease(&inbound, 7, (true, false))
        expectRelease(&inbound, 7, (false, false))
        #expect(try admission(inbound, .exactlyOnce, 7) == .accept)
    }

    @Test func `unreleased messages fill the broker's Receive Maximum`() throws {
        var inbound = Inbound()
        inbound.accept(1, fanOut: 0)
        inbound.accept(2, fanOut: 0)
        #expect(
            try admission(inbound, .exactlyOnce, 3)
                == .disconnect(.receiveMaximumExceeded, .receiveMaximumExceeded, .protocolError))
        _ = inbound.release(1)
        #expect(try admission(inbound, .exactlyOnce, 3) == .accept)
    }

    @Test func `a repeated message waits for what the first one waits for`() {
        var inbound = Inbound()
        inbound.accept(1, fanOut: 4)
        let isStored = inbound.store(1, in: 9, isKept: true)
        #expect(isStored)
        #expect(inbound.repeatedWait == StoreWait(batch: 9, fanOut: 4))
    }

    @Test func `an identifier is stored with its session, and only while it is not released`() {
        var inbound = Inbound()
        inbound.accept(1, fanOut: 0)
        let isStoredAlone = inbound.store(1, in: 1, isKept: false)
        #expect(!isStoredAlone)
        let isStoredWithSession = inbound.store(1, in: 2, isKept: true)
        #expect(isStoredWithSession)
        #expect(inbound.storedIdentifiers == [1])
        expectRelease(&inbound, 1, (true, true))
        let isStoredLate = inbound.store(1, in: 3, isKept: true)
        #expect(!isStoredLate)
        #expect(inbound.storedCount == 0)
        inbound.restore([5, 6])
        expectRelease(&inbound, 5, (true, true))
        inbound.forgetReceived()
        expectRelease(&inbound, 6, (false, false))
    }

    @Test func `aliases live as long as the connection`() throws {
        var inbound = Inbound()
        inbound.beginConnection(IncomingTopicAliases(maximum: 3))
        let named = try publish(.atMostOnce, topic: "x/y", alias: 2)
        #expect(inbound.topic(of: named.header, body: named.body.span.bytes).topic == "x/y")
        let known = try publish(.atMostOnce, topic: "", alias: 2)
        let unknown = PublishDecision.disconnect(.topicAliasInvalid, .protocolError, .protocolError)
        #expect(inbound.topic(of: known.header, body: known.body.span.bytes).decision == unknown)
        let isSet = inbound.setAlias(2, to: "x/y")
        #expect(isSet)
        #expect(inbound.topic(of: known.header, body: known.body.span.bytes).topic == "x/y")
        let high = try publish(.atMostOnce, topic: "x", alias: 4)
        let invalid = PublishDecision.disconnect(.topicAliasInvalid, .topicAliasInvalid, .protocolError)
        #expect(inbound.topic(of: high.header, body: high.body.span.bytes).decision == invalid)
        inbound.endConnection()
        #expect(inbound.topic(of: known.header, body: known.body.span.bytes).decision == invalid)
    }

    @Test func `an alias cannot be the way around the ban of dollar topics`() throws {
        var inbound = Inbound()
        inbound.beginConnection(IncomingTopicAliases(maximum: 3))
        let isDollarSet = inbound.setAlias(1, to: "$SYS/x")
        #expect(isDollarSet)
        let known = try publish(.atMostOnce, topic: "", alias: 1)
        #expect(
            inbound.topic(of: known.header, body: known.body.span.bytes).decision
                == .refuse(.dollarTopic, .notAuthorized))
    }

    @Test func `aliases that take too many bytes are refused`() {
        var inbound = Inbound()
        inbound.beginConnection(IncomingTopicAliases(maximum: 3, byteLimit: 10))
        let isTooLongSet = inbound.setAlias(1, to: "a topic that is too long for ten bytes")
        #expect(!isTooLongSet)
        let isNoneSet = inbound.setAlias(0, to: "none is set")
        #expect(isNoneSet)
    }

    @Test func `the rate is counted by the second`() {
        var inbound = Inbound()
        let start: UInt64 = 5_000_000_000
        func count(_ milliseconds: UInt64) -> UInt64? {
            inbound.countPublish(
                limit: 3, now: MonotonicTime(nanoseconds: start + milliseconds * 1_000_000))
        }
        #expect(count(0) == nil)
        #expect(count(100) == nil)
        #expect(count(400) == 600)  // the third: not read for the rest of the second
        #expect(count(999) == nil)  // what was read already does not pause it again
        #expect(count(1000) == nil)
        #expect(count(1001) == nil)
        #expect(count(1999) == 1)
        #expect(inbound.countPublish(limit: 0, now: MonotonicTime(nanoseconds: 0)) == nil)
    }

    @Test func `retained messages wait for the answer to their SUBSCRIBE`() {
        var inbound = Inbound()
        let first = inbound.grantSubscribe()
        let second = inbound.grantSubscribe()
        #expect(!inbound.isAnswered(first))
        inbound.answerSubscribe(first)
        #expect(inbound.isAnswered(first) && !inbound.isAnswered(second))
        inbound.endConnection()
        #expect(inbound.isAnswered(second))
    }
}
