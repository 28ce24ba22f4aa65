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
        inflight.append(
            InflightWindow.Entry(
                packetIdentifier: identifier, state: .awaitingPubrec, message: message, terms: terms,
                sentAt: shard.now, ticket: ticket))
        resumedCount += 1
        counters.move(.inflightMessages, by: 1)
        let batch = noteFlight(inflight.count - 1)
        hold(inflight.count - 1, for: batch)
    }

    /// What is due for this entry is sent when `batch` is committed.
    func hold(_ index: Int, for batch: UInt64) {
        shard.outbox.isUrgent = true
        if inflight[index].heldFor == 0 { heldPacketCount += 1 }
        inflight[index].heldFor = batch
        shard.awaitCommit(of: batch, self)
    }

    /// Sends what waited for the commit: PUBLISH for the first time, or PUBREL.
    ///
    /// - Returns: false when the message is too large for the client and was given up.
    func sendFirst(_ index: Int, to output: OutputBuffer) -> Bool {
        inflight[index].sentAt = shard.now
        let entry = inflight[index]
        guard let message = entry.message else {
            sendAck(.pubrel, entry.packetIdentifier)
            return true
        }
        let publication = Publication(message)
        guard encode(publication, entry.terms, identifier: entry.packetIdentifier, to: output) else {
            if index < resumedCount { resumedCount -= 1 }
            giveUpTooLarge(index)
            return false
        }
        counters.add(.publishSent, version.label)
        counters.add(.queueMessageOut)
        startRetryTimer()
        return true
    }

    // MARK: Resending

    /// Sends again what was under way when the last connection ended, oldest first, as far as the window allows
    /// [MQTT-4.4.0-1]. What is new waits until all of it has gone out.
    func resume() {
        guard let output else { return }
        while resumedCount < inflight.count, resumedCount < window {
            let held = inflight[resumedCount].heldFor
            if held != 0, !shard.outbox.isCommitted(held) {
                resumedCount += 1  // it goes out with its commit
            } else if held != 0 {
                // Committed while nobody was there: it goes out for the first time.
                inflight[resumedCount].heldFor = 0
                heldPacketCount -= 1
                if sendFirst(resumedCount, to: output) { resumedCount += 1 }
            } else if resend(resumedCount, to: output) {
                resumedCount += 1
            } else {
                giveUpTooLarge(resumedCount)
            }
        }
    }

    /// What was under way is larger than the new connection takes: as if it had been delivered [MQTT-3.1.2-25].
    private func giveUpTooLarge(_ index: Int) {
        let entry = inflight.remove(at: index)
        counters.move(.inflightMessages, by: -1)
        counters.add(DropReason.packetTooLarge)
        unstore(entry.ticket, entry.message, flight: entry.flight)
        if let message = entry.message { shard.noteDrop(id, message, .packetTooLarge) }
    }

    /// - Returns: false when the packet is larger than the client takes; nothing was sent then.
    private func resend(_ index: Int, to output: OutputBuffer) -> Bool {
        inflight[index].sentAt = shard.now
        let entry = inflight[index]
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

    /// MQTT 3 alone sends again within a connection; MQTT 5 forbids it [MQTT-4.4.0-1].
    func startRetryTimer() {
        guard version != .v5, !retryTimerIsSet, settings.retryInterval > 0 else { return }
        retryTimerIsSet = true
        shard.timers.add(.retry(handle, epoch), at: shard.now.adding(milliseconds: settings.retryInterval))
    }

    func retryTimerFired() {
        retryTimerIsSet = false
        guard let output, !inflight.isEmpty else { return }
        var next = MonotonicTime.distantFuture
        for index in 0..<min(resumedCount, inflight.count) {
            let due = inflight[index].sentAt.adding(milliseconds: settings.retryInterval)
            if due <= shard.now, !output.isBlocked, inflight[index].heldFor == 0 {
                _ = resend(index, to: output)
            }
            next = min(next, inflight[index].sentAt.adding(milliseconds: settings.retryInterval))
        }
        retryTimerIsSet = true
        shard.timers.add(.retry(handle, epoch), at: max(next, shard.now.adding(milliseconds: 50)))
    }
}
