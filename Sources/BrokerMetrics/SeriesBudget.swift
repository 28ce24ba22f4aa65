import Synchronization

/// How many series the broker shows. A series costs memory here and far more in whatever stores it, so a label whose values
/// come from outside must not make as many as somebody likes.
public struct SeriesBudget: Hashable, Sendable {
    /// Series of one metric whose labels are named from outside.
    public var perFamily: Int
    /// Series of all metrics together. Those whose labels are words of the program, and so do not grow, are
    /// never folded.
    public var total: Int

    /// - Parameters:
    ///   - perFamily: at least 1.
    ///   - total: at least 1; what the fixed series leave is shared by the others in the order of the catalogue.
    public init(perFamily: Int = 1_000, total: Int = 20_000) {
        self.perFamily = max(1, perFamily)
        self.total = max(1, total)
    }
}

/// Keeps what is read from outside within the budget: label sets beyond it are added up in one series whose labels all have
/// the value `other`. Nothing is left out of a sum, and each label set that is folded is counted.
///
/// A metric that is over its budget keeps showing the label sets that it showed when it came over it: if they changed from one
/// reading to the next, a counter would go down, which scrapers take for a restart. All are shown again when they fit.
final class CardinalityGuard: Sendable {
    /// Label values that are longer are cut: one of a megabyte would stand in every line.
    static let labelByteCount = 1_024
    static let other = "other"

    private struct State {
        /// The label sets that a metric over its budget shows.
        var shown: [ExternalMetric: Set<[String]>] = [:]
        var folds: UInt64 = 0
        var cuts: UInt64 = 0
        /// By the number of loops: counting them means making the catalogue.
        var fixed: (loops: Int, count: Int)?
    }

    private let budget: SeriesBudget
    private let state = Mutex(State())

    init(_ budget: SeriesBudget) { self.budget = budget }

    /// Metrics whose labels are named from outside, in the order of the catalogue.
    static let guarded: [(metric: ExternalMetric, family: String)] = MetricCatalog.families.flatMap {
        family in
        family.series.compactMap { series in
            guard case .external(let metric, _) = series.source, !metric.hasClosedLabels else {
                return nil
            }
            return (metric, family.name)
        }
    }

    /// Folds what is too much, and adds what came of it as samples of `ExternalMetric`'s own.
    func apply(to external: inout [ExternalMetric: [ExternalSample]], loopCount: Int) {
        state.withLock { state in
            let closed = external.reduce(0) { $0 + ($1.key.hasClosedLabels ? $1.value.count : 0) }
            var rest = max(0, budget.total - fixedCount(&state, loopCount) - closed)
            var folded: [ExternalSample] = []
            for (metric, family) in Self.guarded {
                var count = 0
                if let samples = external[metric], !samples.isEmpty {
                    let limit = min(budget.perFamily, rest)
                    let (kept, folds) = fold(samples, of: metric, limit: max(1, limit), &state)
                    external[metric] = kept
                    count = folds
                    rest = max(0, rest - kept.count)
                }
                folded.append(ExternalSample([family], value: Int64(count)))
                state.folds &+= UInt64(count)
            }
            external[.metricsFoldedSeries] = folded
            external[.metricsFolds] = [ExternalSample(value: Int64(clamping: state.folds))]
            external[.metricsLabelsCut] = [ExternalSample(value: Int64(clamping: state.cuts))]
        }
    }

    /// - Parameter limit: at least 1.
    /// - Complexity: O(samples); memory for `limit` label sets.
    private func fold(
        _ samples: [ExternalSample], of metric: ExternalMetric, limit: Int, _ state: inout State
    ) -> (kept: [ExternalSample], folds: Int) {
        // When all fit, all are shown; else one series is for those that do not.
        let room = samples.count <= limit ? limit : limit - 1
        if samples.count <= limit { state.shown[metric] = nil }
        let shown = state.shown[metric].flatMap { $0.count <= room ? $0 : nil }
        var places: [[String]: Int] = [:]
        var kept: [ExternalSample] = []
        kept.reserveCapacity(min(samples.count, limit))
        var rest: Int64 = 0
        var folds = 0
        for sample in samples {
            let labels = cut(sample.labelValues, &state)
            // Two that a cut has made the same, or that were the same, are one series.
            if let place = places[labels] {
                kept[place] = ExternalSample(labels, value: kept[place].value &+ sample.value)
            } else if kept.count < room, shown?.contains(labels) ?? true {
                places[labels] = kept.count
                kept.append(ExternalSample(labels, value: sample.value))
            } else {
                rest &+= sample.value
                folds += 1
            }
        }
        guard folds > 0 else { return (kept, 0) }
        state.shown[metric] = shown ?? Set(places.keys)
        let other = metric.labelNames.map { _ in Self.other }
        if let place = places[other] {
            kept[place] = ExternalSample(other, value: kept[place].value &+ rest)
        } else {
            kept.append(ExternalSample(other, value: rest))
        }
        return (kept, folds)
    }

    private func cut(_ values: [String], _ state: inout State) -> [String] {
        guard values.contains(where: { $0.utf8.count > Self.labelByteCount }) else { return values }
        state.cuts &+= 1
        return values.map { value in
            guard value.utf8.count > Self.labelByteCount else { return value }
            var end = value.utf8.index(value.startIndex, offsetBy: Self.labelByteCount - 3)
            while end.samePosition(in: value.unicodeScalars) == nil { end = value.utf8.index(before: end) }
            return value[..<end] + "…"
        }
    }

    private func fixedCount(_ state: inout State, _ loopCount: Int) -> Int {
        if let fixed = state.fixed, fixed.loops == loopCount { return fixed.count }
        let count = MetricCatalog.families(loopCount: loopCount).reduce(0) { sum, family in
            family.series.reduce(sum) { sum, series in
                switch series.source {
                case .perLoop, .loopStalled: sum + loopCount
                case .external: sum  // as many as its reader gives: counted then
                case .histogram(_, let bounds), .externalHistogram(_, let bounds):
                    sum + bounds.values.count + 3
                default: sum + 1
                }
            }
        }
        state.fixed = (loopCount, count)
        return count
    }
}
