import CSystem
import Glibc
import Synchronization

/// What other threads may do to a loop: wake it and stop it. Lives as long as anyone holds it.
///
///     running → running, wake-up wanted   [wake]
///     running → sleeping                  [the loop, when nothing is wanted]
///     sleeping → running, wake-up wanted  [wake, which then signals the eventfd]
///     any → running                       [the loop, after the wait]
///
/// So a busy loop costs its callers one atomic exchange and no system call.
package final class EventLoopHandle: Sendable {
    /// The loop's number, from 0.
    package let index: Int
    let epoll: FileDescriptor
    private let eventfd: FileDescriptor
    private let state = Atomic<UInt8>(Handle.running)
    private let stopRequested = Atomic<Bool>(false)
    private let stopped = Atomic<Bool>(false)
    private let mayAcceptAgain = Atomic<Bool>(false)

    private enum Handle {
        static let running: UInt8 = 0
        static let wanted: UInt8 = 1
        static let sleeping: UInt8 = 2
    }

    /// - Throws: when the process has no descriptors left.
    package init(index: Int) throws(TransportError) {
        self.index = index
        let advice = "raise the limit on open files (ulimit -n)"
        let epoll = csystem_epoll_create()
        guard epoll >= 0 else {
            throw TransportError("create an epoll set", errorNumber: -epoll, advice: advice)
        }
        self.epoll = FileDescriptor(owning: epoll)
        let eventfd = csystem_eventfd_create()
        guard eventfd >= 0 else {
            throw TransportError("create an eventfd", errorNumber: -eventfd, advice: advice)
        }
        self.eventfd = FileDescriptor(owning: eventfd)
        // Edge-triggered, so that the count never has to be read back.
        let added = csystem_epoll_add(
            epoll, eventfd, CSYSTEM_READABLE | CSYSTEM_EDGE, Poller.Token.wakeup.rawValue)
        guard added == 0 else {
            throw TransportError("watch an eventfd", errorNumber: -added, advice: advice)
        }
    }

    /// Makes the loop take a turn soon. Any thread; never blocks.
    package func wake() {
        if state.exchange(Handle.wanted, ordering: .sequentiallyConsistent) == Handle.sleeping {
            csystem_eventfd_signal(eventfd.rawValue)
        }
    }

    /// Makes the loop close its connections and end. Any thread.
    package func stop() {
        stopRequested.store(true, ordering: .releasing)
        wake()
    }

    /// Whether `stop` was called. Usable from any thread.
    package var isStopRequested: Bool { stopRequested.load(ordering: .acquiring) }

    /// True after the owner's `loopStopped` returned.
    package var isStopped: Bool { stopped.load(ordering: .acquiring) }

    func markStopped() { stopped.store(true, ordering: .releasing) }

    /// Says that a listener that was full has room, or may have.
    func wakeAcceptors() {
        mayAcceptAgain.store(true, ordering: .releasing)
        wake()
    }

    func takeAcceptorsWakeup() -> Bool {
        guard mayAcceptAgain.load(ordering: .relaxed) else { return false }
        return mayAcceptAgain.exchange(false, ordering: .acquiringAndReleasing)
    }

    /// The loop, before it waits. - Returns: false when a wake-up is wanted and it must not sleep.
    func beginSleep() -> Bool {
        state.compareExchange(
            expected: Handle.running, desired: Handle.sleeping, ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// The loop, after it waited. - Returns: true when a wake-up was wanted.
    func endSleep() -> Bool {
        state.exchange(Handle.running, ordering: .sequentiallyConsistent) == Handle.wanted
    }
}
