import Glibc
import PrometheusProto
import SwiftProtobuf

/// Reads length-delimited `MetricFamily` messages and says what is wrong with them.
struct ProtobufReading {
    private var result = ReadExposition()

    static func read(_ bytes: [UInt8]) -> ReadExposition {
        var reading = ProtobufReading()
        var rest = bytes[...]
        var names = Set<String>()
        while !rest.isEmpty {
            guard let length = Self.length(&rest), length <= rest.count else {
                reading.result.complain("a message is cut off \(rest.count) bytes before the end")
                break
            }
            let message = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            guard let family = try? Io_Prometheus_Client_MetricFamily(serializedBytes: message) else {
                reading.result.complain("a message of \(length) bytes is no MetricFamily")
                continue
            }
            if !names.insert(family.name).inserted {
                reading.result.complain("\(family.name) is in two places")
            }
            reading.read(family)
        }
        reading.result.checkHistograms()
        return reading.result
    }

    private static func length(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        var value = 0
        var shift = 0
        while let byte = bytes.popFirst(), shift < 35 {
            value |= Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }

    private mutating func read(_ family: Io_Prometheus_Client_MetricFamily) {
        let name = family.name
        if !ReadExposition.isMetricName(name) { result.complain("\(name) cannot be a name") }
        if family.help.isEmpty { result.complain("\(name) has no help") }
        if family.metric.isEmpty { result.complain("\(name) has no metric") }
        for metric in family.metric {
            let labels = metric.label.map { ($0.name, $0.value) }
            let isRight =
                switch family.type {
                case .counter: metric.hasCounter && metric.counter.value >= 0
                case .gauge: metric.hasGauge
                case .histogram: metric.hasHistogram
                default: false
                }
            if !isRight { result.complain("\(name): a metric that is not its type \(family.type)") }
            switch family.type {
            case .counter:
                result.types[name] = "counter"
                result.add(name, labels, metric.counter.value, at: name)
            case .gauge:
                result.types[name] = "gauge"
                result.add(name, labels, metric.gauge.value, at: name)
            default:
                result.types[name] = "histogram"
                read(metric.histogram, name, labels)
            }
        }
    }

    private mutating func read(
        _ histogram: Io_Prometheus_Client_Histogram, _ name: String, _ labels: [(name: String, value: String)]
    ) {
        for bucket in histogram.bucket {
            let bound = Self.text(bucket.upperBound)
            let all = labels + [("le", bound)]
            result.add(name + "_bucket", all, Double(bucket.cumulativeCount), at: name)
            guard bucket.hasExemplar else { continue }
            if bucket.exemplar.value > bucket.upperBound {
                result.complain("\(name): the exemplar \(bucket.exemplar.value) is not in its bucket")
            }
            let exemplar = bucket.exemplar.label.map { ($0.name, $0.value) }
            result.exemplars[ReadExposition.series(name + "_bucket", all)] =
                "\(ReadExposition.series("", exemplar)) \(bucket.exemplar.value)"
        }
        result.add(name + "_sum", labels, histogram.sampleSum, at: name)
        result.add(name + "_count", labels, Double(histogram.sampleCount), at: name)
        if histogram.hasSchema { checkNative(histogram, name) }
    }

    /// The native buckets hold what the classic ones do.
    private mutating func checkNative(_ histogram: Io_Prometheus_Client_Histogram, _ name: String) {
        if !(-4...8).contains(histogram.schema) {
            result.complain("\(name): there is no schema \(histogram.schema)")
        }
        let buckets = histogram.positiveSpan.reduce(0) { $0 + Int($1.length) }
        if buckets != histogram.positiveDelta.count {
            result.complain("\(name): \(buckets) buckets in spans, \(histogram.positiveDelta.count) counts")
        }
        if histogram.positiveSpan.dropFirst().contains(where: { $0.offset < 1 }) {
            result.complain("\(name): spans that touch or overlap")
        }
        var count: Int64 = 0
        var sum = Int64(clamping: histogram.zeroCount)
        for delta in histogram.positiveDelta {
            count &+= delta
            if count < 0 { result.complain("\(name): a native bucket with \(count) observations") }
            sum &+= count
        }
        if sum != Int64(clamping: histogram.sampleCount) {
            result.complain("\(name): \(sum) in native buckets, \(histogram.sampleCount) observations")
        }
    }

    /// A bound as Prometheus writes it when it makes a label of it: Go's `%g`, with `.0` after what looks like an integer.
    private static func text(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        guard value >= 1e6, value < 1e16, value == value.rounded() else { return "\(value)" }
        var digits = "\(Int64(value))"[...]
        let exponent = digits.utf8.count - 1
        while digits.last == "0" { digits.removeLast() }
        return "\(digits.prefix(1))\(digits.count > 1 ? "." : "")\(digits.dropFirst())e+0\(exponent)"
    }
}
