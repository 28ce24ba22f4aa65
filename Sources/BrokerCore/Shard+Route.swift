import BrokerMetrics
import MQTTCodec
import Primitives

/// From a message to its subscribers.
extension Shard {
    /// Keeps the message when it is to be retained, finds who subscribes to its topic, and gives each a copy: here
    /// at once, on other loops through this turn's batch.
    ///
    /// - Parameters:
    ///   - copies: which of the ledger's counters the copies go under.
    ///   - publisher: whose held answer may go out as soon as no copy needs the store; nil: only after the commit.
    ///   - reply: whom to answer, should the copies be given in later turns.
    func publish(
        _ publication: inout Publication, copies: Counter, publisher: SessionHandle? = nil,
        reply: FanOutReply? = nil
    ) -> PublishOutcome {
        counters.add(copies == .ledgerCopiesWill ? .ledgerWillsPublished : .ledgerAccepted)
        var wait = StoreWait.none
        if publication.facts.isRetained { wait = retain(&publication) }
        let count: Int?
        let keeps =
            isStoring && (publication.facts.qos != .atMostOnce || settings.session.upgradesOutgoingQoS)
        if keeps {
            beginRouting(publisher: wait.isNone ? publisher : nil)
            count = route(&publication)
            if outbox.routedMessage >= 0, wait.isNone, count != nil {
                // With several numbers the answer waits for the commit: no one of them tells of all.
                let tells = publisher != nil && outbox.keeping != .apart
                wait = StoreWait(batch: outbox.openNumber, message: tells ? outbox.routedMessage : -1)
            }
            endRouting()
        } else {
            count = route(&publication)
        }
        guard let count else {
            let serial = fanOuts.complete { entry in
                entry.isKept = keeps
                entry.copies = copies
                entry.publisher = wait.isNone ? publisher : nil
                entry.reply = reply
                entry.wait = wait
            }
            return PublishOutcome(matchCount: 1, wait: StoreWait(fanOut: serial))
        }
        counters.add(copies, count)
        counters.add(.routerMatchesLocal, count)
        counters.observe(.fanOut, UInt64(count))
        if count == 0 {
            counters.add(publication.facts.isRetained ? .ledgerUnroutedRetained : .ledgerUnrouted)
        }
        return PublishOutcome(matchCount: count, wait: wait)
    }

    struct PublishOutcome {
        /// How many copies were made; at least one when they are made later.
        var matchCount: Int
        /// When the message may be acknowledged.
        var wait: StoreWait
    }

    /// - Returns: how many copies were made; nil = they are made later.
    private func route(_ publication: inout Publication) -> Int? {
        publicationSerial &+= 1
        let mountpoint = publication.facts.mountpoint
        let generation = subscriptionTrie.generation
        let hash = RouteCache.hash(publication.topic, mountpoint)
        if let route = routes.find(hash, publication.topic, mountpoint, generation) {
            counters.add(.routerCacheHit)
            outbox.keeping = route.keeping
            return distribute(&publication, to: route)
        }
        counters.add(.routerCacheMiss)
        matches.removeAll()
        subscriptionTrie.match(publication.topic, mountpoint: mountpoint, loop: index, into: &matches)
        count(
            steps: 1 + publication.topic.byteCount >> 6 + (matches.targets.count + matches.groups.count) / 4)
        routes.offer(hash, publication.topic, mountpoint, matches)
        if outbox.isRouting { outbox.keeping = matches.keeping }
        // Taken out while it is read: a delivery must not find it in use.
        var found = SubscriptionMatches()
        swap(&found, &matches)
        let count = distribute(&publication, to: found)
        found.removeAll()
        swap(&found, &matches)
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
        let isFew = total <= copyBudget || total <= FanOutQueue.few
        guard total == 0 || (isFew && !fanOuts.holds(publication.facts.publisher)) else {
            putOff(&publication, found.targets, found.groups)
            return nil
        }
        copyBudget -= total
        count(steps: total)
        // Encoding once and copying pays from the third subscriber on.
        if targetCount > 2 {
            // Before the first template: all of them must hold a large payload, or none.
            if publication.isLarge { _ = publication.sharedMessage() }
            fanOut.begin()
        }
        var count = 0
        for index in 0..<targetCount {
            let target = found.targets[index]
            if target.isNoLocal, target.session == publication.facts.publisher { continue }
            count += 1
            give(&publication, target)
        }
        fanOut.end()
        for index in 0..<groupCount {
            if give(&publication, oneOf: found.groups[index]) { count += 1 }
        }
        return count
    }

    /// - Returns: false when it has no member that may have it.
    func give(_ publication: inout Publication, oneOf group: SharedGroupMembers) -> Bool {
        let picked = group.pick(
            random: random.next(), policy: settings.sharedSubscriptionPolicy,
            publisher: publication.facts.publisher)
        guard let picked else { return false }
        give(&publication, picked)
        return true
    }

    @inline(__always)
    func give(_ publication: inout Publication, _ target: SubscriptionTarget) {
        if Int(target.session.loop) == index {
            deliver(&publication, target, .none)
        } else if target.storeNumber != 0, outbox.isRouting, target.qos > 0 {
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
        guard let session = session(target.session) else {
            counters.add(.queueMessageIn)  // it was offered, and leaves at once
            deliverAfterEnd(&publication, target, ticket)
            return
        }
        session.deliver(&publication, terms(publication, target), ticket)
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
                counters.add(.sharedRedelivered)
                removeLate(removal)
                return
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
            guard let target = group.pick(random: random.next(), policy: settings.sharedSubscriptionPolicy)
            else {
                continue
            }
            publicationSerial &+= 1
            var publication = Publication(message)
            // Stored here, for a member of another loop too: the copy it replaces is removed after this batch.
            beginRedelivery(of: message)
            give(&publication, target)
            endRedelivery(of: message)
            return true
        }
        return false
    }

    /// The groups of the topic that `session` was a member of. A session that ends may have very many copies of one topic.
    private func groups(of message: ApplicationMessage, which session: SessionHandle)
        -> ContiguousArray<SharedGroupMembers>
    {
        count(steps: 1)
        let generation = subscriptionTrie.generation
        if let last = lastRedelivery, last.session == session, last.generation == generation,
            last.mountpoint == message.facts.mountpoint, RouteCache.equal(last.topic, message.topic)
        {
            return last.groups
        }
        matches.removeAll()
        subscriptionTrie.match(
            message.topic, mountpoint: message.facts.mountpoint, loop: index, into: &matches)
        count(steps: (matches.targets.count + matches.groups.count) / 2)
        let groups = ContiguousArray(matches.groups.filter { $0.hadMember(session) })
        lastRedelivery = LastRedelivery(
            session: session, topic: message.topic.copiedBytes(), mountpoint: message.facts.mountpoint,
            generation: matches.generation, groups: groups)
        return groups
    }

    /// What a redelivery has looked up last.
    struct LastRedelivery {
        let session: SessionHandle
        let topic: [UInt8]
        let mountpoint: Mountpoint
        let generation: UInt64
        let groups: ContiguousArray<SharedGroupMembers>
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
        if outbox.openRoute == nil {
            outbox.openRoute = StoreOutbox.HeldRoute(
                batch: outbox.openNumber, message: publication.sharedMessage(), targets: [])
        }
        outbox.openRoute?.targets.append((target, ticket))
    }

    /// - Parameter isCounted: it was counted as posted when it began to wait for its commit.
    func post(
        _ publication: inout Publication, _ target: SubscriptionTarget, _ ticket: StoreTicket = .none,
        isCounted: Bool = false
    ) {
        let loop = Int(target.session.loop)
        let batch: DeliveryBatch
        if let open = outgoing[loop] {
            batch = open
        } else {
            batch = broker.batches.take()
            outgoing[loop] = batch
        }
        batch.append(&publication, target, ticket, serial: publicationSerial)
        if !isCounted { counters.add(.ledgerPosted) }
    }

    /// Sends this turn's batches: one letter for each loop that gets something.
    func postDeliveries() {
        for loop in outgoing.indices {
            guard let batch = outgoing[loop] else { continue }
            outgoing[loop] = nil
            counters.add(.loopLettersPosted)
            if broker.addTransit(batch.byteCount, to: loop) > Broker.transitHighWater { isOverloaded = true }
            links.post(.deliveries(batch), loop)
        }
    }

    /// Copies delivered between two looks at the clock.
    private static let sliceSize = 64

    /// Delivers what another loop has sent, a slice at a time. Sessions may end between two slices, so each copy's is
    /// looked up when its turn comes.
    ///
    /// - Returns: false when the turn was over before the batch was empty: call again with it.
    func take(_ batch: DeliveryBatch, isTurnOver: () -> Bool) -> Bool {
        while true {
            let count = batch.take(Self.sliceSize) { publication, targets in
                if targets.count > 2 { fanOut.begin() }
                for index in targets.indices {
                    deliver(&publication, targets[index], batch.ticket(at: index))
                }
                fanOut.end()
            }
            counters.add(.ledgerTaken, count)
            if batch.isEmpty { break }
            if isTurnOver() { return false }
        }
        _ = broker.addTransit(-batch.byteCount, to: index)
        broker.batches.give(batch)
        return true
    }

    // MARK: Overload

    /// Stops reading a publisher until the loops it publishes to have caught up.
    func pauseForOverload(_ session: Session) {
        counters.add(.publishersPaused)
        session.transport?.pauseReading(.overload)
        overloadPaused.insert(session.handle)
    }

    func lookAtOverload() {
        let isBehind =
            (0..<broker.loopCount).contains { broker.transit(to: $0) > Broker.transitLowWater }
            || fanOuts.byteCount > FanOutQueue.highWater / 4
        guard !isBehind else { return }
        isOverloaded = false
        for handle in overloadPaused { session(handle)?.transport?.resumeReading(.overload) }
        overloadPaused = []
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
        _ = publish(&publication, copies: .ledgerCopiesWill)
        hooks.notify(
            .onPublish.forVersion(version),
            .published(
                PublishEvent(subscriber: client, userName: userName, message: message, version: version)))
    }
}
