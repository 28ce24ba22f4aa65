import BrokerMetrics

/// A room for tests, with a family of each shape.
enum TestRoom {
    static let plain = MetricFamily.gauge("room_plain", .entries, help: "Without labels.")
    static let listeners = MetricFamily.gauge(
        "listener_connections", .connections, [.open("listener"), .open("type")], help: "Named from outside.")
    static let bounded = MetricFamily.counter(
        "room_bounded_total", .calls, [.open("plugin", bound: 2), .closed("result", ["ok", "failed"])],
        help: "Named from outside, and few.")
    static let rows = MetricFamily.gauge(
        "store_rows", .entries, [.closed("kind", ["copies", "bodies"])], help: "Words of the program.")
    static let sparse = MetricFamily.gauge(
        "room_sparse_seconds", .seconds, [.closed("stage", ["a", "b"])], scale: .nanoseconds, isSparse: true,
        help: "Only what was read.")
    static let batch = MetricFamily.histogram("room_batch", .entries, .counts, help: "Without labels.")
    static let calls = MetricFamily.histogram(
        "room_call_seconds", .seconds, .turnSeconds,
        [.open("plugin"), .closed("hook", ["publish", "register"])],
        help: "With labels.")

    static let room = MetricRoom("Test", [plain, listeners, bounded, rows, sparse, batch, calls])
    static let catalog: MetricCatalog = {
        do {
            return try MetricCatalog(rooms: [room])
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    static func registry(
        budget: SeriesBudget = SeriesBudget(), _ read: @escaping MetricsRegistry.Reader
    ) throws -> MetricsRegistry {
        let registry = MetricsRegistry(version: "1", catalog: catalog, budget: budget)
        try registry.register(room, read: read)
        return registry
    }
}
