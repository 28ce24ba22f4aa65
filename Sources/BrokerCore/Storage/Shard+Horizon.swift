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
        guard !outbox.floors.isTaking else { return }
        outbox.floors.isTaking = true
        horizon.beginTaking(broker.lastStoreNumber &+ 1)
    }

    /// At the end of a turn, when all is posted: publishes the floors of this loop, and which removals it has
    /// committed.
    func publishHorizon() {
        while let mark = outbox.removals.marks.first, outbox.isCommitted(mark.batch) {
            outbox.removals.marks.removeFirst()
            if horizon.setRemovalsCommitted(mark.serial, from: mark.loop) {
                links.post(.horizonMoved, mark.loop)
            }
        }
        guard outbox.floors.isTaking || outbox.floors.haveChanged else { return }
        outbox.floors.haveChanged = false
        postDeliveries()
        for loop in outbox.floors.published.indices {
            let floor = outbox.floor(for: loop)
            guard floor != outbox.floors.published[loop] else { continue }
            outbox.floors.published[loop] = floor
            if horizon.set(floor, for: loop) { links.post(.horizonMoved, loop) }
        }
        if outbox.floors.isTaking, !outbox.isPinned {
            outbox.floors.isTaking = false
            horizon.endTaking()
        }
    }

    // MARK: What this loop reads

    /// At the end of a turn: looks up to which number the store may be read, for the sessions that wait.
    func lookAtHorizon() {
        if !storage.reads.waiting.isEmpty {
            for session in storage.reads.waiting { storage.reads.members.append((session, now)) }
            storage.reads.waiting.removeAll(keepingCapacity: true)
            storage.reads.isBlocked = false
        }
        guard !storage.reads.isUnderWay, !storage.reads.isBlocked,
            !storage.reads.members.isEmpty || !storage.reads.purges.isEmpty
        else {
            return
        }
        storage.reads.isUnderWay = true
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
        if storage.reads.pass.isEmpty {
            storage.reads.lowestWanted = .max
            storage.reads.pass = storage.reads.members
            storage.reads.members = []  // a read may be answered at once, and ask again
        }
        var ready: ContiguousArray<Session> = []
        for _ in 0..<Self.readsAtOnce {
            guard let member = storage.reads.pass.popFirst() else { break }
            count(steps: 1)
            guard let session = session(member.session), let wanted = session.wantedFromStore else {
                continue
            }
            if wanted <= through {
                counters.observe(.barrierWaitNanoseconds, now.nanoseconds(since: member.since))
                ready.append(session)
            } else {
                storage.reads.members.append(member)
                storage.reads.lower(to: wanted)
            }
        }
        let removed = uncommittedRemovals(of: ready)
        for session in ready {
            session.horizonReached(through, removed: removed[session.storeNumber] ?? [])
        }
        // Thousands of clients may come back at the same time: another letter goes on with the rest.
        guard storage.reads.pass.isEmpty else { return links.post(.horizonReached(currentHorizon), index) }
        storage.reads.isUnderWay = false
        var purges: ContiguousArray<(session: UInt64, through: UInt64)> = []
        swap(&purges, &storage.reads.purges)
        for purge in purges {
            if purge.through <= through {
                note(.purgeSession(purge.session))
            } else {
                storage.reads.purges.append(purge)
                storage.reads.lower(to: purge.through)
            }
        }
        if storage.reads.lowestWanted != .max { askForHorizonNotice() }
    }

    /// Sessions that one letter lets read.
    private static let readsAtOnce = 128

    /// A floor of a loop has risen, or another loop has committed removals that this one had sent.
    func horizonMoved() {
        if storage.queue.isHeld { askForRemovalNotices() }
        guard storage.reads.isBlocked else { return }
        if currentHorizon >= storage.reads.lowestWanted {
            storage.reads.isBlocked = false
        } else {
            armHorizon()
        }
    }

    /// Sessions must wait until a loop has committed and posted what it stores. Only they wait for that loop.
    private func askForHorizonNotice() {
        storage.reads.isBlocked = true
        storage.reads.blockSerial &+= 1
        timers.add(
            .horizonDeadline(storage.reads.blockSerial), at: now.adding(milliseconds: Self.horizonPatience))
        for loop in broker.horizons.indices
        where broker.horizons[loop].floor(for: index) <= storage.reads.lowestWanted {
            // That loop is asked to hand its batch over at the end of its turn.
            if loop == index { outbox.isUrgent = true } else { outbox.removals.hurries[loop] = true }
        }
        armHorizon()
    }

    private func armHorizon() {
        for other in broker.horizons { other.requestNotice(for: index) }
        // The floor may have risen before the other loop knew that this one waits.
        if currentHorizon >= storage.reads.lowestWanted { storage.reads.isBlocked = false }
    }

    /// Milliseconds after which a wait for other loops counts as late.
    private static let horizonPatience: UInt64 = 250

    func horizonDeadlinePassed(_ serial: UInt32) {
        guard storage.reads.isBlocked, storage.reads.blockSerial == serial else { return }
        counters.add(.storeBarriersLate)
    }

    // MARK: Removals

    /// Copies of these sessions whose removal may not be committed yet, so that the store may still have them.
    private func uncommittedRemovals(of sessions: ContiguousArray<Session>) -> [UInt64: Set<UInt64>] {
        guard !sessions.isEmpty else { return [:] }
        for loop in outbox.removals.sent.indices { trimRemovals(loop) }
        var found: [UInt64: Set<UInt64>] = [:]
        for session in sessions { found[session.storeNumber] = [] }
        outbox.forEachUncommittedRemoval { session, number in
            if let index = found.index(forKey: session) { found.values[index].insert(number) }
        }
        return found
    }

    /// Forgets the removals that loop `loop` has committed.
    func trimRemovals(_ loop: Int) {
        guard !outbox.removals.sent[loop].isEmpty else { return }
        outbox.removals.forget(loop, through: broker.horizons[loop].removalsCommitted(from: index))
    }
}
