/// Why a packet was refused: which rule it broke, where, and in what kind of packet.
public struct MalformedPacket: Error, Equatable, Sendable, BitwiseCopyable {
    /// One case for each rule. The statement numbers are those of MQTT 5.
    public enum Problem: UInt8, Equatable, Sendable, CaseIterable, BitwiseCopyable {
        // ── framing ──
        /// The packet ends inside a field.
        case truncated
        /// Bytes are left after the last field.
        case trailingBytes
        /// Type 0, or AUTH in a session that is not MQTT 5.
        case reservedPacketType
        /// The lower half of the first byte is not what its type asks for [MQTT-2.1.3-1].
        case reservedFlags
        /// The remaining length has a fifth byte.
        case remainingLengthOverflow
        /// A variable byte integer is longer than needed [MQTT-1.5.5-1], or has a fifth byte.
        case overlongVariableByteInteger
        /// The remaining length is over the limit in force.
        case packetTooLarge
        /// A packet identifier is 0 [MQTT-2.2.1-3].
        case packetIdentifierZero

        // ── text ──
        /// Not UTF-8: a stray or missing continuation byte, a surrogate, an overlong form or a number over
        /// U+10FFFF [MQTT-1.5.4-1].
        case invalidUTF8
        /// U+0000 in a text [MQTT-1.5.4-2].
        case nullCharacter
        /// A topic name of no bytes [MQTT-4.7.3-1].
        case topicEmpty
        /// `+` or `#` in a topic name [MQTT-3.3.2-2].
        case topicWildcard
        /// A topic filter of no bytes [MQTT-4.7.3-1].
        case filterEmpty
        /// `+` or `#` in a topic filter does not stand alone in its level, or `#` is not last [MQTT-4.7.1-1].
        case filterInvalid
        /// `$share` without group or filter, or with a wildcard in the group [MQTT-4.8.2-1].
        case sharedFilterInvalid

        // ── CONNECT and CONNACK ──
        /// Neither `MQTT` nor `MQIsdp` [MQTT-3.1.2-1].
        case unknownProtocolName
        /// The protocol name is known, its level is not [MQTT-3.1.2-2].
        case unsupportedProtocolLevel
        /// Bit 0 of the connect flags [MQTT-3.1.2-3].
        case reservedConnectFlag
        /// Will QoS or Will Retain without the will flag [MQTT-3.1.2-11].
        case willFlagsInconsistent
        /// A password without a user name before MQTT 5 [3.1.1 MQTT-3.1.2-22].
        case passwordWithoutUserName
        /// A bit other than session present in the acknowledge flags [MQTT-3.2.2-1].
        case reservedConnackFlags

        // ── PUBLISH ──
        /// Both QoS bits set, in PUBLISH or in a will [MQTT-3.3.1-4].
        case qos3
        /// A Topic Alias of 0 [MQTT-3.3.2-8].
        case topicAliasZero
        /// A client sent a Subscription Identifier in PUBLISH [MQTT-3.3.4-6].
        case subscriptionIdentifierFromClient

        // ── SUBSCRIBE and its kin ──
        /// No filter in SUBSCRIBE or UNSUBSCRIBE [MQTT-3.8.3-2], no code in their acknowledgement.
        case emptyPayload
        /// QoS 3 in the subscription options.
        case subscriptionQoS3
        /// Bits 6 and 7 of the options, or before MQTT 5 bits 2 to 7 [MQTT-3.8.3-5].
        case reservedSubscriptionOptions
        /// Retain Handling 3.
        case retainHandling3
        /// No Local on a shared subscription [MQTT-3.8.3-4].
        case noLocalOnSharedSubscription

        // ── properties and reason codes ──
        /// A property identifier that MQTT 5 does not know.
        case unknownProperty
        /// A property that does not belong in this packet.
        case misplacedProperty
        /// A property that may stand once stands twice.
        case duplicateProperty
        /// A value outside the range of its property: a boolean over 1, for one.
        case propertyValueInvalid
        /// Receive Maximum 0.
        case receiveMaximumZero
        /// Maximum Packet Size 0.
        case maximumPacketSizeZero
        /// Subscription Identifier 0.
        case subscriptionIdentifierZero
        /// `+` or `#` in a Response Topic [MQTT-3.3.2-14].
        case responseTopicWildcard
        /// Authentication Data without Authentication Method.
        case authenticationDataWithoutMethod
        /// A reason code that its packet does not have.
        case reasonCodeInvalid
    }

    /// The rule that was broken.
    public let problem: Problem
    /// In bytes. From the packet's first byte when `FixedHeader` or `ControlPacket` threw this, from the
    /// body's first byte when the decoder of one kind of packet did.
    public let offset: Int
    /// nil when the type itself is what is wrong.
    public let packetType: PacketType?

    /// A packet that broke a rule at `offset`.
    public init(_ problem: Problem, at offset: Int, in packetType: PacketType?) {
        self.problem = problem
        self.offset = offset
        self.packetType = packetType
    }

    /// The same error, `count` bytes further on.
    public func moved(by count: Int) -> MalformedPacket {
        MalformedPacket(problem, at: offset &+ count, in: packetType)
    }

    /// What a DISCONNECT (or CONNACK) of MQTT 5 says about it (§4.13).
    public var reasonCode: ReasonCode {
        switch problem {
        case .packetTooLarge: .packetTooLarge
        case .topicWildcard: .topicNameInvalid
        case .filterInvalid: .topicFilterInvalid
        case .topicAliasZero: .topicAliasInvalid
        case .unknownProtocolName, .unsupportedProtocolLevel: .unsupportedProtocolVersion
        case .topicEmpty, .packetIdentifierZero, .emptyPayload, .subscriptionQoS3, .retainHandling3,
            .noLocalOnSharedSubscription, .duplicateProperty, .propertyValueInvalid, .receiveMaximumZero,
            .maximumPacketSizeZero, .subscriptionIdentifierZero, .subscriptionIdentifierFromClient,
            .responseTopicWildcard, .authenticationDataWithoutMethod:
            .protocolError
        case .truncated, .trailingBytes, .reservedPacketType, .reservedFlags, .remainingLengthOverflow,
            .overlongVariableByteInteger, .invalidUTF8, .nullCharacter, .filterEmpty, .sharedFilterInvalid,
            .reservedConnectFlag, .willFlagsInconsistent, .passwordWithoutUserName, .reservedConnackFlags,
            .qos3,
            .reservedSubscriptionOptions, .unknownProperty, .misplacedProperty, .reasonCodeInvalid:
            .malformedPacket
        }
    }
}

extension MalformedPacket: CustomStringConvertible {
    /// For a log line: `malformed PUBLISH: topicWildcard at byte 4`.
    public var description: String {
        let name = packetType.map { "\($0)".uppercased() } ?? "packet"
        return "malformed \(name): \(problem) at byte \(offset)"
    }
}
