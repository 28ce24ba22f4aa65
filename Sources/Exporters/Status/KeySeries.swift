import BrokerMetrics

/// One of the few numbers whose course the broker remembers by itself, without a database of metrics.
package struct KeySeries: Hashable, Sendable {
    /// How values of one span of time become one.
    package enum Merge: Hashable, Sendable { case mean, peak }

    /// As in `history.json` and for `metrics history`.
    package let name: String
    /// What stands beside its numbers; empty for plain numbers.
    package let unit: String
    let merge: Merge

    private init(_ name: String, _ unit: String, _ merge: Merge = .mean) {
        self.name = name
        self.unit = unit
        self.merge = merge
    }

    /// All of them, in the order of their values. A loss is a mean, so that mean times span is its number.
    package static let all: [KeySeries] =
        [
            KeySeries("in", "/s"), KeySeries("out", "/s"), KeySeries("lost", "/s"),
            KeySeries("rejected", "/s"),
            KeySeries("clients", ""), KeySeries("queued", ""), KeySeries("inflight", ""),
            KeySeries("bytes_in", "B/s"), KeySeries("bytes_out", "B/s"), KeySeries("connects", "/s"),
            KeySeries("loop_busy", "%", .peak), KeySeries("residual", "", .peak),
            KeySeries("store_lag", "%", .peak), KeySeries("memory", "B"),
            KeySeries("latency_p50", "s"), KeySeries("latency_p99", "s", .peak),
        ] + DropReason.allCases.map { KeySeries("lost_" + $0.label, "/s") }

    /// Where the values of the drop reasons begin, in the order of `DropReason`.
    static let firstReason = all.count - DropReason.allCases.count

    /// The series with this name.
    package static func index(named name: String) -> Int? { all.firstIndex { $0.name == name } }
}
