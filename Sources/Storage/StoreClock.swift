import BrokerLog
import Logging
import Primitives

/// The store's side of the `TimeLine`: where it goes on at the start, and when its next checkpoint is due.
struct StoreClock {
    /// Milliseconds between checkpoints while there is something to write.
    static let gap: UInt64 = 1000
    /// With the clock set back over a crash, so many milliseconds are taken to have passed since the last checkpoint, so that
    /// nothing in the store is later than the line: a checkpoint is written with the first batch after `gap`, and a disk may
    /// take its time.
    static let assumedGap = 2 * gap
    /// Milliseconds between checkpoints while there is nothing to write. A broker that crashed did so within this time
    /// after its last checkpoint.
    static let idleGap: UInt64 = 60_000
    /// Milliseconds by which the wall clock may differ from the line's course before it counts as set.
    private static let tolerance: UInt64 = 500
    /// Milliseconds of absence that are told as a warning: 30 days.
    private static let longAbsence: UInt64 = 30 * 86_400_000

    let line: TimeLine
    /// When the broker before ended, at the latest. An instant of the line.
    let lastEnd: UInt64
    /// The last checkpoint; the first, of the start, is not written before anything else is.
    private var last: TimeLine.Checkpoint
    private var isWritten = false

    /// - Parameter found: the checkpoint that is in the store; nil: there is none.
    init(resuming found: TimeLine.Checkpoint?, clock: any Clock, log: Logger) {
        let (now, wall) = (clock.now, clock.wallMilliseconds)
        line = TimeLine(resuming: found, gap: Self.assumedGap, wall: wall, now: now)
        last = line.checkpoint(at: now, wall: wall)
        let instant = last.instant
        guard let found else {
            lastEnd = instant
            return
        }
        lastEnd = found.isEnd ? found.instant : min(instant, found.instant &+ Self.idleGap)
        let times: Logger.Metadata = [
            "last": "\(LogTime(milliseconds: found.wall))", "now": "\(LogTime(milliseconds: wall))",
        ]
        if wall < found.wall {
            log.warning(
                "the clock shows an earlier time than when the broker ran last: no time is taken to have passed",
                metadata: times)
        } else if TimeLine.span(from: found.wall, to: wall) > Self.longAbsence {
            log.warning(
                "the broker ran last over 30 days ago by the clock: what has expired since then ends now",
                metadata: times)
        }
    }

    /// The checkpoint to write, if it is time for one.
    ///
    /// - Parameters:
    ///   - isIdle: nothing else is to be written.
    ///   - isWanted: it is time for one, whenever the last was.
    mutating func checkpoint(
        _ clock: any Clock, isIdle: Bool, isWanted: Bool = false, _ log: Logger
    ) -> TimeLine.Checkpoint? {
        let next = line.checkpoint(at: clock.now, wall: clock.wallMilliseconds)
        let passed = next.instant - min(next.instant, last.instant)
        if let step = step(from: last, to: next, passed) {
            log.notice(
                "the clock was set while the broker ran: what it keeps lives on as if it had not been",
                metadata: ["by_ms": "\(step)", "now": "\(LogTime(milliseconds: next.wall))"])
        } else if isWritten, !isWanted, passed < (isIdle ? Self.idleGap : Self.gap) {
            return nil
        }
        (last, isWritten) = (next, true)
        return next
    }

    func end(_ clock: any Clock) -> TimeLine.Checkpoint {
        line.checkpoint(at: clock.now, wall: clock.wallMilliseconds, isEnd: true)
    }

    /// By how much the wall clock was set in between; nil: it was not.
    private func step(from last: TimeLine.Checkpoint, to next: TimeLine.Checkpoint, _ passed: UInt64)
        -> Int64?
    {
        // Clocks may stand at either end of what can be expressed.
        let (expected, overflow) = last.wall.addingReportingOverflow(Int64(clamping: passed))
        let (difference, isFar) = next.wall.subtractingReportingOverflow(overflow ? .max : expected)
        let step = isFar ? (next.wall < 0 ? Int64.min : .max) : difference
        return step.magnitude > Self.tolerance ? step : nil
    }
}
