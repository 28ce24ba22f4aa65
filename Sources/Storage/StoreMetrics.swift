import BrokerCore
package import BrokerMetrics

/// The metrics of the message store, those under VerneMQ's names for its replicated metadata and the store beneath included: here
/// it is one store, without replicas.
package enum StoreMetrics {
    static let rowsAdded = MetricFamily.counter(
        "store_rows_added_total", .entries, [.closed("kind", StoredKind.allCases.map(\.label))],
        help: "Rows added to the store, by kind.")
    static let rowsDeleted = MetricFamily.counter(
        "store_rows_deleted_total", .entries, [.closed("kind", StoredKind.allCases.map(\.label))],
        help: "Rows removed from the store, by kind.")
    static let rowsLoaded = MetricFamily.gauge(
        "store_rows_loaded", .entries, [.closed("kind", StoredKind.allCases.map(\.label))],
        help: "Rows found in the store when the broker started, by kind.")
    package static let rows = MetricFamily.gauge(
        "store_rows", .entries, [.closed("kind", StoredKind.allCases.map(\.label))],
        help: "Rows in the store, by kind: those found at the start and added since, less those removed.")
    static let commits = MetricFamily.counter(
        "store_commits_total", .events,
        help: "Commits of the store.")
    static let writes = MetricFamily.histogram(
        "store_write_seconds", .seconds, .turnSeconds,
        help: "How long a commit took that did not wait for the disk (leveldb.sync_on_write = off).")
    static let syncs = MetricFamily.histogram(
        "store_sync_seconds", .seconds, .turnSeconds,
        help: "How long a commit took that waited for the disk (leveldb.sync_on_write = on).")
    static let batches = MetricFamily.histogram(
        "store_batch_rows", .entries, .counts,
        help: "Rows changed by each commit.")
    static let errors = MetricFamily.counter(
        "store_errors_total", .events, [.closed("kind", StoreErrorKind.allCases.map(\.label))],
        help: "Errors of the store, by kind.")
    static let damaged = MetricFamily.counter(
        "store_damaged_rows_total", .entries,
        help: "Rows that could not be read and were left out; vernemq store check tells more.")
    static let failing = MetricFamily.gauge(
        "store_failing", .flag,
        help: "1 while the store takes no writes and messages that need it are refused.")
    static let leftovers = MetricFamily.gauge(
        "store_leftovers_removed", .entries,
        help: "Rows of sessions that had ended, found when the broker started and removed.")
    static let reopened = MetricFamily.counter(
        "store_reopened_total", .events,
        help: "Times the store was opened anew after an error.")
    static let waitingJobs = MetricFamily.gauge(
        "store_waiting_jobs", .entries,
        help: "Jobs that waited for the store's writer at its last commit.")
    static let diskBytes = MetricFamily.gauge(
        "store_disk_bytes", .bytes,
        help: "Bytes of the store's files.")
    static let memoryBytes = MetricFamily.gauge(
        "store_memory_bytes", .bytes,
        help: "Memory of the store's cache and of its tables that are not on the disk, at its last commit.")
    static let recovery = MetricFamily.gauge(
        "store_recovery_seconds", .seconds, scale: .nanoseconds,
        help: "How long reading the store took when the broker started.")
    static let objects = MetricFamily.gauge(
        "swc_object_count", .entries, [.closed("group", (1...10).map { "meta\($0)" })],
        heritage: .verneMQGauge,
        help:
            "Rows in the store, of all kinds. They are one group, meta1; the others of VerneMQ's ten stay 0.")
    static let tombstones = MetricFamily.gauge(
        "swc_tombstone_count", .entries, [.closed("group", (1...10).map { "meta\($0)" })],
        heritage: .verneMQGauge,
        help: "Always 0: what is deleted leaves nothing behind for other nodes.")
    static let dotKeyMap = MetricFamily.gauge(
        "swc_dotkeymap_memory", .words, [.closed("group", (1...10).map { "meta\($0)" })],
        heritage: .verneMQGauge,
        help: "Always 0: there is no such map without replicas.")
    static let metadataPut = MetricFamily.histogram(
        "metadata_put_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long commits took that stored sessions, subscriptions, retained messages or wills.")
    static let metadataGet = MetricFamily.histogram(
        "metadata_get_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "Always empty: subscriptions and retained messages are looked up in memory.")
    static let metadataDelete = MetricFamily.histogram(
        "metadata_delete_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long commits took that removed sessions, subscriptions, retained messages or wills.")
    static let metadataFold = MetricFamily.histogram(
        "metadata_fold_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long reading the whole store took when the broker started.")
    static let storageWrite = MetricFamily.histogram(
        "storage_write_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long commits of the store took.")
    static let storageRead = MetricFamily.histogram(
        "storage_read_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long it took to read a stored message that several sessions share.")
    static let storageDelete = MetricFamily.histogram(
        "storage_delete_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long commits took that removed rows.")
    static let storageScan = MetricFamily.histogram(
        "storage_scan_microseconds", .microseconds, .verneMQMicroseconds, heritage: .verneMQGauge,
        help: "How long it took to read a part of a session's stored messages.")

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom(
        "Storage",
        [
            rowsAdded, rowsDeleted, rowsLoaded, rows, commits, writes, syncs, batches, errors, damaged,
            failing, leftovers, reopened, waitingJobs, diskBytes, memoryBytes, recovery, objects, tombstones,
            dotKeyMap,
            metadataPut, metadataGet, metadataDelete, metadataFold, storageWrite, storageRead, storageDelete,
            storageScan,
        ])
}

extension LevelDBMessageStore {
    /// All samples of the store at one moment. Any thread.
    package func read(_ reading: inout RoomReading) {
        let counts = statistics.reading
        for kind in StoredKind.allCases {
            let label: KeyValuePairs = ["kind": kind.label]
            reading.add(StoreMetrics.rowsAdded, label, counts.stored[kind.rawValue])
            reading.add(StoreMetrics.rowsDeleted, label, counts.deleted[kind.rawValue])
            reading.add(StoreMetrics.rowsLoaded, label, counts.loaded[kind.rawValue])
            reading.add(StoreMetrics.rows, label, counts.present(kind))
        }
        for kind in StoreErrorKind.allCases {
            reading.add(StoreMetrics.errors, ["kind": kind.label], counts.errors[kind.rawValue])
        }
        reading.add(StoreMetrics.commits, counts.commits)
        reading.add(StoreMetrics.damaged, counts.damaged)
        reading.add(StoreMetrics.failing, counts.isFailing ? 1 : 0)
        reading.add(StoreMetrics.leftovers, counts.leftovers)
        reading.add(StoreMetrics.reopened, counts.reopened)
        reading.add(StoreMetrics.waitingJobs, counts.waitingJobs)
        reading.add(StoreMetrics.diskBytes, diskByteCount)
        reading.add(StoreMetrics.memoryBytes, counts.memoryBytes)
        reading.add(StoreMetrics.recovery, counts.recoveryNanoseconds)
        reading.add(StoreMetrics.writes, statistics.writes)
        reading.add(StoreMetrics.syncs, statistics.syncs)
        reading.add(StoreMetrics.batches, statistics.batches)
        for number in 1...10 {
            let rows = number == 1 ? StoredKind.allCases.reduce(0) { $0 + counts.present($1) } : 0
            reading.add(StoreMetrics.objects, ["group": "meta\(number)"], rows)
        }
        let operations = statistics.operations
        reading.add(StoreMetrics.metadataPut, operations.metadataPut)
        reading.add(StoreMetrics.metadataDelete, operations.metadataDelete)
        reading.add(StoreMetrics.metadataFold, operations.metadataFold)
        reading.add(StoreMetrics.storageWrite, operations.write)
        reading.add(StoreMetrics.storageRead, operations.read)
        reading.add(StoreMetrics.storageDelete, operations.delete)
        reading.add(StoreMetrics.storageScan, operations.scan)
    }
}
