import BrokerMetrics
import DequeModule
import Primitives

/// The sessions of one loop that wait until the store may be read.
///
/// Copies that a queue does not have in memory may be read up to a number when all copies up to that number are
/// committed and have arrived here. If they were read earlier, a copy could be read and then arrive as well. The floors
/// of all loops say up to which number that is (`StoreHorizon`). When the loop has looked at the floors it posts a
/// letter to itself: when that letter comes, all that had been posted before has arrived.
///
///     look at the floors ── horizonReached(n) ──→ own mailbox ──→ … letters that came before … ──→ read up to n
///          ▲ a floor rises: horizonMoved
///          └── too low for all who wait
struct StoreReads {
    /// Sessions that have asked to read in this turn.
    var waiting: ContiguousArray<SessionHandle> = []
    /// Sessions that have ended, by their number in the store. Copies that had arrived may be committed after the end,
    /// so the store has to look for rows once more.
    fileprivate var purges: ContiguousArray<(session: UInt64, through: UInt64)> = []
    fileprivate var members: Deque<Member> = []
    /// Those of them that `horizonReached` still has to look at.
    fileprivate var pass: Deque<Member> = []
    /// The letter to the loop itself is under way.
    fileprivate var isUnderWay = false
    /// The last horizon was too low for all sessions that wait.
    fileprivate var isBlocked = false
    /// The lowest number up to which a waiting session wants to read.
    fileprivate var lowestWanted: UInt64 = .max
    /// Counts how often it was blocked, so that an old timer is recognised.
    fileprivate var blockSerial: UInt32 = 0

    fileprivate typealias Member = (session: SessionHandle, since: MonotonicTime)

    /// A copy with this number is now in the store alone, before others.
    mutating func lower(to number: UInt64) { lowestWanted = min(lowestWanted, number) }

    /// - Parameter through: the highest number that a copy of the session which has arrived can have.
    mutating func purge(_ session: UInt64, through: UInt64) { purges.append((session, through)) }
}

extension Shard {
    private var horizon: StoreHorizon { broker.horizons[index] }

    // MARK: What this loop stores

    /// To be called before this loop takes a number for a message.
    @inline(__always)
    func willTakeStoreNumber() {
        guard !outbox.isTaking else { return }
        outbox.isTaking = true
        horizon.beginTaking(broker.lastStoreNumber &+ 1)
    }

    /// At the end of a turn, when all is posted: publishes the floors of this loop, and which removals it has
    /// committed.
    func publishHorizon() {
        while let mark = outbox.removalMarks.first, outbox.isCommitted(mark.batch) {
            outbox.removalMarks.removeFirst()
            if horizon.setRemovalsCommitted(mark.serial, from: mark.loop) {
                links.post(.horizonMoved, mark.loop)
            }
        }
        guard outbox.isTaking || outbox.haveFloorsChanged else { return }
        outbox.haveFloorsChanged = false
        postDeliveries()
        for loop in outbox.publishedFloors.indices {
            let floor = outbox.floor(for: loop)
            guard floor != outbox.publishedFloors[loop] else { continue }
            outbox.publishedFloors[loop] = floor
            if horizon.set(floor, for: loop) { links.post(.horizonMoved, loop) }
        }
        if outbox.isTaking, !outbox.isPinned {
            outbox.isTaking = false
            horizon.endTaking()
        }
    }

    // MARK: What this loop reads

    /// At the end of a turn: looks up to which number the store may be read, for the sessions that wait.
    func lookAtHorizon() {
        if !reads.waiting.isEmpty {
            for session in reads.waiting { reads.members.append((session, now)) }
            reads.waiting.removeAll(keepingCapacity: true)
            reads.isBlocked = false
        }
        guard !reads.isUnderWay, !reads.isBlocked, !reads.members.isEmpty || !reads.purges.isEmpty else {
            return
        }
        reads.isUnderWay = true
        counters.add(.storeBarriers)
        links.post(.horizonReached(currentHorizon), index)
    }

    /// All copies for sessions of this loop, up to this number, are committed and posted.
    private var currentHorizon: UInt64 {
        var horizon = broker.lastStoreNumber  // before the floors
        for other in broker.horizons { horizon = min(horizon, other.floor(for: index) &- 1) }
        return horizon
    }

    /// All copies up to `through` have arrived: sessions that want no more may read.
    func horizonReached(_ through: UInt64) {
        if reads.pass.isEmpty {
            reads.lowestWanted = .max
            reads.pass = reads.members
            reads.members = []  // a read may be answered at once, and ask again
        }
        var ready: ContiguousArray<Session> = []
        for _ in 0..<Self.readsAtOnce {
            guard let member = reads.pass.popFirst() else { break }
            count(steps: 1)
            guard let session = session(member.session), let wanted = session.wantedFromStore else {
                continue
            }
            if wanted <= through {
                counters.observe(.barrierWaitNanoseconds, now.nanoseconds(since: member.since))
                ready.append(session)
            } else {
                reads.members.append(member)
                reads.lower(to: wanted)
            }
        }
        let removed = uncommittedRemovals(of: ready)
        for session in ready { session.horizonReached(through, removed: removed[session.storeNumber] ?? []) }
        // Thousands of clients may come back at the same time: another letter goes on with the rest.
        guard reads.pass.isEmpty else { return links.post(.horizonReached(currentHorizon), index) }
        reads.isUnderWay = false
        var purges: ContiguousArray<(session: UInt64, through: UInt64)> = []
        swap(&purges, &reads.purges)
        for purge in purges {
            if purge.through <= through {
                note(.purgeSession(purge.session))
            } else {
                reads.purges.append(purge)
                reads.lower(to: purge.through)
            }
        }
        if reads.lowestWanted != .max { awaitHorizon() }
    }

    /// Sessions that one letter lets read.
    private static let readsAtOnce = 128

    /// A floor of a loop has risen, or another loop has committed removals that this one had sent.
    func horizonMoved() {
        if storeQueue.isHeld { awaitRemovals() }
        guard reads.isBlocked else { return }
        if currentHorizon >= reads.lowestWanted { reads.isBlocked = false } else { armHorizon() }
    }

    /// Sessions must wait until a loop has committed and posted what it stores. Only they wait for that loop.
    private func awaitHorizon() {
        reads.isBlocked = true
        reads.blockSerial &+= 1
        timers.add(.horizonDeadline(reads.blockSerial), at: now.adding(milliseconds: Self.horizonPatience))
        for loop in broker.horizons.indices
        where broker.horizons[loop].floor(for: index) <= reads.lowestWanted {
            // That loop is asked to hand its batch over at the end of its turn.
            if loop == index { outbox.isUrgent = true } else { outbox.hurries[loop] = true }
        }
        armHorizon()
    }

    private func armHorizon() {
        for other in broker.horizons { other.await(for: index) }
        // The floor may have risen before the other loop knew that this one waits.
        if currentHorizon >= reads.lowestWanted { reads.isBlocked = false }
    }

    /// Milliseconds after which a wait for other loops counts as late.
    private static let horizonPatience: UInt64 = 250

    func horizonDeadlinePassed(_ serial: UInt32) {
        guard reads.isBlocked, reads.blockSerial == serial else { return }
        counters.add(.storeBarriersLate)
    }

    // MARK: Removals

    /// Copies of these sessions whose removal may not be committed yet, so that the store may still have them.
    private func uncommittedRemovals(of sessions: ContiguousArray<Session>) -> [UInt64: Set<UInt64>] {
        guard !sessions.isEmpty else { return [:] }
        for loop in outbox.sentRemovals.indices { trimRemovals(loop) }
        var found: [UInt64: Set<UInt64>] = [:]
        for session in sessions { found[session.storeNumber] = [] }
        outbox.forEachUncommittedRemoval { session, number in
            if let index = found.index(forKey: session) { found.values[index].insert(number) }
        }
        return found
    }

    /// Forgets the removals that loop `loop` has committed.
    func trimRemovals(_ loop: Int) {
        guard !outbox.sentRemovals[loop].isEmpty else { return }
        outbox.forgetRemovals(loop, through: broker.horizons[loop].removalsCommitted(from: index))
    }
}
