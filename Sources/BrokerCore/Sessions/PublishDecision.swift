import BrokerMetrics
import MQTTCodec

/// Whether a client may publish what it has sent, and how it is answered. Pure functions of the packet, of what is known
/// of the client, and of the broker's limits; `Session+Publish.swift` carries the decision out.
///
///     decoded ── admission ── topic ── auth_on_publish ── storage ──→ routed
///                   │           │        │ denial           │
///                   └───────────┴────────┴──────────────────┴──────→ not routed: one of the cases below but `accept`
enum PublishDecision: Equatable {
    /// It goes on to the next check, and after the last one it is routed.
    case accept
    /// A QoS 2 message that came before and was not released yet: it is answered again and not routed again.
    case answerAgain
    /// The client is answered with this code, where its version and the QoS have an answer. The connection goes on.
    case refuse(RejectReason, ReasonCode)
    /// The client is not answered, so it keeps the message and sends it again later.
    case ignore(RejectReason)
    /// The client is answered as if the message had been routed.
    case acknowledge(RejectReason)
    /// The connection ends.
    case disconnect(RejectReason, ReasonCode, CloseReason)

    /// What is known of the packet and its client.
    struct Facts {
        var version = ProtocolVersion.v5
        var qos = QoS.atMostOnce
        var isRetained = false
        /// Levels of the topic; 0 where the packet has an alias alone.
        var topicLevelCount = 1
        /// The packet says that the payload is UTF-8.
        var claimsUTF8 = false
        /// A QoS 2 message with this identifier came before and was not released.
        var isRepeated = false
        /// QoS 2 messages of this client that were not released.
        var unreleasedCount = 0
    }

    /// What can be decided without the topic's name.
    ///
    /// - Parameter isUTF8: whether the payload is. Read only when it matters, because it goes through the payload.
    @inline(__always)
    static func admission(
        _ facts: Facts, _ limits: PublishLimits, isUTF8: @autoclosure () -> Bool
    ) -> PublishDecision {
        if limits.topicMaxDepth > 0, facts.topicLevelCount > limits.topicMaxDepth {
            // Well-formed, but more than this broker takes (§3.14.2.1).
            return .disconnect(.topicInvalid, .topicNameInvalid, .protocolError)
        }
        if facts.qos.rawValue > limits.maxQoS.rawValue {
            return .disconnect(.qosNotSupported, .qosNotSupported, .protocolError)  // [MQTT-3.2.2-11]
        }
        if facts.isRetained, !limits.retainAvailable {
            return .disconnect(.retainNotSupported, .retainNotSupported, .protocolError)  // [MQTT-3.2.2-14]
        }
        if facts.claimsUTF8, limits.checksPayloadFormat, !isUTF8() {
            // QoS 0 has no acknowledgement that could say so (§3.3.2.3.2).
            return facts.qos == .atMostOnce
                ? .disconnect(.payloadFormatInvalid, .payloadFormatInvalid, .protocolError)
                : .refuse(.payloadFormatInvalid, .payloadFormatInvalid)
        }
        guard facts.qos == .exactlyOnce else { return .accept }
        if facts.isRepeated { return .answerAgain }
        // Only unreleased QoS 2 fills our Receive Maximum: QoS 1 waits for no more than its commit.
        if facts.version == .v5, facts.unreleasedCount >= Int(limits.receiveMaxBroker) {
            return .disconnect(.receiveMaximumExceeded, .receiveMaximumExceeded, .protocolError)
        }
        return .accept
    }

    /// Topics that begin with `$` are the broker's own: a client's message there is acknowledged and goes nowhere.
    ///
    /// - Parameter firstByte: of the topic name.
    @inline(__always)
    static func topic(firstByte: UInt8?) -> PublishDecision {
        firstByte == UInt8(ascii: "$") ? .refuse(.dollarTopic, .notAuthorized) : .accept
    }

    /// The packet has a topic alias over the broker's Topic Alias Maximum [MQTT-3.3.2-9].
    static var aliasOverMaximum: PublishDecision {
        .disconnect(.topicAliasInvalid, .topicAliasInvalid, .protocolError)
    }
    /// The packet has a topic alias and no topic, and the alias was never set.
    static var aliasUnknown: PublishDecision {
        .disconnect(.topicAliasInvalid, .protocolError, .protocolError)
    }
    /// The topics of this client's aliases would take more bytes than they may.
    static var aliasesFull: PublishDecision {
        .disconnect(.quotaExceeded, .quotaExceeded, .administrative)
    }

    /// A hook refuses the message.
    ///
    /// - Parameter code: what a client of MQTT 5 is told.
    static func denial(_ version: ProtocolVersion, _ code: ReasonCode, _ limits: PublishLimits)
        -> PublishDecision
    {
        switch version {
        case .v5: .refuse(.notAuthorized, code)
        // VerneMQ: a 3.1 client cannot be told, so it is acknowledged as if the message had been routed.
        case .v31 where !limits.disconnectsOnUnauthorizedV3: .acknowledge(.notAuthorized)
        case .v31, .v311: .disconnect(.notAuthorized, .notAuthorized, .administrative)
        }
    }

    /// The message would have to be stored.
    ///
    /// - Parameter isFailing: whether the store takes no writes now.
    @inline(__always)
    static func storage(_ version: ProtocolVersion, isFailing: Bool) -> PublishDecision {
        guard isFailing else { return .accept }
        // MQTT 3 has no code for it: without an acknowledgement the client keeps the message.
        return version == .v5
            ? .refuse(.storageUnavailable, .quotaExceeded) : .ignore(.storageUnavailable)
    }

    /// Whether an acknowledgement tells the client why. VerneMQ counts an error only where none does.
    static func isTold(_ version: ProtocolVersion, _ qos: QoS) -> Bool {
        version == .v5 && qos != .atMostOnce
    }
}
