import BrokerMetrics
import Testing

@testable import Exporters

@Suite struct ExpositionLintTests {
    @Test func `nothing is wrong with any form, and their numbers are the same`() {
        for (snapshot, least) in [(Readings.snapshot(), 500), (Readings.busy, 600)] {
            let exposition = Exposition(.full(1), namespace: "vernemq_", node: "a\"\\\n@b")
            let findings = ExpositionLint.check(exposition, snapshot)
            #expect(findings.map(\.form) == ["text", "openmetrics", "protobuf"])
            for finding in findings {
                #expect(finding.problems == [], "\(finding.form)")
                #expect(finding.sampleCount > least && finding.byteCount < 250_000)
                #expect(finding.sampleCount == findings[0].sampleCount)
            }
        }
    }

    @Test(arguments: [
        MetricValue(1_764_478_399_250_000_000, .nanoseconds), MetricValue(.max, .nanoseconds),
        MetricValue(9_007_199_254_740_993, .nanoseconds), MetricValue(-1_500_000_001, .nanoseconds),
        MetricValue(.min),
        MetricValue(9_007_199_254_740_993),
    ])
    func `a number is the same as text and as a double`(value: MetricValue) {
        var text: [UInt8] = []
        text.append(value)
        #expect(Double(String(decoding: text, as: UTF8.self)) == value.number)
    }

    @Test func `hostile label values come back as they were, in every form`() throws {
        let hostile = [
            "\"", "\\", "\n", "\\n", "\r\n\t\0", "a\",b=\"c", "} 1\nx{", "# EOF", "é漢😀", "\u{202E}",
            String(decoding: [0xFF, 0xC3, 0x28] as [UInt8], as: UTF8.self), "", " ",
            String(repeating: "x\"", count: 400),
        ]
        let family = MetricFamily.gauge("hostile", .events, [.open("place")], help: "Any value.")
        let catalog = try MetricCatalog(rooms: [MetricRoom("Hostile", [family])])
        let registry = MetricsRegistry(version: "\"\n\\", catalog: catalog)
        try registry.register(catalog.rooms[1]) { reading in
            for (index, value) in hostile.enumerated() { reading.add(family, ["place": value], index) }
        }
        let snapshot = registry.snapshot()
        for format in ExpositionFormat.allCases {
            let reading = ExpositionLint.read(try Readings.render(snapshot, catalog, as: format), as: format)
            #expect(reading.problems == [], "\(format)")
            for (index, value) in hostile.enumerated() {
                let series = ReadExposition.series(
                    "vernemq_hostile", [("node", "VerneMQ@127.0.0.1"), ("place", value)])
                #expect(reading.samples[series] == Double(index), "\(format): \(value.debugDescription)")
            }
        }
    }

    @Test func `a room's histograms with labels read the same in every form`() throws {
        let family = MetricFamily.histogram(
            "call_seconds", .seconds, .turnSeconds,
            [.open("plugin"), .closed("hook", ["publish", "register"])],
            help: "How long calls took.")
        let catalog = try MetricCatalog(rooms: [MetricRoom("Plugins", [family])])
        let registry = MetricsRegistry(version: "1", catalog: catalog)
        let (first, second) = (SharedHistogram(), SharedHistogram())
        for value in [20_000, 3_000_000, 40_000_000] as [UInt64] { first.observe(value) }
        second.observe(Exemplar(value: 700_000, traceHigh: 1, traceLow: 2, spanID: 3, wallMilliseconds: 4))
        try registry.register(catalog.rooms[1]) { reading in
            reading.add(family, ["plugin": "a\"\\\n", "hook": "publish"], first)
            reading.add(family, ["plugin": "b", "hook": "register"], second)
        }
        let snapshot = registry.snapshot()
        for format in ExpositionFormat.allCases {
            let reading = ExpositionLint.read(try Readings.render(snapshot, catalog, as: format), as: format)
            #expect(reading.problems == [], "\(format)")
            func sample(_ suffix: String, _ plugin: String, _ hook: String, le: String? = nil) -> Double? {
                var labels = [("node", "VerneMQ@127.0.0.1"), ("plugin", plugin), ("hook", hook)]
                if let le { labels.append(("le", le)) }
                return reading.samples[ReadExposition.series("vernemq_call_seconds" + suffix, labels)]
            }
            #expect(sample("_count", "a\"\\\n", "publish") == 3)
            #expect(sample("_bucket", "a\"\\\n", "publish", le: "0.01") == 2)
            #expect(sample("_bucket", "b", "register", le: "+Inf") == 1)
            #expect(sample("_sum", "b", "register") == 0.0007)
        }
        #expect(
            try Readings.text(snapshot, catalog, as: .openMetrics, families: ["call_seconds"]).contains {
                $0.hasPrefix(
                    #"call_seconds_bucket{node="n",le="0.001",plugin="b",hook="register"} 1 # {trace_id="#)
            })
    }

    @Test func `a label value of a megabyte and a million label values stay within their budget`() throws {
        let small = MetricFamily.counter(
            "small_total", .events, [.open("a"), .open("b")], help: "Large values.")
        let many = MetricFamily.gauge(
            "listener_connections", .events, [.open("listener"), .open("type")], help: "Many values.")
        let catalog = try MetricCatalog(rooms: [MetricRoom("Hostile", [small, many])])
        let registry = MetricsRegistry(
            version: "1", catalog: catalog, budget: SeriesBudget(perFamily: 50, total: 5_000))
        let large = String(repeating: "é", count: 1 << 19)
        try registry.register(catalog.rooms[1]) { reading in
            reading.add(small, ["a": large, "b": large], 1)
            for index in 0..<1_000_000 { reading.add(many, ["listener": String(index), "type": "mqtt"], 1) }
        }
        let snapshot = registry.snapshot()
        for format in ExpositionFormat.allCases {
            let bytes = try Readings.render(snapshot, catalog, as: format)
            #expect(bytes.count < 300_000)
            let reading = ExpositionLint.read(bytes, as: format)
            #expect(reading.problems == [])
            let name = "vernemq_listener_connections"
            let shown = reading.samples.filter { $0.key.hasPrefix(name + "{") }
            #expect(shown.count == 50 && shown.values.reduce(0, +) == 1_000_000)
            #expect(shown[#"\#(name){listener="other",node="VerneMQ@127.0.0.1",type="other"}"#] == 999_951)
        }
    }

    private static let head = "# HELP a b\n# TYPE a counter\n"
    private static let openHead = "# TYPE a counter\n# HELP a b\n"
    private static let histogram = "# HELP h b\n# TYPE h histogram\n"

    @Test(
        arguments: [
            "a 1\n", "# TYPE a counter\na 1\n", head + "a 1", head + "b 1\n", head + "a x\n", head + "a\n",
            head + "a 1\na 1\n", head + "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n", head + "a{x=\"1} 1\n",
            head + "a{x=\"\\q\"} 1\n", head + "a{x=\"1\",x=\"2\"} 1\n", head + "a{1x=\"1\"} 1\n",
            head + "a -1\n",
            head + "\na 1\n", head + "a 1\n# HELP a again\n", head + "a 1 # {} 1\n", head + "a 1 5\n",
            head + "a 1\n# HELP c d\n# TYPE c gauge\nc 1\n" + head + "a{x=\"2\"} 1\n",
            "# HELP a b\n# TYPE a thing\na 1\n",
            "# HELP a-b c\n# TYPE a-b gauge\na-b 1\n",
            histogram + "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n",
            histogram + "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
            histogram + "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        ])
    func `what is wrong with a text is found`(text: String) {
        #expect(ExpositionLint.read(Array(text.utf8), as: .text).problems != [])
    }

    @Test(
        arguments: [
            openHead + "a_total 1\n", openHead + "a 1\n# EOF\n", openHead + "a_total 1\n# EOF\na_total 2\n",
            "# TYPE a counter\n# UNIT a seconds\n# HELP a b\na_total 1\n# EOF\n",
            openHead + "a_total 1\n# TYPE a_total gauge\n# HELP a_total b\na_total 1\n# EOF\n",
            openHead + "a_total 1\na_created 0\n# EOF\n", "# TYPE a gauge\n# HELP a b\na 1 # {} 1\n# EOF\n",
            openHead + "a_total 1 # {x=\"\(String(repeating: "y", count: 128))\"} 1\n# EOF\n",
            "# TYPE h histogram\n# HELP h b\nh_bucket{le=\"1.0\"} 1 # {} 2\nh_bucket{le=\"+Inf\"} 1\n# EOF\n",
        ])
    func `what is wrong with OpenMetrics is found`(text: String) {
        #expect(ExpositionLint.read(Array(text.utf8), as: .openMetrics).problems != [])
    }

    @Test func `what is wrong with protobuf is found, wherever the bytes are changed or cut`() throws {
        let good = try Readings.render(Readings.busy, as: .protobuf, families: ["fan_out", "socket_open"])
        #expect(ExpositionLint.read(good, as: .protobuf).problems == [])
        #expect(ExpositionLint.read(Array(good.dropLast()), as: .protobuf).problems != [])
        #expect(ExpositionLint.read(good + good, as: .protobuf).problems != [])
        #expect(ExpositionLint.read(Array("# HELP a b\n".utf8), as: .protobuf).problems != [])
    }

    @Test func `no more than twenty problems are listed and all are counted`() {
        let reading = ExpositionLint.read(Array(repeating: UInt8(ascii: "\n"), count: 1_000), as: .text)
        #expect(reading.problems.count == 20 && reading.problemCount == 1_000)
    }

    @Test func `no bytes bring a reader down`() throws {
        var generator = SystemRandomNumberGenerator()
        for format in ExpositionFormat.allCases {
            let good = try Readings.render(
                Readings.snapshot(), as: format, families: ["fan_out", "build_info"])
            for _ in 0..<300 {
                var bytes = good
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                _ = ExpositionLint.read(bytes, as: format)
            }
        }
    }
}
