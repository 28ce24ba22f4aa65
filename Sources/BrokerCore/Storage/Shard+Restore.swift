import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// Sessions found in the store at the start, before any listener is open.
///
///     restore (all sessions of all loops)  →  startRestored: expiry, wills
///
/// The second step comes after all of the first, so that a will finds every subscriber.
extension Shard {
    /// Brings sessions back whose home is this loop. Their messages stay in the store until the client comes.
    package func restore(_ sessions: [RestoredSession]) {
        for restored in sessions {
            let stored = restored.session
            if let other = session(stored.subscriber) {
                // Two sessions of one client cannot come from this broker; the younger is the one it knows.
                log.warning(
                    "the store has two sessions of one client; the older ends",
                    metadata: ["client": "\(stored.subscriber.clientID)"])
                other.end(.clientGone(other.id), at: .onClientGone)
            }
            let session = makeSession(stored.subscriber, settings.session)
            session.storeNumber = stored.number
            kept[stored.number] = session.handle
            session.version = stored.version
            session.isBridge = stored.isBridge
            session.sessionExpiryInterval = stored.expiryInterval
            session.connectExpiryWasZero = stored.expiryInterval == 0
            session.will = stored.will
            session.willDeadline = stored.willDeadline
            session.expiryDeadline = stored.expiryDeadline
            for identifier in restored.received {
                _ = session.received.insert(identifier)
                _ = session.storedReceived.insert(identifier)
            }
            if restored.copyCount > 0 {
                let backlog = StoredBacklog(count: restored.copyCount, next: 0)
                backlog.lacksFlights = true
                session.queue.backlog = backlog
            }
            session.sentThrough = stored.sentThrough
            broker.identifiers.goOn(stored.number, after: restored.lastIdentifier)
            for subscription in restored.subscriptions { session.add(subscription) }
            counters.add(.queueInitializedFromStorage)
            counters.add(.ledgerLoaded, restored.copyCount)
            counters.move(.queuedMessages, by: restored.copyCount)
            counters.move(.spilledMessages, by: restored.copyCount)
            counters.move(.storedCopies, by: restored.copyCount)
            counters.move(.sessionsOffline, by: 1)
        }
    }

    /// All sessions are there: those that had a connection lose it now, and what was due meanwhile happens.
    package func startRestored() {
        forEachSession { session in
            guard session.isKept, !session.isOnline else { return }
            session.restored()
        }
    }

    /// Messages of these sessions have expired; the numbers are the store's.
    func messagesAreDue(_ sessions: Set<UInt64>) {
        for number in sessions {
            if let handle = kept[number] { session(handle)?.messagesAreDue() }
        }
    }

    /// Once a second on the first loop: asks the store for messages whose time has come.
    func askForDueMessages() {
        dueLookAt = now.adding(seconds: 1)
        let post = links.post
        let loops = broker.loopCount
        if !broker.store.health.isFailing {
            broker.store.takeDue(now) { sessions in
                guard !sessions.isEmpty else { return }
                for loop in 0..<loops { post(.messagesAreDue(sessions), loop) }
            }
        }
    }
}

extension Session {
    /// Its connection ended with the broker, if it had one: the will and the expiry take their course from now.
    fileprivate func restored() {
        // All that is in the store now has arrived, and nothing of it is on its way.
        queue.backlog?.readableThrough = shard.broker.lastStoreNumber
        let wasOnline = expiryDeadline == nil
        // With a connection it may have been sent all that there is.
        if wasOnline { sentThrough = shard.broker.lastStoreNumber }
        queue.backlog?.sentThrough = sentThrough
        if wasOnline {
            expiryDeadline =
                sessionExpiryInterval == .max
                ? .distantFuture : shard.now.adding(seconds: UInt64(sessionExpiryInterval))
            if let will {
                willDeadline = shard.now.adding(
                    seconds: UInt64(min(will.delayInterval, sessionExpiryInterval)))
            }
        }
        if let expiryDeadline, expiryDeadline != .distantFuture {
            shard.timers.add(.sessionExpiry(handle, epoch), at: expiryDeadline)
        }
        if let willDeadline, will != nil { shard.timers.add(.will(handle, epoch), at: willDeadline) }
        if wasOnline { noteState() }
    }
}
