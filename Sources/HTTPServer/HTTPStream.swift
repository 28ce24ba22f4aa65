import Glibc
import Synchronization

/// The body of an answer that is sent while it is made: a bounded pipe from whoever makes the bytes to the connection.
///
///     producer ── write, tryWrite ──► ring of `capacity` bytes ──► library, which suspends the connection while it is empty
///
/// A producer that was given to the initialiser runs on a thread of its own and may block in `write`. Without one, any thread
/// may write, event loops with `tryWrite`. A stream ends once, in one way (`End`), and is counted then.
///
/// No other lock of ours is taken under its lock, the library's is: it is told under it that the connection goes on.
package final class HTTPStream: @unchecked Sendable {
    /// How a stream came to its end.
    package enum End: String, CaseIterable, Sendable {
        /// Whole: everything has left.
        case finished = "finished"
        /// The reader went, or ended its side.
        case reader = "reader"
        /// The reader took nothing for too long, or too little.
        case deadline = "deadline"
        /// By the server: it stopped, or needed the connection's place.
        case server = "server"
        /// The producer failed, or no answer was made of it.
        case failed = "failed"

        var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// Makes the bytes, on a thread of its own; the stream is finished when it returns. What it throws is logged, and the
    /// reader sees an answer that breaks off.
    package typealias Producer = @Sendable (HTTPStream) throws -> Void

    /// Bytes that may wait for the reader.
    package let capacity: Int
    /// How long the reader may take nothing while there is something to take. Where the stream has an end, it must take
    /// `capacity` bytes in this time as long as so much is there: eight readers that take a byte now and then would have all
    /// places of such answers for ever.
    package let timeout: Duration
    /// It goes on until its reader goes, so it has a place apart from those of answers with an end.
    let isLasting: Bool
    let producer: Producer?

    // Everything below but `ending` is touched under `lock` only, hence @unchecked.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// A ring of `capacity` bytes once there was something to keep.
    private var ring: [UInt8] = []
    private var head = 0
    private var count = 0
    private var isFinished = false
    private var hasFailed = false
    private var resume: (@Sendable () -> Void)?
    private var cancelled: (@Sendable () -> Void)?
    private var counters: HTTPCounters?
    private var readCount = 0
    private var takenByteCount = 0
    private var mostKept = 0
    /// Less than 0 before the stream begins, 0 while it goes on, then the case of `End` and 1. Apart from the lock, so that
    /// the connection table can claim it under its own. What `begin` sets is read after it is 0.
    private let ending = Atomic<Int>(-1)

    /// A stream that has not begun: it begins when the server sends the answer that has it.
    ///
    /// - Parameters:
    ///   - capacity: bytes that may wait for the reader, at least 1.
    ///   - timeout: how long the reader may take nothing while there is something to take.
    ///   - isLasting: it goes on until its reader goes.
    ///   - producer: nil when others write.
    package init(
        capacity: Int = 256 << 10, timeout: Duration = .seconds(30), isLasting: Bool = false,
        producer: Producer? = nil
    ) {
        self.isLasting = isLasting
        self.capacity = max(1, capacity)
        self.timeout = timeout
        self.producer = producer
        pthread_mutex_init(lock, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return try body()
    }

    private var isOver: Bool { ending.load(ordering: .acquiring) > 0 }

    // MARK: For who writes

    /// Whether nobody will read any more, for whatever reason: what is written is lost.
    package var isCancelled: Bool {
        let value = ending.load(ordering: .acquiring)
        return value > 0 && value != End.finished.index + 1
    }

    /// Sets what is to be called, once, when the reader goes, is too slow, or the server ends the stream before it is whole:
    /// at once when that has happened already. Called on a thread of the server, which it must not block.
    package func onCancel(_ body: @escaping @Sendable () -> Void) {
        let isLate = locked {
            let isLate = isCancelled
            if !isLate { cancelled = body }
            return isLate
        }
        if isLate { body() }
    }

    /// Waits until all of `bytes` have place, then returns. Not for event loops, and not for the page's handler before it has
    /// returned its answer: nobody reads yet.
    ///
    /// - Returns: false when the stream is over: its reader has gone or was too slow, or `finish()` was called.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        locked {
            var rest = bytes[...]
            while true {
                guard !isFinished, !isOver else { return false }
                let piece = rest.prefix(capacity - count)
                keep(piece)
                rest = rest.dropFirst(piece.count)
                if rest.isEmpty { return true }
                pthread_cond_wait(changed, lock)
            }
        }
    }

    /// Takes all of `bytes` or none, without waiting; for event loops.
    ///
    /// - Returns: false when there is no room for all of them now, or the stream is over.
    package func tryWrite(_ bytes: [UInt8]) -> Bool {
        locked {
            guard !isFinished, !isOver, bytes.count <= capacity - count else {
                return false
            }
            keep(bytes[...])
            return true
        }
    }

    /// Nothing more comes. What waits is still sent. A second call does nothing.
    package func finish() {
        locked {
            isFinished = true
            wakeReader()
        }
    }

    /// Nothing more comes, and the answer is not whole: the reader gets what waits and then sees the connection break off.
    package func fail() {
        locked {
            if !isFinished { hasFailed = true }
            isFinished = true
            wakeReader()
        }
    }

    // MARK: For the connection

    enum Reading: Equatable { case bytes(Int), waiting, finished, failed }

    /// The answer is about to be sent.
    ///
    /// - Returns: false when the stream has begun before, or is over.
    func begin(_ counters: HTTPCounters) -> Bool {
        locked {
            guard ending.load(ordering: .acquiring) < 0 else { return false }
            self.counters = counters
            counters.begunStreams.add(1, ordering: .relaxed)
            // Cancelled at this moment: it has begun and not ended, which nobody may count.
            guard ending.exchange(-1, 0) else {
                counters.begunStreams.subtract(1, ordering: .relaxed)
                return false
            }
            return true
        }
    }

    /// Moves what waits into `buffer`.
    ///
    /// - Parameter suspend: called when nothing waits: stops the reading, and says how it goes on. That is called once.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, suspend: () -> @Sendable () -> Void
    ) -> Reading {
        locked {
            guard !isOver else { return .failed }
            readCount += 1
            guard count > 0 else {
                if isFinished { return hasFailed ? .failed : .finished }
                resume = suspend()
                return .waiting
            }
            let taken = min(count, buffer.count)
            ring.withUnsafeBytes { ring in
                let first = min(taken, capacity - head)
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: ring[head..<(head + first)]))
                UnsafeMutableRawBufferPointer(rebasing: buffer[first...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: ring[..<(taken - first)]))
            }
            head = (head + taken) % capacity
            count -= taken
            takenByteCount += taken
            pthread_cond_broadcast(changed)
            return .bytes(taken)
        }
    }

    /// How often the reader has taken something; nil while it waits for more, and so cannot be late.
    var progress: Int? { locked { resume == nil ? readCount : nil } }

    /// Bytes that the reader has taken, when it could take more; nil while nothing waits for it.
    var pace: Int? { locked { count > 0 ? takenByteCount : nil } }

    /// The most bytes that have waited at one time, and the memory that they had.
    var peak: (kept: Int, memory: Int) { locked { (mostKept, ring.count) } }

    /// Decides how the stream ends, and counts it if it had begun; whoever comes first decides. `release()` must follow.
    /// Takes no lock but that of the counters.
    func claim(_ end: End) {
        if ending.exchange(0, end.index + 1) {
            counters?.count(end)
        } else if !ending.exchange(-1, end.index + 1), ending.exchange(0, end.index + 1) {
            // It began in between.
            counters?.count(end)
        }
    }

    /// Lets go who waits, after `claim`. Any thread, any number of times.
    func release() {
        let action = locked {
            pthread_cond_broadcast(changed)
            wakeReader()
            defer { cancelled = nil }
            return isCancelled ? cancelled : nil
        }
        action?()
    }

    /// Ends the stream if it goes on.
    func cancel(_ end: End) {
        claim(end)
        release()
    }

    /// The connection is done with the answer.
    ///
    /// - Parameter isWhole: everything has left.
    func complete(isWhole: Bool) {
        let hasFailed = locked { self.hasFailed }
        cancel(hasFailed ? .failed : isWhole ? .finished : .reader)
    }

    // MARK: Under the lock

    private func keep(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        if ring.isEmpty { ring = [UInt8](repeating: 0, count: capacity) }
        let tail = (head + count) % capacity
        let first = min(bytes.count, capacity - tail)
        ring.withUnsafeMutableBytes { ring in
            bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: ring[tail...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
                ring.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first...]))
            }
        }
        count += bytes.count
        mostKept = max(mostKept, count)
        wakeReader()
    }

    private func wakeReader() {
        resume?()
        resume = nil
    }
}

extension Atomic<Int> {
    /// - Returns: whether it had the value `expected`, and has `desired` now.
    fileprivate func exchange(_ expected: Int, _ desired: Int) -> Bool {
        compareExchange(expected: expected, desired: desired, ordering: .acquiringAndReleasing).exchanged
    }
}
