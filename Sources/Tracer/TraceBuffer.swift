import Primitives
import Synchronization

/// The way from event loops to the thread that reads a trace.
///
/// Loops never wait for a slow reader: what does not fit in is dropped and counted, and the reader is told with its next
/// batch. Either side can close it: the trace, when it ends, and then the reader gets what is left; or the reader, when it
/// goes, and then the loops learn it with their next event and nothing is kept.
package final class TraceBuffer: Sendable {
    /// What became of an event.
    package enum Outcome: Equatable, Sendable {
        /// The reader will get it.
        case taken
        /// It did not fit in; that is counted.
        case dropped
        /// Somebody closed the buffer: the trace is over.
        case closed
    }

    private let queue = BlockingQueue<[UInt8]>()
    /// Bytes that wait, with what an array takes itself.
    private let waiting = Atomic<Int>(0)
    private let dropped = Atomic<UInt64>(0)
    private let droppedEver = Atomic<UInt64>(0)
    private let isClosed = Atomic<Bool>(false)
    private let isAbandoned = Atomic<Bool>(false)
    private let capacity: Int

    /// What an event takes beside its bytes.
    private static let overhead = 64

    /// - Parameter byteCount: how much may wait.
    package init(byteCount: Int = 1 << 20) { capacity = byteCount }

    /// Adds an event. Any thread may call it; it waits for nobody who is slow.
    package func tryAppend(_ event: [UInt8]) -> Outcome {
        let cost = event.count + Self.overhead
        // Other threads may see the sum while it is too large for a moment, and then drop what would just have fitted.
        guard waiting.add(cost, ordering: .relaxed).newValue <= capacity else {
            waiting.subtract(cost, ordering: .relaxed)
            guard !isClosed.load(ordering: .relaxed) else { return .closed }
            dropped.add(1, ordering: .relaxed)
            droppedEver.add(1, ordering: .relaxed)
            return .dropped
        }
        guard queue.put(event) else {
            waiting.subtract(cost, ordering: .relaxed)
            return .closed
        }
        return .taken
    }

    /// Waits until there is something, at most `milliseconds`; nil = for ever. For one reader.
    ///
    /// - Parameter batch: is replaced; empty when nothing came in time.
    /// - Returns: false when the buffer is closed and empty.
    package func take(into batch: inout TraceBatch, milliseconds: Int? = nil) -> Bool {
        batch.events.removeAll(keepingCapacity: true)
        let isOpen = queue.take(into: &batch.events, milliseconds: milliseconds)
        for event in batch.events { waiting.subtract(event.count + Self.overhead, ordering: .relaxed) }
        batch.droppedCount = dropped.exchange(0, ordering: .relaxed)
        return isOpen || !batch.isEmpty
    }

    /// The trace has ended: nothing more is taken, and the reader gets what is left.
    package func close() {
        isClosed.store(true, ordering: .relaxed)
        queue.close()
    }

    /// The reader has gone: nothing more is taken, and nothing is kept.
    package func abandon() {
        isAbandoned.store(true, ordering: .relaxed)
        close()
        var rest = TraceBatch()
        _ = take(into: &rest, milliseconds: 0)
    }

    /// Whether the reader has gone.
    package var isReaderGone: Bool { isAbandoned.load(ordering: .relaxed) }

    /// Events that were dropped since the start.
    package var droppedCount: UInt64 { droppedEver.load(ordering: .relaxed) }

    /// Bytes that wait, with what is needed to keep them.
    package var byteCount: Int { waiting.load(ordering: .relaxed) }
}
