package import Primitives
import Synchronization

/// How many events all traces together may show, so that many traces do not cost more than one may.
///
/// Loops ask it at the same time and never wait for each other: it is one number, the time at which all that was taken
/// will have been earned. An event may be taken while that time is less than a burst ahead of now.
package final class TraceSharedBudget: Sendable {
    private let earned: Atomic<UInt64>
    private let refused = Atomic<UInt64>(0)
    /// Nanoseconds in which one event is earned.
    private let price: UInt64
    /// Nanoseconds of events that can be taken at once.
    private let burst: UInt64

    /// - Parameters:
    ///   - eventsPerSecond: at least 1 counts.
    ///   - burst: events that can be taken at once after a silence; at least 1 counts.
    package init(eventsPerSecond: UInt64, burst: UInt64) {
        price = max(1, 1_000_000_000 / max(1, eventsPerSecond))
        let (span, overflow) = price.multipliedReportingOverflow(by: max(1, burst))
        self.burst = overflow ? .max : span
        earned = Atomic(0)
    }

    /// Takes one event. Any thread may ask.
    ///
    /// - Returns: false when there is none; that is counted.
    package func take(at now: MonotonicTime) -> Bool {
        var current = earned.load(ordering: .relaxed)
        while true {
            let (next, overflow) = max(current, now.nanoseconds).addingReportingOverflow(price)
            guard !overflow, next - min(next, now.nanoseconds) <= burst else {
                refused.add(1, ordering: .relaxed)
                return false
            }
            let (exchanged, original) = earned.weakCompareExchange(
                expected: current, desired: next, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
    }

    /// Events that were refused since the start.
    package var refusedCount: UInt64 { refused.load(ordering: .relaxed) }
}
