import BrokerLog
import BrokerMetrics
import MQTTCodec
import Primitives

/// Copies of messages on their way to the client: sent at once, put in the queue, or dropped with a reason.
///
///     copy ─┬─ offline, QoS 0 ─────────────────────────→ dropped (offlineQoS0)
///           ├─ window open, nothing waits ─────────────→ sent ─ QoS 0 → in the output ─ written → delivered
///           │                                                 │                       └ cut → dropped (connectionClosed)
///           │                                                 └ QoS>0 → in flight ─ acknowledged → delivered
///           └─ else → queue ─ full → dropped (queueFull)
///                           └ drained when the window or the output has room again
extension Session {
    /// Takes one copy of a message that matched a subscription. Each copy that enters here leaves through exactly
    /// one exit of the ledger.
    ///
    /// - Parameters:
    ///   - granted: the subscription's terms; its QoS is the highest the copy may have.
    ///   - ticket: where the publisher's loop has stored the copy.
    func deliver(_ publication: inout Publication, _ granted: DeliveryTerms, _ ticket: StoreTicket = .none) {
        guard siblings.isEmpty else {
            unstore(ticket, publication.message)  // several connections share a copy that memory alone holds
            deliverToSiblings(&publication, granted)
            return
        }
        deliverHere(&publication, granted, ticket)
    }

    /// As `deliver`, to this connection's session whether the client has others or not.
    func deliverHere(
        _ publication: inout Publication, _ granted: DeliveryTerms, _ stored: StoreTicket = .none
    ) {
        counters.add(.queueMessageIn)
        var terms = granted
        if !settings.upgradesOutgoingQoS { terms.qos = min(terms.qos, publication.facts.qos) }
        var ticket = stored
        if let reason = sendOrQueue(&publication, terms, &ticket) { lose(&publication, ticket, reason) }
    }

    /// Sends a copy, or puts it into the queue.
    ///
    /// - Returns: why it is lost instead; nil = it is not.
    @inline(__always)
    private func sendOrQueue(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: inout StoreTicket
    ) -> DropReason? {
        let facts = outbound.deliveryFacts(
            connection.output, isHookAsked: shard.hooks.wantsDeliveries, byteLimit: settings.queueBytes)
        switch DeliveryDecision.decide(terms.qos, facts) {
        case .lose(let reason): return reason
        case .send:
            if isKept { ticket = ensureStored(&publication, terms, ticket) }
            return send(&publication, terms, ticket, isCurrent: true)
        case .queue: return wait(&publication, terms, &ticket)
        }
    }

    /// - Returns: why the copy is lost instead.
    private func wait(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: inout StoreTicket
    ) -> DropReason? {
        guard isOnline else {
            if shard.hooks.wants(.onOfflineMessage), !isProbe {
                shard.hooks.notify(
                    .onOfflineMessage, .offlineMessage(id, publication.sharedMessage(), terms.qos))
            }
            return enqueue(&publication, terms, &ticket, limit: settings.maxOfflineMessages)
        }
        if connection.output.isBlocked, outbound.queue.isEmpty {
            counters.add(.subscriberBlocked)
            noteSlow()
        }
        let reason = enqueue(&publication, terms, &ticket, limit: settings.maxOnlineMessages)
        if reason == nil, shard.hooks.wantsDeliveries { drain() }
        return reason
    }

    /// Makes sure that a copy is in the store when it has to be, and only then.
    @inline(__always)
    private func ensureStored(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ stored: StoreTicket
    ) -> StoreTicket {
        if terms.qos == .atMostOnce {
            unstore(stored, publication.message)
            return .none
        }
        return stored.isStored ? stored : shard.storeCopy(&publication, session: record.number, terms: terms)
    }

    /// Puts a copy at the end of the queue.
    ///
    /// - Returns: why it is lost instead.
    private func enqueue(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: inout StoreTicket, limit: Int
    ) -> DropReason? {
        let isStored = ticket.isStored || (isKept && terms.qos != .atMostOnce)
        while true {
            let decision = QueueDecision.decide(
                publication.byteCount,
                outbound.queueFacts(
                    settings, limit: limit, isStored: isStored, isOnline: isOnline,
                    loopByteCount: shard.queuedByteCount))
            switch decision {
            case .refuse(let cause):
                if cause == .bytes { noteQueueMemoryFull() }
                return .queueFull
            case .dropOldest(let cause):
                guard let oldest = outbound.takeOldest() else { return .queueFull }
                if cause == .bytes { noteQueueMemoryFull() }
                lose(oldest, .queueFull)
            case .append, .appendAndOweOldest, .leaveToStore:
                if isKept { ticket = ensureStored(&publication, terms, ticket) }
                if ticket.isStored, !isOnline { shard.hurry(ticket) }
                if decision == .leaveToStore {
                    spill(ticket.number)
                    return nil
                }
                if decision == .appendAndOweOldest { outbound.backlog?.owedDrops += 1 }
                let copy = QueuedMessage(message: publication.sharedMessage(), terms: terms, ticket: ticket)
                outbound.append(copy)
                countQueued(copy, by: 1)
                return nil
            }
        }
    }

    private func noteQueueMemoryFull() {
        counters.add(.queueMemoryFull)
        shard.queueMemory.occurred(logFacts)
    }

    func countQueued(_ copy: QueuedMessage, by change: Int) { shard.countQueued(copy, by: change) }
    func countQueuedBytes(_ change: Int) { shard.countQueuedBytes(change) }

    /// Sends what the queue holds while the window and the output have room.
    func drain() {
        guard isOnline, !outbound.queue.isEmpty else { return }
        if outbound.backlog != nil { wantBacklog() }
        // The newest comes first: all of it must be here.
        if settings.queueType == .lifo, outbound.backlog != nil { return }
        let end = shard.steps &+ DeferredWork.sliceSteps
        sending: while !outbound.isAsking, !connection.output.isBlocked {
            switch outbound.next(settings) {
            case .nothing: break sending
            case .waits: return
            case .ready: break
            }
            guard !outbound.isNextIdentifierInUse(settings.queueType) else { return }
            guard shard.steps < end else { return sendMoreLater() }
            shard.count(steps: 1)
            guard let copy = outbound.takeNext(settings.queueType) else { return }
            sendQueued(copy)
        }
        if outbound.backlog != nil { wantBacklog() }
        if !outbound.scans.isEmpty { scanRetained() }
    }

    /// A copy has left the queue to be sent.
    private func sendQueued(_ copy: QueuedMessage) {
        guard !copy.isExpired(at: shard.now) else { return lose(copy, .expired) }
        countQueued(copy, by: -1)
        if shard.hooks.wantsDeliveries {
            askOnDeliver(copy)
        } else {
            sendQueued(copy, copy.message)
        }
    }

    private func sendQueued(_ copy: QueuedMessage, _ message: ApplicationMessage) {
        var publication = Publication(message)
        let reason = send(
            &publication, copy.terms, copy.ticket, isCurrent: false, isDuplicate: copy.mayHaveBeenSent,
            flight: copy.flight)
        if let reason { lose(&publication, copy.ticket, reason, flight: copy.flight) }
    }

    /// The output has fallen below its low-water mark.
    package func outputDrained() {
        if outbound.window.unsentCount > 0 { resume() }
        drain()
        if !outbound.scans.isEmpty { scanRetained() }
    }

    // MARK: on_deliver

    private func askOnDeliver(_ copy: QueuedMessage) {
        guard shard.hooks.wants(.onDeliver.forVersion(version)) else { return finishDelivery(copy, nil) }
        let event = PublishEvent(
            subscriber: id, userName: connection.userName, message: copy.message, version: version)
        let question = shard.question(about: event, copy) { [unowned self] outcome in
            switch outcome {
            case .nobody, .exhausted, .pending: finishDelivery(copy, nil)
            case .refused: loseUncounted(copy, .deniedByHook)
            case .ok(let modifiers): finishDelivery(copy, modifiers)
            }
        }
        shard.ask(question, self)
    }

    private func finishDelivery(_ copy: QueuedMessage, _ modifiers: PublishModifiers?) {
        guard isOnline else {
            outbound.putBack(copy, settings.queueType)
            countQueued(copy, by: 1)
            return
        }
        let message = modifiers.map { copy.message.applying($0, now: shard.now) } ?? copy.message
        sendQueued(copy, message)
    }

    // MARK: The wire

    /// Writes PUBLISH for a copy, and with QoS 1 and 2 keeps it in the window until it is acknowledged.
    ///
    /// - Parameter isCurrent: the message is the one that is being fanned out (`ClientOutput.publish`).
    /// - Returns: why the copy is lost instead.
    private func send(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: StoreTicket, isCurrent: Bool,
        isDuplicate: Bool = false, flight: FlightNote = .none
    ) -> DropReason? {
        guard terms.qos != .atMostOnce else {
            let isSent = connection.output.publish(
                publication, terms, identifier: 0, isDuplicate: isDuplicate, isCurrent: isCurrent, from: shard
            )
            return isSent ? nil : .packetTooLarge
        }
        let claim = outbound.claim(ticket, terms.qos, isKept: isKept) { shard.isCommitted($0) }
        let identifier: UInt16
        switch claim {
        case .identifier(let free): identifier = free
        case .afterCommit:
            return holdForCommit(publication.sharedMessage(), terms, ticket, isDuplicate: isDuplicate)
        case .afterOrder:
            holdForOrder(publication.sharedMessage(), terms, ticket, flight, isDuplicate: isDuplicate)
            return nil
        case .none: return .queueFull
        }
        // When it is too large the window's place stays free.
        guard
            connection.output.publish(
                publication, terms, identifier: identifier, isDuplicate: isDuplicate, isCurrent: isCurrent,
                from: shard)
        else { return .packetTooLarge }
        outbound.sent(
            publication.sharedMessage(), terms, ticket, identifier: identifier, flight: flight, now: shard.now
        )
        counters.move(.inflightMessages, by: 1)
        startRetryTimer()
        return nil
    }

    /// Only MQTT 3 sends a message again on the same connection; MQTT 5 forbids it [MQTT-4.4.0-1].
    func startRetryTimer() {
        guard version != .v5, settings.retryInterval > 0, outbound.beginRetryRound() else { return }
        setRetryTimer(shard.now.adding(milliseconds: settings.retryInterval))
    }

    /// `retry_interval` has changed: what is in flight is looked at when the new one has passed.
    func restartRetryTimer() {
        guard version != .v5, isOnline, outbound.restartRetrying(isWanted: settings.retryInterval > 0) else {
            return
        }
        setRetryTimer(shard.now.adding(milliseconds: settings.retryInterval))
    }

    func setRetryTimer(_ time: MonotonicTime) {
        shard.timers.add(.retry(handle, connection.epoch, outbound.retryRound), at: time)
    }
}
