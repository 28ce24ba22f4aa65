package import BrokerMetrics
package import OTLPMessages
import SwiftProtobuf

/// Turns a `Snapshot` into OTLP's messages.
///
///     ResourceMetrics {service.name, service.instance.id, service.version, otlp.resource.*}
///       └ ScopeMetrics {vernemq}
///           └ Metric "vernemq_mqtt_connect_received"     the name of /metrics
///               └ Sum, Gauge or Histogram: a point for each series, with its labels as attributes
///
/// Counters and histograms are cumulative since the start of the broker. Immutable: any thread may encode.
package struct OTLPEncoding: Sendable {
    private struct Family: Sendable {
        let metric: MetricFamily
        let name: String
        let unit: String
    }

    private let families: [Family]
    private let resource: Opentelemetry_Proto_Resource_V1_Resource
    private let scope: Opentelemetry_Proto_Common_V1_InstrumentationScope

    /// - Parameter attributes: of the resource, beside or in place of those that the broker has itself.
    package init(_ source: MetricsSource, attributes: [(name: String, value: String)]) {
        families = source.registry.catalog.families.map { metric in
            Family(metric: metric, name: source.namespace + metric.name, unit: metric.otlpUnit)
        }
        var all = [
            "service.name": "vernemq", "service.instance.id": source.node, "service.version": source.version,
        ]
        for (name, value) in attributes { all[name] = value }
        resource = .with { resource in
            resource.attributes = all.sorted { $0.key < $1.key }.map { Self.attribute($0.key, $0.value) }
        }
        scope = .with { scope in
            scope.name = "vernemq"
            scope.version = source.version
        }
    }

    /// A request with all metrics of `snapshot`, and how many data points are in it.
    ///
    /// - Parameter wallMilliseconds: the time of all values, since 1970-01-01 UTC.
    package func request(_ snapshot: Snapshot, wallMilliseconds: Int64) -> (
        Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest, pointCount: Int
    ) {
        var points = Points(snapshot, wallMilliseconds: wallMilliseconds)
        let metrics = families.compactMap { points.metric($0.metric, $0.name, $0.unit) }
        let request = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest.with { request in
            request.resourceMetrics = [
                .with { part in
                    part.resource = resource
                    part.scopeMetrics = [
                        .with { scoped in
                            scoped.scope = scope
                            scoped.metrics = metrics
                        }
                    ]
                }
            ]
        }
        return (request, points.count)
    }

    fileprivate static func attribute(_ name: String, _ value: String)
        -> Opentelemetry_Proto_Common_V1_KeyValue
    {
        .with { attribute in
            attribute.key = name
            attribute.value = .with { $0.stringValue = value }
        }
    }
}

/// The data points of one snapshot.
private struct Points {
    private let snapshot: Snapshot
    private let start: UInt64
    private let time: UInt64
    private(set) var count = 0

    init(_ snapshot: Snapshot, wallMilliseconds: Int64) {
        self.snapshot = snapshot
        start = Self.nanoseconds(snapshot.startedAtMilliseconds)
        time = max(start, Self.nanoseconds(wallMilliseconds))
    }

    /// - Returns: nil when the family has no values now.
    mutating func metric(_ family: MetricFamily, _ name: String, _ unit: String)
        -> Opentelemetry_Proto_Metrics_V1_Metric?
    {
        var metric = Opentelemetry_Proto_Metrics_V1_Metric()
        metric.name = name
        metric.description_p = family.help
        metric.unit = unit
        switch family.kind {
        case .gauge:
            let points = numbers(family)
            guard !points.isEmpty else { return nil }
            metric.gauge.dataPoints = points
        case .counter:
            let points = numbers(family)
            guard !points.isEmpty else { return nil }
            metric.sum.dataPoints = points
            metric.sum.aggregationTemporality = .cumulative
            metric.sum.isMonotonic = true
        case .histogram:
            let points = histograms(family)
            guard !points.isEmpty else { return nil }
            metric.histogram.dataPoints = points
            metric.histogram.aggregationTemporality = .cumulative
        }
        return metric
    }

    private mutating func numbers(_ family: MetricFamily) -> [Opentelemetry_Proto_Metrics_V1_NumberDataPoint]
    {
        var points: [Opentelemetry_Proto_Metrics_V1_NumberDataPoint] = []
        for series in family.series {
            snapshot.forEachValue(of: series) { labels, value in
                var point = Opentelemetry_Proto_Metrics_V1_NumberDataPoint()
                point.attributes = Self.attributes(labels)
                // A gauge tells of a moment, not of a time since.
                if family.kind == .counter { point.startTimeUnixNano = start }
                point.timeUnixNano = time
                switch value.scale {
                case .integer: point.asInt = value.raw
                case .nanoseconds: point.asDouble = Double(value.raw) / 1e9
                }
                points.append(point)
            }
        }
        count += points.count
        return points
    }

    private mutating func histograms(_ family: MetricFamily)
        -> [Opentelemetry_Proto_Metrics_V1_HistogramDataPoint]
    {
        let points = family.series.flatMap { series in
            snapshot.histograms(of: series).map { histogram($0, $0.labels.pairs(of: series)) }
        }
        count += points.count
        return points
    }

    private func histogram(_ histogram: LabelledHistogram, _ labels: [MetricLabel])
        -> Opentelemetry_Proto_Metrics_V1_HistogramDataPoint
    {
        let (reading, bounds) = (histogram.reading, histogram.bounds)
        let scale = bounds.scale == .nanoseconds ? 1e9 : 1
        var point = Opentelemetry_Proto_Metrics_V1_HistogramDataPoint()
        point.attributes = Self.attributes(labels)
        point.startTimeUnixNano = start
        point.timeUnixNano = time
        point.count = reading.count
        point.sum = Double(reading.sum) / scale
        point.explicitBounds = bounds.values.map { Double($0) / scale }
        var below: UInt64 = 0
        for cumulative in reading.cumulative + [reading.count] {
            point.bucketCounts.append(cumulative &- below)
            below = cumulative
        }
        return point
    }

    private static func attributes(_ labels: [MetricLabel]) -> [Opentelemetry_Proto_Common_V1_KeyValue] {
        labels.map { OTLPEncoding.attribute($0.name, $0.value) }
    }

    /// 0, which is "unknown", for clocks that are set to before 1970.
    private static func nanoseconds(_ milliseconds: Int64) -> UInt64 {
        let (nanoseconds, overflow) = UInt64(clamping: milliseconds).multipliedReportingOverflow(
            by: 1_000_000)
        return overflow ? .max : nanoseconds
    }
}

extension MetricFamily {
    /// The unit in the code of UCUM where the name ends in it, else as an annotation: receivers that make Prometheus' names
    /// of OTLP's add the words of units that a name does not have, and names must not depend on the way they went.
    fileprivate var otlpUnit: String {
        let base = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
        if heritage == .own, unit == .seconds, base.hasSuffix("_seconds") { return "s" }
        if heritage == .own, unit == .bytes, base.hasSuffix("_bytes") { return "By" }
        return "{\(unit.rawValue)}"
    }
}
