package import DequeModule
package import MQTTCodec
import Primitives

/// How one copy of a message is delivered: what the publisher and the subscription agree on.
package struct DeliveryTerms: Sendable, Equatable, BitwiseCopyable {
    /// The QoS that it is sent with.
    package var qos: QoS
    /// The RETAIN flag of the copy.
    package var isRetained: Bool
    /// It came through a shared subscription: if the session ends before it has acknowledged the copy, another member
    /// gets it.
    package var isShared: Bool
    /// The message came before anybody asked for it: how long it was in the broker says nothing.
    package var isRetainedMessage = false
    /// 0 = none.
    package var subscriptionIdentifier: UInt32

    /// Terms of these parts.
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
    /// The message, which other queues may hold too.
    package var message: ApplicationMessage
    /// How it is delivered.
    package var terms: DeliveryTerms
    /// Where it is in the store.
    package var ticket: StoreTicket
    /// Whether it may have been sent before the broker was last started.
    package var mayHaveBeenSent = false
    /// Whether its packet identifier has a row of its own in the store: the client may have the message with this
    /// identifier.
    package var hasFlightRow = false

    /// A copy that was not sent yet.
    package init(message: ApplicationMessage, terms: DeliveryTerms, ticket: StoreTicket = .none) {
        self.message = message
        self.terms = terms
        self.ticket = ticket
    }

    /// The QoS that it is sent with.
    package var qos: QoS { terms.qos }
    var flight: FlightNote { hasFlightRow ? .written : .none }
    /// A QoS 2 message that was sent does not expire: the client waits for PUBREL.
    func isExpired(at now: MonotonicTime) -> Bool { !hasFlightRow && message.isExpired(at: now) }
}

/// The copies that wait for one subscriber, in the order in which they arrived. An empty queue owns no memory.
///
///     next ← [ in memory, oldest first ]  [ the rest, in the store alone ] ← append, once there is a rest
///
/// The limit counts messages in both places; `QueueType` says what happens at the limit. `byteCount` counts those in
/// memory.
package struct MessageQueue {
    private var messages: Deque<QueuedMessage> = []
    /// The largest number of messages in memory since it was last empty.
    private var peak = 0
    /// When a queue is empty again it frees its memory if it was longer than this; otherwise it keeps it for the next
    /// messages.
    private static let keptLength = 64

    /// Bytes of the messages in memory. A message that is in several queues counts in each.
    package private(set) var byteCount = 0

    /// The copies in the store alone; nil while all are in memory.
    package var backlog: StoredBacklog?

    /// An empty queue.
    package init() {}

    /// Copies that wait, without stored ones that are to be dropped when they are read.
    package var count: Int {
        guard let backlog else { return messages.count }
        return messages.count + backlog.count - backlog.owedDrops
    }
    /// Copies that wait in memory.
    package var countInMemory: Int { messages.count }
    /// Whether no copy waits.
    package var isEmpty: Bool { messages.isEmpty && backlog == nil }
    /// Whether no copy waits in memory.
    package var isEmptyInMemory: Bool { messages.isEmpty }

    /// A copy that waits in memory; the oldest is at 0.
    package subscript(position: Int) -> QueuedMessage { messages[position] }

    /// What `append` did with a full queue.
    package enum Overflow {
        /// The queue had room for the new message.
        case none
        /// The new message was not taken.
        case refusedNew
        /// The oldest message was dropped for it.
        case droppedOldest(QueuedMessage)
    }

    /// Adds a message, whatever the limit.
    package mutating func append(_ message: QueuedMessage) {
        messages.append(message)
        byteCount += message.message.byteCount
        peak = max(peak, messages.count)
    }

    /// - Parameter limit: messages; negative = no limit.
    package mutating func append(_ message: QueuedMessage, limit: Int, type: QueueType) -> Overflow {
        guard limit >= 0, count >= limit else {
            append(message)
            return .none
        }
        guard type == .lifo, limit > 0, let oldest = takeOldest() else { return .refusedNew }
        append(message)
        return .droppedOldest(oldest)
    }

    /// Takes the oldest message in memory out.
    package mutating func takeOldest() -> QueuedMessage? {
        guard let oldest = messages.popFirst() else { return nil }
        byteCount -= oldest.message.byteCount
        return oldest
    }

    /// Takes out the message to send next: the oldest, or with `lifo` the newest.
    package mutating func next(_ type: QueueType) -> QueuedMessage? {
        let next = type == .fifo ? messages.popFirst() : messages.popLast()
        if let next { byteCount -= next.message.byteCount }
        if messages.isEmpty { freeMemory() }
        return next
    }

    private mutating func freeMemory() {
        if peak > Self.keptLength { messages = [] }
        peak = 0
    }

    /// The message that `next` would take out.
    package func peek(_ type: QueueType) -> QueuedMessage? {
        type == .fifo ? messages.first : messages.last
    }

    /// Puts a message back, so that `next` returns it first.
    package mutating func putBack(_ message: QueuedMessage, _ type: QueueType) {
        if type == .fifo { messages.prepend(message) } else { messages.append(message) }
        byteCount += message.message.byteCount
    }

    /// Takes out all messages in memory, and forgets those in the store alone.
    package mutating func removeAll() -> Deque<QueuedMessage> {
        defer {
            messages = []
            byteCount = 0
            backlog = nil
        }
        return messages
    }

    /// Adds messages that were read from the store, after those in memory. With `lifo` no message is sent before all
    /// have been read, so they are put after the `count` messages that were read before, and before the newer ones.
    package mutating func load(
        _ loaded: ContiguousArray<QueuedMessage>, _ type: QueueType, behind count: Int
    ) {
        if type == .fifo {
            messages.append(contentsOf: loaded)
        } else {
            messages.insert(contentsOf: loaded, at: min(count, messages.count))
        }
        for copy in loaded { byteCount += copy.message.byteCount }
        peak = max(peak, messages.count)
    }

    /// The numbers in the store of the messages in memory.
    var numbers: some Sequence<UInt64> { messages.lazy.map(\.ticket.number) }

    /// Takes out the messages for which `condition` is true, in their order.
    package mutating func removeAll(where condition: (QueuedMessage) -> Bool) -> [QueuedMessage] {
        var removed: [QueuedMessage] = []
        messages.removeAll {
            guard condition($0) else { return false }
            removed.append($0)
            return true
        }
        for copy in removed { byteCount -= copy.message.byteCount }
        if messages.isEmpty { freeMemory() }
        return removed
    }
}

/// The part of a queue that is in the store alone: copies for which memory had no room, or all copies of a session that
/// was found at the start.
///
/// It is a class, so that a queue without a backlog only has a pointer.
package final class StoredBacklog {
    /// Copies in the store alone.
    package var count: Int
    /// The number from which reading begins or goes on; no copy has a lower one.
    var next: UInt64
    /// The number up to which all copies have arrived and are committed, so that they may be read. 0 = not known yet.
    var readableThrough: UInt64 = 0
    /// Copies that are not to be read: they were in memory, in flight or just removed when `readableThrough` was set.
    /// They may have arrived before copies with lower numbers, and the store may still have them.
    var exceptions: Set<UInt64> = []
    /// Whether it waits until it may be read, or a read or a purge is under way.
    var isBusy = false
    /// The highest number of a copy in the store alone.
    var last: UInt64
    var hasLargeMessages = false
    /// Copies that were read into memory.
    var loadedCount = 0
    /// Oldest stored copies to drop when the queue is read (`lifo`).
    var owedDrops = 0
    /// Whether flights have still to be read. After a start, copies that wait for PUBCOMP (with `lifo`, all that were
    /// sent) are read before all others, because their packet identifiers are in use.
    var lacksFlights = false
    /// The number from which reading the flights goes on.
    var nextFlight: UInt64 = 0
    /// After a start: the client may have got QoS 1 copies up to this number.
    var sentThrough: UInt64 = 0
    /// Which copies the store is to delete; nil = none.
    var wantedPurge: Purge?
    /// Whether the store is to delete copies.
    var wantsPurge: Bool { wantedPurge != nil }
    /// The number up to which it must look.
    var purgeThrough: UInt64 = 0

    /// Copies that the store deletes without their being read.
    package enum Purge: Sendable {
        /// Those that have expired.
        case expired
        /// All: an operator has emptied the queue.
        case all
    }

    init(count: Int, next: UInt64) {
        self.count = count
        self.next = next
        last = next
    }
}
