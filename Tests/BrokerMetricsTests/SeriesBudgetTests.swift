import BrokerMetrics
import Synchronization
import Testing

@Suite struct SeriesBudgetTests {
    /// A registry whose `listener_connections` has the label values that `values` holds, each with its count.
    private final class Source: Sendable {
        let values = Mutex<[(String, Int64)]>([])
        let registry: MetricsRegistry

        init(perFamily: Int, total: Int = 100_000) {
            registry = MetricsRegistry(version: "1", budget: SeriesBudget(perFamily: perFamily, total: total))
            registry.register(labelled: .listenerConnections) { [self] in
                values.withLock { $0.map { ExternalSample([$0.0, "mqtt"], value: $0.1) } }
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

    @Test func `what fits is shown as it is`() {
        let source = Source(perFamily: 3)
        #expect(
            source.reading([("a", 1), ("b", 2), ("c", 3)]) == ["a": 1, "b": 2, "c": 3])
        #expect(source.folded == 0)
        #expect(lines(source.registry.snapshot(), "metrics_folds_total") == ["": 0])
    }

    @Test func `what does not fit is added up under other, and counted`() {
        let source = Source(perFamily: 3)
        let reading = source.reading([("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        #expect(reading == ["a": 1, "b": 2, "other": 7])
        #expect(source.folded == 2)
        // Three readings, two label sets each.
        #expect(lines(source.registry.snapshot(), "metrics_folds_total") == ["": 6])
    }

    @Test func `who is shown stays so in whatever order the next reading comes`() {
        let source = Source(perFamily: 3)
        _ = source.reading([("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        let next = source.reading([("d", 5), ("c", 4), ("e", 1), ("b", 3), ("a", 2)])
        #expect(next == ["a": 2, "b": 3, "other": 10])
        // A place that became free is not given away: what is in other would fall.
        #expect(
            source.reading([("d", 5), ("c", 4), ("e", 1), ("b", 3)]) == ["b": 3, "other": 10])
        #expect(source.reading([("d", 5), ("c", 4)]) == ["c": 4, "d": 5])
    }

    @Test func `the same labels twice, and values called other, make no series twice`() {
        #expect(Source(perFamily: 3).reading([("a", 1), ("a", 2)]) == ["a": 3])
        let registry = MetricsRegistry(version: "1", budget: SeriesBudget(perFamily: 3))
        registry.register(labelled: .listenerConnections) {
            ["other", "a", "b", "c"].map { ExternalSample([$0, $0 == "other" ? $0 : "mqtt"], value: 2) }
        }
        #expect(
            lines(registry.snapshot(), "listener_connections")
                == ["listener=other,type=other": 6, "listener=a,type=mqtt": 2])
    }

    @Test func `words of the program are never folded, for sums are made of single ones`() {
        let registry = MetricsRegistry(version: "1", budget: SeriesBudget(perFamily: 1, total: 1))
        registry.register(labelled: .storePresent) {
            ["copies", "bodies"].map { ExternalSample([$0], value: 3) }
        }
        #expect(lines(registry.snapshot(), "store_rows") == ["kind=copies": 3, "kind=bodies": 3])
    }

    @Test func `a long value is cut between two characters, and counted`() {
        let source = Source(perFamily: 3)
        let reading = source.reading([(String(repeating: "é", count: 5_000), 1), ("a", 2)])
        let long = reading.keys.first { $0 != "a" } ?? ""
        #expect(long.utf8.count <= 1_024 && long.hasSuffix("é…"))
        #expect(lines(source.registry.snapshot(), "metrics_label_values_cut_total") == ["": 2])
    }

    @Test func `all metrics together keep the total, and a sum is never lost`() {
        let source = Source(perFamily: 1_000, total: 1)
        #expect(source.reading([("a", 1), ("b", 2)]) == ["other": 3])
        let fixed = lines(source.registry.snapshot(), "socket_open")
        #expect(fixed == ["": 0])
    }
}
