/// Deadlines of one loop: keep alive, expiry, retry. No timer object for each client, only an entry in a slot.
///
/// A single-level hashed wheel. An entry whose time is further away than one turn of the wheel stays in its slot
/// and is looked at once for each turn. Setting and firing are O(1); nothing is ever cancelled: the owner
/// compares when the entry fires and sets it again when the deadline has moved (architecture: "keep alive is not
/// re-armed by each packet").
///
///     tick 0   1   2   3   …   slots - 1
///        [ ] [e] [ ] [e,e]      [ ]
///             ^ next tick to fire
///
/// `@inlinable`, so that a module which uses it with its own token gets code for that token: unspecialised, looking
/// for the next deadline was a tenth of a busy loop's time.
public struct TimerWheel<Token> {
    @usableFromInline struct Entry {
        @usableFromInline var deadline: MonotonicTime
        @usableFromInline var token: Token

        @inlinable init(deadline: MonotonicTime, token: Token) {
            self.deadline = deadline
            self.token = token
        }
    }

    @usableFromInline var slots: ContiguousArray<ContiguousArray<Entry>>
    @usableFromInline let tickNanoseconds: UInt64
    @usableFromInline var nextTick: UInt64
    /// No entry is due before this tick; exact after `nanosecondsUntilNext` has looked.
    @usableFromInline var soonestTick: UInt64 = 0
    @usableFromInline var isSoonestKnown = false
    /// Entries waiting.
    public private(set) var count: Int {
        get { entryCount }
        set { entryCount = newValue }
    }
    @usableFromInline var entryCount = 0
    @usableFromInline var pruneSlot = 0

    /// - Parameters:
    ///   - tickMilliseconds: how late an entry may fire; not 0.
    ///   - slotCount: a power of two.
    @inlinable
    public init(start: MonotonicTime, tickMilliseconds: UInt64 = 50, slotCount: Int = 1024) {
        precondition(slotCount > 0 && slotCount & (slotCount - 1) == 0 && tickMilliseconds > 0)
        slots = ContiguousArray(repeating: [], count: slotCount)
        tickNanoseconds = tickMilliseconds * 1_000_000
        nextTick = start.nanoseconds / tickNanoseconds
    }

    /// The first tick at which an entry of `deadline` may fire: after the deadline, so that none fires early.
    @inlinable
    func tick(of deadline: MonotonicTime) -> UInt64 { deadline.nanoseconds / tickNanoseconds &+ 1 }

    /// Fires `token` in the first `advance` at or after `deadline`.
    @inlinable
    public mutating func add(_ token: Token, at deadline: MonotonicTime) {
        let tick = max(nextTick, tick(of: deadline))
        slots[Int(tick & UInt64(slots.count - 1))].append(Entry(deadline: deadline, token: token))
        entryCount += 1
        if tick < soonestTick { soonestTick = tick }
    }

    /// Appends the tokens that are due at `now` to `due`, at most `limit` of them.
    ///
    /// - Returns: true when more are due than `limit` let through; call again in the next turn.
    @inlinable
    public mutating func advance(to now: MonotonicTime, limit: Int, into due: inout ContiguousArray<Token>)
        -> Bool
    {
        let currentTick = now.nanoseconds / tickNanoseconds
        guard entryCount > 0, !isSoonestKnown || currentTick >= soonestTick else {
            nextTick = max(nextTick, currentTick)
            return false
        }
        isSoonestKnown = false
        // After a long sleep one look at every slot is enough.
        if currentTick > nextTick &+ UInt64(slots.count) { nextTick = currentTick - UInt64(slots.count) }
        var taken = 0
        while nextTick <= currentTick {
            let index = Int(nextTick & UInt64(slots.count - 1))
            if !slots[index].isEmpty {
                var kept: ContiguousArray<Entry> = []
                var isLimited = false
                for entry in slots[index] {
                    if entry.deadline > now {
                        kept.append(entry)
                    } else if taken < limit {
                        due.append(entry.token)
                        taken += 1
                        entryCount -= 1
                    } else {
                        kept.append(entry)
                        isLimited = true
                    }
                }
                slots[index] = kept
                if isLimited { return true }
            }
            nextTick += 1
        }
        // The current tick is not over: entries may still be added to it.
        nextTick = currentTick
        return false
    }

    /// Nanoseconds from `now` until the wheel should be advanced, at most `limit`; nil when nothing waits.
    @inlinable
    public mutating func nanosecondsUntilNext(from now: MonotonicTime, limit: UInt64) -> UInt64? {
        guard entryCount > 0 else { return nil }
        if !isSoonestKnown { findSoonest() }
        let (nanoseconds, overflow) = soonestTick.multipliedReportingOverflow(by: tickNanoseconds)
        return overflow ? limit : min(limit, MonotonicTime(nanoseconds: nanoseconds).nanoseconds(since: now))
    }

    /// Removes the entries that `isStale` holds for, and gives back the memory they had, among some `entryLimit` entries
    /// from where the last call ended.
    ///
    /// Nothing is cancelled when it ceases to matter, so an owner whose entries outlive their purpose looks through
    /// the wheel now and then, a part at a time.
    ///
    /// - Parameter entryLimit: no further slot is looked at after so many entries.
    /// - Returns: true when this call came round to the first slot.
    @inlinable
    public mutating func prune(entryLimit: Int, where isStale: (Token) -> Bool) -> Bool {
        var looked = 0
        while looked < entryLimit {
            let before = slots[pruneSlot].count
            if before > 0 {
                looked += before
                slots[pruneSlot].removeAll { isStale($0.token) }
                let left = slots[pruneSlot].count
                entryCount -= before - left
                // In a wheel of a minute the room of a thousand slots that were full once would add up to megabytes.
                if left < slots[pruneSlot].capacity / 2 {
                    var kept: ContiguousArray<Entry> = []
                    kept.reserveCapacity(left)
                    kept.append(contentsOf: slots[pruneSlot])
                    slots[pruneSlot] = kept
                }
            }
            pruneSlot = pruneSlot + 1 == slots.count ? 0 : pruneSlot + 1
            if pruneSlot == 0 { return true }
        }
        return false
    }

    /// Looks through the wheel once; entries added later only move the answer forward.
    @inlinable
    mutating func findSoonest() {
        isSoonestKnown = true
        for step in 0..<UInt64(slots.count) {
            let tick = nextTick &+ step
            for entry in slots[Int(tick & UInt64(slots.count - 1))]
            where self.tick(of: entry.deadline) <= tick {
                soonestTick = tick
                return
            }
        }
        // Everything is further away than one turn of the wheel: look again after one.
        soonestTick = nextTick &+ UInt64(slots.count)
    }
}
