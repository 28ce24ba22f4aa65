import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

private func message(_ payload: String = "x") -> ApplicationMessage {
    let (topic, payload) = (Array("t".utf8), Array(payload.utf8))
    let none: [UInt8] = []
    return ApplicationMessage(
        facts: MessageFacts(qos: .atLeastOnce, isRetained: false, mountpoint: .default, publisher: nil),
        topic: topic.span.bytes, properties: none.span.bytes, payload: payload.span.bytes)
}

private let terms = DeliveryTerms(qos: .atLeastOnce)
private let publisher = SessionHandle(loop: 0, slot: 3, generation: 1)

extension StoreOutbox {
    /// Notes a message with a copy for each of `sessions`, as a loop does.
    fileprivate func store(_ number: UInt64, for sessions: [UInt64], publisher: SessionHandle? = nil)
        -> [StoreTicket]
    {
        let index = open.add(message(), number: number, publisher: publisher)
        return sessions.map {
            let place = open.addCopy(of: index, session: $0, terms: terms)
            return StoreTicket(
                number: number, batch: UInt32(truncatingIfNeeded: openNumber), index: place, loop: 0)
        }
    }
}

@Suite struct StoreBatchTests {
    private func batch(_ counts: [Int]) -> (batch: StoreBatch, tickets: [[StoreTicket]]) {
        var batch = StoreBatch()
        var tickets: [[StoreTicket]] = []
        for (index, count) in counts.enumerated() {
            let number = UInt64(index + 1) << 1
            let message = batch.add(message(), number: number, publisher: publisher)
            tickets.append(
                (0..<count).map {
                    let place = batch.addCopy(of: message, session: UInt64($0 + 1), terms: terms)
                    return StoreTicket(number: number, batch: 1, index: place, loop: 0)
                })
        }
        return (batch, tickets)
    }

    @Test func `a message is wanted until its last copy has died, and then its publisher is told`() {
        var (batch, tickets) = batch([2, 1])
        #expect(batch.liveCopyCount == 3 && batch.messages.map(\.live) == [2, 1])
        let first = batch.kill(tickets[0][0])
        #expect(first != nil && first?.publisher == nil)
        #expect(!batch.isSettled(0) && batch.messages[0].message != nil)
        let second = batch.kill(tickets[0][1])
        #expect(second?.publisher == publisher)
        #expect(batch.isSettled(0) && !batch.isSettled(1) && batch.messages[0].message == nil)
        #expect(batch.copies.map(\.message) == [-1, -1, 1])
        #expect(!batch.isIdle && !batch.isEmpty)
        let last = batch.kill(tickets[1][0])
        #expect(last != nil)
        #expect(batch.isIdle && !batch.isEmpty)
    }

    @Test func `a copy dies once, and only where it lies`() {
        var (batch, tickets) = batch([1, 1])
        let once = batch.kill(tickets[0][0])
        #expect(once != nil)
        let twice = batch.kill(tickets[0][0])
        #expect(twice == nil)
        let unknown = batch.kill(StoreTicket(number: 99, batch: 1, index: 1, loop: 0))
        #expect(unknown == nil)
        let outside = batch.kill(StoreTicket(number: 4, batch: 1, index: .max, loop: 0))
        #expect(outside == nil)
        #expect(batch.liveCopyCount == 1)
    }

    @Test func `an identifier is noted in a copy that lives, and nowhere else`() {
        var (batch, tickets) = batch([1, 1])
        let noted = batch.note(7, of: tickets[0][0])
        #expect(noted)
        #expect(batch.copies.map(\.packetIdentifier) == [7, 0])
        _ = batch.kill(tickets[1][0])
        let dead = batch.note(8, of: tickets[1][0])
        #expect(!dead)
        let mismatched = batch.note(8, of: StoreTicket(number: 4, batch: 1, index: 0, loop: 0))
        #expect(!mismatched)
        let outside = batch.note(8, of: StoreTicket(number: 2, batch: 1, index: .max, loop: 0))
        #expect(!outside)
        #expect(batch.copies.map(\.packetIdentifier) == [7, 0])
    }

    @Test func `a change alone must be written, and its bytes count`() {
        var batch = StoreBatch()
        #expect(batch.isIdle && batch.isEmpty && batch.byteCount == 0)
        batch.append(.released(session: 1, packetIdentifier: 1))
        #expect(!batch.isIdle && !batch.isEmpty)
        let plain = batch.byteCount
        #expect(plain > 64)
        batch.append(.retain(message("payload"), isNew: true))
        #expect(batch.byteCount == 2 * plain + message("payload").byteCount)
        batch.append(.unsubscribe(session: 1, filter: "12345"))
        #expect(batch.byteCount == 3 * plain + message("payload").byteCount + 5)
        batch.removeAll()
        #expect(batch.isIdle && batch.isEmpty && batch.byteCount == 0 && batch.messages.isEmpty)
    }

    @Test func `a body that lies under several numbers counts once, until the last of them is gone`() {
        var batch = StoreBatch()
        let body = message(String(repeating: "x", count: 10_000))
        var first: Int32?
        var tickets: [StoreTicket] = []
        for number in [3, 5, 7] as [UInt64] {
            let index = batch.add(body, number: number, body: first, publisher: nil)
            if first == nil { first = index }
            let place = batch.addCopy(of: index, session: 1, terms: DeliveryTerms(qos: .atLeastOnce))
            tickets.append(StoreTicket(number: number, batch: 1, index: place, loop: 0))
        }
        let full = batch.byteCount
        #expect(full > body.byteCount && full < 2 * body.byteCount)
        for ticket in tickets[..<2] {
            _ = batch.kill(ticket)
            #expect(batch.byteCount == full)
        }
        #expect(batch.messages[Int(batch.messages[2].body)].number == 3)
        _ = batch.kill(tickets[2])
        #expect(batch.byteCount == full - body.byteCount && batch.isIdle)
    }

    @Test func `no message is settled that is not there`() {
        let (batch, _) = batch([1])
        #expect(!batch.isSettled(-1) && !batch.isSettled(1) && !batch.isSettled(0))
    }
}

@Suite struct StoreOutboxTests {
    private func wait(_ ticket: StoreTicket, _ message: Int32) -> StoreWait {
        StoreWait(batch: UInt64(ticket.batch), message: message)
    }

    /// What is known of a copy's wait at one stage.
    private func states(_ outbox: StoreOutbox, _ ticket: StoreTicket) -> [Bool] {
        let batch = UInt64(ticket.batch)
        return [
            outbox.isHeld(ticket), outbox.isSettled(StoreWait(batch: batch, message: 0)),
            outbox.isSettled(StoreWait(batch: batch)), outbox.isCommitted(batch),
        ]
    }

    @Test func `a batch goes from open to resting, outstanding and committed`() throws {
        let outbox = StoreOutbox(loopCount: 1)
        let ticket = outbox.store(2, for: [1])[0]
        #expect(states(outbox, ticket) == [true, false, false, false])
        #expect(outbox.isOpen(ticket))
        outbox.rest()
        #expect(!outbox.isOpen(ticket))
        #expect(states(outbox, ticket) == [true, false, false, false])
        let (number, batch) = try #require(outbox.takeResting())
        #expect(number == UInt64(ticket.batch) && batch.liveCopyCount == 1)
        #expect(outbox.outstanding == [number])
        #expect(states(outbox, ticket) == [false, false, false, false])
        outbox.committed(number)
        #expect(states(outbox, ticket) == [false, true, true, true])
        #expect(outbox.takeResting() == nil)
    }

    @Test(arguments: [false, true])
    func `a copy that dies before it is handed over settles its message, not its batch`(_ rests: Bool) {
        let outbox = StoreOutbox(loopCount: 1)
        let tickets = outbox.store(3, for: [1, 2], publisher: publisher)
        if rests { outbox.rest() }
        #expect(outbox.kill(tickets[0]).map { $0.publisher } == .some(nil))
        #expect(!outbox.isSettled(wait(tickets[0], 0)))
        #expect(outbox.kill(tickets[1])?.publisher == publisher)
        #expect(outbox.isSettled(wait(tickets[0], 0)))
        #expect(!outbox.isSettled(wait(tickets[0], -1)))
        #expect(!outbox.isCommitted(UInt64(tickets[0].batch)))
        if rests { outbox.giveUpResting() } else { outbox.giveUpOpen() }
        #expect(states(outbox, tickets[0]) == [false, true, true, true])
        #expect(outbox.byteCount == 0)
    }

    @Test func `a copy that was handed over can neither die nor get an identifier`() {
        let outbox = StoreOutbox(loopCount: 1)
        let ticket = outbox.store(2, for: [1])[0]
        #expect(outbox.note(5, of: ticket))
        outbox.rest()
        #expect(outbox.note(6, of: ticket))
        let batch = outbox.takeResting()?.batch
        #expect(batch?.copies.map(\.packetIdentifier) == [6])
        #expect(!outbox.note(7, of: ticket))
        #expect(outbox.kill(ticket) == nil)
    }

    @Test func `batches are handed over in order, and each is settled by itself`() throws {
        let outbox = StoreOutbox(loopCount: 1)
        let first = outbox.store(2, for: [1])[0]
        outbox.rest()
        let second = outbox.store(4, for: [1])[0]
        let byteCount = outbox.byteCount
        #expect(byteCount == 2 * outbox.open.byteCount && byteCount > 2 * message().byteCount)
        outbox.isUrgent = true
        let resting = try #require(outbox.takeResting())
        let open = outbox.takeOpen()
        #expect(resting.number < open.number && outbox.openNumber == open.number + 1)
        #expect(outbox.outstanding == [resting.number, open.number])
        #expect(!outbox.isUrgent)
        #expect(outbox.byteCount == byteCount)  // until it is committed
        outbox.committed(resting.number)
        #expect(outbox.byteCount == byteCount / 2)
        #expect(outbox.isCommitted(UInt64(first.batch)) && !outbox.isCommitted(UInt64(second.batch)))
        outbox.committed(open.number)
        #expect(outbox.isCommitted(UInt64(second.batch)) && outbox.outstanding.isEmpty)
        #expect(!outbox.isCommitted(outbox.openNumber))
    }

    @Test func `the room of a batch that was given up serves the next, which begins empty`() {
        let outbox = StoreOutbox(loopCount: 1)
        let old = outbox.store(2, for: [1])[0]
        outbox.rest()
        _ = outbox.kill(old)
        outbox.giveUpResting()
        let new = outbox.store(4, for: [1])[0]
        outbox.rest()
        #expect(outbox.open.isEmpty && outbox.open.liveCopyCount == 0)
        // The ticket of the batch that was given up finds nothing in its successor.
        #expect(outbox.kill(old) == nil)
        #expect(outbox.kill(new) != nil)
    }

    @Test func `a batch that was handed over at once is open no more`() {
        let outbox = StoreOutbox(loopCount: 1)
        let ticket = outbox.store(2, for: [1])[0]
        let (number, batch) = outbox.takeOpen()
        #expect(batch.copies.count == 1 && outbox.open.isEmpty)
        #expect(states(outbox, ticket) == [false, false, false, false])
        outbox.committed(number)
        #expect(states(outbox, ticket) == [false, true, true, true])
    }
}

@Suite struct StoredBacklogTests {
    private func queue(_ inMemory: Int, backlog count: Int) -> MessageQueue {
        var queue = MessageQueue()
        for number in 0..<inMemory { queue.append(copy("memory \(number)")) }
        if count > 0 { queue.backlog = StoredBacklog(count: count, next: 1) }
        return queue
    }

    private func copy(_ text: String) -> QueuedMessage {
        QueuedMessage(message: message(text), terms: terms, ticket: StoreTicket(number: 2, loop: 0))
    }

    private func texts(_ queue: MessageQueue, _ type: QueueType) -> [String] {
        var queue = queue
        var texts: [String] = []
        while let next = queue.next(type) {
            texts.append(String(decoding: next.message.payload.copiedBytes(), as: UTF8.self))
        }
        return texts
    }

    @Test func `what lies in the store alone counts`() {
        var queue = queue(2, backlog: 5)
        #expect(queue.count == 7 && queue.countInMemory == 2)
        #expect(!queue.isEmpty && !queue.isEmptyInMemory)
        queue.backlog?.owedDrops = 2
        #expect(queue.count == 5)
        _ = queue.removeAll()
        #expect(queue.isEmpty && queue.backlog == nil)
        #expect(!self.queue(0, backlog: 1).isEmpty && self.queue(0, backlog: 1).isEmptyInMemory)
    }

    @Test func `a full fifo with a backlog refuses what is new`() {
        var queue = queue(1, backlog: 2)
        guard case .refusedNew = queue.append(copy("new"), limit: 3, type: .fifo) else {
            Issue.record("it was taken")
            return
        }
        guard case .none = queue.append(copy("new"), limit: 4, type: .fifo) else {
            Issue.record("it was refused")
            return
        }
        #expect(queue.count == 4)
    }

    @Test(arguments: QueueType.allCases)
    func `what is loaded, in one read or two, keeps its place among what is in memory`(_ type: QueueType) {
        var queue = queue(2, backlog: 3)
        queue.load([copy("loaded 0"), copy("loaded 1")], type, behind: 0)
        queue.load([copy("loaded 2")], type, behind: 2)
        let lifo = ["memory 1", "memory 0", "loaded 2", "loaded 1", "loaded 0"]
        let fifo = ["memory 0", "memory 1", "loaded 0", "loaded 1", "loaded 2"]
        #expect(texts(queue, type) == (type == .fifo ? fifo : lifo))
    }
}
