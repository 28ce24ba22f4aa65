import Primitives

/// Decides when to connect to Graphite, when to send, and when to give up. It touches no socket and no clock.
///
///     off        → resting     [enable: at once]
///     resting    → connecting  [the time is over]
///     connecting → connected   [connected]
///     connecting → resting     [connectFailed, or it takes too long: 5 s]
///     connected  → resting     [sendFailed, or nothing is taken for too long: the reconnect timeout]
///     connected  → resting     [closedByServer: at once if a report had been sent, else the reconnect timeout]
///     any        → off         [disable]
///
/// The first report is sent one interval after the connection came about. VerneMQ: the same times.
struct GraphiteMachine {
    enum State: Equatable {
        case off
        case resting(until: MonotonicTime)
        case connecting(until: MonotonicTime)
        case connected(Connection)
    }

    struct Connection: Equatable {
        /// When it came about, or when the last report was handed over.
        var lastReport: MonotonicTime
        /// Since when the server has taken nothing of what waits; nil when nothing waits.
        var stuckSince: MonotonicTime?
        /// Whether it has taken a whole report.
        var hasTakenReport = false
    }

    /// What is to be done now.
    enum Action: Equatable {
        case connect
        /// Nothing came of connecting in time.
        case abandonConnecting
        /// The server takes nothing.
        case abandonSending
        /// Hand a report over.
        case report
    }

    /// Milliseconds before connecting again when nothing came of it.
    static let connectRetry: UInt64 = 5_000
    static let shortestInterval: UInt64 = 100

    private(set) var state = State.off
    /// The times in it are in force at once.
    var settings: GraphiteSettings

    init(_ settings: GraphiteSettings) { self.settings = settings }

    // MARK: Events

    mutating func enable(now: MonotonicTime) {
        if state == .off { state = .resting(until: now) }
    }

    mutating func disable() { state = .off }

    /// Begins anew: the server is another one.
    mutating func restart(now: MonotonicTime) {
        if state != .off { state = .resting(until: now) }
    }

    mutating func connected(now: MonotonicTime) { state = .connected(Connection(lastReport: now)) }

    mutating func connectFailed(now: MonotonicTime) {
        state = .resting(until: now.adding(milliseconds: Self.connectRetry))
    }

    mutating func sendFailed(now: MonotonicTime) {
        state = .resting(until: now.adding(milliseconds: settings.reconnectTimeout))
    }

    mutating func closedByServer(now: MonotonicTime) {
        guard case .connected(let connection) = state, connection.hasTakenReport else {
            // One that closes each connection at once is not worth one after the other.
            return sendFailed(now: now)
        }
        state = .resting(until: now)
    }

    /// The kernel was offered what waits for the server.
    ///
    /// - Parameters:
    ///   - hasTaken: whether it has taken something.
    ///   - waiting: bytes that still wait.
    ///   - isReportComplete: whether it has taken a report to its end.
    mutating func offered(hasTaken: Bool, waiting: Int, isReportComplete: Bool, now: MonotonicTime) {
        guard case .connected(var connection) = state else { return }
        if waiting == 0 {
            connection.stuckSince = nil
        } else if hasTaken || connection.stuckSince == nil {
            connection.stuckSince = now
        }
        if isReportComplete { connection.hasTakenReport = true }
        state = .connected(connection)
    }

    // MARK: Time

    /// When `advance` is to be called next.
    var deadline: MonotonicTime {
        switch state {
        case .off: .distantFuture
        case .resting(let until), .connecting(let until): until
        case .connected(let connection): min(nextReport(connection), end(connection))
        }
    }

    /// What is due at `now`; nil when nothing is.
    mutating func advance(now: MonotonicTime) -> Action? {
        guard now >= deadline else { return nil }
        switch state {
        case .off: return nil
        case .resting:
            state = .connecting(until: now.adding(milliseconds: settings.connectTimeout))
            return .connect
        case .connecting:
            connectFailed(now: now)
            return .abandonConnecting
        case .connected(var connection):
            if now >= end(connection) {
                sendFailed(now: now)
                return .abandonSending
            }
            connection.lastReport = now
            state = .connected(connection)
            return .report
        }
    }

    private func nextReport(_ connection: Connection) -> MonotonicTime {
        connection.lastReport.adding(milliseconds: max(Self.shortestInterval, settings.interval))
    }

    private func end(_ connection: Connection) -> MonotonicTime {
        connection.stuckSince?.adding(milliseconds: settings.sendTimeout) ?? .distantFuture
    }
}
