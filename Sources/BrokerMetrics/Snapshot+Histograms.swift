/// A histogram as it is exported.
public struct HistogramReading: Sendable {
    /// Observations up to each bound, in the order of the bounds; `count` stands for +Inf.
    public let cumulative: [UInt64]
    /// All observations.
    public let count: UInt64
    /// The sum of the observed values, in their own unit: nanoseconds or a number of things.
    public let sum: UInt64

    /// The observations of both, which are cut at the same bounds.
    public static func + (left: HistogramReading, right: HistogramReading) -> HistogramReading {
        HistogramReading(
            cumulative: zip(left.cumulative, right.cumulative).map { $0 &+ $1 },
            count: left.count &+ right.count, sum: left.sum &+ right.sum)
    }
}

/// One histogram of a snapshot with its labels.
public struct LabelledHistogram: Sendable {
    /// Those of the series, or those that came with the values.
    public let labels: LineLabels
    /// Cut at `bounds`.
    public let reading: HistogramReading
    /// What it is cut at.
    public let bounds: HistogramBounds
    /// The buckets as they were counted, before they are cut; nil when nobody counts: all are 0.
    public let buckets: ArraySlice<UInt64>?
    /// The newest of all loops.
    public let exemplars: ExemplarSlots
}

/// The distributions of a snapshot.
extension Snapshot {
    /// The histograms that a series shows; none when it is a series of numbers.
    public func histograms(of series: MetricSeries) -> [LabelledHistogram] {
        switch series.source {
        case .histogram(let histogram, let bounds):
            let exemplars = loops.reduce(into: ExemplarSlots()) { slots, loop in
                guard histogram.rawValue < loop.exemplars.count else { return }
                slots.merge(loop.exemplars[histogram.rawValue])
            }
            return [
                LabelledHistogram(
                    labels: .fixed, reading: reading(of: histogram, bounds), bounds: bounds,
                    buckets: total[histogram.word..<histogram.word + LogLinearBuckets.bucketCount],
                    exemplars: exemplars)
            ]
        case .roomHistogram(let source, let bounds):
            guard let distributions = distributions[source.family] else {
                return source.unread.map { values in
                    LabelledHistogram(
                        labels: Self.labels(source, values),
                        reading: HistogramReading(cumulative: bounds.values.map { _ in 0 }, count: 0, sum: 0),
                        bounds: bounds, buckets: nil, exemplars: ExemplarSlots())
                }
            }
            return distributions.map { distribution in
                LabelledHistogram(
                    labels: Self.labels(source, distribution.labelValues),
                    reading: reading(distribution.words, at: 0, bounds), bounds: bounds,
                    buckets: distribution.words[..<LogLinearBuckets.bucketCount],
                    exemplars: distribution.exemplars)
            }
        default: return []
        }
    }

    private static func labels(_ source: RoomSource, _ values: [String]) -> LineLabels {
        values.isEmpty ? .fixed : .named(source.labelNames, values)
    }

    /// The distribution of `histogram` over all loops, cut at `bounds`.
    public func reading(of histogram: LoopHistogram, _ bounds: HistogramBounds) -> HistogramReading {
        reading(total, at: histogram.word, bounds)
    }

    private func reading(_ words: [UInt64], at base: Int, _ bounds: HistogramBounds) -> HistogramReading {
        var cumulative: [UInt64] = []
        cumulative.reserveCapacity(bounds.values.count)
        var bucket = 0
        var count: UInt64 = 0
        for end in bounds.bucketEnds {
            while bucket < end {
                count &+= words[base + bucket]
                bucket += 1
            }
            cumulative.append(count)
        }
        while bucket < LogLinearBuckets.bucketCount {
            count &+= words[base + bucket]
            bucket += 1
        }
        return HistogramReading(
            cumulative: cumulative, count: count, sum: words[base + LogLinearBuckets.sumOffset])
    }
}
