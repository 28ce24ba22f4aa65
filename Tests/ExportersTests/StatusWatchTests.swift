import BrokerMetrics
import Testing

@testable import Exporters

/// A watch that is shown one reading after the other, a second apart.
private struct Watched {
    let watch = StatusWatch()
    let counters = LoopCounters()
    private(set) var second: UInt64 = 1000

    var wall: Int64 { 1_764_478_000_000 + Int64(second) * 1000 }
    var snapshot: Snapshot { Snapshot(loops: [Snapshot.Loop(words: counters.copy())]) }
    var recent: RecentNumbers { watch.recent(now: second * 1_000_000_000) }
    var facts: StatusFacts {
        StatusFacts(
            snapshot: snapshot, node: NodeStatus(node: "n", version: "1", listeners: []), recent: recent,
            wallMilliseconds: wall)
    }

    mutating func pass(_ seconds: Int, _ each: (LoopCounters) -> Void = { _ in }) {
        for _ in 0..<seconds {
            second += 1
            each(counters)
            watch.look(at: snapshot, now: second * 1_000_000_000, wallMilliseconds: wall)
        }
    }
}

@Suite struct StatusWatchTests {
    @Test func `rates are those of the last ten seconds`() {
        var watched = Watched()
        watched.pass(30) { $0.add(.publishReceived, .v5, 4) }
        #expect(watched.recent.tenSeconds.rate(.received) == 4)
        watched.pass(5)
        #expect(watched.recent.tenSeconds.rate(.received) == 2)
        #expect(watched.recent.fiveMinutes[.received] == 116)
        watched.pass(1000)
        #expect(watched.recent.tenSeconds.rate(.received) == 0)
        #expect(watched.recent.quarterHour.seconds == 900)
    }

    @Test func `what warnings count is what the metrics say`() {
        let counters = LoopCounters()
        counters.add(.socketOpen, 9)
        counters.add(.socketError, 2)
        counters.add(.publishError, .v5, 3)
        counters.add(.connackSent, .v4, code: 4)
        counters.add(.connackSent, .v4, code: 5)
        counters.add(.connackSent, .v4, code: 3, 10)
        counters.add(.connackSent, .v5, code: 0x86)
        counters.add(.connackSent, .v5, code: 0x87)
        counters.add(.connackSent, .v5, code: 0x88, 10)
        counters.add(.logOmittedDrops, 4)
        counters.add(.logOmittedTakeovers, 3)
        let snapshot = Snapshot(
            loops: [Snapshot.Loop(words: counters.copy())],
            samples: [
                "graphite_errors_total": [RoomSample(["send"], value: 2), RoomSample(["lookup"], value: 3)],
                "otlp_exports_total": [
                    RoomSample(["accepted"], value: 1), RoomSample(["partial"], value: 2),
                    RoomSample(["refused"], value: 4), RoomSample(["given_up"], value: 8),
                    RoomSample(["unconfirmed"], value: 16),
                ],
                "http_requests_total": [RoomSample(["2xx"], value: 5), RoomSample(["5xx"], value: 6)],
                "health_path_walks_total": [RoomSample(["ok"], value: 5), RoomSample(["down"], value: 7)],
            ])
        let expected: [WatchedCount: UInt64] = [
            .socketOpens: 9, .socketErrors: 2, .publishErrors: 3, .badCredentials: 4, .graphiteErrors: 5,
            .otlpTaken: 3, .otlpFailed: 28, .httpAnswers: 11, .httpErrors: 6, .pathBlocked: 7,
            .clientEventsOmitted: 7,
        ]
        for (count, value) in expected { #expect(count.value(in: snapshot) == value, "\(count)") }
    }

    @Test func `before the second look there is no rate`() {
        var watched = Watched()
        #expect(watched.recent.age == nil)
        watched.pass(1)
        #expect(watched.recent.tenSeconds.rate(.received) == nil)
        #expect(watched.recent.age == 0)
    }

    @Test(arguments: DropReason.allCases) func `each loss is seen at once, with its rate and since when`(
        reason: DropReason
    ) {
        var watched = Watched()
        watched.pass(100) { $0.add(.ledgerDelivered, 1000) }
        #expect(!watched.facts.warnings.contains { $0.runbook == "VerneMQMessagesDropped" })
        let begin = watched.wall + 1000
        watched.pass(10) {
            $0.add(.ledgerDelivered, 1000)
            $0.add(lost: reason, 3)
        }
        let episode = watched.recent.episodes[WatchedCount.drop(reason).index]
        #expect(episode == LossEpisode(first: begin, last: watched.wall, since: begin))
        #expect(watched.recent.tenSeconds.rate(.drop(reason)) == 3)
        let warnings = watched.facts.warnings
        // The ledger is off as well: the test loses copies that were never made.
        let loss = warnings.filter { $0.runbook == "VerneMQMessagesDropped" }
        #expect(loss.count == 1 && loss[0].isLoss && loss[0].text.contains(reason.plainWords))
        watched.pass(61)
        #expect(!watched.facts.warnings.contains { $0.runbook == "VerneMQMessagesDropped" })
        let later = watched.wall + 1000
        watched.pass(1) { $0.add(lost: reason) }
        let again = watched.recent.episodes[WatchedCount.drop(reason).index]
        #expect(again == LossEpisode(first: begin, last: later, since: later))
    }

    @Test func `the history gets a sample of each look`() {
        var watched = Watched()
        watched.pass(5) {
            $0.add(.publishReceived, .v5, 4)
            $0.add(lost: .queueFull, 2)
            $0.add(.loopBusyNanoseconds, 250_000_000)
        }
        func values(_ name: String) -> [Float?] {
            Array(watched.watch.history.values(of: KeySeries.index(named: name) ?? 0, .quarterHour).suffix(5))
        }
        #expect(values("in") == [nil, 4, 4, 4, 4])
        #expect(values("lost") == [nil, 2, 2, 2, 2])
        #expect(values("lost_queue_full") == [nil, 2, 2, 2, 2])
        #expect(values("lost_expired") == [nil, 0, 0, 0, 0])
        #expect(values("loop_busy") == [nil, 25, 25, 25, 25])
        #expect(values("clients") == [0, 0, 0, 0, 0])
    }

    @Test func `quantiles are those of the last ten looks`() throws {
        var watched = Watched()
        watched.pass(20) { $0.observe(.residenceQoS0, 8_000_000_000) }
        watched.pass(11) {
            for value in 1...100 as ClosedRange<UInt64> {
                let histograms: [LoopHistogram] = [.residenceQoS0, .residenceQoS1, .residenceQoS2]
                $0.observe(histograms[Int(value % 3)], value * 10_000)
            }
        }
        let (median, high) = (
            try #require(watched.recent.latency.quantile(0.5)),
            try #require(watched.recent.latency.quantile(0.99))
        )
        #expect(median >= 0.0005 && median < 0.00057)
        #expect(high >= 0.00099 && high < 0.00112)
        #expect(Distribution().quantile(0.5) == nil)
    }

    @Test func `memory does not grow with time`() {
        var watched = Watched()
        watched.pass(2000)
        #expect(watched.recent.quarterHour.seconds == 900)
    }
}
