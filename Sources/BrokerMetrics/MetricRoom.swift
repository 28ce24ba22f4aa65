/// A part of the broker that brings metrics of its own: the store, a listener's protocol, a plugin.
///
///     enum StoreMetrics {
///         static let rows = MetricFamily.gauge("store_rows", .entries, [.closed("kind", kinds)], help: "…")
///         static let room = MetricRoom("Storage", [rows, …])          declared: documents list it, running or not
///     }
///     try registry.register(StoreMetrics.room) { reading in           read: all samples of one moment
///         let counts = statistics.reading
///         reading.add(StoreMetrics.rows, ["kind": "copies"], counts.copies)
///     }
///
/// `MetricCatalog(rooms:)` puts the families of all rooms into the one table; a room that no catalogue has cannot register.
public struct MetricRoom: Sendable {
    /// Who it is, in errors and in the label `room`: the name of its module.
    public let name: String
    /// What it may show, in the order of the exposition.
    public let families: [MetricFamily]

    /// A room that brings `families`.
    public init(_ name: String, _ families: [MetricFamily]) {
        self.name = name
        self.families = families
    }
}

/// A label that the samples of a room's family carry, and the values that it may have.
public struct LabelDeclaration: Hashable, Sendable {
    /// Which values are allowed.
    public enum Values: Hashable, Sendable {
        /// These and no others: words of the program. They are never folded, for sums are made of single ones.
        case closed([String])
        /// What an operator, a plugin or a client has named: at most `bound` of them, and never more than the series budget
        /// allows. Label sets beyond are added up under `other`.
        case open(bound: Int)
    }

    /// As `/metrics` shows it.
    public let name: String
    /// What may stand behind it.
    public let values: Values

    /// A label whose values are words of the program.
    public static func closed(_ name: String, _ values: [String]) -> LabelDeclaration {
        LabelDeclaration(name: name, values: .closed(values))
    }

    /// A label whose values are named from outside.
    ///
    /// - Parameter bound: how many values are shown at most; at least 1.
    public static func open(_ name: String, bound: Int = .max) -> LabelDeclaration {
        LabelDeclaration(name: name, values: .open(bound: max(1, bound)))
    }

    /// The allowed values; nil when they are named from outside.
    var allowed: [String]? {
        if case .closed(let values) = values { values } else { nil }
    }

    /// How many values there may be.
    var bound: Int {
        switch values {
        case .closed(let values): values.count
        case .open(let bound): bound
        }
    }
}

/// Where the samples of a room's family are found in a `Snapshot`, and what is shown before there are any.
public struct RoomSource: Sendable {
    /// The family's name.
    public let family: String
    /// The labels of its samples, in the order of the exposition.
    public let labels: [LabelDeclaration]
    /// `labels` by name.
    public let labelNames: [String]
    /// Units of the samples' values, or of a histogram's sum.
    public let scale: MetricScale
    /// The label values shown with 0 while the room gives no sample of the family. A family without labels always has a line.
    let unread: [[String]]

    init(_ family: String, _ labels: [LabelDeclaration], _ scale: MetricScale, isSparse: Bool) {
        self.family = family
        self.labels = labels
        self.scale = scale
        labelNames = labels.map(\.name)
        if labels.isEmpty {
            unread = [[]]
        } else if !isSparse, labels.count == 1, let values = labels[0].allowed {
            unread = values.map { [$0] }
        } else {
            unread = []
        }
    }

    /// The most label sets that are shown; nil when all labels are closed, and nothing is folded.
    var bound: Int? {
        if labels.allSatisfy({ $0.allowed != nil }) { return nil }
        return labels.reduce(1) { bound, label in
            let (product, overflow) = bound.multipliedReportingOverflow(by: max(1, label.bound))
            return overflow ? .max : product
        }
    }
}

/// The families that rooms declare.
extension MetricFamily {
    /// A number that only grows.
    ///
    /// - Parameter scale: `.nanoseconds` when the samples count nanoseconds and the family seconds.
    public static func counter(
        _ name: String, _ unit: MetricUnit, _ labels: [LabelDeclaration] = [],
        scale: MetricScale = .integer, heritage: MetricHeritage = .own, help: String
    ) -> MetricFamily {
        room(name, .counter, unit, labels, heritage, help) {
            .room(RoomSource(name, labels, scale, isSparse: false))
        }
    }

    /// A number that goes up and down.
    ///
    /// - Parameters:
    ///   - scale: `.nanoseconds` when the samples count nanoseconds and the family seconds.
    ///   - isSparse: whether a label value without a sample has no line at all. Else each value of a family with one closed
    ///     label shows 0 until its room has been read.
    public static func gauge(
        _ name: String, _ unit: MetricUnit, _ labels: [LabelDeclaration] = [],
        scale: MetricScale = .integer, isSparse: Bool = false, heritage: MetricHeritage = .own, help: String
    ) -> MetricFamily {
        room(name, .gauge, unit, labels, heritage, help) {
            .room(RoomSource(name, labels, scale, isSparse: isSparse))
        }
    }

    /// A distribution, a `SharedHistogram` for each label set.
    public static func histogram(
        _ name: String, _ unit: MetricUnit, _ bounds: HistogramBounds, _ labels: [LabelDeclaration] = [],
        heritage: MetricHeritage = .own, help: String
    ) -> MetricFamily {
        room(name, .histogram, unit, labels, heritage, help) {
            .roomHistogram(RoomSource(name, labels, bounds.scale, isSparse: false), bounds)
        }
    }

    private static func room(
        _ name: String, _ kind: MetricKind, _ unit: MetricUnit, _ labels: [LabelDeclaration],
        _ heritage: MetricHeritage, _ help: String, _ source: () -> MetricSource
    ) -> MetricFamily {
        MetricFamily(
            name: name, kind: kind, unit: unit, labelNames: labels.map(\.name), help: help,
            heritage: heritage, series: [MetricSeries([], source())])
    }

    /// Where a room's samples are; nil for the families that are read from the loops' blocks.
    public var roomSource: RoomSource? {
        switch series.first?.source {
        case .room(let source), .roomHistogram(let source, _): source
        default: nil
        }
    }
}
