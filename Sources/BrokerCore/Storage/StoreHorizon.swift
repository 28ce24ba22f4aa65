import Synchronization

/// Up to which number the copies that one loop stores are committed and posted. That loop writes it, all others read
/// it, and nobody waits for anybody.
///
///     numbers of stored messages →
///     ──────────────┬──────────────────────────┬───────────→
///      settled      │ noted, not committed or  │ not given
///                   │ not posted               │
///               floor (by loop)        Broker.lastStoreNumber
///
/// There is a floor for each other loop. Every copy for a session of that loop with a number below the floor is
/// committed, or was removed before it was written, and was posted to that loop. So a loop that has looked at all
/// floors, and has then emptied its mailbox, may read the store up to the lowest of them: no copy that it finds there
/// can still arrive. No loop has to answer for that, so a busy loop delays only copies that it has stored itself.
///
/// Why no number is missed: a loop sets `taking` before it takes a number, and others read the last number that was
/// given before they read `taking`. A loop that does not see `taking` has read a last number below the one that is
/// being taken.
final class StoreHorizon: Sendable {
    /// What concerns one other loop.
    private final class Pair: Sendable {
        /// The lowest number of a copy for it that is not settled; `.max` = there is none.
        let floor = Atomic<UInt64>(.max)
        /// It wants a letter when its floor has risen.
        let isAwaited = Atomic<Bool>(false)
        /// The number of its last letter with removals whose removals are committed.
        let removalsCommitted = Atomic<UInt64>(0)
    }

    /// The loop takes no lower number in this turn; `.max` = it has taken none. For which loops the numbers are is
    /// published at the end of the turn.
    private let taking = Atomic<UInt64>(.max)
    private let pairs: [Pair]

    init(loopCount: Int) { pairs = (0..<loopCount).map { _ in Pair() } }

    // MARK: The loop's side

    /// To be called before the first number of a turn is taken.
    ///
    /// - Parameter lowest: the number after the last one that was given.
    func beginTaking(_ lowest: UInt64) { taking.store(lowest, ordering: .sequentiallyConsistent) }

    /// All floors are set and include the numbers that were taken.
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
        // In this order: the loop sets its floors before it resets `taking`.
        let taking = taking.load(ordering: .sequentiallyConsistent)
        return min(taking, pairs[loop].floor.load(ordering: .sequentiallyConsistent))
    }

    /// `loop` wants a letter when its floor rises. It must look at the floor once more after that.
    func requestNotice(for loop: Int) { pairs[loop].isAwaited.store(true, ordering: .sequentiallyConsistent) }

    /// The number of the last letter with removals from `loop` whose removals are committed.
    func removalsCommitted(from loop: Int) -> UInt64 {
        pairs[loop].removalsCommitted.load(ordering: .sequentiallyConsistent)
    }
}
