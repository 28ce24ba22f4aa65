import DequeModule
import MQTTCodec
import Primitives

/// A condition on the store: `batch` must be committed, or, sooner, no copy of its message `message` must need it.
struct StoreWait: Equatable {
    /// 0 = nothing to wait for.
    var batch: UInt64 = 0
    /// Index in the batch; -1: only the commit counts.
    var message: Int32 = -1

    static let none = StoreWait()
    var isNone: Bool { batch == 0 }
}

/// What one loop has for the store, and what waits for it.
///
///     open batch ─ hand over → outstanding ─ committed letter → (settled)
///         │
///         └ every copy in it died → given up, unwritten (settled)
///
/// Invariants:
/// 1. All that one turn does to the store goes into one batch, and a batch is written as a whole or not at all.
/// 2. Batches of one loop are committed in the order of their numbers.
/// 3. The loop that stored a copy also removes it; so a removal never overtakes what it removes.
struct StoreOutbox {
    var open = StoreBatch()
    private(set) var openNumber: UInt64 = 1
    /// When the first entry came.
    var openedAt = MonotonicTime(nanoseconds: 0)
    /// Somebody waits for the commit and nothing can spare it: it is handed over at the end of the turn.
    var isUrgent = false
    /// Batches that were handed over and are not committed, ascending.
    private(set) var outstanding: ContiguousArray<UInt64> = []
    /// Who waits for which batch, ascending.
    var waiters: Deque<(batch: UInt64, session: SessionHandle)> = []
    /// Publishers of messages that no copy needs any more.
    var settled: ContiguousArray<SessionHandle> = []
    /// By loop: copies stored there that are not needed any more.
    var removals: ContiguousArray<ContiguousArray<StoreRemoval>>
    /// By loop: it stored copies for clients that are away.
    var hurries: ContiguousArray<Bool>
    /// Removals that must not be written before a batch is committed: another copy replaces what they remove.
    var lateRemovals: Deque<(batch: UInt64, removal: StoreRemoval)> = []
    /// QoS 2 messages for other loops, which get them once they are committed.
    var heldRoutes: Deque<HeldRoute> = []

    // The publication that is being routed.
    var isRouting = false
    /// Its index in the open batch; -1 = none of its copies is kept so far.
    var routedMessage: Int32 = -1
    var routedNumber: UInt64 = 0
    var keepsSeveral = false
    var publisher: SessionHandle?
    var openRoute: HeldRoute?

    struct HeldRoute {
        let batch: UInt64
        let message: ApplicationMessage
        var targets: ContiguousArray<(target: SubscriptionTarget, ticket: StoreTicket)>
    }

    init(loopCount: Int) {
        removals = ContiguousArray(repeating: [], count: loopCount)
        hurries = ContiguousArray(repeating: false, count: loopCount)
    }

    func isSettled(_ wait: StoreWait) -> Bool {
        if wait.batch == openNumber { return wait.message >= 0 && open.isSettled(wait.message) }
        return !outstanding.contains(wait.batch)
    }

    /// Whether the copy was stored in the batch that is open, if by this loop.
    @inline(__always)
    func isOpen(_ ticket: StoreTicket) -> Bool { ticket.batch == UInt32(truncatingIfNeeded: openNumber) }

    func isCommitted(_ batch: UInt64) -> Bool { batch < openNumber && !outstanding.contains(batch) }

    /// Takes the open batch out, to be handed over.
    mutating func takeOpen() -> (number: UInt64, batch: StoreBatch) {
        defer { openNumber += 1 }
        outstanding.append(openNumber)
        var batch = StoreBatch()
        swap(&batch, &open)
        isUrgent = false
        return (openNumber, batch)
    }

    /// Forgets the open batch, which has nothing to write.
    mutating func giveUpOpen() {
        open.removeAll()
        openNumber += 1
        isUrgent = false
    }

    mutating func committed(_ number: UInt64) { outstanding.removeAll { $0 == number } }
}
