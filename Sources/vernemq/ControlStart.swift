import Admin
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Control
import Exporters
import Glibc
import HTTPServer
import Listeners
import Logging
import Primitives

/// What operators reach a running broker by: the handlers of `vmq-admin`, its socket, and the samples of metrics.
final class ControlStart {
    let routes: AdminRoutes
    private var socket: HTTPServer?
    private let ends = BlockingQueue<Never>()
    private var sampler: WorkerThread?

    init(
        _ config: EffectiveConfig, _ runtime: BrokerRuntime, _ registry: MetricsRegistry,
        _ http: HTTPListeners, _ metricsPage: MetricsPage,
        _ output: LogOutput
    ) throws(AdminFailure) {
        let keys = try APIKeys(
            path: PidFile(config).folder + "/api-keys",
            minimumLength: config.integer(.minAPIKeyLength),
            maximumExpiryDays: config.value("max_apikey_expiry_days").flatMap { Int($0.text) })
        let control = Control(
            runtime: runtime, registry: registry, settings: RuntimeSettings(config) { BrokerSettings($0) },
            keys: keys,
            otherListeners: { http.rows },
            checkExposition: { snapshot in
                ExpositionLint.check(metricsPage.exposition, snapshot).map {
                    ExpositionCheck(
                        form: $0.form, byteCount: $0.byteCount, sampleCount: $0.sampleCount,
                        problems: $0.problems)
                }
            },
            logOutput: output, version: BuildVersion.text)
        routes = AdminRoutes(control)
        registry.register(labelled: .apiRequests) { [statistics = routes.statistics] in
            statistics.reading.map { ExternalSample([$0.outcome.rawValue], value: Int64($0.count)) }
        }
        registry.register(.tracesRunning) { control.traces.count }
    }

    /// Opens the socket of `vmq-admin` and begins to take samples. A broker whose socket cannot be opened runs without.
    func start(_ config: EffectiveConfig, _ log: Logger) {
        let path = config.adminSocket
        var limits = HTTPLimits()
        limits.connections = 64
        // As many traces as may run, and what an operator asks beside them.
        limits.streams = Traces.limit + 16
        do throws(HTTPServerError) {
            socket = try HTTPServer(
                unixSocket: path, limits: limits,
                routes: routes.version1 + routes.version2 + [routes.completion],
                log: log)
            log.info(
                "listening",
                metadata: ["listener": "vmq-admin", "protocol": "vmq-admin", "address": "\(path)"])
        } catch {
            log.warning(
                "vmq-admin does not reach this broker: its socket cannot be opened",
                metadata: ["problem": "\(error)"])
        }
        let control = routes.control
        sampler = try? WorkerThread(name: "metric-history") { [ends] in
            var nothing: ContiguousArray<Never> = []
            while ends.take(into: &nothing, milliseconds: MetricHistory.interval * 1000) {
                control.sampleMetrics()
            }
        }
    }

    /// Ends running commands and closes the socket.
    func stop() {
        ends.close()
        sampler?.join()
        // Their streams would keep the socket's server from ending.
        _ = routes.control.traces.stopAll()
        socket?.stop()
    }
}
