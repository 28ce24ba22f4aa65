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
import Synchronization

/// What operators reach a running broker by: the handlers of `vmq-admin`, its socket, and the samples of metrics.
final class ControlStart {
    let routes: AdminRoutes
    private var socket: HTTPServer?
    private let ends = BlockingQueue<Never>()
    private var sampler: WorkerThread?
    private let registry: MetricsRegistry
    private let watch: StatusWatch
    private let historyFile: StatusHistoryFile
    private let starter: Starter

    /// How a listener is started while the broker runs. It is known when the pages are, which have the commands among them.
    private final class Starter: Sendable {
        /// A closure of its own in a mutex would be wrapped once more with each reading, until a call of it overflows the stack.
        struct Start: Sendable {
            let run: @Sendable (ListenerSettings, EffectiveConfig) throws -> Void
        }

        let start = Mutex<Start?>(nil)
    }

    /// Seconds between two times the history is kept.
    private static let keepInterval: Int64 = 60

    init(
        _ config: EffectiveConfig, _ runtime: BrokerRuntime, _ registry: MetricsRegistry,
        _ http: HTTPListeners, _ metricsPage: MetricsPage, _ watch: StatusWatch,
        _ historyFile: StatusHistoryFile, _ output: LogOutput, _ plugins: PluginStart
    ) throws(AdminFailure) {
        self.registry = registry
        self.watch = watch
        self.historyFile = historyFile
        let starter = Starter()
        self.starter = starter
        let keys = try APIKeys(
            path: PidFile(config).folder + "/api-keys",
            minimumLength: config.integer(.minAPIKeyLength),
            maximumExpiryDays: config.value("max_apikey_expiry_days").flatMap { Int($0.text) })
        let control = Control(
            runtime: runtime, registry: registry, settings: RuntimeSettings(config) { BrokerSettings($0) },
            keys: keys,
            pageListeners: http,
            startListener: { listener, config in
                guard let start = starter.start.withLock({ $0 }) else {
                    throw ListenerProblem.failure("the broker has not started yet")
                }
                try start.run(listener, config)
            },
            checkExposition: { snapshot in
                ExpositionLint.check(metricsPage.exposition, snapshot).map {
                    ExpositionCheck(
                        form: $0.form, byteCount: $0.byteCount, sampleCount: $0.sampleCount,
                        problems: $0.problems)
                }
            },
            keyNumbers: { minutes in
                let history = watch.history
                let range = KeyHistory.Range.reaching(minutes: minutes)
                return KeySeries.all.indices.map { index in
                    KeyNumber(
                        name: KeySeries.all[index].name, unit: KeySeries.all[index].unit,
                        interval: Int(range.interval),
                        values: history.values(of: index, range).suffix(minutes * 60 / Int(range.interval)))
                }
            },
            logOutput: output, plugins: plugins, version: BuildVersion.text)
        routes = AdminRoutes(control)
    }

    /// Shows what is asked of it.
    func register(in registry: MetricsRegistry) throws(MetricConflict) {
        try registry.register(ControlMetrics.room) {
            [control = routes.control, statistics = routes.statistics] in
            control.read(&$0, statistics)
        }
    }

    /// Sets what starts a listener while the broker runs.
    func onStart(_ start: @escaping @Sendable (ListenerSettings, EffectiveConfig) throws -> Void) {
        starter.start.withLock { $0 = Starter.Start(run: start) }
    }

    /// Opens the socket of `vmq-admin` and begins to take samples. A broker whose socket cannot be opened runs without.
    func start(_ config: EffectiveConfig, _ log: Logger) {
        let path = config.adminSocket
        var limits = HTTPLimits()
        limits.connections = 64
        // As many traces as may run, and what an operator asks beside them.
        limits.streams = 16
        limits.lastingStreams = Traces.limit
        limits.bodySize = config.integer(.httpMaxBodySize)
        do throws(HTTPServerError) {
            socket = try HTTPServer(
                unixSocket: path, limits: limits,
                routes: routes.version1 + routes.version2,
                log: log)
            log.info(
                "listening",
                metadata: ["listener": "vmq-admin", "protocol": "vmq-admin", "address": "\(path)"])
        } catch {
            log.warning(
                "vmq-admin does not reach this broker: its socket cannot be opened",
                metadata: ["problem": "\(error)"])
        }
        sampler = try? WorkerThread(name: "metric-history") {
            [ends, registry, watch, historyFile, control = routes.control] in
            let clock = SystemClock()
            var nothing: ContiguousArray<Never> = []
            repeat {
                let snapshot = registry.snapshot()
                let wall = clock.wallMilliseconds
                watch.look(at: snapshot, now: clock.now.nanoseconds, wallMilliseconds: wall)
                let second = wall / 1000
                if second % Int64(MetricHistory.interval) == 0 { control.sampleMetrics(snapshot) }
                if second % Self.keepInterval == 0 { historyFile.write(watch.history) }
                // Just behind the next whole second, so that none is left out and none has two.
            } while ends.take(into: &nothing, milliseconds: Self.pause(clock.wallMilliseconds))
        }
    }

    private static func pause(_ wallMilliseconds: Int64) -> Int {
        1005 - Int(max(0, wallMilliseconds) % 1000)
    }

    /// Ends running commands and closes the socket.
    func stop() {
        ends.close()
        sampler?.join()
        historyFile.write(watch.history)
        // Their streams would keep the socket's server from ending.
        _ = routes.control.traces.stopAll()
        socket?.stop()
    }
}
