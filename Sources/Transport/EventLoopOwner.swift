package import Primitives

/// What lives on a loop beside its connections: the broker's part of that loop. Called only on the loop's
/// thread.
///
///     wait → turnBegan → events → turnEnded → flush → turnFlushed → sleepLimitNanoseconds → wait …
package protocol EventLoopOwner: AnyObject {
    /// Once, before the first turn: the place to add acceptors and to set `loop.events`.
    func loopStarted(_ loop: EventLoop)
    /// After the wait, before the events: drain mailboxes, fire timers.
    func turnBegan(_ loop: EventLoop, now: MonotonicTime)
    /// After the events, before the flush: post letters.
    func turnEnded(_ loop: EventLoop, now: MonotonicTime)
    /// After the flush: answer snapshot requests.
    ///
    /// - Parameter end: read after the last write.
    func turnFlushed(_ loop: EventLoop, end: MonotonicTime)
    /// How long the loop may sleep: nil = until an event; 0 = not at all, work is left over. The loop
    /// rounds up to milliseconds.
    ///
    /// - Parameter now: read at the end of the turn.
    func sleepLimitNanoseconds(_ loop: EventLoop, now: MonotonicTime) -> UInt64?
    /// Once, after the last connection was closed.
    func loopStopped(_ loop: EventLoop)
}
