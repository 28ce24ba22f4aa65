import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

private func message(_ text: String, qos: QoS = .atLeastOnce) -> QueuedMessage {
    let bytes = Array(text.utf8)
    let topic: [UInt8] = [116]
    let none: [UInt8] = []
    let message = ApplicationMessage(
        facts: MessageFacts(qos: qos, isRetained: false, mountpoint: .default, publisher: nil),
        topic: topic.span.bytes,
        properties: none.span.bytes, payload: bytes.span.bytes)
    return QueuedMessage(message: message, terms: DeliveryTerms(qos: qos))
}

extension QueuedMessage {
    fileprivate var text: String { String(decoding: message.payload.copiedBytes(), as: UTF8.self) }
}

@Suite struct MessageQueueTests {
    private func fill(_ type: QueueType, limit: Int) -> (queue: MessageQueue, overflow: [String]) {
        var queue = MessageQueue()
        var overflow: [String] = []
        for number in 1...5 {
            switch queue.append(message("\(number)"), limit: limit, type: type) {
            case .none: break
            case .refusedNew: overflow.append("refused \(number)")
            case .droppedOldest(let oldest): overflow.append("dropped \(oldest.text)")
            }
        }
        return (queue, overflow)
    }

    private func all(_ queue: MessageQueue, _ type: QueueType) -> [String] {
        var queue = queue
        var texts: [String] = []
        while let next = queue.next(type) { texts.append(next.text) }
        return texts
    }

    @Test(arguments: QueueType.allCases)
    func `bytes are those of what is in the queue, whatever happened to it`(
        _ type: QueueType
    ) {
        var queue = MessageQueue()
        func bytes(_ texts: [String]) -> Int { texts.reduce(0) { $0 + message($1).message.byteCount } }
        queue.append(message("1"))
        _ = queue.append(message("22"), limit: 2, type: type)
        #expect(queue.byteCount == bytes(["1", "22"]))
        _ = queue.append(message("333"), limit: 2, type: type)
        #expect(queue.byteCount == bytes(type == .fifo ? ["1", "22"] : ["22", "333"]))
        if let next = queue.next(type) { queue.putBack(next, type) }
        #expect(queue.byteCount == bytes(type == .fifo ? ["1", "22"] : ["22", "333"]))
        queue.load([message("4444")], type, behind: 0)
        _ = queue.removeAll { $0.text == "22" }
        #expect(queue.byteCount == bytes([type == .fifo ? "1" : "333", "4444"]))
        _ = queue.takeOldest()
        #expect(queue.byteCount == bytes([type == .fifo ? "4444" : "333"]))
        _ = queue.removeAll()
        #expect(queue.byteCount == 0)
    }

    @Test func `a full fifo refuses what is new`() {
        let (queue, overflow) = fill(.fifo, limit: 3)
        #expect(overflow == ["refused 4", "refused 5"])
        #expect(all(queue, .fifo) == ["1", "2", "3"])
    }

    @Test func `a full lifo drops its oldest, and the newest comes first`() {
        let (queue, overflow) = fill(.lifo, limit: 3)
        #expect(overflow == ["dropped 1", "dropped 2"])
        #expect(queue.peek(.lifo)?.text == "5")
        #expect(all(queue, .lifo) == ["5", "4", "3"])
    }

    @Test(arguments: QueueType.allCases)
    func `a limit of 0 takes nothing, a negative one everything`(_ type: QueueType) {
        #expect(fill(type, limit: 0).overflow.count == 5)
        #expect(fill(type, limit: 0).queue.isEmpty)
        #expect(fill(type, limit: -1).queue.count == 5)
    }

    @Test(arguments: QueueType.allCases)
    func `what is put back comes next`(_ type: QueueType) {
        var queue = fill(type, limit: -1).queue
        let before = all(queue, type)
        let next = queue.next(type)
        queue.putBack(next ?? message("none"), type)
        #expect(all(queue, type) == before)
    }

    @Test func `removing by condition keeps the order of the rest`() {
        var queue = fill(.fifo, limit: -1).queue
        let removed = queue.removeAll { Int($0.text)?.isMultiple(of: 2) == true }
        #expect(removed.map(\.text) == ["2", "4"])
        #expect(all(queue, .fifo) == ["1", "3", "5"])
        let rest = queue.removeAll()
        #expect(rest.count == 3)
        #expect(queue.isEmpty)
    }
}
