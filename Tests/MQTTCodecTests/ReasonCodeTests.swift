import MQTTCodec
import Testing

@Suite struct ReasonCodeTests {
    @Test func `the codes are those of the standard §2.4`() {
        let standard: [UInt8] = [0, 1, 2, 4, 0x10, 0x11, 0x18, 0x19] + Array(0x80...0xA2)
        #expect(ReasonCode.allCases.map(\.rawValue) == standard)
    }

    /// The tables in §3.2.2.2, §3.4.2.1 to §3.7.2.1, §3.9.3, §3.11.3, §3.14.2.1 (with 0x8C of §2.4),
    /// §3.15.2.1.
    private static let standard: [PacketType: Set<UInt8>] = [
        .connack: [
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97,
            0x99, 0x9A,
            0x9B, 0x9C, 0x9D, 0x9F,
        ],
        .puback: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        .pubrec: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        .pubrel: [0x00, 0x92],
        .pubcomp: [0x00, 0x92],
        .suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2],
        .unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91],
        .disconnect: [
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94,
            0x95, 0x96,
            0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
        ],
        .auth: [0x00, 0x18, 0x19],
    ]

    @Test func `each packet has the codes the standard gives it`() {
        for type in PacketType.allCases {
            let allowed = Set(ReasonCode.allCases.filter { $0.isAllowed(in: type) }.map(\.rawValue))
            #expect(allowed == Self.standard[type] ?? [], "\(type)")
        }
    }

    @Test func `codes from 0x80 on are errors`() {
        #expect(ReasonCode.allCases.allSatisfy { $0.isError == ($0.rawValue >= 0x80) })
    }

    @Test func `names are VerneMQ's, and no two codes share one`() {
        #expect(Set(ReasonCode.allCases.map(\.vernemqName)).count == ReasonCode.allCases.count)
        #expect(ReasonCode.notAuthorized.vernemqName == "not_authorized")
        #expect(ReasonCode.receiveMaximumExceeded.vernemqName == "receive_max_exceeded")
        #expect(ReasonCode.success.vernemqName(in: .disconnect) == "normal_disconnect")
        #expect(ReasonCode.success.vernemqName(in: .suback) == "granted_qos0")
        #expect(ReasonCode.success.vernemqName(in: .puback) == "success")
    }

    @Test(arguments: [
        (MalformedPacket.Problem.truncated, ReasonCode.malformedPacket), (.invalidUTF8, .malformedPacket),
        (.qos3, .malformedPacket), (.unknownProperty, .malformedPacket), (.duplicateProperty, .protocolError),
        (.receiveMaximumZero, .protocolError), (.subscriptionIdentifierZero, .protocolError),
        (.subscriptionIdentifierFromClient, .protocolError), (.emptyPayload, .protocolError),
        (.noLocalOnSharedSubscription, .protocolError), (.topicWildcard, .topicNameInvalid),
        (.filterInvalid, .topicFilterInvalid), (.topicAliasZero, .topicAliasInvalid),
        (.packetTooLarge, .packetTooLarge), (.unsupportedProtocolLevel, .unsupportedProtocolVersion),
    ])
    func `a malformed packet is answered with its code`(
        _ problem: MalformedPacket.Problem, _ code: ReasonCode
    ) {
        #expect(MalformedPacket(problem, at: 0, in: .publish).reasonCode == code)
    }

    @Test func `every problem has a code that a DISCONNECT or CONNACK may carry`() {
        for problem in MalformedPacket.Problem.allCases {
            let code = MalformedPacket(problem, at: 0, in: nil).reasonCode
            #expect(code.isAllowed(in: .disconnect) || code.isAllowed(in: .connack), "\(problem)")
        }
    }
}
