import BrokerMetrics

/// Writes OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/.
///
///     # TYPE vernemq_ledger_accepted counter
///     # HELP vernemq_ledger_accepted PUBLISH packets that passed all checks and were routed.
///     vernemq_ledger_accepted_total{node="VerneMQ@127.0.0.1"} 12
///     vernemq_ledger_accepted_created{node="VerneMQ@127.0.0.1"} 1764478399.25
///     …
///     # EOF
struct OpenMetricsVisitor: MetricVisitor {
    var output: [UInt8]
    /// When the broker began to count, in seconds since 1970-01-01 UTC: the value of all lines `_created`.
    private let created: [UInt8]

    /// - Parameter createdAt: milliseconds since 1970-01-01 UTC.
    init(output: [UInt8], createdAt: Int64) {
        self.output = output
        var created: [UInt8] = []
        created.append(secondsOfMilliseconds: createdAt)
        created.append(UInt8(ascii: "\n"))
        self.created = created
    }

    mutating func begin(_ family: ExposedFamily) { output.append(contentsOf: family.openMetricsHead) }

    mutating func line(
        _ family: ExposedFamily, _ series: ExposedSeries, _ labels: LineLabels, _ value: MetricValue
    ) {
        output.append(start: series, labels)
        output.append(value)
        output.append(UInt8(ascii: "\n"))
        guard family.hasCreated else { return }
        output.append(createdStart: series, labels)
        output.append(contentsOf: created)
    }

    mutating func histogram(
        _ family: ExposedFamily, _ series: ExposedSeries, _ histogram: LabelledHistogram
    ) {
        let exemplars = histogram.exemplars.isEmpty ? [] : histogram.exemplars.latest(of: histogram.bounds)
        let scale = histogram.bounds.scale
        output.append(series, histogram) { index, output in
            guard index < exemplars.count, let exemplar = exemplars[index] else { return }
            output.append(exemplar, scale)
        }
        output.append(createdStart: series, histogram.labels)
        output.append(contentsOf: created)
    }

    mutating func end(_ family: ExposedFamily) {}
    mutating func finish() { output.append(text: "# EOF\n") }
}

extension [UInt8] {
    /// `` # {trace_id="…",span_id="…"} 0.25 1764478399.25``.
    fileprivate mutating func append(_ exemplar: Exemplar, _ scale: MetricScale) {
        append(text: " # {")
        var separator: StaticString = ""
        if exemplar.traceHigh | exemplar.traceLow != 0 {
            append(text: "trace_id=\"")
            append(hexadecimal: exemplar.traceHigh)
            append(hexadecimal: exemplar.traceLow)
            append(text: "\"")
            separator = ","
        }
        if exemplar.spanID != 0 {
            append(text: separator)
            append(text: "span_id=\"")
            append(hexadecimal: exemplar.spanID)
            append(text: "\"")
        }
        append(text: "} ")
        append(MetricValue(word: exemplar.value, scale))
        append(text: " ")
        append(secondsOfMilliseconds: exemplar.wallMilliseconds)
    }

    /// Sixteen digits in lower case.
    mutating func append(hexadecimal value: UInt64) {
        for shift in stride(from: UInt64(60), through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> shift) & 15
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    /// Milliseconds as seconds, exactly: `1500` is `1.5`.
    mutating func append(secondsOfMilliseconds value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        let (seconds, rest) = value.magnitude.quotientAndRemainder(dividingBy: 1_000)
        append(decimal: seconds)
        guard rest > 0 else { return }
        append(UInt8(ascii: "."))
        var left = rest
        var divisor: UInt64 = 100
        while left > 0 {
            append(UInt8(truncatingIfNeeded: left / divisor) + UInt8(ascii: "0"))
            left %= divisor
            divisor /= 10
        }
    }
}
