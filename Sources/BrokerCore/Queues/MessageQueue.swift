package import DequeModule
package import MQTTCodec
import Primitives

/// How one copy of a message is delivered: what the publisher and the subscription agree on.
package struct DeliveryTerms: Sendable, Equatable, BitwiseCopyable {
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
    package var ticket: StoreTicket
    /// It may have been sent before the broker was last started.
    package var mayHaveBeenSent = false
    /// Its identifier has a row of its own in the store: the client may have the message under it.
    package var hasFlightRow = false

    package init(message: ApplicationMessage, terms: DeliveryTerms, ticket: StoreTicket = .none) {
        self.message = message
        self.terms = terms
        self.ticket = ticket
    }

    package var qos: QoS { terms.qos }
    var flight: FlightNote { hasFlightRow ? .written : .none }
    /// Once it was sent with QoS 2 its exchange is finished, whatever its age: the client waits for PUBREL.
    func isExpired(at now: MonotonicTime) -> Bool { !hasFlightRow && message.isExpired(at: now) }
}

/// What waits for one subscriber, in order of arrival. Owns no memory while it is empty.
///
///     next ← [ in memory, oldest first ]  [ the rest, in the store alone ] ← append, once there is a rest
///
/// The limit counts messages in both places; what happens at the limit is `QueueType`'s choice. `byteCount` is of those in
/// memory.
package struct MessageQueue {
    private var messages: Deque<QueuedMessage> = []
    /// The most it held since it was last empty.
    private var peak = 0
    /// A queue that was longer gives its memory back when it is empty again; a shorter one keeps it for the next burst.
    private static let keptLength = 64

    /// Memory of the messages here, in bytes; one that several queues hold counts in each.
    package private(set) var byteCount = 0

    /// What lies in the store alone; nil while all is in memory.
    package var backlog: StoredBacklog?

    package init() {}

    package var count: Int {
        guard let backlog else { return messages.count }
        return messages.count + backlog.count - backlog.owedDrops
    }
    package var countInMemory: Int { messages.count }
    package var isEmpty: Bool { messages.isEmpty && backlog == nil }
    package var isEmptyInMemory: Bool { messages.isEmpty }

    /// What `append` did with a full queue.
    package enum Overflow {
        case none
        /// The new message was not taken.
        case refusedNew
        /// The oldest gave way.
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

    /// Takes out the oldest in memory.
    package mutating func takeOldest() -> QueuedMessage? {
        guard let oldest = messages.popFirst() else { return nil }
        byteCount -= oldest.message.byteCount
        return oldest
    }

    /// The next to deliver: the oldest, or with `lifo` the newest.
    package mutating func next(_ type: QueueType) -> QueuedMessage? {
        let next = type == .fifo ? messages.popFirst() : messages.popLast()
        if let next { byteCount -= next.message.byteCount }
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
        byteCount += message.message.byteCount
    }

    /// Takes out what is in memory; what lies in the store alone is forgotten.
    package mutating func removeAll() -> Deque<QueuedMessage> {
        defer {
            messages = []
            byteCount = 0
            backlog = nil
        }
        return messages
    }

    /// Puts what came from the store behind what is in memory; with `lifo`, where nothing is taken out before all has come,
    /// behind the `count` that came from there before and in front of what is younger.
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

    /// The numbers in the store of what is in memory.
    var numbers: some Sequence<UInt64> { messages.lazy.map(\.ticket.number) }

    /// Removes what `condition` holds for, in order.
    package mutating func removeAll(where condition: (QueuedMessage) -> Bool) -> [QueuedMessage] {
        var removed: [QueuedMessage] = []
        messages.removeAll {
            guard condition($0) else { return false }
            removed.append($0)
            return true
        }
        for copy in removed { byteCount -= copy.message.byteCount }
        if messages.isEmpty { release() }
        return removed
    }
}

/// The part of a queue that lies in the store alone: an offline backlog that is longer than what memory has room for,
/// or all that was there at the start.
///
/// A class, so that a queue without one pays a pointer for it.
package final class StoredBacklog {
    /// Copies.
    package var count: Int
    /// Where reading begins or goes on: no copy has a lower number.
    var next: UInt64
    /// Up to here every copy has arrived and is committed: so far it may be read. 0 = not known yet.
    var readableThrough: UInt64 = 0
    /// Copies that were in memory, under way or just removed when it became known how far the store may be read. They may
    /// have arrived before others with lower numbers, and the store may still have them when it is read; they must not
    /// come again.
    var exceptions: Set<UInt64> = []
    /// It waits until it may be read, or a read or a purge is under way.
    var isBusy = false
    /// The highest number among them.
    var last: UInt64
    var hasLargeMessages = false
    /// Copies that were read into memory.
    var loadedCount = 0
    /// The oldest so many have lost their place to newer ones (`lifo`).
    var owedDrops = 0
    /// Found at the start: the PUBRELs that are owed come before all else, for their identifiers are taken.
    var lacksFlights = false
    /// Where reading them goes on.
    var nextFlight: UInt64 = 0
    /// Found at the start: the client may have seen QoS 1 copies up to this number.
    var sentThrough: UInt64 = 0
    /// Messages in it may have expired.
    var wantsPurge = false
    /// Up to this number.
    var purgeThrough: UInt64 = 0

    init(count: Int, next: UInt64) {
        self.count = count
        self.next = next
        last = next
    }
}
