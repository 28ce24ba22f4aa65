import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// Sessions found in the store at the start, before any listener is open.
///
///     restore (all sessions of all loops)  →  startRestored: expiry, wills  →  committed  →  listeners open
///
/// The second step comes after all of the first, so that a will finds every subscriber. It ends with the commit, so that no
/// client sees a will which a second crash would have published again.
struct RestoredWork {
    /// Sessions that had a connection when the broker ended.
    fileprivate var wereOnline: Set<SessionHandle> = []
    /// Wills of clients whose sessions are gone.
    fileprivate var wills: ContiguousArray<StoredWill> = []
    fileprivate var nextSlot = 0
    fileprivate var nextWill = 0
}

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
            session.expiryDeadline = stored.expiryDeadline ?? restored.expiresAt
            if stored.expiryDeadline == nil { restoring.wereOnline.insert(session.handle) }
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

    /// Wills whose clients were connected when the broker crashed, and whose sessions ended with it.
    package func restore(_ wills: [StoredWill]) { restoring.wills += wills }

    /// Sessions and wills looked at in one call.
    private static let restoreSlice = 1000

    /// All sessions are there: those that had a connection lose it now, what was due meanwhile happens, and so that no more
    /// is on its way to the store than it takes, in several turns.
    ///
    /// - Returns: true when all has happened and is committed; else call again, in a later turn.
    package func startRestored() -> Bool {
        var left = Self.restoreSlice
        while restoring.nextSlot < slots.count {
            guard left > 0, !isStoreBehind else { return false }
            left -= 1
            if let session = slots[restoring.nextSlot], session.isKept, !session.isOnline {
                session.restored(wasOnline: restoring.wereOnline.contains(session.handle))
            }
            restoring.nextSlot += 1
        }
        while restoring.nextWill < restoring.wills.count {
            guard left > 0, !isStoreBehind else { return false }
            left -= 1
            publish(restoring.wills[restoring.nextWill])
            restoring.nextWill += 1
        }
        guard outbox.isEmpty else {
            outbox.isUrgent = true
            return false
        }
        restoring = RestoredWork()
        return true
    }

    /// Messages of these sessions have expired; the numbers are the store's.
    func messagesAreDue(_ sessions: Set<UInt64>) { perform(DueMessages(Array(sessions))) }

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
    /// Its connection ended with the broker, if it had one: the will's delay begins now, for its client could not come
    /// back before; the session's expiry began with the end.
    fileprivate func restored(wasOnline: Bool) {
        // All that is in the store now has arrived, and nothing of it is on its way.
        queue.backlog?.readableThrough = shard.broker.lastStoreNumber
        // With a connection it may have been sent all that there is.
        if wasOnline { sentThrough = shard.broker.lastStoreNumber }
        queue.backlog?.sentThrough = sentThrough
        // No stored deadline is later than its interval allows, whatever clocks have done.
        let latest = deadline(in: sessionExpiryInterval)
        let ends = min(expiryDeadline ?? latest, latest)
        expiryDeadline = ends
        if let will {
            let latest = deadline(in: min(will.delayInterval, sessionExpiryInterval))
            willDeadline = min(wasOnline ? ends : willDeadline ?? latest, latest)
        }
        guard ends > shard.now else {
            expire()
            return
        }
        publishOverdueWill()
        if ends != .distantFuture { shard.timers.add(.sessionExpiry(handle, epoch), at: ends) }
        if let willDeadline, will != nil { shard.timers.add(.will(handle, epoch), at: willDeadline) }
        if wasOnline { noteState() }
    }

    private func deadline(in interval: UInt32) -> MonotonicTime {
        interval == .max ? .distantFuture : shard.now.adding(seconds: UInt64(interval))
    }
}
