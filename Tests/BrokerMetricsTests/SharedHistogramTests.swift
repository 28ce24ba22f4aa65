import Primitives
import Testing

@testable import BrokerMetrics

@Suite struct SharedHistogramTests {
    @Test func `each value is counted in its bucket and summed, whoever observes it`() throws {
        let histogram = SharedHistogram()
        let threads = try (0..<4).map { _ in
            try WorkerThread(name: "observer") {
                for value in 0..<1000 as Range<UInt64> { histogram.observe(value) }
            }
        }
        for thread in threads { thread.join() }
        var expected = [UInt64](repeating: 0, count: LogLinearBuckets.wordCount)
        for value in 0..<1000 as Range<UInt64> {
            expected[LogLinearBuckets.index(of: value)] += 4
            expected[LogLinearBuckets.sumOffset] += 4 * value
        }
        #expect(histogram.reading == expected)
    }

    @Test func `what was registered is exported as it stands when a snapshot is taken`() {
        let registry = MetricsRegistry(version: "test")
        let histogram = SharedHistogram()
        registry.register(.storeBatch, histogram)
        #expect(
            registry.snapshot().externalHistograms[ExternalHistogram.storeBatch.rawValue] == histogram.reading
        )
        histogram.observe(5)
        let words = registry.snapshot().externalHistograms[ExternalHistogram.storeBatch.rawValue]
        #expect(words == histogram.reading && words[LogLinearBuckets.sumOffset] == 5)
    }
}
