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
            session.restore(restored)
            keep(stored.number, for: session.handle)
            if stored.expiryDeadline == nil { storage.restoring.wereOnline.insert(session.handle) }
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
    package func restore(_ wills: [StoredWill]) { storage.restoring.wills += wills }

    /// Sessions and wills looked at in one call.
    private static let restoreSlice = 1000

    /// All sessions have been made. Those that had a connection lose it now, and sessions and wills that have become
    /// due are ended and published. That takes several turns, so that the store's backlog stays below its mark.
    ///
    /// - Returns: true when all is done and committed; otherwise call again in a later turn.
    package func startRestored() -> Bool {
        var left = Self.restoreSlice
        while storage.restoring.nextSlot < sessions.slotCount {
            guard left > 0, !isStoreBehind else { return false }
            left -= 1
            if let session = sessions.session(inSlot: storage.restoring.nextSlot), session.isKept,
                !session.isOnline
            {
                session.restored(wasOnline: storage.restoring.wereOnline.contains(session.handle))
            }
            storage.restoring.nextSlot += 1
        }
        while storage.restoring.nextWill < storage.restoring.wills.count {
            guard left > 0, !isStoreBehind else { return false }
            left -= 1
            publish(storage.restoring.wills[storage.restoring.nextWill])
            storage.restoring.nextWill += 1
        }
        guard outbox.isEmpty else {
            outbox.isUrgent = true
            return false
        }
        storage.restoring = RestoredWork()
        return true
    }

    /// Messages of these sessions have expired; the sessions are given by their numbers in the store.
    func messagesAreDue(_ sessions: Set<UInt64>) { perform(DueMessages(Array(sessions))) }

    /// Once a second on the first loop: asks the store for messages whose time has come.
    func askForDueMessages() {
        storage.dueLookAt = now.adding(seconds: 1)
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
    /// Takes over what the store has of the session.
    fileprivate func restore(_ restored: RestoredSession) {
        let stored = restored.session
        record.keep(as: stored.number)
        connection.restore(stored.version, isBridge: stored.isBridge)
        lifetime.restore(stored, expiresAt: stored.expiryDeadline ?? restored.expiresAt)
        inbound.restore(restored.received)
        if restored.copyCount > 0 { outbound.restoreBacklog(restored.copyCount) }
        outbound.restore(sentThrough: stored.sentThrough)
    }

    /// If the session had a connection, that ended with the broker. Its expiry interval began when the broker ended.
    /// The delay of its will begins now, because the client could not come back earlier.
    fileprivate func restored(wasOnline: Bool) {
        // All copies in the store may be read: none of them is still on its way to this loop.
        outbound.backlog?.readableThrough = shard.broker.lastStoreNumber
        // If it had a connection, all of its copies may have been sent.
        if wasOnline { outbound.restore(sentThrough: shard.broker.lastStoreNumber) }
        outbound.backlog?.sentThrough = outbound.sentThrough
        lifetime.limitDeadlines(wasOnline: wasOnline, shard.now)
        let ends = lifetime.expiryDeadline ?? .distantFuture
        guard ends > shard.now else {
            expire()
            return
        }
        publishOverdueWill()
        let epoch = connection.epoch
        if ends != .distantFuture { shard.timers.add(.sessionExpiry(handle, epoch), at: ends) }
        if let due = lifetime.willDeadline { shard.timers.add(.will(handle, epoch), at: due) }
        if wasOnline { noteState() }
    }
}
