import Primitives
import Testing

private func at(_ milliseconds: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
}

@Suite struct TimeLineTests {
    private let crash = TimeLine.Checkpoint(instant: 1_000_000, wall: 500_000, isEnd: false)
    private let end = TimeLine.Checkpoint(instant: 1_000_000, wall: 500_000, isEnd: true)

    @Test func `it goes with the monotonic clock, and instants are the same whenever they are asked for`() {
        let line = TimeLine(at: 70_000, now: at(5000))
        #expect(line.instant(at(5000)) == 70_000)
        #expect(line.instant(at(6500)) == 71_500)
        #expect(line.time(71_500) == at(6500))
        #expect(line.checkpoint(at: at(6500), wall: -3) == .init(instant: 71_500, wall: -3, isEnd: false))
    }

    @Test func `it begins at the wall clock's time`() {
        let line = TimeLine(resuming: nil, gap: 1000, wall: 1_700_000_000_000, now: at(5))
        #expect(line.instant(at(5)) == 1_700_000_000_000)
    }

    @Test(arguments: [0, 1, 250_000, 90 * 86_400_000] as [Int64])
    func `it goes on by the time the broker was down`(_ down: Int64) {
        for last in [crash, end] {
            let line = TimeLine(resuming: last, gap: 1000, wall: last.wall + down, now: at(7))
            #expect(line.instant(at(7)) == last.instant + UInt64(down))
        }
    }

    @Test(arguments: [-1, -86_400_000, Int64.min + 500_000] as [Int64])
    func `a clock set back moves it by no more than a crash may have left unwritten`(_ change: Int64) {
        let afterCrash = TimeLine(resuming: crash, gap: 1000, wall: crash.wall + change, now: at(7))
        #expect(afterCrash.instant(at(7)) == crash.instant + 1000)
        let afterEnd = TimeLine(resuming: end, gap: 1000, wall: end.wall + change, now: at(7))
        #expect(afterEnd.instant(at(7)) == end.instant)
    }

    @Test func `an interval is never longer after a restart than it was, whatever the clocks show`() {
        let walls = [Int64.min, -1, 0, 1, 499_999, 500_000, 500_001, 1 << 50, .max]
        let nows = [0, 1, 1 << 30] as [UInt64]
        for wall in walls {
            for now in nows {
                let line = TimeLine(resuming: end, gap: 1000, wall: wall, now: at(now))
                let deadline = line.time(end.instant + 100_000)
                #expect(deadline.nanoseconds(since: at(now)) <= 100_000_000_000)
            }
        }
    }

    @Test func `no clock is too strange for it`() {
        let walls = [Int64.min, -1, 0, 1, 10_413_792_000_000, .max]
        let nows = [MonotonicTime(nanoseconds: 0), at(1), at(1 << 40), MonotonicTime(nanoseconds: .max - 1)]
        let instants = [1, 1000, TimeLine.instants.upperBound] as [UInt64]
        for wall in walls {
            for now in nows {
                let lasts = instants.flatMap { instant in
                    walls.map { TimeLine.Checkpoint(instant: instant, wall: $0, isEnd: false) as Optional }
                }
                for last in lasts + [nil] {
                    let line = TimeLine(resuming: last, gap: 1000, wall: wall, now: now)
                    let instant = line.instant(now)
                    #expect(TimeLine.instants.contains(instant))
                    #expect(instant >= last?.instant ?? 1)
                    // "Never" stays never, and nothing else becomes it or "none".
                    #expect(line.time(.max) == .distantFuture)
                    #expect(line.instant(.distantFuture) == .max)
                    for time in nows { #expect(TimeLine.instants.contains(line.instant(time))) }
                    for other in [0, 1, 5000, UInt64.max - 1] as [UInt64] { _ = line.time(other) }
                }
            }
        }
    }

    @Test
    func `what passed before the machine started is the beginning of time, and what is too far is never`() {
        let line = TimeLine(at: 70_000, now: at(5000))
        #expect(line.time(65_001) == at(1))
        #expect(line.time(64_000) == MonotonicTime(nanoseconds: 0))
        #expect(line.time(TimeLine.instants.upperBound + 1) == .distantFuture)
    }
}
