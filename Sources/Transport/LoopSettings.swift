/// The sizes and times of a loop.
package struct LoopSettings: Sendable {
    /// The buffer all connections of the loop are read into.
    package var readBufferByteCount = 256 * 1024
    /// After this much in one turn a connection that has still more goes behind the others. As large as the
    /// buffer: a second read in the same turn saves nothing but the wait's share, and makes everybody else
    /// wait longer.
    package var readBudgetByteCount = 256 * 1024
    /// After this long a turn handles no more events, and connections should yield; the rest comes first in the
    /// next turn. What is left to do then is to write. 2 ms.
    package var turnBudgetNanoseconds: UInt64 = 2_000_000
    /// Connections that one acceptor takes in a turn.
    package var acceptBudget = 64
    /// Events fetched by one wait.
    package var eventCapacity = 512
    /// How long a peer may take nothing of what waits for it. 30 s.
    package var sendTimeoutNanoseconds: UInt64 = 30_000_000_000
    /// How long a socket waits for its peer's end after ours. 2 s.
    package var lingerNanoseconds: UInt64 = 2_000_000_000
    /// How often these two are looked at, while there is anything to look at. 0.5 s.
    package var deadlineCheckNanoseconds: UInt64 = 500_000_000
    /// How long an acceptor rests when descriptors have run out.
    package var acceptRetryMilliseconds: UInt64 = 100

    /// The values above.
    package init() {}
}
