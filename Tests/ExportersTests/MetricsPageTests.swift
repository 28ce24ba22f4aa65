import BrokerMetrics
import Foundation
import Glibc
import Primitives
import Synchronization
import Testing

@testable import Exporters

@Suite struct FamilySelectionTests {
    private let snapshot = Readings.snapshot()

    @Test(arguments: ExpositionFormat.allCases)
    func `only the families that were asked for are shown`(format: ExpositionFormat) throws {
        let names = [
            "socket_open", "vernemq_loop_turn_seconds_bucket", "vernemq_ledger_accepted", "socket_open",
        ]
        let bytes = try Readings.render(snapshot, as: format, families: names)
        let reading = ExpositionLint.read(bytes, as: format)
        #expect(reading.problems == [])
        #expect(
            reading.types.keys.sorted().map { $0.hasSuffix("_total") ? String($0.dropLast(6)) : $0 } == [
                "vernemq_ledger_accepted", "vernemq_loop_turn_seconds", "vernemq_socket_open",
            ])
    }

    @Test(arguments: [
        ("soket_open", "socket_open"), ("vernemq_soket_open", "vernemq_socket_open"),
        ("message_drop_total", "message_drops_total"),
    ]) func `a name that there is not is refused with the nearest`(name: String, nearest: String) {
        let exposition = Exposition(.full(1), namespace: "vernemq_", node: "n")
        let failure = #expect(throws: FamilySelection.Failure.self) {
            try FamilySelection.make(["socket_close", name], of: exposition)
        }
        #expect(failure?.isUnknownName == true)
        #expect(failure?.text.hasPrefix("There is no metric \"\(name)\"; the nearest: \(nearest)") == true)
    }

    @Test(arguments: [nil, "", "\u{1B}[31mred\n", String(repeating: "x", count: 1 << 20)] as [String?])
    func `what is no name is refused in a short line`(name: String?) {
        let exposition = Exposition(.full(1), namespace: "vernemq_", node: "n")
        let failure = #expect(throws: FamilySelection.Failure.self) {
            try FamilySelection.make([name], of: exposition)
        }
        let text = failure?.text ?? "\n"
        #expect(text.utf8.count < 400 && text.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }

    @Test func `more names than are allowed are refused`() {
        let exposition = Exposition(.full(1), namespace: "", node: "n")
        #expect(throws: FamilySelection.Failure.self) {
            try FamilySelection.make(Array(repeating: "socket_open", count: 1_001), of: exposition)
        }
    }
}

@Suite struct MetricsPageTests {
    private func page(_ registry: MetricsRegistry) throws -> MetricsPage {
        let page = MetricsPage(Exposition(.full(0), namespace: "", node: "n")) { registry.snapshot() }
        try registry.register(ScrapeMetrics.room) { [statistics = page.statistics] in statistics.read(&$0) }
        return page
    }

    /// Sum of a metric's lines; nil when there are none.
    private func value(_ registry: MetricsRegistry, _ name: String, _ label: String? = nil) -> Int64? {
        let snapshot = registry.snapshot()
        var sum: Int64?
        for series in MetricCatalog.full().families.first(where: { $0.name == name })?.series ?? [] {
            snapshot.forEachValue(of: series) { labels, value in
                if label == nil || labels.contains(where: { $0.value == label }) {
                    sum = (sum ?? 0) + value.raw
                }
            }
        }
        return sum
    }

    @Test func `scrapes are counted by format, with size, series and time`() throws {
        let registry = MetricsRegistry(version: "1", catalog: .full(0))
        let page = try page(registry)
        for accept in [nil, "application/openmetrics-text", "application/openmetrics-text"] {
            guard case .exposition(_, let body) = page.answer(accept: accept) else {
                Issue.record("no answer")
                continue
            }
            #expect(body.count > 10_000)
            let format = accept == nil ? "text" : "openmetrics"
            #expect(value(registry, "metrics_scrape_bytes", format) == Int64(body.count))
        }
        #expect(value(registry, "metrics_scrapes_total", "text") == 1)
        #expect(value(registry, "metrics_scrapes_total", "openmetrics") == 2)
        #expect(value(registry, "metrics_scrapes_total", "protobuf") == 0)
        guard case .exposition(_, let body) = page.answer(accept: nil) else {
            Issue.record("no answer")
            return
        }
        let samples = ExpositionLint.read(body, as: .text).samples
        #expect(value(registry, "metrics_series") == Int64(samples.count))
        let durations = try #require(
            registry.snapshot().histograms(of: ScrapeMetrics.seconds.series[0]).first
        ).reading
        #expect(durations.count == 4 && durations.sum > 0)
    }

    @Test func `what is refused is counted by its reason, and says what there is`() throws {
        let registry = MetricsRegistry(version: "1", catalog: .full(0))
        let page = try page(registry)
        guard case .notAcceptable(let forms) = page.answer(accept: "image/png"),
            forms.contains("openmetrics-text"),
            case .badQuery(let nearest) = page.answer(accept: nil, names: ["soket_open"]),
            nearest.contains("socket_open"),
            case .badQuery = page.answer(accept: nil, names: [nil])
        else {
            Issue.record("an answer that was not expected")
            return
        }
        for reason in ["not_acceptable", "unknown_family", "invalid"] {
            #expect(value(registry, "metrics_scrapes_refused_total", reason) == 1)
        }
    }

    @Test func `who waits together shares one reading, and it begins after they came`() throws {
        let registry = MetricsRegistry(version: "1", catalog: .full(0))
        // The first reading goes on until the others wait; each reading knows its number.
        let gate = BlockingQueue<Int>()
        let readings = Atomic<Int64>(0)
        let page = MetricsPage(Exposition(.full(0), namespace: "", node: "n")) {
            let number = readings.wrappingAdd(1, ordering: .relaxed).newValue
            if number == 1 {
                var none: ContiguousArray<Int> = []
                _ = gate.take(into: &none, milliseconds: 60_000)
            }
            return Snapshot(loops: [], samples: ["retain_messages": [RoomSample(value: number)]])
        }
        try registry.register(ScrapeMetrics.room) { [statistics = page.statistics] in statistics.read(&$0) }
        let seen = Mutex<[Double]>([])
        @Sendable func scrape(_ accept: String?) {
            let format = ExpositionFormat.negotiated(accept) ?? .text
            guard case .exposition(_, let body) = page.answer(accept: accept) else { return }
            let number = ExpositionLint.read(body, as: format).samples[#"retain_messages{node="n"}"#] ?? -1
            seen.withLock { $0.append(number) }
        }
        let first = try WorkerThread(name: "first") { scrape(nil) }
        while readings.load(ordering: .relaxed) == 0 { sched_yield() }
        let others = try (0..<8).map { index in
            try WorkerThread(name: "other") { scrape(index % 2 == 0 ? nil : "application/openmetrics-text") }
        }
        while page.waitingCount < 9 { sched_yield() }
        gate.put(1)
        first.join()
        for thread in others { thread.join() }
        #expect(seen.withLock { $0.sorted() } == [1] + Array(repeating: 2, count: 8))
        #expect(value(registry, "metrics_scrapes_shared_total") == 7)
        scrape(nil)
        #expect(seen.withLock { $0.last } == 3)
    }

    @Test func `who had to wait for a thread shares a reading that began after it had come`() throws {
        let readings = Atomic<Int>(0)
        let page = MetricsPage(Exposition(.full(0), namespace: "", node: "n")) {
            _ = readings.wrappingAdd(1, ordering: .relaxed)
            return Snapshot(loops: [])
        }
        let before = SystemClock().now
        _ = page.answer(accept: nil, arrivedAt: before)
        for _ in 0..<9 { _ = page.answer(accept: nil, arrivedAt: before) }
        #expect(readings.load(ordering: .relaxed) == 1)
        _ = page.answer(accept: nil, arrivedAt: SystemClock().now)
        #expect(readings.load(ordering: .relaxed) == 2)
    }

    @Test func `the catalogue as JSON has every family with its facts`() throws {
        let exposition = Exposition(.full(1), namespace: "p_", node: "n")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(MetricsCatalogJSON.render(exposition)))
                as? [String: Any])
        #expect(object["namespace"] as? String == "p_")
        let families = try #require(object["families"] as? [[String: Any]])
        #expect(families.compactMap { $0["name"] as? String } == MetricCatalog.full().families.map(\.name))
        let open = try #require(families.first { $0["name"] as? String == "mqtt_connack_sent" })
        #expect(open["exposed"] as? String == "p_mqtt_connack_sent")
        #expect(open["kind"] as? String == "counter" && open["openmetrics_kind"] as? String == "unknown")
        #expect(open["unit"] as? String == "packets" && open["heritage"] as? String == "vernemq_counter")
        #expect(open["labels"] as? [String] == ["node", "mqtt_version", "return_code", "reason_code"])
        #expect((open["help"] as? String)?.isEmpty == false)
    }
}
