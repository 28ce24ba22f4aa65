import Glibc

/// A point in time that never jumps, in nanoseconds since some start. Only differences mean anything.
public struct MonotonicTime: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: UInt64

    /// The time that lies `nanoseconds` after the clock's start.
    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The latest time that can be expressed. As a deadline it means "never".
    public static let distantFuture = MonotonicTime(nanoseconds: .max)

    @inlinable
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The time `seconds` later; `distantFuture` when that cannot be expressed.
    public func adding(seconds: UInt64) -> MonotonicTime {
        adding(nanoseconds: seconds.multipliedReportingOverflow(by: 1_000_000_000))
    }

    /// The time `nanoseconds` later; `distantFuture` when that cannot be expressed.
    public func adding(nanoseconds: UInt64) -> MonotonicTime {
        adding(nanoseconds: (nanoseconds, false))
    }

    /// The time `milliseconds` later; `distantFuture` when that cannot be expressed.
    public func adding(milliseconds: UInt64) -> MonotonicTime {
        adding(nanoseconds: milliseconds.multipliedReportingOverflow(by: 1_000_000))
    }

    private func adding(nanoseconds added: (partialValue: UInt64, overflow: Bool)) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(added.partialValue)
        return overflow || added.overflow ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }

    /// Nanoseconds from `earlier` to here; 0 when `earlier` is later.
    @inlinable
    public func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// Whole seconds from `earlier` to here, rounded up; 0 when `earlier` is later.
    public func secondsRoundedUp(since earlier: MonotonicTime) -> UInt64 {
        let span = nanoseconds(since: earlier)
        return span / 1_000_000_000 + (span % 1_000_000_000 == 0 ? 0 : 1)
    }
}

/// Where time comes from. The broker reads it once for each loop turn; tests pass a clock they move by hand.
public protocol Clock: Sendable {
    /// The time at this moment. It never goes back.
    var now: MonotonicTime { get }
    /// Milliseconds since 1970-01-01 UTC; negative before. May jump in either direction at any moment.
    var wallMilliseconds: Int64 { get }
}

/// The machine's own clocks.
public struct SystemClock: Clock {
    /// The clock has no state, so all its values tell the same time.
    public init() {}

    /// CLOCK_BOOTTIME: as CLOCK_MONOTONIC, nobody can set it; but it goes on while the machine sleeps, so that a session
    /// of an hour is over after a night in a closed laptop.
    public var now: MonotonicTime {
        let time = Self.read(CLOCK_BOOTTIME)
        let (seconds, overflow) = UInt64(clamping: time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return .distantFuture }
        return MonotonicTime(nanoseconds: seconds &+ UInt64(clamping: time.tv_nsec))
    }

    /// CLOCK_REALTIME, rounded down.
    public var wallMilliseconds: Int64 { Self.milliseconds(Self.read(CLOCK_REALTIME)) }

    /// Rounded down; the nearest that can be expressed for a clock that is set to nonsense.
    static func milliseconds(_ time: timespec) -> Int64 {
        let (milliseconds, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1000)
        guard !overflow else { return time.tv_sec < 0 ? .min : .max }
        let (sum, isOver) = milliseconds.addingReportingOverflow(Int64(time.tv_nsec) / 1_000_000)
        return isOver ? .max : sum
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return time
    }
}
