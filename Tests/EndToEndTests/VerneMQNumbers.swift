import BrokerCore
import BrokerMetrics
import Exporters
import Foundation
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// VerneMQ's numbers as `/metrics` and `/status.json` show them, moved by known amounts.
@Suite struct VerneMQNumbers {
    private struct Reading {
        let numbers: Snapshot

        func callAsFunction(_ name: String) -> Int64? {
            MetricCatalog.full().families.first { $0.name == name }.flatMap { numbers.aggregate($0)?.raw }
        }

        /// In, out, drop, expired, unhandled.
        var queue: [Int64?] {
            ["in", "out", "drop", "expired", "unhandled"].map { self("queue_message_\($0)") }
        }

        func status() throws -> [String: Any] {
            let json = StatusJSON.render(
                StatusFacts(snapshot: numbers, node: NodeStatus(node: "n", version: "", listeners: [])))
            let array = try JSONSerialization.jsonObject(with: Data(json)) as? [[String: [String: Any]]]
            return try #require(array?.first?["n"])
        }
    }

    /// Waits until the queue's counters are these, and checks that they say what waits.
    private func expect(
        _ broker: TestBroker, _ queue: [Int64], waiting: Int64, _ location: SourceLocation = #_sourceLocation
    ) throws {
        _ = broker.wait { Reading(numbers: $0).queue == queue }
        let reading = Reading(numbers: broker.numbers)
        #expect(reading.queue == queue, sourceLocation: location)
        #expect(queue[0] - queue[1] - queue[2] - queue[4] == waiting, sourceLocation: location)
        let gauges = [LoopGauge.queuedMessages, .inflightMessages, .outputMessages]
        #expect(gauges.reduce(0) { $0 + reading.numbers[$1] } == waiting, sourceLocation: location)
        let status = try reading.status()
        #expect(
            ["queue_in", "queue_out", "queue_drop", "queue_unhandled"].map { status[$0] as? Int64 }
                == [queue[0], queue[1], queue[2], queue[4]], sourceLocation: location)
        #expect(broker.isBalanced, sourceLocation: location)
    }

    @Test(arguments: [1, 2]) func `what came in went out, was dropped, unhandled, or waits`(_ loops: Int)
        throws
    {
        let store = ManualStore()
        let broker = try TestBroker(loops: loops, store: store) { $0.session.maxOfflineMessages = 3 }
        let sender = try broker.client("s", .v5)
        let receiver = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
        try receiver.subscribe("t", qos: .exactlyOnce)
        try sender.publish("nobody", "x")
        try expect(broker, [0, 0, 0, 0, 0], waiting: 0)
        // Delivered: QoS 0 by being written, the others by their acknowledgement.
        for qos in QoS.allCases { try sender.publishAndComplete("t", "x", qos: qos) }
        #expect(try receiver.receiveMessages(3).count == 3)
        try expect(broker, [3, 3, 0, 0, 0], waiting: 0)
        // Two in flight, one of them refused.
        for _ in 0..<2 { try sender.publishAndComplete("t", "x", qos: .atLeastOnce) }
        let first = try receiver.receivePublish()
        _ = try receiver.receivePublish()
        try expect(broker, [5, 3, 0, 0, 0], waiting: 2)
        try receiver.acknowledge(first, .quotaExceeded)
        try expect(broker, [5, 3, 0, 0, 1], waiting: 1)
        // Away: one QoS 0 is unhandled, three wait, the fourth meets a full queue.
        try receiver.disconnect()
        try sender.publishAndComplete("t", "x", qos: .atMostOnce)
        for _ in 0..<4 { try sender.publishAndComplete("t", "x", qos: .atLeastOnce) }
        try expect(broker, [10, 3, 1, 0, 2], waiting: 4)
        // The session ends with one in flight and three waiting.
        let again = try broker.client("r", .v5)
        try expect(broker, [10, 3, 1, 0, 6], waiting: 0)
        try again.subscribe("t", qos: .atLeastOnce)
        #expect(broker.numbers[DropReason.sessionEnded] == 4)
    }

    @Test func `two hundred copies that are too large are two hundred dropped`() throws {
        let broker = try TestBroker()
        let small = try broker.client("small", .v5, properties: Properties { $0.maximumPacketSize = 50 })
        try small.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("s")
        for number in 0..<200 {
            try sender.publish(
                "t", String(repeating: "x", count: 100), qos: number % 2 == 0 ? .atMostOnce : .atLeastOnce)
        }
        try sender.settle()
        try expect(broker, [200, 0, 200, 0, 0], waiting: 0)
    }

    @Test func `a message that expires in the queue is expired, and unhandled`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(clock: clock)
        let receiver = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
        try receiver.subscribe("t", qos: .atLeastOnce)
        try receiver.disconnect()
        let sender = try broker.client("s", .v5)
        try sender.publishAndComplete(
            "t", "x", qos: .atLeastOnce, properties: Properties { $0.messageExpiryInterval = 1 })
        broker.pass(clock, milliseconds: 1500)
        _ = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
        try expect(broker, [1, 0, 0, 1, 1], waiting: 0)
    }

    @Test func `what a restart finds came in, and waits`() throws {
        let store = ManualStore()
        do {
            let broker = try TestBroker(store: store)
            let receiver = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
            try receiver.subscribe("t", qos: .atLeastOnce)
            let sender = try broker.client("s", .v5)
            for _ in 0..<2 { try sender.publishAndComplete("t", "x", qos: .atLeastOnce) }
            for _ in 0..<2 { _ = try receiver.receivePublish() }
            try receiver.disconnect()
            for _ in 0..<3 { try sender.publishAndComplete("t", "x", qos: .atLeastOnce) }
            try expect(broker, [5, 0, 0, 0, 0], waiting: 5)
            broker.stop()
        }
        let broker = try TestBroker(store: ManualStore(store.contents))
        try expect(broker, [5, 0, 0, 0, 0], waiting: 5)
        let receiver = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
        let messages = try receiver.receiveMessages(5)
        #expect(messages.count == 5)
        try expect(broker, [5, 5, 0, 0, 0], waiting: 0)
    }

    @Test func `a copy that another member of a shared subscription gets goes out of one queue into another`()
        throws
    {
        let broker = try TestBroker()
        let members = try ["m1", "m2"].map { name in
            let member = try broker.client(broker.id(on: name == "m1" ? 0 : 1, name), .v5)
            try member.subscribe("$share/g/t", qos: .atLeastOnce)
            return member
        }
        let sender = try broker.client("s", .v5)
        for id in 1...10 { try sender.publishAndComplete("t", "x", qos: .atLeastOnce, id: UInt16(id)) }
        #expect(broker.wait { $0[LoopGauge.inflightMessages] == 10 })
        let passed = try members[0].drain().count
        try members[0].disconnect()
        try expect(broker, [10 + Int64(passed), Int64(passed), 0, 0, 0], waiting: 10)
        #expect(try members[1].receiveMessages(10).count == 10)
        try expect(broker, [10 + Int64(passed), 10 + Int64(passed), 0, 0, 0], waiting: 0)
    }

    @Test func `sockets that never sent CONNECT are not online, and sessions that wait are offline`() throws {
        let broker = try TestBroker()
        let sockets = try (0..<20).map { _ in try broker.client() }
        for number in 0..<5 {
            let client = try broker.client(
                "away\(number)".text, .v5, clean: false, properties: lasting(.v5))
            try client.disconnect()
        }
        let online = try broker.client("online")
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 21 && $0[LoopGauge.sessionsOffline] == 5 })
        let status = try Reading(numbers: broker.numbers).status()
        #expect(status["num_online"] as? Int == 1 && status["num_offline"] as? Int == 5)
        withExtendedLifetime((sockets, online)) {}
    }

    @Test func `a message without subscribers is told apart by what became of it`() throws {
        let broker = try TestBroker()
        let sender = try broker.client("s", .v5)
        #expect(try sender.publishAndComplete("a", "x", qos: .atLeastOnce) == .noMatchingSubscribers)
        for text in ["x", ""] {
            #expect(
                try sender.publishAndComplete("a", text, qos: .atLeastOnce, retain: true)
                    == .noMatchingSubscribers)
        }
        #expect(broker.numbers[.ledgerUnrouted] == 1 && broker.numbers[.ledgerUnroutedRetained] == 2)
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `what the store cannot keep is a publish error, unless the acknowledgement tells`(
        _ version: ProtocolVersion
    ) throws {
        let store = ManualStore()
        let broker = try TestBroker(store: store)
        let sender = try broker.client("s", version)
        store.health.set(isFailing: true)
        try sender.publish("t", "x", qos: .atMostOnce, retain: true)
        try sender.publish("t", "x", qos: .atLeastOnce, retain: true)
        #expect(broker.wait { $0[RejectReason.storageUnavailable] == 2 })
        #expect(broker.numbers[.publishError] == (version == .v5 ? 1 : 2))
    }
}
