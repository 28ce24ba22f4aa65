import BrokerMetrics
import Testing

@testable import Exporters

@Suite struct PrometheusTextTests {
    private func render(
        _ snapshot: Snapshot, namespace: String = "vernemq_", node: String = "VerneMQ@127.0.0.1"
    ) -> [String] {
        var output: [UInt8] = []
        Exposition(.full(snapshot.loops.count), namespace: namespace, node: node).render(
            snapshot, as: .text, into: &output)
        #expect(output.last == UInt8(ascii: "\n"))
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func snapshot(_ count: (LoopCounters) -> Void = { _ in }) -> Snapshot {
        let counters = LoopCounters()
        count(counters)
        return Snapshot(loops: [Snapshot.Loop(words: counters.copy())], version: "1.0")
    }

    /// The lines of one family, header included.
    private func family(_ name: String, in lines: [String]) -> [String] {
        guard let start = lines.firstIndex(where: { $0.hasPrefix("# HELP \(name) ") }) else { return [] }
        let end = lines[(start + 1)...].firstIndex { $0.hasPrefix("# HELP ") } ?? lines.count
        return Array(lines[start..<end])
    }

    @Test func `a counter by version reads as VerneMQ writes it`() {
        let lines = render(
            snapshot {
                $0.add(.connectReceived, .v4, 9)
                $0.add(.connectReceived, .v5, 3)
            })
        #expect(
            family("vernemq_mqtt_connect_received", in: lines) == [
                "# HELP vernemq_mqtt_connect_received CONNECT packets received.",
                "# TYPE vernemq_mqtt_connect_received counter",
                #"vernemq_mqtt_connect_received{node="VerneMQ@127.0.0.1",mqtt_version="4"} 9"#,
                #"vernemq_mqtt_connect_received{node="VerneMQ@127.0.0.1",mqtt_version="5"} 3"#,
            ])
    }

    @Test func `a name with series of both versions stands in one group`() {
        let lines = family(
            "vernemq_mqtt_pubrel_sent", in: render(snapshot { $0.add(.pubrelSent, .v5, code: 0x92) }))
        #expect(
            Array(lines.dropFirst(2)) == [
                #"vernemq_mqtt_pubrel_sent{node="VerneMQ@127.0.0.1",mqtt_version="4"} 0"#,
                #"vernemq_mqtt_pubrel_sent{node="VerneMQ@127.0.0.1",mqtt_version="5",reason_code="success"} 0"#,
                #"vernemq_mqtt_pubrel_sent{node="VerneMQ@127.0.0.1",mqtt_version="5",reason_code="packet_id_not_found"} 1"#,
            ])
    }

    @Test func `a histogram ascends to +Inf, in seconds, then sum and count`() {
        let lines = family(
            "loop_turn_seconds",
            in: render(
                snapshot {
                    $0.observe(.turnNanoseconds, 1_000)
                    $0.observe(.turnNanoseconds, 300_000)
                    $0.observe(.turnNanoseconds, 60_000_000_000)
                }, namespace: "", node: "n"))
        #expect(
            lines == [
                "# HELP loop_turn_seconds Length of the event loops' turns, from wake-up to flush.",
                "# TYPE loop_turn_seconds histogram",
                #"loop_turn_seconds_bucket{node="n",le="1e-05"} 1"#,
                #"loop_turn_seconds_bucket{node="n",le="2.5e-05"} 1"#,
                #"loop_turn_seconds_bucket{node="n",le="5e-05"} 1"#,
                #"loop_turn_seconds_bucket{node="n",le="0.0001"} 1"#,
                #"loop_turn_seconds_bucket{node="n",le="0.00025"} 1"#,
                #"loop_turn_seconds_bucket{node="n",le="0.0005"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.001"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.0025"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.005"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.01"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.025"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.05"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.1"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.25"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="0.5"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="1.0"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="10.0"} 2"#,
                #"loop_turn_seconds_bucket{node="n",le="+Inf"} 3"#,
                #"loop_turn_seconds_sum{node="n"} 60.000301"#,
                #"loop_turn_seconds_count{node="n"} 3"#,
            ])
    }

    @Test func `nanoseconds are written as exact seconds and gauges may be negative`() {
        let lines = render(
            snapshot {
                $0.add(.loopBusyNanoseconds, 1_500_000_001)
                $0.add(.ledgerDelivered)
            }, namespace: "", node: "n")
        #expect(lines.contains(#"loop_busy_seconds_total{node="n",loop="0"} 1.500000001"#))
        #expect(lines.contains(#"ledger_residual{node="n",equation="delivery"} -1"#))
    }

    @Test func `label values are escaped`() {
        let lines = render(snapshot(), namespace: "", node: "a\"b\\c\r\nd")
        #expect(lines.contains(#"socket_open{node="a\"b\\c\#r\nd"} 0"#))
    }

    @Test func `every name has one HELP and one TYPE before all its lines, and no line stands twice`() {
        var snapshot = snapshot { counters in
            for counter in PacketReasonCounter.allCases {
                for version in VersionLabel.allCases {
                    for code in UInt8.min...UInt8.max { counters.add(counter, version, code: code) }
                }
            }
        }
        snapshot = Snapshot(
            loops: snapshot.loops,
            samples: [
                "listener_connections": [
                    RoomSample(["a", "mqtt"], value: 1), RoomSample(["b", "mqtt"], value: 2),
                ]
            ])
        let lines = render(snapshot, namespace: "p_")
        var finished = Set<String>()
        var current = ""
        var series = Set<Substring>()
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                finished.insert(current)
                current = String(words[2])
                #expect(current.hasPrefix("p_") && !finished.contains(current), "\(current) is in two places")
            } else if line.hasPrefix("# TYPE ") {
                #expect(words[2] == current)
            } else {
                let key = line.prefix { $0 != "{" }
                #expect(key == current || key.hasPrefix(current + "_"), "\(line) stands under \(current)")
                #expect(
                    series.insert(line.prefix(upTo: line.lastIndex(of: " ") ?? line.endIndex)).inserted,
                    "\(line)")
                #expect(line.hasPrefix("\(key){node=\"VerneMQ@127.0.0.1\""))
            }
        }
        #expect(finished.count > 120)
    }

    @Test func `a scrape of a busy broker is under 200 KB and a reused array does not grow`() {
        let loops = (0..<16).map { _ in
            let counters = LoopCounters()
            for counter in Counter.allCases { counters.add(counter, .max) }
            return Snapshot.Loop(words: counters.copy())
        }
        let text = Exposition(.full(16), namespace: "vernemq_", node: "VerneMQ@127.0.0.1")
        var output: [UInt8] = []
        text.render(Snapshot(loops: loops), as: .text, into: &output)
        #expect(output.count > 10_000 && output.count < 200_000)
        let first = output
        output.removeAll(keepingCapacity: true)
        let capacity = output.capacity
        text.render(Snapshot(loops: loops), as: .text, into: &output)
        #expect(output == first)
        #expect(output.capacity == capacity)
    }
}

@Suite struct ByteTextTests {
    @Test(arguments: [0, 1, -1, 9, 10, 123_456_789, Int64.max, Int64.min])
    func `a number is written in decimal`(value: Int64) {
        var bytes = Array("x".utf8)
        bytes.append(decimal: value)
        #expect(String(decoding: bytes, as: UTF8.self) == "x\(value)")
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.000000001"), (999_999_999, "0.999999999"), (1_000_000_000, "1"),
            (1_200_000_000, "1.2"),
            (-1_500_000_000, "-1.5"), (Int64.max, "9223372036.854775807"),
        ] as [(Int64, String)]) func `nanoseconds are written as seconds`(value: Int64, text: String)
    {
        var bytes: [UInt8] = []
        bytes.append(secondsOf: value)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}
