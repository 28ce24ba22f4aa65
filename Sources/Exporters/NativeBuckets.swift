import BrokerMetrics
import Glibc

/// From the log-linear buckets that the broker counts in to the exponential ones of Prometheus' native histograms.
///
/// Log-linear buckets have eight linear steps for each power of two, exponential ones of schema 3 eight steps whose bounds have
/// the ratio 2^(1/8) = 1.0905. The edges of the two do not meet, least of all where nanoseconds become seconds. So each
/// log-linear bucket is counted as a whole in the exponential bucket that holds its middle. No count is split or made up, and
/// the sums agree with the classic buckets.
///
/// The error: an observation is at most 1/16 away from the middle of its bucket, and so within a factor of
/// 1.0625 × 1.0905 < 1.16 of both bounds of the bucket it is shown in (a test tries each edge). A quantile is as far off
/// at most. A coarser schema would make it 1.27 (schema 2), a finer one no better, only sparser.
struct NativeBuckets {
    /// Eight buckets for each power of two.
    static let schema: Int32 = 3
    /// Observations up to this are in the zero bucket: only those of 0 are. Prometheus' own default; it also tells a native
    /// histogram without observations from a classic one.
    static let zeroThreshold = 0x1p-128

    /// The exponential bucket of each log-linear one but the first, which holds 0 alone. Ascending.
    private static let ofCounts = indexes(unit: 1)
    private static let ofNanoseconds = indexes(unit: 1e-9)

    private static func indexes(unit: Double) -> [Int32] {
        (0..<LogLinearBuckets.bucketCount).map { bucket in
            guard bucket > 0 else { return .min }
            let upper = Double(LogLinearBuckets.upperBound(of: bucket))
            let lower = Double(LogLinearBuckets.upperBound(of: bucket - 1)) + 1
            return index(of: (lower + upper) / 2 * unit)
        }
    }

    /// The bucket `index` that holds `value`: 2^((index−1)/8) < value ≤ 2^(index/8).
    private static func index(of value: Double) -> Int32 { Int32((log2(value) * 8).rounded(.up)) }

    static func indexes(_ scale: MetricScale) -> [Int32] {
        switch scale {
        case .integer: ofCounts
        case .nanoseconds: ofNanoseconds
        }
    }

    /// Runs of neighbouring buckets.
    private(set) var spans: [(offset: Int32, length: UInt32)] = []
    /// Each bucket's count less that of the one before.
    private(set) var deltas: [Int64] = []
    /// Observations of 0.
    private(set) var zeroCount: UInt64 = 0

    /// - Parameter buckets: `LogLinearBuckets.bucketCount` counts; nil when there are none.
    init(_ buckets: ArraySlice<UInt64>?, _ scale: MetricScale) {
        guard let buckets, buckets.count == LogLinearBuckets.bucketCount else { return }
        zeroCount = buckets[buckets.startIndex]
        let indexes = Self.indexes(scale)
        var last: (index: Int32, count: Int64)?
        var before: Int64 = 0
        for (bucket, count) in buckets.enumerated().dropFirst() where count > 0 {
            let index = indexes[bucket]
            if let open = last, open.index == index {
                last = (index, open.count &+ Int64(clamping: count))
                continue
            }
            if let open = last { append(open, &before) }
            if let open = last, open.index + 1 == index {
                spans[spans.count - 1].length += 1
            } else {
                spans.append((last.map { index - $0.index - 1 } ?? index, 1))
            }
            last = (index, Int64(clamping: count))
        }
        if let open = last { append(open, &before) }
    }

    private mutating func append(_ bucket: (index: Int32, count: Int64), _ before: inout Int64) {
        deltas.append(bucket.count &- before)
        before = bucket.count
    }
}
