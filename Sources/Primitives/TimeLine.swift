/// The time that survives the process: deadlines in the store are instants of it, in milliseconds. It only runs forward.
///
///     wall clock   ──12:00──12:05  set back →  11:00──11:10    broker down   11:40──
///     time line    ──12:00──12:05──────────────12:05──12:15  ─ ─ ─ ─ ─ ─ ─ ─ 12:45──
///                  └ begun at 12:00                       └ checkpoint (12:15, 11:10)
///
/// While the process runs the line goes with the monotonic clock, whatever becomes of the wall clock. The wall clock tells
/// one thing: how long the broker was down, as the difference to the last `Checkpoint`. So a clock that is corrected
/// while the broker runs changes no deadline, one that is set back while it is down prolongs none, and only one that is
/// set forward while it is down looks like time that has passed, which nobody can tell apart.
public struct TimeLine: Sendable, Equatable {
    /// What makes an instant of milliseconds of `MonotonicTime`; wraps round.
    private let offset: UInt64

    /// An instant and what the wall clock said then. Kept in the store.
    public struct Checkpoint: Sendable, Equatable {
        /// The instant, in milliseconds of the time line.
        public var instant: UInt64
        /// Milliseconds since 1970; may be anything.
        public var wall: Int64
        /// The broker ended at that instant, in peace; else it lived on for a while.
        public var isEnd: Bool

        /// An instant with what the wall clock said then.
        public init(instant: UInt64, wall: Int64, isEnd: Bool) {
            self.instant = instant
            self.wall = wall
            self.isEnd = isEnd
        }
    }

    /// The first and the last instant: 0 and `UInt64.max` are no instants but "none" and "never" in the store. Far enough
    /// from the end that the largest intervals can be added.
    public static let instants: ClosedRange<UInt64> = 1...UInt64.max >> 1

    /// - Parameter offset: from milliseconds of `MonotonicTime`.
    public init(offset: UInt64) { self.offset = offset }

    /// The line on which it is `instant` at `now`.
    public init(at instant: UInt64, now: MonotonicTime) {
        let instant = min(max(instant, Self.instants.lowerBound), Self.instants.upperBound)
        self.init(offset: instant &- now.nanoseconds / 1_000_000)
    }

    /// The line at the start of a broker.
    ///
    /// - Parameters:
    ///   - last: what the broker before has left; nil: it begins, at what the wall clock says.
    ///   - gap: how many milliseconds there may be between two checkpoints while things are written. A clock that shows
    ///     an earlier time than the checkpoint tells nothing but that this much may have passed.
    public init(resuming last: Checkpoint?, gap: UInt64, wall: Int64, now: MonotonicTime) {
        guard let last else {
            self.init(at: UInt64(clamping: wall), now: now)
            return
        }
        let elapsed = wall < last.wall ? (last.isEnd ? 0 : gap) : Self.span(from: last.wall, to: wall)
        let (instant, overflow) = last.instant.addingReportingOverflow(elapsed)
        self.init(at: overflow ? .max : instant, now: now)
    }

    /// The instant of a moment; `UInt64.max` for `distantFuture`. The same number whenever it is asked for.
    public func instant(_ time: MonotonicTime) -> UInt64 {
        guard time != .distantFuture else { return .max }
        let instant = time.nanoseconds / 1_000_000 &+ offset
        // Before the beginning of the line: of a moment before the process, which nobody tells from "none".
        return Self.instants.contains(instant) ? instant : Self.instants.lowerBound
    }

    /// The moment of an instant. One before the machine started is the beginning of time.
    public func time(_ instant: UInt64) -> MonotonicTime {
        guard instant <= Self.instants.upperBound else { return .distantFuture }
        let milliseconds = Int64(bitPattern: instant &- offset)
        guard milliseconds > 0 else { return MonotonicTime(nanoseconds: 0) }
        return MonotonicTime(nanoseconds: 0).adding(milliseconds: UInt64(milliseconds))
    }

    /// What is to be kept in the store at `now`, so that the next start can resume the line.
    ///
    /// - Parameters:
    ///   - wall: milliseconds since 1970, by the wall clock at the same moment.
    ///   - isEnd: the broker ends at this instant and writes nothing after it.
    public func checkpoint(at now: MonotonicTime, wall: Int64, isEnd: Bool = false) -> Checkpoint {
        Checkpoint(instant: instant(now), wall: wall, isEnd: isEnd)
    }

    /// Milliseconds from one reading of the wall clock to a later one.
    public static func span(from earlier: Int64, to later: Int64) -> UInt64 {
        UInt64(bitPattern: later) &- UInt64(bitPattern: earlier)
    }
}
