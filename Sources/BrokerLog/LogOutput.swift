import Glibc
package import Logging
import Synchronization

/// Makes every `Logger` of the process write as `settings` say. To be called once, before the first logger is made.
///
/// Ignores SIGPIPE from then on: a log reader that went away must not take the broker with it.
///
/// - Returns: the log, for `reopen()`, its level and its count of lost lines.
package func bootstrap(_ settings: LogSettings) -> LogOutput {
    signal(SIGPIPE, SIG_IGN)
    let output = LogOutput(settings)
    LoggingSystem.bootstrap { output.handler(label: $0) }
    return output
}

/// The log of the broker: where lines go, from which level on. Usable from any thread.
package final class LogOutput: Sendable {
    private struct Sink: Sendable {
        let sink: LogSink
        let format: LogSettings.Format
        let minimumLevel: Logger.Level
    }

    private let sinks: [Sink]
    private let levelIndex: Atomic<Int>
    /// Why files could not be opened at the start; their lines go to the console instead.
    package let problems: [String]

    package convenience init(_ settings: LogSettings) {
        self.init(settings, console: .standardError)
    }

    /// - Parameter console: where console lines go.
    init(_ settings: LogSettings, console: LogSink.Target) {
        var sinks: [Sink] = []
        var problems: [String] = []
        var needsConsole = settings.destination == .console || settings.destination == .both
        func add(file path: String, _ format: LogSettings.Format, from level: Logger.Level) {
            let sink = LogSink(.file(path: path))
            if let problem = sink.open() {
                problems.append(problem)
                needsConsole = true
            } else {
                sinks.append(Sink(sink: sink, format: format, minimumLevel: level))
            }
        }
        if settings.destination == .file || settings.destination == .both {
            add(file: settings.file, settings.fileFormat, from: .trace)
        }
        if let path = settings.errorFile { add(file: path, settings.errorFileFormat, from: .error) }
        if needsConsole {
            let sink = LogSink(console)
            if let problem = sink.open() { problems.append(problem) }
            sinks.append(Sink(sink: sink, format: settings.consoleFormat, minimumLevel: .trace))
        }
        self.sinks = sinks
        self.problems = problems
        levelIndex = Atomic(Self.index(of: settings.level))
    }

    /// A logger of this log, without the process-wide one.
    package func logger(label: String) -> Logger {
        Logger(label: label) { self.handler(label: $0) }
    }

    func handler(label: String) -> BrokerLogHandler { BrokerLogHandler(label: label, output: self) }

    /// Less important messages are not logged; may change at any time.
    package var level: Logger.Level {
        get { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    /// Lines that were lost, and files that could not be opened again.
    package var failedWrites: UInt64 { sinks.reduce(0) { $0 &+ $1.sink.failedWrites } }

    /// Opens all files again, as after somebody moved them away.
    ///
    /// - Returns: why some could not be opened; the old ones are kept then.
    package func reopen() -> [String] { sinks.compactMap { $0.sink.open() } }

    func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        let time = LogTime.now()
        for sink in sinks where level >= sink.minimumLevel {
            let line = LogLine(
                time: time, level: level, label: label, message: message, metadata: metadata,
                format: sink.format)
            sink.sink.write(line.bytes)
        }
    }

    private static func index(of level: Logger.Level) -> Int {
        Logger.Level.allCases.firstIndex(of: level) ?? 0
    }
}
