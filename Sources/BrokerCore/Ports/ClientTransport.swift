package import BrokerMetrics
package import Primitives

/// What the core needs from a client's connection. Implemented by `Listeners.ClientConnection`.
///
/// Everything is called on the connection's loop. Packets are written straight into `output`, which the transport
/// flushes at the end of the turn; only the rare calls below go through this port.
package protocol ClientTransport: AnyObject {
    /// Bytes for the client. What is appended here is sent at the end of the turn.
    var output: OutputBuffer { get }
    /// Where the client connects from.
    var clientPeer: ClientPeer { get }
    /// What its certificate, its key or a proxy tells of it.
    var clientIdentity: ClientIdentity { get }
    /// What the listener says about its clients.
    var listenerFacts: ListenerFacts { get }
    /// Stops taking packets and closes, once what `output` holds has been sent.
    func close(_ reason: CloseReason)
    /// Stops reading for `reason`; what the client sends stays in its socket. Several reasons may hold at the same
    /// time.
    func pauseReading(_ reason: PauseReason)
    /// Takes one reason away; reading goes on when none is left.
    func resumeReading(_ reason: PauseReason)
    /// Reads what is in the socket now. It is called before the client is closed for its silence; packets that are
    /// found go to the session before this returns.
    ///
    /// - Returns: false when the connection has ended.
    func readWaiting() -> Bool
    /// Whether the broker does not read the client for a reason of its own. Then a silent client may have sent
    /// something that is still in its socket.
    var isHeldBack: Bool { get }
    /// CONNECT was accepted: packets go to `session` from now on.
    func connected(to session: Session)
    /// Hands the connection over to the loop `loop`, which goes on with `attempt`.
    func move(to loop: Int, with attempt: ConnectAttempt)
}

extension ClientTransport {
    /// For a transport that has no socket: there is nothing to read.
    package func readWaiting() -> Bool { true }
    /// For a transport that knows nothing of its peer.
    package var clientIdentity: ClientIdentity { ClientIdentity() }
}

extension PauseReason {
    /// A hook has not answered yet.
    package static let hook = PauseReason(rawValue: 2)
    /// The client publishes faster than it may.
    package static let rate = PauseReason(rawValue: 4)
    /// A loop has more work waiting than it should.
    package static let overload = PauseReason(rawValue: 8)
    /// The client does not take the answers to its own packets.
    package static let backpressure = PauseReason(rawValue: 16)
    /// Its last packet needs several turns.
    package static let work = PauseReason(rawValue: 32)
    /// Many answers to the client wait for the store to write what they promise.
    package static let answers = PauseReason(rawValue: 64)
    /// Its last message has more subscribers than a turn has time for.
    package static let fanOut = PauseReason(rawValue: 128)
}

/// What is known of a client's connection beside its address; what plugins are told with `forward_connection_opts`.
package struct ClientIdentity: Sendable, Equatable {
    /// The address that the client came to; empty = it is not known.
    package var listenerAddress = ""
    /// Its port; 0 for a Unix socket.
    package var listenerPort: UInt16 = 0
    /// VerneMQ's word for what the listener speaks: `mqtt`, `mqtts`, `mqttws`, `mqttwss`.
    package var listenerType = "mqtt"
    /// Such as `TLSv1.3`; nil = the connection is not encrypted here.
    package var tlsVersion: String?
    /// The client's certificate as DER, which was verified; empty = it has shown none.
    package var certificate: [UInt8] = []

    /// Nothing is known.
    package init() {}
}
