import DequeModule
import MQTTCodec
import Primitives

/// What an answer to a client waits for: `batch` must be committed, or before that no copy of its message `message`
/// must be left to be written.
struct StoreWait: Equatable {
    /// 0 = nothing to wait for.
    var batch: UInt64 = 0
    /// Index in the batch; -1: only the commit counts.
    var message: Int32 = -1
    /// The number of a message whose copies are given in later turns: all of them must have been given and committed; 0
    /// = of none.
    var fanOut: UInt64 = 0

    static let none = StoreWait()
    var isNone: Bool { batch == 0 && fanOut == 0 }
}

/// What one loop has to give to the store, and what waits for the store.
///
///     open batch ─ commit window over → resting batch ─ window over → outstanding ─ committed letter → (settled)
///         │                                 │
///         └──────── every copy in it died ──┴→ given up, unwritten (settled)
///
/// There are two batches so that each copy has at least one commit window in which it may be acknowledged before it is
/// written. With one batch, the last copies had hardly any time, and one copy in ten was written without need.
///
/// Invariants:
/// 1. All that one turn does to the store goes into one batch, and a batch is written as a whole or not at all.
/// 2. Batches of one loop are committed in the order of their numbers.
/// 3. The loop that stored a copy also removes it; so a removal never overtakes what it removes.
final class StoreOutbox {
    var open = StoreBatch()
    private(set) var openNumber: UInt64 = 1
    /// When the first entry was added.
    var openedAt = MonotonicTime(nanoseconds: 0)
    /// Somebody waits for the commit of the open batch, which an acknowledgement would not make unnecessary: the batch
    /// is handed over at the end of the turn.
    var isUrgent = false
    /// The batch before the open one. It takes nothing more and has not been handed over yet.
    var resting: StoreBatch?
    /// Batches that were handed over and are not committed, ascending.
    private(set) var outstanding: ContiguousArray<UInt64> = []
    /// What this loop still has to know of them, in the same order.
    private var handedOver: ContiguousArray<HandedOver> = []
    /// Sessions that wait for a batch, in the order of the batches.
    var waiters: Deque<(batch: UInt64, session: SessionHandle)> = []
    /// A `CommitSettling` is under way.
    var isSettling = false
    /// Publishers of messages that no copy needs any more.
    var settled: ContiguousArray<SessionHandle> = []
    var removals: RemovalExchange
    /// QoS 2 messages for sessions of other loops. They are posted when they are committed.
    var heldRoutes: Deque<HeldRoute> = []

    var floors: StoreFloors
    /// The open batch has only some copies of a message: it is not handed over before the rest has been added.
    var isPinned = false
    /// Messages whose copies were given in later turns and are in a batch that is not committed, in their order.
    private var endedFanOuts: Deque<(serial: UInt64, wait: StoreWait)> = []
    private var lastEndedFanOut: UInt64 = 0
    /// The message that was last given to another session than the one that its copy was made for, with its batch and
    /// its index there.
    var redelivered: (message: ApplicationMessage, batch: UInt64, index: Int32)?
    /// An empty batch, whose memory the next batch uses.
    private var spare: StoreBatch?

    struct HeldRoute {
        let batch: UInt64
        let message: ApplicationMessage
        var targets: ContiguousArray<(target: SubscriptionTarget, ticket: StoreTicket)>
    }

    /// A batch that was handed over.
    private struct HandedOver {
        let byteCount: Int
        let floors: ContiguousArray<UInt64>
        /// The batch's, which the store holds as well.
        let changes: ContiguousArray<StoreBatch.Change>
    }

    init(loopCount: Int) {
        removals = RemovalExchange(loopCount: loopCount)
        floors = StoreFloors(loopCount: loopCount)
    }

    /// Whether nothing is on its way to the store.
    var isEmpty: Bool { open.isEmpty && resting == nil && outstanding.isEmpty }

    /// The number of the last batch that has something in it.
    var latestNumber: UInt64 { open.isEmpty && resting != nil ? restingNumber : openNumber }

    /// The number of the resting batch, whether there is one or not.
    private var restingNumber: UInt64 { openNumber &- 1 }

    /// Whether the copy is in a batch that was not handed over. Only for copies that this loop has stored.
    func isHeld(_ ticket: StoreTicket) -> Bool {
        isOpen(ticket) || (resting != nil && ticket.batch == UInt32(truncatingIfNeeded: restingNumber))
    }

    /// Bytes of all that is on its way to the store: in the open batch, in the resting one, in batches that the store
    /// has not committed, and of removals that other loops have not committed.
    var byteCount: Int {
        open.byteCount &+ (resting?.byteCount ?? 0) &+ handedOverByteCount &+ removals.byteCount
    }
    private var handedOverByteCount = 0

    func isSettled(_ wait: StoreWait) -> Bool {
        if wait.fanOut != 0, !isFanOutSettled(wait.fanOut) { return false }
        if wait.batch == 0 { return true }
        if wait.batch == openNumber { return wait.message >= 0 && open.isSettled(wait.message) }
        if let resting, wait.batch == restingNumber {
            return wait.message >= 0 && resting.isSettled(wait.message)
        }
        return !isOutstanding(wait.batch)
    }

    /// Nothing is on its way.
    var isAllCommitted: Bool { open.isEmpty && resting == nil && outstanding.isEmpty }

    /// A binary search, for this is asked for each answer that waits.
    private func isOutstanding(_ batch: UInt64) -> Bool {
        guard let first = outstanding.first, batch >= first else { return false }
        var low = 0
        var high = outstanding.count
        while low < high {
            let middle = (low + high) / 2
            if outstanding[middle] < batch { low = middle + 1 } else { high = middle }
        }
        return low < outstanding.count && outstanding[low] == batch
    }

    func isCommitted(_ batch: UInt64) -> Bool {
        batch < openNumber && !(resting != nil && batch == restingNumber) && !isOutstanding(batch)
    }

    /// Whether the copy is in the open batch. Only for copies that this loop has stored.
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

    /// Notes the packet identifier of a copy that was sent before it was written.
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
        floors.rest()
        openNumber += 1
    }

    /// Takes the resting batch out, to be handed over.
    func takeResting() -> (number: UInt64, batch: StoreBatch)? {
        guard let batch = resting else { return nil }
        resting = nil
        outstanding.append(restingNumber)
        handedOverByteCount += batch.byteCount
        handedOver.append(
            HandedOver(byteCount: batch.byteCount, floors: floors.resting, changes: batch.changes))
        return (restingNumber, batch)
    }

    /// Takes the open batch out, to be handed over.
    func takeOpen() -> (number: UInt64, batch: StoreBatch) {
        defer { openNumber += 1 }
        outstanding.append(openNumber)
        var batch = StoreBatch()
        swap(&batch, &open)
        isUrgent = false
        handedOverByteCount += batch.byteCount
        handedOver.append(
            HandedOver(byteCount: batch.byteCount, floors: floors.open, changes: batch.changes))
        floors.forgetOpen()
        return (openNumber, batch)
    }

    /// Forgets the resting batch, which has nothing to write.
    func giveUpResting() {
        guard var batch = resting else { return }
        resting = nil
        floors.haveChanged = true
        batch.removeAll()
        spare = batch  // its room serves the next
    }

    /// Forgets the open batch, which has nothing to write.
    func giveUpOpen() {
        open.removeAll()
        floors.forgetOpen()
        openNumber += 1
        isUrgent = false
    }

    func committed(_ number: UInt64) {
        guard let index = outstanding.firstIndex(of: number) else { return }
        outstanding.remove(at: index)
        handedOverByteCount -= handedOver.remove(at: index).byteCount
        floors.haveChanged = true
    }

    // MARK: Messages that were put off

    /// The last copy of the message `serial` has been given. Its acknowledgement now waits for `wait`.
    func fanOutEnded(_ serial: UInt64, _ wait: StoreWait) {
        lastEndedFanOut = serial
        if !wait.isNone { endedFanOuts.append((serial, wait)) }
    }

    private func isFanOutSettled(_ serial: UInt64) -> Bool {
        guard serial <= lastEndedFanOut else { return false }
        while let first = endedFanOuts.first, isCommitted(first.wait.batch) { endedFanOuts.removeFirst() }
        var (low, high) = (0, endedFanOuts.count)
        while low < high {
            let middle = (low + high) / 2
            if endedFanOuts[middle].serial < serial { low = middle + 1 } else { high = middle }
        }
        guard low < endedFanOuts.count, endedFanOuts[low].serial == serial else { return true }
        return isSettled(endedFanOuts[low].wait)
    }

    // MARK: The horizon

    /// The lowest number of a copy for `loop` that is not committed; `.max` = there is none.
    func floor(for loop: Int) -> UInt64 {
        var floor = floors.open[loop]
        if resting != nil { floor = min(floor, floors.resting[loop]) }
        for batch in handedOver { floor = min(floor, batch.floors[loop]) }
        return floor
    }

    // MARK: Removals at other loops

    /// A letter with removals has come from `loop`, and its removals are in the last batch.
    func noteRemovals(_ serial: UInt64, from loop: Int) {
        let batch = open.isEmpty ? (resting != nil ? restingNumber : openNumber - 1) : openNumber
        removals.marks.append((loop, serial, batch))
    }

    /// Calls `body` with session and number of each copy whose removal may not be committed.
    func forEachUncommittedRemoval(_ body: (UInt64, UInt64) -> Void) {
        func look(_ changes: ContiguousArray<StoreBatch.Change>) {
            for case .removeCopy(let session, let number, _, _) in changes { body(session, number) }
        }
        for batch in handedOver { look(batch.changes) }
        if let resting { look(resting.changes) }
        look(open.changes)
        removals.forEach(body)
    }
}
