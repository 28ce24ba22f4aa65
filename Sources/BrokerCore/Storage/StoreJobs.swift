import MQTTCodec
import Primitives

/// What waited for commits goes on: answers and held messages of sessions, copies for other loops, late removals. A store
/// that was slow may have very much of it wait for one commit.
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
    /// Works off what waited longest for a commit that has come.
    ///
    /// - Returns: false when nothing is left of it.
    fileprivate func settleNext() -> Bool {
        let waiter = outbox.waiters.first?.batch ?? .max
        let route = outbox.heldRoutes.first?.batch ?? .max
        let late = outbox.lateRemovals.first?.batch ?? .max
        let next = min(waiter, route, late)
        guard next != .max, outbox.isCommitted(next) else { return false }
        count(steps: 1)
        if waiter == next {
            session(outbox.waiters.removeFirst().session)?.storeCommitted()
        } else if route == next {
            release(outbox.heldRoutes.removeFirst())
        } else {
            let removal = outbox.lateRemovals.removeFirst().removal
            let loop = Int(removal.ticket.loop)
            if loop == index { remove(removal) } else { outbox.append(removal, for: loop) }
        }
        return true
    }

    /// A QoS 2 message whose copies for other loops are committed goes there now.
    private func release(_ route: StoreOutbox.HeldRoute) {
        publicationSerial &+= 1
        count(steps: route.targets.count / 8)
        var publication = Publication(route.message)
        for entry in route.targets {
            // Committed: from here on it is the other loop's to remove.
            let ticket = StoreTicket(number: entry.ticket.number, loop: entry.target.session.loop)
            post(&publication, entry.target, ticket, isCounted: true)
        }
    }
}

/// Messages for these sessions have expired.
final class DueMessages: DeferredJob {
    private var sessions: [UInt64]

    /// - Parameter sessions: numbers of the store.
    init(_ sessions: [UInt64]) { self.sessions = sessions }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end, let number = sessions.popLast() {
            shard.count(steps: 1)
            if let handle = shard.kept[number] { shard.session(handle)?.messagesAreDue() }
        }
        return !sessions.isEmpty
    }
}
