import BrokerMetrics
import DequeModule
import Logging
import MQTTCodec
import Primitives

/// A loop's dealings with the store. With a store that keeps nothing, each of these is one branch.
///
/// A copy for a session that lasts is noted in the open batch. The batch is handed over at the end of the turn when
/// somebody waits who is not helped by an acknowledgement (a client that is away, QoS 2, SUBSCRIBE); else after
/// `storeCommitWindow`, so that what a subscriber acknowledges quickly is never written.
extension Shard {
    // MARK: Copies

    /// A message begins its way to its subscribers.
    ///
    /// - Parameter publisher: who is told when no copy of it needs the store any more.
    @inline(__always)
    func beginRouting(publisher: SessionHandle?) {
        outbox.isRouting = true
        outbox.routedMessage = -1
        outbox.publisher = publisher
    }

    /// Messages up to this size are stored in the row of each copy where a session may get several of them: one row is less
    /// than three.
    private static let smallByteCount = 1024

    /// A copy is about to be given to another session than the one it was made for. The session that ends may have very many
    /// of one message, and one heir for all: those share a body as the first ones did.
    func beginRedelivery(of message: ApplicationMessage) {
        guard isStoring else { return }
        beginRouting(publisher: nil)
        outbox.keeping = .apart
        if let last = outbox.redelivered, last.message === message, last.batch == outbox.openNumber {
            outbox.routedMessage = last.index
        }
    }

    func endRedelivery(of message: ApplicationMessage) {
        guard isStoring else { return }
        let index = outbox.routedMessage
        outbox.redelivered = index < 0 ? nil : (message, outbox.openNumber, index)
        endRouting()
    }

    func endRouting() {
        outbox.isRouting = false
        if let route = outbox.openRoute {
            counters.add(.ledgerPosted, route.targets.count)
            outbox.heldRoutes.append(route)
            outbox.openRoute = nil
        }
    }

    /// Keeps a copy for the session with number `session` in the store.
    ///
    /// - Parameter loop: where the session lives; nil = here.
    @inline(__always)
    func storeCopy(
        _ publication: inout Publication, session: UInt64, terms: DeliveryTerms, loop: Int? = nil
    ) -> StoreTicket {
        if outbox.open.isEmpty, outbox.resting == nil { outbox.openedAt = now }
        var message: Int32 = -1
        var number: UInt64 = 0
        if outbox.isRouting, outbox.routedMessage >= 0, outbox.keeping != .apart {
            message = outbox.routedMessage
            number = outbox.routedNumber
            if outbox.open.isSettled(message) { outbox.open.revive(message, publication.sharedMessage()) }
        } else {
            willTakeStoreNumber()
            let isShared =
                outbox.isRouting
                && (outbox.keeping == .shared
                    || (outbox.keeping == .apart && publication.byteCount > Self.smallByteCount))
            number = broker.takeStoreNumber(isShared: isShared)
            let first = isShared && outbox.routedMessage >= 0 ? outbox.routedMessage : nil
            message = outbox.open.add(
                publication.sharedMessage(), number: number, body: first,
                publisher: outbox.isRouting ? outbox.publisher : nil)
            if outbox.isRouting, outbox.routedMessage < 0 {
                outbox.routedMessage = message
                outbox.routedNumber = number
            }
        }
        outbox.noteCopy(number, for: loop ?? index)
        // QoS 2 gets one as it is sent, which is after a commit in any case.
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
            outbox.append(removal, for: Int(ticket.loop))
            // This loop gave its identifier to the store, in a batch that may be written after the removal: it would stay.
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

    /// As `unstore`, once the open batch is committed: a copy for somebody else is in it, in place of this one.
    func removeLate(_ removal: StoreRemoval) {
        guard removal.ticket.isStored else { return }
        if outbox.open.isEmpty, outbox.resting == nil {
            unstore(
                removal.ticket, session: removal.session, expiryDeadline: removal.expiryDeadline,
                flight: removal.flight)
        } else {
            outbox.lateRemovals.append((outbox.latestNumber, removal))
        }
    }

    // MARK: Changes

    /// Notes a change in the open batch.
    func note(_ change: StoreBatch.Change) {
        if outbox.open.isEmpty, outbox.resting == nil { outbox.openedAt = now }
        outbox.open.append(change)
    }

    /// Notes the will of a client whose session is not kept.
    func note(_ will: StoredWill) {
        if outbox.open.isEmpty, outbox.resting == nil { outbox.openedAt = now }
        outbox.open.add(will)
    }

    /// The will with this number is of no use any more. One that was not handed over is never written.
    func forgetWill(_ number: UInt64) {
        if outbox.open.forgetWill(number) || outbox.resting?.forgetWill(number) == true { return }
        note(.forgetWill(number))
    }

    /// As `note`, and the batch is handed over at the end of this turn.
    ///
    /// - Returns: what tells that it is committed.
    func noteUrgently(_ change: StoreBatch.Change) -> StoreWait {
        note(change)
        outbox.isUrgent = true
        return StoreWait(batch: outbox.openNumber)
    }

    /// Tells `session` once `batch`, which is not settled, is committed or given up. An older batch that is waited for
    /// behind a younger one is told of with it.
    func awaitCommit(of batch: UInt64, _ session: Session) {
        guard session.awaitedBatch < batch else { return }
        session.awaitedBatch = batch
        outbox.waiters.append((batch, session.handle))
    }

    /// Nobody will acknowledge the copy soon: the batch it is in is written at the end of the turn.
    func hurry(_ ticket: StoreTicket) {
        if Int(ticket.loop) == index {
            if outbox.isHeld(ticket) { outbox.isUrgent = true }
        } else {
            outbox.hurries[Int(ticket.loop)] = true
        }
    }

    // MARK: Batches

    /// At the end of a turn: releases what is settled, and hands the open batch over when it is time.
    func storeTurnEnded() {
        while !outbox.settled.isEmpty {
            var settled: ContiguousArray<SessionHandle> = []
            swap(&settled, &outbox.settled)
            for handle in settled { session(handle)?.releaseHeldAnswers() }
        }
        if !outbox.isPinned { handOverWhatIsDue() }
        postRemovals()
        publishHorizon()
        lookAtHorizon()
        releaseHeldForStore()
        fanOuts.resume(on: self)
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
        for loop in outbox.removals.indices where !outbox.removals[loop].isEmpty || outbox.hurries[loop] {
            trimRemovals(loop)
            let sent = outbox.takeRemovals(loop)
            links.post(
                .storeRemovals(
                    sent.removals, from: index, serial: sent.serial, isUrgent: outbox.hurries[loop]), loop)
            outbox.hurries[loop] = false
        }
    }

    /// Copies that this loop has stored are not needed any more at loop `loop`.
    func remove(_ removals: ContiguousArray<StoreRemoval>, from loop: Int, serial: UInt64) {
        for removal in removals { remove(removal) }
        if !removals.isEmpty { outbox.noteRemovals(serial, from: loop) }
    }

    /// The window of the open batch is over: it rests, and the one that rested is handed over.
    private func turnOver() {
        if let (number, batch) = outbox.takeResting() { commit(number, batch) }
        if !outbox.open.isEmpty { outbox.rest() }
        outbox.openedAt = now
    }

    private var isWindowOver: Bool {
        now.nanoseconds(since: outbox.openedAt) >= settings.storeCommitWindow * 1_000_000
            || outbox.open.copies.count >= Self.openBatchLength
    }

    /// Copies, dead ones too: more would only take memory.
    private static let openBatchLength = 32_768

    /// How long the loop may sleep for the store's sake: until the open batch must be handed over, or somebody must look
    /// for expired messages; nil = for ever.
    func storeSleepLimit(_ now: MonotonicTime) -> UInt64? {
        if !outbox.settled.isEmpty { return 0 }
        var limit: UInt64?
        if index == 0 { limit = dueLookAt.nanoseconds(since: now) }
        if !outbox.open.isEmpty || outbox.resting != nil, outbox.outstanding.isEmpty {
            let window = settings.storeCommitWindow * 1_000_000
            limit = min(limit ?? .max, window - min(window, now.nanoseconds(since: outbox.openedAt)))
        }
        return limit
    }

    /// Gives all there is to the store.
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

    /// A batch is committed or was given up: what waited for it goes on, in this turn or in the next ones.
    private func batchesSettled() {
        guard !outbox.isSettling else { return }
        outbox.isSettling = true
        perform(CommitSettling())
    }

    /// The loops end: what is open goes to the store, which writes it before it closes.
    package func storeShutDown() {
        guard isStoring else { return }
        fanOuts.finishBegun(on: self)
        // The other loop may have ended: removals need no order any more, all batches have been handed over.
        for removal in outbox.takeAllRemovals() { note(removal.change) }
        // What replaces these copies is in a batch before, or in this one.
        while let late = outbox.lateRemovals.popFirst() { note(late.removal.change) }
        handOver()
    }

    // MARK: Failure

    /// Whether the store takes nothing now and the client wants a session that it would have to keep. One that is kept
    /// already goes on.
    func isUnstorable(_ attempt: ConnectAttempt) -> Bool {
        guard isStoring, broker.store.health.isFailing, attempt.sessionExpiryInterval != 0 else {
            return false
        }
        return attempt.cleanStart || session(attempt.subscriber)?.isKept != true
    }

    /// Whether the store takes nothing now and the message needs it: a copy of it would have to be kept.
    func isUnstorable(_ publication: borrowing Publication) -> Bool {
        guard isStoring, broker.store.health.isFailing else { return false }
        if publication.facts.isRetained { return true }
        guard publication.facts.qos != .atMostOnce || settings.session.upgradesOutgoingQoS else {
            return false
        }
        var found = SubscriptionMatches()
        subscriptionTrie.match(
            publication.topic, mountpoint: publication.facts.mountpoint, loop: index, into: &found)
        return found.targets.contains { $0.storeNumber != 0 && $0.qos > 0 }
            || found.groups.contains { $0.mayStore }
    }
}

extension StoreRemoval {
    var change: StoreBatch.Change {
        .removeCopy(
            session: session, number: ticket.number, expiryDeadline: expiryDeadline,
            hasFlightRow: flight != .none)
    }
}
