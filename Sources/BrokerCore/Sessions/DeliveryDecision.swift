import BrokerMetrics
import MQTTCodec

/// What is to be done with a copy that has arrived at its session. A pure function of the session's state; `Session`
/// carries the decision out.
enum DeliveryDecision: Equatable {
    /// The PUBLISH packet is written into the output now.
    case send
    /// The copy waits; `QueueDecision` says where.
    case queue
    case lose(DropReason)

    struct Facts {
        var isOnline = true
        /// The output holds more bytes than its high-water mark: the client does not read fast enough.
        var isOutputBlocked = false
        /// A hook is registered at `on_deliver`. It is asked about one message after the other, so all go through the
        /// queue.
        var isHookAsked = false
        /// No copy waits, neither in memory nor in the store alone.
        var isQueueEmpty = true
        var isQueueEmptyInMemory = true
        /// The client's Receive Maximum and the limit on bytes in flight allow one more.
        var hasWindowRoom = true
    }

    @inline(__always)
    static func decide(_ qos: QoS, _ facts: Facts) -> DeliveryDecision {
        guard facts.isOnline else { return qos == .atMostOnce ? .lose(.offlineQoS0) : .queue }
        // A QoS 0 copy may overtake copies in the store alone: those wait for room in the window, which QoS 0 does not
        // need.
        let isFirst = facts.isQueueEmpty || (qos == .atMostOnce && facts.isQueueEmptyInMemory)
        guard isFirst, !facts.isOutputBlocked, !facts.isHookAsked, qos == .atMostOnce || facts.hasWindowRoom
        else { return .queue }
        return .send
    }
}

/// What is to be done with a copy that has to wait. A pure function of the queue's state; `Session` carries the
/// decision out.
enum QueueDecision: Equatable {
    /// The copy waits in memory.
    case append
    /// The copy waits in the store alone.
    case leaveToStore
    /// The oldest copy in memory is dropped; then the decision is made again.
    case dropOldest(Cause)
    /// The copy waits in memory. The oldest copy is in the store alone, and is dropped when it is read.
    case appendAndOweOldest
    /// The new copy is dropped.
    case refuse(Cause)

    /// Which limit is reached. Both are `DropReason.queueFull`.
    enum Cause: Equatable {
        /// `max_online_messages` or `max_offline_messages`.
        case messages
        /// `queue_memory`.
        case bytes
    }

    struct Facts {
        var type = QueueType.fifo
        /// Copies that wait, in memory and in the store alone, and how many may; a negative limit = any number.
        var count = 0
        var limit = -1
        var countInMemory = 0
        /// Bytes of the copies in memory, and how many there may be.
        var byteCount = 0
        var byteLimit = Int.max
        /// Whether copies wait in the store alone.
        var hasBacklog = false
        /// Whether the new copy is in the store, or will be.
        var isStored = false
        var isOnline = true
        /// Bytes of the copies in memory in all queues of the loop.
        var loopByteCount = 0
    }

    /// Copies that the queue of a client that is away keeps in memory: enough to send until the first of the others
    /// have been read.
    private static let offlineLength = 100
    /// Copies that an online queue keeps in memory.
    private static let onlineLength = 1000
    /// Bytes of queued messages that one loop keeps in memory for clients that are away.
    static let loopByteLimit = 64 * 1024 * 1024

    /// - Parameter byteCount: of the new copy's message.
    static func decide(_ byteCount: Int, _ facts: Facts) -> QueueDecision {
        let isFull = facts.limit >= 0 && facts.count >= facts.limit
        if isFull, facts.type == .fifo || facts.limit == 0 { return .refuse(.messages) }
        if facts.isStored, leavesToStore(byteCount, facts) { return .leaveToStore }
        // A message that is larger than the limit may wait if no other does.
        if facts.byteCount > 0, facts.byteCount > facts.byteLimit - byteCount {
            return facts.type == .lifo ? .dropOldest(.bytes) : .refuse(.bytes)
        }
        guard isFull else { return .append }
        if facts.hasBacklog { return .appendAndOweOldest }
        return facts.countInMemory > 0 ? .dropOldest(.messages) : .refuse(.messages)
    }

    private static func leavesToStore(_ byteCount: Int, _ facts: Facts) -> Bool {
        // A lifo queue is kept in memory as a whole, because it sends the newest copy first.
        if facts.type == .lifo { return false }
        if facts.hasBacklog { return true }
        if facts.countInMemory >= (facts.isOnline ? onlineLength : offlineLength) { return true }
        guard facts.countInMemory > 0 else { return false }
        return facts.byteCount > facts.byteLimit - byteCount
            || (!facts.isOnline && facts.loopByteCount > loopByteLimit)
    }
}
