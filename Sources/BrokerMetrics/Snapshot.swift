/// The numbers of one moment: every loop's block, their sum, and what was registered from outside. Immutable,
/// so any thread may render it for as long as it likes.
public struct Snapshot: Sendable {
    /// One loop's block.
    public struct Loop: Sendable {
        /// Laid out as `MetricLayout` says; empty when the loop has never answered.
        public let words: [UInt64]
        /// The loop did not answer in time: `words` are from an earlier reading.
        public let isStalled: Bool
        /// Busy percent since the reading before, 0…100.
        public let utilization: Int
        /// By `LoopHistogram.rawValue`; empty when the loop has none.
        public let exemplars: [ExemplarSlots]

        /// The block of a loop, as `MetricsRegistry` has collected it.
        public init(
            words: [UInt64], isStalled: Bool = false, utilization: Int = 0, exemplars: [ExemplarSlots] = []
        ) {
            self.words = words
            self.isStalled = isStalled
            self.utilization = utilization
            self.exemplars = exemplars
        }

        /// The value of a counter on this loop; 0 when the loop has never answered.
        public subscript(_ counter: Counter) -> UInt64 { word(counter.word) }
        /// The value of a gauge on this loop; 0 when the loop has never answered.
        public subscript(_ gauge: LoopGauge) -> Int64 { Int64(bitPattern: word(gauge.word)) }

        fileprivate func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }
    }

    /// The loops in the order of their numbers.
    public let loops: [Loop]
    /// The sum of the loops' words.
    public let total: [UInt64]
    /// What the rooms gave, by the names of their families; none where no room has been read.
    public let samples: [String: [RoomSample]]
    /// The distributions that the rooms gave, by the names of their families.
    let distributions: [String: [RoomReading.Distribution]]
    /// What the kernel says about the process, read for this snapshot.
    public let process: ProcessReading
    /// The broker's version, for `build_info`.
    public let version: String
    /// Milliseconds since the broker started.
    public let uptimeMilliseconds: Int64
    /// Since 1970-01-01 UTC.
    public let startedAtMilliseconds: Int64
    /// How long collecting the loops' blocks took.
    public let duration: UInt64

    /// - Parameter duration: in nanoseconds.
    init(
        loops: [Loop], samples: [String: [RoomSample]] = [:],
        distributions: [String: [RoomReading.Distribution]],
        process: ProcessReading = ProcessReading(),
        version: String = "", uptimeMilliseconds: Int64 = 0, startedAtMilliseconds: Int64 = 0,
        duration: UInt64 = 0
    ) {
        self.loops = loops
        var total = [UInt64](repeating: 0, count: MetricLayout.wordCount)
        for loop in loops {
            for index in 0..<min(total.count, loop.words.count) { total[index] &+= loop.words[index] }
        }
        self.total = total
        self.samples = samples
        self.distributions = distributions
        self.process = process
        self.version = version
        self.uptimeMilliseconds = uptimeMilliseconds
        self.startedAtMilliseconds = startedAtMilliseconds
        self.duration = duration
    }

    /// The numbers of one moment, as a test has them.
    ///
    /// - Parameters:
    ///   - samples: what the rooms gave, by the names of their families.
    ///   - histograms: the distributions that the rooms gave, without labels.
    ///   - duration: in nanoseconds.
    public init(
        loops: [Loop], samples: [String: [RoomSample]] = [:], histograms: [String: SharedHistogram] = [:],
        process: ProcessReading = ProcessReading(), version: String = "", uptimeMilliseconds: Int64 = 0,
        startedAtMilliseconds: Int64 = 0, duration: UInt64 = 0
    ) {
        self.init(
            loops: loops, samples: samples,
            distributions: histograms.mapValues {
                [RoomReading.Distribution(labelValues: [], words: $0.reading, exemplars: $0.exemplars)]
            },
            process: process, version: version, uptimeMilliseconds: uptimeMilliseconds,
            startedAtMilliseconds: startedAtMilliseconds, duration: duration)
    }

    /// The value of a counter, summed over all loops.
    public subscript(_ counter: Counter) -> UInt64 { total[counter.word] }
    /// Copies that were lost for this reason, summed over all loops.
    public subscript(_ reason: DropReason) -> UInt64 { total[reason.word] }
    /// Messages of this origin that were routed, summed over all loops.
    public func messages(_ origin: PublicationOrigin) -> UInt64 { total[origin.messagesWord] }
    /// Copies that were made of messages of this origin, summed over all loops.
    public func copies(_ origin: PublicationOrigin) -> UInt64 { total[origin.copiesWord] }
    /// PUBLISH packets that were not routed for this reason, summed over all loops.
    public subscript(_ reason: RejectReason) -> UInt64 { total[reason.word] }
    /// Connections that ended for this reason, summed over all loops.
    public subscript(_ reason: CloseReason) -> UInt64 { total[reason.word] }
    /// The value of a gauge, summed over all loops.
    public subscript(_ gauge: LoopGauge) -> Int64 { Int64(bitPattern: total[gauge.word]) }

    /// The sum of some words.
    public func sum(_ words: [Int]) -> UInt64 { words.reduce(0) { $0 &+ total[$1] } }

    /// Both versions together.
    public subscript(_ counter: VersionedCounter) -> UInt64 {
        VersionLabel.allCases.reduce(0) { $0 &+ total[counter.word($1)] }
    }

    /// The sum of the samples of a room's family; 0 when no room has given one.
    public subscript(_ name: String) -> Int64 { samples[name, default: []].reduce(0) { $0 &+ $1.value } }
    /// The sum of the samples of a room's family; 0 when no room has given one.
    public subscript(_ family: MetricFamily) -> Int64 { self[family.name] }

    /// The left side of the equation less its right side; 0 when every message is accounted for. That of
    /// `storage` counts as 0 while the store takes no writes.
    public func residual(_ equation: LedgerEquation) -> Int64 {
        // What waits for a store that takes nothing is neither lost nor there.
        if equation == .storage, self[LedgerEquation.storeFailing] != 0 { return 0 }
        let copies = samples[LedgerEquation.storeRows]?.first { $0.labelValues == ["copies"] }
        return equation.residual(of: total, presentCopies: copies?.value ?? 0)
    }

    /// The mean of the loops' busy shares, rounded.
    public var meanUtilization: Int {
        loops.isEmpty ? 0 : (loops.reduce(0) { $0 + $1.utilization } * 2 + loops.count) / (2 * loops.count)
    }
}

/// The labels of one line: what a series has by itself, or what came with its value. Making one takes no memory.
public enum LineLabels: Sendable {
    /// Those of the series.
    case fixed
    /// `loop`, with the loop's number.
    case loop(Int)
    /// `version`.
    case version(String)
    /// The labels of a room's sample: the names, and as many values.
    case named([String], [String])

    /// As pairs, for a line of `series`.
    public func pairs(of series: MetricSeries) -> [MetricLabel] {
        switch self {
        case .fixed: series.labels
        case .loop(let number): [MetricLabel("loop", String(number))]
        case .version(let version): [MetricLabel("version", version)]
        case .named(let names, let values): zip(names, values).map { MetricLabel($0, $1) }
        }
    }
}

extension Snapshot {
    /// Calls `body` with each line of `series` but those of histograms.
    public func forEachLine(of series: MetricSeries, _ body: (LineLabels, MetricValue) -> Void) {
        func report(_ value: Int64, _ scale: MetricScale = .integer) {
            if value == 0, series.isHiddenWhenZero { return }
            body(.fixed, MetricValue(value, scale))
        }
        switch series.source {
        case .zero: report(0)
        case .words(let words, let scale):
            report(Int64(bitPattern: sum(words)), scale)
        case .perLoop(let index, let scale):
            for (number, loop) in loops.enumerated() {
                body(.loop(number), MetricValue(word: loop.word(index), scale))
            }
        case .loopStalled:
            for (number, loop) in loops.enumerated() {
                body(.loop(number), MetricValue(loop.isStalled ? 1 : 0))
            }
        case .room(let source):
            if source.labels.isEmpty { return report(self[source.family], source.scale) }
            guard let samples = samples[source.family] else {
                for values in source.unread {
                    body(.named(source.labelNames, values), MetricValue(0, source.scale))
                }
                return
            }
            for sample in samples {
                body(.named(source.labelNames, sample.labelValues), MetricValue(sample.value, source.scale))
            }
        case .process(let metric):
            let value = value(of: metric)
            report(value.raw, value.scale)
        case .memory(let owner): report(owner.byteCount(in: self))
        case .ledger(let equation): report(residual(equation))
        case .loopUtilization(let index): report(index < loops.count ? Int64(loops[index].utilization) : 0)
        case .meanLoopUtilization: report(Int64(meanUtilization))
        case .snapshotNanoseconds: report(Int64(clamping: duration), .nanoseconds)
        case .buildInfo: body(.version(version), MetricValue(1))
        case .histogram, .roomHistogram: break
        }
    }

    /// As `forEachLine`, with the labels as pairs.
    public func forEachValue(of series: MetricSeries, _ body: ([MetricLabel], MetricValue) -> Void) {
        forEachLine(of: series) { body($0.pairs(of: series), $1) }
    }

    /// The sum of a family's lines, as `$SYS` and `metrics show` print it; nil for histograms.
    public func aggregate(_ family: MetricFamily) -> MetricValue? {
        guard family.kind != .histogram else { return nil }
        var sum = MetricValue(0)
        for series in family.series {
            forEachValue(of: series) { _, value in sum = MetricValue(sum.raw &+ value.raw, value.scale) }
        }
        return sum
    }

    /// As far as nanoseconds reach: from 1677 to 2262.
    private var startedAtNanoseconds: Int64 {
        let (nanoseconds, overflow) = startedAtMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (startedAtMilliseconds < 0 ? .min : .max) : nanoseconds
    }

    private func value(of metric: ProcessMetric) -> MetricValue {
        switch metric {
        case .residentBytes: MetricValue(process.residentBytes)
        case .textBytes: MetricValue(process.textBytes)
        case .dataBytes: MetricValue(max(0, process.residentBytes &- process.sharedBytes))
        case .systemBytes: MetricValue(min(process.residentBytes, process.sharedBytes))
        case .cpuMilliseconds: MetricValue(process.cpuNanoseconds / 1_000_000)
        case .cpuNanoseconds: MetricValue(process.cpuNanoseconds, .nanoseconds)
        case .contextSwitches: MetricValue(process.contextSwitches)
        case .uptimeMilliseconds: MetricValue(uptimeMilliseconds)
        case .startTimeNanoseconds: MetricValue(startedAtNanoseconds, .nanoseconds)
        case .threadCount: MetricValue(process.threadCount)
        case .workerCount: MetricValue(process.threadCount &+ self[.sessionsOnline] &+ self[.sessionsOffline])
        case .ioInBytes: MetricValue(process.storageReadBytes &+ Int64(bitPattern: self[.bytesReceived]))
        case .ioOutBytes: MetricValue(process.storageWrittenBytes &+ Int64(bitPattern: self[.bytesSent]))
        case .maximumDescriptors: MetricValue(process.maximumDescriptors)
        }
    }
}
