package import BrokerCore
import BrokerLog
import Glibc
package import Logging
package import Primitives
import Synchronization

/// The embedded store: one LevelDB in the data directory, one thread that writes and one that reads.
///
///     open → (recover) → start → close
package final class LevelDBMessageStore: MessageStore {
    /// Whether the store takes writes. The thread that writes sets it.
    package let health = StoreHealth()
    /// What the store has counted, for metrics.
    package let statistics = StoreStatistics()
    private let settings: StoreSettings
    private let clock: any Clock
    private let log: Logger
    private let time: StoreClock
    private let rows: Rows
    private let jobs = BlockingQueue<StoreJob>()
    private let readerJobs = Mutex<StoreReader?>(nil)
    private let opened: Mutex<Database?>
    private let threads = Mutex<[WorkerThread]>([])
    private let isStopping = Atomic<Bool>(false)

    /// True: what is committed is there after a restart of the broker.
    package var isDurable: Bool { true }

    /// Opens the store, or makes one where there is none.
    ///
    /// - Throws: when it is in use, damaged, not ours, of a later layout, or out of reach.
    package init(_ settings: StoreSettings, clock: any Clock = SystemClock(), log: Logger) throws(StoreError)
    {
        self.settings = settings
        self.clock = clock
        self.log = log
        let database = try Database(settings)
        try StoreLayout.check(database, settings.directory, mayCreate: true)
        time = StoreClock(
            resuming: try StoreLayout.checkpoint(database, settings.directory), clock: clock, log: log)
        rows = Rows(line: time.line)
        opened = Mutex(database)
    }

    /// Reads what is there: call once, before `start`. See `StoreRecovery`.
    package func recover(
        progress: (StoreRecovery.Progress) -> Void, sessions: ([RestoredSession]) -> Void,
        wills: ([StoredWill]) -> Void = { _ in }, retained: (ApplicationMessage) -> Void
    ) throws(StoreError) -> StoreRecovery.Result {
        guard let database = opened.withLock({ $0 }) else { return StoreRecovery.Result() }
        let begin = clock.now
        var recovery = StoreRecovery(
            database, rows: rows, directory: settings.directory, now: clock.now, lastEnd: time.lastEnd)
        let result = try recovery.run(
            progress: progress, sessions: sessions, wills: wills, retained: retained)
        let nanoseconds = clock.now.nanoseconds(since: begin)
        statistics.operations.recovered(nanoseconds)
        statistics.change {
            $0.loaded = result.loaded
            $0.leftovers = Int64(result.orphans)
            $0.memoryBytes = database.memoryByteCount
            $0.recoveryNanoseconds = Int64(clamping: nanoseconds)
        }
        return result
    }

    /// Starts the threads.
    ///
    /// - Throws: when there are none to be had.
    package func start() throws(StoreError) {
        // Handed on, never kept: the writer closes it to open it anew.
        let reader = StoreReader(
            opened.withLock { $0 }, rows: rows, writerJobs: jobs, statistics: statistics,
            directory: settings.directory,
            log: log)
        readerJobs.withLock { $0 = reader }
        do throws(ThreadError) {
            let reading = try WorkerThread(name: "store-reader") { reader.run() }
            threads.withLock { $0.append(reading) }
            let writing = try WorkerThread(name: "store-writer") {
                [self, settings, rows, time, jobs, statistics, health, clock, log] in
                StoreWriter(
                    settings, opened.withLock { $0.take() }, rows: rows, time: time, jobs: jobs,
                    reader: reader,
                    statistics: statistics,
                    health: health, clock: clock, log: log,
                    isStopping: { [unowned self] in isStopping.load(ordering: .relaxed) }
                ).run()
            }
            threads.withLock { $0.append(writing) }
        } catch {
            throw StoreError(
                operation: "start the store's threads", path: settings.directory,
                text: String(cString: strerror(error.errorNumber)),
                advice: "raise the limit on processes (ulimit -u)")
        }
    }

    /// Writes what waits, then closes. Nothing may be asked of it afterwards.
    package func close() {
        isStopping.store(true, ordering: .relaxed)
        jobs.close()
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        let reader = readerJobs.withLock { $0 }
        // The writer, started last, may still have reads for the reader: it ends first.
        if running.count > 1 { running.last?.join() }
        reader?.jobs.close()
        running.first?.join()
        reader?.replace(nil)
        opened.withLock { $0 = nil }
    }

    /// Bytes of its files.
    package var diskByteCount: Int64 { Database.byteCount(settings.directory) }

    // MARK: MessageStore

    /// Gives `batch` to the thread that writes, which calls `completed` after the commit. It is not called when
    /// the broker ends while the store takes no writes.
    package func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void) {
        jobs.put(.commit(batch, completed: completed))
    }

    /// Writes a checkpoint of the time line on the thread that writes.
    package func probe(completed: @escaping @Sendable () -> Void) {
        jobs.put(.probe(completed: completed))
    }

    /// Gives `request` to the thread that reads, which calls `completed`. Before `start` nothing is read, and
    /// `completed` is not called.
    package func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void
    ) {
        // Past the writer: what is asked for was committed before, and a disk that is full can be read.
        readerJobs.withLock { $0 }?.jobs.put(.load(request, completed: completed))
    }

    /// Looks for expired messages on the thread that writes, which calls `completed`.
    package func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void) {
        jobs.put(.takeDue(now, completed: completed))
    }

    /// Looks for expired copies on the thread that reads and deletes them on the thread that writes, which
    /// calls `completed` when the last of them is deleted.
    package func purge(
        _ request: StoreLoad, expiredBy now: MonotonicTime?, completed: @escaping @Sendable (Int) -> Void
    ) {
        jobs.put(.purge(request, expiredBy: now, completed: completed))
    }
}

/// The version of the layout, in a row of its own.
enum StoreLayout {
    /// 2: deadlines are instants of the time line, not readings of the wall clock; wills of sessions that are not kept;
    /// copies with identifiers, and sessions that say up to where copies were sent. 3: a shared body may lie under the number
    /// of another copy.
    static let version: UInt32 = 3

    /// - Throws: when the directory holds something else, or a layout this broker does not know.
    ///
    /// - Parameters:
    ///   - mayCreate: an empty one is fine.
    ///   - writes: gives an empty one its version.
    static func check(
        _ database: Database, _ directory: String, mayCreate: Bool, writes: Bool = true
    ) throws(StoreError) {
        guard let value = try database.value(of: .layout) else {
            let cursor = database.cursor()
            cursor.seek(StoreKey(.layout))
            guard mayCreate, try cursor.key() == nil else {
                throw StoreError(
                    operation: "use the store", path: directory,
                    text: "this LevelDB was not written by this broker: it has no layout version",
                    advice: "give the broker an empty platform_data_dir")
            }
            if writes { try write(to: database) }
            return
        }
        let found: UInt32
        do throws(RowProblem) {
            var reader = try RowReader(value, key: StoreKey.layout.bytes, format: 1)
            found = try reader.readUInt32()
        } catch {
            throw StoreError(
                operation: "use the store", path: directory,
                text: "its layout version is damaged: \(error.text)",
                advice: "stop the broker, copy the directory, then run `vernemq store repair`")
        }
        guard found <= version else {
            throw StoreError(
                operation: "use the store", path: directory,
                text: "its layout is version \(found); this broker knows versions up to \(version)",
                advice: "start the newer broker that wrote it, or give this one its own platform_data_dir")
        }
        // Rows of earlier versions are understood as they are: without a checkpoint the time line begins at the wall clock's
        // time. What is written from now on is not understood by brokers that know earlier versions alone.
        if mayCreate, writes, found < version { try write(to: database) }
    }

    /// Where the time line was; nil in a store that has none yet.
    static func checkpoint(_ database: Database, _ directory: String) throws(StoreError) -> TimeLine
        .Checkpoint?
    {
        guard let value = try database.value(of: .checkpoint) else { return nil }
        do throws(RowProblem) {
            return try Rows.checkpoint(value)
        } catch {
            throw StoreError(
                operation: "read the store", path: directory,
                text:
                    "row \(StoreKey.checkpoint.bytes.shownAsKey): checksum or content is wrong: \(error.text)",
                advice: "stop the broker, copy the directory, then run `vernemq store repair`")
        }
    }

    static func write(to database: Database) throws(StoreError) {
        var writer = RowWriter()
        writer.begin(format: 1)
        writer.write(version)
        writer.end(.layout)
        let batch = DatabaseBatch()
        batch.put(.layout, writer.bytes)
        try database.write(batch)
    }
}
