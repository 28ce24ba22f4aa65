import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// How the connection of a client ends that does not read.
enum Cut: CaseIterable, Sendable {
    case sendTimeout, takenOver, clientDisconnects, clientResets, shutdown
}

/// QoS 0 messages for clients that do not read: what the kernel took was delivered, and the rest was lost.
@Suite struct OutputAccounting {
    /// Publishes until the subscriber's socket, output and queue are full. - Returns: how many messages that were.
    private func fill(
        _ broker: TestBroker, byteCount: Int,
        until isFull: (Snapshot) -> Bool = { $0[DropReason.queueFull] > 0 }
    ) throws -> Int {
        let sender = try broker.client("sender")
        let payload = String(repeating: "x", count: byteCount)
        var count = 0
        repeat {
            for _ in 0..<max(16, 200_000 / byteCount) {
                try sender.publish("t", payload)
                count += 1
            }
            try sender.settle()
        } while !isFull(broker.numbers)
        try sender.disconnect()
        return count
    }

    @Test(arguments: Cut.allCases, [100, 15_000, 40_000])
    func `of a subscriber that never reads, what was written counts as delivered, and nothing else`(
        _ cut: Cut, _ byteCount: Int
    ) throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock, sendTimeout: .seconds(1)) {
            $0.session.maxOnlineMessages = 50
        }
        let id = broker.id(on: 1, "stuck")
        let stuck = try broker.client(id)
        try stuck.subscribe("t", qos: .atMostOnce)
        // Buffers of the kernel grow: one that is full may take more a moment later, so the cut is waited for here.
        let count =
            cut == .sendTimeout
            ? try fill(broker, byteCount: byteCount) {
                if $0[DropReason.queueFull] > 0 { clock.pass(milliseconds: 250) }
                return $0[CloseReason.sendTimeout] > 0
            }
            : try fill(broker, byteCount: byteCount)
        var read: Int?
        switch cut {
        case .sendTimeout: break
        case .takenOver: _ = try broker.client(id)
        case .clientDisconnects:
            try stuck.send([0xE0, 0])
            read = try stuck.receiveUntilEnd().count
        case .clientResets: stuck.reset()
        case .shutdown: #expect(broker.drain(clock))
        }
        let isOver = broker.wait(clock) {
            $0[LoopGauge.outputMessages] == 0 && $0[LoopGauge.queuedMessages] == 0
                && $0[.ledgerPosted] == $0[.ledgerTaken] && $0[LoopGauge.sessionsOnline] <= 1
        }
        #expect(isOver)
        #expect(broker.isBalanced)
        let numbers = broker.numbers
        // What the socket held when it was closed reaches the client all the same; the last packet perhaps in part.
        if cut != .clientResets {
            #expect(try numbers[.ledgerDelivered] == UInt64(read ?? stuck.receiveUntilEnd().count))
        }
        let lost = DropReason.allCases.reduce(0) { $0 + numbers[$1] }
        // The send timeout came while messages were still published.
        #expect(cut == .sendTimeout || numbers.copies(.client) == UInt64(count))
        #expect(numbers[.ledgerDelivered] + lost == numbers.copies(.client))
        if cut == .sendTimeout || cut == .clientResets {
            #expect(numbers[DropReason.connectionClosed] > 0)
        }
    }

    @Test func `what waits in the output of a client that is slow is neither delivered nor lost`() throws {
        let broker = try TestBroker { $0.session.maxOnlineMessages = 50 }
        let slow = try broker.client("slow")
        try slow.subscribe("t", qos: .atMostOnce)
        let count = try fill(broker, byteCount: 1000)
        let full = broker.numbers
        #expect(full[LoopGauge.outputMessages] > 0 && full[LoopGauge.queuedMessages] > 0)
        for equation in LedgerEquation.allCases { #expect(full.residual(equation) == 0) }
        let waiting = full[LoopGauge.outputMessages] + full[LoopGauge.queuedMessages]
        #expect(full[.ledgerDelivered] + UInt64(waiting) + full[DropReason.queueFull] == UInt64(count))
        // Now it reads: all that waited is delivered.
        let rest = count - Int(full[DropReason.queueFull])
        for _ in 0..<rest { _ = try slow.receivePublish() }
        #expect(broker.wait { $0[.ledgerDelivered] == UInt64(rest) })
        #expect(broker.numbers[DropReason.connectionClosed] == 0 && broker.isBalanced)
    }
}
