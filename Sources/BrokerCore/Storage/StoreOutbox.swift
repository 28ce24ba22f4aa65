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
///     open batch ─ commit window over → resting batch ─ window over → outstanding ─ committed letter → (settled)
///         │                                 │
///         └──────── every copy in it died ──┴→ given up, unwritten (settled)
///
/// So each copy has at least the window in which it may be acknowledged before it is written; one batch alone would give
/// the last that came hardly any time, and a tenth of all copies was written that need not have been.
///
/// Invariants:
/// 1. All that one turn does to the store goes into one batch, and a batch is written as a whole or not at all.
/// 2. Batches of one loop are committed in the order of their numbers.
/// 3. The loop that stored a copy also removes it; so a removal never overtakes what it removes.
final class StoreOutbox {
    var open = StoreBatch()
    private(set) var openNumber: UInt64 = 1
    /// When the first entry came.
    var openedAt = MonotonicTime(nanoseconds: 0)
    /// Somebody waits for the commit and nothing can spare it: it is handed over at the end of the turn.
    var isUrgent = false
    /// The batch before, which takes nothing more and is not handed over yet.
    var resting: StoreBatch?
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
    var keeping = BodyKeeping.single
    var publisher: SessionHandle?
    var openRoute: HeldRoute?
    /// An empty batch with room.
    private var spare: StoreBatch?

    struct HeldRoute {
        let batch: UInt64
        let message: ApplicationMessage
        var targets: ContiguousArray<(target: SubscriptionTarget, ticket: StoreTicket)>
    }

    init(loopCount: Int) {
        removals = ContiguousArray(repeating: [], count: loopCount)
        hurries = ContiguousArray(repeating: false, count: loopCount)
    }

    /// The youngest batch that has something in it.
    var latestNumber: UInt64 { open.isEmpty && resting != nil ? restingNumber : openNumber }

    /// The number of the resting batch, whether there is one or not.
    private var restingNumber: UInt64 { openNumber &- 1 }

    /// Whether the copy is in a batch that was not handed over, if stored by this loop.
    func isHeld(_ ticket: StoreTicket) -> Bool {
        isOpen(ticket) || (resting != nil && ticket.batch == UInt32(truncatingIfNeeded: restingNumber))
    }

    /// Bytes of messages that were not handed over.
    var byteCount: Int { open.byteCount + (resting?.byteCount ?? 0) }

    func isSettled(_ wait: StoreWait) -> Bool {
        if wait.batch == openNumber { return wait.message >= 0 && open.isSettled(wait.message) }
        if let resting, wait.batch == restingNumber {
            return wait.message >= 0 && resting.isSettled(wait.message)
        }
        return !outstanding.contains(wait.batch)
    }

    func isCommitted(_ batch: UInt64) -> Bool {
        batch < openNumber && !(resting != nil && batch == restingNumber) && !outstanding.contains(batch)
    }

    /// Whether the copy was stored in the batch that is open, if by this loop.
    @inline(__always)
    func isOpen(_ ticket: StoreTicket) -> Bool { ticket.batch == UInt32(truncatingIfNeeded: openNumber) }

    /// The copy need not be written any more.
    ///
    /// - Returns: nil when it was handed over already.
    @inline(__always)
    func kill(_ ticket: StoreTicket) -> StoreBatch.Killed? {
        if isOpen(ticket) { return open.kill(ticket) }
        guard resting != nil, ticket.batch == UInt32(truncatingIfNeeded: restingNumber) else { return nil }
        return resting?.kill(ticket)
    }

    /// The copy was sent, before it was written.
    ///
    /// - Returns: false when it was handed over already.
    @inline(__always)
    func note(_ packetIdentifier: UInt16, of ticket: StoreTicket) -> Bool {
        if isOpen(ticket) { return open.note(packetIdentifier, of: ticket) }
        guard resting != nil, ticket.batch == UInt32(truncatingIfNeeded: restingNumber) else { return false }
        return resting?.note(packetIdentifier, of: ticket) ?? false
    }

    /// Begins a new open batch; the one that was open rests. There must be no resting one.
    func rest() {
        var batch = spare ?? StoreBatch()
        spare = nil
        swap(&batch, &open)
        resting = batch
        openNumber += 1
    }

    /// Takes the resting batch out, to be handed over.
    func takeResting() -> (number: UInt64, batch: StoreBatch)? {
        guard let batch = resting else { return nil }
        resting = nil
        outstanding.append(restingNumber)
        return (restingNumber, batch)
    }

    /// Takes the open batch out, to be handed over.
    func takeOpen() -> (number: UInt64, batch: StoreBatch) {
        defer { openNumber += 1 }
        outstanding.append(openNumber)
        var batch = StoreBatch()
        swap(&batch, &open)
        isUrgent = false
        return (openNumber, batch)
    }

    /// Forgets the resting batch, which has nothing to write.
    func giveUpResting() {
        guard var batch = resting else { return }
        resting = nil
        batch.removeAll()
        spare = batch  // its room serves the next
    }

    /// Forgets the open batch, which has nothing to write.
    func giveUpOpen() {
        open.removeAll()
        openNumber += 1
        isUrgent = false
    }

    func committed(_ number: UInt64) { outstanding.removeAll { $0 == number } }
}
