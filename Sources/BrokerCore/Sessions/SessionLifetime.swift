import Primitives

/// How long a session outlives its connection, and what becomes of its will. Values alone: `Session+Lifecycle.swift`
/// sets the timers and publishes.
struct SessionLifetime {
    /// Seconds the session outlives its connection; 0 = it ends with it, `.max` = it never expires.
    private(set) var expiryInterval: UInt32 = 0
    /// Whether CONNECT asked for a session that ends with its connection; a later DISCONNECT may not ask for another.
    private var connectExpiryWasZero = true
    /// When the session ends; nil while it has a connection.
    private(set) var expiryDeadline: MonotonicTime?
    /// The will of the connection, or one that is delayed.
    private(set) var will: WillMessage?
    /// When a delayed will is published; nil = none is delayed.
    private(set) var willDeadline: MonotonicTime?

    /// A connection begins. A delayed will is not published: the client is back in time [MQTT-3.1.3-9].
    mutating func beginConnection(expiryInterval: UInt32, _ will: WillMessage?) {
        self.expiryInterval = expiryInterval
        connectExpiryWasZero = expiryInterval == 0
        expiryDeadline = nil
        willDeadline = nil
        self.will = will
    }

    /// DISCONNECT names another interval.
    ///
    /// - Returns: false when it may not [MQTT-3.14.2-2].
    mutating func change(expiryInterval interval: UInt32) -> Bool {
        guard !connectExpiryWasZero || interval == 0 else { return false }
        expiryInterval = interval
        return true
    }

    /// Takes the will out: it is published by the caller, or not at all.
    mutating func takeWill() -> WillMessage? {
        willDeadline = nil
        return will.take()
    }

    /// Takes out a delayed will whose delay has passed [MQTT-3.1.3-9].
    mutating func takeOverdueWill(_ isOver: (MonotonicTime) -> Bool) -> WillMessage? {
        guard let willDeadline, isOver(willDeadline) else { return nil }
        return takeWill()
    }

    /// The connection has ended and the session goes on.
    ///
    /// - Returns: when it ends; `.distantFuture` = never. That is noted as well: it says that the session is offline.
    mutating func beginAbsence(_ now: MonotonicTime) -> MonotonicTime {
        let deadline = Self.deadline(in: expiryInterval, now)
        expiryDeadline = deadline
        return deadline
    }

    /// The will is delayed: it is published when its delay is over or the session ends [MQTT-3.1.2-8].
    ///
    /// - Returns: when that is.
    mutating func delay(_ will: WillMessage, _ now: MonotonicTime) -> MonotonicTime {
        let deadline = now.adding(seconds: UInt64(min(will.delayInterval, expiryInterval)))
        self.will = will
        willDeadline = deadline
        return deadline
    }

    /// The session has ended.
    mutating func end() { expiryDeadline = nil }

    // MARK: After a start

    /// The session was found in the store.
    ///
    /// - Parameter expiresAt: what the store says, which may be wrong after a change of clocks.
    mutating func restore(_ stored: StoredSession, expiresAt: MonotonicTime?) {
        expiryInterval = stored.expiryInterval
        connectExpiryWasZero = stored.expiryInterval == 0
        will = stored.will
        willDeadline = stored.willDeadline
        expiryDeadline = expiresAt
    }

    /// No deadline is later than its interval allows, whatever clocks have done. The delay of the will of a client that
    /// had a connection begins now, because the client could not come back earlier.
    mutating func limitDeadlines(wasOnline: Bool, _ now: MonotonicTime) {
        let latest = Self.deadline(in: expiryInterval, now)
        let ends = min(expiryDeadline ?? latest, latest)
        expiryDeadline = ends
        guard let will else { return }
        let latestWill = Self.deadline(in: min(will.delayInterval, expiryInterval), now)
        willDeadline = min(wasOnline ? ends : willDeadline ?? latestWill, latestWill)
    }

    private static func deadline(in interval: UInt32, _ now: MonotonicTime) -> MonotonicTime {
        interval == .max ? .distantFuture : now.adding(seconds: UInt64(interval))
    }
}
