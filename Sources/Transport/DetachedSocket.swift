package import Primitives
import Synchronization

/// A connected socket between two loops: on its way from an acceptor, or from the loop it was detached
/// from. The one that is never adopted closes its descriptor and frees its place at the listener.
package final class DetachedSocket: Sendable {
    private let descriptor: Mutex<FileDescriptor?>
    /// Who is at the other end.
    package let peer: PeerAddress
    /// The listener that accepted it, where it holds one of `maxConnections` places; nil for outgoing
    /// sockets.
    package let listener: ListenerState?
    /// The limit that keeps its client out: it was accepted to be told so, and holds one of the few places for that.
    /// nil: it is to be served.
    package let overLimit: ConnectionLimit?
    /// What its bytes come through; nil = nothing.
    let layers: StreamLayers?
    /// Bytes that came and were not consumed; presented first by the connection that adopts it.
    package let leftover: [UInt8]
    /// Bytes the kernel has not taken yet; the connection that adopts it writes them first.
    let pendingOutput: OutputRemainder

    /// Takes over `descriptor`, and the place at `listener` that the socket holds.
    package init(
        descriptor: consuming FileDescriptor, peer: PeerAddress, listener: ListenerState?,
        overLimit: ConnectionLimit? = nil, layers: StreamLayers? = nil, leftover: [UInt8] = [],
        pendingOutput: OutputRemainder = OutputRemainder()
    ) {
        self.descriptor = Mutex(consume descriptor)
        self.peer = peer
        self.listener = listener
        self.overLimit = overLimit
        self.layers = layers
        self.leftover = leftover
        self.pendingOutput = pendingOutput
    }

    /// Hands the descriptor, and the listener's place with it, to the caller; nil when somebody has them
    /// already.
    func take() -> FileDescriptor? {
        descriptor.withLock { $0.take() }
    }

    deinit {
        if let unused = take() {
            _ = consume unused
            listener?.release(overLimit)
        }
    }
}
