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

    @Test func `what was registered is exported as it stands when a snapshot is taken`() throws {
        let histogram = SharedHistogram()
        let registry = try TestRoom.registry { $0.add(TestRoom.batch, histogram) }
        func reading() throws -> LabelledHistogram {
            try #require(registry.snapshot().histograms(of: TestRoom.batch.series[0]).first)
        }
        #expect(try reading().reading.count == 0)
        histogram.observe(5)
        #expect(try reading().reading.count == 1 && reading().reading.sum == 5)
        #expect(try Array(reading().buckets ?? []) == histogram.reading.dropLast())
    }
}
