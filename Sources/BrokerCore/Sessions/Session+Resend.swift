import BrokerMetrics
import MQTTCodec
import Primitives

/// Messages that are sent later: those that wait for a commit, and those that are sent again.
extension Session {
    // MARK: After the commit

    /// A message whose packet identifier is not stored is sent when it is. Otherwise the client could get a QoS 2
    /// message with another identifier after a crash, and take it for a new one. For QoS 1 this is rare: the stored
    /// identifier is still in use, by a message that the client has not acknowledged for a very long time.
    func holdForCommit(
        _ message: ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket, isDuplicate: Bool
    ) {
        // There is a free one, because the window was checked.
        guard let identifier = freshIdentifier(goesOn: terms.qos == .exactlyOnce) else { return }
        let place = appendHeld(identifier, message, terms, ticket, isDuplicate: isDuplicate)
        let batch = noteFlight(place)
        hold(place, for: batch)
        if terms.qos == .atLeastOnce { orderBatch = max(orderBatch, batch) }
    }

    /// A QoS 1 message comes after another one that waits for a commit, and is sent after it.
    func holdForOrder(
        _ message: ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket, _ flight: FlightNote,
        isDuplicate: Bool
    ) {
        let place = appendHeld(ticket.identifier, message, terms, ticket, isDuplicate: isDuplicate)
        inflight[place].flight = flight
        hold(place, for: orderBatch)
    }

    private func appendHeld(
        _ identifier: UInt16, _ message: ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket,
        isDuplicate: Bool
    ) -> InflightWindow.Place {
        var entry = InflightWindow.Entry(
            packetIdentifier: identifier,
            state: terms.qos == .exactlyOnce ? .awaitingPubrec : .awaitingPuback, terms: terms,
            sentAt: shard.now, ticket: ticket)
        entry.mayHaveBeenSent = isDuplicate
        counters.move(.inflightMessages, by: 1)
        sentThrough = max(sentThrough, ticket.number)
        return inflight.append(entry, message)
    }

    /// Whether an earlier QoS 1 message waits for a commit: no other may overtake it [MQTT-4.6.0-5].
    @inline(__always)
    func waitsForOrder(_ qos: QoS) -> Bool {
        guard orderBatch != 0, qos == .atLeastOnce else { return false }
        if shard.outbox.isCommitted(orderBatch) { orderBatch = 0 }
        return orderBatch != 0
    }

    /// A free identifier that no copy in the queue has.
    private func freshIdentifier(goesOn: Bool) -> UInt16? {
        for _ in 0..<16 {
            let identifier = shard.broker.identifiers.take(storeNumber)
            if inflight.claim(identifier, goesOn: goesOn) { return identifier }
        }
        return inflight.nextIdentifier()
    }

    /// The entry's next packet is sent when `batch` is committed.
    func hold(_ place: InflightWindow.Place, for batch: UInt64) {
        shard.outbox.isUrgent = true
        inflight.hold(place, for: batch)
        shard.awaitCommit(of: batch, self)
    }

    /// Sends the packet that waited for the commit: PUBLISH for the first time, or PUBREL. A message that is too large
    /// for the client is dropped.
    func sendFirst(_ place: InflightWindow.Place, to output: OutputBuffer) {
        inflight[place].sentAt = shard.now
        let entry = inflight[place]
        guard let message = inflight.message(at: place) else {
            sendAck(.pubrel, entry.packetIdentifier)
            inflight.markSent(place, holdsPlace: false)
            return
        }
        guard entry.mayHaveBeenSent || !message.isExpired(at: shard.now) else {
            lose(inflight.remove(at: place), .expired)  // nothing of it has gone out yet [MQTT-3.3.2-5]
            return
        }
        let publication = Publication(message)
        let isSent = encode(
            publication, entry.terms, identifier: entry.packetIdentifier, isDuplicate: entry.mayHaveBeenSent,
            to: output)
        guard isSent else {
            lose(inflight.remove(at: place), .packetTooLarge)
            return
        }
        inflight.markSent(place, holdsPlace: true)
        counters.add(.publishSent, version.label)
        startRetryTimer()
    }

    // MARK: Resending

    /// Sends again the messages that were in flight when the last connection ended, the oldest first, as far as the
    /// client's Receive Maximum and the output allow [MQTT-4.4.0-1]. New messages wait until all of them were sent.
    func resume() {
        guard let output else { return }
        let end = shard.steps &+ DeferredWork.sliceSteps
        while !output.isBlocked, let place = inflight.nextUnsent() {
            if !inflight[place].isRelease, inflight.placesTaken >= window { break }
            guard shard.steps < end else { return sendMoreLater() }
            resume(place, to: output)
        }
        // Receive Maximum limits PUBLISH only, so a PUBREL does not wait for a PUBLISH that must wait (§4.9).
        while !output.isBlocked, let place = inflight.nextUnsentRelease() {
            guard shard.steps < end else { return sendMoreLater() }
            resume(place, to: output)
        }
    }

    /// There is more to send than a turn has time for: a job sends the rest in later turns.
    func sendMoreLater() {
        guard !sendsMoreLater else { return }
        sendsMoreLater = true
        shard.performLater(SendingJob(self))
    }

    private func resume(_ place: InflightWindow.Place, to output: OutputBuffer) {
        shard.count(steps: 1)
        let held = inflight[place].heldFor
        if held != 0, !shard.outbox.isCommitted(held) {
            // It is sent with its commit.
            inflight.markSent(place, holdsPlace: !inflight[place].isRelease)
        } else if held != 0 {
            // It was committed while the client was away, and is sent for the first time.
            inflight.endHold(place)
            sendFirst(place, to: output)
        } else if resend(place, to: output) {
            inflight.markSent(place, holdsPlace: !inflight[place].isRelease)
        } else {
            // It is larger than the new connection allows, and is dropped [MQTT-3.1.2-25].
            lose(inflight.remove(at: place), .packetTooLarge)
        }
    }

    /// - Returns: false when the packet is larger than the client takes; nothing was sent then.
    private func resend(_ place: InflightWindow.Place, to output: OutputBuffer) -> Bool {
        inflight[place].sentAt = shard.now
        let entry = inflight[place]
        if let message = inflight.message(at: place) {
            let publication = Publication(message)
            let isSent = encode(
                publication, entry.terms, identifier: entry.packetIdentifier, isDuplicate: true, to: output)
            guard isSent else { return false }
            counters.add(.publishSent, version.label)
        } else {
            sendAck(.pubrel, entry.packetIdentifier)
        }
        counters.add(.ledgerRetransmitted)
        return true
    }

    /// Sends more of what was left for later.
    fileprivate func sendMore() {
        sendsMoreLater = false
        if inflight.unsentCount > 0 { resume() }
        drain()
    }

    // MARK: Again on the same connection

    /// Only MQTT 3 sends a message again on the same connection; MQTT 5 forbids it [MQTT-4.4.0-1].
    func startRetryTimer() {
        guard version != .v5, !retryTimerIsSet, settings.retryInterval > 0 else { return }
        inflight.beginRetryRound()
        setRetryTimer(shard.now.adding(milliseconds: settings.retryInterval))
    }

    private func setRetryTimer(_ time: MonotonicTime) {
        retryTimerIsSet = true
        shard.timers.add(.retry(handle, epoch), at: time)
    }

    /// Entries looked at when the timer fires.
    private static let retryLength = 1024

    /// Looks at the entries of the window, some at a time, and sends again those that have waited for `retry_interval`.
    /// A large window is looked through at most 16 times in the interval, so a message may be sent again later by a
    /// sixteenth of it.
    func retryTimerFired() {
        retryTimerIsSet = false
        guard !inflight.isEmpty, readWaiting(), let output, !inflight.isEmpty else { return }
        var limit = Self.retryLength
        var next = MonotonicTime.distantFuture
        while let place = inflight.nextForRetry(&limit) {
            if inflight[place].sentAt.adding(milliseconds: settings.retryInterval) <= shard.now,
                !output.isBlocked
            {
                _ = resend(place, to: output)
            }
            next = min(next, inflight[place].sentAt.adding(milliseconds: settings.retryInterval))
        }
        guard inflight.isRetryRoundOver else {
            setRetryTimer(shard.now)
            return
        }
        inflight.beginRetryRound()
        let pause = max(50, settings.retryInterval / 16)
        let soonest = shard.now.adding(milliseconds: pause)
        // The last slice does not know the times that the earlier slices saw.
        setRetryTimer(inflight.count < Self.retryLength ? max(next, soonest) : soonest)
    }
}

/// Sends a client what one turn had no time for: many thousands of messages may wait for it.
private final class SendingJob: DeferredJob {
    private let session: Session

    init(_ session: Session) { self.session = session }

    /// Sends one slice; if more is left, that starts another job.
    func advance(on shard: Shard, until end: UInt64) -> Bool {
        session.sendMore()
        return false
    }
}
