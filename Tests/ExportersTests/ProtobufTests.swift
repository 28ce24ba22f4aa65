import BrokerMetrics
import PrometheusProto
import SwiftProtobuf
import Testing

@testable import Exporters

@Suite struct ProtobufTests {
    private func families(_ bytes: [UInt8]) throws -> [Io_Prometheus_Client_MetricFamily] {
        var families: [Io_Prometheus_Client_MetricFamily] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            var length = 0
            var shift = 0
            while let byte = rest.popFirst() {
                length |= Int(byte & 0x7F) << shift
                shift += 7
                if byte & 0x80 == 0 { break }
            }
            families.append(
                try Io_Prometheus_Client_MetricFamily(serializedBytes: Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return families
    }

    @Test func `a counter has its name, help, type, labels and the time when counting began`() throws {
        let snapshot = Readings.snapshot { $0.add(.connectReceived, .v5, 3) }
        let all = try families(Readings.render(snapshot, as: .protobuf))
        let family = try #require(all.first { $0.name == "vernemq_mqtt_connect_received" })
        #expect(family.type == .counter && family.help == "CONNECT packets received.")
        #expect(family.metric.map(\.counter.value) == [0, 3])
        #expect(family.metric[1].label.map(\.name) == ["node", "mqtt_version"])
        #expect(family.metric[1].label.map(\.value) == ["VerneMQ@127.0.0.1", "5"])
        #expect(family.metric[1].counter.createdTimestamp.seconds == 1_764_478_399)
        #expect(family.metric[1].counter.createdTimestamp.nanos == 250_000_000)
        let seconds = try #require(all.first { $0.name == "vernemq_process_cpu_seconds_total" })
        #expect(seconds.unit == "seconds")
    }

    @Test func `a histogram has classic and native buckets that agree, and exemplars in both`() throws {
        let snapshot = Readings.snapshot {
            for value in [0, 0, 1, 2, 3, 3, 1_000_000] as [UInt64] { $0.observe(.fanOut, value) }
            $0.observe(.fanOut, Exemplar(value: 5, traceLow: 7, wallMilliseconds: 1_500))
        }
        let all = try families(Readings.render(snapshot, as: .protobuf, families: ["fan_out"]))
        let histogram = try #require(all.first?.metric.first).histogram
        #expect(all.count == 1 && histogram.sampleCount == 8 && histogram.sampleSum == 1_000_014)
        #expect(histogram.bucket.map(\.cumulativeCount).prefix(4) == [2, 3, 6, 7])
        #expect(histogram.bucket.last?.upperBound == .infinity && histogram.bucket.last?.cumulativeCount == 8)
        #expect(histogram.schema == 3 && histogram.zeroCount == 2 && histogram.zeroThreshold > 0)
        // 1 = 2^0 is index 0, 2 index 8, 3 = 2^(12.68/8) index 13, 5 = 2^(18.58/8) index 19, 1,000,000 index 160.
        #expect(histogram.positiveSpan.map(\.offset) == [0, 7, 4, 5, 140])
        #expect(histogram.positiveSpan.map(\.length) == [1, 1, 1, 1, 1])
        #expect(histogram.positiveDelta == [1, 0, 1, -1, 0])
        #expect(histogram.bucket[3].exemplar.label.map(\.value) == ["00000000000000000000000000000007"])
        #expect(histogram.exemplars.map(\.value) == [5] && histogram.exemplars[0].hasTimestamp)
    }

    @Test func `native histograms can be left out`() throws {
        let exposition = Exposition(.full(1), namespace: "", node: "n", hasNativeHistograms: false)
        var bytes: [UInt8] = []
        exposition.render(Readings.busy, as: .protobuf, into: &bytes)
        let histograms = try families(bytes).filter { $0.type == .histogram }.flatMap(\.metric).map(
            \.histogram)
        #expect(histograms.count > 5)
        #expect(histograms.allSatisfy { !$0.hasSchema && $0.positiveSpan.isEmpty && $0.bucket.count >= 6 })
    }

    @Test func `a native histogram nobody has observed is one all the same`() throws {
        let all = try families(
            Readings.render(Readings.snapshot(), as: .protobuf, families: ["store_sync_seconds"]))
        let histogram = try #require(all.first?.metric.first).histogram
        #expect(histogram.hasSchema && histogram.zeroThreshold > 0 && histogram.sampleCount == 0)
    }
}

@Suite struct NativeBucketsTests {
    /// What the documentation of `NativeBuckets` states.
    @Test(arguments: [(MetricScale.integer, 1.0), (.nanoseconds, 1e-9)])
    func `every value is within a factor of 1.16 of the bounds of its bucket`(
        scale: MetricScale, unit: Double
    ) {
        let indexes = NativeBuckets.indexes(scale)
        var last = Int32.min
        for bucket in 1..<LogLinearBuckets.bucketCount {
            let lowest = Double(LogLinearBuckets.upperBound(of: bucket - 1) + 1) * unit
            let highest = Double(LogLinearBuckets.upperBound(of: bucket)) * unit
            let upper = Double.exponent2(Double(indexes[bucket]) / 8)
            let lower = Double.exponent2(Double(indexes[bucket] - 1) / 8)
            #expect(upper / lowest < 1.16 && highest / lower < 1.16, "bucket \(bucket)")
            #expect(indexes[bucket] >= last)
            last = indexes[bucket]
        }
    }

    @Test func `buckets side by side are one span`() {
        var words = [UInt64](repeating: 0, count: LogLinearBuckets.bucketCount)
        words[LogLinearBuckets.index(of: 1 << 20)] = 4
        words[LogLinearBuckets.index(of: (1 << 20) + (1 << 17))] = 5
        words[0] = 9
        let native = NativeBuckets(words[...], .integer)
        #expect(native.zeroCount == 9)
        #expect(native.deltas == [4, 1])
        #expect(native.spans.count <= 2)
        #expect(native.spans.reduce(0) { $0 + $1.length } == 2)
    }
}

extension Double {
    /// 2 to the power of `exponent`.
    fileprivate static func exponent2(_ exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        var factor = 1.0
        // The eighth root of 2, as often as it is in the rest.
        for _ in 0..<Int(((exponent - whole) * 8).rounded()) { factor *= 1.0905077326652577 }
        return factor * Double(sign: .plus, exponent: Int(whole), significand: 1)
    }
}
