import BrokerMetrics
import MQTTCodec
import Primitives

/// Clears away what an ended session held, a slice at a time: first its messages, of which other members of its shared
/// subscriptions get theirs, then its subscriptions.
///
/// The session itself has gone at once: its handle finds nobody, its client id is free, and a session that takes it has
/// another handle, so nothing here touches what that one subscribes to. A message that matches a subscription which is
/// not cleared yet is counted as dropped, `subscriberGone`; shared groups pass the session by (`SessionPresence`).
final class SessionEnding: DeferredJob {
    private let session: Session
    private let copies: EndedCopies
    /// Whether rows of the subscriptions are removed one by one; else the store removes all rows of the session.
    private let forgetsRows: Bool

    init(_ session: Session, forgetsRows: Bool) {
        self.session = session
        self.forgetsRows = forgetsRows
        copies = session.takeCopies()
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end {
            if let copy = copies.next(shard) {
                giveAway(copy, shard)
            } else if let subscription = session.subscriptions.popLast() {
                forget(subscription, shard)
            } else {
                session.storeNumber = 0
                shard.lastRedelivery = nil
                shard.outbox.redelivered = nil
                return false
            }
        }
        return true
    }

    /// What came through a shared subscription goes to another member of its group, now that this session will never
    /// acknowledge it (§4.8.2). A QoS 2 message that was sent stays here: the client may have it already
    /// [MQTT-4.8.2-5]. Everything else ends with the session.
    private func giveAway(_ copy: EndedCopies.Copy, _ shard: Shard) {
        shard.count(steps: 1)
        guard copy.terms.isShared, !copy.wasSentTwoStep, let message = copy.message,
            !message.isExpired(at: shard.now), shard.redeliver(message, from: session.handle)
        else {
            copies.leave(copy, shard)
            return
        }
        shard.counters.add(.sharedRedelivered)
        shard.removeLate(copy.removal(for: session.storeNumber))
    }

    private func forget(_ subscription: Subscription, _ shard: Shard) {
        shard.count(steps: shard.steps(of: subscription.filter))
        session.forget(subscription.filter)
        if forgetsRows {
            shard.note(.unsubscribe(session: session.storeNumber, filter: subscription.filter))
        }
    }
}

extension Session {
    /// Takes everything that is under way or waits out of the session, oldest first; it still counts as such. What lies
    /// in the store alone ends here: nobody else gets it.
    func takeCopies() -> EndedCopies {
        if let backlog = queue.backlog {
            loseStored(backlog.count, .sessionEnded)
        }
        return EndedCopies(of: self)
    }

    /// Removes the session with all it holds. It must be detached.
    func end(_ notification: @autoclosure () -> HookNotification, at point: HookPoint) {
        let forgetsRows = forgetStored(hasBacklog: queue.backlog != nil)
        presence?.state = .gone
        received.removeAll()
        retainedScans.removeAll()
        if expiryDeadline != nil { counters.move(.sessionsOffline, by: -1) }
        expiryDeadline = nil
        if !subscriptions.isEmpty { shard.hooks.notify(.onTopicUnsubscribed, .topicUnsubscribed(id, nil)) }
        shard.remove(self)
        shard.perform(SessionEnding(self, forgetsRows: forgetsRows))
        shard.hooks.notify(point, notification())
    }
}
