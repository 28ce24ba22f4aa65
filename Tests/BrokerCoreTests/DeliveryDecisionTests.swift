import BrokerMetrics
import MQTTCodec
import Testing

@testable import BrokerCore

@Suite struct DeliveryDecisionTests {
    typealias Facts = DeliveryDecision.Facts

    private static let cases: [(QoS, Facts, DeliveryDecision)] = [
        (.atMostOnce, Facts(), .send),
        (.atLeastOnce, Facts(), .send),
        (.exactlyOnce, Facts(), .send),
        // Away: QoS 0 does not wait.
        (.atMostOnce, Facts(isOnline: false), .lose(.offlineQoS0)),
        (.atLeastOnce, Facts(isOnline: false), .queue),
        (.exactlyOnce, Facts(isOnline: false, hasWindowRoom: false), .queue),
        // The client does not take what is in the output.
        (.atMostOnce, Facts(isOutputBlocked: true), .queue),
        (.atLeastOnce, Facts(isOutputBlocked: true), .queue),
        // on_deliver is asked for what comes out of the queue.
        (.atMostOnce, Facts(isHookAsked: true), .queue),
        // Nothing overtakes what waits in memory.
        (.atMostOnce, Facts(isQueueEmpty: false, isQueueEmptyInMemory: false), .queue),
        (.atLeastOnce, Facts(isQueueEmpty: false, isQueueEmptyInMemory: false), .queue),
        // What waits in the store alone waits for a window, which QoS 0 does not need.
        (.atMostOnce, Facts(isQueueEmpty: false), .send),
        (.atLeastOnce, Facts(isQueueEmpty: false), .queue),
        // The window is closed.
        (.atMostOnce, Facts(hasWindowRoom: false), .send),
        (.atLeastOnce, Facts(hasWindowRoom: false), .queue),
        (.exactlyOnce, Facts(hasWindowRoom: false), .queue),
    ]

    @Test(arguments: cases.indices) func `an arriving copy`(_ index: Int) {
        let (qos, facts, expected) = Self.cases[index]
        #expect(DeliveryDecision.decide(qos, facts) == expected)
    }
}

@Suite struct QueueDecisionTests {
    typealias Facts = QueueDecision.Facts

    private static let cases: [(Facts, QueueDecision)] = [
        (Facts(), .append),
        // The number of messages.
        (Facts(count: 9, limit: 10, countInMemory: 9), .append),
        (Facts(count: 10, limit: 10, countInMemory: 10), .refuse(.messages)),
        (Facts(count: 11, limit: 10, countInMemory: 11), .refuse(.messages)),
        (Facts(limit: 0), .refuse(.messages)),
        (Facts(count: 1 << 40, limit: -1), .append),
        (Facts(type: .lifo, count: 9, limit: 10, countInMemory: 9), .append),
        (Facts(type: .lifo, count: 10, limit: 10, countInMemory: 10), .dropOldest(.messages)),
        (Facts(type: .lifo, limit: 0), .refuse(.messages)),
        // With lifo the oldest may lie in the store alone: it is lost when it is read.
        (Facts(type: .lifo, count: 10, limit: 10, hasBacklog: true), .appendAndOweOldest),
        (Facts(type: .lifo, count: 9, limit: 10, hasBacklog: true), .append),
        // Their bytes: the new one has 100.
        (Facts(byteCount: 900, byteLimit: 1000), .append),
        (Facts(byteCount: 901, byteLimit: 1000), .refuse(.bytes)),
        (Facts(type: .lifo, byteCount: 901, byteLimit: 1000), .dropOldest(.bytes)),
        (Facts(byteCount: 0, byteLimit: 50), .append),
        (Facts(countInMemory: 1, byteCount: 1, byteLimit: 50), .refuse(.bytes)),
        // What is stored is left to the store where memory has no room.
        (Facts(count: 999, countInMemory: 999, isStored: true), .append),
        (Facts(count: 1000, countInMemory: 1000, isStored: true), .leaveToStore),
        (Facts(count: 1000, countInMemory: 1000), .append),
        (Facts(count: 99, countInMemory: 99, isStored: true, isOnline: false), .append),
        (Facts(count: 100, countInMemory: 100, isStored: true, isOnline: false), .leaveToStore),
        (Facts(countInMemory: 1, byteCount: 901, byteLimit: 1000, isStored: true), .leaveToStore),
        (Facts(countInMemory: 0, byteCount: 0, byteLimit: 50, isStored: true), .append),
        // Nothing overtakes what lies in the store alone already.
        (Facts(hasBacklog: true, isStored: true), .leaveToStore),
        (Facts(hasBacklog: true), .append),
        (Facts(count: 10, limit: 10, hasBacklog: true, isStored: true), .refuse(.messages)),
        // A lifo queue is in memory as a whole.
        (Facts(type: .lifo, count: 5000, countInMemory: 5000, isStored: true, isOnline: false), .append),
        // All queues of the loop together.
        (Facts(countInMemory: 1, isStored: true, isOnline: false, loopByteCount: 64 << 20), .append),
        (
            Facts(countInMemory: 1, isStored: true, isOnline: false, loopByteCount: (64 << 20) + 1),
            .leaveToStore
        ),
        (Facts(countInMemory: 0, isStored: true, isOnline: false, loopByteCount: (64 << 20) + 1), .append),
        (Facts(countInMemory: 1, isStored: true, isOnline: true, loopByteCount: (64 << 20) + 1), .append),
    ]

    @Test(arguments: cases.indices) func `a copy that has to wait`(_ index: Int) {
        let (facts, expected) = Self.cases[index]
        #expect(QueueDecision.decide(100, facts) == expected)
    }
}
