import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// How long copies are in the broker, and in which stage: turns whose times a test sets.
@Suite struct ResidenceTests {
    private static func at(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    /// A subscriber "r" of "t", a sender, and turns.
    private struct Turns {
        let bench: CoreBench
        let sender: MemoryTransport
        let receiver: MemoryTransport

        init(
            hooks: [any Hook] = [], _ qos: QoS = .atMostOnce, lasts: Bool = false,
            receiveMaximum: UInt16? = nil
        ) throws {
            bench = CoreBench(hooks: hooks)
            sender = bench.connect("s")
            receiver = bench.connect("r") {
                $0.cleanStart = !lasts
                $0.properties.sessionExpiryInterval = lasts ? 1_000 : nil
                $0.properties.receiveMaximum = receiveMaximum
            }
            try receiver.send(
                .subscribe(SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: qos)])))
            _ = try receiver.received()
        }

        /// A turn that begins, begins to write and ends at these milliseconds.
        func turn(
            _ begin: UInt64, _ flushing: UInt64, _ end: UInt64, _ body: () throws -> Void = {}
        ) rethrows {
            bench.shard.turnBegan(at(begin)) { false }
            try body()
            bench.shard.turnEnded { false }
            bench.shard.turnFlushed(
                flushing: at(flushing), end: at(end), marks: receiver.flushList.takePassedMarks()
            ) { 1_700_000_000_000 }
        }

        func publish(_ qos: QoS, id: UInt16 = 0, properties: Properties = Properties()) throws {
            try sender.send(
                .publish(
                    PublishPacket(
                        topic: "t", payload: [1], qos: qos,
                        packetIdentifier: id == 0 ? nil : PacketIdentifier(rawValue: id),
                        properties: properties)))
        }

        /// Observations, and their sum in milliseconds.
        func reading(_ histogram: LoopHistogram) -> [UInt64] {
            let reading = bench.numbers.reading(of: histogram, .waitSeconds)
            return [reading.count, reading.sum / 1_000_000]
        }
    }

    @Test func `what is written in the turn that read it was there as long as the turn took`() throws {
        let turns = try Turns()
        try turns.turn(1000, 1003, 1007) {
            for _ in 0..<3 { try turns.publish(.atMostOnce) }
        }
        #expect(turns.reading(.residenceQoS0) == [3, 21])
        #expect(turns.reading(.routeStage) == [3, 9])
        #expect(turns.reading(.writeStage) == [3, 12])
        #expect(turns.reading(.hookStage) == [0, 0])
        #expect(turns.reading(.queueStage) == [0, 0])
        try turns.turn(2000, 2500, 3000)
        #expect(turns.reading(.residenceQoS0) == [3, 21])
    }

    @Test(arguments: [(QoS.atLeastOnce, LoopHistogram.residenceQoS1), (.exactlyOnce, .residenceQoS2)])
    func `each QoS has a distribution`(_ qos: QoS, _ histogram: LoopHistogram) throws {
        let turns = try Turns(qos)
        try turns.turn(1000, 1001, 1002) { try turns.publish(qos, id: 1) }
        for one in [LoopHistogram.residenceQoS0, .residenceQoS1, .residenceQoS2] {
            #expect(turns.reading(one) == (one == histogram ? [1, 2] : [0, 0]))
        }
    }

    @Test func `the time a hook took is the hook's`() throws {
        let hook = ScriptedHook([.authOnPublishM5], timeout: .allow)
        let turns = try Turns(hooks: [hook])
        try turns.turn(1000, 1001, 1002) { try turns.publish(.atMostOnce) }
        #expect(turns.reading(.residenceQoS0) == [0, 0])
        turns.turn(1300, 1302, 1305) {
            turns.bench.shard.answered(hook.tickets[0], .publish(.ok(nil)))
        }
        #expect(turns.reading(.hookStage) == [1, 300])
        #expect(turns.reading(.routeStage) == [1, 2])
        #expect(turns.reading(.writeStage) == [1, 3])
        #expect(turns.reading(.residenceQoS0) == [1, 305])
    }

    @Test func `a copy that waits for room in the window is in the queue`() throws {
        let turns = try Turns(.atLeastOnce, receiveMaximum: 1)
        try turns.turn(1000, 1001, 1002) {
            try turns.publish(.atLeastOnce, id: 1)
            try turns.publish(.atLeastOnce, id: 2)
        }
        #expect(turns.reading(.residenceQoS1) == [1, 2])
        try turns.turn(1500, 1501, 1504) {
            try turns.receiver.send(.puback(AckPacket(packetIdentifier: 1)))
        }
        #expect(turns.reading(.queueStage) == [1, 501])
        #expect(turns.reading(.residenceQoS1) == [2, 506])
        #expect(turns.reading(.pubackRoundTrip) == [1, 500])
    }

    @Test func `what a client missed while it was away is told apart`() throws {
        let turns = try Turns(.atLeastOnce, lasts: true)
        turns.receiver.vanish()
        try turns.turn(1000, 1001, 1002) { try turns.publish(.atLeastOnce, id: 1) }
        turns.turn(9000, 9001, 9002) {
            _ = turns.bench.connect("r") { $0.cleanStart = false }
        }
        #expect(turns.reading(.offlineStage) == [1, 8001])
        #expect(turns.reading(.residenceQoS1) == [0, 0] && turns.reading(.writeStage) == [0, 0])
    }

    @Test func `a copy that the kernel does not take is measured when it does`() throws {
        let turns = try Turns()
        turns.receiver.output.append([0xD0, 0])
        turns.receiver.output.getStuck()
        try turns.turn(1000, 1001, 1002) { try turns.publish(.atMostOnce) }
        #expect(turns.reading(.residenceQoS0) == [0, 0] && turns.reading(.writeStage) == [0, 0])
        #expect(turns.reading(.routeStage) == [1, 1])
        try turns.turn(4000, 4001, 4002) { _ = try turns.receiver.received() }
        #expect(turns.reading(.writeStage) == [1, 3002])
        #expect(turns.reading(.residenceQoS0) == [1, 3002])
    }

    @Test func `a retained message is not measured for those who come later`() throws {
        let turns = try Turns()
        try turns.turn(1000, 1001, 1002) {
            try turns.sender.send(
                .publish(PublishPacket(topic: "kept", payload: [1], qos: .atMostOnce, isRetained: true)))
        }
        try turns.turn(8000, 8001, 8002) {
            try turns.receiver.send(
                .subscribe(
                    SubscribePacket(packetIdentifier: 2, filters: [SubscribeFilter("kept", qos: .atMostOnce)])
                ))
        }
        #expect(turns.bench.numbers.copies(.retained) == 1)
        #expect(turns.reading(.residenceQoS0) == [0, 0] && turns.reading(.offlineStage) == [0, 0])
    }

    @Test func `a QoS 2 message has two round trips`() throws {
        let turns = try Turns(.exactlyOnce)
        try turns.turn(1000, 1001, 1002) { try turns.publish(.exactlyOnce, id: 1) }
        try turns.turn(1040, 1041, 1042) { try turns.receiver.send(.pubrec(AckPacket(packetIdentifier: 1))) }
        try turns.turn(1100, 1101, 1102) { try turns.receiver.send(.pubcomp(AckPacket(packetIdentifier: 1))) }
        #expect(turns.reading(.pubrecRoundTrip) == [1, 40])
        #expect(turns.reading(.pubcompRoundTrip) == [1, 60])
        #expect(turns.reading(.pubackRoundTrip) == [0, 0])
    }

    @Test func `a trace that the publisher names is the exemplar`() throws {
        let turns = try Turns()
        try turns.turn(1000, 1001, 1020) {
            try turns.publish(
                .atMostOnce,
                properties: Properties {
                    $0.userProperties = [
                        UserProperty("tracestate", "x"),
                        UserProperty(
                            "traceparent",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                    ]
                })
        }
        let latest = turns.bench.shard.counters.exemplarSlots[LoopHistogram.residenceQoS0.rawValue]
            .latest(of: .waitSeconds).compactMap { $0 }
        #expect(
            latest == [
                Exemplar(
                    value: 20_000_000, traceHigh: 0x0AF7_6519_16CD_43DD, traceLow: 0x8448_EB21_1C80_319C,
                    spanID: 0xB7AD_6B71_6920_3331, wallMilliseconds: 1_700_000_000_000)
            ])
    }

    @Test func `with more kinds of copies in a turn than are told apart each is still counted`() {
        var residence = Residence()
        for number in 1...10_000 as ClosedRange<UInt64> {
            residence.add(MonotonicTime(nanoseconds: number), hooks: 0, [])
        }
        let counters = LoopCounters()
        residence.observe(
            flushing: Self.at(1), end: Self.at(2), wallMilliseconds: 0, in: counters)
        let snapshot = Snapshot(loops: [Snapshot.Loop(words: counters.copy())])
        #expect(snapshot.reading(of: .residenceQoS0, .waitSeconds).count == 10_000)
        let isEmpty = residence.isEmpty
        #expect(isEmpty)
    }
}
