package import BrokerMetrics
package import Logging
package import Primitives

/// Sends metrics to Graphite, on a thread of its own: VerneMQ's `vmq_graphite`, without its losses.
///
///     apply(settings) ─→ Orders ─→ the thread: GraphiteWorker
///                                    GraphiteMachine   when to connect, to send, to give up
///                                    NameLookup        addresses, on one more thread
///                                    GraphiteText      a snapshot as lines
///                                    GraphiteBuffer    what the server has not taken
package final class GraphiteExporter: Sendable {
    /// What it counts.
    package let statistics = GraphiteStatistics()

    private let source: MetricsSource
    private let orders: Orders<GraphiteSettings>
    private let log: Logger

    /// - Parameter source: what is sent.
    /// - Returns: nil when there is no descriptor to be had.
    package init?(_ source: MetricsSource, log: Logger = Logger(label: "graphite")) {
        guard let orders = Orders<GraphiteSettings>() else { return nil }
        self.source = source
        self.orders = orders
        self.log = log
    }

    /// Settings that are in force at once. The first that say that something is to be sent start the thread.
    package func apply(_ settings: GraphiteSettings) {
        orders.change(to: settings)
        guard settings.isEnabled else { return }
        do throws(ThreadError) {
            try orders.begin(name: "graphite") { [source, orders, statistics, log] in
                GraphiteWorker(source, settings, orders, statistics, log).run()
            }
        } catch {
            log.error(
                "Graphite gets no metrics: no thread for it",
                metadata: ["errno": .stringConvertible(error.errorNumber)])
        }
    }

    /// Ends it at once: what waits for the server is lost.
    package func stop() { orders.stop() }
}

/// What is sent, and as whose.
package struct MetricsSource: Sendable {
    /// Where the numbers come from.
    package let registry: MetricsRegistry
    /// The node's name.
    package let node: String
    /// Stands before every name on `/metrics`.
    package let namespace: String
    /// The broker's.
    package let version: String
    /// Where the time comes from.
    package let clock: any Clock

    /// All of it.
    package init(
        registry: MetricsRegistry, node: String, namespace: String, version: String,
        clock: any Clock = SystemClock()
    ) {
        self.registry = registry
        self.node = node
        self.namespace = namespace
        self.version = version
        self.clock = clock
    }
}
