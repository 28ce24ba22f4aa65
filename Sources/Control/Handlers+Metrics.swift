import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
package import BrokerMetrics
import Glibc
import Listeners
import Logging
import MQTTCodec
import Primitives
import Synchronization
import Transport

/// `metrics …`.
extension Control {
    static var metricHandlers: [String: Handler] {
        [
            "metrics show": { try $0.showMetrics($1, $2) },
            "metrics reset": { try $0.resetMetrics($1, $2) },
            "metrics history": { try $0.showHistory($1, $2) },
            "metrics check": { try $0.checkMetrics($1, $2) },
            "metrics cardinality": { try $0.showCardinality($1, $2) },
        ]
    }

    private var families: [MetricFamily] { registry.catalog.families }

    // MARK: show

    private func showMetrics(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let snapshot = registry.snapshot()
        let base = history.base
        let labels = ["mqtt_version", "reason_code", "return_code"].flatMap { name in
            invocation.flags.filter { $0.name == name }.map { MetricLabel(name, $0.value ?? "") }
        }
        let isAggregated = invocation.value("aggregate").map { $0 == "true" } ?? true
        let describes = invocation.has("with-descriptions")
        var lines: [String] = []
        for family in families.sorted(by: { $0.name < $1.name }) {
            var found: [(name: String, value: String)] = []
            var distribution: (reading: HistogramReading, bounds: HistogramBounds)?
            for series in family.series {
                for histogram in snapshot.histograms(of: series) where labels.isEmpty {
                    let (reading, bounds) = (histogram.reading, histogram.bounds)
                    if isAggregated {
                        distribution = (distribution.map { $0.reading + reading } ?? reading, bounds)
                    } else {
                        found += Self.lines(of: reading, bounds, family.name)
                    }
                }
                var total = MetricValue(0)
                var isThere = false
                snapshot.forEachValue(of: series) { carried, value in
                    guard labels.allSatisfy(carried.contains) else { return }
                    let value = value.less(family.heritage == .verneMQCounter ? base?[series: series] : nil)
                    if isAggregated {
                        total = MetricValue(total.raw &+ value.raw, value.scale)
                        isThere = true
                    } else {
                        found.append((family.name, value.text))
                    }
                }
                if isThere { found.append((family.name, total.text)) }
            }
            if isAggregated, family.kind != .histogram, found.count > 1 {
                let sum = found.reduce(0.0) { $0 + (Double($1.value) ?? 0) }
                let isWhole = found.allSatisfy { Int64($0.value) != nil }
                let whole = found.reduce(Int64(0)) { $0 &+ (Int64($1.value) ?? 0) }
                found = [(family.name, isWhole ? "\(whole)" : "\(sum)")]
            }
            if let (reading, bounds) = distribution { found += Self.lines(of: reading, bounds, family.name) }
            guard !found.isEmpty else { continue }
            for line in found {
                if describes { lines.append("# \(family.help)") }
                lines.append("\(family.kind.rawValue).\(line.name) = \(line.value)")
                if describes { lines.append("") }
            }
        }
        output.text(lines.joined(separator: "\n"))
    }

    private static func lines(
        of reading: HistogramReading, _ bounds: HistogramBounds, _ name: String
    ) -> [(name: String, value: String)] {
        var lines = [
            ("\(name)_count", "\(reading.count)"),
            ("\(name)_sum", MetricValue(word: reading.sum, bounds.scale).text),
        ]
        for (index, text) in bounds.texts.enumerated() {
            lines.append(("\(name)_bucket_\(text)", "\(reading.cumulative[index])"))
        }
        lines.append(("\(name)_bucket_infinity", "\(reading.count)"))
        return lines
    }

    // MARK: reset, history

    /// The counters themselves go on, so that a scraper sees no step: what is shown here counts from now on.
    private func resetMetrics(_ invocation: Invocation, _ output: any AdminOutput) throws {
        history.reset(to: registry.snapshot())
        output.text("Done")
    }

    private func showHistory(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let minutes = invocation.integer("minutes") ?? 60
        let numbers = keyNumbers(minutes)
        guard let name = invocation.argument("name") else {
            // Reasons for which nothing was lost say nothing.
            let shown = numbers.filter { !$0.name.hasPrefix("lost_") || $0.peak > 0 }
            return output.table(KeyNumber.columns, shown.map { $0.row(width: 48) })
        }
        if let number = numbers.first(where: { $0.name == name }) {
            output.table(KeyNumber.columns, [number.row(width: 48)])
            return output.text(number.chart(width: 72, height: 10, minutes: minutes))
        }
        guard let index = families.firstIndex(where: { $0.name == name }) else {
            throw AdminFailure(
                .usage,
                "there is no metric \"\(name)\"; metrics show lists all, and metrics history without a name the key numbers"
            )
        }
        output.table(
            ["seconds_ago", name],
            history.rows(of: index, seconds: Int64(minutes) * 60).map { [.integer($0.ago), .real($0.value)] })
    }

    // MARK: check, cardinality

    private func checkMetrics(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let snapshot = registry.snapshot()
        let rows: [[Cell]] = LedgerEquation.allCases.map { equation in
            let residual = snapshot.residual(equation)
            let mayDiffer = equation == .transit || equation == .storage
            return [
                .text(equation.rawValue), .integer(Int(residual)),
                .text(residual == 0 ? "ok" : mayDiffer ? "moving" : "defect"),
            ]
        }
        output.table(["equation", "residual", "verdict"], rows)
        var lines: [String] = []
        var problems: [String] = []
        for check in checkExposition(snapshot) {
            let size = "\(check.sampleCount) samples in \(check.byteCount) bytes"
            let verdict = check.problems.isEmpty ? "nothing is wrong" : "defect"
            lines.append("/metrics as \(check.form): \(size), \(verdict)")
            problems += check.problems.map { "/metrics as \(check.form): \($0)" }
        }
        output.text(lines.joined(separator: "\n"))
        for problem in problems { output.alert(problem) }
        let stalled = registry.stalledLoops()
        if !stalled.isEmpty { output.alert("loops that do not answer: \(stalled)") }
    }

    private func showCardinality(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let snapshot = registry.snapshot()
        let limit = invocation.integer("limit") ?? 20
        var counts: [(name: String, count: Int)] = families.map { family in
            var count = 0
            for series in family.series {
                count += snapshot.histograms(of: series).reduce(0) { $0 + $1.bounds.texts.count + 3 }
                snapshot.forEachValue(of: series) { _, _ in count += 1 }
            }
            return (family.name, count)
        }
        let total = counts.reduce(0) { $0 + $1.count }
        counts.sort { ($1.count, $0.name) < ($0.count, $1.name) }
        output.table(
            ["metric", "series"], counts.prefix(limit).map { [.text($0.name), .integer($0.count)] })
        output.text("\(total) series of \(counts.count) metrics")
        for sample in snapshot.samples[RegistryMetrics.foldedSeries.name, default: []] where sample.value > 0
        {
            output.alert(
                "\(sample.labelValues.first ?? ""): \(sample.value) label sets are folded into other (metrics.max_series_per_family, metrics.max_series)"
            )
        }
    }
}

/// What is to be said about one form of `/metrics`.
package struct ExpositionCheck: Sendable {
    let form: String
    let byteCount: Int
    let sampleCount: Int
    let problems: [String]

    /// - Parameter problems: sentences; none when all is well.
    package init(form: String, byteCount: Int, sampleCount: Int, problems: [String]) {
        self.form = form
        self.byteCount = byteCount
        self.sampleCount = sampleCount
        self.problems = problems
    }
}

/// What `metrics reset` counts from, and what each metric was over the last hours: a sample every ten seconds.
package final class MetricHistory: Sendable {
    private struct Sample {
        /// Seconds of a clock that does not jump.
        let at: Int64
        /// By the number of the family; its series together.
        let values: [Float]
    }

    private struct State {
        var base: Snapshot?
        var samples: [Sample] = []
    }

    /// Seconds between two samples.
    package static let interval = 10
    /// Samples that are kept, those of an hour and a half: about 1 MB.
    private static let length = 540
    private let state = Mutex(State())

    package init() {}

    var base: Snapshot? { state.withLock { $0.base } }

    func reset(to snapshot: Snapshot) { state.withLock { $0.base = snapshot } }

    /// Adds a sample.
    func add(_ snapshot: Snapshot, _ families: [MetricFamily], at seconds: Int64) {
        let values = families.map { family -> Float in
            var total = 0.0
            for series in family.series {
                for histogram in snapshot.histograms(of: series) { total += Double(histogram.reading.count) }
                snapshot.forEachValue(of: series) { _, value in total += value.number }
            }
            return Float(total)
        }
        state.withLock { state in
            state.samples.append(Sample(at: seconds, values: values))
            if state.samples.count > Self.length { state.samples.removeFirst() }
        }
    }

    /// The samples of a family, the newest first: seconds before the newest, and the value.
    func rows(of family: Int, seconds: Int64) -> [(ago: Int, value: Double)] {
        state.withLock { state in
            guard let newest = state.samples.last else { return [] }
            return state.samples.reversed().prefix { newest.at - $0.at <= seconds }.compactMap { sample in
                family < sample.values.count
                    ? (Int(newest.at - sample.at), Double(sample.values[family])) : nil
            }
        }
    }
}

extension Control {
    /// Takes a sample for `metrics history`. To be called every `MetricHistory.interval` seconds, on no loop.
    package func sampleMetrics(_ snapshot: Snapshot) {
        let seconds = Int64(runtime.broker.clock.now.nanoseconds / 1_000_000_000)
        history.add(snapshot, families, at: seconds)
    }
}

extension Snapshot {
    /// The value of a series with fixed labels.
    fileprivate subscript(series series: MetricSeries) -> MetricValue? {
        var found: MetricValue?
        forEachValue(of: series) { _, value in found = value }
        return found
    }
}

extension MetricValue {
    fileprivate func less(_ base: MetricValue?) -> MetricValue {
        MetricValue(raw &- (base?.raw ?? 0), scale)
    }

    fileprivate var number: Double {
        switch scale {
        case .integer: Double(raw)
        case .nanoseconds: Double(raw) / 1_000_000_000
        }
    }

    /// As `metrics show` prints it.
    fileprivate var text: String {
        switch scale {
        case .integer: "\(raw)"
        case .nanoseconds: "\(Double(raw) / 1_000_000_000)"
        }
    }
}
