import BrokerConfig
import BrokerCore
import BrokerMetrics
import Control
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
    let metricsPage: MetricsPage
    let httpListeners: HTTPListeners
    let watch: StatusWatch
    let pathProbe: PathProbe
    let healthAnswers = HealthAnswers()
    let progress = StartProgress()
    let sessions: SessionsPage
    /// The numbers in it are those of the last second's look, so they are half a second older at most.
    private let statusBody = SharedBody(freshness: 500_000_000)
    /// By the place of the range in `KeyHistory.Range.allCases`.
    private let historyBodies = KeyHistory.Range.allCases.map {
        (range: $0, body: SharedBody(freshness: 1_000_000_000))
    }

    init(
        registry: MetricsRegistry, runtime: BrokerRuntime, metricsPage: MetricsPage,
        httpListeners: HTTPListeners, watch: StatusWatch, pathProbe: PathProbe, sessions: SessionsPage
    ) {
        self.registry = registry
        self.runtime = runtime
        self.metricsPage = metricsPage
        self.httpListeners = httpListeners
        self.watch = watch
        self.pathProbe = pathProbe
        self.sessions = sessions
    }

    /// - Parameter needsKey: whether a module asks for an API key on this listener.
    func routes(_ modules: [String], _ admin: AdminRoutes, needsKey: (String) -> Bool) -> [Route] {
        let clientsAccess: AdminRoutes.Access =
            needsKey("vmq_status_http") ? .key(.status) : .keyWhenThereIsOne(.status)
        let all: [(module: String, scope: APIKeys.Scope, routes: [Route])] = [
            ("vmq_metrics_http", .metrics, [metrics, catalog]), ("vmq_health_http", .health, health),
            ("vmq_status_http", .status, status),
            ("vmq_http_mgmt_api", .mgmt, admin.version1),
            ("vmq_http_v2_api", .api2, admin.version2),
        ]
        return all.filter { modules.contains($0.module) }.flatMap { module in
            admin.guarded(module.routes, needsKey(module.module) ? .key(module.scope) : .everybody)
        } + (modules.contains("vmq_status_http") ? admin.guarded([clients], clientsAccess) : [])
    }

    /// Names clients: whoever has given keys wants it asked for one, even where the numbers are for everybody.
    private var clients: Route {
        Route("/status/sessions.json") { [sessions] _ in sessions.answer() }
    }

    private var metrics: Route {
        Route("/metrics", .only(["GET", "HEAD"]), lane: .metrics) { [self] request in
            let names = request.query.filter { $0.name == "family" || $0.name == "collect[]" }.map(\.value)
            let answer = metricsPage.answer(
                accept: request.joinedHeaders("Accept"), names: names,
                traceparent: request.header("traceparent"), arrivedAt: request.arrivedAt)
            switch answer {
            case .exposition(let contentType, let body):
                var answer = HTTPResponse(
                    status: 200, contentType: contentType, headers: [("Vary", "Accept")], body: body)
                answer.isCompressible = true
                return answer
            case .notAcceptable(let text): return .text(406, text)
            case .badQuery(let text): return .text(400, text)
            }
        }
    }

    private var catalog: Route {
        let document = MetricsCatalogJSON.render(metricsPage.exposition)
        return Route("/metrics/catalog.json") { _ in
            var answer = HTTPResponse.json(document)
            answer.isCompressible = true
            return answer
        }
    }

    private var health: [Route] {
        func route(
            _ path: String, lane: Route.Lane = .health, _ answer: @escaping @Sendable () -> Health
        ) -> Route {
            Route(path, .any, lane: lane) { _ in
                let health = answer()
                return .json(health.body, status: health.statusCode)
            }
        }
        return [
            route("/health/ping", lane: .live) { .ping },
            route("/health/listeners_full_cluster") { [self] in .fullCluster(state, listeners) },
            route("/health/listeners") { [self] in .listeners(listeners) },
            route("/health") { [self] in
                .node(state, listeners, stalledLoops: registry.stalledLoops())
            },
            route("/health/live", lane: .live) { [self] in counted(.live, live) },
            route("/health/ready") { [self] in counted(.ready, ready) },
            // It may wait for a loop or the store, and the other checks must not wait for it.
            route("/health/path", lane: .pages) { [self] in counted(.path, path) },
        ]
    }

    private func counted(_ check: HealthAnswers.Check, _ make: () -> Health) -> Health {
        let health = make()
        healthAnswers.count(check, health)
        return health
    }

    private func live() -> Health {
        let begin = runtime.broker.clock.now
        let silent = registry.silentLoops()
        return .live(
            silentLoops: silent.map { ($0.loop, Int($0.nanoseconds / 1_000_000_000)) },
            duration: runtime.broker.clock.now.nanoseconds(since: begin))
    }

    private func ready() -> Health {
        let begin = runtime.broker.clock.now
        var readiness = Health.Readiness()
        readiness.isStarted = progress.isDone
        readiness.isStopping = runtime.isDraining
        readiness.listeners = listeners
        readiness.stalledLoops = registry.stalledLoops()
        readiness.isStoreFailing = runtime.broker.store.health.isFailing
        readiness.isOutOfDescriptors = runtime.limits.clients.map { $0.taken >= $0.maximum } ?? false
        return .ready(readiness, duration: runtime.broker.clock.now.nanoseconds(since: begin))
    }

    private func path() -> Health {
        let walk = pathProbe.walk()
        return .path(
            reasons: walk.reasons,
            ways: walk.ways.map { way in
                (way.loop, [("loop_us", way.waited), ("router_us", way.routed), ("queue_us", way.queued)])
            },
            store: runtime.broker.store.isDurable ? ("store_us", walk.stored) : nil, duration: walk.duration)
    }

    private var status: [Route] {
        [
            Route("/favicon.ico") { _ in HTTPResponse(status: 204) },
            Route("/status.json") { [self] _ in .json(statusBody.get { StatusJSON.render(facts) }) },
            Route("/status/history.json") { [self] request in
                // A name without a value is a bad one, no name is the default.
                let ranges = request.query.filter { $0.name == "range" }.map { $0.value ?? "" }
                guard ranges.count <= 1, let range = KeyHistory.Range(rawValue: ranges.first ?? "15m") else {
                    return .text(400, KeyHistory.rangeProblem)
                }
                let shared = historyBodies.first { $0.range == range }?.body
                let body = shared?.get { watch.history.json(range) } ?? watch.history.json(range)
                var answer = HTTPResponse.json(body)
                answer.isCompressible = true
                return answer
            },
            Route("/status", .only(["GET", "HEAD"])) { request in
                // The page's script asks for `status.json` beside the page, which `/status/` does not have.
                let slashes = request.path.utf8.reversed().prefix { $0 == UInt8(ascii: "/") }.count
                guard slashes == 0 else {
                    let place = String(repeating: "../", count: slashes) + "status"
                    return HTTPResponse(status: 308, headers: [("Location", place)])
                }
                let nonce = StatusPage.nonce()
                return HTTPResponse(
                    status: 200, contentType: StatusPage.contentType,
                    headers: StatusPage.securityHeaders(nonce: nonce), body: StatusPage.html(nonce: nonce))
            },
        ]
    }

    private var state: Health.ClusterState { runtime.isDraining ? .stopping : .ready }

    private var facts: StatusFacts {
        let clock = runtime.broker.clock
        return StatusFacts(
            snapshot: watch.lastSnapshot(now: clock.now.nanoseconds) ?? registry.snapshot(), node: node,
            recent: watch.recent(now: clock.now.nanoseconds),
            wallMilliseconds: clock.wallMilliseconds)
    }

    private var node: NodeStatus {
        NodeStatus(
            node: runtime.broker.settings.nodeName, version: BuildVersion.text, listeners: listeners,
            certificates: httpListeners.certificates.all.flatMap { entry in
                entry.certificates.map {
                    NodeStatus.CertificateEnd(
                        listener: entry.listener, type: entry.type, name: $0.commonName, file: $0.file,
                        notAfter: $0.notAfter)
                }
            }, isStopping: runtime.isDraining)
    }

    private var listeners: [ListenerStatus] {
        runtime.runningListeners.map { listener in
            ListenerStatus(
                type: listener.facts.kind.rawValue, isRunning: !listener.isSuspended,
                ip: listener.address.address.ipText,
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

/// Whether the start is complete.
final class StartProgress: Sendable {
    private let done = Atomic<Bool>(false)
    var isDone: Bool { done.load(ordering: .relaxed) }
    func complete() { done.store(true, ordering: .relaxed) }
}
