import Primitives

/// What one loop knows of the store beside its open batch (`StoreOutbox`).
struct StorageState {
    var reads = StoreReads()
    /// Clients that wait because the store is behind.
    var queue: StoreQueue
    /// Sessions that are kept, by their number in the store.
    var kept: [UInt64: SessionHandle] = [:]
    /// What was found at the start and has still to take its course.
    var restoring = RestoredWork()
    /// Bytes of the messages in this loop's queues.
    var queuedByteCount = 0
    /// When the first loop looks for stored messages that have expired.
    var dueLookAt: MonotonicTime

    init(queue: StoreQueue, dueLookAt: MonotonicTime) {
        self.queue = queue
        self.dueLookAt = dueLookAt
    }
}
