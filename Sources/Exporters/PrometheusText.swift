package import BrokerMetrics

/// Renders a `Snapshot` in the Prometheus text format 0.0.4.
///
///     # HELP vernemq_socket_open MQTT transports opened, handshakes done.
///     # TYPE vernemq_socket_open counter
///     vernemq_socket_open{node="VerneMQ@127.0.0.1"} 12
///
/// All lines of a name stand together. The label `node` comes first, then `le`, then the labels in the order
/// of the catalogue. Immutable: any number of threads may render at once.
package struct PrometheusText: Sendable {
    /// What `/metrics` answers with.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What does not change between two readings of a family, ready to be copied.
    private struct Family: Sendable {
        let metric: MetricFamily
        /// The HELP and TYPE lines.
        let head: [UInt8]
        /// For each series `name{node="…",label="…"} `; empty where the labels come with the values.
        let lines: [[UInt8]]
    }

    private let families: [Family]
    private let nodeLabel: String
    private let namespace: String

    /// - Parameters:
    ///   - namespace: stands before every name: `vernemq_`, or empty.
    ///   - node: the node's name.
    ///   - loopCount: how many loops' names to show.
    package init(namespace: String, node: String, loopCount: Int) {
        self.namespace = namespace
        let nodeLabel = "node=\"\(Self.escaped(label: node))\""
        self.nodeLabel = nodeLabel
        families = MetricCatalog.families(loopCount: loopCount).map { metric in
            let name = namespace + metric.name
            return Family(
                metric: metric,
                head: Array(
                    "# HELP \(name) \(Self.escaped(help: metric.help))\n# TYPE \(name) \(metric.kind.rawValue)\n"
                        .utf8),
                lines: metric.series.map { series in
                    var line = "\(name){\(nodeLabel)"
                    for label in series.labels {
                        line += ",\(label.name)=\"\(Self.escaped(label: label.value))\""
                    }
                    return Array((line + "} ").utf8)
                })
        }
    }

    /// Appends the exposition of `snapshot` to `output`; reuse the array and no memory is allocated for the
    /// text.
    package func render(_ snapshot: Snapshot, into output: inout [UInt8]) {
        for family in families {
            var isHeadWritten = false
            for (index, series) in family.metric.series.enumerated() {
                if let (reading, bounds) = snapshot.histogram(of: series) {
                    output.append(contentsOf: family.head)
                    render(family.metric.name, reading, bounds, into: &output)
                    continue
                }
                snapshot.forEachValue(of: series) { labels, value in
                    if !isHeadWritten { output.append(contentsOf: family.head) }
                    isHeadWritten = true
                    if labels.count == series.labels.count {
                        output.append(contentsOf: family.lines[index])
                    } else {
                        appendLine(family.metric.name, labels, into: &output)
                    }
                    Self.append(value, to: &output)
                    output.append(UInt8(ascii: "\n"))
                }
            }
        }
    }

    /// The start of a line whose labels came with its value.
    private func appendLine(_ name: String, _ labels: [MetricLabel], into output: inout [UInt8]) {
        output.append(text: namespace)
        output.append(text: name)
        output.append(text: "{")
        output.append(text: nodeLabel)
        for label in labels {
            output.append(text: ",")
            output.append(text: label.name)
            output.append(text: "=\"")
            output.append(text: Self.escaped(label: label.value))
            output.append(text: "\"")
        }
        output.append(text: "} ")
    }

    private func render(
        _ name: String, _ reading: HistogramReading, _ bounds: HistogramBounds, into output: inout [UInt8]
    ) {
        func begin(_ suffix: StaticString) {
            output.append(text: namespace)
            output.append(text: name)
            output.append(text: suffix)
            output.append(text: nodeLabel)
        }
        for (index, text) in bounds.texts.enumerated() {
            begin("_bucket{")
            output.append(text: ",le=\"")
            output.append(text: text)
            output.append(text: "\"} ")
            output.append(decimal: reading.cumulative[index])
            output.append(UInt8(ascii: "\n"))
        }
        begin("_bucket{")
        output.append(text: ",le=\"+Inf\"} ")
        output.append(decimal: reading.count)
        output.append(UInt8(ascii: "\n"))
        begin("_sum{")
        output.append(text: "} ")
        Self.append(MetricValue(word: reading.sum, bounds.scale), to: &output)
        output.append(UInt8(ascii: "\n"))
        begin("_count{")
        output.append(text: "} ")
        output.append(decimal: reading.count)
        output.append(UInt8(ascii: "\n"))
    }

    private static func append(_ value: MetricValue, to output: inout [UInt8]) {
        switch value.scale {
        case .integer: output.append(decimal: value.raw)
        case .nanoseconds: output.append(secondsOf: value.raw)
        }
    }

    /// Label values escape backslash, quote and line feed.
    static func escaped(label text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    /// HELP texts escape backslash and line feed.
    static func escaped(help text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A }) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
