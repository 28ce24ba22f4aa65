import BrokerMetrics
import DequeModule
import MQTTCodec
import Primitives

/// What of a session is stored, and the answers to its client that wait until it is.
extension Session {
    /// Whether the session is stored, so that it outlives the process.
    var isKept: Bool { storeNumber != 0 }

    // MARK: The session itself

    /// The session has got a connection. From now on its state is stored, unless the session ends with the connection
    /// and was not stored before.
    func noteAttached() {
        attachBatch = 0
        guard shard.isStoring, first == nil, sessionExpiryInterval != 0 || isKept else { return }
        let isNew = !isKept
        if isNew {
            storeNumber = shard.broker.takeSessionNumber()
            shard.kept[storeNumber] = handle
        }
        if isNew {
            noteState(isNew: true)
        } else {
            // Until this is committed no QoS 1 or 2 message is sent: after a crash the broker would not know that the
            // client had been here, and would send the message as if for the first time.
            noteState()
            shard.outbox.isUrgent = true
            if !shard.broker.store.health.isFailing {
                attachBatch = shard.outbox.openNumber
                shard.awaitCommit(of: attachBatch, self)
            }
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
        guard shard.isStoring, !isKept, let will else { return }
        willNumber = shard.broker.takeSessionNumber()
        shard.note(StoredWill(number: willNumber, subscriber: id, version: version, will: will))
    }

    /// The will was published, or is not needed any more.
    func forgetWill() {
        guard willNumber != 0 else { return }
        shard.forgetWill(willNumber)
        willNumber = 0
    }

    var stored: StoredSession {
        StoredSession(
            number: storeNumber, subscriber: id, version: version, isBridge: isBridge,
            expiryInterval: sessionExpiryInterval, expiryDeadline: isOnline ? nil : expiryDeadline,
            will: will,
            willDeadline: willDeadline, sentThrough: sentThrough)
    }

    /// The session has ended. It keeps its number until its copies have been removed.
    ///
    /// - Parameter hasBacklog: the store has copies that the loop does not know one by one.
    /// - Returns: whether the rows of its subscriptions are to be removed one by one. If not, the store looks for all
    ///   of them, in steps, for very many subscriptions would make very many changes.
    func forgetStored(hasBacklog: Bool) -> Bool {
        guard isKept else { return false }
        let purges = hasBacklog || subscriptions.count + storedReceived.count > Self.rowsRemovedOneByOne
        if !purges {
            for identifier in storedReceived.identifiers {
                shard.note(.released(session: storeNumber, packetIdentifier: identifier))
            }
        }
        shard.note(.endSession(storeNumber, purges: purges))
        // Copies that have arrived and are in the store alone may be written after the end of the session.
        if hasBacklog { shard.reads.purge(storeNumber, through: shard.broker.lastStoreNumber) }
        shard.kept[storeNumber] = nil
        storedReceived.removeAll()
        return !purges
    }

    private static let rowsRemovedOneByOne = 64

    // MARK: Copies

    /// The copy is not needed any more: the store may delete it.
    @inline(__always)
    func unstore(_ ticket: StoreTicket, _ message: ApplicationMessage?, flight: FlightNote = .none) {
        guard ticket.isStored else { return }
        shard.unstore(
            ticket, session: storeNumber, expiryDeadline: message?.facts.expiryDeadline,
            flight: flight)
    }

    /// Stores the packet identifier that a copy was sent with: in the copy's row if that was not handed over yet,
    /// otherwise in a row of its own.
    ///
    /// - Returns: the batch that holds it.
    @discardableResult
    func noteFlight(_ place: InflightWindow.Place, isReleased: Bool = false) -> UInt64 {
        let entry = inflight[place]
        guard isKept, entry.ticket.isStored else { return shard.outbox.latestNumber }
        if !isReleased, Int(entry.ticket.loop) == shard.index,
            shard.outbox.note(entry.packetIdentifier, of: entry.ticket)
        {
            inflight[place].flight = .noted
            return shard.outbox.isOpen(entry.ticket) ? shard.outbox.openNumber : shard.outbox.openNumber - 1
        }
        inflight[place].flight = .written
        shard.note(
            .flight(
                session: storeNumber, number: entry.ticket.number, packetIdentifier: entry.packetIdentifier,
                isReleased: isReleased, expiryDeadline: inflight.message(at: place)?.facts.expiryDeadline))
        return shard.outbox.openNumber
    }

    /// A batch that this session waits for is committed or was given up. Sends the answers that waited for it, and the
    /// QoS 2 messages whose packet identifiers had to be stored first.
    func storeCommitted() {
        releaseHeldAnswers()
        if attachBatch != 0, shard.outbox.isCommitted(attachBatch) { attachBatch = 0 }
        while let place = inflight.nextCommitted({ shard.outbox.isCommitted($0) }) {
            // What was not sent on this connection is sent in its order by `resume`.
            guard let output, inflight.isSent(place) else { continue }
            inflight.endHold(place)
            sendFirst(place, to: output)
        }
        if inflight.unsentCount > 0 { resume() }
        drain()
    }

    // MARK: Answers

    /// Sends an acknowledgement, or keeps it back until what it promises is committed. Answers keep their order.
    func answer(_ type: PacketType, _ identifier: UInt16, _ code: ReasonCode, after wait: StoreWait) {
        guard !heldAnswers.isEmpty || !(wait.isNone || shard.outbox.isSettled(wait)) else {
            sendAck(type, identifier, code)
            return
        }
        hold(.ack(type, identifier, code), wait)
    }

    /// - Parameter subscribe: the number of the SUBSCRIBE that it answers, if a filter was granted: retained messages
    ///   are sent after this answer.
    func answer(_ packet: ControlPacket, after wait: StoreWait, of subscribe: UInt32? = nil) {
        guard !heldAnswers.isEmpty || !(wait.isNone || shard.outbox.isSettled(wait)) else {
            send(packet)
            if let subscribe { subscribesAnswered = subscribe }
            return
        }
        hold(.packet(packet, subscribe: subscribe), wait)
    }

    private func hold(_ answer: HeldAnswer.Answer, _ wait: StoreWait) {
        heldAnswers.append(HeldAnswer(wait: wait, since: shard.now, answer: answer))
        // Each packet may cause an answer, and the store may take no writes for hours.
        if heldAnswers.count == Self.heldAnswerLimit { transport?.pauseReading(.answers) }
        counters.add(.answersHeld)
        counters.move(.heldAnswers, by: 1)
        if !wait.isNone { shard.awaitCommit(of: wait.batch, self) }
    }

    /// Answers that may wait for one client, about 200 KB. Then the client is not read.
    static let heldAnswerLimit = 4096
    /// All copies of a message of this client, which were given over several turns, have been given.
    func fanOutEnded(_ wait: StoreWait) {
        if !wait.isNone, !shard.outbox.isSettled(wait) { shard.awaitCommit(of: wait.batch, self) }
        releaseHeldAnswers()
    }

    func releaseHeldAnswers() {
        let count = heldAnswers.count
        defer {
            shard.count(steps: (count - heldAnswers.count) / 16)
            let half = Self.heldAnswerLimit / 2
            if count >= half, heldAnswers.count < half { transport?.resumeReading(.answers) }
        }
        while let first = heldAnswers.first, first.wait.isNone || shard.outbox.isSettled(first.wait) {
            heldAnswers.removeFirst()
            counters.move(.heldAnswers, by: -1)
            counters.observe(.answerHoldNanoseconds, shard.now.nanoseconds(since: first.since))
            switch first.answer {
            case .ack(let type, let identifier, let code): sendAck(type, identifier, code)
            case .packet(let packet, let subscribe):
                send(packet)
                if let subscribe {
                    subscribesAnswered = subscribe
                    scanRetained()
                }
            }
        }
    }

    /// The connection has ended. The client sends its packets again when it is back.
    func dropHeldAnswers() {
        counters.move(.heldAnswers, by: -heldAnswers.count)
        heldAnswers = []
    }
}

/// An answer to a client that promises something the store has not written yet.
struct HeldAnswer {
    let wait: StoreWait
    let since: MonotonicTime
    let answer: Answer

    enum Answer {
        case ack(PacketType, UInt16, ReasonCode)
        indirect case packet(ControlPacket, subscribe: UInt32?)
    }
}
