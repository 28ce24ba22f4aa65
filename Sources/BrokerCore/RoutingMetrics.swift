package import BrokerMetrics

/// The metrics of what all event loops share: the routing table and the retained messages.
package enum RoutingMetrics {
    static let retainMemory = MetricFamily.gauge(
        "retain_memory", .bytes, heritage: .verneMQGauge,
        help: "Memory that retained messages take.")
    package static let retainMessages = MetricFamily.gauge(
        "retain_messages", .messages, heritage: .verneMQGauge,
        help: "Retained messages of this node.")
    static let routerMemory = MetricFamily.gauge(
        "router_memory", .bytes, heritage: .verneMQGauge,
        help: "Memory that the routing table takes.")
    package static let subscriptions = MetricFamily.gauge(
        "router_subscriptions", .subscriptions, heritage: .verneMQGauge,
        help: "Subscriptions in the routing table.")
    static let tables = MetricFamily.gauge(
        "vm_memory_ets", .bytes, heritage: .verneMQRuntime,
        help: "Memory of the routing table and the retained messages.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "BrokerCore",
        [
            retainMemory, retainMessages, routerMemory, subscriptions, tables,
        ])
}

extension Broker {
    /// All samples of what the loops share. Any thread.
    package func read(_ reading: inout RoomReading) {
        let (retained, subscribed) = (retained.byteCount, subscriptions.byteCount)
        reading.add(RoutingMetrics.retainMemory, retained)
        reading.add(RoutingMetrics.retainMessages, self.retained.count)
        reading.add(RoutingMetrics.routerMemory, subscribed)
        reading.add(RoutingMetrics.subscriptions, subscriptionCount)
        reading.add(RoutingMetrics.tables, retained + subscribed)
    }
}
