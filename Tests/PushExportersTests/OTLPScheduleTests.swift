import Primitives
import Testing

@testable import PushExporters

@Suite struct OTLPScheduleTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private func at(_ milliseconds: UInt64) -> MonotonicTime { Self.start.adding(milliseconds: milliseconds) }

    /// One whose first export has begun, `interval` milliseconds after the start.
    private func exporting(interval: UInt64 = 60_000) -> OTLPSchedule {
        var schedule = OTLPSchedule(interval: interval, now: Self.start)
        #expect(schedule.advance(now: at(interval - 1)) == nil)
        #expect(schedule.advance(now: at(interval)) == .export)
        return schedule
    }

    @Test func `exports are made in the interval, and none while one is on its way`() {
        var schedule = exporting()
        #expect(schedule.deadline == .distantFuture && schedule.advance(now: at(1_000_000)) == nil)
        schedule.ended()
        #expect(schedule.deadline == at(120_000))
        #expect(schedule.advance(now: at(120_000)) == .export)
    }

    @Test func `each pause is twice as long as the one before, and up to half of it shorter by chance`() {
        for (chance, share) in [(0.0, 1.0), (1.0, 0.5), (0.5, 0.75)] {
            var schedule = exporting(interval: 1_000_000)
            var now: UInt64 = 1_000_000
            for pause in [1_000.0, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
                let isTriedAgain = schedule.failed(now: at(now), retryAfter: 0, chance: chance)
                #expect(isTriedAgain)
                now += UInt64(pause * share)
                #expect(schedule.advance(now: at(now - 1)) == nil)
                #expect(schedule.advance(now: at(now)) == .again)
            }
        }
    }

    @Test func `an export is given up when the next one would be due, or after two minutes`() {
        for (interval, times) in [(60_000 as UInt64, 6), (3_600_000, 8), (1_500, 1)] {
            var schedule = exporting(interval: interval)
            var now = interval
            var tries = 1
            while schedule.failed(now: at(now), retryAfter: 0, chance: 0) {
                now = (schedule.deadline.nanoseconds - Self.start.nanoseconds) / 1_000_000
                #expect(schedule.advance(now: at(now)) == .again)
                tries += 1
                guard tries < 100 else { break }
            }
            #expect(tries == times + (interval == 1_500 ? 1 : 0), "\(interval)")
            #expect(schedule.deadline == at(2 * interval))
            #expect(schedule.advance(now: at(2 * interval)) == .export)
        }
    }

    @Test func `the server's own time is kept, and when it is beyond this export, by the next ones`() {
        var schedule = exporting()
        let isTriedAgain = schedule.failed(now: at(60_000), retryAfter: 20, chance: 1)
        #expect(isTriedAgain && schedule.deadline == at(80_000))
        #expect(schedule.advance(now: at(80_000)) == .again)
        let isGivenUp = !schedule.failed(now: at(80_000), retryAfter: 300, chance: 1)
        #expect(isGivenUp && schedule.deadline == at(380_000))
        #expect(schedule.advance(now: at(379_999)) == nil)
        #expect(schedule.advance(now: at(380_000)) == .export)
    }

    @Test func `no server silences us for more than an hour`() {
        var schedule = exporting()
        let isGivenUp = !schedule.failed(now: at(60_000), retryAfter: .max, chance: 0)
        #expect(isGivenUp && schedule.deadline == at(60_000 + 3_600_000))
    }

    @Test func `another interval is in force at once`() {
        var schedule = OTLPSchedule(interval: 60_000, now: Self.start)
        schedule.interval = 500
        #expect(schedule.deadline == at(500))
    }
}
