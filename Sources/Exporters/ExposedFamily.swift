import BrokerMetrics
import PrometheusProto

/// A row of the catalogue made ready to be written: what does not change from one scrape to the next is text already.
struct ExposedFamily: Sendable {
    let metric: MetricFamily
    /// With the namespace. The same in all formats, for each series.
    let name: String
    /// What OpenMetrics calls the family: a counter's name without `_total`, which belongs to its sample there.
    let openMetricsName: String
    /// `unknown` where the kind is a counter and the name, which is VerneMQ's, has no `_total`: OpenMetrics would have it
    /// end so, and a name must not depend on the format.
    let openMetricsType: String
    /// The unit, where the name ends in it: only then OpenMetrics lets it be said.
    let unit: String?
    /// The HELP and TYPE lines of the text format.
    let textHead: [UInt8]
    /// The TYPE, UNIT and HELP lines of OpenMetrics.
    let openMetricsHead: [UInt8]
    let series: [ExposedSeries]

    /// Whether OpenMetrics tells when the family's counting began.
    var hasCreated: Bool { openMetricsType == "counter" || openMetricsType == "histogram" }

    init(_ metric: MetricFamily, namespace: String, node: String, loopCount: Int) {
        let suffix = "_total"
        let isTotal = metric.name.hasSuffix(suffix)
        name = namespace + metric.name
        openMetricsName =
            metric.kind == .counter && isTotal ? String(name.dropLast(suffix.count)) : name
        openMetricsType = metric.kind == .counter && !isTotal ? "unknown" : metric.kind.rawValue
        unit = openMetricsName.hasSuffix("_\(metric.unit.rawValue)") ? metric.unit.rawValue : nil
        self.metric = metric
        textHead = Array(
            "# HELP \(name) \(LabelText.escaped(help: metric.help))\n# TYPE \(name) \(metric.kind.rawValue)\n"
                .utf8)
        var head = "# TYPE \(openMetricsName) \(openMetricsType)\n"
        if let unit { head += "# UNIT \(openMetricsName) \(unit)\n" }
        // There quotes are escaped as well.
        head += "# HELP \(openMetricsName) \(LabelText.escaped(label: metric.help))\n"
        openMetricsHead = Array(head.utf8)
        let created = openMetricsName + "_created"
        let (name, hasCreated) = (name, openMetricsType == "counter" || openMetricsType == "histogram")
        series = metric.series.map { series in
            ExposedSeries(
                series, name, created: hasCreated ? created : nil, node: node, loopCount: loopCount)
        }
    }
}

/// A series made ready to be written. What begins a line ends in a blank, before the value.
struct ExposedSeries: Sendable {
    let series: MetricSeries
    /// `name{node="…",label="…"} `; the label `node` comes first, then `le`, then the labels of the catalogue in their order.
    let line: [UInt8]
    /// The same for the line `_created` of OpenMetrics; empty where there is none.
    let createdLine: [UInt8]
    /// For a source with a line for each loop; empty for others.
    let loopLines: [(line: [UInt8], created: [UInt8])]
    /// `name{node="…"`, for labels that come with the value.
    let opening: [UInt8]
    let createdOpening: [UInt8]
    /// For a histogram: one line for each bound and +Inf, then sum and count; empty for others. Where the labels come with the
    /// values, a line ends before them.
    let bucketLines: [[UInt8]]
    let sumLine: [UInt8]
    let countLine: [UInt8]
    /// `node` and the labels of the series.
    let labels: [Io_Prometheus_Client_LabelPair]

    init(_ series: MetricSeries, _ name: String, created: String?, node: String, loopCount: Int) {
        self.series = series
        func text(_ name: String, _ labels: [MetricLabel], le: String? = nil) -> [UInt8] {
            var line = "\(name){node=\"\(LabelText.escaped(label: node))\""
            if let le { line += ",le=\"\(le)\"" }
            for label in labels { line += ",\(label.name)=\"\(LabelText.escaped(label: label.value))\"" }
            return Array((line + "} ").utf8)
        }
        func opening(_ name: String) -> [UInt8] {
            Array("\(name){node=\"\(LabelText.escaped(label: node))\"".utf8)
        }
        line = text(name, series.labels)
        createdLine = created.map { text($0, series.labels) } ?? []
        self.opening = opening(name)
        createdOpening = created.map(opening) ?? []
        switch series.source {
        case .perLoop, .loopStalled:
            loopLines = (0..<loopCount).map { number in
                let labels = [MetricLabel("loop", String(number))]
                return (text(name, labels), created.map { text($0, labels) } ?? [])
            }
        default: loopLines = []
        }
        switch series.source {
        case .histogram(_, let bounds), .roomHistogram(_, let bounds):
            var dropped = 0
            if case .roomHistogram(let source, _) = series.source, !source.labels.isEmpty {
                dropped = "} ".utf8.count
            }
            bucketLines = (bounds.labelTexts + ["+Inf"]).map {
                text(name + "_bucket", series.labels, le: $0).dropLast(dropped)
            }
            sumLine = text(name + "_sum", series.labels).dropLast(dropped)
            countLine = text(name + "_count", series.labels).dropLast(dropped)
        default:
            bucketLines = []
            sumLine = []
            countLine = []
        }
        labels =
            [Io_Prometheus_Client_LabelPair("node", node)]
            + series.labels.map { Io_Prometheus_Client_LabelPair($0.name, $0.value) }
    }
}

/// Text that may hold anything, in the forms of the expositions.
enum LabelText {
    /// Label values escape backslash, quote and line feed.
    static func escaped(label text: String) -> String {
        var bytes: [UInt8] = []
        bytes.append(label: text)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// HELP texts of the text format escape backslash and line feed.
    static func escaped(help text: String) -> String {
        text.utf8.contains(0x22)
            ? text.split(separator: "\"", omittingEmptySubsequences: false).map { escaped(label: String($0)) }
                .joined(separator: "\"")
            : escaped(label: text)
    }
}

extension [UInt8] {
    /// A label's value, escaped as both text formats do.
    mutating func append(label text: String) {
        for byte in text.utf8 {
            switch byte {
            case 0x5C: append(text: "\\\\")
            case 0x22: append(text: "\\\"")
            case 0x0A: append(text: "\\n")
            default: append(byte)
            }
        }
    }
}

extension Io_Prometheus_Client_LabelPair {
    init(_ name: String, _ value: String) {
        self.init()
        self.name = name
        self.value = value
    }
}
