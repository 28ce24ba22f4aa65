package import Primitives

/// Which events of one trace are shown.
///
/// Without it a trace of a busy client would flood the terminal and, worse, cost the broker more than the client does.
/// It is asked before an event is written, so an event that is not shown costs next to nothing. It has no lock: the
/// connections of a trace can be on several loops, so it belongs under the trace's own. Packets and the calls and answers
/// of hooks are events; what a trace says about itself and the CONNECT of a new connection are not.
///
///     skip   a bucket that fills with N events in an interval; one that finds it empty is counted and not shown
///     stop   VerneMQ's rule: too many events within a window end the trace
package struct TraceBudget: Sendable {
    /// What happens when there are too many.
    package enum Mode: Sendable {
        /// They are counted, and how many there were is said as soon as there is room again.
        case skip
        /// The trace ends. Each event is shown first; then, when the window is over, a new one begins with a count of 0,
        /// else the event is counted, and one that cannot be counted any more ends the trace. So the event that begins
        /// a window is not counted in it.
        case stop
    }

    /// What to do with an event.
    package enum Verdict: Equatable, Sendable {
        /// Show it; before it, say that `skipped` events were not shown, unless that is 0.
        case show(skipped: UInt64)
        /// Do not show it.
        case skip
        /// Show it, then say that the limit was reached, and end the trace. What `takeSkipped` gives is still to be said.
        case showAndStop
    }

    private let mode: Mode
    private let limit: UInt64
    /// In nanoseconds.
    private let interval: UInt64
    /// Skip: what one event takes out of the bucket, in nanoseconds of filling.
    private let price: UInt64
    /// Skip: nanoseconds of filling that are in the bucket.
    private var credit: UInt64
    /// Stop: the events of this window.
    private var count: UInt64 = 0
    /// Skip: when the bucket was last filled. Stop: when the window began.
    private var last: MonotonicTime
    /// Events that were not shown, and of which nothing was said yet.
    private var skipped: UInt64 = 0

    /// - Parameters:
    ///   - limit: events in an interval (`--rate-max`). With 0 a trace that skips shows nothing.
    ///   - intervalMilliseconds: how long an interval is (`--rate-interval`). With 0 a trace that skips shows all.
    ///   - now: when the trace begins.
    package init(
        limit: UInt64 = 10, intervalMilliseconds: UInt64 = 100, mode: Mode = .skip, now: MonotonicTime
    ) {
        let (interval, overflow) = intervalMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        self.interval = overflow ? .max : interval
        self.mode = mode
        self.limit = limit
        price = limit == 0 ? .max : self.interval / limit
        credit = self.interval
        last = now
    }

    /// Decides about an event at `now`.
    ///
    /// - Parameter shared: the budget of all traces, which is asked last: what it refuses counts as skipped here, and takes
    ///   nothing out of this budget.
    package mutating func admit(at now: MonotonicTime, shared: TraceSharedBudget? = nil) -> Verdict {
        switch mode {
        case .skip:
            fill(at: now)
            guard limit > 0, credit >= price, shared?.take(at: now) ?? true else {
                skipped += 1
                return .skip
            }
            credit -= price
            return .show(skipped: takeSkipped())
        case .stop:
            // The last event is shown whatever the others cost: a trace that should end must not go on.
            if isOver(at: now) { return .showAndStop }
            guard shared?.take(at: now) ?? true else {
                skipped += 1
                return .skip
            }
            return .show(skipped: takeSkipped())
        }
    }

    /// Events that were not shown, and of which nothing was said yet: for the end of a trace, or a time without events.
    package mutating func takeSkipped() -> UInt64 {
        defer { skipped = 0 }
        return skipped
    }

    /// As `takeSkipped`, but 0 while there is no room to show an event: so a reader is told how many events were skipped
    /// when a flood is over and nothing follows it.
    package mutating func takeSkippedIfRoom(at now: MonotonicTime) -> UInt64 {
        guard skipped > 0 else { return 0 }
        if mode == .skip {
            fill(at: now)
            guard credit >= price else { return 0 }
        }
        return takeSkipped()
    }

    /// When there is room for an event again after one was skipped; nil where that is not known, because the shared budget
    /// refused it or this one stops.
    package var roomAt: MonotonicTime? {
        guard mode == .skip, limit > 0, credit < price else { return nil }
        return last.adding(nanoseconds: price - credit)
    }

    private mutating func fill(at now: MonotonicTime) {
        let (sum, overflow) = credit.addingReportingOverflow(now.nanoseconds(since: last))
        credit = overflow ? interval : min(sum, interval)
        last = max(last, now)
    }

    private mutating func isOver(at now: MonotonicTime) -> Bool {
        if now.nanoseconds(since: last) > interval {
            count = 0
            last = now
            return false
        }
        guard count < limit else { return true }
        count += 1
        return false
    }
}
