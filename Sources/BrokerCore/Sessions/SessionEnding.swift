import BrokerMetrics
import MQTTCodec
import Primitives

/// Removes what a session that has ended held, in slices: first its messages, then its subscriptions. Messages that
/// came through a shared subscription are given to other members of the group.
///
/// The session itself ends at once: its handle leads to no session any more, and its client id is free. A new session
/// of that client id has another handle, so nothing here touches its subscriptions. A message that matches a
/// subscription which is not removed yet is counted as dropped (`subscriberGone`); shared groups do not pick the
/// session (`SessionPresence`).
final class SessionEnding: DeferredJob {
    private let session: Session
    private let copies: EndedCopies
    /// Whether the rows of the subscriptions are removed one by one; if not, the store looks for all rows of the
    /// session.
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
                session.forgetRecord()
                shard.endRedeliveries()
                return false
            }
        }
        return true
    }

    /// Gives a copy that came through a shared subscription to another member of the group, because this session will
    /// never acknowledge it (§4.8.2). A QoS 2 message that was sent is not given away: the client may have it already
    /// [MQTT-4.8.2-5]. All other copies end with the session.
    private func giveAway(_ copy: EndedCopies.Copy, _ shard: Shard) {
        shard.count(steps: 1)
        guard copy.terms.isShared, !copy.wasSentWithQoS2, let message = copy.message,
            !message.isExpired(at: shard.now), shard.redeliver(message, from: session.handle)
        else {
            copies.leave(copy, shard)
            return
        }
        copies.handOn(copy, .sharedRedelivered, shard)
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
    /// Takes all copies in flight and in the queue out of the session, the oldest first; they are still counted there.
    /// Copies in the store alone are lost: no other session gets them.
    func takeCopies() -> EndedCopies {
        if let backlog = outbound.backlog {
            loseStored(backlog.count, .sessionEnded)
        }
        return EndedCopies(
            session: record.number, subscriber: id, window: outbound.takeWindow(),
            waiting: outbound.takeQueue())
    }

    /// Ends the session and removes all that it holds. It must have no connection.
    func end(_ notification: @autoclosure () -> HookNotification, at point: HookPoint) {
        let forgetsRows = forgetStored(hasBacklog: outbound.backlog != nil)
        presence?.state = .gone
        inbound.forgetReceived()
        outbound.forgetScans()
        if lifetime.expiryDeadline != nil { counters.move(.sessionsOffline, by: -1) }
        lifetime.end()
        if !subscriptions.isEmpty { shard.hooks.notify(.onTopicUnsubscribed, .topicUnsubscribed(id, nil)) }
        shard.remove(self)
        shard.perform(SessionEnding(self, forgetsRows: forgetsRows))
        shard.hooks.notify(point, notification())
    }
}
