import BrokerMetrics
import PrometheusProto
import SwiftProtobuf

/// Writes one length-delimited `io.prometheus.client.MetricFamily` for each family. Kinds and names are those of the text
/// format; histograms have native buckets beside the classic ones.
struct ProtobufVisitor: MetricVisitor {
    var output: [UInt8]
    private let created: Google_Protobuf_Timestamp
    private let hasNativeHistograms: Bool
    private var message = Io_Prometheus_Client_MetricFamily()

    /// - Parameter createdAt: milliseconds since 1970-01-01 UTC.
    init(output: [UInt8], createdAt: Int64, hasNativeHistograms: Bool) {
        self.output = output
        created = Google_Protobuf_Timestamp(milliseconds: createdAt)
        self.hasNativeHistograms = hasNativeHistograms
    }

    mutating func begin(_ family: ExposedFamily) {
        message = Io_Prometheus_Client_MetricFamily()
        message.name = family.name
        message.help = family.metric.help
        message.type =
            switch family.metric.kind {
            case .counter: .counter
            case .gauge: .gauge
            case .histogram: .histogram
            }
        if let unit = family.unit { message.unit = unit }
    }

    mutating func line(
        _ family: ExposedFamily, _ series: ExposedSeries, _ labels: LineLabels, _ value: MetricValue
    ) {
        var metric = Io_Prometheus_Client_Metric()
        metric.label = series.labels + labels.own
        if family.metric.kind == .counter {
            metric.counter.value = value.number
            metric.counter.createdTimestamp = created
        } else {
            metric.gauge.value = value.number
        }
        message.metric.append(metric)
    }

    mutating func histogram(
        _ family: ExposedFamily, _ series: ExposedSeries, _ histogram: LabelledHistogram
    ) {
        let reading = histogram.reading
        let scale = histogram.bounds.scale
        let exemplars = histogram.exemplars.isEmpty ? [] : histogram.exemplars.latest(of: histogram.bounds)
        func exemplar(_ index: Int) -> Io_Prometheus_Client_Exemplar? {
            guard index < exemplars.count, let exemplar = exemplars[index] else { return nil }
            return Io_Prometheus_Client_Exemplar(exemplar, scale)
        }
        var made = Io_Prometheus_Client_Histogram()
        made.sampleCount = reading.count
        made.sampleSum = MetricValue(word: reading.sum, scale).number
        made.createdTimestamp = created
        made.bucket.reserveCapacity(reading.cumulative.count + 1)
        for (index, bound) in histogram.bounds.values.enumerated() {
            var bucket = Io_Prometheus_Client_Bucket()
            bucket.upperBound = MetricValue(word: bound, scale).number
            bucket.cumulativeCount = reading.cumulative[index]
            if let exemplar = exemplar(index) { bucket.exemplar = exemplar }
            made.bucket.append(bucket)
        }
        var last = Io_Prometheus_Client_Bucket()
        last.upperBound = .infinity
        last.cumulativeCount = reading.count
        if let exemplar = exemplar(reading.cumulative.count) { last.exemplar = exemplar }
        made.bucket.append(last)
        if hasNativeHistograms {
            let native = NativeBuckets(histogram.buckets, scale)
            made.schema = NativeBuckets.schema
            made.zeroThreshold = NativeBuckets.zeroThreshold
            made.zeroCount = native.zeroCount
            made.positiveSpan = native.spans.map { span in
                var message = Io_Prometheus_Client_BucketSpan()
                message.offset = span.offset
                message.length = span.length
                return message
            }
            made.positiveDelta = native.deltas
            made.exemplars = exemplars.compactMap { $0.map { Io_Prometheus_Client_Exemplar($0, scale) } }
        }
        var metric = Io_Prometheus_Client_Metric()
        metric.label = series.labels + histogram.labels.own
        metric.histogram = made
        message.metric.append(metric)
    }

    mutating func end(_ family: ExposedFamily) {
        // It fails only for required fields without a value, and there are none.
        guard let bytes: [UInt8] = try? message.serializedBytes() else { return }
        var length = UInt64(bytes.count)
        while length >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        output.append(UInt8(length))
        output.append(contentsOf: bytes)
    }

    mutating func finish() {}
}

extension LineLabels {
    /// Those that the series does not have by itself.
    fileprivate var own: [Io_Prometheus_Client_LabelPair] {
        switch self {
        case .fixed: []
        case .loop(let number): [.init("loop", String(number))]
        case .version(let version): [.init("version", version)]
        case .named(let names, let values): zip(names, values).map { .init($0, $1) }
        }
    }
}

extension MetricValue {
    /// The nearest `Double`: the same that a reader makes of the text.
    var number: Double {
        switch scale {
        case .integer: return Double(raw)
        case .nanoseconds:
            // Up to 2^53 both numbers are exact, and the quotient is rounded once. Above it, a whole number of milliseconds
            // (all points in time are) is as good.
            if raw.magnitude <= 1 << 53 { return Double(raw) / 1e9 }
            if raw % 1_000_000 == 0 { return Double(raw / 1_000_000) / 1e3 }
            var text: [UInt8] = []
            text.append(secondsOf: raw)
            return Double(String(decoding: text, as: UTF8.self)) ?? Double(raw) / 1e9
        }
    }
}

extension Io_Prometheus_Client_Exemplar {
    init(_ exemplar: Exemplar, _ scale: MetricScale) {
        self.init()
        func text(_ words: UInt64...) -> String {
            var bytes: [UInt8] = []
            for word in words { bytes.append(hexadecimal: word) }
            return String(decoding: bytes, as: UTF8.self)
        }
        if exemplar.traceHigh | exemplar.traceLow != 0 {
            label.append(.init("trace_id", text(exemplar.traceHigh, exemplar.traceLow)))
        }
        if exemplar.spanID != 0 { label.append(.init("span_id", text(exemplar.spanID))) }
        value = MetricValue(word: exemplar.value, scale).number
        timestamp = Google_Protobuf_Timestamp(milliseconds: exemplar.wallMilliseconds)
    }
}

extension Google_Protobuf_Timestamp {
    init(milliseconds: Int64) {
        self.init()
        seconds = milliseconds / 1_000 - (milliseconds % 1_000 < 0 ? 1 : 0)
        nanos = Int32(((milliseconds % 1_000) + 1_000) % 1_000) * 1_000_000
    }
}
