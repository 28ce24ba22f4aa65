package import BrokerMetrics

/// What a format makes of the families of a reading, one after the other. `Exposition.walk` calls it.
protocol MetricVisitor {
    /// A family with at least one line begins.
    mutating func begin(_ family: ExposedFamily)
    /// A line of the family's series `series` that is no histogram.
    mutating func line(
        _ family: ExposedFamily, _ series: ExposedSeries, _ labels: LineLabels, _ value: MetricValue)
    /// A series that is a histogram.
    mutating func histogram(_ family: ExposedFamily, _ series: ExposedSeries, _ histogram: LabelledHistogram)
    /// The family has no more lines.
    mutating func end(_ family: ExposedFamily)
    /// There are no more families.
    mutating func finish()
}

/// Writes a `Snapshot` in one of the formats of `/metrics`.
///
///     catalogue → ExposedFamily …                       once
///     Snapshot  → walk → TextVisitor, OpenMetricsVisitor, ProtobufVisitor → bytes     each scrape
///
/// There is one walk, so all formats have the same families and lines in the same order. Immutable: any number of threads may
/// render at once.
package struct Exposition: Sendable {
    let families: [ExposedFamily]
    let namespace: String
    let hasNativeHistograms: Bool

    /// - Parameters:
    ///   - catalog: the families.
    ///   - namespace: stands before every name: `vernemq_`, or empty.
    ///   - node: the node's name.
    ///   - hasNativeHistograms: whether protobuf has native histograms beside the classic buckets.
    package init(
        _ catalog: MetricCatalog, namespace: String, node: String, hasNativeHistograms: Bool = true
    ) {
        self.namespace = namespace
        self.hasNativeHistograms = hasNativeHistograms
        families = catalog.families.map {
            ExposedFamily($0, namespace: namespace, node: node, loopCount: catalog.loopCount)
        }
    }

    /// Appends the exposition of `snapshot` to `output`; reuse the array and the text formats allocate no memory for their
    /// lines.
    ///
    /// - Parameter selection: the families to show; nil for all.
    /// - Returns: the series that were written: a histogram has one for each bound, +Inf, sum and count.
    @discardableResult
    package func render(
        _ snapshot: Snapshot, as format: ExpositionFormat, selection: FamilySelection? = nil,
        into output: inout [UInt8]
    ) -> Int {
        // The array moves in and out of the visitor, so that it is not copied.
        var target: [UInt8] = []
        swap(&target, &output)
        switch format {
        case .text:
            var visitor = TextVisitor(output: target)
            target = []
            let count = walk(snapshot, selection, &visitor)
            output = visitor.output
            return count
        case .openMetrics:
            var visitor = OpenMetricsVisitor(output: target, createdAt: snapshot.startedAtMilliseconds)
            target = []
            let count = walk(snapshot, selection, &visitor)
            output = visitor.output
            return count
        case .protobuf:
            var visitor = ProtobufVisitor(
                output: target, createdAt: snapshot.startedAtMilliseconds,
                hasNativeHistograms: hasNativeHistograms)
            target = []
            let count = walk(snapshot, selection, &visitor)
            output = visitor.output
            return count
        }
    }

    /// Shows a visitor all that there is.
    ///
    /// - Returns: the number of series, as `render` counts them.
    func walk(_ snapshot: Snapshot, _ selection: FamilySelection?, _ visitor: inout some MetricVisitor) -> Int
    {
        var count = 0
        for (index, family) in families.enumerated() {
            if let selection, !selection.contains(index) { continue }
            var hasBegun = false
            for series in family.series {
                for histogram in snapshot.histograms(of: series.series) {
                    if !hasBegun { visitor.begin(family) }
                    hasBegun = true
                    visitor.histogram(family, series, histogram)
                    count += histogram.bounds.values.count + 3
                }
                snapshot.forEachLine(of: series.series) { labels, value in
                    if !hasBegun { visitor.begin(family) }
                    hasBegun = true
                    visitor.line(family, series, labels, value)
                    count += 1
                }
            }
            if hasBegun { visitor.end(family) }
        }
        visitor.finish()
        return count
    }
}
