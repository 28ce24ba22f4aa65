import BrokerCore
import BrokerLog
import BrokerMetrics
import Glibc
import Logging
import Primitives
import Synchronization

/// The one thread that writes. Batches that wait are written together: a thousand publishers share one commit.
///
///     loops → [ job | job | … ] → rows → one write → who waited is told
///
/// A write that fails is tried again, after the store was opened anew, until it succeeds; LevelDB takes no further write
/// after one that failed, and what it wrote in part is cut off when it is opened. Meanwhile `health` tells the loops,
/// which refuse what would need the store.
final class StoreWriter {
    private let settings: StoreSettings
    private let jobs: BlockingQueue<StoreJob>
    private let reader: StoreReader
    private let statistics: StoreStatistics
    private let health: StoreHealth
    private let clock: any Clock
    private let log: Logger
    private let trouble: Episode
    private let isStopping: @Sendable () -> Bool
    private var database: Database?
    private var changes: RowChanges
    private var time: StoreClock
    private var completions: [@Sendable () -> Void] = []
    private var purges: [RowChanges.Purge] = []
    /// After a write that failed LevelDB takes no other.
    private var mustReopen = false
    /// What the last failure said.
    private var lastText: String?
    /// No copy's deadline in the index is before this one, an instant of the time line.
    private var dueFrom: UInt64 = 0
    private var extentDue = MonotonicTime(nanoseconds: 0)

    /// Bytes of changes that are written at once at most.
    private static let batchByteCount = 8 * 1024 * 1024
    private static let purgeLength = 2000
    private static let dueLength = 10_000
    private static let retryMicroseconds: UInt32 = 500_000

    init(
        _ settings: StoreSettings, _ database: Database?, rows: Rows, time: StoreClock,
        jobs: BlockingQueue<StoreJob>,
        reader: StoreReader, statistics: StoreStatistics, health: StoreHealth, clock: any Clock, log: Logger,
        isStopping: @escaping @Sendable () -> Bool
    ) {
        self.settings = settings
        self.database = database
        self.jobs = jobs
        self.reader = reader
        self.statistics = statistics
        self.health = health
        self.clock = clock
        self.log = log
        self.isStopping = isStopping
        self.time = time
        changes = RowChanges(rows) { [statistics, log] error in
            statistics.count(error)
            log.error("the store cannot be read", metadata: ["error": "\(error)"])
        }
        trouble = Episode(
            log, level: .error,
            began: "the store takes no writes: messages that would have to be stored are refused",
            ended: "the store takes writes again")
    }

    /// Works until the queue is closed and empty.
    func run() {
        var waiting: ContiguousArray<StoreJob> = []
        while jobs.take(into: &waiting, milliseconds: purges.isEmpty ? nil : 0) {
            for job in waiting { take(job) }
            waiting.removeAll(keepingCapacity: true)
            flush()
            if !purges.isEmpty { purge() }
            noteExtent()
        }
        if !mustReopen {
            changes.put(time.end(clock))
            flush()
        }
        database?.noteExtent()
    }

    /// Once a second, and at the end: what the next start must find.
    private func noteExtent() {
        let now = clock.now
        guard now >= extentDue else { return }
        extentDue = now.adding(seconds: 1)
        database?.noteExtent()
    }

    private func take(_ job: StoreJob) {
        switch job {
        case .commit(let batch, let completed):
            // Closed for good: the broker ends, and nobody is told that this is kept.
            guard let database else { return }
            changes.add(batch, database)
            completions.append(completed)
            if changes.batch.byteCount > Self.batchByteCount { flush() }
        case .probe(let completed):
            if let checkpoint = time.checkpoint(clock, isIdle: false, isWanted: true, log) {
                changes.put(checkpoint)
            }
            completions.append(completed)
        case .load: break  // the reader's
        case .purge(let request, let now, let completed):
            flush()
            reader.jobs.put(.purge(request, expiredBy: now, completed: completed))
        case .takeDue(let now, let completed):
            if let checkpoint = time.checkpoint(clock, isIdle: true, log) { changes.put(checkpoint) }
            flush()
            completed(takeDue(now))
        case .removeExpired(let session, let copies, let completed):
            // What was found must be looked for again in what is written.
            flush()
            if let database {
                for copy in copies {
                    changes.removeExpired(session, copy.number, deadline: copy.deadline, database)
                }
            }
            completions.append(completed)
        case .discard(let keys):
            for key in keys {
                discard(key)
            }
        }
    }

    private func discard(_ key: [UInt8]) {
        guard let database, let first = key.first, let kind = RowKind(rawValue: first) else { return }
        if kind == .copy, let session = key.keyNumber(at: 1), let number = key.keyNumber(at: 9) {
            // Its shared body has one copy less, unless it went meanwhile.
            changes.removeDamaged(session, number, database)
        } else {
            changes.discard(key, kind)
        }
    }

    /// Does what may have to read. When that fails, what could not be read stays behind for `vernemq store repair`.
    private func attempt(_ body: (Database) throws(StoreError) -> Void) {
        guard let database else { return }
        do throws(StoreError) {
            try body(database)
        } catch {
            statistics.count(error)
            log.error("the store cannot be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Commit

    /// Writes all that was gathered, however often it takes, and tells who waited.
    private func flush() {
        changes.finish()
        if changes.batch.count > 0 {
            if let checkpoint = time.checkpoint(clock, isIdle: false, log) { changes.put(checkpoint) }
            let begin = clock.now
            guard write() else { return }
            let end = clock.now
            let nanoseconds = end.nanoseconds(since: begin)
            if settings.isSynced {
                statistics.syncs.observe(nanoseconds)
            } else {
                statistics.writes.observe(nanoseconds)
            }
            statistics.batches.observe(UInt64(changes.batch.count))
            statistics.operations.committed(
                nanoseconds, stored: changes.stored, deleted: changes.deleted)
        }
        let memoryBytes = database?.memoryByteCount ?? 0
        statistics.change { counts in
            if changes.batch.count > 0 { counts.commits += 1 }
            counts.waitingJobs = Int64(jobs.count)
            counts.memoryBytes = memoryBytes
            for index in counts.stored.indices {
                counts.stored[index] += changes.stored[index]
                counts.deleted[index] += changes.deleted[index]
            }
        }
        purges += changes.committed()
        for completed in completions { completed() }
        completions.removeAll(keepingCapacity: true)
    }

    /// - Returns: false when the broker ends before the store takes it.
    private func write() -> Bool {
        while true {
            do throws(StoreError) {
                if mustReopen { try reopen() }
                try database?.write(changes.batch)
                if health.isFailing {
                    health.set(isFailing: false)
                    statistics.change { $0.isFailing = false }
                    trouble.ended()
                    lastText = nil
                }
                return true
            } catch {
                health.set(isFailing: true)
                statistics.count(error)
                statistics.change { $0.isFailing = true }
                trouble.occurred(["error": "\(error)"])
                if let lastText, lastText != error.text {
                    log.error("the store still takes no writes", metadata: ["error": "\(error)"])
                }
                lastText = error.text
                mustReopen = true
                if isStopping() {
                    log.error(
                        "the broker ends while the store takes no writes; the last changes are lost, none of them acknowledged",
                        metadata: ["error": "\(error)", "changes": .stringConvertible(changes.batch.count)])
                    completions.removeAll()
                    return false
                }
                usleep(Self.retryMicroseconds)
            }
        }
    }

    /// Opens it anew once the disk takes something again. Until then it stays open for reading.
    private func reopen() throws(StoreError) {
        try Database.probe(settings.directory)
        reader.replace(nil)
        database = nil
        let opened = try Database(settings, mayCreate: false)
        database = opened
        reader.replace(opened)
        mustReopen = false
        statistics.change { $0.reopened += 1 }
    }

    // MARK: Purges

    /// Removes some of the rows of the session that ended first.
    private func purge() {
        guard var purge = purges.first else { return }
        var left = Self.purgeLength
        attempt { database throws(StoreError) in
            let cursor = database.cursor()
            while let kind = purge.kinds.first, left > 0 {
                let prefix = StoreKey(kind, purge.session)
                let start = purge.next ?? prefix
                purge.next = nil
                try cursor.forEach(from: start, prefix: prefix) { key throws(StoreError) in
                    guard left > 0 else {
                        purge.next = StoreKey(bytes: key)
                        return false
                    }
                    left -= 1
                    if kind == .copy, let number = key.keyNumber(at: 9) {
                        let copy = try? changes.rows.copy(key, cursor.value, withMessage: false)
                        changes.removeCopy(purge.session, number, deadline: copy?.deadline ?? 0, database)
                    } else {
                        changes.discard(key, kind)
                    }
                    return true
                }
                if purge.next == nil { purge.kinds.removeFirst() }
            }
        }
        // What cannot be read is left to `vernemq store repair`.
        if purge.kinds.isEmpty || left == Self.purgeLength { purges.removeFirst() } else { purges[0] = purge }
        flush()
    }

    // MARK: Expiry

    /// Sessions with copies whose time has come. Their rows in the index go with this.
    private func takeDue(_ now: MonotonicTime) -> Set<UInt64> {
        var sessions: Set<UInt64> = []
        let reachedInstant = changes.rows.instant(now)
        var left = Self.dueLength
        attempt { database throws(StoreError) in
            let cursor = database.cursor()
            let prefix = StoreKey(.due)
            // Rows of earlier scans are gone, and looking for them would pass over what is left of them. A message that
            // had expired before it was written is found when it is to be sent.
            let start = dueFrom == 0 ? prefix : StoreKey(.due, dueFrom)
            var reached = reachedInstant
            try cursor.forEach(from: start, prefix: prefix) { key throws(StoreError) in
                guard let deadline = key.keyNumber(at: 1), deadline <= reachedInstant else { return false }
                guard left > 0 else {
                    reached = deadline
                    return false
                }
                if let session = key.keyNumber(at: 9) { sessions.insert(session) }
                changes.discard(key, .due)
                left -= 1
                return true
            }
            dueFrom = reached
        }
        flush()
        return sessions
    }
}
