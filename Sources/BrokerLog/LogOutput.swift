import Glibc
package import Logging
import Primitives
import Synchronization

/// Makes every `Logger` of the process write as `settings` say. To be called once, before the first logger is made.
///
/// Ignores SIGPIPE from then on: a log reader that went away must not take the broker with it.
///
/// - Returns: the log, for `reopen()`, `flush()`, its level and its counts.
package func bootstrap(_ settings: LogSettings) -> LogOutput {
    signal(SIGPIPE, SIG_IGN)
    let output = LogOutput(settings)
    LoggingSystem.bootstrap { output.handler(label: $0) }
    return output
}

/// The log of the broker: where lines go, from which level on. Usable from any thread.
///
/// Who logs makes the line, so that what waits has a known size and holds no object of anybody, and puts it into a bounded
/// queue; one thread writes. No caller waits for a disk or a terminal. Measured with five facts: 7 µs for the whole call, of
/// which making the line is 3.5; a line below the level costs 6 ns.
package final class LogOutput: Sendable {
    private let writer: LogWriter
    /// Of the place that takes the most.
    private let levelIndex: Atomic<Int>
    /// Why files could not be opened at the start; their lines go to the console instead.
    package let problems: [String]
    /// The file that has all lines; `nil` when there is none, or when it could not be opened.
    package let file: String?
    /// Lines go to the console, because that was asked for or because a file could not be opened.
    package let writesToConsole: Bool

    /// Opens the files of `settings` and starts the thread that writes; the console is standard error. What
    /// fails is in `problems`.
    package convenience init(_ settings: LogSettings) {
        self.init(settings, console: .standardError)
    }

    /// - Parameter console: where console lines go.
    init(_ settings: LogSettings, console: LogSink.Target, limits: LogQueue.Limits = LogQueue.Limits()) {
        var places: [LogWriter.Place] = []
        var problems: [String] = []
        var file: String?
        // Of which level on lines go to the console.
        var consoleLevel: Logger.Level?
        if settings.destination == .console || settings.destination == .both { consoleLevel = settings.level }
        func add(
            _ name: LogWriter.Name, _ path: String, _ format: LogSettings.Format, from level: Logger.Level
        ) -> Bool {
            let sink = LogSink(.file(path: path))
            if let problem = sink.open() {
                problems.append(problem)
                consoleLevel = min(consoleLevel ?? level, level)
                return false
            }
            places.append(
                LogWriter.Place(name: name, sink: sink, format: format, threshold: LogThreshold(level)))
            return true
        }
        if settings.destination == .file || settings.destination == .both,
            add(.file, settings.file, settings.fileFormat, from: settings.level)
        {
            file = settings.file
        }
        if let path = settings.errorFile {
            _ = add(.errorFile, path, settings.errorFileFormat, from: .error)
        }
        if let consoleLevel {
            let sink = LogSink(console)
            if let problem = sink.open() { problems.append(problem) }
            places.append(
                LogWriter.Place(
                    name: .console, sink: sink, format: settings.consoleFormat,
                    threshold: LogThreshold(consoleLevel)))
        }
        writesToConsole = consoleLevel != nil
        self.file = file
        levelIndex = Atomic(LogLevels.index(of: Self.least(places) ?? .critical))
        let writer = LogWriter(places: places, queue: LogQueue(limits: limits))
        self.writer = writer
        do {
            // It ends when `deinit` closes the queue; nobody has to wait for that.
            _ = try WorkerThread(name: "log-writer") { writer.run() }
        } catch {
            let reason = unsafe String(cString: strerror(error.errorNumber))
            problems.append("no thread to write the log, which is lost: \(reason)")
            writer.queue.close()
        }
        self.problems = problems
    }

    deinit { writer.queue.close() }

    /// A logger of this log, without the process-wide one.
    package func logger(label: String) -> Logger {
        Logger(label: label) { self.handler(label: $0) }
    }

    func handler(label: String) -> BrokerLogHandler { BrokerLogHandler(label: label, output: self) }

    // MARK: Levels

    /// A place for lines, as VerneMQ calls it.
    package struct Place: Sendable {
        /// `console`, `consolefile`, or `default` for the file of errors.
        package let logger: String
        /// Less important messages are not written there; nil = none is.
        package let level: Logger.Level?
        /// Path of the file; nil = the console.
        package let file: String?
    }

    /// Where lines go.
    package var places: [Place] {
        writer.places.map { place in
            var file: String?
            if case .file(let path) = place.sink.target { file = path }
            return Place(logger: place.name.logger, level: place.threshold.level, file: file)
        }
    }

    /// Less important messages are not logged anywhere.
    package var level: Logger.Level { LogLevels.all[levelIndex.load(ordering: .relaxed)] }

    /// Changes from which level on a place takes lines.
    ///
    /// - Parameter level: nil = it takes none any more.
    /// - Returns: false when there is no such place.
    package func set(_ level: Logger.Level?, of logger: String) -> Bool {
        guard let place = writer.places.first(where: { $0.name.logger == logger }) else { return false }
        place.threshold.level = level
        levelIndex.store(LogLevels.index(of: Self.least(writer.places) ?? .critical), ordering: .relaxed)
        return true
    }

    private static func least(_ places: [LogWriter.Place]) -> Logger.Level? {
        places.compactMap(\.threshold.level).min()
    }

    func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        write(level, label, message, metadata) { $0.threshold.admits(level) }
    }

    /// Writes, as a notice, what must be there later whatever levels the places have: who has changed what. It goes to all
    /// of them but the file of errors, and to that one where there is no other.
    package func writeAudit(label: String, message: String, metadata: Logger.Metadata) {
        let areAllOfErrors = writer.places.allSatisfy { $0.name == .errorFile }
        write(.notice, label, message, metadata) { areAllOfErrors || $0.name != .errorFile }
    }

    private func write(
        _ level: Logger.Level, _ label: String, _ message: String, _ metadata: Logger.Metadata,
        to isMeant: (LogWriter.Place) -> Bool
    ) {
        var wantsText = false
        var wantsJSON = false
        var entry = LogEntry(level: level)
        for (index, place) in writer.places.enumerated() where isMeant(place) {
            entry.places |= 1 << index
            if place.format == .text { wantsText = true } else { wantsJSON = true }
        }
        guard wantsText || wantsJSON else { return }
        let time = LogTime.now()
        let facts = LogFact.sorted(metadata)
        func line(_ format: LogSettings.Format) -> [UInt8] {
            LogLine(
                time: time, level: level, label: label, message: message, facts: facts, format: format
            ).bytes
        }
        if wantsText { entry.text = line(.text) }
        if wantsJSON { entry.json = line(.json) }
        writer.queue.put(entry)
    }

    // MARK: Files and the end

    /// Opens all files again, as after somebody moved them away, once what waits is written. Waits for that.
    ///
    /// - Parameter milliseconds: at most; the writer may hang on a disk.
    /// - Returns: why some could not be opened; the old ones are kept then.
    package func reopen(within milliseconds: Int = 5000) -> [String] {
        let answer = BlockingQueue<[String]>()
        writer.queue.put(.reopen(answer))
        var answers: ContiguousArray<[String]> = []
        _ = answer.take(into: &answers, milliseconds: milliseconds)
        return answers.first ?? ["the log's writer is held up; the files are opened again when it goes on"]
    }

    /// Waits until everything logged so far is written.
    ///
    /// - Parameter milliseconds: at most; the writer may hang on a disk.
    /// - Returns: false when it took longer.
    @discardableResult
    package func flush(within milliseconds: Int = 2000) -> Bool {
        let answer = BlockingQueue<Void>()
        guard writer.queue.put(.flush(answer)) else { return false }
        var answers: ContiguousArray<Void> = []
        _ = answer.take(into: &answers, milliseconds: milliseconds)
        return !answers.isEmpty
    }

    // MARK: Counts

    /// The places that there may be, as metrics call them.
    package static let placeNames = LogWriter.Name.allCases.map(\.rawValue)
    /// The levels of lines, as metrics call them.
    package static let levelNames = Logger.Level.allCases.map(\.rawValue)

    /// Lines written, by place and level.
    package var writtenLines: [(place: String, level: String, count: UInt64)] {
        writer.places.flatMap { place in
            place.written.reading.map { (place.name.rawValue, $0.level.rawValue, $0.count) }
        }
    }

    /// Lines that found the queue full, by level.
    package var droppedLines: [(level: String, count: UInt64)] {
        writer.queue.droppedByLevel.map { ($0.level.rawValue, $0.count) }
    }

    /// Lines that a place did not take, and files that could not be opened again, by place.
    package var failedWritesByPlace: [(place: String, count: UInt64)] {
        writer.places.map { ($0.name.rawValue, $0.sink.failedWrites) }
    }

    var failedWrites: UInt64 { failedWritesByPlace.reduce(0) { $0 &+ $1.count } }

    /// Lines that wait to be written, and what they take in bytes.
    package var waiting: (lines: Int, bytes: Int) { writer.queue.depth }
}
