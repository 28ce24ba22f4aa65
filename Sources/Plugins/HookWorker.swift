package import BrokerCore
package import Primitives
import Synchronization

/// Threads on which a plugin does what takes time: hashing, a request, a script. Each plugin that needs one has its own, so
/// that one which is slow holds up no other.
///
///     loops ── submit ──→ [ jobs of a thread ]  ──→ run  ──→ HookTicket.answer ──→ loops
///                │                               └→ expired: it waited for longer than its deadline
///                └→ refused: as many or as much as may wait, or the breaker is open
///
/// Jobs of one client go to one thread, in their order. Everything is bounded: how many wait, the bytes that they hold,
/// how long they may wait. The breaker opens after several failures in a row: then nothing is tried for a while, and after
/// that one job says whether it closes again.
package final class HookWorker: Sendable {
    /// How much it takes on.
    package struct Limits: Sendable {
        /// Threads.
        package var threads = 1
        /// Jobs that may wait.
        package var jobs = 10_000
        /// Bytes that the jobs which wait may hold.
        package var bytes = 16 << 20
        /// Milliseconds that a job may wait.
        package var patience: UInt64 = 4_000
        /// Failures in a row that open the breaker; 0 = it never opens.
        package var failures = 0
        /// Milliseconds for which it stays open.
        package var pause: UInt64 = 10_000

        package init() {}
    }

    /// Why a job was not taken.
    package enum Refusal: Sendable {
        /// As many jobs wait as may, or they hold as many bytes.
        case full
        /// The breaker is open.
        case broken
        /// The plugin has been stopped.
        case stopped
    }

    /// What it has done so far, and what waits.
    package struct Reading: Sendable, Equatable {
        package var done: UInt64 = 0
        package var failed: UInt64 = 0
        package var expired: UInt64 = 0
        package var refused: UInt64 = 0
        package var waitingJobs = 0
        package var waitingBytes = 0
        package var isBroken = false
    }

    private struct Job {
        let byteCount: Int
        let deadline: MonotonicTime
        /// - Returns: whether it went well, for the breaker.
        let run: @Sendable () -> Bool
        let expire: @Sendable () -> Void
    }

    private struct State {
        var reading = Reading()
        var failuresInRow = 0
        /// When the breaker lets a job through again; nil = it is closed.
        var brokenUntil: MonotonicTime?
        /// One job is on its way to say whether the breaker closes.
        var isProbing = false
        var isStopped = false
    }

    private let limits: Limits
    private let clock: any Clock
    private let queues: [BlockingQueue<Job>]
    private let state = Mutex(State())
    private let threads: [WorkerThread]

    /// Starts the threads.
    ///
    /// - Parameter name: of the threads, up to 12 bytes.
    package init(name: String, _ limits: Limits, clock: any Clock = SystemClock()) throws(PluginError) {
        self.limits = limits
        self.clock = clock
        let queues = (0..<max(1, limits.threads)).map { _ in BlockingQueue<Job>() }
        self.queues = queues
        var threads: [WorkerThread] = []
        let work = HookWork()
        do throws(ThreadError) {
            for (index, queue) in queues.enumerated() {
                threads.append(
                    try WorkerThread(name: "\(name)-\(index)") {
                        var jobs: ContiguousArray<Job> = []
                        while queue.take(into: &jobs) {
                            for job in jobs { work.owner?.perform(job) }
                            jobs.removeAll(keepingCapacity: true)
                        }
                    })
            }
        } catch {
            for queue in queues { queue.close() }
            for thread in threads { thread.join() }
            throw PluginError("no thread for \(name) (errno \(error.errorNumber))")
        }
        self.threads = threads
        work.connect(to: self)
    }

    /// Gives a job to the thread of its client. Any thread; never waits.
    ///
    /// - Parameters:
    ///   - client: jobs of one client keep their order.
    ///   - byteCount: that the job holds.
    ///   - expired: called instead of `run` when the job has waited for too long.
    ///   - run: returns whether it went well.
    /// - Returns: nil when it was taken: then exactly one of the two is called.
    package func submit(
        client: SubscriberID, byteCount: Int, expired: @escaping @Sendable () -> Void,
        run: @escaping @Sendable () -> Bool
    ) -> Refusal? {
        let now = clock.now
        let refusal = state.withLock { state -> Refusal? in
            if state.isStopped { return .stopped }
            if let until = state.brokenUntil {
                guard now >= until, !state.isProbing else {
                    state.reading.refused += 1
                    return .broken
                }
            }
            // One job is always taken, however large it is.
            let isEmpty = state.reading.waitingJobs == 0
            guard
                state.reading.waitingJobs < limits.jobs,
                isEmpty || state.reading.waitingBytes + byteCount <= limits.bytes
            else {
                state.reading.refused += 1
                return .full
            }
            if state.brokenUntil != nil { state.isProbing = true }
            state.reading.waitingJobs += 1
            state.reading.waitingBytes += byteCount
            return nil
        }
        if let refusal { return refusal }
        let job = Job(
            byteCount: byteCount, deadline: now.adding(milliseconds: limits.patience), run: run,
            expire: expired)
        let index = Int(UInt(bitPattern: client.hashValue) % UInt(queues.count))
        if queues[index].put(job) { return nil }
        state.withLock { state in
            state.reading.waitingJobs -= 1
            state.reading.waitingBytes -= byteCount
        }
        return .stopped
    }

    private func perform(_ job: Job) {
        let isLate = clock.now > job.deadline
        let isGood: Bool? = isLate ? nil : job.run()
        if isLate { job.expire() }
        let now = clock.now
        state.withLock { state in
            state.reading.waitingJobs -= 1
            state.reading.waitingBytes -= job.byteCount
            switch isGood {
            case true?:
                state.reading.done += 1
                state.failuresInRow = 0
                state.brokenUntil = nil
            case false?:
                state.reading.failed += 1
                state.failuresInRow += 1
                if limits.failures > 0, state.failuresInRow >= limits.failures {
                    state.brokenUntil = now.adding(milliseconds: limits.pause)
                }
            case nil: state.reading.expired += 1
            }
            state.isProbing = false
            state.reading.isBroken = state.brokenUntil != nil
        }
    }

    /// The numbers now.
    package var reading: Reading { state.withLock { $0.reading } }

    /// Does what waits, then ends the threads. Nothing more is taken.
    package func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
        guard isFirst else { return }
        for queue in queues { queue.close() }
        for thread in threads { thread.join() }
    }
}

/// Leads from the threads to their owner, which does not exist yet when they start.
private final class HookWork: Sendable {
    private struct Weak {
        weak var owner: HookWorker?
    }

    private let reference = Mutex(Weak())
    func connect(to owner: HookWorker) { reference.withLock { $0.owner = owner } }
    var owner: HookWorker? { reference.withLock { $0.owner } }
}
