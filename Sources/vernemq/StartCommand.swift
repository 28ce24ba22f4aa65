import ArgumentParser
import BrokerConfig
import BrokerCore
import BrokerLog
import BrokerMetrics
import Exporters
import Glibc
import HTTPServer
import Listeners
import Logging
import Storage
import Transport

/// `vernemq start`: runs the broker in the foreground.
struct StartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Run the broker in the foreground (the default).")

    @OptionGroup var source: ConfigSource

    func run() throws {
        let report = try source.load()
        let config = report.config
        var signals = Signals()
        let logSettings = LogSettings(config)
        let output = bootstrap(logSettings)
        // Also when something below ends the broker: the last lines say why.
        defer { output.flush() }
        for problem in output.problems { Console.error("vernemq: \(problem); its lines go to the terminal") }
        let terminal = Terminal(
            isNeeded: !output.writesToConsole || output.file != nil && logSettings.destination == .file)
        for line in report.noteLines([.warning]) { terminal.say(line) }
        let log = Logger(label: "vernemq")
        for note in report.notes {
            log.log(
                level: note.level == .warning ? .warning : .info, "configuration",
                metadata: ["setting": "\(note.key)", "at": "\(note.source)", "note": "\(note.text)"])
        }
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
            let runtime = try BrokerRuntime(
                broker: broker,
                limits: SharedLimits(
                    clients: ConnectionPlaces(maximum: descriptors.clients),
                    refusals: ConnectionPlaces(maximum: descriptors.refusals)))
            let registry = MetricsRegistry(version: BuildVersion.text)
            registry.connect(to: runtime, http)
            registry.connect(to: output)
            registry.connect(to: descriptors, runtime, http)
            if let levelDB = store.levelDB { registry.connect(to: levelDB) }
            do {
                try registry.startMemoryReturn()
            } catch {
                log.warning("freed memory is not given back: no thread for it")
            }
            try runtime.start()
            try store.restore(into: runtime, log) { terminal.say($0) }
            let pages = Pages(
                registry: registry, runtime: runtime,
                exposition: PrometheusText(
                    namespace: config.prometheusNamespace, node: broker.settings.nodeName,
                    loopCount: loopCount),
                httpListeners: http)
            try listen(config, runtime, pages, descriptors, log)
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
            for listener in runtime.runningListeners { terminal.say("mqtt on \(listener.address)") }
            for page in http.statuses {
                terminal.say("http on \(page.ip):\(page.port): /status /metrics /health")
            }
            if let file = output.file { terminal.say("the log is in \(file)") }
            serve(runtime, http, output, &signals, config, log)
            store.levelDB?.close()
            log.info("stopped")
        } catch let error as StoreError {
            Console.error("vernemq: \(error)")
            throw ExitCode(1)
        } catch let error as TransportError {
            Console.error("vernemq: \(error)")
            throw ExitCode(1)
        } catch let error as HTTPServerError {
            Console.error("vernemq: \(error)")
            throw ExitCode(1)
        }
    }

    private static var coreCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    // MARK: Listeners

    private func listen(
        _ config: EffectiveConfig, _ runtime: BrokerRuntime, _ pages: Pages, _ descriptors: DescriptorBudget,
        _ log: Logger
    ) throws {
        for listener in config.listeners() {
            switch listener.kind {
            case .tcp: try listenMQTT(listener, config, runtime, log)
            case .http: try listenHTTP(listener, config, pages, descriptors, log)
            default: break  // the configuration has warned
            }
        }
    }

    private func listenMQTT(
        _ listener: ListenerSettings, _ config: EffectiveConfig, _ runtime: BrokerRuntime, _ log: Logger
    ) throws {
        let address = try ListenAddress(parsing: "\(listener.address)".listenText)
        var options = ListenOptions()
        if let sizes = listener.bufferSizes, sizes.count >= 2 {
            options.sendBufferByteCount = Int32(clamping: sizes[0])
            options.receiveBufferByteCount = Int32(clamping: sizes[1])
        }
        let facts = ListenerFacts(listener)
        _ = try runtime.listen(
            facts, on: address, maxConnections: listener.maxConnections,
            overLimit: OverLimitAction(rawValue: listener.maxConnectionsAction) ?? .refuse, options: options)
    }

    private func listenHTTP(
        _ listener: ListenerSettings, _ config: EffectiveConfig, _ pages: Pages,
        _ descriptors: DescriptorBudget, _ log: Logger
    ) throws {
        guard case .ip(let host, let port) = listener.address else { return }
        var limits = HTTPLimits()
        limits.requestLineLength = listener.maxRequestLineLength
        limits.headerValueLength = listener.maxHeaderValueLength
        limits.bodySize = config.integer(.httpMaxBodySize)
        limits.threads = config.integer(.httpThreads)
        limits.requestTimeout = max(.milliseconds(100), config.duration(.httpRequestTimeout))
        limits.connections = min(
            listener.maxConnections < .max ? listener.maxConnections : limits.connections,
            max(1, descriptors.httpConnections / max(1, config.listeners().count { $0.kind == .http })))
        let server = try HTTPServer(
            address: host, port: Int(port), limits: limits, routes: pages.routes(listener.httpModules),
            log: log)
        pages.httpListeners.add(
            server,
            ListenerStatus(
                type: "http", isRunning: true, ip: host, port: server.port, mountpoint: "",
                maximumConnections: limits.connections))
        let shown = host.contains(":") ? "[\(host)]" : host
        let base = "http://\(shown):\(server.port)"
        log.info(
            "listening",
            metadata: [
                "listener": "\(listener.name)", "protocol": "http", "metrics": "\(base)/metrics",
                "status": "\(base)/status", "health": "\(base)/health",
            ])
    }

    // MARK: Until the end

    private func serve(
        _ runtime: BrokerRuntime, _ http: HTTPListeners, _ output: LogOutput, _ signals: inout Signals,
        _ config: EffectiveConfig, _ log: Logger
    ) {
        while true {
            let signal = signals.next()
            guard signal != SIGHUP else {
                let problems = output.reopen()
                for problem in problems {
                    log.error(
                        "a log file could not be opened again; its lines go on to the old one",
                        metadata: ["problem": "\(problem)"])
                }
                if problems.isEmpty {
                    log.info("log files reopened; other settings are read at the start only")
                }
                continue
            }
            log.info("stopping: clients are told; a second signal ends at once")
            let isDrained = runtime.drain(timeout: config.duration(.shutdownTimeout)) {
                signals.isStopPending()
            }
            if !isDrained { log.warning("some clients did not read what waited for them") }
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

extension DescriptorBudget {
    init(limit: Int, loopCount: Int, _ config: EffectiveConfig) {
        let listeners = config.listeners()
        let pages = listeners.filter { $0.kind == .http }
        self.init(
            limit: limit, loops: loopCount, mqttListeners: listeners.count { $0.kind == .tcp },
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

extension String {
    /// A Unix socket's path in the form that listeners take.
    fileprivate var listenText: String { hasPrefix("/") ? "local:\(self):0" : self }
}
