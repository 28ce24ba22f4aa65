/// Why a connection ended. The first cause counts.
///
/// Public, as is `Connection`: only an `open` class can be subclassed in another module.
public enum CloseCause: Sendable, Equatable {
    /// The peer ended its side in good order (FIN).
    case peerClosed
    /// The peer broke the connection (RST), or wrote to us is possible no more.
    case reset
    /// The kernel reported this error number.
    case ioError(Int32)
    /// The peer took no byte of what waited for too long.
    case sendTimeout
    /// Our side asked for it.
    case requested
    /// The socket lives on elsewhere, as a `DetachedSocket`.
    case detached
    /// The loop stopped.
    case loopStopped
}

/// Why a connection is not read at present. Reading goes on when no reason is left.
package struct PauseReason: OptionSet, Sendable {
    /// One bit for each reason.
    package let rawValue: UInt8

    /// The reasons with these bits.
    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A hook has still to answer.
    package static let hook = PauseReason(rawValue: 1)
    /// The client sends faster than its limit.
    package static let rate = PauseReason(rawValue: 2)
    /// What its packets cause is taken too slowly.
    package static let backpressure = PauseReason(rawValue: 4)
    /// The loop or the broker is overloaded.
    package static let overload = PauseReason(rawValue: 8)
    /// It has had its share of this turn, and goes on in the next.
    package static let turn = PauseReason(rawValue: 16)
    /// What its last packet asked for is worked off over several turns.
    package static let work = PauseReason(rawValue: 32)
    /// Many answers to it cannot be given yet.
    package static let answers = PauseReason(rawValue: 64)
    /// Its last message is given to its subscribers over several turns.
    package static let fanOut = PauseReason(rawValue: 128)
}
