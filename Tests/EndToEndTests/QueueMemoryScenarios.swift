import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// What waits for one client is bounded in bytes, not only in messages.
@Suite struct QueueMemoryScenarios {
    private static let payload = String(repeating: "x", count: 10_000)

    @Test(arguments: QueueType.allCases)
    func `what waits for a client that is away takes queue_memory, and what is lost is counted`(
        _ type: QueueType
    ) throws {
        let broker = try TestBroker {
            $0.session.queueByteLimit = 100_000
            $0.session.queueType = type
        }
        let sleeper = try broker.client("sleeper", clean: false)
        try sleeper.subscribe("t", qos: .atLeastOnce)
        sleeper.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let publisher = try broker.client("publisher")
        for number in 0..<20 {
            try publisher.publish("t", "\(number) " + Self.payload, qos: .atLeastOnce, id: UInt16(number + 1))
            _ = try publisher.receive()
        }
        #expect(broker.wait { $0[Counter.queueMemoryFull] == 11 && $0[LoopGauge.queuedMessages] == 9 })
        #expect(broker.numbers[DropReason.queueFull] == 11)
        #expect(broker.numbers[LoopGauge.queuedBytes] <= 100_000)
        let back = try broker.client("sleeper", clean: false)
        var numbers: [Int] = []
        for _ in 0..<9 {
            let text = String(decoding: try back.receivePublish().payload, as: UTF8.self)
            numbers.append(Int(text.prefix { $0 != " " }) ?? -1)
        }
        #expect(numbers == (type == .fifo ? Array(0..<9) : Array((11..<20).reversed())))
        #expect(broker.isBalanced)
    }

    @Test func `one message that is larger than queue_memory waits alone`() throws {
        let broker = try TestBroker { $0.session.queueByteLimit = 5000 }
        let sleeper = try broker.client("sleeper", clean: false)
        try sleeper.subscribe("t", qos: .atLeastOnce)
        sleeper.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let publisher = try broker.client("publisher")
        for id in 1...2 {
            try publisher.publish("t", Self.payload, qos: .atLeastOnce, id: UInt16(id))
            _ = try publisher.receive()
        }
        #expect(broker.wait { $0[LoopGauge.queuedMessages] == 1 && $0[Counter.queueMemoryFull] == 1 })
        #expect(broker.isBalanced)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `what a client has not acknowledged takes queue_memory, then messages wait for it`(_ qos: QoS) throws
    {
        let broker = try TestBroker { $0.session.queueByteLimit = 100_000 }
        // No Receive Maximum: its window is 65,535.
        let hoarder = try broker.client("hoarder", .v5)
        try hoarder.subscribe("t", qos: qos)
        let publisher = try broker.client("publisher")
        for number in 0..<15 {
            try publisher.publish("t", "\(number) " + Self.payload, qos: .exactlyOnce, id: UInt16(number + 1))
            _ = try publisher.receive()
        }
        #expect(broker.wait { $0[LoopGauge.inflightMessages] == 10 && $0[LoopGauge.queuedMessages] == 5 })
        var number = 0
        while number < 15 {
            // PUBRELs come in between; they are left unanswered.
            guard case .publish(let message) = try hoarder.receive() else { continue }
            #expect(String(decoding: message.payload, as: UTF8.self).hasPrefix("\(number) "))
            try hoarder.acknowledge(message)
            number += 1
        }
        // With QoS 2 no exchange is at its end, but the messages are not held any more.
        #expect(broker.wait { $0[LoopGauge.inflightMessages] == (qos == .atLeastOnce ? 0 : 15) })
        #expect(broker.isBalanced)
    }

    @Test func `what is stored is never lost for want of memory`() throws {
        let store = ManualStore()
        let broker = try TestBroker(store: store) { $0.session.queueByteLimit = 100_000 }
        let sleeper = try broker.client("sleeper", .v5, clean: false, properties: lasting(.v5))
        try sleeper.subscribe("t", qos: .atLeastOnce)
        sleeper.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let publisher = try broker.client("publisher")
        // The first leaves room for less than the others.
        let payloads = [String(repeating: "x", count: 99_000)] + (0..<20).map { "\($0) " + Self.payload }
        for (number, payload) in payloads.enumerated() {
            try publisher.publish("t", payload, qos: .atLeastOnce, id: UInt16(number + 1))
        }
        for number in payloads.indices { try publisher.receiveAck(.puback, UInt16(number + 1)) }
        #expect(broker.wait { $0[LoopGauge.queuedMessages] == 21 })
        #expect(broker.numbers[LoopGauge.queuedBytes] <= 100_000)
        let back = try broker.client("sleeper", .v5, clean: false, properties: lasting(.v5))
        let messages = try back.receiveMessages(payloads.count)
        #expect(messages.map { String(decoding: $0.payload, as: UTF8.self) } == payloads)
        #expect(broker.numbers[Counter.queueMemoryFull] == 0 && broker.isBalanced)
    }
}
