import BrokerMetrics

/// Which distribution the page shows as latency.
enum StatusLatency {
    /// Under the number on the page.
    static let meaning =
        "from arrival to the network: how long copies were in the broker, of all QoS"

    static func buckets(of snapshot: Snapshot) -> ArraySlice<UInt64>? {
        let parts = [LoopHistogram.residenceQoS0, .residenceQoS1, .residenceQoS2].compactMap {
            snapshot.buckets(of: $0).map { Distribution(counts: Array($0)) }
        }
        guard !parts.isEmpty else { return nil }
        return parts.reduce(into: Distribution()) { $0 += $1 }.counts[...]
    }
}

extension Snapshot {
    /// The buckets of a histogram, of all loops.
    func buckets(of histogram: LoopHistogram) -> ArraySlice<UInt64>? {
        let end = histogram.word + LogLinearBuckets.bucketCount
        return end <= total.count ? total[histogram.word..<end] : nil
    }
}

/// How values in nanoseconds were spread.
struct Distribution: Sendable {
    /// By bucket of `LogLinearBuckets`; empty when nothing is known.
    var counts: [UInt64] = []

    /// In seconds: the upper bound of the bucket that holds the quantile, at most an eighth too much. nil without values.
    func quantile(_ share: Double) -> Double? {
        let total = counts.reduce(0, &+)
        guard total > 0 else { return nil }
        let rank = UInt64((Double(total) * share).rounded(.up))
        var sum: UInt64 = 0
        for (index, count) in counts.enumerated() {
            sum &+= count
            if sum >= max(1, rank) { return Double(LogLinearBuckets.upperBound(of: index)) / 1e9 }
        }
        return nil
    }

    static func += (left: inout Distribution, right: Distribution) {
        if left.counts.isEmpty {
            left.counts = right.counts
        } else if left.counts.count == right.counts.count {
            for index in left.counts.indices { left.counts[index] &+= right.counts[index] }
        }
    }
}

/// The distribution of the last ten looks, from buckets that only grow.
struct RecentDistribution: Sendable {
    private var newest: [UInt64] = []
    private var parts: [Distribution] = []

    mutating func add(_ buckets: ArraySlice<UInt64>?) {
        guard let buckets else { return }
        if newest.count == buckets.count {
            parts.append(Distribution(counts: zip(buckets, newest).map { $0 > $1 ? $0 - $1 : 0 }))
            if parts.count > 10 { parts.removeFirst() }
        }
        newest = Array(buckets)
    }

    /// That of the last look.
    var last: Distribution? { parts.last }
    var sum: Distribution { parts.reduce(into: Distribution()) { $0 += $1 } }
}
