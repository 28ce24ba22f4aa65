/// Stretches of time in which a loop did not look at its sockets though it should have: the process was stopped, the
/// machine slept or was moved, or a turn took very long. What a client sent meanwhile waits, so silence in these
/// stretches is not the client's. Owned by one loop.
public struct Lapses: Sendable {
    /// One of these stretches.
    public struct Lapse: Sendable, Equatable {
        /// When the loop looked last, as far as it knows: before a wait in which it may have stood still, though only
        /// what the wait took too long is the lapse. At or before `begin`.
        public var lastLook: MonotonicTime
        /// From when on the loop did not look. Of two lapses that became one, this is the begin of the older one.
        public var begin: MonotonicTime
        /// When the loop looked again.
        public var end: MonotonicTime
        /// How long it was, in nanoseconds.
        public var nanoseconds: UInt64 { end.nanoseconds(since: begin) }
    }

    /// What is shorter is the ordinary unpunctuality of a busy machine. 0.5 s.
    public static let threshold: UInt64 = 500_000_000

    /// Oldest first. When there are more, the two oldest become one: with the time between them, in the clients'
    /// favour.
    private var recent: [Lapse] = []
    private static let limit = 16

    /// How many lapses were noted. It never goes down, so who compares two readings sees whether there was a
    /// new one.
    public private(set) var count = 0
    /// The longest lapse that was noted, in nanoseconds; 0 when there was none.
    public private(set) var longest: UInt64 = 0

    /// A loop without lapses.
    public init() {}

    /// The latest lapse; nil when there was none.
    public var last: Lapse? { recent.last }

    /// The loop did not look from `begin` to `end`; counts if that is long.
    ///
    /// - Parameter lastLook: when the loop looked last, if that was before `begin`.
    public mutating func note(
        from begin: MonotonicTime, to end: MonotonicTime, lastLook: MonotonicTime? = nil
    ) {
        let lapse = Lapse(lastLook: lastLook ?? begin, begin: begin, end: end)
        guard lapse.nanoseconds >= Self.threshold else { return }
        count += 1
        longest = max(longest, lapse.nanoseconds)
        recent.append(lapse)
        if recent.count > Self.limit {
            recent[1].begin = recent[0].begin
            recent[1].lastLook = recent[0].lastLook
            recent.removeFirst()
        }
    }

    /// How much of the time since `start` the loop may not have looked, in nanoseconds: from the last look before each
    /// lapse on, in the clients' favour.
    public func nanoseconds(since start: MonotonicTime) -> UInt64 {
        var sum: UInt64 = 0
        for lapse in recent.reversed() {
            guard lapse.end > start else { break }
            sum &+= lapse.end.nanoseconds(since: max(lapse.lastLook, start))
        }
        return sum
    }

    /// Until when who had to answer during the last lapse still may: as long after it as it took, `limit` nanoseconds at
    /// most.
    public func graceEnd(_ limit: UInt64) -> MonotonicTime {
        guard let last else { return MonotonicTime(nanoseconds: 0) }
        return last.end.adding(nanoseconds: min(last.nanoseconds, limit))
    }
}
