/// The vocabulary of the catalogue: what a row says about an exported name and where its numbers come from.
///
///     MetricFamily "mqtt_puback_received"          one name, kind, unit, help
///       └ MetricSeries {mqtt_version="5", …}       one line of the exposition
///           └ MetricSource .words([…])             which words of the loops' blocks, or whom to ask
public struct MetricFamily: Sendable {
    /// Without namespace: `mqtt_puback_received`.
    public let name: String
    public let kind: MetricKind
    public let unit: MetricUnit
    /// Every label a series of the family may carry, in definition order.
    public let labelNames: [String]
    /// One sentence.
    public let help: String
    public let heritage: MetricHeritage
    public let series: [MetricSeries]
}

public enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// Whose name it is: names of VerneMQ are never changed.
public enum MetricHeritage: Sendable {
    /// `metrics reset` of VerneMQ zeroes these.
    case verneMQCounter
    case verneMQGauge
    case verneMQRuntime
    case own
}

public enum MetricUnit: String, Sendable {
    case events, packets, messages, bytes, connections, sessions, queues, subscriptions, matches, letters
    case milliseconds, seconds, percent, entries, threads, descriptors, requests, switches, reductions, words
    case calls, timers, subscribers, flag
    /// A difference that should be 0.
    case difference
}

public struct MetricLabel: Hashable, Sendable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

public struct MetricSeries: Sendable {
    public let labels: [MetricLabel]
    public let source: MetricSource
    /// Left out of the exposition while it is 0: slots that only a misbehaving client can reach.
    public let isHiddenWhenZero: Bool

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
    /// The values registered from outside, with their own labels; unlabelled ones are 0 until registered.
    case external(ExternalMetric, MetricScale = .integer)
    /// The sum of unlabelled outside values.
    case externalSum([ExternalMetric])
    case process(ProcessMetric)
    case ledger(LedgerEquation)
    case loopStalled
    /// Busy percent of the loop with this index; 0 when there is no such loop.
    case loopUtilization(Int)
    case meanLoopUtilization
    case snapshotNanoseconds
    case buildInfo
    case histogram(LoopHistogram, HistogramBounds)
    case externalHistogram(ExternalHistogram, HistogramBounds)
}

/// How a word becomes a value.
public enum MetricScale: Sendable {
    case integer
    /// The words count nanoseconds, the family seconds.
    case nanoseconds
}

/// An exported number: exact, without floating point.
public struct MetricValue: Hashable, Sendable {
    /// In `scale`'s steps.
    public let raw: Int64
    public let scale: MetricScale

    public init(_ raw: Int64, _ scale: MetricScale = .integer) {
        self.raw = raw
        self.scale = scale
    }

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
    /// What stands in `le`, in the same order.
    public let texts: [String]
    /// Units of the sum.
    public let scale: MetricScale
    /// For each bound, the first bucket that is not counted below it.
    public let bucketEnds: [Int]

    private init(values: [UInt64], texts: [String], scale: MetricScale) {
        self.values = values
        self.texts = texts
        self.scale = scale
        bucketEnds = values.map { value in
            let index = LogLinearBuckets.index(of: value)
            return LogLinearBuckets.upperBound(of: index) == value ? index + 1 : index
        }
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

    /// 0, 1, 3, 7, … 1,048,575: edges of the log-linear buckets, so exact.
    public static let counts: HistogramBounds = {
        let values = (0...20).map { UInt64(1) << UInt64($0) - 1 }
        return HistogramBounds(values: values, texts: values.map { String($0) }, scale: .integer)
    }()
}

/// Values that do not live in the loops' blocks; whoever owns them registers a reader at start.
public enum ExternalMetric: Int, CaseIterable, Sendable {
    case activeMQTTConnections, activeWebSocketConnections
    case retainMessages, retainMemory, routerSubscriptions, routerMemory
    case netsplitResolved, netsplitDetected
    case clusterBytesReceived, clusterBytesSent, clusterBytesDropped
    /// Labels: listener name, listener type.
    case listenerConnections, listenerConnectionsLimit
    /// Labels: listener name, limit.
    case listenerRefused
    /// Label: what for.
    case descriptorsLimit, descriptorsOpen
    case memoryReturns, memoryReturnedBytes
    /// Label: class of the status code, `2xx`.
    case httpRequests
    case httpConnections, httpConnectionsAccepted, httpConnectionsRefused, httpConnectionsTimedOut
    case httpConnectionsSpared, httpHandlerErrors, httpResponseBytes
    /// Label: why.
    case httpRefusals
    /// Label: what kind of row.
    case storePresent, storeStored, storeDeleted, storeLoaded
    /// Label: what kind of error.
    case storeErrors
    case storeCommits, storeDiskBytes, storeRecoveryNanoseconds, storeFailing, storeWaitingJobs, storeDamaged
    case storeReopened
    /// Labels: level, place.
    case logLines
    /// Label: level.
    case logLinesDropped
    /// Label: place.
    case logWriteErrors
    case logWaitingLines, logWaitingBytes
    case storeLeftovers

    /// The labels a reader gives values for, in this order.
    public var labelNames: [String] {
        switch self {
        case .listenerConnections, .listenerConnectionsLimit: ["listener", "type"]
        case .listenerRefused: ["listener", "limit"]
        case .descriptorsLimit, .descriptorsOpen: ["use"]
        case .httpRequests: ["code"]
        case .logLines: ["level", "place"]
        case .logLinesDropped: ["level"]
        case .logWriteErrors: ["place"]
        case .httpRefusals: ["reason"]
        case .storePresent, .storeStored, .storeDeleted, .storeLoaded, .storeErrors: ["kind"]
        default: []
        }
    }
}

/// Distributions that are kept beside the loops; whoever owns them registers a reader at start.
public enum ExternalHistogram: Int, CaseIterable, Sendable {
    /// Nanoseconds of a commit without and with waiting for the disk.
    case storeWrite, storeSync
    /// Rows changed by a commit.
    case storeBatch
}

/// One value of an `ExternalMetric`.
public struct ExternalSample: Hashable, Sendable {
    /// As many as the metric has label names; values from small closed sets.
    public let labelValues: [String]
    public let value: Int64

    public init(_ labelValues: [String] = [], value: Int64) {
        self.labelValues = labelValues
        self.value = value
    }
}
