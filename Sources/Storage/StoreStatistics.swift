import BrokerCore
package import BrokerMetrics
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

    /// Nothing has been counted.
    package init() {}

    /// A copy of the numbers. Any thread may ask.
    package var reading: Counts { counts.withLock { $0 } }

    func change(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }

    func count(_ error: StoreError) { change { $0.errors[StoreErrorKind(error).rawValue] += 1 } }
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
