import BrokerMetrics

/// Writes the Prometheus text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/.
///
///     # HELP vernemq_socket_open MQTT transports opened, handshakes done.
///     # TYPE vernemq_socket_open counter
///     vernemq_socket_open{node="VerneMQ@127.0.0.1"} 12
struct TextVisitor: MetricVisitor {
    var output: [UInt8]

    mutating func begin(_ family: ExposedFamily) { output.append(contentsOf: family.textHead) }

    mutating func line(
        _ family: ExposedFamily, _ series: ExposedSeries, _ labels: LineLabels, _ value: MetricValue
    ) {
        output.append(start: series, labels)
        output.append(value)
        output.append(UInt8(ascii: "\n"))
    }

    mutating func histogram(
        _ family: ExposedFamily, _ series: ExposedSeries, _ histogram: LabelledHistogram
    ) {
        output.append(series, histogram) { _, _ in }
    }

    mutating func end(_ family: ExposedFamily) {}
    mutating func finish() {}
}

/// What both text formats write in the same way.
extension [UInt8] {
    /// The start of a line, up to the blank before its value.
    mutating func append(start series: ExposedSeries, _ labels: LineLabels) {
        switch labels {
        case .fixed: append(contentsOf: series.line)
        case .loop(let number) where number < series.loopLines.count:
            append(contentsOf: series.loopLines[number].line)
        default: append(opening: series.opening, labels)
        }
    }

    /// The same for the line that tells when counting began.
    mutating func append(createdStart series: ExposedSeries, _ labels: LineLabels) {
        switch labels {
        case .fixed: append(contentsOf: series.createdLine)
        case .loop(let number) where number < series.loopLines.count:
            append(contentsOf: series.loopLines[number].created)
        default: append(opening: series.createdOpening, labels)
        }
    }

    private mutating func append(opening: [UInt8], _ labels: LineLabels) {
        append(contentsOf: opening)
        switch labels {
        case .fixed: break
        case .loop(let number):
            append(text: ",loop=\"")
            append(decimal: UInt64(number))
            append(text: "\"")
        case .version(let version): append(name: "version", value: version)
        case .named(let names, let values):
            for (name, value) in zip(names, values) { append(name: name, value: value) }
        }
        append(text: "} ")
    }

    private mutating func append(name: String, value: String) {
        append(text: ",")
        append(text: name)
        append(text: "=\"")
        append(label: value)
        append(text: "\"")
    }

    mutating func append(_ value: MetricValue) {
        switch value.scale {
        case .integer: append(decimal: value.raw)
        case .nanoseconds: append(secondsOf: value.raw)
        }
    }

    /// The lines of a histogram.
    ///
    /// - Parameter exemplar: appends what stands after the value of the bucket with this index.
    mutating func append(
        _ series: ExposedSeries, _ histogram: LabelledHistogram, exemplar: (Int, inout [UInt8]) -> Void
    ) {
        let reading = histogram.reading
        // Lines of a series with labels of its own are whole; else its labels end each of them.
        var end: [UInt8] = []
        if case .named = histogram.labels { end.append(opening: [], histogram.labels) }
        for (index, line) in series.bucketLines.enumerated() {
            append(contentsOf: line)
            append(contentsOf: end)
            append(decimal: index < reading.cumulative.count ? reading.cumulative[index] : reading.count)
            exemplar(index, &self)
            append(UInt8(ascii: "\n"))
        }
        append(contentsOf: series.sumLine)
        append(contentsOf: end)
        append(MetricValue(word: reading.sum, histogram.bounds.scale))
        append(UInt8(ascii: "\n"))
        append(contentsOf: series.countLine)
        append(contentsOf: end)
        append(decimal: reading.count)
        append(UInt8(ascii: "\n"))
    }
}
