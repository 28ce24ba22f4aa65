import Synchronization

/// What one plugin was asked at one point on one loop. That loop alone writes it, so nothing is locked.
package final class HookTally: Sendable {
    /// What came of a call.
    package enum Result: Int, CaseIterable, Sendable {
        /// It left the decision to the next.
        case next
        /// Yes.
        case allowed
        /// Yes, with changes.
        case changed
        /// No.
        case refused
        /// It will answer later; the answer is counted as one of the others when it comes.
        case later
        /// It did not answer in time.
        case timedOut
        /// The answer was not valid.
        case invalid
        /// The client had gone before it answered.
        case abandoned
        /// It was not asked, for it had said yes to the same topic before.
        case remembered
    }

    private let next = Atomic<UInt64>(0)
    private let allowed = Atomic<UInt64>(0)
    private let changed = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)
    private let later = Atomic<UInt64>(0)
    private let timedOut = Atomic<UInt64>(0)
    private let invalid = Atomic<UInt64>(0)
    private let abandoned = Atomic<UInt64>(0)
    private let remembered = Atomic<UInt64>(0)
    /// Later answers that came, the time they took together, and the longest, in nanoseconds.
    private let answers = Atomic<UInt64>(0)
    private let nanoseconds = Atomic<UInt64>(0)
    private let slowest = Atomic<UInt64>(0)
    /// Calls that were answered later, or cannot be any more.
    private let closed = Atomic<UInt64>(0)

    init() {}

    @inline(__always)
    private static func bump(_ value: borrowing Atomic<UInt64>, by count: UInt64 = 1) {
        value.store(value.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// Counts a call.
    @inline(__always)
    func count(_ result: Result) {
        switch result {
        case .next: Self.bump(next)
        case .allowed: Self.bump(allowed)
        case .changed: Self.bump(changed)
        case .refused: Self.bump(refused)
        case .later: Self.bump(later)
        case .timedOut: Self.bump(timedOut)
        case .invalid: Self.bump(invalid)
        case .abandoned: Self.bump(abandoned)
        case .remembered: Self.bump(remembered)
        }
    }

    /// A later answer has come, or does not count any more.
    func close(after elapsed: UInt64?) {
        Self.bump(closed)
        guard let elapsed else { return }
        Self.bump(answers)
        Self.bump(nanoseconds, by: elapsed)
        if elapsed > slowest.load(ordering: .relaxed) { slowest.store(elapsed, ordering: .relaxed) }
    }

    private subscript(result: Result) -> UInt64 {
        switch result {
        case .next: next.load(ordering: .relaxed)
        case .allowed: allowed.load(ordering: .relaxed)
        case .changed: changed.load(ordering: .relaxed)
        case .refused: refused.load(ordering: .relaxed)
        case .later: later.load(ordering: .relaxed)
        case .timedOut: timedOut.load(ordering: .relaxed)
        case .invalid: invalid.load(ordering: .relaxed)
        case .abandoned: abandoned.load(ordering: .relaxed)
        case .remembered: remembered.load(ordering: .relaxed)
        }
    }

    /// The numbers now. Any thread.
    package var reading: HookReading {
        var reading = HookReading()
        for result in Result.allCases { reading.counts[result.rawValue] = self[result] }
        reading.answers = answers.load(ordering: .relaxed)
        reading.nanoseconds = nanoseconds.load(ordering: .relaxed)
        reading.slowest = slowest.load(ordering: .relaxed)
        let asked = later.load(ordering: .relaxed)
        let done = closed.load(ordering: .relaxed)
        reading.outstanding = asked > done ? asked - done : 0
        return reading
    }
}

/// What a plugin was asked at a point, on all loops together.
package struct HookReading: Sendable {
    /// By `HookTally.Result`.
    package var counts = [UInt64](repeating: 0, count: HookTally.Result.allCases.count)
    /// Later answers that came.
    package var answers: UInt64 = 0
    /// How long those took together, in nanoseconds.
    package var nanoseconds: UInt64 = 0
    /// The longest of them, in nanoseconds.
    package var slowest: UInt64 = 0
    /// Questions that are open.
    package var outstanding: UInt64 = 0

    package init() {}

    package subscript(result: HookTally.Result) -> UInt64 { counts[result.rawValue] }

    /// Calls.
    package var calls: UInt64 {
        // What comes later is counted twice: as later, and as what it was or `timedOut`.
        self[.next] + self[.allowed] + self[.changed] + self[.refused] + self[.invalid] + self[.timedOut]
            + self[.abandoned] + outstanding
    }

    package static func += (left: inout HookReading, right: HookReading) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
        left.answers += right.answers
        left.nanoseconds += right.nanoseconds
        left.slowest = max(left.slowest, right.slowest)
        left.outstanding += right.outstanding
    }
}

/// The tallies of all plugins. They outlive a plugin that is stopped: started anew it goes on with the same numbers, so
/// counters never fall.
package final class HookTallies: Sendable {
    private struct Key: Hashable {
        let plugin: String
        let point: HookPoint
    }

    private let loopCount: Int
    private let tallies = Mutex<[Key: [HookTally]]>([:])

    init(loopCount: Int) { self.loopCount = loopCount }

    /// The tally of a loop. Asked when chains are made, not when hooks are.
    func tally(_ plugin: String, _ point: HookPoint, loop: Int) -> HookTally {
        tallies.withLock { tallies in
            let key = Key(plugin: plugin, point: point)
            if let found = tallies[key] { return found[loop] }
            let made = (0..<loopCount).map { _ in HookTally() }
            tallies[key] = made
            return made[loop]
        }
    }

    /// All numbers, by plugin and point, in the order of names and points.
    package var readings: [(plugin: String, point: HookPoint, reading: HookReading)] {
        let all = tallies.withLock { $0 }
        return all.map { key, tallies in
            var sum = HookReading()
            for tally in tallies { sum += tally.reading }
            return (key.plugin, key.point, sum)
        }.sorted { ($0.plugin, $0.point.index) < ($1.plugin, $1.point.index) }
    }
}
