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
        /// The label sets that a family over its budget shows.
        var shown: [String: Set<[String]>] = [:]
        var folds: UInt64 = 0
        var cuts: UInt64 = 0
    }

    /// A family with labels, and the most label sets that it shows by its own declaration.
    private struct Guarded {
        let family: String
        let labelCount: Int
        /// nil: words of the program.
        let bound: Int?
        /// Series of one label set: a histogram has some for each.
        let weight: Int
    }

    private let budget: SeriesBudget
    private let guarded: [Guarded]
    /// Series that are always there.
    private let fixedCount: Int
    private let state = Mutex(State())

    init(_ budget: SeriesBudget, _ catalog: MetricCatalog) {
        self.budget = budget
        guarded = catalog.families.compactMap { family in
            guard let source = family.roomSource, !source.labels.isEmpty else { return nil }
            return Guarded(
                family: family.name, labelCount: source.labels.count, bound: source.bound,
                weight: Self.weight(of: family.series[0].source))
        }
        fixedCount = catalog.families.reduce(0) { sum, family in
            family.series.reduce(sum) { sum, series in
                switch series.source {
                case .perLoop, .loopStalled: sum + catalog.loopCount
                // As many as its reader gives: counted then.
                case .room(let source) where !source.labels.isEmpty: sum
                case .roomHistogram(let source, _) where !source.labels.isEmpty: sum
                default: sum + Self.weight(of: series.source)
                }
            }
        }
    }

    private static func weight(of source: MetricSource) -> Int {
        switch source {
        case .histogram(_, let bounds), .roomHistogram(_, let bounds): bounds.values.count + 3
        default: 1
        }
    }

    /// Folds what is too much.
    ///
    /// - Returns: what the registry shows of that itself.
    func apply(
        to samples: inout [String: [RoomSample]],
        _ distributions: inout [String: [RoomReading.Distribution]]
    ) -> [String: [RoomSample]] {
        state.withLock { state in
            var closed = 0
            for family in guarded where family.bound == nil {
                let values = samples[family.family]?.count ?? 0
                closed += (values + (distributions[family.family]?.count ?? 0)) * family.weight
            }
            var rest = max(0, budget.total - fixedCount - closed)
            var folded: [RoomSample] = []
            for family in guarded {
                let room = rest / family.weight
                let limit = family.bound.map { max(1, min(budget.perFamily, $0, room)) } ?? .max
                var (count, shown) = (0, 0)
                if let values = samples[family.family], !values.isEmpty {
                    let kept = fold(values, of: family, limit, &state) { $0.value &+= $1.value }
                    samples[family.family] = kept.all
                    (count, shown) = (kept.folds, kept.all.count)
                } else if let values = distributions[family.family], !values.isEmpty {
                    let kept = fold(values, of: family, limit, &state) { $0.add($1) }
                    distributions[family.family] = kept.all
                    (count, shown) = (kept.folds, kept.all.count)
                }
                guard family.bound != nil else { continue }
                rest = max(0, rest - shown * family.weight)
                folded.append(RoomSample([family.family], value: Int64(count)))
                state.folds &+= UInt64(count)
            }
            return [
                RegistryMetrics.foldedSeries.name: folded,
                RegistryMetrics.folds.name: [RoomSample(value: Int64(clamping: state.folds))],
                RegistryMetrics.labelsCut.name: [RoomSample(value: Int64(clamping: state.cuts))],
            ]
        }
    }

    /// - Parameters:
    ///   - limit: at least 1.
    ///   - merge: adds the second to the first.
    /// - Complexity: O(samples); memory for `limit` label sets.
    private func fold<Value: LabelledValue>(
        _ values: [Value], of family: Guarded, _ limit: Int, _ state: inout State,
        merge: (inout Value, Value) -> Void
    ) -> (all: [Value], folds: Int) {
        // When all fit, all are shown; else one series is for those that do not.
        let room = values.count <= limit ? limit : limit - 1
        if values.count <= limit { state.shown[family.family] = nil }
        let shown = state.shown[family.family].flatMap { $0.count <= room ? $0 : nil }
        var places: [[String]: Int] = [:]
        var kept: [Value] = []
        kept.reserveCapacity(min(values.count, limit))
        var rest: Value?
        var folds = 0
        let other = [String](repeating: Self.other, count: family.labelCount)
        for var value in values {
            if family.bound != nil { value.labelValues = cut(value.labelValues, &state) }
            // Two that a cut has made the same, or that were the same, are one series.
            if let place = places[value.labelValues] {
                merge(&kept[place], value)
            } else if kept.count < room, shown?.contains(value.labelValues) ?? true {
                places[value.labelValues] = kept.count
                kept.append(value)
            } else {
                folds += 1
                if rest == nil {
                    rest = value
                    rest?.labelValues = other
                } else if var sum = rest.take() {
                    merge(&sum, value)
                    rest = sum
                }
            }
        }
        guard let rest else { return (kept, 0) }
        state.shown[family.family] = shown ?? Set(places.keys)
        if let place = places[other] { merge(&kept[place], rest) } else { kept.append(rest) }
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
}

/// A sample or a distribution, as folding sees it.
private protocol LabelledValue {
    var labelValues: [String] { get set }
}

extension RoomSample: LabelledValue {}
extension RoomReading.Distribution: LabelledValue {}

extension RoomReading.Distribution {
    fileprivate mutating func add(_ other: RoomReading.Distribution) {
        for index in 0..<min(words.count, other.words.count) { words[index] &+= other.words[index] }
        exemplars.merge(other.exemplars)
    }
}
