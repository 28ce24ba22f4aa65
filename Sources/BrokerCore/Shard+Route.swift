import BrokerMetrics
import MQTTCodec
import Primitives

/// From a message to its subscribers.
extension Shard {
    /// Keeps the message when it is to be retained, finds who subscribes to its topic, and gives each a copy: here
    /// at once, on other loops through this turn's batch.
    ///
    /// - Parameters:
    ///   - origin: who published it, under whom message and copies are counted.
    ///   - publisher: whose held answer may go out as soon as no copy needs the store; nil: only after the commit.
    ///   - reply: whom to answer, should the copies be given in later turns.
    func publish(
        _ publication: inout Publication, origin: PublicationOrigin, publisher: SessionHandle? = nil,
        reply: FanOutReply? = nil
    ) -> PublishOutcome {
        counters.add(routed: origin)
        var wait = StoreWait.none
        if publication.facts.isRetained { wait = retain(&publication) }
        let count: Int?
        let keeps =
            isStoring && (publication.facts.qos != .atMostOnce || settings.session.upgradesOutgoingQoS)
        if keeps {
            beginStoring(&publication, publisher: wait.isNone ? publisher : nil)
            count = route(&publication)
            if publication.storing.message >= 0, wait.isNone, count != nil {
                // With several numbers the answer waits for the commit: no one of them tells of all.
                let tells = publisher != nil && publication.storing.keeping != .numberForEach
                wait = StoreWait(batch: outbox.openNumber, message: tells ? publication.storing.message : -1)
            }
            endStoring(&publication)
        } else {
            count = route(&publication)
        }
        guard let count else {
            let serial = routing.fanOuts.complete { entry in
                entry.isKept = keeps
                entry.origin = origin
                entry.publisher = wait.isNone ? publisher : nil
                entry.reply = reply
                entry.wait = wait
            }
            return PublishOutcome(matchCount: 1, wait: StoreWait(fanOut: serial))
        }
        counters.add(copiesOf: origin, count)
        counters.add(.routerMatchesLocal, count)
        // Nobody need listen to what the broker says of itself: that is no loss.
        if origin != .broker {
            counters.observe(.fanOut, UInt64(count))
            if count == 0 {
                counters.add(publication.facts.isRetained ? .ledgerUnroutedRetained : .ledgerUnrouted)
            }
        }
        return PublishOutcome(matchCount: count, wait: wait)
    }

    struct PublishOutcome {
        /// How many copies were made; at least one when they are made later.
        var matchCount: Int
        /// When the message may be acknowledged.
        var wait: StoreWait
    }

    /// Whether the store takes no writes now and the message would have to be stored: it is retained, or a subscriber's
    /// session is stored.
    func isUnstorable(_ publication: borrowing Publication) -> Bool {
        guard isStoring, broker.store.health.isFailing else { return false }
        if publication.facts.isRetained { return true }
        guard publication.facts.qos != .atMostOnce || settings.session.upgradesOutgoingQoS else {
            return false
        }
        var found = SubscriptionMatches()
        routing.trie.match(
            publication.topic, mountpoint: publication.facts.mountpoint, loop: index, into: &found)
        return found.targets.contains { $0.storeNumber != 0 && $0.qos > 0 }
            || found.groups.contains { $0.mayStore }
    }

    /// - Returns: how many copies were made; nil = they are made later.
    private func route(_ publication: inout Publication) -> Int? {
        routing.publicationSerial &+= 1
        let mountpoint = publication.facts.mountpoint
        let generation = routing.trie.generation
        let hash = RouteCache.hash(publication.topic, mountpoint)
        if let route = unsafe routing.routes.find(hash, publication.topic, mountpoint, generation) {
            counters.add(.routerCacheHit)
            return unsafe route._withUnsafeGuaranteedRef { route in
                publication.storing.keeping = route.keeping
                routing.routes.beginReading()
                defer { routing.routes.endReading() }
                return distribute(&publication, to: route)
            }
        }
        counters.add(.routerCacheMiss)
        routing.matches.removeAll()
        routing.trie.match(publication.topic, mountpoint: mountpoint, loop: index, into: &routing.matches)
        count(
            steps: 1 + publication.topic.byteCount >> 6
                + (routing.matches.targets.count + routing.matches.groups.count) / 4)
        routing.routes.offer(hash, publication.topic, mountpoint, routing.matches)
        if publication.storing.isActive { publication.storing.keeping = routing.matches.keeping }
        // Taken out while it is read: a delivery must not find it in use.
        var found = SubscriptionMatches()
        swap(&found, &routing.matches)
        let count = distribute(&publication, to: found)
        found.removeAll()
        swap(&found, &routing.matches)
        return count
    }

    /// - Parameter found: read where it is: its lists as parameters would be counted with each message.
    /// - Returns: how many copies were given; nil = they are given later.
    private func distribute<Recipients: RecipientLists>(
        _ publication: inout Publication, to found: borrowing Recipients
    ) -> Int? {
        let targetCount = found.targets.count
        let groupCount = found.groups.count
        let total = targetCount + groupCount
        let isFew = total <= routing.copyBudget || total <= FanOutQueue.few
        guard total == 0 || (isFew && !routing.fanOuts.isWaiting(publication.facts.publisher)) else {
            putOff(&publication, found.targets, found.groups)
            return nil
        }
        routing.copyBudget -= total
        count(steps: total)
        // Encoding once and copying pays from the third subscriber on.
        if targetCount > 2 {
            // Before the first template: all of them must hold a large payload, or none.
            if publication.isLarge { _ = publication.sharedMessage() }
            packets.templates.begin()
        }
        var count = 0
        for index in 0..<targetCount {
            let target = found.targets[index]
            if target.isNoLocal, target.session == publication.facts.publisher { continue }
            count += 1
            give(&publication, target)
        }
        packets.templates.end()
        for index in 0..<groupCount {
            if give(&publication, oneOf: found.groups[index]) { count += 1 }
        }
        measured(publication)
        return count
    }

    /// - Returns: false when it has no member that may have it.
    func give(_ publication: inout Publication, oneOf group: SharedGroupMembers) -> Bool {
        let picked = group.pick(
            random: routing.random.next(), policy: settings.sharedSubscriptionPolicy,
            publisher: publication.facts.publisher)
        guard let picked else { return false }
        give(&publication, picked)
        return true
    }

    @inline(__always)
    func give(_ publication: inout Publication, _ target: SubscriptionTarget) {
        if Int(target.session.loop) == index {
            deliver(&publication, target, .none)
        } else if target.storeNumber != 0, publication.storing.isActive, target.qos > 0 {
            postKept(&publication, target)
        } else {
            post(&publication, target)
        }
    }

    /// Gives a copy to a session of this loop.
    ///
    /// - Parameter ticket: where the publisher's loop has stored it.
    private func deliver(
        _ publication: inout Publication, _ target: SubscriptionTarget, _ ticket: StoreTicket
    ) {
        guard let session = unsafe sessions.unretained(target.session) else {
            counters.add(.queueMessageIn)  // it was offered, and leaves at once
            deliverAfterEnd(&publication, target, ticket)
            return
        }
        let terms = terms(publication, target)
        unsafe session._withUnsafeGuaranteedRef { $0.deliver(&publication, terms, ticket) }
    }

    @inline(__always)
    private func terms(_ publication: borrowing Publication, _ target: SubscriptionTarget) -> DeliveryTerms {
        DeliveryTerms(
            qos: QoS(rawValue: target.qos) ?? .exactlyOnce,
            isRetained: target.isRetainAsPublished && publication.facts.isRetained, isShared: target.isShared,
            subscriptionIdentifier: target.subscriptionIdentifier)
    }

    /// A copy whose session ended while it was on its way from another loop: a shared one goes to another member.
    private func deliverAfterEnd(
        _ publication: inout Publication, _ target: SubscriptionTarget, _ ticket: StoreTicket
    ) {
        let removal = StoreRemoval(
            ticket: ticket, session: target.storeNumber, expiryDeadline: publication.facts.expiryDeadline,
            flight: .none)
        if target.isShared, target.qos > 0, publication.facts.qos != .atMostOnce {
            // Its own publication: the one at hand is being fanned out.
            if redeliver(publication.sharedMessage(), from: target.session) {
                return handOn(removal)
            }
        }
        loseAfterEnd(&publication, removal)
    }

    /// Gives a copy that its session did not live to acknowledge to another member of its group. The copy keeps its
    /// place in the ledger: it was made once.
    ///
    /// - Parameter ended: the session that ended. A group that it was no member of has had a copy of its own.
    /// - Returns: false when there is no other member.
    func redeliver(_ message: ApplicationMessage, from ended: SessionHandle) -> Bool {
        for group in groups(of: message, which: ended) {
            guard
                let target = group.pick(
                    random: routing.random.next(), policy: settings.sharedSubscriptionPolicy)
            else {
                continue
            }
            routing.publicationSerial &+= 1
            var publication = Publication(message)
            // Stored here, for a member of another loop too: the copy it replaces is removed after this batch.
            beginRedelivery(of: message, as: &publication)
            let outer = residence.setApart()
            give(&publication, target)
            measured(publication, outer)
            endRedelivery(of: message, as: &publication)
            return true
        }
        return false
    }

    /// The groups of the topic that `session` was a member of. A session that ends may have very many copies of one topic.
    private func groups(of message: ApplicationMessage, which session: SessionHandle)
        -> ContiguousArray<SharedGroupMembers>
    {
        count(steps: 1)
        let generation = routing.trie.generation
        if let last = routing.lastRedelivery, last.session == session, last.generation == generation,
            last.mountpoint == message.facts.mountpoint, RouteCache.equal(last.topic, message.topic)
        {
            return last.groups
        }
        routing.matches.removeAll()
        routing.trie.match(
            message.topic, mountpoint: message.facts.mountpoint, loop: index, into: &routing.matches)
        count(steps: (routing.matches.targets.count + routing.matches.groups.count) / 2)
        let groups = ContiguousArray(routing.matches.groups.filter { $0.hadMember(session) })
        routing.lastRedelivery = LastRedelivery(
            session: session, topic: message.topic.copiedBytes(), mountpoint: message.facts.mountpoint,
            generation: routing.matches.generation, groups: groups)
        return groups
    }

    // MARK: Other loops

    /// Stores the copy for a session of another loop and posts it: with QoS 2 once it is committed.
    private func postKept(_ publication: inout Publication, _ target: SubscriptionTarget) {
        var terms = terms(publication, target)
        if !settings.session.upgradesOutgoingQoS { terms.qos = min(terms.qos, publication.facts.qos) }
        guard terms.qos != .atMostOnce else {
            post(&publication, target)
            return
        }
        let ticket = storeCopy(
            &publication, session: target.storeNumber, terms: terms, loop: Int(target.session.loop))
        guard terms.qos == .exactlyOnce else {
            post(&publication, target, ticket)
            return
        }
        outbox.isUrgent = true
        if publication.storing.route == nil {
            publication.storing.route = StoreOutbox.HeldRoute(
                batch: outbox.openNumber, message: publication.sharedMessage(), targets: [])
        }
        publication.storing.route?.targets.append((target, ticket))
    }

    /// - Parameter isCounted: it was counted as posted when it began to wait for its commit.
    func post(
        _ publication: inout Publication, _ target: SubscriptionTarget, _ ticket: StoreTicket = .none,
        isCounted: Bool = false
    ) {
        let loop = Int(target.session.loop)
        let batch: DeliveryBatch
        if let open = routing.outgoing[loop] {
            batch = open
        } else {
            batch = broker.batches.take()
            routing.outgoing[loop] = batch
        }
        batch.append(&publication, target, ticket, serial: routing.publicationSerial)
        if !isCounted { counters.add(.ledgerPosted) }
    }

    /// Sends this turn's batches: one letter for each loop that gets something.
    func postDeliveries() {
        for loop in routing.outgoing.indices {
            guard let batch = routing.outgoing[loop] else { continue }
            routing.outgoing[loop] = nil
            counters.add(.loopLettersPosted)
            if broker.addTransit(batch.byteCount, to: loop) > Broker.transitHighWater { overload.begin() }
            links.post(.deliveries(batch), loop)
        }
    }

    /// Copies delivered between two looks at the clock.
    private static let sliceSize = 64

    /// Delivers what another loop has sent, a slice at a time. Sessions may end between two slices, so each copy's is
    /// looked up when its turn comes.
    ///
    /// - Returns: false when the turn was over before the batch was empty: call again with it.
    func deliver(_ batch: DeliveryBatch, isTurnOver: () -> Bool) -> Bool {
        while true {
            let count = batch.take(Self.sliceSize) { publication, targets in
                if targets.count > 2 { packets.templates.begin() }
                for index in targets.indices {
                    deliver(&publication, targets[index], batch.ticket(at: index))
                }
                packets.templates.end()
                measured(publication)
            }
            counters.add(.ledgerTaken, count)
            if batch.isEmpty { break }
            if isTurnOver() { return false }
        }
        _ = broker.addTransit(-batch.byteCount, to: index)
        broker.batches.give(batch)
        return true
    }

    // MARK: Messages that no client has sent

    /// Publishes what came by letter (`CoreLetter.publish`).
    func publish(_ message: ApplicationMessage, _ origin: PublicationOrigin) {
        var publication = Publication(message)
        guard !isUnstorable(publication) else { return counters.add(.publicationsRefused) }
        _ = publish(&publication, origin: origin)
    }

    // MARK: Wills

    func publish(_ will: WillMessage, from session: Session) {
        publish(will, of: session.id, userName: session.userName, session.version)
    }

    /// Publishes a will that was found at the start. It leaves the store with the batch that holds its copies.
    func publish(_ found: StoredWill) {
        publish(found.will, of: found.subscriber, userName: nil, found.version)
        note(.forgetWill(found.number))
    }

    private func publish(
        _ will: WillMessage, of client: SubscriberID, userName: UTF8Text?, _ version: ProtocolVersion
    ) {
        let message = will.message(at: now)
        var publication = Publication(message)
        _ = publish(&publication, origin: .will)
        hooks.notify(
            .onPublish.forVersion(version),
            .published(
                PublishEvent(subscriber: client, userName: userName, message: message, version: version)))
    }
}
