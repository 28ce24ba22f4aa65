import BrokerCore
package import BrokerMetrics
import Primitives
import Synchronization

/// What the store counts. Written by its threads, read by any.
package final class StoreStatistics: Sendable {
    /// The numbers at one moment, since the broker started.
    package struct Counts: Sendable {
        /// By `StoredKind`: rows written.
        package var stored = [Int64](repeating: 0, count: StoredKind.allCases.count)
        /// By `StoredKind`: rows removed.
        package var deleted = [Int64](repeating: 0, count: StoredKind.allCases.count)
        /// By `StoredKind`: rows found at the start.
        package var loaded = [Int64](repeating: 0, count: StoredKind.allCases.count)
        /// Batches written to the database. One may hold what several callers gave to `commit`.
        package var commits: Int64 = 0
        /// By `StoreErrorKind`: failed reads and writes; each repeated attempt counts.
        package var errors = [Int64](repeating: 0, count: StoreErrorKind.allCases.count)
        /// Rows found damaged or without what they belong to, and left out.
        package var damaged: Int64 = 0
        /// How often the database was closed and opened again after a write had failed.
        package var reopened: Int64 = 0
        /// Rows of sessions that had ended, found at the start and removed.
        package var leftovers: Int64 = 0
        /// How long reading the store took at the start.
        package var recoveryNanoseconds: Int64 = 0
        /// The last write failed, and none has succeeded since.
        package var isFailing = false
        /// Bytes of the database's cache and of its tables in memory, at the last commit.
        package var memoryBytes: Int64 = 0
        /// Jobs that wait for the writer.
        package var waitingJobs: Int64 = 0

        /// How many rows of this kind are in the store now: those found at the start and written since, less
        /// those removed.
        package func present(_ kind: StoredKind) -> Int64 {
            loaded[kind.rawValue] + stored[kind.rawValue] - deleted[kind.rawValue]
        }
    }

    private let counts = Mutex(Counts())
    /// Nanoseconds of a commit that need not be on the disk.
    package let writes = SharedHistogram()
    /// Nanoseconds of a commit that must be on the disk.
    package let syncs = SharedHistogram()
    /// Rows of a commit.
    package let batches = SharedHistogram()

    /// Microseconds of operations, by VerneMQ's names for them.
    package let operations = StoreOperations()

    /// Nothing has been counted.
    package init() {}

    /// A copy of the numbers. Any thread may ask.
    package var reading: Counts { counts.withLock { $0 } }

    func change(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }

    func count(_ error: StoreError) { change { $0.errors[StoreErrorKind(error).rawValue] += 1 } }
}

/// How long operations of the store take, in microseconds. VerneMQ tells the store of messages from that of its metadata:
/// sessions, subscriptions, retained messages and wills. Here a commit may hold both, and then counts as both.
package struct StoreOperations: Sendable {
    /// Commits that stored or removed metadata; the start, which reads all of it.
    package let metadataPut = SharedHistogram()
    package let metadataDelete = SharedHistogram()
    package let metadataFold = SharedHistogram()
    /// Commits, and those that removed something.
    package let write = SharedHistogram()
    package let delete = SharedHistogram()
    /// Look-ups of one row, and walks over the rows of a session.
    package let read = SharedHistogram()
    package let scan = SharedHistogram()

    /// Reading the whole store took this long.
    func recovered(_ nanoseconds: UInt64) { metadataFold.observe(nanoseconds / 1_000) }

    /// A commit took this long.
    ///
    /// - Parameters:
    ///   - stored: rows by `StoredKind` that it wrote.
    ///   - deleted: rows by `StoredKind` that it removed.
    func committed(_ nanoseconds: UInt64, stored: [Int64], deleted: [Int64]) {
        let time = nanoseconds / 1_000
        func isMetadata(_ rows: [Int64]) -> Bool {
            StoredKind.allCases.contains { $0 != .copies && $0 != .bodies && rows[$0.rawValue] > 0 }
        }
        write.observe(time)
        if deleted.contains(where: { $0 > 0 }) { delete.observe(time) }
        if isMetadata(stored) { metadataPut.observe(time) }
        if isMetadata(deleted) { metadataDelete.observe(time) }
    }
}

extension SharedHistogram {
    /// Observes how many microseconds `body` takes.
    func time<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        let clock = SystemClock()
        let begin = clock.now
        defer { observe(clock.now.nanoseconds(since: begin) / 1_000) }
        return try body()
    }
}

/// What went wrong, as a label.
package enum StoreErrorKind: Int, CaseIterable, Sendable {
    /// No room on the disk or in its quota; damaged data; any other failure to read or write.
    case diskFull, corruption, inputOutput

    /// The value of the label `kind` in the metric of errors.
    package var label: String {
        switch self {
        case .diskFull: "disk_full"
        case .corruption: "corruption"
        case .inputOutput: "io"
        }
    }

    init(_ error: StoreError) {
        if error.text.contains("No space left") || error.text.contains("Disk quota exceeded") {
            self = .diskFull
        } else if error.text.contains("Corruption") || error.text.contains("checksum") {
            self = .corruption
        } else {
            self = .inputOutput
        }
    }
}
