import BrokerMetrics
import Synchronization
import Testing

@Suite struct SeriesBudgetTests {
    /// A registry whose `listener_connections` has the label values that `values` holds, each with its count.
    private final class Source: Sendable {
        let values = Mutex<[(String, Int64)]>([])
        let registry: MetricsRegistry

        init(perFamily: Int, total: Int = 100_000) throws {
            registry = MetricsRegistry(
                version: "1", catalog: TestRoom.catalog,
                budget: SeriesBudget(perFamily: perFamily, total: total))
            try registry.register(TestRoom.room) { [self] reading in
                for (name, value) in values.withLock({ $0 }) {
                    reading.add(TestRoom.listeners, ["listener": name, "type": "mqtt"], value)
                }
            }
        }

        func reading(_ values: [(String, Int64)]) -> [String: Int64] {
            self.values.withLock { $0 = values }
            let found = lines(registry.snapshot(), "listener_connections")
            return Dictionary(
                uniqueKeysWithValues: found.map { labels, value in
                    // The labels of the fold are all `other`.
                    #expect(
                        labels.hasSuffix(labels.hasPrefix("listener=other,") ? ",type=other" : ",type=mqtt"))
                    return (String(labels.dropFirst("listener=".count).prefix { $0 != "," }), value)
                })
        }

        var folded: Int64? {
            lines(registry.snapshot(), "metrics_folded_series")["metric=listener_connections"]
        }
    }

    @Test func `what fits is shown as it is`() throws {
        let source = try Source(perFamily: 3)
        #expect(
            source.reading([("a", 1), ("b", 2), ("c", 3)]) == ["a": 1, "b": 2, "c": 3])
        #expect(source.folded == 0)
        #expect(lines(source.registry.snapshot(), "metrics_folds_total") == ["": 0])
    }

    @Test func `what does not fit is added up under other, and counted`() throws {
        let source = try Source(perFamily: 3)
        let reading = source.reading([("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        #expect(reading == ["a": 1, "b": 2, "other": 7])
        #expect(source.folded == 2)
        // Three readings, two label sets each.
        #expect(lines(source.registry.snapshot(), "metrics_folds_total") == ["": 6])
    }

    @Test func `who is shown stays so in whatever order the next reading comes`() throws {
        let source = try Source(perFamily: 3)
        _ = source.reading([("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        let next = source.reading([("d", 5), ("c", 4), ("e", 1), ("b", 3), ("a", 2)])
        #expect(next == ["a": 2, "b": 3, "other": 10])
        // A place that became free is not given away: what is in other would fall.
        #expect(
            source.reading([("d", 5), ("c", 4), ("e", 1), ("b", 3)]) == ["b": 3, "other": 10])
        #expect(source.reading([("d", 5), ("c", 4)]) == ["c": 4, "d": 5])
    }

    @Test func `the same labels twice, and values called other, make no series twice`() throws {
        #expect(try Source(perFamily: 3).reading([("a", 1), ("a", 2)]) == ["a": 3])
        let registry = try TestRoom.registry(budget: SeriesBudget(perFamily: 3)) { reading in
            for name in ["other", "a", "b", "c"] {
                let labels: KeyValuePairs = ["listener": name, "type": name == "other" ? name : "mqtt"]
                reading.add(TestRoom.listeners, labels, 2)
            }
        }
        #expect(
            lines(registry.snapshot(), "listener_connections")
                == ["listener=other,type=other": 6, "listener=a,type=mqtt": 2])
    }

    @Test func `words of the program are never folded, for sums are made of single ones`() throws {
        let registry = try TestRoom.registry(budget: SeriesBudget(perFamily: 1, total: 1)) { reading in
            for kind in ["copies", "bodies"] { reading.add(TestRoom.rows, ["kind": kind], 3) }
        }
        #expect(lines(registry.snapshot(), "store_rows") == ["kind=copies": 3, "kind=bodies": 3])
    }

    @Test func `a long value is cut between two characters, and counted`() throws {
        let source = try Source(perFamily: 3)
        let reading = source.reading([(String(repeating: "é", count: 5_000), 1), ("a", 2)])
        let long = reading.keys.first { $0 != "a" } ?? ""
        #expect(long.utf8.count <= 1_024 && long.hasSuffix("é…"))
        #expect(lines(source.registry.snapshot(), "metrics_label_values_cut_total") == ["": 2])
    }

    @Test func `all metrics together keep the total, and a sum is never lost`() throws {
        let source = try Source(perFamily: 1_000, total: 1)
        #expect(source.reading([("a", 1), ("b", 2)]) == ["other": 3])
        let fixed = lines(source.registry.snapshot(), "socket_open")
        #expect(fixed == ["": 0])
    }

    @Test func `a family keeps the bound of its own labels`() throws {
        let registry = try TestRoom.registry { reading in
            for index in 0..<9 {
                reading.add(TestRoom.bounded, ["plugin": "p\(index)", "result": "ok"], 1)
            }
        }
        #expect(
            lines(registry.snapshot(), "room_bounded_total") == [
                "plugin=p0,result=ok": 1, "plugin=p1,result=ok": 1, "plugin=p2,result=ok": 1,
                "plugin=other,result=other": 6,
            ])
        #expect(
            lines(registry.snapshot(), "metrics_folded_series")["metric=room_bounded_total"] == 6)
    }

    @Test func `histograms beyond the budget are added up bucket by bucket`() throws {
        let histogram = SharedHistogram()
        histogram.observe(5_000)
        histogram.observe(700_000)
        let registry = try TestRoom.registry(budget: SeriesBudget(perFamily: 2)) { reading in
            for index in 0..<5 {
                reading.add(TestRoom.calls, ["plugin": "p\(index)", "hook": "publish"], histogram)
            }
        }
        let shown = registry.snapshot().histograms(of: TestRoom.calls.series[0])
        let labels = shown.map { $0.labels.pairs(of: TestRoom.calls.series[0]).map(\.value) }
        #expect(labels == [["p0", "publish"], ["other", "other"]])
        #expect(shown.map(\.reading.count) == [2, 8])
        #expect(shown.map(\.reading.sum) == [705_000, 4 * 705_000])
        #expect(shown[1].reading.cumulative.first == 4)
    }
}
