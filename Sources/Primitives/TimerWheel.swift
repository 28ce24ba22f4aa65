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
package struct TimerWheel<Token> {
    private struct Entry {
        var deadline: MonotonicTime
        var token: Token
    }

    private var slots: ContiguousArray<ContiguousArray<Entry>>
    private let tickNanoseconds: UInt64
    private var nextTick: UInt64
    /// Entries waiting.
    package private(set) var count = 0

    /// - Parameters:
    ///   - tickMilliseconds: how late an entry may fire; not 0.
    ///   - slotCount: a power of two.
    package init(start: MonotonicTime, tickMilliseconds: UInt64 = 50, slotCount: Int = 1024) {
        precondition(slotCount > 0 && slotCount & (slotCount - 1) == 0 && tickMilliseconds > 0)
        slots = ContiguousArray(repeating: [], count: slotCount)
        tickNanoseconds = tickMilliseconds * 1_000_000
        nextTick = start.nanoseconds / tickNanoseconds
    }

    /// Fires `token` in the first `advance` at or after `deadline`.
    package mutating func add(_ token: Token, at deadline: MonotonicTime) {
        // The tick after the deadline, so that an entry never fires early.
        let tick = max(nextTick, deadline.nanoseconds / tickNanoseconds &+ 1)
        slots[Int(tick & UInt64(slots.count - 1))].append(Entry(deadline: deadline, token: token))
        count += 1
    }

    /// Appends the tokens that are due at `now` to `due`, at most `limit` of them.
    ///
    /// - Returns: true when more are due than `limit` let through; call again in the next turn.
    package mutating func advance(to now: MonotonicTime, limit: Int, into due: inout ContiguousArray<Token>) -> Bool {
        let currentTick = now.nanoseconds / tickNanoseconds
        guard count > 0 else {
            nextTick = max(nextTick, currentTick)
            return false
        }
        // After a long sleep one look at every slot is enough.
        if currentTick > nextTick &+ UInt64(slots.count) { nextTick = currentTick - UInt64(slots.count) }
        var taken = 0
        while nextTick <= currentTick {
            let index = Int(nextTick & UInt64(slots.count - 1))
            if !slots[index].isEmpty {
                var kept: ContiguousArray<Entry> = []
                for entry in slots[index] {
                    if entry.deadline <= now, taken < limit {
                        due.append(entry.token)
                        taken += 1
                        count -= 1
                    } else {
                        kept.append(entry)
                    }
                }
                slots[index] = kept
                if taken == limit, kept.contains(where: { $0.deadline <= now }) { return true }
            }
            nextTick += 1
        }
        // The current tick is not over: entries may still be added to it.
        nextTick = currentTick
        return false
    }

    /// Nanoseconds from `now` until the wheel should be advanced, at most `limit`; nil when nothing waits.
    package func nanosecondsUntilNext(from now: MonotonicTime, limit: UInt64) -> UInt64? {
        guard count > 0 else { return nil }
        let turns = min(UInt64(slots.count), limit / tickNanoseconds + 1)
        for step in 0..<turns {
            let tick = nextTick &+ step
            let slot = slots[Int(tick & UInt64(slots.count - 1))]
            let due = slot.contains { $0.deadline.nanoseconds / tickNanoseconds < tick }
            guard due else { continue }
            return MonotonicTime(nanoseconds: tick * tickNanoseconds).nanoseconds(since: now)
        }
        return limit
    }
}
