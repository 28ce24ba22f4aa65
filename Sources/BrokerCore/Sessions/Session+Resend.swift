import BrokerMetrics
import MQTTCodec
import Primitives

/// What goes out later than its turn: what waits for a commit, and what is sent again.
extension Session {
    // MARK: After the commit

    /// A QoS 2 message that is kept is sent once the store knows its identifier: after a crash the client could else
    /// get it under another one, and take it for a new message.
    func holdForCommit(_ message: ApplicationMessage, _ terms: DeliveryTerms, _ ticket: StoreTicket) {
        // There is one: the window is smaller than their number.
        guard let identifier = inflight.nextIdentifier() else { return }
        let place = inflight.append(
            InflightWindow.Entry(
                packetIdentifier: identifier, state: .awaitingPubrec, message: message, terms: terms,
                sentAt: shard.now, ticket: ticket))
        counters.move(.inflightMessages, by: 1)
        hold(place, for: noteFlight(place))
    }

    /// What is due for this entry is sent when `batch` is committed.
    func hold(_ place: InflightWindow.Place, for batch: UInt64) {
        shard.outbox.isUrgent = true
        inflight.hold(place, for: batch)
        shard.awaitCommit(of: batch, self)
    }

    /// Sends what waited for the commit: PUBLISH for the first time, or PUBREL. A message that is too large for the
    /// client is given up.
    func sendFirst(_ place: InflightWindow.Place, to output: OutputBuffer) {
        inflight[place].sentAt = shard.now
        let entry = inflight[place]
        guard let message = entry.message else {
            sendAck(.pubrel, entry.packetIdentifier)
            inflight.markSent(place, holdsPlace: false)
            return
        }
        let publication = Publication(message)
        guard encode(publication, entry.terms, identifier: entry.packetIdentifier, to: output) else {
            giveUpTooLarge(place)
            return
        }
        inflight.markSent(place, holdsPlace: true)
        counters.add(.publishSent, version.label)
        counters.add(.queueMessageOut)
        startRetryTimer()
    }

    // MARK: Resending

    /// Sends again what was under way when the last connection ended, oldest first, as far as the window allows and the
    /// client takes it [MQTT-4.4.0-1]. What is new waits until all of it has gone out.
    func resume() {
        guard let output else { return }
        while !output.isBlocked, let place = inflight.nextUnsent() {
            if !inflight[place].isRelease, inflight.placesTaken >= window { break }
            resume(place, to: output)
        }
        // The client's Receive Maximum limits PUBLISH alone: PUBRELs do not wait for one that does (§4.9).
        while !output.isBlocked, let place = inflight.nextUnsentRelease() { resume(place, to: output) }
    }

    private func resume(_ place: InflightWindow.Place, to output: OutputBuffer) {
        let held = inflight[place].heldFor
        if held != 0, !shard.outbox.isCommitted(held) {
            // It goes out with its commit.
            inflight.markSent(place, holdsPlace: !inflight[place].isRelease)
        } else if held != 0 {
            // Committed while nobody was there: it goes out for the first time.
            inflight.endHold(place)
            sendFirst(place, to: output)
        } else if resend(place, to: output) {
            inflight.markSent(place, holdsPlace: !inflight[place].isRelease)
        } else {
            giveUpTooLarge(place)
        }
    }

    /// What was under way is larger than the new connection takes: as if it had been delivered [MQTT-3.1.2-25].
    private func giveUpTooLarge(_ place: InflightWindow.Place) {
        let entry = inflight.remove(at: place)
        counters.move(.inflightMessages, by: -1)
        counters.add(DropReason.packetTooLarge)
        unstore(entry.ticket, entry.message, flight: entry.flight)
        if let message = entry.message { shard.noteDrop(id, message, .packetTooLarge) }
    }

    /// - Returns: false when the packet is larger than the client takes; nothing was sent then.
    private func resend(_ place: InflightWindow.Place, to output: OutputBuffer) -> Bool {
        inflight[place].sentAt = shard.now
        let entry = inflight[place]
        if let message = entry.message {
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

    // MARK: Again on the same connection

    /// MQTT 3 alone sends again within a connection; MQTT 5 forbids it [MQTT-4.4.0-1].
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

    /// Goes through the window, some entries at a time: each that has waited for `retry_interval` is sent again. A wide
    /// window is gone through at most 16 times in the interval, so resending may be late by that much.
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
        // The last slice does not know what the others saw.
        setRetryTimer(inflight.count < Self.retryLength ? max(next, soonest) : soonest)
    }
}
