import Glibc
import Testing

@testable import Primitives

@Suite struct MonotonicTimeTests {
    @Test func `adding reaches the distant future instead of wrapping`() {
        let time = MonotonicTime(nanoseconds: 5)
        #expect(time.adding(seconds: 2).nanoseconds == 2_000_000_005)
        #expect(time.adding(milliseconds: 3).nanoseconds == 3_000_005)
        #expect(time.adding(seconds: .max) == .distantFuture)
        #expect(time.adding(milliseconds: .max) == .distantFuture)
        #expect(MonotonicTime.distantFuture.adding(seconds: 1) == .distantFuture)
        #expect(time.adding(seconds: UInt64(UInt32.max)) < .distantFuture)
    }

    @Test(
        arguments: [(0, 0, 0), (1, 0, 1), (1_000_000_000, 0, 1), (1_000_000_001, 0, 2), (5, 9, 0)]
            as [(UInt64, UInt64, UInt64)])
    func `seconds are rounded up, and never negative`(_ later: UInt64, _ earlier: UInt64, _ seconds: UInt64) {
        let span = MonotonicTime(nanoseconds: later).secondsRoundedUp(
            since: MonotonicTime(nanoseconds: earlier))
        #expect(span == seconds)
    }

    @Test func `a span to a later time is 0`() {
        #expect(MonotonicTime(nanoseconds: 3).nanoseconds(since: MonotonicTime(nanoseconds: 4)) == 0)
        #expect(MonotonicTime(nanoseconds: 9).nanoseconds(since: MonotonicTime(nanoseconds: 4)) == 5)
    }

    @Test func `the machine's clock does not go back`() {
        let clock = SystemClock()
        var last = clock.now
        for _ in 0..<1000 {
            let now = clock.now
            #expect(now >= last)
            last = now
        }
        #expect(clock.wallMilliseconds > 1_700_000_000_000)
    }

    @Test(
        arguments: [
            (0, 0, 0), (1, 999_999_999, 1999), (-1, 0, -1000), (-1, 500_000_000, -500),
            (Int.max, 999_999_999, .max), (Int.min, 0, .min), (Int.max / 1000, 999_999_999, .max),
        ] as [(Int, Int, Int64)])
    func `a wall clock may show any time`(_ seconds: Int, _ nanoseconds: Int, _ milliseconds: Int64) {
        let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        #expect(SystemClock.milliseconds(time) == milliseconds)
    }
}
