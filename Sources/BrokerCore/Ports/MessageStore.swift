import MQTTCodec
import Primitives

/// Where sessions survive a restart. Called by loops; never blocks them.
///
/// A loop gathers the operations of one turn in a `StoreBatch` and hands it over at the end of the turn. The store
/// commits batches of one loop in order, and reports each through the loop's mailbox.
package protocol MessageStore: Sendable {
    /// False when nothing survives: the loop then records no operation and acknowledges at once.
    var isDurable: Bool { get }
    /// Takes `batch`; calls `completed` once it is committed, or with an error when it is not.
    func commit(_ batch: StoreBatch, completed: @escaping @Sendable (Result<Void, StoreError>) -> Void)
}

/// What one loop wants to be kept, in order.
package struct StoreBatch: Sendable {
    package enum Operation: Sendable {
        /// A queued copy; `number` ascends within the subscriber's queue.
        case enqueue(SubscriberID, number: UInt64, ApplicationMessage, DeliveryTerms)
        /// The subscriber has acknowledged it, or it was dropped.
        case remove(SubscriberID, number: UInt64)
        /// All of the subscriber's state has ended.
        case forget(SubscriberID)
    }

    package var operations: [Operation] = []

    package init() {}
}

/// A store that could not do what it was asked.
package struct StoreError: Error, Sendable, Equatable {
    package var operation: String
    package var text: String

    package init(operation: String, text: String) {
        self.operation = operation
        self.text = text
    }
}

/// Keeps nothing beyond the life of the process: sessions, queues and retained messages live in memory alone.
package struct MemoryMessageStore: MessageStore {
    package init() {}
    package var isDurable: Bool { false }
    package func commit(
        _ batch: StoreBatch, completed: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        completed(.success(()))
    }
}
