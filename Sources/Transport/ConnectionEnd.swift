package import Primitives

/// Why a connection ended. The first cause counts.
///
/// Public, as is `Connection`: only an `open` class can be subclassed in another module.
public enum ConnectionEnd: Sendable, Equatable {
    /// The peer ended its side in good order (FIN).
    case peerClosed
    /// The peer broke the connection (RST), or wrote to us is possible no more.
    case reset
    /// The kernel reported this error number.
    case ioError(Int32)
    /// The peer took no byte of what waited for too long.
    case sendTimeout
    /// A layer below the connection, such as TLS, ended it: see `Connection.streamProblem`.
    case stream
    /// Our side asked for it.
    case requested
    /// The socket lives on elsewhere, as a `DetachedSocket`.
    case detached
    /// The loop stopped.
    case loopStopped
}

extension PauseReason {
    /// The connection has had its share of this turn, and goes on in the next.
    package static let turn = PauseReason(rawValue: 1)
}
