package import BrokerCore
import Primitives
import Synchronization
package import Transport

/// What reaches a loop from other threads: what its shard is to do, and what its connections and listeners are.
package enum LoopLetter: Sendable {
    /// A letter for the loop's shard.
    case core(CoreLetter)
    /// A connection whose client lives here, with its CONNECT.
    case adopt(DetachedSocket, ConnectAttempt, ListenerFacts)
    /// Accept connections from one of the listener's sockets.
    case listen(BoundListener, ListenerState, ListenerFacts)
    /// Stop accepting from the listener; with `closing`, its connections end as well.
    case closeListener(ListenerState, closing: Bool)
    /// Stop accepting and publish the wills of all clients.
    case publishWills
    /// Stop accepting, say goodbye to every client and close.
    case drain
}

/// Wakes a loop that does not exist yet when its mailbox is made.
final class LoopWaker: Sendable {
    private let handle = Mutex<EventLoopHandle?>(nil)

    func connect(to handle: EventLoopHandle) { self.handle.withLock { $0 = handle } }

    func wake() { handle.withLock { $0 }?.wake() }
}
