import Primitives
import Testing

@testable import BrokerCore

@Suite struct LineRateTests {
    private func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `beyond so many lines in a second the next one tells how many were left out`() {
        var rate = LineRate()
        for _ in 0..<LineRate.linesPerSecond { #expect(rate.admit(time(5000)) == 0) }
        for number in 0..<300 { #expect(rate.admit(time(5000 + UInt64(number))) == nil) }
        #expect(rate.admit(time(6000)) == 300)
        #expect(rate.admit(time(6000)) == 0)
    }
}
