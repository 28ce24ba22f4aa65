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

/// The distributions of a snapshot.
extension Snapshot {
    /// What a series that is a histogram shows; nil when it is none.
    public func histogram(of series: MetricSeries) -> (HistogramReading, HistogramBounds)? {
        switch series.source {
        case .histogram(let histogram, let bounds): (reading(of: histogram, bounds), bounds)
        case .externalHistogram(let histogram, let bounds): (reading(of: histogram, bounds), bounds)
        default: nil
        }
    }

    /// The distribution of `histogram` over all loops, cut at `bounds`.
    public func reading(of histogram: LoopHistogram, _ bounds: HistogramBounds) -> HistogramReading {
        reading(total, at: histogram.word, bounds)
    }

    /// The distribution of a histogram that is kept beside the loops; all 0 until somebody registers.
    public func reading(of histogram: ExternalHistogram, _ bounds: HistogramBounds) -> HistogramReading {
        let words = externalHistograms[histogram.rawValue]
        guard words.count == LogLinearBuckets.wordCount else {
            return HistogramReading(cumulative: bounds.values.map { _ in 0 }, count: 0, sum: 0)
        }
        return reading(words, at: 0, bounds)
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

    /// The buckets as they were counted, `LogLinearBuckets.bucketCount` words, before they are cut at bounds; nil when the
    /// series is no histogram, or nobody has registered it.
    public func buckets(of series: MetricSeries) -> ArraySlice<UInt64>? {
        switch series.source {
        case .histogram(let histogram, _):
            return total[histogram.word..<histogram.word + LogLinearBuckets.bucketCount]
        case .externalHistogram(let histogram, _):
            let words = externalHistograms[histogram.rawValue]
            return words.count == LogLinearBuckets.wordCount ? words[..<LogLinearBuckets.bucketCount] : nil
        default: return nil
        }
    }

    /// The exemplars of a series that is a histogram, the newest of all loops.
    public func exemplars(of series: MetricSeries) -> ExemplarSlots {
        switch series.source {
        case .histogram(let histogram, _):
            loops.reduce(into: ExemplarSlots()) { slots, loop in
                guard histogram.rawValue < loop.exemplars.count else { return }
                slots.merge(loop.exemplars[histogram.rawValue])
            }
        case .externalHistogram(let histogram, _): externalExemplars[histogram.rawValue]
        default: ExemplarSlots()
        }
    }
}
