package import StreamProtocols
import Synchronization

/// What stands between the sockets of a listener and the bytes of its connections, from the socket up: PROXY header, TLS,
/// WebSocket. All loops share one.
package final class StreamPolicy: Sendable {
    /// How a proxy tells of its clients.
    package struct Proxy: Sendable {
        /// Who may: others are sent away.
        package var trusted = NetworkList.any
        /// Takes what the proxy tells, from anybody.
        package init() {}
    }

    /// How WebSocket is spoken.
    package struct WebSocket: Sendable {
        /// What is taken as the request.
        package var request = WebSocketUpgradeSettings()
        /// The largest frame in bytes; a larger one ends the connection with 1009.
        package var maximumFrameByteCount: UInt64 = 268_435_456
        /// Who may tell the client's address in X-Forwarded-For; nil = the header means nothing.
        package var forwarders: NetworkList?
        /// The usual limits, and no proxy.
        package init() {}
    }

    /// nil: there is no PROXY header.
    package let proxy: Proxy?
    /// nil: there are no frames.
    package let webSocket: WebSocket?
    /// How long PROXY header, handshake and request may take together, in nanoseconds; `.max` = for ever.
    package let timeoutNanoseconds: UInt64
    private let context: Mutex<TLSContext?>

    /// Neither: the bytes are those of the socket.
    package let isPlain: Bool

    /// - Parameter tls: nil: nothing is encrypted.
    package init(
        proxy: Proxy? = nil, tls: TLSContext? = nil, webSocket: WebSocket? = nil,
        timeoutNanoseconds: UInt64 = 5_000_000_000
    ) {
        self.proxy = proxy
        self.webSocket = webSocket
        self.timeoutNanoseconds = timeoutNanoseconds
        isPlain = proxy == nil && webSocket == nil && tls == nil
        context = Mutex(tls)
    }

    /// What new connections use. Setting it leaves those that are there as they are.
    package var tls: TLSContext? {
        get { context.withLock { $0 } }
        set { context.withLock { $0 = newValue } }
    }
}
