import BrokerMetrics
import PushExporters
import Testing

@Suite struct GraphiteTextTests {
    private func snapshot(_ count: (LoopCounters) -> Void = { _ in }) -> Snapshot {
        let counters = LoopCounters()
        count(counters)
        return Snapshot(
            loops: [Snapshot.Loop(words: counters.copy())],
            samples: [
                "listener_connections": [
                    RoomSample(["my listener.1", "mqtt"], value: 5),
                    RoomSample(["my_listener_1", "mqtt"], value: 2),
                    RoomSample(["~;=ü", "mqtt"], value: 1),
                ]
            ], version: "1.0")
    }

    /// All lines, or those whose key begins with one of `names`.
    private func lines(
        _ snapshot: Snapshot, _ labels: GraphiteLabels, apiKey: String = "", prefix: String = "",
        _ names: String...
    ) -> [String] {
        var output: [UInt8] = []
        GraphiteText(.full(1), apiKey: apiKey, prefix: prefix, node: "VerneMQ@127.0.0.1").render(
            snapshot, seconds: 1_700_000_000, labels: labels, into: &output)
        #expect(output.last == UInt8(ascii: "\n"))
        let all = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
        return names.isEmpty ? all : all.filter { line in names.contains { line.hasPrefix($0) } }
    }

    private var subscribed: Snapshot {
        snapshot {
            $0.add(.subscribeReceived, .v4, 1)
            $0.add(.subscribeReceived, .v5, 2)
        }
    }

    @Test func `a name is one line with the sum over its labels`() {
        #expect(
            lines(subscribed, .none, "mqtt.subscribe.received") == [
                "mqtt.subscribe.received 3 1700000000"
            ])
    }

    @Test func `with labels there is a line for each of them, as VerneMQ names it`() {
        #expect(
            lines(subscribed, .lines, "mqtt.subscribe.received") == [
                "mqtt.subscribe.received 3 1700000000",
                "mqtt.subscribe.received.mqtt_version_4 1 1700000000",
                "mqtt.subscribe.received.mqtt_version_5 2 1700000000",
            ])
    }

    @Test func `a label that several series share has their sum`() {
        let snapshot = snapshot {
            $0.add(.pubrelSent, .v4, code: 0, 3)
            $0.add(.pubrelSent, .v5, code: 0x00, 4)
            $0.add(.pubrelSent, .v5, code: 0x92, 5)
        }
        #expect(
            lines(snapshot, .lines, "mqtt.pubrel.sent") == [
                "mqtt.pubrel.sent 12 1700000000",
                "mqtt.pubrel.sent.mqtt_version_4 3 1700000000",
                "mqtt.pubrel.sent.mqtt_version_5 9 1700000000",
                "mqtt.pubrel.sent.reason_code_success 4 1700000000",
                "mqtt.pubrel.sent.reason_code_packet_id_not_found 5 1700000000",
            ])
    }

    @Test func `with tags there is a line for each series, and no sum`() {
        #expect(
            lines(subscribed, .tags, "mqtt.subscribe.received", "socket.open") == [
                "socket.open;node=VerneMQ@127.0.0.1 0 1700000000",
                "mqtt.subscribe.received;mqtt_version=4;node=VerneMQ@127.0.0.1 1 1700000000",
                "mqtt.subscribe.received;mqtt_version=5;node=VerneMQ@127.0.0.1 2 1700000000",
            ])
    }

    @Test func `key and prefix stand before the name, and empty ones leave no dot`() {
        func first(_ apiKey: String, _ prefix: String) -> String? {
            lines(subscribed, .none, apiKey: apiKey, prefix: prefix).first {
                $0.contains("mqtt.connect.received")
            }
        }
        #expect(first("k-1", "a.b") == "k-1.a.b.mqtt.connect.received 0 1700000000")
        #expect(first("k-1", "") == "k-1.mqtt.connect.received 0 1700000000")
        #expect(first("", "a") == "a.mqtt.connect.received 0 1700000000")
        #expect(first("", ".a b;c\n.") == "a_b_c_.mqtt.connect.received 0 1700000000")
    }

    @Test func `a label with blanks, dots or other letters is made fit, and what becomes the same is summed`()
    {
        #expect(
            lines(snapshot(), .lines, "listener.connections.listener") == [
                "listener.connections.listener_my_listener_1 7 1700000000",
                "listener.connections.listener______ 1 1700000000",
            ])
        #expect(
            lines(snapshot(), .tags, "listener.connections;") == [
                "listener.connections;listener=my_listener.1;type=mqtt;node=VerneMQ@127.0.0.1 5 1700000000",
                "listener.connections;listener=my_listener_1;type=mqtt;node=VerneMQ@127.0.0.1 2 1700000000",
                "listener.connections;listener=__=__;type=mqtt;node=VerneMQ@127.0.0.1 1 1700000000",
            ])
    }

    @Test func `every line is a key, a number and the time`() throws {
        for labels in [GraphiteLabels.none, .lines, .tags] {
            let all = lines(snapshot { $0.observe(.fanOut, 3) }, labels)
            #expect(all.count > 300)
            var keys = Set<Substring>()
            for line in all {
                let parts = line.split(separator: " ", omittingEmptySubsequences: false)
                try #require(parts.count == 3, "\(line)")
                #expect(keys.insert(parts[0]).inserted, "\(line) has the key of another line")
                #expect(Double(parts[1]) != nil && parts[2] == "1700000000", "\(line)")
                #expect(!parts[0].contains("..") && parts[0].utf8.allSatisfy { 0x21...0x7E ~= $0 }, "\(line)")
            }
        }
    }

    @Test func `a histogram is count, sum and cumulative buckets, without dots in a bound`() {
        let lines = lines(
            snapshot {
                $0.observe(.turnNanoseconds, 1_000)
                $0.observe(.turnNanoseconds, 300_000)
                $0.observe(.turnNanoseconds, 60_000_000_000)
            }, .none, "loop.turn.seconds")
        #expect(
            lines.prefix(4) == [
                "loop.turn.seconds.count 3 1700000000", "loop.turn.seconds.sum 60.000301 1700000000",
                "loop.turn.seconds.bucket.0_00001 1 1700000000",
                "loop.turn.seconds.bucket.0_000025 1 1700000000",
            ])
        #expect(
            lines.suffix(2) == [
                "loop.turn.seconds.bucket.10 2 1700000000", "loop.turn.seconds.bucket.inf 3 1700000000",
            ])
    }

    @Test func `seconds are exact`() {
        let snapshot = snapshot { $0.add(.loopBusyNanoseconds, 1_500_000_001) }
        #expect(lines(snapshot, .none, "loop.busy") == ["loop.busy.seconds.total 1.500000001 1700000000"])
    }
}
