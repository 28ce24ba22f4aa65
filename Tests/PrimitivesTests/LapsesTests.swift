import Primitives
import Testing

private func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

@Suite struct LapsesTests {
    @Test func `what is short does not count`() {
        var lapses = Lapses()
        let begin = at(10)
        lapses.note(from: begin, to: begin.adding(nanoseconds: Lapses.threshold - 1))
        lapses.note(from: begin, to: at(1))
        #expect(lapses.count == 0 && lapses.last == nil && lapses.nanoseconds(since: at(0)) == 0)
        lapses.note(from: begin, to: begin.adding(nanoseconds: Lapses.threshold))
        #expect(lapses.count == 1 && lapses.longest == Lapses.threshold)
    }

    @Test(
        arguments: [(0, 8), (10, 8), (12, 6), (15, 5), (20, 5), (23, 2), (25, 0), (30, 0)]
            as [(UInt64, UInt64)])
    func `the time in which nobody looked is told from any moment on`(_ start: UInt64, _ seconds: UInt64) {
        var lapses = Lapses()
        lapses.note(from: at(10), to: at(13))
        lapses.note(from: at(20), to: at(25))
        #expect(lapses.nanoseconds(since: at(start)) == seconds * 1_000_000_000)
    }

    @Test func `of very many the oldest are told together, never less than they were`() {
        var lapses = Lapses()
        for number in 0..<1000 as Range<UInt64> {
            lapses.note(from: at(number * 10), to: at(number * 10 + 1))
        }
        #expect(lapses.count == 1000)
        #expect(lapses.nanoseconds(since: at(0)) >= 1000 * 1_000_000_000)
        #expect(lapses.nanoseconds(since: at(9950)) == 5 * 1_000_000_000)
        #expect(lapses.longest == 1_000_000_000)
    }

    @Test func `who had to answer has as long again, up to a limit`() {
        var lapses = Lapses()
        #expect(lapses.graceEnd(.max) == at(0))
        lapses.note(from: at(10), to: at(13))
        #expect(lapses.graceEnd(.max) == at(16))
        #expect(lapses.graceEnd(1_000_000_000) == at(14))
    }

    @Test func `the last look is the begin of the wait, or of the lapse itself`() {
        var lapses = Lapses()
        lapses.note(from: at(10), to: at(13), lastLook: at(7))
        #expect(lapses.last?.lastLook == at(7) && lapses.last?.begin == at(10))
        #expect(lapses.last?.nanoseconds == 3_000_000_000 && lapses.longest == 3_000_000_000)
        #expect(lapses.nanoseconds(since: at(0)) == 6_000_000_000)
        lapses.note(from: at(20), to: at(25))
        #expect(lapses.last?.lastLook == at(20))
    }
}
