import BrokerCore
import BrokerMetrics
import HTTPServer
import Listeners
import Transport

extension MetricsRegistry {
    /// Connects the registry to everything that is counted outside the loops.
    func connect(to runtime: BrokerRuntime, _ http: HTTPListeners) {
        for exchange in runtime.doors.exchanges { add(loop: exchange) }
        let broker = runtime.broker
        register(.retainMessages) { broker.retained.count }
        register(.retainMemory) { broker.retained.byteCount }
        register(.routerSubscriptions) { broker.subscriptions.subscriptionCount }
        register(.routerMemory) { broker.subscriptions.byteCount }
        register(.activeMQTTConnections) {
            runtime.runningListeners.reduce(0) { $0 + $1.state.counts.active }
        }
        register(labelled: .listenerConnections) {
            runtime.runningListeners.map {
                ExternalSample([$0.facts.name, "mqtt"], value: Int64($0.state.counts.active))
            }
        }
        register(.httpConnections) { http.statistics.openConnections }
        register(.httpConnectionsAccepted) { http.statistics.acceptedConnections }
        register(.httpConnectionsRefused) { http.statistics.refusedConnections }
        register(.httpConnectionsTimedOut) { http.statistics.timedOutConnections }
        register(.httpHandlerErrors) { http.statistics.handlerErrors }
        register(.httpResponseBytes) { http.statistics.responseBytes }
        register(labelled: .httpRequests) {
            http.statistics.requestsByCode.map { ExternalSample([$0.code], value: Int64($0.count)) }
        }
    }
}
