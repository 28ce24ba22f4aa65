import MQTTCodec
import Primitives

/// Lets go on what waited for commits: answers and held messages of sessions, copies for other loops, late removals.
/// When the store was slow, very many of them may wait for one commit.
final class CommitSettling: DeferredJob {
    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end {
            guard shard.settleNext() else {
                shard.outbox.isSettling = false
                return false
            }
        }
        return true
    }
}

extension Shard {
    /// Lets go on what waits for the oldest batch, if that is committed.
    ///
    /// - Returns: false when nothing is left of it.
    fileprivate func settleNext() -> Bool {
        let waiter = outbox.waiters.first?.batch ?? .max
        let route = outbox.heldRoutes.first?.batch ?? .max
        let late = outbox.removals.late.first?.batch ?? .max
        let next = min(waiter, route, late)
        guard next != .max, outbox.isCommitted(next) else { return false }
        count(steps: 1)
        if waiter == next {
            session(outbox.waiters.removeFirst().session)?.storeCommitted()
        } else if route == next {
            post(outbox.heldRoutes.removeFirst())
        } else {
            let removal = outbox.removals.late.removeFirst().removal
            let loop = Int(removal.ticket.loop)
            if loop == index { remove(removal) } else { outbox.removals.append(removal, for: loop) }
        }
        return true
    }

    /// Posts the copies of a QoS 2 message to other loops, for they are committed now.
    private func post(_ route: StoreOutbox.HeldRoute) {
        routing.publicationSerial &+= 1
        count(steps: route.targets.count / 8)
        var publication = Publication(route.message)
        for entry in route.targets {
            // The copy is committed, so the other loop may remove it: the order of batches no longer matters.
            let ticket = StoreTicket(number: entry.ticket.number, loop: entry.target.session.loop)
            post(&publication, entry.target, ticket, isCounted: true)
        }
    }
}

/// Tells sessions that messages of theirs have expired.
final class DueMessages: DeferredJob {
    private var sessions: [UInt64]

    /// - Parameter sessions: numbers of the store.
    init(_ sessions: [UInt64]) { self.sessions = sessions }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end, let number = sessions.popLast() {
            shard.count(steps: 1)
            if let handle = shard.storage.kept[number] { shard.session(handle)?.messagesAreDue() }
        }
        return !sessions.isEmpty
    }
}
