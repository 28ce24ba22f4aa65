import BrokerMetrics
import Testing

@testable import Exporters

@Suite struct OpenMetricsTests {
    @Test func `a counter of ours has its suffix, its unit and the time when counting began`() throws {
        let snapshot = Readings.snapshot { $0.add(.loopBusyNanoseconds, 1_500_000_000) }
        #expect(
            try Readings.text(snapshot, as: .openMetrics, families: ["loop_busy_seconds_total"]) == [
                "# TYPE loop_busy_seconds counter",
                "# UNIT loop_busy_seconds seconds",
                "# HELP loop_busy_seconds Time each event loop worked rather than waited.",
                #"loop_busy_seconds_total{node="n",loop="0"} 1.5"#,
                #"loop_busy_seconds_created{node="n",loop="0"} 1764478399.25"#,
                "# EOF",
            ])
    }

    @Test func `a counter of VerneMQ, whose name has no suffix, keeps its name and is of unknown type`()
        throws
    {
        let snapshot = Readings.snapshot { $0.add(.socketOpen, 12) }
        #expect(
            try Readings.text(snapshot, as: .openMetrics, namespace: "vernemq_", families: ["socket_open"])
                == [
                    "# TYPE vernemq_socket_open unknown",
                    "# HELP vernemq_socket_open MQTT transports opened, handshakes done.",
                    #"vernemq_socket_open{node="n"} 12"#,
                    "# EOF",
                ])
    }

    @Test func `labels that come with the value stand in both lines of a counter`() throws {
        let snapshot = Readings.snapshot(samples: [
            "log_write_errors_total": [RoomSample(["a\"\\\nb"], value: 2)]
        ])
        #expect(
            try Readings.text(snapshot, as: .openMetrics, families: ["log_write_errors_total"]).suffix(3) == [
                #"log_write_errors_total{node="n",place="a\"\\\nb"} 2"#,
                #"log_write_errors_created{node="n",place="a\"\\\nb"} 1764478399.25"#,
                "# EOF",
            ])
    }

    @Test func `quotes in help texts are escaped here and not in the text format`() throws {
        let snapshot = Readings.snapshot()
        let families = ["queue_memory_full_total"]
        let openMetrics = try Readings.text(snapshot, as: .openMetrics, families: families)
        #expect(openMetrics[1].hasSuffix(#"message_drops_total{reason=\"queue_full\"}."#))
        let text = try Readings.text(snapshot, as: .text, families: families)
        #expect(text[0].hasSuffix(#"message_drops_total{reason="queue_full"}."#))
    }

    @Test func `a bucket carries its newest exemplar, and buckets without one are as they were`() throws {
        func exemplar(_ value: UInt64, at wall: Int64) -> Exemplar {
            Exemplar(
                value: value, traceHigh: 0x0102_0304_0506_0708, traceLow: 0xA1, spanID: UInt64(wall),
                wallMilliseconds: wall)
        }
        let snapshot = Readings.snapshot {
            $0.observe(.turnNanoseconds, 1_000)
            $0.observe(.turnNanoseconds, exemplar(300_000, at: 5_000))
            $0.observe(.turnNanoseconds, exemplar(310_000, at: 6_500))
            $0.observe(.turnNanoseconds, Exemplar(value: 20_000_000_000, wallMilliseconds: 7_000))
        }
        let lines = try Readings.text(snapshot, as: .openMetrics, families: ["loop_turn_seconds"])
        #expect(
            lines.filter { $0.contains(" # ") } == [
                #"loop_turn_seconds_bucket{node="n",le="0.0005"} 3 # "#
                    + #"{trace_id="010203040506070800000000000000a1",span_id="0000000000001964"} 0.00031 6.5"#,
                #"loop_turn_seconds_bucket{node="n",le="+Inf"} 4 # {} 20 7"#,
            ])
        #expect(lines.last == "# EOF")
        #expect(lines.dropLast().last == #"loop_turn_seconds_created{node="n"} 1764478399.25"#)
        #expect(try Readings.text(snapshot, as: .text).allSatisfy { !$0.contains(" # ") })
    }

    @Test func `no name depends on the format`() {
        let exposition = Exposition(.full(2), namespace: "p_", node: "n")
        for family in exposition.families {
            let expected =
                family.openMetricsType == "counter"
                ? family.openMetricsName + "_total" : family.openMetricsName
            #expect(expected == family.name)
            #expect(
                family.metric.kind != .counter || family.metric.heritage != .own
                    || family.openMetricsType == "counter")
        }
    }

    @Test func `no two families share a name in OpenMetrics, with the suffixes of their types`() {
        let exposition = Exposition(.full(2), namespace: "", node: "n")
        var owners: [String: String] = [:]
        for family in exposition.families {
            let suffixes =
                switch family.openMetricsType {
                case "counter": ["", "_total", "_created"]
                case "histogram": ["", "_bucket", "_sum", "_count", "_created"]
                default: [""]
                }
            for suffix in suffixes {
                let other = owners.updateValue(family.name, forKey: family.openMetricsName + suffix)
                #expect(other == nil, "\(family.name) and \(other ?? "")")
            }
        }
    }
}
