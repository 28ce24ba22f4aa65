package import BrokerMetrics
package import MQTTCodec

/// How a PUBLISH enters the ledger that will never be a message. One rule, whoever refuses it and however early: it was
/// received, and it was rejected for one reason.
extension LoopCounters {
    /// A PUBLISH has come that is refused before it is decoded, or because it cannot be.
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
