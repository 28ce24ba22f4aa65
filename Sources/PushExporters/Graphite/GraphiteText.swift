package import BrokerMetrics

/// Renders a `Snapshot` in Graphite's plain text protocol, `key value seconds`, a line for each.
///
///     key.prefix.mqtt.connect.received 12 1700000000                        the sum over all labels
///     key.prefix.mqtt.connect.received.mqtt_version_4 9 1700000000          with labels: a line for each of them
///     key.prefix.mqtt.connect.received;mqtt_version=4;node=a@b 9 1700000000 with tags, one line for each series instead
///
/// VerneMQ: sends a name with several series once for each of them, with different values under one key, so that the
/// last one wins on the server; the same with labels. Here such a key has the sum. Immutable: any thread may render.
package struct GraphiteText: Sendable {
    private struct Family: Sendable {
        let metric: MetricFamily
        /// `key.prefix.mqtt.connect.received`
        let key: String
    }

    private let families: [Family]
    private let node: String

    /// - Parameters:
    ///   - catalog: the names to send.
    ///   - apiKey: stands before the prefix.
    ///   - prefix: stands before each name. Blanks and other bytes that would end the key become `_`.
    ///   - node: the node's name, which becomes a tag.
    package init(_ catalog: MetricCatalog, apiKey: String, prefix: String, node: String) {
        let parts = [apiKey, prefix].map(GraphiteName.path).filter { !$0.isEmpty }
        families = catalog.families.map { metric in
            let name = metric.name.replacing("_", with: ".")
            return Family(metric: metric, key: (parts + [name]).joined(separator: "."))
        }
        self.node = GraphiteName.tagValue(node)
    }

    /// Appends the lines of `snapshot` to `output`.
    ///
    /// - Parameter seconds: the time of all values, since 1970-01-01 UTC.
    package func render(
        _ snapshot: Snapshot, seconds: Int64, labels: GraphiteLabels, into output: inout [UInt8]
    ) {
        let end = " \(seconds)\n"
        for family in families {
            var lines = Lines()
            forEachValue(of: family.metric, snapshot) { part, labelled, value in
                switch labels {
                case .none: lines.add(value, to: part)
                case .lines:
                    lines.add(value, to: part)
                    for label in labelled {
                        lines.add(value, to: ".\(label.name)_\(GraphiteName.word(label.value))\(part)")
                    }
                case .tags: lines.add(value, to: part + tags(of: labelled))
                }
            }
            for (suffix, value) in lines.all {
                output.append(contentsOf: "\(family.key)\(suffix) \(value.decimalText)\(end)".utf8)
            }
        }
    }

    /// Calls `body` with the sum over all labels of each family, and of each part of a histogram.
    ///
    /// - Parameter body: gets the key, words with dots between them.
    func forEachSum(_ snapshot: Snapshot, _ body: (String, MetricValue) -> Void) {
        for family in families {
            var lines = Lines()
            forEachValue(of: family.metric, snapshot) { part, _, value in lines.add(value, to: part) }
            for (suffix, value) in lines.all { body(family.key + suffix, value) }
        }
    }

    private func tags(of labels: [MetricLabel]) -> String {
        var text = ""
        for label in labels {
            let value = GraphiteName.tagValue(label.value)
            // A tag has a value, or there is no tag.
            if !value.isEmpty { text += ";\(label.name)=\(value)" }
        }
        return node.isEmpty ? text : "\(text);node=\(node)"
    }

    /// Calls `body` with each value: the end of its key, beginning with a dot unless it is empty, and its labels. The
    /// buckets of a histogram are cumulative, so they may be added up as counters are.
    private func forEachValue(
        of family: MetricFamily, _ snapshot: Snapshot, _ body: (String, [MetricLabel], MetricValue) -> Void
    ) {
        for series in family.series {
            snapshot.forEachValue(of: series) { body("", $0, $1) }
            for histogram in snapshot.histograms(of: series) {
                let (reading, bounds) = (histogram.reading, histogram.bounds)
                let labels = histogram.labels.pairs(of: series)
                let count = MetricValue(word: reading.count)
                body(".count", labels, count)
                body(".sum", labels, MetricValue(word: reading.sum, bounds.scale))
                for (text, cumulative) in zip(bounds.texts, reading.cumulative) {
                    body(".bucket.\(GraphiteName.word(text))", labels, MetricValue(word: cumulative))
                }
                body(".bucket.inf", labels, count)
            }
        }
    }

    /// The sums under the keys of one family, in the order in which the keys first came.
    private struct Lines {
        private(set) var all: [(suffix: String, value: MetricValue)] = []
        private var places: [String: Int] = [:]

        mutating func add(_ value: MetricValue, to suffix: String) {
            if let place = places[suffix] {
                let sum = all[place].value
                all[place].value = MetricValue(sum.raw &+ value.raw, value.scale)
            } else {
                places[suffix] = all.count
                all.append((suffix, value))
            }
        }
    }
}

extension MetricValue {
    /// An integer, or seconds with as many digits as there are.
    var decimalText: String {
        guard scale == .nanoseconds else { return "\(raw)" }
        let (seconds, rest) = raw.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var text = "\(raw < 0 ? "-" : "")\(seconds)"
        guard rest > 0 else { return text }
        var digits = "\(1_000_000_000 + rest)".dropFirst()
        while digits.last == "0" { digits.removeLast() }
        text += ".\(digits)"
        return text
    }
}
