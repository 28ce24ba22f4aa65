import BrokerMetrics
import DequeModule
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
    private var underWay: Deque<InflightWindow.Entry>
    private var waiting: Deque<QueuedMessage>
    /// Whether rows of the subscriptions are removed one by one; else the store removes all rows of the session.
    private let forgetsRows: Bool

    init(_ session: Session, forgetsRows: Bool) {
        self.session = session
        self.forgetsRows = forgetsRows
        (underWay, waiting) = session.takeCopies()
    }

    func advance(on shard: Shard, until end: UInt64) -> Bool {
        while shard.steps < end {
            if let entry = underWay.popFirst() {
                shard.counters.move(.inflightMessages, by: -1)
                session.giveAway(Session.EndedCopy(entry))
            } else if let copy = waiting.popFirst() {
                session.countQueued(copy, by: -1)
                session.giveAway(Session.EndedCopy(copy))
            } else if let subscription = session.subscriptions.popLast() {
                forget(subscription, shard)
            } else {
                session.storeNumber = 0
                return false
            }
        }
        return true
    }

    private func forget(_ subscription: Subscription, _ shard: Shard) {
        shard.count(steps: 1 + subscription.filter.count >> 8)
        session.forget(subscription.filter)
        if forgetsRows {
            shard.note(.unsubscribe(session: session.storeNumber, filter: subscription.filter))
        }
    }
}

extension Session {
    /// A copy that its session will not deliver any more.
    struct EndedCopy {
        /// nil: the client has it, and only PUBCOMP was outstanding.
        var message: ApplicationMessage?
        var terms: DeliveryTerms
        /// It was sent with QoS 2 and may have arrived.
        var wasSentTwoStep: Bool
        var ticket: StoreTicket
        var flight = FlightNote.none

        init(_ entry: InflightWindow.Entry) {
            message = entry.message
            terms = entry.terms
            wasSentTwoStep = entry.terms.qos == .exactlyOnce && (entry.heldFor == 0 || entry.message == nil)
            ticket = entry.ticket
            flight = entry.flight
        }

        init(_ copy: QueuedMessage) {
            message = copy.message
            terms = copy.terms
            wasSentTwoStep = false
            ticket = copy.ticket
        }

        func removal(for session: UInt64) -> StoreRemoval {
            StoreRemoval(
                ticket: ticket, session: session, expiryDeadline: message?.facts.expiryDeadline,
                flight: flight)
        }
    }

    /// What came through a shared subscription goes to another member of its group, now that this session will never
    /// acknowledge it (§4.8.2). A QoS 2 message that was sent stays here: the client may have it already
    /// [MQTT-4.8.2-5]. Everything else ends with the session.
    func giveAway(_ copy: EndedCopy) {
        shard.count(steps: 1)
        guard copy.terms.isShared, !copy.wasSentTwoStep, let message = copy.message,
            !message.isExpired(at: shard.now), shard.redeliver(message, from: handle)
        else {
            count(givenUp: copy)
            return
        }
        counters.add(.sharedRedelivered)
        shard.removeLate(copy.removal(for: storeNumber))
    }

    /// Takes everything that is under way or waits out of the session, oldest first; it still counts as such. What lies
    /// in the store alone ends here: nobody else gets it.
    func takeCopies() -> (underWay: Deque<InflightWindow.Entry>, waiting: Deque<QueuedMessage>) {
        if let backlog = queue.backlog {
            counters.add(DropReason.sessionEnded, backlog.count)
            counters.move(.queuedMessages, by: -backlog.count)
            counters.move(.spilledMessages, by: -backlog.count)
            counters.move(.storedCopies, by: -backlog.count)
        }
        return (inflight.removeAll(), queue.removeAll())
    }

    /// The copy leaves the ledger with its session.
    func count(givenUp copy: EndedCopy) {
        unstore(copy.ticket, copy.message, flight: copy.flight)
        if copy.message == nil {
            counters.add(.ledgerDelivered)
        } else {
            counters.add(DropReason.sessionEnded)
        }
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
