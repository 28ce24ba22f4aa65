import BrokerMetrics
import DequeModule
import MQTTCodec
import Primitives

/// The copies of a session that has ended: those in flight, up to 65,535, and its queue, which may be of any length.
/// They are taken out in slices (`SessionEnding`). Until then a copy is counted as in flight or queued.
final class EndedCopies {
    /// A copy that its session will not deliver any more.
    struct Copy {
        /// nil = the client has the message, and only PUBCOMP was outstanding.
        var message: ApplicationMessage?
        var terms: DeliveryTerms
        /// It was sent with QoS 2, so the client may have it.
        var wasSentWithQoS2: Bool
        var ticket: StoreTicket
        var flight: FlightNote

        func removal(for session: UInt64) -> StoreRemoval {
            StoreRemoval(
                ticket: ticket, session: session, expiryDeadline: message?.facts.expiryDeadline,
                flight: flight)
        }
    }

    private var window: InflightWindow
    private var waiting: Deque<QueuedMessage>
    /// The session's number in the store; 0 = it is not stored.
    let session: UInt64
    let subscriber: SubscriberID

    init(
        session: UInt64, subscriber: SubscriberID, window: consuming InflightWindow,
        waiting: Deque<QueuedMessage>
    ) {
        self.session = session
        self.subscriber = subscriber
        self.window = window
        self.waiting = waiting
    }

    /// Takes the next copy out, the oldest first, and off its gauge. The caller calls `leave` with it, or gives it to
    /// another session.
    func next(_ shard: Shard) -> Copy? {
        if let removed = window.popFirst() {
            let entry = removed.entry
            shard.counters.move(.inflightMessages, by: -1)
            return Copy(
                message: removed.message, terms: entry.terms,
                wasSentWithQoS2: entry.terms.qos == .exactlyOnce
                    && (entry.heldFor == 0 || removed.message == nil),
                ticket: entry.ticket, flight: entry.flight)
        }
        guard let copy = waiting.popFirst() else { return nil }
        shard.countQueued(copy, by: -1)
        return Copy(
            message: copy.message, terms: copy.terms,
            wasSentWithQoS2: copy.terms.qos == .exactlyOnce && copy.hasFlightRow, ticket: copy.ticket,
            flight: copy.flight)
    }
}
