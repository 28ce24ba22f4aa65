import BrokerMetrics
import Testing

@Suite struct LogLinearBucketsTests {
    /// Every edge and its neighbours, and what lies around powers of two and ten.
    private var values: [UInt64] {
        var values = Set<UInt64>([0, 1, 7, 8, 9, .max, .max - 1])
        for index in 0..<LogLinearBuckets.bucketCount {
            let bound = LogLinearBuckets.upperBound(of: index)
            values.formUnion([bound, bound &- 1, bound &+ 1])
        }
        for shift in 0..<64 {
            values.formUnion([1 << UInt64(shift), (1 << UInt64(shift)) - 1, 5 << UInt64(shift)])
        }
        return values.sorted()
    }

    @Test func `a value lies in its bucket: not above its bound, above the bound before`() {
        for value in values {
            let index = LogLinearBuckets.index(of: value)
            #expect((0..<LogLinearBuckets.bucketCount).contains(index), "\(value)")
            #expect(value <= LogLinearBuckets.upperBound(of: index), "\(value)")
            if index > 0 { #expect(value > LogLinearBuckets.upperBound(of: index - 1), "\(value)") }
        }
    }

    @Test func `the bound of a bucket lies in that bucket, and the last bucket ends the range`() {
        for index in 0..<LogLinearBuckets.bucketCount {
            #expect(LogLinearBuckets.index(of: LogLinearBuckets.upperBound(of: index)) == index)
        }
        #expect(LogLinearBuckets.upperBound(of: LogLinearBuckets.bucketCount - 1) == .max)
    }

    @Test func `a bucket is at most an eighth of its values wide`() {
        for index in 9..<LogLinearBuckets.bucketCount {
            let lower = LogLinearBuckets.upperBound(of: index - 1) + 1
            #expect(LogLinearBuckets.upperBound(of: index) - lower <= lower / 8)
        }
    }
}
