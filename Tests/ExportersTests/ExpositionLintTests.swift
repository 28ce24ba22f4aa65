import BrokerMetrics
import Testing

@testable import Exporters

@Suite struct ExpositionLintTests {
    @Test func `nothing is wrong with any form, and their numbers are the same`() {
        for (snapshot, least) in [(Readings.snapshot(), 500), (Readings.busy, 600)] {
            let exposition = Exposition(namespace: "vernemq_", node: "a\"\\\n@b", loopCount: 1)
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
        let registry = MetricsRegistry(version: "\"\n\\")
        registry.register(labelled: .logWriteErrors) {
            hostile.enumerated().map { ExternalSample([$0.element], value: Int64($0.offset)) }
        }
        let snapshot = registry.snapshot()
        for format in ExpositionFormat.allCases {
            let reading = ExpositionLint.read(try Readings.render(snapshot, as: format), as: format)
            #expect(reading.problems == [], "\(format)")
            for (index, value) in hostile.enumerated() {
                let series = ReadExposition.series(
                    "vernemq_log_write_errors_total", [("node", "VerneMQ@127.0.0.1"), ("place", value)])
                #expect(reading.samples[series] == Double(index), "\(format): \(value.debugDescription)")
            }
        }
    }

    @Test func `a label value of a megabyte and a million label values stay within their budget`() throws {
        let registry = MetricsRegistry(version: "1", budget: SeriesBudget(perFamily: 50, total: 5_000))
        let large = String(repeating: "é", count: 1 << 19)
        registry.register(labelled: .listenerRefused) { [ExternalSample([large, large], value: 1)] }
        registry.register(labelled: .listenerConnections) {
            (0..<1_000_000).map { ExternalSample([String($0), "mqtt"], value: 1) }
        }
        let snapshot = registry.snapshot()
        for format in ExpositionFormat.allCases {
            let bytes = try Readings.render(snapshot, as: format)
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
