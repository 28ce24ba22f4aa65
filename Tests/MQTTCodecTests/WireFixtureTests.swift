import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct WireFixtureTests {
    @Test(arguments: wireFixtures)
    func `bytes decode to their packet or their error`(_ fixture: WireFixture) {
        switch fixture.expected {
        case .packet(let expected):
            #expect(throws: Never.self) {
                let packet = try decodePacket(fixture.bytes, version: fixture.version, from: fixture.sender)
                #expect(packet == expected)
            }
        case .malformed(let problem):
            let error = #expect(throws: MalformedPacket.self) {
                _ = try decodePacket(
                    fixture.bytes, version: fixture.version, from: fixture.sender,
                    maximumRemainingLength: fixture.maximumRemainingLength)
            }
            #expect(error?.problem == problem)
        }
    }

    @Test(arguments: wireFixtures)
    func `a packet encodes to its bytes, or at least to bytes that mean the same`(_ fixture: WireFixture)
        throws
    {
        guard case .packet(let packet) = fixture.expected else { return }
        let bytes = encodePacket(packet, version: fixture.version)
        #expect((bytes == fixture.bytes) == fixture.isCanonical)
        #expect(try decodePacket(bytes, version: fixture.version) == packet)
    }

    @Test(arguments: wireFixtures)
    func `a packet cut anywhere is incomplete or malformed`(_ fixture: WireFixture) {
        let whole = fixture.bytes.span.bytes
        var unfinished = 0
        for count in 0..<fixture.bytes.count {
            guard
                let header = try? FixedHeader.decode(
                    whole.extracting(..<count), maximumRemainingLength: fixture.maximumRemainingLength)
            else { continue }
            #expect(header.packetByteCount > count || fixture.name == "long remaining length over the limit")
            unfinished += 1
            // The same cut, but with a header that calls it complete: it may mean something, it must not
            // trap.
            let body = whole.extracting(header.headerByteCount..<count)
            let shorter = FixedHeader(
                type: header.type, flags: header.flags, headerByteCount: header.headerByteCount,
                remainingLength: body.byteCount)
            _ = try? ControlPacket.decode(shorter, body: body, version: fixture.version)
            #expect(throws: MalformedPacket.self) {
                _ = try ControlPacket.decode(header, body: body, version: fixture.version)
            }
        }
        if case .packet = fixture.expected { #expect(unfinished >= fixture.bytes.count - 4) }
    }

    @Test func `the table has a row for each rule`() {
        var missing = Set(MalformedPacket.Problem.allCases)
        for fixture in wireFixtures {
            if case .malformed(let problem) = fixture.expected { missing.remove(problem) }
        }
        #expect(missing.isEmpty)
    }

    @Test func `the table has each packet in each version that has it`() {
        for type in PacketType.allCases {
            for version in ProtocolVersion.allCases where type != .auth || version == .v5 {
                let isThere = wireFixtures.contains { fixture in
                    guard case .packet(let packet) = fixture.expected else { return false }
                    return packet.type == type && fixture.version == version
                }
                #expect(isThere, "\(type) \(version)")
            }
        }
    }

    @Test(arguments: wireFixtures)
    func `the header of a PUBLISH agrees with the packet`(_ fixture: WireFixture) throws {
        guard fixture.bytes[0] >> 4 == PacketType.publish.rawValue,
            let header = try? FixedHeader.decode(
                fixture.bytes.span.bytes, maximumRemainingLength: fixture.maximumRemainingLength)
        else { return }
        let body = fixture.bytes.span.bytes.extracting(header.headerByteCount...)
        switch fixture.expected {
        case .packet(.publish(let packet)):
            let publish = try PublishHeader.decode(
                flags: header.flags, body: body, version: fixture.version, from: fixture.sender)
            #expect(disagreement(publish, packet, body) == nil)
        case .packet:
            Issue.record("not a PUBLISH")
        case .malformed(let problem):
            let error = #expect(throws: MalformedPacket.self) {
                _ = try PublishHeader.decode(
                    flags: header.flags, body: body, version: fixture.version, from: fixture.sender)
            }
            #expect(error?.problem == problem)
        }
    }
}

/// What differs between a PUBLISH decoded in place and one that owns its bytes; nil when nothing does.
func disagreement(_ header: PublishHeader, _ packet: PublishPacket, _ body: RawSpan) -> String? {
    if header.qos != packet.qos { return "qos" }
    if header.isDuplicate != packet.isDuplicate { return "isDuplicate" }
    if header.isRetained != packet.isRetained { return "isRetained" }
    if header.packetIdentifier != packet.packetIdentifier?.rawValue ?? 0 { return "packetIdentifier" }
    if header.topic.bytes(in: body).copiedBytes() != packet.topic.bytes { return "topic" }
    let slashes = packet.topic.bytes.reduce(0) { $0 + ($1 == UInt8(ascii: "/") ? 1 : 0) }
    if header.topicLevelCount != (packet.topic.isEmpty ? 0 : slashes + 1) { return "topicLevelCount" }
    if header.payload.bytes(in: body).copiedBytes() != packet.payload { return "payload" }
    let properties = packet.properties
    if header.topicAlias != properties.topicAlias ?? 0 { return "topicAlias" }
    if header.messageExpiryInterval != properties.messageExpiryInterval { return "messageExpiryInterval" }
    if header.payloadFormatIsUTF8 != (properties.payloadFormatIndicator == 1) { return "payloadFormatIsUTF8" }
    if header.properties.isEmpty {
        guard properties.isEmpty, header.propertiesAreForwardable else { return "empty properties" }
        return header.forwardedProperties(in: body).isEmpty ? nil : "forwarded nothing"
    }
    var forwarded = properties
    forwarded.topicAlias = nil
    forwarded.messageExpiryInterval = nil
    forwarded.subscriptionIdentifiers = []
    if header.propertiesAreForwardable != (forwarded == properties) { return "propertiesAreForwardable" }
    let bytes = header.forwardedProperties(in: body)
    guard let decoded = try? Properties.decodePublish(bytes.span.bytes) else { return "forwardedProperties" }
    return decoded == forwarded ? nil : "forwardedProperties"
}
