import Synchronization

/// What became of the layers of a listener's connections. Usable from any thread; a lock for each handshake and end.
package final class StreamStatistics: Sendable {
    /// The numbers at one moment.
    package struct Reading: Sendable {
        /// Handshakes of TLS that came to their end, by version and whether they went on with keys of an earlier one.
        package var handshakes: [Handshake: Int] = [:]
        /// The same by OpenSSL's name of the cipher, which are as many as the library has.
        package var ciphers: [String: Int] = [:]
        /// Connections that ended in a layer, by the label of the problem.
        package var failures: [String: Int] = [:]
        /// Connections whose first byte came through a PROXY header, and through a request of WebSocket.
        package var proxied = 0, upgraded = 0
        /// Frames of WebSocket that clients sent to see whether somebody is there.
        package var pings = 0

        /// Nothing has come.
        package init() {}
    }

    /// A kind of handshake.
    package struct Handshake: Hashable, Sendable {
        /// As OpenSSL writes it: `TLSv1.3`.
        package let version: String
        /// It went on with keys of an earlier connection.
        package let wasResumed: Bool
    }

    private let state = Mutex(Reading())

    /// Nothing has come.
    package init() {}

    /// The numbers now.
    package var reading: Reading { state.withLock { $0 } }

    /// A connection is as far as its first byte.
    func established(_ facts: StreamFacts) {
        state.withLock { state in
            if facts.proxy != nil { state.proxied += 1 }
            if facts.webSocket != nil { state.upgraded += 1 }
            guard let tls = facts.tls else { return }
            state.handshakes[Handshake(version: tls.version, wasResumed: tls.wasResumed), default: 0] += 1
            state.ciphers[tls.cipher, default: 0] += 1
        }
    }

    func failed(_ problem: StreamProblem) {
        state.withLock { $0.failures[problem.label, default: 0] += 1 }
    }

    func pinged(_ count: Int) { state.withLock { $0.pings += count } }
}
