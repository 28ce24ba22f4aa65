import BrokerMetrics
import DequeModule
import MQTTCodec
import Primitives

/// What a session that has ended would still have delivered: up to 65,535 messages under way and a queue of any length,
/// so they leave some at a time (`SessionEnding`). Until its turn comes, a copy is counted as under way or queued.
final class EndedCopies {
    /// A copy that its session will not deliver any more.
    struct Copy {
        /// nil: the client has it, and only PUBCOMP was outstanding.
        var message: ApplicationMessage?
        var terms: DeliveryTerms
        /// It was sent with QoS 2 and may have arrived.
        var wasSentTwoStep: Bool
        var ticket: StoreTicket
        var flight: FlightNote

        func removal(for session: UInt64) -> StoreRemoval {
            StoreRemoval(
                ticket: ticket, session: session, expiryDeadline: message?.facts.expiryDeadline,
                flight: flight)
        }
    }

    private var inflight = InflightWindow()
    private var waiting: Deque<QueuedMessage>
    /// Its number in the store; 0 = it is not kept.
    let session: UInt64
    let subscriber: SubscriberID

    /// Takes them out of the session.
    init(of session: Session) {
        self.session = session.storeNumber
        subscriber = session.id
        waiting = session.queue.removeAll()
        swap(&inflight, &session.inflight)
    }

    /// Takes the next out, oldest first, and off the gauges: it leaves by `leave`, or another session gets it.
    func next(_ shard: Shard) -> Copy? {
        if let removed = inflight.popFirst() {
            let entry = removed.entry
            shard.counters.move(.inflightMessages, by: -1)
            return Copy(
                message: removed.message, terms: entry.terms,
                wasSentTwoStep: entry.terms.qos == .exactlyOnce
                    && (entry.heldFor == 0 || removed.message == nil),
                ticket: entry.ticket, flight: entry.flight)
        }
        guard let copy = waiting.popFirst() else { return nil }
        shard.countQueued(copy, by: -1)
        return Copy(
            message: copy.message, terms: copy.terms,
            wasSentTwoStep: copy.terms.qos == .exactlyOnce && copy.hasFlightRow, ticket: copy.ticket,
            flight: copy.flight)
    }
}
