/// What a room shows at one moment: its reader adds each sample. One that was not declared is left out and counted, so what a
/// room does wrong at run time is never worse than a number that is missing.
public struct RoomReading {
    /// A distribution with the values of its labels.
    struct Distribution: Sendable {
        var labelValues: [String]
        /// Laid out as `LogLinearBuckets` says.
        var words: [UInt64]
        var exemplars: ExemplarSlots
    }

    private let room: String
    private let sources: [String: (source: RoomSource, isHistogram: Bool)]
    private(set) var samples: [String: [RoomSample]] = [:]
    private(set) var distributions: [String: [Distribution]] = [:]
    /// Samples that were left out.
    private(set) var skipped = 0
    /// What was wrong with the first of these.
    private(set) var conflict: MetricConflict?

    init(_ room: MetricRoom) {
        self.room = room.name
        sources = Dictionary(
            room.families.compactMap { family in
                family.roomSource.map { (family.name, ($0, family.kind == .histogram)) }
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Adds the value of a family without labels.
    public mutating func add(_ family: MetricFamily, _ value: some BinaryInteger) {
        add(family, [:], value)
    }

    /// Adds a value of a family.
    ///
    /// - Parameters:
    ///   - labels: all labels that the family declares.
    ///   - value: in the unit in which the family counts: nanoseconds where its scale is `.nanoseconds`.
    public mutating func add(
        _ family: MetricFamily, _ labels: KeyValuePairs<String, String>, _ value: some BinaryInteger
    ) {
        guard let values = labelValues(family, labels, isHistogram: false) else { return }
        samples[family.name, default: []].append(RoomSample(values, value: Int64(clamping: value)))
    }

    /// Adds the distribution of a family without labels.
    public mutating func add(_ family: MetricFamily, _ histogram: SharedHistogram) {
        add(family, [:], histogram)
    }

    /// Adds a distribution of a family.
    ///
    /// - Parameter labels: all labels that the family declares.
    public mutating func add(
        _ family: MetricFamily, _ labels: KeyValuePairs<String, String>, _ histogram: SharedHistogram
    ) {
        guard let values = labelValues(family, labels, isHistogram: true) else { return }
        distributions[family.name, default: []].append(
            Distribution(
                labelValues: values, words: histogram.reading, exemplars: histogram.exemplars))
    }

    /// In the order of the declaration; nil when the sample is not as declared.
    private mutating func labelValues(
        _ family: MetricFamily, _ labels: KeyValuePairs<String, String>, isHistogram: Bool
    ) -> [String]? {
        do throws(MetricConflict) {
            return try Self.check(sources[family.name], family, labels, room, isHistogram: isHistogram)
        } catch {
            skipped += 1
            if conflict == nil { conflict = error }
            return nil
        }
    }

    private static func check(
        _ declared: (source: RoomSource, isHistogram: Bool)?, _ family: MetricFamily,
        _ labels: KeyValuePairs<String, String>, _ room: String, isHistogram: Bool
    ) throws(MetricConflict) -> [String] {
        guard let declared else { throw .undeclaredFamily(family.name, of: room) }
        guard declared.isHistogram == isHistogram else {
            throw .wrongKind(family.name, of: room, isHistogram: isHistogram)
        }
        let source = declared.source
        if let stranger = labels.first(where: { !source.labelNames.contains($0.key) }) {
            throw .undeclaredLabel(stranger.key, of: family.name, in: room, declared: source.labelNames)
        }
        var values: [String] = []
        for label in source.labels {
            guard let value = labels.first(where: { $0.key == label.name })?.value else {
                throw .missingLabel(label.name, of: family.name, in: room)
            }
            if let allowed = label.allowed, !allowed.contains(value) {
                throw .undeclaredValue(value, of: label.name, family.name, in: room, allowed: allowed)
            }
            values.append(value)
        }
        return values
    }
}
