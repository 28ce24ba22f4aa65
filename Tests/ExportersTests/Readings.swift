import BrokerMetrics

@testable import Exporters

/// Readings and expositions for the tests of all formats.
enum Readings {
    /// One loop that counted what `count` does, of a broker that began at 1764478399.25.
    static func snapshot(
        samples: [String: [RoomSample]] = [:],
        histograms: [String: SharedHistogram] = [:],
        _ count: (LoopCounters) -> Void = { _ in }
    ) -> Snapshot {
        let counters = LoopCounters()
        count(counters)
        return Snapshot(
            loops: [Snapshot.Loop(words: counters.copy(), exemplars: counters.exemplarSlots)],
            samples: samples,
            histograms: histograms,
            version: "1.0", startedAtMilliseconds: 1_764_478_399_250)
    }

    /// Every counter, histogram and outside metric has a value, some of them large or negative.
    static var busy: Snapshot {
        let histogram = SharedHistogram()
        for value in 0..<40 as Range<UInt64> { histogram.observe(value * value * value * 977) }
        var samples: [String: [RoomSample]] = [:]
        for (number, family) in MetricCatalog.full().families.enumerated() {
            guard let labels = family.roomSource?.labelNames, family.kind != .histogram else { continue }
            let values = labels.map { "\($0)-a" }
            samples[family.name] = [RoomSample(values, value: Int64(number) * 7_919)]
            if !labels.isEmpty {
                samples[family.name]?.append(RoomSample(labels.map { "\($0)\\\n\"é" }, value: 3))
            }
        }
        return snapshot(
            samples: samples,
        ) { counters in
            for counter in Counter.allCases { counters.add(counter, 1_000_003 << (counter.rawValue % 35)) }
            for counter in VersionedCounter.allCases { counters.add(counter, .v5, counter.rawValue) }
            for reason in DropReason.allCases { counters.add(lost: reason, reason.rawValue) }
            for gauge in LoopGauge.allCases { counters.move(gauge, by: gauge.rawValue - 7) }
            for distribution in LoopHistogram.allCases {
                for value in 0..<60 as Range<UInt64> { counters.observe(distribution, 1 << value &+ value) }
            }
        }
    }

    static func render(
        _ snapshot: Snapshot, _ catalog: MetricCatalog? = nil, as format: ExpositionFormat,
        namespace: String = "vernemq_",
        node: String = "VerneMQ@127.0.0.1", families: [String]? = nil
    ) throws -> [UInt8] {
        let exposition = Exposition(
            catalog ?? .full(snapshot.loops.count), namespace: namespace, node: node)
        var output: [UInt8] = []
        exposition.render(
            snapshot, as: format, selection: try FamilySelection.make(families ?? [], of: exposition),
            into: &output)
        return output
    }

    static func text(
        _ snapshot: Snapshot, _ catalog: MetricCatalog? = nil, as format: ExpositionFormat,
        namespace: String = "", families: [String]? = nil
    ) throws -> [String] {
        let bytes = try render(
            snapshot, catalog, as: format, namespace: namespace, node: "n", families: families)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
