import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Whatever adds to what is on its way to the store waits at the mark.
@Suite struct StoreBacklogScenarios {
    /// A broker of one loop whose store takes nothing for now.
    private func bench(mark: Int = 1 << 20) throws -> StoreBench {
        try StoreBench(loops: 1) { $0.store.backlogByteCount = mark }
    }

    private func will(_ byteCount: Int) -> WillPacketFields {
        WillPacketFields(
            topic: "will", payload: [UInt8](repeating: 7, count: byteCount),
            properties: Properties { $0.willDelayInterval = 1000 })
    }

    private func backlog(_ bench: StoreBench) -> Int64 { bench.broker.numbers[LoopGauge.storeBacklogBytes] }

    @Test func `a client that reconnects again and again with a large will adds it once`() throws {
        let bench = try bench()
        let first = try bench.broker.client(.v5)
        first.drop()
        bench.store.holdCommits()
        for _ in 0..<50 {
            let client = try bench.broker.client(.v5)
            try client.connect("c", clean: false, will: will(60_000), properties: lasting(.v5))
            client.drop()
            #expect(bench.broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
            #expect(backlog(bench) < 200_000)  // one in the batch under way, one in the open one
        }
        #expect(bench.broker.numbers[.storePausesConnect] == 0)
        bench.store.release()
        #expect(bench.store.wait { $0.contents.sessions.values.map { $0.will?.payload.count } == [60_000] })
        #expect(bench.broker.wait { $0[LoopGauge.storeBacklogBytes] == 0 })
    }

    @Test func `CONNECT waits at the mark, and goes on when the store has caught up`() throws {
        let bench = try bench()
        bench.store.holdCommits()
        let clients = try (0..<34).map { number in
            let client = try bench.broker.client(.v5)
            try client.send(
                .connect(
                    ConnectPacket(
                        version: .v5, cleanStart: false, clientID: UTF8Text("c\(number)"), will: will(60_000),
                        properties: lasting(.v5))))
            return client
        }
        #expect(bench.broker.wait { $0[LoopGauge.storeHeldClients] == 16 })
        #expect(backlog(bench) < 1 << 20 + 70_000)
        // A session that is not kept has nothing to wait for.
        try bench.broker.client("clean", .v5).settle()
        // A newer connection of one that waits takes its place; the older is told.
        let again = try bench.broker.client(.v5)
        try again.send(
            .connect(
                ConnectPacket(version: .v5, cleanStart: false, clientID: "c33", properties: lasting(.v5))))
        guard case .connack(let refusal) = try clients[33].receive() else {
            Issue.record("no CONNACK")
            return
        }
        #expect(refusal.code == ReasonCode.serverBusy.rawValue)
        #expect(bench.broker.numbers[LoopGauge.storeHeldClients] == 16)
        bench.store.release()
        for client in clients[..<33] + [again] {
            guard case .connack(let connack) = try client.receive() else {
                Issue.record("no CONNACK")
                return
            }
            #expect(connack.code == 0)
        }
        #expect(bench.broker.numbers[.storePausesConnect] >= 17)
        #expect(bench.broker.numbers[.storeConnectsRefused] == 1)
        #expect(bench.broker.wait { $0[LoopGauge.storeHeldClients] == 0 })
        #expect(bench.store.wait { $0.contents.sessions.count == 34 })
    }

    @Test(arguments: [true, false])
    func `what waiting CONNECTs hold has a bound, also where the will alone is kept`(_ isLasting: Bool) throws
    {
        let bench = try bench(mark: 1 << 18)
        bench.store.holdCommits()
        let clients = try (0..<20).map { number in
            let client = try bench.broker.client(.v5)
            try client.send(
                .connect(
                    ConnectPacket(
                        version: .v5, cleanStart: !isLasting, clientID: UTF8Text("c\(number)"),
                        will: will(60_000),
                        properties: isLasting ? lasting(.v5) : Properties())))
            return client
        }
        // Five fill it, four may wait, and all others are told.
        #expect(bench.broker.wait { $0[.storeConnectsRefused] == 11 })
        #expect(bench.broker.numbers[LoopGauge.storeHeldClients] == 4)
        bench.store.release()
        let codes = try clients.map { client in
            guard case .connack(let connack) = try client.receive() else { return UInt8(255) }
            return connack.code
        }
        #expect(codes.count { $0 == 0 } == 9)
        #expect(codes.count { $0 == ReasonCode.serverBusy.rawValue } == 11)
    }

    @Test func `SUBSCRIBE and UNSUBSCRIBE wait at the mark`() throws {
        let bench = try bench()
        let client = try bench.lasting("c")
        bench.store.holdCommits()
        let long = UTF8Text(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: 60_000))
        for number in 1...40 {
            let identifier = PacketIdentifier(rawValue: UInt16(number))
            if number % 2 == 1 {
                try client.send(
                    .subscribe(
                        SubscribePacket(
                            packetIdentifier: identifier,
                            filters: [SubscribeFilter(long, qos: .atLeastOnce)], properties: Properties())))
            } else {
                try client.send(
                    .unsubscribe(
                        UnsubscribePacket(
                            packetIdentifier: identifier, filters: [long],
                            properties: Properties())))
            }
        }
        #expect(bench.broker.wait { $0[LoopGauge.storeHeldClients] == 1 })
        #expect(backlog(bench) >= 1 << 20 && backlog(bench) < 1 << 20 + 70_000)
        let numbers = bench.broker.numbers
        #expect(numbers[.storePausesSubscribe] + numbers[.storePausesUnsubscribe] == 1)
        bench.store.release()
        for _ in 1...40 { _ = try client.receive() }
        #expect(bench.broker.wait { $0[LoopGauge.storeBacklogBytes] == 0 })
        #expect(bench.store.contents.subscriptions.values.allSatisfy { $0.isEmpty })
    }

    @Test(arguments: [true, false])
    func `PUBLISH that may be stored waits at the mark, and QoS 0 does not`(_ isRetained: Bool) throws {
        let bench = try bench()
        try bench.away("r", qos: .atLeastOnce)
        let (sender, zero) = (try bench.broker.client("s"), try bench.broker.client("zero"))
        let text = String(repeating: "x", count: 60_000)
        bench.store.holdCommits()
        for number in 1...40 {
            let topic: UTF8Text = isRetained ? UTF8Text("retained/\(number)") : "t"
            try sender.publish(
                topic, text, qos: isRetained ? .atMostOnce : .atLeastOnce, id: UInt16(number),
                retain: isRetained)
        }
        #expect(bench.broker.wait { $0[.storePausesPublish] == 1 })
        #expect(backlog(bench) >= 1 << 20 && backlog(bench) < 1 << 20 + 70_000)
        try zero.publish("t", "x", qos: .atMostOnce)
        try zero.settle()
        #expect(bench.broker.numbers[LoopGauge.storeHeldClients] == 1)
        bench.store.release()
        try sender.settle()
        #expect(bench.broker.wait { $0.messages(.client) == 41 && $0[LoopGauge.storeBacklogBytes] == 0 })
        #expect(bench.broker.isBalanced)
    }

    @Test func `acknowledgements that remove something from the store wait at the mark`() throws {
        let bench = try bench(mark: 1 << 16)
        let receiver = try bench.broker.client(
            "r", .v5, clean: false,
            properties: Properties {
                $0.sessionExpiryInterval = 1000
                $0.receiveMaximum = 2000
            })
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try bench.broker.client("s")
        for number in 1...1500 { try sender.publish("t", "x", qos: .atLeastOnce, id: UInt16(number)) }
        for number in 1...1500 { try sender.receiveAck(.puback, UInt16(number)) }
        #expect(bench.store.wait { $0.contents.copyCount == 1500 })
        let messages = try (1...1500).map { _ in try receiver.receivePublish() }
        bench.store.holdCommits()
        for message in messages { try receiver.acknowledge(message) }
        #expect(bench.broker.wait { $0[.storePausesAcks] == 1 })
        #expect(backlog(bench) < 1 << 16 + 1000)
        bench.store.release()
        #expect(bench.broker.wait { $0[.ledgerDelivered] == 1500 && $0[LoopGauge.storeBacklogBytes] == 0 })
        #expect(bench.store.wait { $0.contents.copyCount == 0 })
        #expect(bench.broker.isBalanced)
    }

    @Test func `what other loops are to remove counts until they have`() throws {
        let bench = try StoreBench { $0.store.backlogByteCount = 1 << 17 }
        let (broker, store) = (bench.broker, bench.store)
        let receiver = try broker.client(
            broker.id(on: 1, "r"), .v5, clean: false,
            properties: Properties {
                $0.sessionExpiryInterval = 1000
                $0.receiveMaximum = 2000
            })
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        for number in 1...1500 { try sender.publish("t", "x", qos: .atLeastOnce, id: UInt16(number)) }
        for number in 1...1500 { try sender.receiveAck(.puback, UInt16(number)) }
        #expect(store.wait { $0.contents.copyCount == 1500 })
        let messages = try (1...1500).map { _ in try receiver.receivePublish() }
        store.holdCommits()
        for message in messages { try receiver.acknowledge(message) }
        #expect(broker.wait { $0[.storePausesAcks] == 1 })
        store.release()
        #expect(broker.wait { $0[.ledgerDelivered] == 1500 && $0[LoopGauge.storeHeldClients] == 0 })
        #expect(store.wait { $0.contents.copyCount == 0 })
        #expect(broker.isBalanced)
    }
}
