import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

@Suite struct OutboundTests {
    private let message: ApplicationMessage = {
        let (topic, nothing) = ([UInt8(ascii: "t")], [UInt8]())
        return ApplicationMessage(
            facts: MessageFacts(qos: .exactlyOnce, isRetained: false, mountpoint: .default, publisher: nil),
            topic: topic.span.bytes, properties: nothing.span.bytes, payload: nothing.span.bytes)
    }()
    private let now = MonotonicTime(nanoseconds: 1)

    private func ticket(_ number: UInt64, identifier: UInt16 = 0) -> StoreTicket {
        StoreTicket(number: number, loop: 0, identifier: identifier)
    }

    private func queued(_ qos: QoS, _ ticket: StoreTicket = .none) -> QueuedMessage {
        QueuedMessage(message: message, terms: DeliveryTerms(qos: qos), ticket: ticket)
    }

    /// Sends a copy that is not stored, and returns its identifier.
    private func send(_ outbound: inout Outbound, _ qos: QoS = .atLeastOnce) -> UInt16? {
        let claim = outbound.claim(.none, qos, isKept: false) { _ in true }
        guard case .identifier(let identifier) = claim else { return nil }
        outbound.sent(
            message, DeliveryTerms(qos: qos), .none, identifier: identifier, flight: .none, now: now)
        return identifier
    }

    private func hasRoom(_ outbound: borrowing Outbound) -> Bool {
        outbound.deliveryFacts(ClientOutput(version: .v5), isHookAsked: false, byteLimit: .max).hasWindowRoom
    }

    @Test func `a client without a connection is offline and never blocked`() {
        let outbound = Outbound()
        let facts = outbound.deliveryFacts(ClientOutput(version: .v5), isHookAsked: true, byteLimit: .max)
        #expect(!facts.isOnline && !facts.isOutputBlocked && facts.isHookAsked && facts.isQueueEmpty)
    }

    @Test func `the client's Receive Maximum is room for so many messages`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 2)
        let first = send(&outbound)
        #expect(first == 1)
        let isOpen = hasRoom(outbound)
        #expect(isOpen)
        let second = send(&outbound, .exactlyOnce)
        #expect(second == 2)
        let isFull = !hasRoom(outbound)
        #expect(isFull)
        let place = outbound.find(1)
        if let place { _ = outbound.remove(at: place) }
        let isOpenAgain = hasRoom(outbound)
        #expect(isOpenAgain)
    }

    @Test func `before the commit that says that the client is back nothing but QoS 0 is sent`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 2)
        outbound.holdUntilAttached(5)
        let settings = SessionSettings()
        outbound.append(queued(.atLeastOnce))
        let before = outbound.next(settings)
        #expect(before == .waits)
        outbound.attachSettled { $0 < 5 }
        let still = outbound.next(settings)
        #expect(still == .waits)
        outbound.attachSettled { $0 <= 5 }
        let after = outbound.next(settings)
        #expect(after == .ready)
    }

    @Test func `QoS 0 in front of the queue needs no room`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 0)
        let empty = outbound.next(SessionSettings())
        #expect(empty == .nothing)
        outbound.append(queued(.atMostOnce))
        let next = outbound.next(SessionSettings())
        #expect(next == .ready)
    }

    @Test func `a stored QoS 1 copy keeps the identifier that it was stored with`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 9)
        let claim = outbound.claim(ticket(10, identifier: 77), .atLeastOnce, isKept: true) { _ in true }
        #expect(claim == .identifier(77))
        // In use, or none is stored: it gets another one, which has to be committed first.
        outbound.sent(
            message, DeliveryTerms(qos: .atLeastOnce), ticket(10, identifier: 77), identifier: 77,
            flight: .none, now: now)
        let sentThrough = outbound.sentThrough
        #expect(sentThrough == 10)
        let taken = outbound.claim(ticket(12, identifier: 77), .atLeastOnce, isKept: true) { _ in true }
        #expect(taken == .afterCommit)
        let none = outbound.claim(ticket(14), .exactlyOnce, isKept: true) { _ in true }
        #expect(none == .afterCommit)
    }

    @Test func `nothing of QoS 1 overtakes a QoS 1 message that waits for its commit [MQTT-4.6.0-5]`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 9)
        outbound.letFollowersWait(for: 3)
        let held = outbound.claim(ticket(10, identifier: 1), .atLeastOnce, isKept: true) { $0 < 3 }
        #expect(held == .afterOrder)
        let orderBatch = outbound.orderBatch
        #expect(orderBatch == 3)
        let other = outbound.claim(ticket(12, identifier: 2), .exactlyOnce, isKept: true) { $0 < 3 }
        #expect(other == .identifier(2))
        let free = outbound.claim(ticket(14, identifier: 3), .atLeastOnce, isKept: true) { $0 <= 3 }
        #expect(free == .identifier(3))
    }

    @Test func `a copy that the client may know waits for its identifier`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 9)
        _ = send(&outbound)
        var copy = queued(.exactlyOnce, ticket(4, identifier: 1))
        copy.hasFlightRow = true
        outbound.append(copy)
        let isInUse = outbound.isNextIdentifierInUse(.fifo)
        #expect(isInUse)
        if let place = outbound.find(1) { _ = outbound.remove(at: place) }
        let isFree = !outbound.isNextIdentifierInUse(.fifo)
        #expect(isFree)
    }

    @Test func `on a new connection what was sent comes first, as far as the client takes it`() {
        var outbound = Outbound()
        outbound.beginConnection(receiveMaximum: 9)
        _ = send(&outbound)
        _ = send(&outbound, .exactlyOnce)
        outbound.beginConnection(receiveMaximum: 1)
        let isClosed = !hasRoom(outbound)
        #expect(isClosed)
        guard let place = outbound.nextUnsent() else {
            Issue.record("nothing to send again")
            return
        }
        let identifier = outbound.window[place].packetIdentifier
        #expect(identifier == 1)
        outbound.markSent(place, holdsPlace: true)
        let isSecondHeld = outbound.nextUnsent() == nil
        #expect(isSecondHeld)
        let unsentCount = outbound.window.unsentCount
        #expect(unsentCount == 1)
    }

    @Test func `answers go out in order, each when what it promises is settled`() {
        var outbound = Outbound()
        for batch in [3, 1] as [UInt64] {
            outbound.hold(
                HeldAnswer(
                    wait: StoreWait(batch: batch), since: now, answer: .ack(.puback, UInt16(batch), .success))
            )
        }
        let (mayAnswer, count) = (outbound.mayAnswer, outbound.answerCount)
        #expect(!mayAnswer && count == 2)
        let early = outbound.takeAnswer { $0.batch < 3 }
        #expect(early?.wait == nil)
        let first = outbound.takeAnswer { $0.batch <= 3 }
        #expect(first?.wait.batch == 3)
        let dropped = outbound.dropAnswers()
        let mayAnswerAgain = outbound.mayAnswer
        #expect(dropped == 1 && mayAnswerAgain)
    }

    @Test func `one job sends the rest, one timer sends again, one search looks for retained messages`() {
        var outbound = Outbound()
        let sending = (outbound.beginSendingLater(), outbound.beginSendingLater())
        #expect(sending == (true, false))
        outbound.endSendingLater()
        let retrying = (outbound.beginRetryRound(), outbound.beginRetryRound())
        #expect(retrying == (true, false))
        outbound.endRetryTimer()
        let scanning = (outbound.beginScanning(), outbound.beginScanning())
        #expect(scanning == (true, false))
        outbound.endScanning()
        let again = (
            outbound.beginSendingLater(), outbound.beginRetryRound(), outbound.beginScanning()
        )
        #expect(again == (true, true, true))
    }
}
