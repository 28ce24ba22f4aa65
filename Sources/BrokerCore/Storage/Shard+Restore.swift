import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// The sessions that were found in the store at the start, before any listener is open.
///
///     restore (all sessions of all loops)  →  startRestored: expiry, wills  →  committed  →  listeners open
///
/// The second step begins when all loops have done the first, so that a will is given to every subscriber. It ends with
/// the commit, so that no client gets a will which would be published again after a second crash.
struct RestoredWork {
    /// Sessions that had a connection when the broker ended.
    fileprivate var wereOnline: Set<SessionHandle> = []
    /// Wills of clients whose sessions are gone.
    fileprivate var wills: ContiguousArray<StoredWill> = []
    fileprivate var nextSlot = 0
    fileprivate var nextWill = 0
}

extension Shard {
    /// Makes the sessions whose home is this loop. Their messages stay in the store until the client connects.
    package func restore(_ sessions: [RestoredSession]) {
        for restored in sessions {
            let stored = restored.session
            if let other = session(stored.subscriber) {
                // This broker never stores two sessions of one client. The one that was made later is used.
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

    /// Takes the wills of clients that were connected when the broker crashed, and whose sessions ended with their
    /// connections.
    package func restore(_ wills: [StoredWill]) { restoring.wills += wills }

    /// Sessions and wills looked at in one call.
    private static let restoreSlice = 1000

    /// All sessions have been made. Those that had a connection lose it now, and sessions and wills that have become
    /// due are ended and published. That takes several turns, so that the store's backlog stays below its mark.
    ///
    /// - Returns: true when all is done and committed; otherwise call again in a later turn.
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

    /// Messages of these sessions have expired; the sessions are given by their numbers in the store.
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
    /// If the session had a connection, that ended with the broker. Its expiry interval began when the broker ended.
    /// The delay of its will begins now, because the client could not come back earlier.
    fileprivate func restored(wasOnline: Bool) {
        // All copies in the store may be read: none of them is still on its way to this loop.
        queue.backlog?.readableThrough = shard.broker.lastStoreNumber
        // If it had a connection, all of its copies may have been sent.
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
