package import DequeModule
package import MQTTCodec

/// How one copy of a message is delivered: what the publisher and the subscription agree on.
package struct DeliveryTerms: Sendable, Equatable {
    package var qos: QoS
    /// The RETAIN flag of the copy.
    package var isRetained: Bool
    /// It came through a shared subscription: should the session end first, another member gets it.
    package var isShared: Bool
    /// 0 = none.
    package var subscriptionIdentifier: UInt32

    package init(
        qos: QoS, isRetained: Bool = false, isShared: Bool = false, subscriptionIdentifier: UInt32 = 0
    ) {
        self.qos = qos
        self.isRetained = isRetained
        self.isShared = isShared
        self.subscriptionIdentifier = subscriptionIdentifier
    }
}

/// A copy of a message that waits for its subscriber.
package struct QueuedMessage {
    package var message: ApplicationMessage
    package var terms: DeliveryTerms
    /// Its number in the store; 0 = not stored.
    package var storeNumber: UInt64 = 0

    package init(message: ApplicationMessage, terms: DeliveryTerms) {
        self.message = message
        self.terms = terms
    }

    package var qos: QoS { terms.qos }
}

/// What waits for one subscriber, in order of arrival. Owns no memory while it is empty.
///
/// The limit counts messages; what happens at the limit is `QueueType`'s choice.
package struct MessageQueue {
    private var messages: Deque<QueuedMessage> = []
    /// The most it held since it was last empty.
    private var peak = 0
    /// A queue that was longer gives its memory back when it is empty again; a shorter one keeps it for the next burst.
    private static let keptLength = 64

    package init() {}

    package var count: Int { messages.count }
    package var isEmpty: Bool { messages.isEmpty }

    /// What `append` did with a full queue.
    package enum Overflow {
        case none
        /// The new message was not taken.
        case refusedNew
        /// The oldest gave way.
        case droppedOldest(QueuedMessage)
    }

    /// - Parameter limit: messages; negative = no limit.
    package mutating func append(_ message: QueuedMessage, limit: Int, type: QueueType) -> Overflow {
        guard limit >= 0, messages.count >= limit else {
            messages.append(message)
            peak = max(peak, messages.count)
            return .none
        }
        if type == .fifo || limit == 0 { return .refusedNew }
        let oldest = messages.removeFirst()
        messages.append(message)
        return .droppedOldest(oldest)
    }

    /// The next to deliver: the oldest, or with `lifo` the newest.
    package mutating func next(_ type: QueueType) -> QueuedMessage? {
        let next = type == .fifo ? messages.popFirst() : messages.popLast()
        if messages.isEmpty { release() }
        return next
    }

    private mutating func release() {
        if peak > Self.keptLength { messages = [] }
        peak = 0
    }

    package func peek(_ type: QueueType) -> QueuedMessage? {
        type == .fifo ? messages.first : messages.last
    }

    /// Puts a message back where `next` will find it first.
    package mutating func putBack(_ message: QueuedMessage, _ type: QueueType) {
        if type == .fifo { messages.prepend(message) } else { messages.append(message) }
    }

    package mutating func removeAll() -> Deque<QueuedMessage> {
        defer { messages = [] }
        return messages
    }

    /// Removes what `condition` holds for, in order.
    package mutating func removeAll(where condition: (QueuedMessage) -> Bool) -> [QueuedMessage] {
        var removed: [QueuedMessage] = []
        messages.removeAll {
            guard condition($0) else { return false }
            removed.append($0)
            return true
        }
        if messages.isEmpty { release() }
        return removed
    }
}
