package import Primitives

/// What a timer is for. Timers are never cancelled: the owner looks whether it still applies.
package enum TimerToken: Sendable {
    case keepAlive(SessionHandle, UInt32)
    /// With the number of the round (`Outbound.retryRound`): one that was begun anew makes the earlier timer void.
    case retry(SessionHandle, UInt32, UInt16)
    case lifetime(SessionHandle, UInt32)
    case sessionExpiry(SessionHandle, UInt32)
    case will(SessionHandle, UInt32)
    case resumeReading(SessionHandle, UInt32)
    case hookDeadline(HookQuestionID.Asker, serial: UInt64)
    case retainedSweep
    case backlogRetry(SessionHandle)
    case retainedRelease
    case horizonDeadline(UInt32)
    case clientLog
}

/// The timers of one loop, and those whose time has come and for which a turn had no time yet.
package struct ShardTimers {
    private var wheel: TimerWheel<TimerToken>
    /// Timers whose time has come; those before `nextDue` have been taken.
    private var due: ContiguousArray<TimerToken> = []
    private var nextDue = 0
    /// More timers are due than were taken off the wheel.
    private var isBehind = false
    private var pruneThreshold = Self.pruneMinimum
    private static let pruneMinimum = 8192

    init(start: MonotonicTime) { wheel = TimerWheel(start: start) }

    /// Timers that have not fired.
    var count: Int { wheel.count + due.count - nextDue }

    /// Sets a timer.
    @inline(__always)
    package mutating func add(_ token: TimerToken, at time: MonotonicTime) { wheel.add(token, at: time) }

    /// Takes timers that are due off the wheel, if none is left of those that were taken before.
    mutating func advance(to now: MonotonicTime) {
        guard nextDue == due.count else { return }
        due.removeAll(keepingCapacity: true)
        nextDue = 0
        isBehind = wheel.advance(to: now, limit: 200, into: &due)
    }

    /// Takes the next timer that is due.
    mutating func popDue() -> TimerToken? {
        guard nextDue < due.count else { return nil }
        defer { nextDue += 1 }
        return due[nextDue]
    }

    /// Whether timers are due that have not fired.
    var hasDue: Bool { isBehind || nextDue < due.count }

    /// Nanoseconds until the next timer is due; 0 = one is; nil = none is within `limit`.
    mutating func nanosecondsUntilNext(from now: MonotonicTime, limit: UInt64) -> UInt64? {
        if hasDue { return 0 }
        return wheel.nanosecondsUntilNext(from: now, limit: limit)
    }

    /// Whether there are so many timers that those which fire for nobody should be dropped.
    var needsPruning: Bool { wheel.count > pruneThreshold }

    /// Drops timers that fire for nobody, one part of the wheel in each turn: clients that come and go quickly would
    /// else leave one behind for as long as their keep alive. By entries, not by slots: 32 slots a turn were slower
    /// than what 20,000 connects a second put in, and the threshold crept up.
    mutating func prune(isGone: (TimerToken) -> Bool) {
        let isRound = wheel.prune(entryLimit: 2048, where: isGone)
        if isRound { pruneThreshold = max(Self.pruneMinimum, 2 * wheel.count) }
    }
}

extension TimerToken {
    /// Whose timer it is, and of which connection; nil for a timer of the loop.
    var owner: (session: SessionHandle, epoch: UInt32?)? {
        switch self {
        case .keepAlive(let handle, let epoch), .retry(let handle, let epoch, _),
            .lifetime(let handle, let epoch),
            .sessionExpiry(let handle, let epoch), .will(let handle, let epoch),
            .resumeReading(let handle, let epoch):
            (handle, epoch)
        case .backlogRetry(let handle): (handle, nil)
        case .hookDeadline, .retainedSweep, .retainedRelease, .horizonDeadline, .clientLog: nil
        }
    }
}
