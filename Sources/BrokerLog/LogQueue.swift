import Logging
import Primitives
import Synchronization

/// A line as the places want it; empty in a format that none wants.
struct LogEntry: Sendable {
    let level: Logger.Level
    var text: [UInt8] = []
    var json: [UInt8] = []
    /// A bit for each place that takes it, as its level was when the line was made.
    var places: UInt8 = 0

    func bytes(_ format: LogSettings.Format) -> [UInt8] { format == .json ? json : text }

    /// What it takes while it waits, in bytes.
    var byteCount: Int { text.count + json.count + 128 }
}

/// What the writer does.
enum LogJob: Sendable {
    case line(LogEntry)
    /// Opens all files again and answers why some could not be opened.
    case reopen(BlockingQueue<[String]>)
    /// Answers when everything before it was written.
    case flush(BlockingQueue<Void>)
}

/// Lines between the threads that log and the one that writes. Whoever logs never waits: a line that has no room is dropped
/// and counted.
///
///     any line ──► │■■■■■■■■■■■■ room ■■■■■■■■■■■■│■■ reserve ■■│ ──► writer
///                                                  errors alone
///
/// Room is taken until a line is written, so a writer that hangs in the kernel holds up no more than this either.
final class LogQueue: Sendable {
    struct Limits: Sendable {
        var lines = 4096
        var bytes = 1 << 20
        /// In addition, for errors.
        var reservedLines = 1024
        var reservedBytes = 256 << 10
    }

    private let jobs = BlockingQueue<LogJob>()
    private let limits: Limits
    private let lines = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let dropped = LevelCounts()
    /// Dropped lines of which the log has not told yet.
    private let untold = Atomic<Int>(0)

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Lines that wait or are being written, and what they take in bytes.
    var depth: (lines: Int, bytes: Int) { (lines.load(ordering: .relaxed), bytes.load(ordering: .relaxed)) }

    var droppedByLevel: [(level: Logger.Level, count: UInt64)] { dropped.reading }

    func put(_ entry: LogEntry) {
        let isUrgent = entry.level >= .error
        let lineLimit = limits.lines + (isUrgent ? limits.reservedLines : 0)
        let byteLimit = limits.bytes + (isUrgent ? limits.reservedBytes : 0)
        let lineCount = lines.wrappingAdd(1, ordering: .relaxed).newValue
        let byteCount = bytes.wrappingAdd(entry.byteCount, ordering: .relaxed).newValue
        guard lineCount <= lineLimit, byteCount <= byteLimit, jobs.put(.line(entry)) else {
            done(entry)
            dropped.add(entry.level)
            untold.wrappingAdd(1, ordering: .relaxed)
            return
        }
    }

    /// - Returns: false when the writer ends.
    @discardableResult
    func put(_ job: LogJob) -> Bool { jobs.put(job) }

    /// The writer writes what waits, then ends.
    func close() { jobs.close() }

    // MARK: For the writer

    /// - Parameter batch: must be empty.
    /// - Returns: false when the queue is closed and empty.
    func take(into batch: inout ContiguousArray<LogJob>) -> Bool { jobs.take(into: &batch) }

    /// The line was written, or cannot be.
    func done(_ entry: LogEntry) {
        lines.wrappingSubtract(1, ordering: .relaxed)
        bytes.wrappingSubtract(entry.byteCount, ordering: .relaxed)
    }

    /// Lines dropped since the last call.
    func takeUntold() -> Int { untold.exchange(0, ordering: .relaxed) }
}

/// A count for each level. Usable from any thread.
final class LevelCounts: Sendable {
    private let counts = Mutex([UInt64](repeating: 0, count: LogLevels.all.count))

    func add(_ level: Logger.Level) { counts.withLock { $0[LogLevels.index(of: level)] &+= 1 } }

    var reading: [(level: Logger.Level, count: UInt64)] {
        let counts = counts.withLock { $0 }
        return zip(LogLevels.all, counts).map { ($0, $1) }
    }

    var total: UInt64 { counts.withLock { $0.reduce(0, &+) } }
}

/// Levels by number. `Logger.Level.allCases` makes an array for each call, which a line that is not logged must not do.
enum LogLevels {
    static let all = Logger.Level.allCases

    static func index(of level: Logger.Level) -> Int {
        switch level {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .notice: 3
        case .warning: 4
        case .error: 5
        case .critical: 6
        }
    }
}

/// From which level on a place takes lines; may change at any time. Usable from any thread.
final class LogThreshold: Sendable {
    /// `LogLevels.all.count` = none.
    private let index: Atomic<Int>

    init(_ level: Logger.Level) { index = Atomic(LogLevels.index(of: level)) }

    /// nil = it takes no line.
    var level: Logger.Level? {
        get {
            let index = index.load(ordering: .relaxed)
            return index < LogLevels.all.count ? LogLevels.all[index] : nil
        }
        set {
            index.store(newValue.map(LogLevels.index) ?? LogLevels.all.count, ordering: .relaxed)
        }
    }

    var isClosed: Bool { level == nil }

    func admits(_ level: Logger.Level) -> Bool {
        LogLevels.index(of: level) >= index.load(ordering: .relaxed)
    }
}
