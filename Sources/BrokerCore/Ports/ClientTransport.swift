package import BrokerMetrics
package import Primitives

/// What the core needs from a client's connection. Implemented by `Listeners.ClientConnection`.
///
/// Everything is called on the connection's loop. Packets are written straight into `output`, which the transport
/// flushes at the end of the turn; only the rare calls below go through this port.
package protocol ClientTransport: AnyObject {
    var output: OutputBuffer { get }
    var clientPeer: ClientPeer { get }
    var listenerFacts: ListenerFacts { get }
    /// When the connection was accepted.
    var openedAt: MonotonicTime { get }
    /// Stops taking packets and closes, once what `output` holds has been sent.
    func close(_ reason: CloseReason)
    /// Stops reading; the bytes stay in the socket. Reasons nest: reading goes on when none is left.
    func pauseReading(_ reason: ReadingPause)
    func resumeReading(_ reason: ReadingPause)
    /// Reads what waits in the socket now, before the client is taken for silent. Packets come to the session meanwhile.
    ///
    /// - Returns: false when the connection has ended.
    func readWaiting() -> Bool
    /// We do not read the client for a reason of our own: what it sends stays in its socket meanwhile.
    var isHeldBack: Bool { get }
    /// CONNECT was accepted: packets go to `session` from now on.
    func connected(to session: Session)
    /// Hands the connection over to the loop `loop`, which goes on with `attempt`.
    func move(to loop: Int, with attempt: ConnectAttempt)
}

extension ClientTransport {
    /// Where nothing is kept outside of the broker, nothing waits.
    package func readWaiting() -> Bool { true }
}

/// Why a client's connection is not read.
package struct ReadingPause: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// A hook has not answered yet.
    package static let hook = ReadingPause(rawValue: 1)
    /// The client publishes faster than it may.
    package static let rate = ReadingPause(rawValue: 2)
    /// A loop has more work waiting than it should.
    package static let overload = ReadingPause(rawValue: 4)
    /// The client does not take the answers to its own packets.
    package static let backpressure = ReadingPause(rawValue: 8)
    /// Its last packet is worked off over several turns.
    package static let work = ReadingPause(rawValue: 16)
    /// Many answers to the client wait for the store to write what they promise.
    package static let answers = ReadingPause(rawValue: 32)
    /// Its last message has more subscribers than a turn has time for.
    package static let fanOut = ReadingPause(rawValue: 64)
}
