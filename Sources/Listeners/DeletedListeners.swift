import Transport

/// What the counters of the listeners of one name and kind say together.
struct ListenerCounts: Sendable {
    /// By `ConnectionLimit.rawValue`.
    private(set) var overLimit = [Int](repeating: 0, count: ConnectionLimit.allCases.count)
    private(set) var streams = StreamStatistics.Reading()
    /// Whether one of them has had TLS, PROXY headers or WebSocket; and which.
    private(set) var hasLayers = false, hasProxy = false, hasWebSocket = false

    /// Nothing was counted.
    init() {}

    init(_ state: ListenerState) {
        overLimit = state.counts.overLimit
        streams = state.streams.reading
        hasLayers = !state.policy.isPlain
        hasProxy = state.policy.proxy != nil
        hasWebSocket = state.policy.webSocket != nil
    }

    static func += (left: inout ListenerCounts, right: ListenerCounts) {
        for index in left.overLimit.indices { left.overLimit[index] += right.overLimit[index] }
        left.streams.handshakes.merge(right.streams.handshakes, uniquingKeysWith: +)
        left.streams.ciphers.merge(right.streams.ciphers, uniquingKeysWith: +)
        left.streams.failures.merge(right.streams.failures, uniquingKeysWith: +)
        left.streams.proxied += right.streams.proxied
        left.streams.upgraded += right.streams.upgraded
        left.streams.pings += right.streams.pings
        left.hasLayers = left.hasLayers || right.hasLayers
        left.hasProxy = left.hasProxy || right.hasProxy
        left.hasWebSocket = left.hasWebSocket || right.hasWebSocket
    }
}

/// The counters of listeners that were deleted: a counter that has moved does not go away with what it has counted.
///
/// Sixty-four names are told apart; what comes beyond is added up under `other`.
struct DeletedListeners: Sendable {
    /// Under which labels a listener's counters stand.
    struct Name: Hashable, Sendable {
        let listener: String
        let type: String
    }

    private struct Entry: Sendable {
        var counts = ListenerCounts()
        /// The last that was deleted: its connections may still be ending, and it counts that.
        var last: ListenerState?
    }

    static let limit = 64
    static let beyond = "other"

    private var entries: [Name: Entry] = [:]

    /// None was deleted.
    init() {}

    mutating func add(_ state: ListenerState) {
        var name = Name(listener: state.name, type: state.kind)
        if entries[name] == nil, entries.count >= Self.limit {
            name = Name(listener: Self.beyond, type: state.kind)
        }
        var entry = entries[name] ?? Entry()
        if let last = entry.last { entry.counts += ListenerCounts(last) }
        entry.last = state
        entries[name] = entry
    }

    /// What they have counted so far.
    var counts: [Name: ListenerCounts] {
        entries.mapValues { entry in
            var counts = entry.counts
            if let last = entry.last { counts += ListenerCounts(last) }
            return counts
        }
    }
}
