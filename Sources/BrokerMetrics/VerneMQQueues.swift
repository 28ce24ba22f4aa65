/// VerneMQ's counters of queues, as sums over the ledger: they have no counters of their own on the way of a message, so
/// the two can never disagree.
///
///     queue_message_in − queue_message_out − queue_message_drop − queue_message_unhandled
///         = queued_messages + inflight_messages + output_messages
///
/// holds at every moment, after a restart too. A copy that one session passes on to another goes out of the first
/// one's queue and into the second's. Copies between two loops are in no queue yet.
public enum VerneMQQueues {
    /// Offered to a session, and found in the store at the start.
    public static let messageIn: [Int] = [Counter.queueMessageIn.word, Counter.ledgerLoaded.word]

    /// Delivered, or passed on: to another member of a shared subscription, another connection of the client, another
    /// node.
    public static let messageOut: [Int] = [
        Counter.ledgerDelivered, .sharedRedelivered, .siblingRedelivered, .ledgerHandedOver,
    ].map(\.word)

    /// Lost because there was no room.
    public static let drop = DropReason.allCases.filter { $0.verneMQExit == .drop }.map(\.word)

    /// Lost for any other reason.
    public static let unhandled = DropReason.allCases.filter { $0.verneMQExit == .unhandled }.map(\.word)

    /// Under which of VerneMQ's two names a lost copy goes.
    public enum Exit { case drop, unhandled }
}

extension DropReason {
    /// Each reason has exactly one: what is lost is seen under VerneMQ's names whatever the reason.
    public var verneMQExit: VerneMQQueues.Exit {
        switch self {
        case .queueFull, .packetTooLarge, .queuePurged: .drop
        case .expired, .offlineQoS0, .sessionEnded, .refusedByClient, .deniedByHook, .subscriberGone,
            .storeLost, .connectionClosed:
            .unhandled
        }
    }
}
