import BrokerMetrics
import Logging
package import Primitives

/// What follows when the loop could not look at its sockets for a while.
extension Shard {
    /// Nanoseconds after a lapse in which no session is ended for its client's absence: clients may be back and wait to
    /// be accepted and read.
    private static let settlingTime: UInt64 = 1_000_000_000

    /// Until when clients that came back during the last lapse may not have been seen.
    var settledAt: MonotonicTime { absence.lapses.graceEnd(Self.settlingTime) }

    /// The moment until which it is known who was away: now, or the last look before a lapse that has just ended. A
    /// loop that waits for the end of a session, and stands still from the begin of this wait on, sees a lapse that
    /// begins at that end.
    var absenceTime: MonotonicTime {
        guard let last = absence.lapses.last, now < settledAt else { return now }
        return last.lastLook
    }

    /// Takes note of what the loop knows of its lapses; before the timers of the turn fire.
    package func look(at lapses: Lapses) {
        guard lapses.count != absence.lapses.count else { return }
        let new = lapses.count - absence.lapses.count
        absence.lapses = lapses
        counters.add(.loopLapses, new)
        counters.set(.longestLapseNanoseconds, to: Int(clamping: absence.lapses.longest))
        guard let last = absence.lapses.last, broker.mayTell(ofLapseAt: last.end) else { return }
        log.warning(
            "the broker stood still: nobody looked after the clients, who are not blamed for it",
            metadata: [
                "ms": "\(last.nanoseconds / 1_000_000)", "loop": "\(index)",
                "lapses": "\(absence.lapses.count)",
            ])
    }
}
