import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// A broker over a store that commits when it is told to.
struct StoreBench {
    let store: ManualStore
    let broker: TestBroker

    init(
        _ contents: ManualStore.Contents = ManualStore.Contents(), loadLimit: Int = .max, loops: Int = 2,
        clock: any Clock = SystemClock(), _ change: (inout BrokerSettings) -> Void = { _ in }
    ) throws {
        store = ManualStore(contents, loadLimit: loadLimit)
        broker = try TestBroker(loops: loops, store: store, clock: clock, change)
    }

    /// A client whose session outlives its connection.
    func lasting(_ id: UTF8Text, _ version: ProtocolVersion = .v5) throws -> TestClient {
        try broker.client(id, version, clean: false, properties: EndToEndTests.lasting(version))
    }

    /// Makes a session with a subscription to "t" and leaves it.
    func away(_ id: UTF8Text, _ version: ProtocolVersion = .v5, qos: QoS = .exactlyOnce) throws {
        let client = try lasting(id, version)
        try client.subscribe("t", qos: qos)
        try client.disconnect()
        let isKept = store.wait { store in
            store.contents.sessions.values.contains {
                $0.subscriber.clientID == id && $0.expiryDeadline != nil
            }
        }
        #expect(isKept)
    }

    /// What a broker would find that starts after a crash now.
    func crash() -> ManualStore.Contents {
        let contents = store.contents
        store.release()
        return contents
    }
}

extension Path {
    static let withAcks = all.filter { $0.qos != .atMostOnce }
    static let shortWithAcks = short.filter { $0.qos != .atMostOnce }
}

@Suite struct StoreAnswerScenarios {
    // MARK: PUBLISH

    @Test(arguments: Path.withAcks)
    func `a message for a client that is away is acknowledged after its commit, and not before`(_ path: Path)
        throws
    {
        let bench = try StoreBench()
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: path.isSameLoop ? 0 : 1, "receiver")
        try bench.away(id, path.receiver)
        let sender = try broker.client(broker.id(on: 0, "sender"), path.sender)
        store.hold()
        try sender.publish("t", "x", qos: path.qos)
        #expect(try sender.drain().isEmpty)
        #expect(store.wait { $0.heldCopyCount == 1 })
        #expect(try sender.drain().isEmpty)
        #expect(broker.wait { $0[LoopGauge.heldAnswers] == 1 })
        store.release()
        try sender.receiveAck(path.qos == .atLeastOnce ? .puback : .pubrec, 1)
        #expect(store.contents.texts(of: id) == ["x"])
        if path.qos == .exactlyOnce {
            try sender.send(.pubrel(AckPacket(packetIdentifier: 1)))
            try sender.receiveAck(.pubcomp, 1)
        }
        #expect(broker.wait { $0[LoopGauge.heldAnswers] == 0 && $0[.answersHeld] >= 1 })
        #expect(broker.isBalanced)
    }

    @Test(arguments: Path.short)
    func `clean sessions and QoS 0 never touch the store`(_ path: Path) throws {
        let bench = try StoreBench()
        let broker = bench.broker
        let (sender, receiver) = try path.clients(broker)
        try receiver.subscribe("t", qos: path.qos)
        try sender.publishAndComplete("t", "x", qos: path.qos)
        #expect(try receiver.receiveMessage().text == "x")
        try receiver.unsubscribe(["t"])
        try receiver.disconnect()
        try sender.disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 0 })
        #expect(bench.store.contents.batchCount == 0)
        #expect(broker.numbers[.storeCopies] == 0)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `QoS 0 for a session that lasts is not stored`(_ isSameLoop: Bool) throws {
        let bench = try StoreBench()
        let receiver = try bench.lasting(bench.broker.id(on: isSameLoop ? 0 : 1, "r"))
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try bench.broker.client(bench.broker.id(on: 0, "s"))
        try sender.publish("t", "x")
        #expect(try receiver.receivePublish().text == "x")
        #expect(bench.broker.numbers[.storeCopies] == 0)
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: Path.all.filter { $0.qos == .atLeastOnce })
    func `what the subscriber acknowledges within the window is acknowledged at once and never written`(
        _ path: Path
    ) throws {
        let bench = try StoreBench { $0.store.commitWindow = 600_000 }
        let broker = bench.broker
        let receiver = try bench.lasting(broker.id(on: path.isSameLoop ? 0 : 1, "receiver"), path.receiver)
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client(broker.id(on: 0, "sender"), path.sender)
        try sender.publish("t", "x", qos: .atLeastOnce)
        let publish = try receiver.receivePublish()
        #expect(try sender.drain().isEmpty)
        try receiver.acknowledge(publish)
        try sender.receiveAck(.puback, 1)
        #expect(broker.wait { $0[.storeElided] == 1 && $0[.storeCopies] == 1 })
        #expect(bench.store.contents.writtenCount == 0)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `one of two subscribers that acknowledges does not acknowledge for the other`(_ isSameLoop: Bool)
        throws
    {
        let bench = try StoreBench { $0.store.commitWindow = 600_000 }
        let broker = bench.broker
        let receivers = try ["a", "b"].map {
            try bench.lasting(broker.id(on: isSameLoop ? 0 : 1, $0))
        }
        for receiver in receivers { try receiver.subscribe("t", qos: .atLeastOnce) }
        let sender = try broker.client(broker.id(on: 0, "sender"))
        try sender.publish("t", "x", qos: .atLeastOnce)
        try receivers[0].acknowledge(try receivers[0].receivePublish())
        #expect(broker.wait { $0[.storeElided] == 1 })
        #expect(try sender.drain().isEmpty)
        try receivers[1].acknowledge(try receivers[1].receivePublish())
        try sender.receiveAck(.puback, 1)
        #expect(broker.isBalanced)
    }

    @Test func `a subscriber that does not acknowledge in time has its copy written`() throws {
        let bench = try StoreBench { $0.store.commitWindow = 1 }
        let receiver = try bench.lasting("r")
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try bench.broker.client("s")
        try sender.publish("t", "x", qos: .atLeastOnce)
        try sender.receiveAck(.puback, 1)
        #expect(bench.store.contents.texts(of: "r") == ["x"])
        #expect(try receiver.receiveMessage().text == "x")
        #expect(bench.store.wait { $0.contents.copyCount == 0 })
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `answers keep their order when the first waits [MQTT-4.6.0-2]`(_ version: ProtocolVersion) throws {
        let bench = try StoreBench()
        try bench.away("r")
        let sender = try bench.broker.client("s", version)
        bench.store.hold()
        try sender.publish("t", "stored", qos: .atLeastOnce, id: 1)
        try sender.publish("nobody", "x", qos: .atLeastOnce, id: 2)
        try sender.publish("t", "stored too", qos: .atLeastOnce, id: 3)
        #expect(try sender.drain().isEmpty)
        bench.store.release()
        for id in 1...3 as ClosedRange<UInt16> { try sender.receiveAck(.puback, id) }
        #expect(bench.broker.isBalanced)
    }

    @Test func `the answers of a connection that is gone are not sent on the next`() throws {
        let bench = try StoreBench()
        try bench.away("r")
        let sender = try bench.lasting("s")
        bench.store.hold()
        try sender.publish("t", "x", qos: .atLeastOnce, id: 1)
        #expect(bench.store.wait { $0.heldCopyCount == 1 })
        sender.drop()
        #expect(bench.broker.wait { $0[LoopGauge.sessionsOffline] == 2 && $0[LoopGauge.heldAnswers] == 0 })
        let again = try bench.lasting("s")
        bench.store.release()
        #expect(bench.broker.isBalanced)
        #expect(try again.drain().isEmpty)
    }

    // MARK: QoS 2

    @Test(arguments: Path.all.filter { $0.qos == .exactlyOnce })
    func `a QoS 2 message goes out once its identifier is committed, PUBREL and PUBCOMP after theirs`(
        _ path: Path
    ) throws {
        let bench = try StoreBench { $0.store.commitWindow = 600_000 }
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: path.isSameLoop ? 0 : 1, "receiver")
        let senderID = broker.id(on: 0, "sender")
        let receiver = try bench.lasting(id, path.receiver)
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try bench.lasting(senderID, path.sender)
        // CONNECT's own change must not be in the way.
        try sender.subscribe("other", qos: .atMostOnce)
        store.hold()
        try sender.publish("t", "x", qos: .exactlyOnce, id: 7)
        #expect(try sender.drain().isEmpty)
        // One commit after another, until the message goes out.
        var packets: [ControlPacket] = []
        while packets.isEmpty {
            packets = try receiver.drain()
            if packets.isEmpty {
                #expect(store.contents.identifiers(of: id).allSatisfy { $0 == 0 })
                #expect(store.wait { $0.heldJobCount > 0 })
                store.commitNext()
                if store.contents.identifiers(of: id) == [1] { packets = [try receiver.receive()] }
            } else {
                #expect(store.contents.identifiers(of: id) == [1])
            }
        }
        guard packets.count == 1, case .publish(let publish) = packets[0] else {
            Issue.record("expected PUBLISH, got \(packets)")
            return
        }
        #expect(!publish.isDuplicate && publish.packetIdentifier == 1)
        try sender.receiveAck(.pubrec, 7)
        #expect(store.contents.number(of: senderID).flatMap { store.contents.received[$0] } == [7])

        try receiver.acknowledge(publish)
        #expect(try receiver.drain().isEmpty)
        #expect(store.wait { $0.heldBatchCount == 1 })
        store.commitNext()
        try receiver.receiveAck(.pubrel, 1)
        let number = try #require(store.contents.number(of: id))
        #expect(store.contents.flights[number]?.values.map(\.isReleased) == [true])
        try receiver.send(.pubcomp(AckPacket(packetIdentifier: 1)))
        #expect(broker.wait { $0[.ledgerDelivered] == 1 })

        try sender.send(.pubrel(AckPacket(packetIdentifier: 7)))
        #expect(try sender.drain().isEmpty)
        store.release()
        try sender.receiveAck(.pubcomp, 7)
        #expect(store.contents.number(of: senderID).flatMap { store.contents.received[$0] } == [])
        // The removal of the copy is in no hurry: another change hands it over.
        try receiver.unsubscribe(["t"])
        try sender.unsubscribe(["other"])
        #expect(broker.isBalanced)
        #expect(store.contents.copyCount == 0)
        #expect(store.contents.flights.values.allSatisfy { $0.isEmpty })
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a QoS 2 message sent again on a new connection is acknowledged when the first is committed`(
        _ version: ProtocolVersion
    ) throws {
        let bench = try StoreBench()
        let store = bench.store
        try bench.away("r")
        let first = try bench.lasting("s", version)
        store.hold()
        try first.publish("t", "once", qos: .exactlyOnce, id: 9)
        #expect(store.wait { $0.heldCopyCount == 1 })
        first.drop()
        #expect(bench.broker.wait { $0[LoopGauge.sessionsOffline] == 2 })
        let again = try bench.lasting("s", version)
        try again.publish("t", "once", qos: .exactlyOnce, id: 9, duplicate: true)
        #expect(try again.drain().isEmpty)
        store.release()
        try again.receiveAck(.pubrec, 9)
        try again.send(.pubrel(AckPacket(packetIdentifier: 9)))
        try again.receiveAck(.pubcomp, 9)
        #expect(store.contents.texts(of: "r") == ["once"])
        #expect(bench.broker.numbers[.ledgerDuplicate] == 1)
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `a QoS 2 message whose commit ends while its client is away goes out when it is back`(
        _ isSameLoop: Bool
    ) throws {
        let bench = try StoreBench()
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: isSameLoop ? 0 : 1, "r")
        let receiver = try bench.lasting(id)
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        store.hold()
        try sender.publish("t", "x", qos: .exactlyOnce)
        if !isSameLoop {
            #expect(store.wait { $0.heldCopyCount == 1 })
            while store.heldCopyCount > 0 { store.commitNext() }
        }
        #expect(broker.wait { $0[LoopGauge.inflightMessages] == 1 })
        receiver.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        store.release()
        try sender.receiveAck(.pubrec, 1)
        let again = try bench.lasting(id)
        #expect(broker.isBalanced)
        let packets = try again.drain()
        // Nobody clears what it waited for while there is no connection, and `resume` leaves it to the commit.
        #expect(packets.count == 1)
    }

    // MARK: Subscriptions, retained messages

    @Test(arguments: ProtocolVersion.allCases)
    func `SUBACK and UNSUBACK of a session that lasts wait for the commit`(_ version: ProtocolVersion) throws
    {
        let bench = try StoreBench()
        let client = try bench.lasting("c", version)
        bench.store.hold()
        try client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 3, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
        #expect(try client.drain().isEmpty)
        bench.store.release()
        guard case .suback(let suback) = try client.receive() else {
            Issue.record("expected SUBACK")
            return
        }
        #expect(suback.codes == [1])
        let number = try #require(bench.store.contents.number(of: "c"))
        #expect(bench.store.contents.subscriptions[number]?["t"] != nil)
        bench.store.hold()
        try client.send(.unsubscribe(UnsubscribePacket(packetIdentifier: 4, filters: ["t"])))
        #expect(try client.drain().isEmpty)
        bench.store.release()
        guard case .unsuback = try client.receive() else {
            Issue.record("expected UNSUBACK")
            return
        }
        #expect(bench.store.contents.subscriptions[number]?.isEmpty == true)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `what is retained comes behind SUBACK, which waits for the commit`(_ version: ProtocolVersion) throws
    {
        let bench = try StoreBench()
        let client = try bench.lasting("c", version)
        try bench.broker.client("p").publishAndComplete("t", "old", qos: .atLeastOnce, retain: true)
        bench.store.hold()
        try client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 3, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
        #expect(try client.drain().isEmpty)
        bench.store.release()
        guard case .suback = try client.receive() else {
            Issue.record("expected SUBACK")
            return
        }
        #expect(try client.receiveMessage().text == "old")
        #expect(try client.drain().isEmpty)
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce], ["x", ""])
    func `a retained message is acknowledged when it is committed, its removal too`(
        _ qos: QoS, _ payload: String
    ) throws {
        let bench = try StoreBench()
        let sender = try bench.broker.client("s", .v5)
        try sender.publishAndComplete("t", "before", qos: .atLeastOnce, retain: true)
        bench.store.hold()
        try sender.publish("t", payload, qos: qos, retain: true)
        #expect(try sender.drain().isEmpty)
        bench.store.release()
        try sender.receiveAck(qos == .atLeastOnce ? .puback : .pubrec, 1)
        let kept = bench.store.contents.retained["t"].map {
            String(decoding: $0.payload.copiedBytes(), as: UTF8.self)
        }
        #expect(kept == (payload.isEmpty ? nil : payload))
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: ["new", ""])
    func `the store keeps the retained message that memory has, whichever loop it came to`(_ payload: String)
        throws
    {
        let bench = try StoreBench { $0.store.commitWindow = 100 }
        let broker = bench.broker
        let early = try broker.client(broker.id(on: 0, "early"))
        let late = try broker.client(broker.id(on: 1, "late"))
        // QoS 0 is in no hurry; QoS 1, later, is.
        try early.publish("t", "old", retain: true)
        try early.settle()
        try late.publishAndComplete("t", payload, qos: .atLeastOnce, retain: true)
        #expect(bench.store.wait { $0.contents.batchCount == 2 })
        let kept = bench.store.contents.retained["t"].map {
            String(decoding: $0.payload.copiedBytes(), as: UTF8.self)
        }
        #expect(kept == (payload.isEmpty ? nil : payload))
    }

    // MARK: How many

    @Test func `a client for whom 4,096 answers wait is not read until the store has caught up`() throws {
        let bench = try StoreBench(loops: 1)
        let (broker, store) = (bench.broker, bench.store)
        try bench.away("r", qos: .atLeastOnce)
        let client = try broker.client("c", .v5)
        store.hold()
        try client.publish("t", "first", qos: .atLeastOnce, id: 1)
        #expect(store.wait { $0.heldCopyCount == 1 })
        // Each is answered behind the first, and costs ten times its four bytes until then.
        let releases = (1...20_000 as ClosedRange<UInt16>).flatMap {
            [0x62, 2, UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] as [UInt8]
        }
        try client.send(releases)
        #expect(broker.wait { $0[LoopGauge.heldAnswers] == 4096 })
        let other = try broker.client("other")
        for _ in 0..<3 { try other.settle() }
        #expect(broker.numbers[LoopGauge.heldAnswers] == 4096)
        #expect(broker.numbers[.loopReadsPaused] >= 1)
        store.release()
        try client.receiveAck(.puback, 1)
        for identifier in 1...20_000 as ClosedRange<UInt16> { try client.receiveAck(.pubcomp, identifier) }
        #expect(broker.numbers[LoopGauge.heldAnswers] == 0)
    }
}
