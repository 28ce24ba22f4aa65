import BrokerMetrics
import Primitives
import Testing

@testable import PushExporters

struct SysTreeTests {
    private func snapshot() -> Snapshot {
        let counters = LoopCounters()
        counters.add(.connectReceived, .v4, 9)
        counters.add(.connectReceived, .v5, 3)
        counters.observe(.fanOut, 5)
        return Snapshot(loops: [Snapshot.Loop(words: counters.copy())])
    }

    @Test func `a topic has a level for each word of a name, and the payload is the sum over all labels`() {
        let messages = SysTopics(.full(1), node: "a@b").messages(of: snapshot())
        let payloads = Dictionary(grouping: messages, by: \.topic).mapValues { $0.map(\.payload) }
        #expect(payloads["$SYS/a@b/mqtt/connect/received"] == ["12"])
        #expect(payloads["$SYS/a@b/fan/out/count"] == ["1"])
        #expect(payloads["$SYS/a@b/fan/out/sum"] == ["5"])
        #expect(payloads["$SYS/a@b/fan/out/bucket/3"] == ["0"])
        #expect(payloads["$SYS/a@b/fan/out/bucket/7"] == ["1"])
        #expect(payloads["$SYS/a@b/fan/out/bucket/inf"] == ["1"])
        #expect(payloads.values.allSatisfy { $0.count == 1 }, "no two metrics share a topic")
    }

    @Test func `every family is there, VerneMQ's and ours`() {
        let topics = Set(SysTopics(.full(4), node: "n").messages(of: snapshot()).map(\.topic))
        for family in MetricCatalog.full(4).families where family.kind != .histogram {
            // A family whose series come from outside has none here.
            guard snapshot().aggregate(family) != nil, !family.series.isEmpty else { continue }
            let isOutside = family.series.contains { if case .room = $0.source { true } else { false } }
            let topic = "$SYS/n/" + family.name.replacing("_", with: "/")
            #expect(topics.contains(topic) || isOutside, "\(topic)")
        }
    }

    @Test func `a node's name cannot make a wildcard or a level of its own`() {
        let messages = SysTopics(.full(1), node: "a/b+#").messages(of: snapshot())
        #expect(messages.allSatisfy { $0.topic.hasPrefix("$SYS/a_b__/") })
    }

    @Test
    func
        `a round goes in slices over a quarter of the interval, and the next one an interval after it began`()
    {
        let start = MonotonicTime(nanoseconds: 1_000_000_000)
        func at(_ milliseconds: UInt64) -> MonotonicTime { start.adding(milliseconds: milliseconds) }
        let round = (0..<150).map { SysMessage(topic: "t\($0)", payload: "") }
        var schedule = SysTreeSchedule(now: start)
        #expect(schedule.take(12_000, now: at(999)) { round }.isEmpty)
        var given: [(UInt64, Int)] = []
        for time in stride(from: 1000 as UInt64, through: 13_000, by: 250) {
            let count = schedule.take(12_000, now: at(time)) { round }.count
            if count > 0 { given.append((time, count)) }
        }
        #expect(given.map(\.0) == [1000, 2000, 3000, 13_000])
        #expect(given.map(\.1) == [64, 64, 22, 64])
    }

    @Test func `an interval shorter than its slices is no busy loop`() {
        var schedule = SysTreeSchedule(now: MonotonicTime(nanoseconds: 0))
        let now = MonotonicTime(nanoseconds: 5_000_000_000)
        _ = schedule.take(1, now: now) { [SysMessage(topic: "t", payload: "")] }
        #expect(schedule.next > now)
    }
}
