import BrokerCore
import BrokerMetrics
import Exporters
import HTTPServer
import Listeners
import Primitives
import Synchronization
import Transport

/// What the HTTP listeners serve, by module as in `http_modules`.
struct Pages: Sendable {
    let registry: MetricsRegistry
    let runtime: BrokerRuntime
    let exposition: PrometheusText
    let httpListeners: HTTPListeners

    func routes(_ modules: [String]) -> [Route] {
        var routes: [Route] = []
        if modules.contains("vmq_metrics_http") { routes.append(metrics) }
        if modules.contains("vmq_health_http") { routes += health }
        if modules.contains("vmq_status_http") { routes += status }
        return routes
    }

    private var metrics: Route {
        Route("/metrics", .only(["GET", "HEAD", "OPTIONS"])) { [self] request in
            guard request.accepts("text/plain") else {
                return .text(406, "This page is text/plain; the Accept header asks for something else.")
            }
            var body: [UInt8] = []
            body.reserveCapacity(128 * 1024)
            exposition.render(registry.snapshot(), into: &body)
            var answer = HTTPResponse(status: 200, contentType: PrometheusText.contentType, body: body)
            answer.isCompressible = true
            return answer
        }
    }

    private var health: [Route] {
        func route(_ path: String, _ answer: @escaping @Sendable () -> Health) -> Route {
            Route(path, .any, isUrgent: true) { _ in
                let health = answer()
                return .json(health.body, status: health.statusCode)
            }
        }
        return [
            route("/health/ping") { .ping },
            route("/health/listeners_full_cluster") { [self] in .fullCluster(state, listeners) },
            route("/health/listeners") { [self] in .listeners(listeners) },
            route("/health") { [self] in
                .node(state, listeners, stalledLoops: registry.stalledLoops())
            },
        ]
    }

    private var status: [Route] {
        [
            Route("/favicon.ico") { _ in HTTPResponse(status: 204) },
            Route("/status.json") { [self] _ in .json(StatusJSON.render(registry.snapshot(), node)) },
            Route("/status/details.json") { [self] _ in
                .json(StatusJSON.renderDetails(registry.snapshot(), node))
            },
            Route("/status", .only(["GET", "HEAD", "OPTIONS"])) { _ in
                HTTPResponse(
                    status: 200, contentType: StatusPage.contentType, headers: StatusPage.securityHeaders,
                    body: StatusPage.html)
            },
        ]
    }

    private var state: Health.ClusterState { runtime.isDraining ? .stopping : .ready }

    private var node: NodeStatus {
        NodeStatus(node: runtime.broker.settings.nodeName, version: BuildVersion.text, listeners: listeners)
    }

    private var listeners: [ListenerStatus] {
        runtime.runningListeners.map { listener in
            ListenerStatus(
                type: "mqtt", isRunning: true, ip: listener.address.address.ipText,
                port: Int(listener.address.port),
                mountpoint: listener.facts.mountpoint.name.description,
                maximumConnections: listener.state.maxConnections == .max
                    ? nil : listener.state.maxConnections,
                connections: listener.state.counts.active,
                refused: listener.state.counts.overLimit.reduce(0, +),
                reachedLimits: listener.state.reachedLimits(now: runtime.broker.clock.now).map(\.settingName))
        } + httpListeners.statuses
    }
}

/// The HTTP listeners that run, for their own pages to show.
final class HTTPListeners: Sendable {
    private let running = Mutex<[(status: ListenerStatus, server: HTTPServer)]>([])

    func add(_ server: HTTPServer, _ status: ListenerStatus) {
        running.withLock { $0.append((status, server)) }
    }

    var statuses: [ListenerStatus] { running.withLock { $0.map(\.status) } }

    /// The numbers of all of them together.
    var statistics: HTTPStatistics {
        let servers = running.withLock { $0.map(\.server) }
        return servers.reduce(into: HTTPStatistics()) { $0 += $1.statistics }
    }

    func stop() {
        for (_, server) in running.withLock({ $0 }) { server.stop() }
    }
}
