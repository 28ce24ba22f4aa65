import BrokerMetrics
import DequeModule
import Logging
import MQTTCodec
import Primitives

/// How a loop uses the store. With a store that stores nothing, each of these functions returns at its first check.
///
/// A copy for a session that outlives its connection is added to the open batch. The batch is handed over at the end of
/// the turn if somebody waits for its commit and an acknowledgement would not make it unnecessary (a client that is
/// away, QoS 2, SUBSCRIBE). Otherwise it is handed over after `storeCommitWindow`, so that a copy which its subscriber
/// acknowledges within that time is never written.
extension Shard {
    // MARK: Copies

    /// To be called before the copies of a message are given to its subscribers.
    ///
    /// - Parameter publisher: the session whose held answers are looked at when no copy of the message needs the store
    ///   any more.
    @inline(__always)
    func beginStoring(_ publication: inout Publication, publisher: SessionHandle?) {
        publication.storing.isActive = true
        publication.storing.publisher = publisher
    }

    /// Bytes. Where a session may get several copies of a message, messages up to this size are stored in the row of
    /// each copy, for that takes one row for each, and a shared body takes three.
    private static let smallByteCount = 1024

    /// To be called before a copy is given to another session than the one that it was made for. A session that ends
    /// may have very many copies of one message, and one other session may get them all: they share one stored body, as
    /// the first ones did.
    func beginRedelivery(of message: ApplicationMessage, as publication: inout Publication) {
        guard isStoring else { return }
        beginStoring(&publication, publisher: nil)
        publication.storing.keeping = .numberForEach
        if let last = outbox.redelivered, last.message === message, last.batch == outbox.openNumber {
            publication.storing.message = last.index
        }
    }

    func endRedelivery(of message: ApplicationMessage, as publication: inout Publication) {
        guard isStoring else { return }
        let index = publication.storing.message
        outbox.redelivered = index < 0 ? nil : (message, outbox.openNumber, index)
        endStoring(&publication)
    }

    /// To be called when its copies have been given.
    @inline(__always)
    func endStoring(_ publication: inout Publication) {
        if let route = publication.storing.route.take() {
            counters.add(.ledgerPosted, route.targets.count)
            outbox.heldRoutes.append(route)
        }
    }

    /// Stores a copy for a session.
    ///
    /// - Parameters:
    ///   - session: the session's number in the store.
    ///   - loop: the session's home loop; nil = this one.
    @inline(__always)
    func storeCopy(
        _ publication: inout Publication, session: UInt64, terms: DeliveryTerms, loop: Int? = nil
    ) -> StoreTicket {
        if outbox.open.isEmpty, outbox.resting == nil { outbox.openedAt = now }
        var message: Int32 = -1
        var number: UInt64 = 0
        if publication.storing.isActive, publication.storing.message >= 0,
            publication.storing.keeping != .numberForEach
        {
            message = publication.storing.message
            number = publication.storing.number
            if outbox.open.isSettled(message) { outbox.open.revive(message, publication.sharedMessage()) }
        } else {
            willTakeStoreNumber()
            let isShared =
                publication.storing.isActive
                && (publication.storing.keeping == .shared
                    || (publication.storing.keeping == .numberForEach
                        && publication.byteCount > Self.smallByteCount))
            number = broker.takeStoreNumber(isShared: isShared)
            let first = isShared && publication.storing.message >= 0 ? publication.storing.message : nil
            message = outbox.open.add(
                publication.sharedMessage(), number: number, body: first,
                publisher: publication.storing.isActive ? publication.storing.publisher : nil)
            if publication.storing.isActive, publication.storing.message < 0 {
                publication.storing.message = message
                publication.storing.number = number
            }
        }
        outbox.floors.noteCopy(number, for: loop ?? index)
        // A QoS 2 copy gets its identifier when it is sent, which is after a commit in any case.
        let identifier = terms.qos == .atLeastOnce ? broker.identifiers.take(session) : 0
        let place = outbox.open.addCopy(
            of: message, session: session, terms: terms, identifier: identifier)
        counters.add(.storeCopies)
        counters.move(.storedCopies, by: 1)
        return StoreTicket(
            number: number, batch: UInt32(truncatingIfNeeded: outbox.openNumber), index: place,
            loop: UInt16(truncatingIfNeeded: index), identifier: identifier)
    }

    /// The copy is not needed any more: acknowledged, dropped or refused.
    ///
    /// - Parameter session: the session's number in the store.
    @inline(__always)
    func unstore(
        _ ticket: StoreTicket, session: UInt64, expiryDeadline: MonotonicTime?, flight: FlightNote = .none
    ) {
        guard ticket.isStored else { return }
        let removal = StoreRemoval(
            ticket: ticket, session: session, expiryDeadline: expiryDeadline, flight: flight)
        if Int(ticket.loop) == index {
            remove(removal)
        } else {
            outbox.removals.append(removal, for: Int(ticket.loop))
            // This loop gave the packet identifier to the store in a batch that may be written after the removal.
            // Without this change the row would stay.
            if flight == .written, !outbox.isAllCommitted {
                note(.removeFlight(session: session, number: ticket.number))
            }
        }
    }

    /// Removes a copy that this loop has stored.
    func remove(_ removal: StoreRemoval) {
        counters.move(.storedCopies, by: -1)
        if let killed = outbox.kill(removal.ticket) {
            counters.add(.storeElided)
            if let publisher = killed.publisher { outbox.settled.append(publisher) }
            if removal.flight == .written {
                note(.removeFlight(session: removal.session, number: removal.ticket.number))
            }
            return
        }
        note(removal.change)
    }

    /// As `unstore`, but after the open batch is committed, for that batch has the copy that replaces this one.
    func removeLate(_ removal: StoreRemoval) {
        guard removal.ticket.isStored else { return }
        if outbox.open.isEmpty, outbox.resting == nil {
            unstore(
                removal.ticket, session: removal.session, expiryDeadline: removal.expiryDeadline,
                flight: removal.flight)
        } else {
            outbox.removals.late.append((outbox.latestNumber, removal))
        }
    }

    // MARK: Changes

    /// Notes a change in the open batch.
    func note(_ change: StoreBatch.Change) {
        if outbox.open.isEmpty, outbox.resting == nil { outbox.openedAt = now }
        outbox.open.append(change)
    }

    /// Notes the will of a client whose session is not stored.
    func note(_ will: StoredWill) {
        if outbox.open.isEmpty, outbox.resting == nil { outbox.openedAt = now }
        outbox.open.add(will)
    }

    /// The will with this number is not needed any more. If it was not handed over, it is never written.
    func forgetWill(_ number: UInt64) {
        if outbox.open.forgetWill(number) || outbox.resting?.forgetWill(number) == true { return }
        note(.forgetWill(number))
    }

    /// As `note`, and the batch is handed over at the end of this turn.
    ///
    /// - Returns: what an answer that promises the change has to wait for.
    func noteUrgently(_ change: StoreBatch.Change) -> StoreWait {
        note(change)
        outbox.isUrgent = true
        return StoreWait(batch: outbox.openNumber)
    }

    /// Calls the session's `storeCommitted` when `batch` is committed or given up. A session that already waits for a
    /// later batch is not told of this one by itself.
    func tellOfCommit(of batch: UInt64, _ session: Session) {
        guard session.beginWait(for: batch) else { return }
        outbox.waiters.append((batch, session.handle))
    }

    /// The subscriber will not acknowledge the copy soon, so its batch is handed over at the end of the turn.
    func hurry(_ ticket: StoreTicket) {
        if Int(ticket.loop) == index {
            if outbox.isHeld(ticket) { outbox.isUrgent = true }
        } else {
            outbox.removals.hurries[Int(ticket.loop)] = true
        }
    }

    // MARK: Batches

    /// At the end of a turn: sends the answers that need to wait no more, and hands the open batch over when it is
    /// time.
    func storeTurnEnded() {
        while !outbox.settled.isEmpty {
            var settled: ContiguousArray<SessionHandle> = []
            swap(&settled, &outbox.settled)
            for handle in settled { session(handle)?.sendHeldAnswers() }
        }
        if !outbox.isPinned { handOverWhatIsDue() }
        postRemovals()
        publishHorizon()
        lookAtHorizon()
        resumeAfterStore()
        routing.fanOuts.resume(on: self)
    }

    private func handOverWhatIsDue() {
        if outbox.resting?.isIdle == true {
            outbox.giveUpResting()
            batchesSettled()
        }
        if outbox.resting == nil, outbox.open.isIdle, !outbox.open.isEmpty {
            outbox.giveUpOpen()
            batchesSettled()
        }
        if isHandOverDue { if outbox.isUrgent { handOver() } else { turnOver() } }
    }

    /// A batch is to be handed over at the end of this turn.
    var isHandOverDue: Bool {
        outbox.outstanding.isEmpty && (!outbox.open.isEmpty || outbox.resting != nil)
            && (outbox.isUrgent || isWindowOver)
    }

    private func postRemovals() {
        for loop in outbox.removals.waiting.indices
        where !outbox.removals.waiting[loop].isEmpty || outbox.removals.hurries[loop] {
            trimRemovals(loop)
            let sent = outbox.removals.take(for: loop)
            links.post(
                .storeRemovals(
                    sent.removals, from: index, serial: sent.serial, isUrgent: outbox.removals.hurries[loop]),
                loop)
            outbox.removals.hurries[loop] = false
        }
    }

    /// Loop `loop` does not need these copies any more, which this loop has stored.
    func remove(_ removals: ContiguousArray<StoreRemoval>, from loop: Int, serial: UInt64) {
        for removal in removals { remove(removal) }
        if !removals.isEmpty { outbox.noteRemovals(serial, from: loop) }
    }

    /// The commit window of the open batch is over: it becomes the resting batch, and the one that rested is handed
    /// over.
    private func turnOver() {
        if let (number, batch) = outbox.takeResting() { commit(number, batch) }
        if !outbox.open.isEmpty { outbox.rest() }
        outbox.openedAt = now
    }

    private var isWindowOver: Bool {
        now.nanoseconds(since: outbox.openedAt) >= settings.store.commitWindow * 1_000_000
            || outbox.open.copies.count >= Self.openBatchLength
    }

    /// Copies in one batch, dead ones included. A larger batch would only take memory.
    private static let openBatchLength = 32_768

    /// Nanoseconds for which the loop may sleep, as far as the store is concerned: until the open batch must be handed
    /// over, or the first loop must ask for expired messages; nil = any time.
    func storeSleepLimit(_ now: MonotonicTime) -> UInt64? {
        if !outbox.settled.isEmpty { return 0 }
        var limit: UInt64?
        if index == 0 { limit = storage.dueLookAt.nanoseconds(since: now) }
        if !outbox.open.isEmpty || outbox.resting != nil, outbox.outstanding.isEmpty {
            let window = settings.store.commitWindow * 1_000_000
            limit = min(limit ?? .max, window - min(window, now.nanoseconds(since: outbox.openedAt)))
        }
        return limit
    }

    /// Hands the resting and the open batch to the store.
    func handOver() {
        outbox.isUrgent = false
        if let (number, batch) = outbox.takeResting() { commit(number, batch) }
        guard !outbox.open.isEmpty else { return }
        let (number, batch) = outbox.takeOpen()
        commit(number, batch)
    }

    private func commit(_ number: UInt64, _ batch: StoreBatch) {
        counters.add(.storeBatches)
        var batch = batch
        batch.retainedMessages = broker.retained
        let post = links.post
        let index = index
        broker.store.commit(batch) { post(.committed(number), index) }
    }

    /// The store has written a batch of this loop.
    func committed(_ number: UInt64) {
        outbox.committed(number)
        batchesSettled()
    }

    /// A batch is committed, or was given up because nothing in it had to be written. What waited for it goes on, in
    /// this turn or in later ones.
    private func batchesSettled() {
        guard !outbox.isSettling else { return }
        outbox.isSettling = true
        perform(CommitSettling())
    }

    /// The loops end. Hands over all that is not handed over yet; the store writes it before it closes.
    package func storeShutDown() {
        guard isStoring else { return }
        routing.fanOuts.finishBegun(on: self)
        // The other loop may have ended, so this loop removes its copies. The order no longer matters, because all
        // batches have been handed over.
        for removal in outbox.removals.takeAll() { note(removal.change) }
        // The copies that replace these are in an earlier batch, or in this one.
        while let late = outbox.removals.late.popFirst() { note(late.removal.change) }
        handOver()
    }

    // MARK: Failure

    /// Whether the store takes no writes now and the client asks for a new session that would have to be stored. A
    /// session that is already stored can be resumed.
    func isUnstorable(_ attempt: ConnectAttempt) -> Bool {
        guard isStoring, broker.store.health.isFailing, attempt.sessionExpiryInterval != 0 else {
            return false
        }
        return attempt.cleanStart || session(attempt.subscriber)?.isKept != true
    }
}

extension StoreRemoval {
    var change: StoreBatch.Change {
        .removeCopy(
            session: session, number: ticket.number, expiryDeadline: expiryDeadline,
            hasFlightRow: flight != .none)
    }
}
