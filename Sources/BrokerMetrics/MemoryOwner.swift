/// Whose the resident memory is, as far as the broker counts it itself. What nobody owns up to is `unattributed`: objects of
/// sessions and connections, the allocator's own, thread stacks.
public enum MemoryOwner: String, CaseIterable, Sendable {
    /// Messages that wait in the queues of clients.
    case queues
    /// What waits to be written to connections.
    case outputs
    /// Connections that have no session yet.
    case newcomers
    /// The routing table.
    case subscriptions
    /// The topics that the event loops remember.
    case routes
    /// Retained messages.
    case retained
    /// What is on its way to the store.
    case storeBacklog = "store_backlog"
    /// The store's cache and tables in memory.
    case store
    /// Log lines that wait to be written.
    case log
    /// What waits for Graphite.
    case graphite
    /// The program's code, and other pages of files.
    case code
    /// What is left.
    case unattributed

    /// Bytes in a snapshot; for `unattributed` not below 0, for what is counted need not be resident.
    func byteCount(in snapshot: Snapshot) -> Int64 {
        switch self {
        case .queues: snapshot[LoopGauge.queuedBytes]
        case .outputs: snapshot[LoopGauge.outputBytes]
        case .newcomers: snapshot[LoopGauge.newcomerBytes]
        case .subscriptions: snapshot["router_memory"]
        case .routes: snapshot[LoopGauge.routerCacheBytes]
        case .retained: snapshot["retain_memory"]
        case .storeBacklog: snapshot[LoopGauge.storeBacklogBytes]
        case .store: snapshot["store_memory_bytes"]
        case .log: snapshot["log_queue_bytes"]
        case .graphite: snapshot["graphite_buffered_bytes"]
        case .code: min(snapshot.process.residentBytes, snapshot.process.sharedBytes)
        case .unattributed:
            max(
                0,
                Self.allCases.reduce(snapshot.process.residentBytes) {
                    $1 == .unattributed ? $0 : $0 &- $1.byteCount(in: snapshot)
                })
        }
    }

    /// The families of rooms that are read here.
    static let roomFamilies = [
        "router_memory", "retain_memory", "store_memory_bytes", "log_queue_bytes", "graphite_buffered_bytes",
    ]
}
