/// The vocabulary of the catalogue: what a row says about an exported name and where its numbers come from.
///
///     MetricFamily "mqtt_puback_received"          one name, kind, unit, help
///       └ MetricSeries {mqtt_version="5", …}       one line of the exposition
///           └ MetricSource .words([…])             which words of the loops' blocks, or whom to ask
public struct MetricFamily: Sendable {
    /// Without namespace: `mqtt_puback_received`.
    public let name: String
    /// What the TYPE line of the exposition says.
    public let kind: MetricKind
    /// What the numbers count or measure. Only `docs/metrics.md` shows it.
    public let unit: MetricUnit
    /// Every label a series of the family may carry, in definition order.
    public let labelNames: [String]
    /// One sentence.
    public let help: String
    /// Whether the name is VerneMQ's or ours.
    public let heritage: MetricHeritage
    /// Every series of the family, in the order of the exposition.
    public let series: [MetricSeries]
}

/// The kind of a family. The raw value is the word in the TYPE line of the Prometheus text format.
public enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// Whose name it is: names of VerneMQ are never changed. The cases are in the order of the exposition.
public enum MetricHeritage: CaseIterable, Sendable {
    /// `metrics reset` of VerneMQ zeroes these.
    case verneMQCounter
    /// A gauge of VerneMQ, or one of the counters of its clusters.
    case verneMQGauge
    /// A name that VerneMQ has for the Erlang machine. Here it shows the nearest number of this process, or 0.
    case verneMQRuntime
    /// A name that VerneMQ does not have.
    case own
}

/// What the numbers of a family count or measure. The raw value is the word that `docs/metrics.md` shows.
public enum MetricUnit: String, Sendable {
    case events, packets, messages, bytes, connections, sessions, queues, subscriptions, matches, letters
    case milliseconds, seconds, percent, entries, threads, descriptors, requests, switches, reductions, words
    case calls, timers, subscribers, series, flag, lines, points, microseconds
    /// A difference that should be 0.
    case difference
}

/// One label of a series, such as `mqtt_version="5"`.
public struct MetricLabel: Hashable, Sendable {
    /// The label's name, one of `MetricFamily.labelNames`.
    public let name: String
    /// The label's value as it is, without the escapes of the exposition.
    public let value: String

    /// The label `name="value"`.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One row of a family: its fixed labels and where its value comes from. A source such as `.perLoop` or
/// `.room` gives several lines, and the labels that tell them apart.
public struct MetricSeries: Sendable {
    /// The labels that never change; empty when the source brings its own.
    public let labels: [MetricLabel]
    /// Where the value comes from.
    public let source: MetricSource
    /// Left out of the exposition while it is 0: slots that only a misbehaving client can reach.
    public let isHiddenWhenZero: Bool

    /// A series with these labels and this source.
    public init(_ labels: [MetricLabel] = [], _ source: MetricSource, isHiddenWhenZero: Bool = false) {
        self.labels = labels
        self.source = source
        self.isHiddenWhenZero = isHiddenWhenZero
    }
}

/// Where the value of a series comes from.
public enum MetricSource: Sendable {
    /// Always 0: names that stand in dashboards and have no meaning here.
    case zero
    /// The sum of these words of the blocks, over all loops.
    case words([Int], MetricScale)
    /// One line for each loop, with the label `loop`.
    case perLoop(Int, MetricScale)
    /// What a room's reader gives, with its labels.
    case room(RoomSource)
    /// A number of this process, from `Snapshot.process` and the counters.
    case process(ProcessMetric)
    /// Memory that belongs to somebody, or to nobody known.
    case memory(MemoryOwner)
    /// The residual of an equation between the counters of messages.
    case ledger(LedgerEquation)
    /// One line for each loop, with the label `loop`: 1 when the loop did not answer in time, else 0.
    case loopStalled
    /// Busy percent of the loop with this index; 0 when there is no such loop.
    case loopUtilization(Int)
    /// The mean of the busy percentages of all loops.
    case meanLoopUtilization
    /// How long collecting the loops' blocks took, in nanoseconds.
    case snapshotNanoseconds
    /// Always 1, with the broker's version as the label `version`.
    case buildInfo
    /// The distribution over all loops, cut at the bounds.
    case histogram(LoopHistogram, HistogramBounds)
    /// The distributions that a room's reader gives, each with its labels, cut at the bounds; without labels all 0 until
    /// the room is read.
    case roomHistogram(RoomSource, HistogramBounds)
}

/// How a word becomes a value.
public enum MetricScale: Sendable {
    /// The word is the value.
    case integer
    /// The words count nanoseconds, the family seconds.
    case nanoseconds
}

/// An exported number: exact, without floating point.
public struct MetricValue: Hashable, Sendable {
    /// In `scale`'s steps.
    public let raw: Int64
    /// Whether `raw` is exported as it is, or as nanoseconds turned into seconds.
    public let scale: MetricScale

    /// The value `raw` in steps of `scale`.
    public init(_ raw: Int64, _ scale: MetricScale = .integer) {
        self.raw = raw
        self.scale = scale
    }

    /// The value of a word of a block. The word holds the bits of a signed integer, because a gauge may be
    /// below 0.
    public init(word: UInt64, _ scale: MetricScale = .integer) {
        raw = Int64(bitPattern: word)
        self.scale = scale
    }
}

/// The bounds a log-linear histogram is exported with.
///
/// A bound that is no bucket edge counts the buckets wholly below it, so it acts as if it were up to 12.5 %
/// smaller; the bounds of `counts` are edges and exact.
public struct HistogramBounds: Sendable {
    /// Inclusive upper bounds in the units of the observed values, ascending, without +Inf.
    public let values: [UInt64]
    /// The bounds as `metrics show` prints them, in the same order.
    public let texts: [String]
    /// What stands in `le` on `/metrics`, in the same order: as Prometheus and OpenMetrics write a number, in all formats, so that
    /// a series is the same whatever format it came in.
    public let labelTexts: [String]
    /// Units of the sum.
    public let scale: MetricScale
    /// For each bound, the first bucket that is not counted below it.
    public let bucketEnds: [Int]

    private init(values: [UInt64], texts: [String], scale: MetricScale) {
        self.values = values
        self.texts = texts
        labelTexts = texts.map(Self.labelText)
        self.scale = scale
        bucketEnds = values.map { value in
            let index = LogLinearBuckets.index(of: value)
            return LogLinearBuckets.upperBound(of: index) == value ? index + 1 : index
        }
    }

    /// As Go's `%g` writes a number, with `.0` after one that would look like an integer: `1.0`, `2.5e-05`, `1.048575e+06`.
    private static func labelText(_ text: String) -> String {
        guard let number = Double(text), number >= 1_000_000, !text.contains(".") else {
            return Double(text).map { "\($0)" } ?? text
        }
        var digits = text[...]
        while digits.last == "0" { digits.removeLast() }
        let exponent = text.utf8.count - 1
        return
            "\(digits.prefix(1))\(digits.count > 1 ? "." : "")\(digits.dropFirst())e+\(exponent < 10 ? "0" : "")\(exponent)"
    }

    /// 10 µs to 10 s.
    public static let turnSeconds = HistogramBounds(
        values: [
            10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
            25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 10_000_000_000,
        ],
        texts: [
            "0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005",
            "0.01",
            "0.025", "0.05", "0.1", "0.25", "0.5", "1", "10",
        ],
        scale: .nanoseconds)

    /// 10 µs to a minute.
    public static let waitSeconds = HistogramBounds(
        values: turnSeconds.values.dropLast() + [
            2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000,
        ],
        texts: turnSeconds.texts.dropLast() + ["2.5", "5", "10", "30", "60"], scale: .nanoseconds)

    /// VerneMQ's: 10 µs to a second, in microseconds.
    public static let verneMQMicroseconds: HistogramBounds = {
        let values: [UInt64] = [10, 100, 1_000, 10_000, 100_000, 1_000_000]
        return HistogramBounds(values: values, texts: values.map { String($0) }, scale: .integer)
    }()

    /// 0, 1, 3, 7, … 1,048,575: edges of the log-linear buckets, so exact.
    public static let counts: HistogramBounds = {
        let values = (0...20).map { UInt64(1) << UInt64($0) - 1 }
        return HistogramBounds(values: values, texts: values.map { String($0) }, scale: .integer)
    }()
}

/// One value of a room's family.
public struct RoomSample: Hashable, Sendable {
    /// As many as the family has label names, in their order.
    public internal(set) var labelValues: [String]
    /// In the unit in which the series counts: nanoseconds where its scale is `.nanoseconds`.
    public internal(set) var value: Int64

    /// One value with the values of its labels, in the order of the family's label names.
    public init(_ labelValues: [String] = [], value: Int64) {
        self.labelValues = labelValues
        self.value = value
    }
}
