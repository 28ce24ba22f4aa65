import BrokerCore
package import BrokerMetrics
import Synchronization

/// What the store counts. Written by its threads, read by any.
package final class StoreStatistics: Sendable {
    package struct Counts: Sendable {
        /// By `StoredKind`: rows written, removed, and found at the start.
        package var stored = [Int64](repeating: 0, count: StoredKind.allCases.count)
        package var deleted = [Int64](repeating: 0, count: StoredKind.allCases.count)
        package var loaded = [Int64](repeating: 0, count: StoredKind.allCases.count)
        package var commits: Int64 = 0
        package var errors = [Int64](repeating: 0, count: StoreErrorKind.allCases.count)
        /// Rows found damaged or without what they belong to, and left out.
        package var damaged: Int64 = 0
        package var reopened: Int64 = 0
        /// Rows of sessions that had ended, found at the start and removed.
        package var leftovers: Int64 = 0
        package var recoveryNanoseconds: Int64 = 0
        package var isFailing = false
        /// Jobs that wait for the writer.
        package var waitingJobs: Int64 = 0

        package func present(_ kind: StoredKind) -> Int64 {
            loaded[kind.rawValue] + stored[kind.rawValue] - deleted[kind.rawValue]
        }
    }

    private let counts = Mutex(Counts())
    /// Nanoseconds of a commit that need not be on the disk, and of one that must.
    package let writes = SharedHistogram()
    package let syncs = SharedHistogram()
    /// Rows of a commit.
    package let batches = SharedHistogram()

    package init() {}

    package var reading: Counts { counts.withLock { $0 } }

    func change(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }

    func count(_ error: StoreError) { change { $0.errors[StoreErrorKind(error).rawValue] += 1 } }
}

/// What went wrong, as a label.
package enum StoreErrorKind: Int, CaseIterable, Sendable {
    case diskFull, corruption, inputOutput

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
