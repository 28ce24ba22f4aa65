import Synchronization

/// How far the copies that one loop stores have got. Written by that loop, read by all others, never waited for.
///
///     numbers of stored messages →
///     ──────────────┬──────────────────────────┬───────────→
///      settled      │ noted, not committed or  │ not given
///                   │ not posted               │
///               floor (by loop)        Broker.lastStoreNumber
///
/// Every copy with a number below the floor that is for a session of a loop is committed, or died before it was written,
/// and was posted to that loop. So a loop that has looked at all floors, and then has emptied its mailbox, may read the
/// store up to the lowest of them: nothing that it finds there can still arrive. No loop answers for that, so one that is
/// busy holds up what it has stored itself, and nothing else.
///
/// Why a floor cannot be read too late: a loop raises `taking` before it takes a number, and others look at the last
/// number before they look at `taking`. Whoever does not see `taking` has seen a last number below the one that is taken.
final class StoreHorizon: Sendable {
    /// A loop at the other end.
    private final class Pair: Sendable {
        /// The lowest number of a copy for it that is not settled; `.max` = there is none.
        let floor = Atomic<UInt64>(.max)
        /// It wants a letter when the floor has risen.
        let isAwaited = Atomic<Bool>(false)
        /// The last of its letters with removals whose removals are committed.
        let removalsCommitted = Atomic<UInt64>(0)
    }

    /// No number that the loop takes in this turn is lower; `.max` = it has taken none. The loops they are for are known
    /// at the end of the turn.
    private let taking = Atomic<UInt64>(.max)
    private let pairs: [Pair]

    init(loopCount: Int) { pairs = (0..<loopCount).map { _ in Pair() } }

    // MARK: The loop's side

    /// To be called before the first number of a turn is taken.
    ///
    /// - Parameter lowest: no number above the last one is lower.
    func beginTaking(_ lowest: UInt64) { taking.store(lowest, ordering: .sequentiallyConsistent) }

    /// All floors were set: they stand for what was taken.
    func endTaking() { taking.store(.max, ordering: .sequentiallyConsistent) }

    /// To be called when all copies for `loop` below `floor` are committed and posted.
    ///
    /// - Returns: whether `loop` wants to know.
    func set(_ floor: UInt64, for loop: Int) -> Bool {
        pairs[loop].floor.store(floor, ordering: .sequentiallyConsistent)
        return takeAwaited(loop)
    }

    private func takeAwaited(_ loop: Int) -> Bool {
        pairs[loop].isAwaited.load(ordering: .sequentiallyConsistent)
            && pairs[loop].isAwaited.exchange(false, ordering: .sequentiallyConsistent)
    }

    /// - Returns: whether `loop` wants to know.
    func setRemovalsCommitted(_ serial: UInt64, from loop: Int) -> Bool {
        pairs[loop].removalsCommitted.store(serial, ordering: .sequentiallyConsistent)
        return takeAwaited(loop)
    }

    // MARK: The others' side

    /// The lowest number that may still be on its way to `loop`; `.max` = there is none.
    func floor(for loop: Int) -> UInt64 {
        // In this order: what is taken is a floor before it is no longer taken.
        let taking = taking.load(ordering: .sequentiallyConsistent)
        return min(taking, pairs[loop].floor.load(ordering: .sequentiallyConsistent))
    }

    /// `loop` wants a letter when its floor rises. It must look at the floor once more after that.
    func await(for loop: Int) { pairs[loop].isAwaited.store(true, ordering: .sequentiallyConsistent) }

    /// The last letter with removals from `loop` whose removals are committed.
    func removalsCommitted(from loop: Int) -> UInt64 {
        pairs[loop].removalsCommitted.load(ordering: .sequentiallyConsistent)
    }
}
