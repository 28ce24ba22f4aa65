/// What the transport counts, each where it happens.
package enum TransportEvent: Int, CaseIterable, Sendable {
    /// Payload bytes read from and written to sockets.
    case bytesReceived, bytesSent
    /// Those of them that came after our end of the connection.
    case bytesIgnored
    /// Connections accepted.
    case accepted
    /// Times an acceptor stopped because a limit on connections was reached; clients wait in the backlog.
    case acceptPaused
    /// Connections accepted to be told that a limit is reached.
    case refusedOverLimit
    /// Connections closed because their address connects too often.
    case refusedByRate
    /// Times a connection could not be accepted for want of descriptors or kernel memory.
    case descriptorExhausted
    /// Connections whose peer ended its side.
    case halfClosed
    /// Connections that the peer broke.
    case reset
    /// Failed reads and writes, resets excluded.
    case readError, writeError
    /// Connections closed because the peer took nothing for too long.
    case sendTimeout
    /// Times a connection ceased to be read for a `PauseReason`.
    case readPaused
    /// Times a connection had more to read than its share of a turn.
    case fairnessYield
    /// Times the kernel refused bytes, so that a connection waits until its peer reads.
    case writeBlocked
    /// Bytes that waited for their peer and were thrown away when the connection ended.
    case bytesDiscarded
    /// Turns of the loop.
    case turn
    /// The length of a turn in nanoseconds, from the end of the wait to the end of the flush; once a turn.
    case busyNanoseconds
    /// Turns begun because another thread called `wake()`.
    case wakeup
}

/// Where a loop's counts go. Called on the loop's thread, for each system call rather than for each packet.
package protocol TransportEvents: AnyObject {
    func count(_ event: TransportEvent, _ n: Int)
}

/// Forgets every count: for a loop whose owner has no counters.
package final class NoTransportEvents: TransportEvents {
    /// Counts nothing.
    package init() {}
    /// Does nothing.
    package func count(_ event: TransportEvent, _ n: Int) {}
}
