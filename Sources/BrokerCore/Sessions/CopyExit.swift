import BrokerMetrics
import MQTTCodec
import Primitives

/// The ways in which a copy of a message leaves its session: its client has it, it is lost for a reason, or another
/// session goes on with it.
///
///     arriving ──┐                                     ┌─ delivered   counted as delivered
///     queued ────┼─ off its gauge ─ out of the store ──┤
///     in flight ─┘                                     └─ lost        counted by reason, on_message_drop is told
///
/// All that has to be done when a copy leaves is done here and nowhere else. A function that may lose a copy returns
/// the `DropReason`, and its caller calls `lose` with it.
extension Session {
    // MARK: Delivered

    /// The client has acknowledged a copy that was in flight.
    func delivered(_ copy: InflightWindow.Removed) {
        leave(copy)
        shard.delivered(1)
    }

    /// The broker's own subscriber takes what waits for it. - Returns: how many copies.
    func takeQueued() -> Int {
        var count = 0
        while let copy = outbound.takeNext(settings.queueType) {
            countQueued(copy, by: -1)
            shard.delivered(1)
            count += 1
        }
        return count
    }

    // MARK: Lost

    /// A copy was lost when it arrived.
    func lose(
        _ publication: inout Publication, _ ticket: StoreTicket, _ reason: DropReason,
        flight: FlightNote = .none
    ) {
        unstore(ticket, publication.message, flight: flight)
        noteLost(reason)
        shard.lost(&publication, of: id, reason)
    }

    /// A copy was lost that has been taken out of the queue and is still counted as queued.
    func lose(_ copy: QueuedMessage, _ reason: DropReason) {
        countQueued(copy, by: -1)
        loseUncounted(copy, reason)
    }

    /// A copy was lost that no gauge counts: it had left the queue and was not sent.
    func loseUncounted(_ copy: QueuedMessage, _ reason: DropReason) {
        unstore(copy.ticket, copy.message, flight: copy.flight)
        noteLost(reason)
        shard.lost(copy.message, of: id, reason)
    }

    /// A copy was lost that has just been read from the store: it is counted as queued, and its bytes are not.
    func loseLoaded(_ copy: QueuedMessage, _ reason: DropReason) {
        counters.move(.queuedMessages, by: -1)
        loseUncounted(copy, reason)
    }

    /// A copy was lost that has been taken out of the window.
    func lose(_ copy: InflightWindow.Removed, _ reason: DropReason) {
        leave(copy)
        noteLost(reason)
        shard.lost(copy.message, of: id, reason)
    }

    /// Copies were lost that were in the store alone. They have been taken off the backlog's count already, and their
    /// messages are not known.
    func loseStored(_ count: Int, _ reason: DropReason) {
        counters.move(.queuedMessages, by: -count)
        counters.move(.spilledMessages, by: -count)
        counters.move(.storedCopies, by: -count)
        noteLost(reason, count)
        shard.lost(nil, count: count, of: id, reason)
    }

    private func leave(_ copy: InflightWindow.Removed) {
        counters.move(.inflightMessages, by: -1)
        unstore(copy.entry.ticket, copy.message, flight: copy.entry.flight)
    }
}

extension EndedCopies {
    /// A copy ends with its session: it is lost, or counts as delivered if only PUBCOMP was outstanding.
    func leave(_ copy: Copy, _ shard: Shard) {
        let removal = copy.removal(for: session)
        shard.unstore(
            removal.ticket, session: session, expiryDeadline: removal.expiryDeadline, flight: removal.flight)
        if let message = copy.message {
            shard.lost(message, of: subscriber, .sessionEnded)
        } else {
            shard.delivered(1)
        }
    }

    /// Another session goes on with the copy: it keeps its place in the ledger, for it was made once. What the store has
    /// of it here is removed after the batch that holds the other.
    func handOn(_ copy: Copy, _ counter: Counter, _ shard: Shard) {
        shard.counters.add(counter)
        shard.removeLate(copy.removal(for: session))
    }
}

extension Shard {
    /// A copy came for a session that has ended.
    func loseAfterEnd(_ publication: inout Publication, _ removal: StoreRemoval) {
        unstore(removal.ticket, session: removal.session, expiryDeadline: removal.expiryDeadline)
        lost(&publication, of: nil, .subscriberGone)
    }

    /// QoS 0 messages have left the outputs of this loop's connections since this was called last.
    ///
    /// - Parameters:
    ///   - written: the kernel has taken so many to their last byte.
    ///   - discarded: so many ended with their connections.
    package func leftOutputs(written: Int, discarded: Int) {
        counters.move(.outputMessages, by: -(written + discarded))
        delivered(written)
        if discarded > 0 { lost(nil, count: discarded, of: nil, .connectionClosed) }
    }

    /// Copies have reached their clients.
    fileprivate func delivered(_ count: Int) { counters.add(.ledgerDelivered, count) }

    /// Another member of the group goes on with a copy whose session ended while it was on its way.
    func handOn(_ removal: StoreRemoval) {
        counters.add(.sharedRedelivered)
        removeLate(removal)
    }

    fileprivate func lost(
        _ publication: inout Publication, of subscriber: SubscriberID?, _ reason: DropReason
    ) {
        // The object is made only if a hook wants it.
        lost(hooks.wantsDrops ? publication.sharedMessage() : nil, of: subscriber, reason)
    }

    /// Counts lost copies, and calls the hooks at `on_message_drop`.
    ///
    /// - Parameters:
    ///   - message: nil when it is not in memory: it was in the store alone, or was bytes in an output.
    ///   - subscriber: nil when it is not known any more.
    fileprivate func lost(
        _ message: ApplicationMessage?, count: Int = 1, of subscriber: SubscriberID?, _ reason: DropReason
    ) {
        counters.add(lost: reason, count)
        guard hooks.wantsDrops, count > 0 else { return }
        hooks.notify(
            .onMessageDrop,
            .messageDropped(DropEvent(subscriber: subscriber, message: message, count: count, reason: reason))
        )
    }
}
