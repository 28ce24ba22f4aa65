package import BrokerMetrics
package import Primitives

/// What last went wrong with a client, for whoever asks why it does not get its messages.
package struct LastError: Sendable {
    package enum Kind: Sendable {
        /// The connection ended other than by DISCONNECT.
        case disconnected(CloseReason)
        /// A PUBLISH of the client was not routed.
        case publishRefused(RejectReason)
        /// A message for the client was lost.
        case messageLost(DropReason)
        /// A filter of a SUBSCRIBE was refused.
        case subscriptionRefused
    }

    package let kind: Kind
    package let at: MonotonicTime
}
