/// What a plugin answered.
package enum TraceHookResult: Equatable, Sendable {
    /// Yes, and nothing is changed.
    case ok
    /// Yes, with another payload.
    case payload([UInt8])
    /// Yes, with changes. None of them is as `ok`.
    case modifiers([Modifier])
    /// Anything else: `next`, `{error,not_allowed}`.
    case other(ErlangTerm)

    /// `{error,reason}`.
    package static func error(_ reason: String) -> TraceHookResult {
        .other(.tuple([.atom("error"), .atom(reason)]))
    }

    /// One change.
    package enum Modifier: Equatable, Sendable {
        /// Milliseconds.
        case retryInterval(Int)
        /// Whether a copy's QoS may be raised to that of its subscription.
        case upgradeQoS(Bool)
        /// Messages in a second.
        case maxMessageRate(Int)
        /// Bytes.
        case maxMessageSize(Int)
        /// Messages that may wait for their acknowledgement.
        case maxInflightMessages(Int)
        /// Whether the session begins anew and ends with its connection.
        case cleanSession(Bool)
        /// Any other, as `{name,value}` mostly.
        case other(ErlangTerm)
    }
}
