import BrokerMetrics
import MQTTCodec
import Primitives

/// What a session asks of its shard. It uses the time, the log, the settings, the counters, the timers, the hooks with
/// their questions, and the ports of `broker` and `links` as they are. Every other part of the shard it reaches only
/// through these functions and those of `Shard+Route`, `Shard+Store` and the like; `script/lint` looks for it.
extension Shard {
    // MARK: The table of sessions

    /// A number for the beginning or the end of a connection (`SessionTable.takeEpoch`).
    func takeEpoch() -> UInt32 { sessions.takeEpoch() }

    /// `heir` takes the place of `session`, and its handle.
    func giveHandle(of session: Session, to heir: Session) { sessions.giveHandle(of: session, to: heir) }

    // MARK: Load

    /// Whether publishers must not be read now.
    var isOverloaded: Bool { overload.isOn }

    /// Bytes of the messages in the queues of this loop.
    var queuedByteCount: Int { storage.queuedByteCount }

    /// A copy has come into a queue or left it. Its bytes count in each queue that holds the message.
    func countQueued(_ copy: QueuedMessage, by change: Int) {
        counters.move(.queuedMessages, by: change)
        countQueuedBytes(change * copy.message.byteCount)
    }

    func countQueuedBytes(_ change: Int) {
        counters.move(.queuedBytes, by: change)
        storage.queuedByteCount += change
    }

    // MARK: Absence

    /// Nanoseconds since `time` in which this loop did not look at its sockets.
    func unseenNanoseconds(since time: MonotonicTime) -> UInt64 { absence.lapses.nanoseconds(since: time) }

    /// A client is closed because it was silent for too long.
    ///
    /// - Returns: how many such lines were left out before; nil = this one is left out too.
    func admitSilenceLine() -> Int? { absence.lines.admit(now) }

    // MARK: Subscriptions

    /// Puts a subscription into the routing trie; an equal filter of the session is replaced.
    ///
    /// - Parameter presence: of the session, with a shared subscription only.
    func route(
        _ filter: UTF8Text, _ mountpoint: Mountpoint, to target: SubscriptionTarget,
        _ presence: SessionPresence?
    ) {
        let shared = SharedFilter(filter)
        _ = routing.trie.subscribe(
            (shared?.filter ?? filter).bytes, shareName: shared?.shareName.bytes, mountpoint: mountpoint,
            target: target, presence: presence)
    }

    /// Takes a subscription out of the routing trie.
    func endRoute(_ filter: UTF8Text, _ mountpoint: Mountpoint, to session: SessionHandle) {
        let shared = SharedFilter(filter)
        _ = routing.trie.unsubscribe(
            (shared?.filter ?? filter).bytes, shareName: shared?.shareName.bytes, mountpoint: mountpoint,
            session: session)
    }

    /// Tells the group of a shared subscription that its member has come online or gone offline.
    func settle(_ shared: SharedFilter, _ mountpoint: Mountpoint, _ session: SessionHandle) {
        routing.trie.group(
            shared.filter.bytes, shareName: shared.shareName.bytes, mountpoint: mountpoint, loop: index)?
            .settle(session)
    }

    /// One of `count` connections of a client, by chance.
    func pick(of count: Int) -> Int { Int(routing.random.next() % UInt64(count)) }

    /// The last copy of a session that ended has been given away: what was remembered for the next one is forgotten.
    func endRedeliveries() {
        routing.lastRedelivery = nil
        outbox.redelivered = nil
    }

    // MARK: The store

    /// The batch into which changes of this turn go.
    @inline(__always)
    var openBatch: UInt64 { outbox.openNumber }

    @inline(__always)
    func isCommitted(_ batch: UInt64) -> Bool { outbox.isCommitted(batch) }

    @inline(__always)
    func isSettled(_ wait: StoreWait) -> Bool { outbox.isSettled(wait) }

    /// Somebody waits for the open batch: it is handed over at the end of this turn.
    @inline(__always)
    func handOverSoon() { outbox.isUrgent = true }

    /// Letters about this number in the store are for `session` from now on.
    func keep(_ number: UInt64, for session: SessionHandle) { storage.kept[number] = session }

    /// The session with this number has ended.
    ///
    /// - Parameter hasBacklog: copies that have arrived and are in the store alone may be written after its end.
    func endKeeping(_ number: UInt64, hasBacklog: Bool) {
        if hasBacklog { storage.reads.purge(number, through: broker.lastStoreNumber) }
        storage.kept[number] = nil
    }

    /// Puts the state of a session into the open batch. It replaces the state that the batch has of it already.
    func noteState(_ session: StoredSession, isNew: Bool, in record: inout SessionRecord) {
        let batch = outbox.openNumber
        if let change = record.change(in: batch), outbox.open.replace(session, at: change) { return }
        note(.session(session, isNew: isNew))
        record.noted(in: batch, at: outbox.open.changes.count - 1)
    }

    /// Puts the packet identifier that a copy was sent with into the row of the copy.
    ///
    /// - Returns: the batch that has the row; nil when it was handed over already, or another loop has it.
    func noteIdentifier(_ identifier: UInt16, of ticket: StoreTicket) -> UInt64? {
        guard Int(ticket.loop) == index, outbox.note(identifier, of: ticket) else { return nil }
        return outbox.isOpen(ticket) ? outbox.openNumber : outbox.openNumber - 1
    }

    /// The last batch that has something in it.
    var latestBatch: UInt64 { outbox.latestNumber }

    /// The session waits until it may read its backlog (`Session.horizonReached`).
    func waitToRead(_ session: SessionHandle) { storage.reads.waiting.append(session) }

    /// A session that waits to read wants a copy with a lower number than before.
    func lowerReads(to number: UInt64) { storage.reads.lower(to: number) }
}
