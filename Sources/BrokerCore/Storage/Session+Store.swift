import BrokerMetrics
import MQTTCodec
import Primitives

/// What of a session is stored, and the answers to its client that wait until it is.
extension Session {
    // MARK: The session itself

    /// The session has got a connection. From now on its state is stored, unless the session ends with the connection
    /// and was not stored before.
    func noteAttached() {
        guard shard.isStoring, first == nil, lifetime.expiryInterval != 0 || isKept else { return }
        guard isKept else {
            record.keep(as: shard.broker.takeSessionNumber())
            shard.keep(record.number, for: handle)
            noteState(isNew: true)
            return
        }
        // Until this is committed no QoS 1 or 2 message is sent: after a crash the broker would not know that the
        // client had been here, and would send the message as if for the first time.
        noteState()
        shard.handOverSoon()
        if !shard.broker.store.health.isFailing {
            outbound.holdUntilAttached(shard.openBatch)
            shard.tellOfCommit(of: shard.openBatch, self)
        }
    }

    func noteDetached() {
        guard isKept else { return }
        noteState()
    }

    /// The will of a session that lasts has been published: it must not be published again after a crash.
    func noteWillPublished() { noteState() }

    /// Stores the will of a session that ends with its connection, which has no row of its own.
    func noteWill() {
        guard shard.isStoring, !isKept, let will = lifetime.will else { return }
        record.keepWill(as: shard.broker.takeSessionNumber())
        shard.note(StoredWill(number: record.willNumber, subscriber: id, version: version, will: will))
    }

    /// The will was published, or is not needed any more.
    func forgetWill() {
        if let number = record.takeWillNumber() { shard.forgetWill(number) }
    }

    var stored: StoredSession {
        StoredSession(
            number: record.number, subscriber: id, version: version, isBridge: connection.isBridge,
            expiryInterval: lifetime.expiryInterval,
            expiryDeadline: isOnline ? nil : lifetime.expiryDeadline, will: lifetime.will,
            willDeadline: lifetime.willDeadline, sentThrough: outbound.sentThrough)
    }

    /// The session has ended. It keeps its number until its copies have been removed.
    ///
    /// - Parameter hasBacklog: the store has copies that the loop does not know one by one.
    /// - Returns: whether the rows of its subscriptions are to be removed one by one. If not, the store looks for all
    ///   of them, in steps, for very many subscriptions would make very many changes.
    func forgetStored(hasBacklog: Bool) -> Bool {
        guard isKept else { return false }
        let purges = hasBacklog || subscriptions.count + inbound.storedCount > Self.rowsRemovedOneByOne
        if !purges {
            for identifier in inbound.storedIdentifiers {
                shard.note(.released(session: record.number, packetIdentifier: identifier))
            }
        }
        shard.note(.endSession(record.number, purges: purges))
        shard.endKeeping(record.number, hasBacklog: hasBacklog)
        return !purges
    }

    private static let rowsRemovedOneByOne = 64

    // MARK: Copies

    /// The copy is not needed any more: the store may delete it.
    @inline(__always)
    func unstore(_ ticket: StoreTicket, _ message: ApplicationMessage?, flight: FlightNote = .none) {
        guard ticket.isStored else { return }
        shard.unstore(
            ticket, session: record.number, expiryDeadline: message?.facts.expiryDeadline,
            flight: flight)
    }

    /// Stores the packet identifier that a copy was sent with: in the copy's row if that was not handed over yet,
    /// otherwise in a row of its own.
    ///
    /// - Returns: the batch that holds it.
    @discardableResult
    func noteFlight(_ place: InflightWindow.Place, isReleased: Bool = false) -> UInt64 {
        let entry = outbound.window[place]
        guard isKept, entry.ticket.isStored else { return shard.latestBatch }
        if !isReleased, let batch = shard.noteIdentifier(entry.packetIdentifier, of: entry.ticket) {
            outbound.identifierStored(place, .noted)
            return batch
        }
        outbound.identifierStored(place, .written)
        shard.note(
            .flight(
                session: record.number, number: entry.ticket.number, packetIdentifier: entry.packetIdentifier,
                isReleased: isReleased,
                expiryDeadline: outbound.window.message(at: place)?.facts.expiryDeadline))
        return shard.openBatch
    }

    /// A batch that this session waits for is committed or was given up. Sends the answers that waited for it, and the
    /// QoS 2 messages whose packet identifiers had to be stored first.
    func storeCommitted() {
        sendHeldAnswers()
        outbound.attachSettled { shard.isCommitted($0) }
        while let place = outbound.nextCommitted(isOnline: isOnline, { shard.isCommitted($0) }) {
            sendFirst(place)
        }
        if outbound.window.unsentCount > 0 { resume() }
        drain()
    }
}
