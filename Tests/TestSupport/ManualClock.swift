package import Primitives
import Synchronization

/// Clocks that a test moves by hand.
package final class ManualClock: Clock {
    private struct Times {
        var now: MonotonicTime
        var wall: Int64
    }

    private let times: Mutex<Times>

    /// - Parameter wall: milliseconds since 1970.
    package init(
        now: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000_000), wall: Int64 = 1_700_000_000_000
    ) {
        times = Mutex(Times(now: now, wall: wall))
    }

    package var now: MonotonicTime { times.withLock { $0.now } }
    package var wallMilliseconds: Int64 { times.withLock { $0.wall } }

    /// Time passes, on both.
    package func pass(milliseconds: Int64) {
        times.withLock {
            $0.now = $0.now.adding(milliseconds: UInt64(milliseconds))
            $0.wall += milliseconds
        }
    }

    /// Somebody sets the wall clock.
    package func set(wall: Int64) { times.withLock { $0.wall = wall } }

    /// The machine starts anew: its monotonic clock begins at 0.
    package func reboot() { times.withLock { $0.now = MonotonicTime(nanoseconds: 0) } }
}
