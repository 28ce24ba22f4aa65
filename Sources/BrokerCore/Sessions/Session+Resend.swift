import BrokerMetrics
import MQTTCodec
import Primitives

/// Messages that are sent later: those that wait for a commit, and those that are sent again.
extension Session {
    // MARK: After the commit

    /// A message whose packet identifier is not stored is sent when it is. Otherwise the client could get a QoS 2
    /// message with another identifier after a crash, and take it for a new one. For QoS 1 this is rare: the stored
    /// identifier is still in use, by a message that the client has not acknowledged for a very long time.
    ///
    /// - Returns: why the copy is lost instead: all identifiers are in use. The window was looked at before, so this
    ///   does not happen.
    func holdForCommit(
        _ message: ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket, isDuplicate: Bool
    ) -> DropReason? {
        guard let identifier = freshIdentifier(goesOn: terms.qos == .exactlyOnce) else { return .queueFull }
        let place = outbound.enter(
            message, terms, ticket, identifier: identifier, isDuplicate: isDuplicate, now: shard.now)
        counters.move(.inflightMessages, by: 1)
        let batch = noteFlight(place)
        hold(place, for: batch)
        if terms.qos == .atLeastOnce { outbound.letFollowersWait(for: batch) }
        return nil
    }

    /// A QoS 1 message comes after another one that waits for a commit, and is sent after it.
    func holdForOrder(
        _ message: ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket, _ flight: FlightNote,
        isDuplicate: Bool
    ) {
        let place = outbound.enter(
            message, terms, ticket, identifier: ticket.identifier, flight: flight, isDuplicate: isDuplicate,
            now: shard.now)
        counters.move(.inflightMessages, by: 1)
        hold(place, for: outbound.orderBatch)
    }

    /// A free identifier that no copy in the queue has.
    private func freshIdentifier(goesOn: Bool) -> UInt16? {
        outbound.freshIdentifier(goesOn: goesOn) { shard.broker.identifiers.take(record.number) }
    }

    /// The entry's next packet is sent when `batch` is committed.
    func hold(_ place: InflightWindow.Place, for batch: UInt64) {
        shard.handOverSoon()
        outbound.hold(place, for: batch)
        shard.tellOfCommit(of: batch, self)
    }

    /// Sends the packet that waited for the commit: PUBLISH for the first time, or PUBREL. A message that is too large
    /// for the client is dropped.
    func sendFirst(_ place: InflightWindow.Place) {
        outbound.sends(place, now: shard.now)
        let entry = outbound.window[place]
        guard let message = outbound.window.message(at: place) else {
            sendAck(.pubrel, entry.packetIdentifier)
            outbound.markSent(place, holdsPlace: false)
            return
        }
        guard entry.mayHaveBeenSent || !message.isExpired(at: shard.now) else {
            // Nothing of it has gone out yet [MQTT-3.3.2-5].
            lose(outbound.remove(at: place), .expired)
            return
        }
        let publication = Publication(message)
        let isSent = connection.output.publish(
            publication, entry.terms, identifier: entry.packetIdentifier, isDuplicate: entry.mayHaveBeenSent,
            from: shard)
        guard isSent else {
            lose(outbound.remove(at: place), .packetTooLarge)
            return
        }
        outbound.markSent(place, holdsPlace: true)
        startRetryTimer()
    }

    // MARK: Resending

    /// Sends again the messages that were in flight when the last connection ended, the oldest first, as far as the
    /// client's Receive Maximum and the output allow [MQTT-4.4.0-1]. New messages wait until all of them were sent.
    func resume() {
        guard isOnline else { return }
        let end = shard.steps &+ DeferredWork.sliceSteps
        while !connection.output.isBlocked, let place = outbound.nextUnsent() {
            guard shard.steps < end else { return sendMoreLater() }
            resume(place)
        }
        // Receive Maximum limits PUBLISH only, so a PUBREL does not wait for a PUBLISH that must wait (§4.9).
        while !connection.output.isBlocked, let place = outbound.nextUnsentRelease() {
            guard shard.steps < end else { return sendMoreLater() }
            resume(place)
        }
    }

    /// There is more to send than a turn has time for: a job sends the rest in later turns.
    func sendMoreLater() {
        if outbound.beginSendingLater() { shard.performLater(SendingJob(self)) }
    }

    private func resume(_ place: InflightWindow.Place) {
        shard.count(steps: 1)
        let held = outbound.window[place].heldFor
        if held != 0, !shard.isCommitted(held) {
            // It is sent with its commit.
            outbound.markSent(place, holdsPlace: !outbound.window[place].isRelease)
        } else if held != 0 {
            // It was committed while the client was away, and is sent for the first time.
            outbound.endHold(place)
            sendFirst(place)
        } else if resend(place) {
            outbound.markSent(place, holdsPlace: !outbound.window[place].isRelease)
        } else {
            // It is larger than the new connection allows, and is dropped [MQTT-3.1.2-25].
            lose(outbound.remove(at: place), .packetTooLarge)
        }
    }

    /// - Returns: false when the packet is larger than the client takes; nothing was sent then.
    private func resend(_ place: InflightWindow.Place) -> Bool {
        outbound.sends(place, now: shard.now)
        let entry = outbound.window[place]
        if let message = outbound.window.message(at: place) {
            let publication = Publication(message)
            let isSent = connection.output.publish(
                publication, entry.terms, identifier: entry.packetIdentifier, isDuplicate: true, from: shard)
            guard isSent else { return false }
        } else {
            sendAck(.pubrel, entry.packetIdentifier)
        }
        counters.add(.ledgerRetransmitted)
        return true
    }

    /// Sends more of what was left for later.
    fileprivate func sendMore() {
        outbound.endSendingLater()
        if outbound.window.unsentCount > 0 { resume() }
        drain()
    }

    // MARK: Again on the same connection

    /// Entries looked at when the timer fires.
    private static let retryLength = 1024

    /// Looks at the entries of the window, some at a time, and sends again those that have waited for `retry_interval`.
    /// A large window is looked through at most 16 times in the interval, so a message may be sent again later by a
    /// sixteenth of it.
    ///
    /// - Parameter round: of the timer; one that was set before the last change of `retry_interval` is void.
    func retryTimerFired(_ round: UInt16) {
        guard outbound.retryRound == round else { return }
        guard !outbound.window.isEmpty else { return outbound.endRetryTimer() }
        // The timer counts as set until this is over: what the client's packets cause must not set another.
        guard readWaiting() else { return }
        guard !outbound.window.isEmpty else { return outbound.endRetryTimer() }
        var limit = Self.retryLength
        var next = MonotonicTime.distantFuture
        while let place = outbound.nextForRetry(&limit) {
            if outbound.window[place].sentAt.adding(milliseconds: settings.retryInterval) <= shard.now,
                !connection.output.isBlocked
            {
                _ = resend(place)
            }
            next = min(next, outbound.window[place].sentAt.adding(milliseconds: settings.retryInterval))
        }
        guard outbound.window.isRetryRoundOver else {
            setRetryTimer(shard.now)
            return
        }
        outbound.continueRetrying()
        let pause = max(50, settings.retryInterval / 16)
        let soonest = shard.now.adding(milliseconds: pause)
        // The last slice does not know the times that the earlier slices saw.
        setRetryTimer(outbound.window.count < Self.retryLength ? max(next, soonest) : soonest)
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
