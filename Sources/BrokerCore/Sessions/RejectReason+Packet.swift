package import BrokerMetrics
package import MQTTCodec

/// How a PUBLISH that is refused is counted in the ledger. The rule is the same wherever and however early it is
/// refused: it is counted once as received, and once as rejected for one reason.
extension LoopCounters {
    /// A PUBLISH is refused before it is decoded, or because it cannot be decoded.
    package func countRefusedPublish(_ reason: RejectReason) {
        add(.ledgerReceived)
        add(reason)
    }
}

extension RejectReason {
    /// The reason of a PUBLISH that broke a rule of its form.
    package init(_ error: MalformedPacket) {
        switch error.reasonCode {
        case .packetTooLarge: self = .packetTooLarge
        case .topicNameInvalid: self = .topicInvalid
        case .topicAliasInvalid: self = .topicAliasInvalid
        case .protocolError: self = .protocolError
        default: self = .malformed
        }
    }
}
