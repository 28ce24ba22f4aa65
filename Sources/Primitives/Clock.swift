import Glibc

/// A point in time that never jumps, in nanoseconds since some start. Only differences mean anything.
package struct MonotonicTime: Hashable, Comparable, Sendable {
    package var nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    package static let distantFuture = MonotonicTime(nanoseconds: .max)

    @inlinable
    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The time `seconds` later; `distantFuture` when that cannot be expressed.
    package func adding(seconds: UInt64) -> MonotonicTime {
        adding(nanoseconds: seconds.multipliedReportingOverflow(by: 1_000_000_000))
    }

    package func adding(milliseconds: UInt64) -> MonotonicTime {
        adding(nanoseconds: milliseconds.multipliedReportingOverflow(by: 1_000_000))
    }

    private func adding(nanoseconds added: (partialValue: UInt64, overflow: Bool)) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(added.partialValue)
        return overflow || added.overflow ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }

    /// Nanoseconds from `earlier` to here; 0 when `earlier` is later.
    @inlinable
    package func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// Whole seconds from `earlier` to here, rounded up; 0 when `earlier` is later.
    package func secondsRoundedUp(since earlier: MonotonicTime) -> UInt64 {
        let span = nanoseconds(since: earlier)
        return span / 1_000_000_000 + (span % 1_000_000_000 == 0 ? 0 : 1)
    }
}

/// Where time comes from. The broker reads it once for each loop turn; tests pass a clock they move by hand.
package protocol Clock: Sendable {
    var now: MonotonicTime { get }
    /// Milliseconds since 1970-01-01 UTC.
    var wallMilliseconds: UInt64 { get }
}

/// The machine's own clocks.
package struct SystemClock: Clock {
    package init() {}

    package var now: MonotonicTime { MonotonicTime(nanoseconds: Self.read(CLOCK_MONOTONIC)) }

    package var wallMilliseconds: UInt64 { Self.read(CLOCK_REALTIME) / 1_000_000 }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
