import Glibc

/// Where threads that may wait get their work: many put, one takes all there is.
@safe public final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    // Everything below is touched under `lock` only, hence @unchecked.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements: ContiguousArray<Element> = []
    private var isClosed = false

    /// An empty queue that is open.
    public init() {
        unsafe pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(changed, &attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(lock)
        unsafe changed.deallocate()
        unsafe lock.deallocate()
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return body()
    }

    /// - Returns: false when the queue is closed and the element was not taken.
    @discardableResult
    public func put(_ element: Element) -> Bool {
        locked {
            guard !isClosed else { return false }
            elements.append(element)
            if elements.count == 1 { unsafe pthread_cond_signal(changed) }
            return true
        }
    }

    /// Nothing more is taken; who waits gets what is left.
    public func close() {
        locked {
            isClosed = true
            unsafe pthread_cond_broadcast(changed)
        }
    }

    /// Waits until there is something, at most `milliseconds`; nil = for ever.
    ///
    /// - Parameter batch: must be empty; gets all there is, in order.
    /// - Returns: false when the queue is closed and empty.
    public func take(into batch: inout ContiguousArray<Element>, milliseconds: Int? = nil) -> Bool {
        var deadline = timespec()
        if let milliseconds {
            unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
            deadline.tv_sec += milliseconds / 1000
            deadline.tv_nsec += milliseconds % 1000 * 1_000_000
            if deadline.tv_nsec >= 1_000_000_000 {
                deadline.tv_sec += 1
                deadline.tv_nsec -= 1_000_000_000
            }
        }
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        while elements.isEmpty, !isClosed {
            guard milliseconds != nil else {
                unsafe pthread_cond_wait(changed, lock)
                continue
            }
            if unsafe pthread_cond_timedwait(changed, lock, &deadline) == ETIMEDOUT { break }
        }
        swap(&batch, &elements)
        return !(batch.isEmpty && isClosed)
    }

    /// Waits until there is something, and takes the first: for several threads that share the work.
    ///
    /// - Returns: nil when the queue is closed and empty.
    public func takeOne() -> Element? {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        while elements.isEmpty {
            if isClosed { return nil }
            unsafe pthread_cond_wait(changed, lock)
        }
        // `put` wakes one thread for the first element only: who takes it passes the word on.
        if elements.count > 1 { unsafe pthread_cond_signal(changed) }
        return elements.removeFirst()
    }

    /// How many wait.
    public var count: Int { locked { elements.count } }
}
