import BrokerMetrics
import MQTTCodec

/// What becomes of a copy that has arrived at its session. A pure function of what is known there, which `Session`
/// carries out.
enum DeliveryDecision: Equatable {
    /// It is written into the output now.
    case send
    /// It waits; `QueueDecision` says where.
    case queue
    case lose(DropReason)

    struct Facts {
        var isOnline = true
        /// The output is over its high-water mark.
        var isOutputBlocked = false
        /// `on_deliver` is asked before a message is sent, and asked for one message at a time.
        var isHookAsked = false
        /// Nothing waits, neither in memory nor in the store alone.
        var isQueueEmpty = true
        var isQueueEmptyInMemory = true
        /// The client's Receive Maximum and the memory for messages in flight allow one more.
        var hasWindowRoom = true
    }

    @inline(__always)
    static func decide(_ qos: QoS, _ facts: Facts) -> DeliveryDecision {
        guard facts.isOnline else { return qos == .atMostOnce ? .lose(.offlineQoS0) : .queue }
        // What waits in the store alone waits for room in the window, which QoS 0 does not need.
        let isFirst = facts.isQueueEmpty || (qos == .atMostOnce && facts.isQueueEmptyInMemory)
        guard isFirst, !facts.isOutputBlocked, !facts.isHookAsked, qos == .atMostOnce || facts.hasWindowRoom
        else { return .queue }
        return .send
    }
}

/// What becomes of a copy that has to wait. A pure function of the queue's state, which `Session` carries out.
enum QueueDecision: Equatable {
    /// It waits in memory.
    case append
    /// It waits in the store alone.
    case leaveToStore
    /// The oldest copy in memory is lost; then the question is asked again.
    case dropOldest(Cause)
    /// It waits in memory; the oldest copy lies in the store alone and is lost when it is read.
    case appendAndOweOldest
    /// The new copy is lost.
    case refuse(Cause)

    /// Why there is no room. Both are `DropReason.queueFull`.
    enum Cause: Equatable {
        /// `max_online_messages` or `max_offline_messages`.
        case messages
        /// `queue_memory`.
        case bytes
    }

    struct Facts {
        var type = QueueType.fifo
        /// Copies that wait, in both places, and how many may; negative = any number.
        var count = 0
        var limit = -1
        var countInMemory = 0
        /// Bytes of those in memory, and how many there may be.
        var byteCount = 0
        var byteLimit = Int.max
        /// Some lie in the store alone.
        var hasBacklog = false
        /// The new copy is in the store, or will be.
        var isStored = false
        var isOnline = true
        /// Bytes of all queues of the loop.
        var loopByteCount = 0
    }

    /// Copies that an offline queue keeps in memory: enough to send until the first of the rest have been read.
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
        // A message that is larger than all that may wait does so alone.
        if facts.byteCount > 0, facts.byteCount > facts.byteLimit - byteCount {
            return facts.type == .lifo ? .dropOldest(.bytes) : .refuse(.bytes)
        }
        guard isFull else { return .append }
        if facts.hasBacklog { return .appendAndOweOldest }
        return facts.countInMemory > 0 ? .dropOldest(.messages) : .refuse(.messages)
    }

    private static func leavesToStore(_ byteCount: Int, _ facts: Facts) -> Bool {
        // A lifo queue is in memory as a whole: the newest is sent first.
        if facts.type == .lifo { return false }
        if facts.hasBacklog { return true }
        if facts.countInMemory >= (facts.isOnline ? onlineLength : offlineLength) { return true }
        guard facts.countInMemory > 0 else { return false }
        return facts.byteCount > facts.byteLimit - byteCount
            || (!facts.isOnline && facts.loopByteCount > loopByteLimit)
    }
}
