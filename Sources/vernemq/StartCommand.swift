import ArgumentParser
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
import Plugins
import Primitives
import PushExporters
import Storage
import Transport

import struct Admin.AdminFailure

/// `vernemq start`: runs the broker in the foreground, or starts it in the background.
struct StartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Run the broker in the foreground (the default), or start it in the background.")

    @OptionGroup var source: ConfigSource

    @Flag(help: "Start it in the background, and return when it takes connections.")
    var daemon = false

    /// Set by `--daemon` for the process that stays.
    @Option(help: .private)
    var readyDescriptor: Int32?

    func run() throws {
        if daemon { return try DaemonStart.run(source) }
        guard let readyDescriptor else { return try runBroker(.foreground) }
        guard let ready = ReadySignal(readyDescriptor) else {
            throw ValidationError(
                "--ready-descriptor \(readyDescriptor): no such descriptor; start --daemon sets it")
        }
        // Away from the terminal of whoever started it, and from the signals that come from there.
        setsid()
        try runBroker(.daemon(ready))
    }

    /// Runs the broker in this process until a signal ends it.
    func runBroker(_ mode: RunMode) throws {
        let report = try source.load()
        let config = report.config
        var signals = Signals()
        var logSettings = LogSettings(config)
        logSettings.destination = mode.destination(logSettings.destination)
        let output = bootstrap(logSettings)
        // Also when something below ends the broker: the last lines say why.
        defer { output.flush() }
        for problem in output.problems { Console.error("vernemq: \(problem); its lines go to the terminal") }
        if mode.isDaemon, !output.problems.isEmpty {
            Console.error("vernemq: not started: in the background there is no terminal")
            throw ExitCode(1)
        }
        let terminal = Terminal(
            isNeeded: !output.writesToConsole || output.file != nil && logSettings.destination == .file)
        for line in report.noteLines([.warning]) { terminal.say(line) }
        let log = Logger(label: "vernemq")
        for note in report.notes {
            log.log(
                level: note.level == .warning ? .warning : .info, "configuration",
                metadata: ["setting": "\(note.key)", "at": "\(note.source)", "note": "\(note.text)"])
        }
        let pidFile = try takePidFile(config, mode, log)
        defer { pidFile?.remove() }
        let files = OpenFileLimit.raise()
        OpenFileLimit.growTable(to: files)
        let loopCount = config.integer(.loops) > 0 ? config.integer(.loops) : Self.coreCount
        let descriptors = DescriptorBudget(limit: Int(clamping: files), loopCount: loopCount, config)
        guard descriptors.isEnough else {
            Console.error("vernemq: \(descriptors.complaint)")
            throw ExitCode(1)
        }
        let http = HTTPListeners()
        do {
            let store = try StoredState(config, tables: descriptors.storeTables, log)
            let broker = Broker(
                settings: BrokerSettings(config), loopCount: loopCount, store: store.port, log: log)
            let plugins = try PluginStart(config, broker, log)
            let manager = ServiceManager(environment: Environment.variables)
            let inherited = InheritedSockets(environment: Environment.variables)
            let runtime = try BrokerRuntime(
                broker: broker,
                limits: SharedLimits(
                    clients: ConnectionPlaces(maximum: descriptors.clients),
                    refusals: ConnectionPlaces(maximum: descriptors.refusals)), inherited: inherited)
            let registry = MetricsRegistry(
                version: BuildVersion.text,
                catalog: try MetricCatalog.broker(loopCount: loopCount),
                budget: SeriesBudget(
                    perFamily: config.integer(.metricsMaxSeriesPerFamily),
                    total: config.integer(.metricsMaxSeries)))
            let memory = MemoryReturner()
            try registry.connect(to: runtime, http)
            try registry.connect(to: output)
            try registry.connect(to: descriptors, runtime, http, memory)
            try registry.register(HTTPMetrics.room) { http.statistics.read(&$0) }
            try registry.register(CertificateMetrics.room) { http.certificates.read(&$0) }
            if let levelDB = store.levelDB { try registry.register(StoreMetrics.room) { levelDB.read(&$0) } }
            do {
                try memory.start { Int(ProcessReading.residentNow) }
            } catch {
                log.warning("freed memory is not given back: no thread for it")
            }
            try runtime.start()
            try store.restore(into: runtime, log) { terminal.say($0) }
            let metricsPage = MetricsPage(
                Exposition(
                    registry.catalog, namespace: config.prometheusNamespace, node: broker.settings.nodeName,
                    hasNativeHistograms: config.flag(.metricsNativeHistograms)),
                read: { registry.snapshot() })
            try registry.register(ScrapeMetrics.room) { [statistics = metricsPage.statistics] in
                statistics.read(&$0)
            }
            let historyFile = StatusHistoryFile(config, log)
            let watch = StatusWatch(history: historyFile.read())
            let pages = Pages(
                registry: registry, runtime: runtime,
                metricsPage: metricsPage, httpListeners: http, watch: watch, pathProbe: PathProbe(runtime),
                sessions: SessionsPage(runtime))
            try registry.connect(to: pages.healthAnswers, pages.pathProbe)
            let control = try ControlStart(
                config, runtime, registry, http, metricsPage, watch, historyFile, output, plugins)
            try control.register(in: registry)
            try plugins.register(in: registry)
            plugins.follow(control.routes.control.settings)
            try plugins.run(runtime)
            http.connect(to: runtime.limits.clients)
            control.routes.control.mqttListeners.show(in: http.certificates)
            for listener in config.listeners() where listener.kind.isImplemented {
                try Self.start(listener, config, runtime, pages, control.routes, descriptors, log)
            }
            do {
                try control.routes.control.mqttListeners.watchFiles(
                    every: config.duration(.crlRefreshInterval))
            } catch {
                log.warning("changed certificates are not noticed: no thread for it")
            }
            control.onStart { [admin = control.routes] listener, config in
                try Self.start(
                    listener, config, runtime, pages, admin, descriptors, log, isAtRunTime: true)
            }
            control.start(config, log)
            let push = try PushStart(
                config,
                MetricsSource(
                    registry: registry, node: broker.settings.nodeName,
                    namespace: config.prometheusNamespace, version: BuildVersion.text),
                runtime, control.routes.control.settings, log)
            for address in inherited.addresses {
                log.warning(
                    "a socket that was passed on is not used: no MQTT listener has its address",
                    metadata: ["address": "\(address)"])
            }
            pages.progress.complete()
            manager.ready()
            do {
                try manager.feedWatchdog(registry)
            } catch {
                log.warning("the service manager's watchdog is told nothing: no thread for it")
            }
            log.info(
                "started",
                metadata: [
                    "version": "\(BuildVersion.text)", "node": "\(broker.settings.nodeName)",
                    "loops": .stringConvertible(loopCount),
                    "open_files": .stringConvertible(files),
                ])
            log.info(
                "descriptors shared out",
                metadata: [
                    "limit": .stringConvertible(descriptors.limit),
                    "clients": .stringConvertible(descriptors.clients),
                    "http": .stringConvertible(descriptors.httpConnections),
                    "refusals": .stringConvertible(descriptors.refusals),
                    "store": .stringConvertible(descriptors.store),
                    "broker": .stringConvertible(descriptors.reserved - descriptors.store),
                ])
            for listener in runtime.runningListeners {
                terminal.say("\(listener.facts.kind) on \(listener.address)")
            }
            for page in http.statuses {
                terminal.say("\(page.type) on \(page.ip):\(page.port): /status /metrics /health")
            }
            if let file = output.file { terminal.say("the log is in \(file)") }
            if case .daemon(let ready) = mode { ready.send() }
            serve(runtime, http, control, push, output, &signals, config, log, manager)
            plugins.registry.stop()
            store.levelDB?.close()
            log.info("stopped")
        } catch {
            guard let complaint = Self.complaint(error) else { throw error }
            Console.error("vernemq: \(complaint)")
            throw ExitCode(1)
        }
    }

    /// What the terminal is told of an error that ends the start; nil for one that speaks for itself.
    static func complaint(_ error: any Error) -> String? {
        switch error {
        case let error as AdminFailure: error.text
        case is MetricConflict, is StoreError, is TransportError, is HTTPServerError, is PluginError:
            "\(error)"
        default: nil
        }
    }

    private static var coreCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Makes this process the broker of the data folder. A broker in the foreground does without where the folder cannot
    /// be written.
    private func takePidFile(
        _ config: EffectiveConfig, _ mode: RunMode, _ log: Logger
    ) throws -> HeldPidFile? {
        do throws(PidFile.Failure) {
            return try PidFile(config).take()
        } catch {
            if case .system = error, !mode.isDaemon {
                log.warning(
                    "no pid file: vernemq ping and stop do not find this broker",
                    metadata: ["problem": "\(error.text)"])
                return nil
            }
            Console.error("vernemq: \(error.text)")
            throw ExitCode(1)
        }
    }

    // MARK: Listeners

    /// Starts a listener of the configuration, or one that an operator asks for. The configuration has warned of those whose
    /// kind this build does not have.
    private static func start(
        _ listener: ListenerSettings, _ config: EffectiveConfig, _ runtime: BrokerRuntime, _ pages: Pages,
        _ admin: AdminRoutes, _ descriptors: DescriptorBudget, _ log: Logger, isAtRunTime: Bool = false
    ) throws {
        switch listener.kind {
        case .tcp, .ssl, .ws, .wss:
            let (listeners, frameLimit) = (admin.control.mqttListeners, config.webSocketFrameLimit)
            if isAtRunTime {
                try listeners.startAtRunTime(listener, frameLimit: frameLimit)
            } else {
                try listeners.start(listener, frameLimit: frameLimit)
            }
        case .http, .https:
            try listenHTTP(listener, config, pages, admin, descriptors, log, isAtRunTime: isAtRunTime)
        case .vmq, .vmqs: throw ListenerProblem.failure("listener.\(listener.kind) is no part of this build")
        }
    }

    private static func listenHTTP(
        _ listener: ListenerSettings, _ config: EffectiveConfig, _ pages: Pages, _ admin: AdminRoutes,
        _ descriptors: DescriptorBudget, _ log: Logger, isAtRunTime: Bool
    ) throws {
        guard case .ip(let host, let port) = listener.address else { return }
        if let tls = listener.tls, tls.certificateFile.isEmpty || tls.keyFile.isEmpty {
            throw AdminFailure(
                "\(listener.key): HTTPS needs a certificate and its key: set \(listener.key).certfile and \(listener.key).keyfile"
            )
        }
        var limits = HTTPLimits()
        limits.requestLineLength = listener.maxRequestLineLength
        limits.headerValueLength = listener.maxHeaderValueLength
        limits.bodySize = config.integer(.httpMaxBodySize)
        limits.threads = config.integer(.httpThreads)
        limits.requestTimeout = max(.milliseconds(100), config.duration(.httpRequestTimeout))
        let share =
            isAtRunTime
            ? HTTPListeners.startedConnections
            : descriptors.httpConnections
                / max(1, config.listeners().count { $0.kind == .http || $0.kind == .https })
        limits.connections = min(
            listener.maxConnections < .max ? listener.maxConnections : limits.connections, max(1, share))
        let routes = pages.routes(listener.httpModules, admin) { module in
            config.needsKey(module, on: listener.name, scheme: listener.kind.rawValue)
        }
        let make = { @Sendable [limits] (port: Int) in
            try HTTPServer(
                address: host, port: port, limits: limits, tls: listener.tls.map { HTTPTLSFiles($0) },
                routes: routes, log: log)
        }
        let http = pages.httpListeners
        let places =
            isAtRunTime ? try http.takePlaces(connections: limits.connections, threads: limits.threads) : 0
        let server: HTTPServer
        do {
            server = try make(Int(port))
        } catch {
            http.givePlacesBack(places)
            throw error
        }
        http.add(
            HTTPListeners.Listener(
                settings: listener,
                status: ListenerStatus(
                    type: listener.kind.rawValue, isRunning: true, ip: host, port: server.port,
                    mountpoint: "",
                    maximumConnections: limits.connections),
                places: places, make: make, server: server))
        let shown = host.contains(":") ? "[\(host)]" : host
        let base = "\(listener.kind)://\(shown):\(server.port)"
        log.info(
            "listening",
            metadata: [
                "listener": "\(listener.name)", "protocol": "\(listener.kind)", "metrics": "\(base)/metrics",
                "status": "\(base)/status", "health": "\(base)/health",
            ])
    }

    // MARK: Until the end

    private func serve(
        _ runtime: BrokerRuntime, _ http: HTTPListeners, _ control: ControlStart, _ push: PushStart,
        _ output: LogOutput, _ signals: inout Signals, _ config: EffectiveConfig, _ log: Logger,
        _ manager: ServiceManager
    ) {
        while true {
            let signal = signals.next()
            guard signal != SIGHUP else {
                control.routes.control.mqttListeners.reload(onlyChanged: false)
                let problems = output.reopen()
                for problem in problems {
                    log.error(
                        "a log file could not be opened again; its lines go on to the old one",
                        metadata: ["problem": "\(problem)"])
                }
                if problems.isEmpty {
                    log.info(
                        "log files reopened, certificates of TLS listeners read anew; settings are read at the start only"
                    )
                }
                continue
            }
            manager.stopping()
            log.info("stopping: clients are told; a second signal ends at once")
            let isDrained = runtime.drain(timeout: config.duration(.shutdownTimeout)) {
                signals.isStopPending()
            }
            if !isDrained { log.warning("some clients did not read what waited for them") }
            push.stop()
            control.stop()
            http.stop()
            runtime.stop()
            return
        }
    }
}

/// Tells the person at the terminal what the log would have said there, when the log goes elsewhere.
private struct Terminal {
    let isNeeded: Bool

    func say(_ text: String) {
        if isNeeded { Console.error("vernemq: \(text)") }
    }
}

extension HTTPTLSFiles {
    init(_ settings: TLSSettings) {
        self.init(
            certificate: settings.certificateFile, key: settings.keyFile,
            authority: settings.requiresCertificate ? settings.authorityFile : nil,
            keyPassword: settings.keyPassword.isEmpty ? nil : settings.keyPassword)
    }
}

extension DescriptorBudget {
    init(limit: Int, loopCount: Int, _ config: EffectiveConfig) {
        let listeners = config.listeners()
        let pages = listeners.filter { $0.kind == .http || $0.kind == .https }
        self.init(
            limit: limit, loops: loopCount, mqttListeners: listeners.count { $0.kind.isMQTT },
            httpListeners: pages.count, httpThreads: config.integer(.httpThreads),
            httpWanted: pages.reduce(0) { $0 + min($1.maxConnections, HTTPLimits().connections * 10) },
            hasStore: config.string(.messageStore) == "leveldb")
    }
}

/// The process's limit on open files, of which each connection needs one.
enum OpenFileLimit {
    /// Raises it as far as it goes. - Returns: the limit now in force.
    static func raise() -> UInt {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return limit.rlim_cur
    }

    /// Lets the kernel make room for `limit` descriptors, or 262,144, at once: 2 MB of its memory.
    ///
    /// It doubles the table when it is full, and in a process of several threads whoever needs the descriptor sleeps
    /// meanwhile: event loops stood still for 10 to 45 ms at the 256th connection, the 512th, and so on. The table never
    /// shrinks.
    static func growTable(to limit: UInt) {
        let last = Int32(clamping: min(limit, 262_144)) - 1
        let copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, last)
        if copy >= 0 { close(copy) }
    }
}

extension LogSettings {
    init(_ config: EffectiveConfig) {
        self.init(
            destination: Destination(rawValue: config.string(.logConsole)) ?? .console,
            level: Self.level(named: config.string(.logConsoleLevel)) ?? .info,
            file: config.string(.logConsoleFile),
            consoleFormat: Format(rawValue: config.string(.logConsoleConsoleFormat)) ?? .text,
            fileFormat: Format(rawValue: config.string(.logConsoleFileFormat)) ?? .text,
            errorFile: config.flag(.logError) ? config.string(.logErrorFile) : nil,
            errorFileFormat: Format(rawValue: config.string(.logErrorFileFormat)) ?? .text)
    }
}
