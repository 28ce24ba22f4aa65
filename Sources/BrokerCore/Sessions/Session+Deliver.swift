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
        if let reason = take(&publication, terms, &ticket) { lose(&publication, ticket, reason) }
    }

    /// Sends a copy, or puts it into the queue.
    ///
    /// - Returns: why it is lost instead; nil = it is not.
    @inline(__always)
    private func take(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: inout StoreTicket
    ) -> DropReason? {
        let facts = DeliveryDecision.Facts(
            isOnline: output != nil, isOutputBlocked: output?.isBlocked == true,
            isHookAsked: shard.hooks.wantsDeliveries, isQueueEmpty: queue.isEmpty,
            isQueueEmptyInMemory: queue.isEmptyInMemory,
            hasWindowRoom: inflight.hasRoom(window, byteLimit: queueByteLimit))
        switch DeliveryDecision.decide(terms.qos, facts) {
        case .lose(let reason): return reason
        case .send:
            guard let output else { return nil }
            if isKept { ticket = keep(&publication, terms, ticket) }
            return send(&publication, terms, ticket, isCurrent: true, to: output)
        case .queue: return wait(&publication, terms, &ticket)
        }
    }

    /// - Returns: why the copy is lost instead.
    private func wait(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: inout StoreTicket
    ) -> DropReason? {
        guard let output else {
            if shard.hooks.wants(.onOfflineMessage) {
                shard.hooks.notify(
                    .onOfflineMessage, .offlineMessage(id, publication.sharedMessage(), terms.qos))
            }
            return enqueue(&publication, terms, &ticket, limit: settings.maxOfflineMessages)
        }
        if output.isBlocked, queue.isEmpty { counters.add(.subscriberBlocked) }
        let reason = enqueue(&publication, terms, &ticket, limit: settings.maxOnlineMessages)
        if reason == nil, shard.hooks.wantsDeliveries { drain() }
        return reason
    }

    /// Makes sure that a copy is in the store when it has to be, and only then.
    @inline(__always)
    private func keep(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ stored: StoreTicket
    ) -> StoreTicket {
        if terms.qos == .atMostOnce {
            unstore(stored, publication.message)
            return .none
        }
        return stored.isStored ? stored : shard.storeCopy(&publication, session: storeNumber, terms: terms)
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
                publication.byteCount, queueFacts(limit: limit, isStored: isStored))
            switch decision {
            case .refuse(let cause):
                if cause == .bytes { counters.add(.queueMemoryFull) }
                return .queueFull
            case .dropOldest(let cause):
                guard let oldest = queue.takeOldest() else { return .queueFull }
                if cause == .bytes { counters.add(.queueMemoryFull) }
                lose(oldest, .queueFull)
            case .append, .appendAndOweOldest, .leaveToStore:
                if isKept { ticket = keep(&publication, terms, ticket) }
                if ticket.isStored, !isOnline { shard.hurry(ticket) }
                if decision == .leaveToStore {
                    spill(ticket.number)
                    return nil
                }
                if decision == .appendAndOweOldest { queue.backlog?.owedDrops += 1 }
                let copy = QueuedMessage(message: publication.sharedMessage(), terms: terms, ticket: ticket)
                queue.append(copy)
                countQueued(copy, by: 1)
                return nil
            }
        }
    }

    private func queueFacts(limit: Int, isStored: Bool) -> QueueDecision.Facts {
        QueueDecision.Facts(
            type: settings.queueType, count: queue.count, limit: limit, countInMemory: queue.countInMemory,
            byteCount: queue.byteCount, byteLimit: queueByteLimit, hasBacklog: queue.backlog != nil,
            isStored: isStored, isOnline: isOnline, loopByteCount: shard.queuedByteCount)
    }

    func countQueued(_ copy: QueuedMessage, by change: Int) { shard.countQueued(copy, by: change) }
    func countQueuedBytes(_ change: Int) { shard.countQueuedBytes(change) }

    /// Sends what the queue holds while the window and the output have room.
    func drain() {
        guard let output, !queue.isEmpty else { return }
        if queue.backlog != nil { wantBacklog() }
        // The newest comes first: all of it must be here.
        if settings.queueType == .lifo, queue.backlog != nil { return }
        let end = shard.steps &+ DeferredWork.sliceSteps
        while pendingDelivery == nil, !output.isBlocked, let next = queue.peek(settings.queueType) {
            if next.qos != .atMostOnce, !inflight.hasRoom(window, byteLimit: queueByteLimit) { return }
            // The client knows it under its identifier, and has another one under it still.
            if next.hasFlightRow, inflight.find(next.ticket.identifier) != nil { return }
            guard shard.steps < end else { return sendMoreLater() }
            shard.count(steps: 1)
            guard let copy = queue.next(settings.queueType) else { return }
            if copy.isExpired(at: shard.now) {
                lose(copy, .expired)
                continue
            }
            countQueued(copy, by: -1)
            if shard.hooks.wantsDeliveries {
                askOnDeliver(copy, after: nil)
            } else {
                sendQueued(copy, copy.message, to: output)
            }
        }
        if queue.backlog != nil { wantBacklog() }
        if !retainedScans.isEmpty { scanRetained() }
    }

    private func sendQueued(_ copy: QueuedMessage, _ message: ApplicationMessage, to output: OutputBuffer) {
        var publication = Publication(message)
        let reason = send(
            &publication, copy.terms, copy.ticket, isCurrent: false, isDuplicate: copy.mayHaveBeenSent,
            flight: copy.flight, to: output)
        if let reason { lose(&publication, copy.ticket, reason, flight: copy.flight) }
    }

    /// The output has fallen below its low-water mark.
    package func outputDrained() {
        if inflight.unsentCount > 0 { resume() }
        drain()
        if !retainedScans.isEmpty { scanRetained() }
    }

    // MARK: on_deliver

    func askOnDeliver(_ copy: QueuedMessage, after course: HookCourse?) {
        let point = HookPoint.onDeliver.forVersion(version)
        let event = PublishEvent(subscriber: id, userName: userName, message: copy.message, version: version)
        let serial = shard.nextHookSerial()
        let ticket = shard.ticket(.session(handle), serial: serial)
        let outcome: HookOutcome<PublishModifiers> = shard.hooks.ask(point, after: course, counters: counters)
        {
            shard.hookCheck.checkedDelivery($0.onDeliver(event, ticket), $0)
        }
        switch outcome {
        case .nobody, .exhausted: finishDelivery(copy, nil)
        case .refused: refuseDelivery(copy)
        case .ok(let modifiers): finishDelivery(copy, modifiers)
        case .pending(let course):
            // The copy is held here, in front of the queue, and still counts as queued.
            countQueued(copy, by: 1)
            pendingDelivery = PendingHook(
                serial: serial, course: course, question: .deliver(copy))
            shard.startHookDeadline(for: .session(handle), serial: serial)
        }
    }

    func finishDelivery(_ copy: QueuedMessage, _ modifiers: PublishModifiers?) {
        guard let output else {
            queue.putBack(copy, settings.queueType)
            countQueued(copy, by: 1)
            return
        }
        let message = modifiers.map { copy.message.applying($0, now: shard.now) } ?? copy.message
        sendQueued(copy, message, to: output)
    }

    func refuseDelivery(_ copy: QueuedMessage) {
        loseUncounted(copy, .deniedByHook)
    }

    // MARK: The wire

    /// Writes PUBLISH for a copy, and with QoS 1 and 2 keeps it in the window until it is acknowledged.
    ///
    /// - Parameter isCurrent: the message is the very one that is being fanned out, so its templates may be used; a
    ///   queued one is another message, and a hook may have changed this subscriber's copy.
    /// - Returns: why the copy is lost instead.
    private func send(
        _ publication: inout Publication, _ terms: DeliveryTerms, _ ticket: StoreTicket, isCurrent: Bool,
        isDuplicate: Bool = false, flight: FlightNote = .none, to output: OutputBuffer
    ) -> DropReason? {
        let qos = terms.qos
        var identifier: UInt16 = 0
        if qos != .atMostOnce {
            if ticket.isStored, isKept {
                guard ticket.identifier != 0, inflight.claim(ticket.identifier) else {
                    holdForCommit(publication.sharedMessage(), terms, ticket, isDuplicate: isDuplicate)
                    return nil
                }
                guard !waitsForOrder(qos) else {
                    holdForOrder(publication.sharedMessage(), terms, ticket, flight, isDuplicate: isDuplicate)
                    return nil
                }
                identifier = ticket.identifier
            } else if let next = inflight.nextIdentifier() {
                identifier = next
            } else {
                // All 65,535 identifiers are under way; the window was looked at, so this cannot be reached.
                return .queueFull
            }
        }
        let isPlain = terms.subscriptionIdentifier == 0 && outgoingAliases == nil && maximumPacketSize == 0
        let usesTemplate = isPlain && isCurrent && !isDuplicate && shard.fanOut.isActive
        if qos == .atMostOnce, usesTemplate {
            guard
                shard.fanOut.append(
                    publication, version, qos, terms.isRetained, identifier: 0, now: shard.now, to: output)
            else { return .packetTooLarge }
            counters.add(.publishSent, version.label)
            countOutput(output)
            return nil
        }
        let isSent =
            usesTemplate
            ? shard.fanOut.append(
                publication, version, qos, terms.isRetained, identifier: identifier, now: shard.now,
                to: output)
            : encode(publication, terms, identifier: identifier, isDuplicate: isDuplicate, to: output)
        // Larger than the client takes, or than any packet of its version [MQTT-3.1.2-25]. The window's place stays free.
        guard isSent else { return .packetTooLarge }
        counters.add(.publishSent, version.label)
        guard qos != .atMostOnce else {
            countOutput(output)
            return nil
        }
        var entry = InflightWindow.Entry(
            packetIdentifier: identifier, state: qos == .atLeastOnce ? .awaitingPuback : .awaitingPubrec,
            terms: terms, sentAt: shard.now, ticket: ticket)
        entry.flight = flight
        inflight.append(entry, publication.sharedMessage())
        sentThrough = max(sentThrough, ticket.number)
        counters.move(.inflightMessages, by: 1)
        startRetryTimer()
        return nil
    }

    /// A message of QoS 0 is in the output. It is delivered when the kernel has taken it.
    @inline(__always)
    private func countOutput(_ output: OutputBuffer) {
        counters.move(.outputMessages, by: 1)
        output.countPacket()
    }

    /// - Returns: false when the packet is larger than the client takes, or than any packet; nothing is written then.
    func encode(
        _ publication: borrowing Publication, _ terms: DeliveryTerms, identifier: UInt16,
        isDuplicate: Bool = false, to output: OutputBuffer
    ) -> Bool {
        var encoder = PublishEncoder(
            topic: publication.topic, properties: publication.properties, payload: publication.payload,
            sharedPayload: publication.message?.sharedPayload, version: version)
        encoder.qos = terms.qos
        encoder.isRetained = terms.isRetained
        encoder.isDuplicate = isDuplicate
        encoder.packetIdentifier = identifier
        if version == .v5 {
            encoder.subscriptionIdentifier = terms.subscriptionIdentifier
            if let deadline = publication.facts.expiryDeadline {
                encoder.messageExpiryInterval = UInt32(clamping: deadline.secondsRoundedUp(since: shard.now))
            }
            let limit =
                maximumPacketSize > 0
                ? min(Int(maximumPacketSize), FixedHeader.largestPacketByteCount)
                : FixedHeader.largestPacketByteCount
            if encoder.packetByteCount > limit { return false }
            if outgoingAliases != nil {
                // The alias itself takes three bytes, which the packet may not have left.
                encoder.topicAlias = .max
                let hasRoom = encoder.packetByteCount <= limit
                encoder.topicAlias = 0
                if hasRoom, let use = outgoingAliases?.use(publication.topic) {
                    encoder.topicAlias = use.alias
                    encoder.omitsTopic = use.isKnown
                }
            }
        }
        return encoder.encode(to: output)
    }
}

extension Shard {
    /// A copy has come into a queue or left it. Its bytes count in each queue that holds the message.
    func countQueued(_ copy: QueuedMessage, by change: Int) {
        counters.move(.queuedMessages, by: change)
        countQueuedBytes(change * copy.message.byteCount)
    }

    func countQueuedBytes(_ change: Int) {
        counters.move(.queuedBytes, by: change)
        queuedByteCount += change
    }
}
