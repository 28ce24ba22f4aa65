import BrokerMetrics
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

/// What a client can do with up to 65,535 messages under way to it.
@Suite struct TurnBudgetInflightTests {
    private static let subscriber = SubscriberID(mountpoint: .default, clientID: "r")

    private func publish(_ count: Int, by sender: BenchClient) {
        for number in 0..<count {
            sender.send(
                .publish(
                    PublishPacket(
                        topic: "t", payload: [1], qos: .atLeastOnce,
                        packetIdentifier: PacketIdentifier(rawValue: UInt16(number % 60_000 + 1)))))
        }
    }

    /// A bench whose client `r` has `count` messages under way.
    private func underWay(_ count: Int, expiry: UInt32 = 0, attack: @escaping (TurnBench) throws -> Void)
        throws -> TurnBudgetCase
    {
        try TurnBudgetCase(TurnBench()) { bench in
            let receiver = bench.connect("r", expiry: expiry)
            receiver.send(
                .subscribe(
                    SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
            try bench.settle()
            let sender = bench.connect("s")
            publish(count, by: sender)
            try bench.settle()
            let window = bench.shards[0].session(Self.subscriber)?.outbound.window.count
            #expect(window == count)
        } attack: {
            try attack($0)
        }
    }

    private func puback(_ identifier: Int) -> ControlPacket {
        .puback(
            AckPacket(packetIdentifier: PacketIdentifier(rawValue: UInt16(truncatingIfNeeded: identifier))))
    }

    @Test func `the oldest is never acknowledged, all others are, one by one`() throws {
        try expectBounded(15_000) { count in
            try underWay(count) { bench in
                for identifier in 2...count { bench.clients[0].send(puback(identifier)) }
            }
        }
    }

    @Test func `acknowledgements from the youngest to the oldest`() throws {
        try expectBounded(15_000) { count in
            try underWay(count) { bench in
                for identifier in (1...count).reversed() { bench.clients[0].send(puback(identifier)) }
            }
        }
    }

    @Test func `acknowledgements of what nobody sent`() throws {
        try expectBounded(15_000) { count in
            try underWay(count) { bench in
                for number in 0..<count { bench.clients[0].send(puback(40_000 + number % 20_000)) }
            }
        }
    }

    @Test(arguments: [0, 1000] as [UInt32])
    func `a session ends with its window full: its messages leave in slices`(_ expiry: UInt32) throws {
        var benches: [(TurnBench, Int)] = []
        try expectBounded(15_000) { count in
            let made = try underWay(count, expiry: expiry) { bench in
                bench.clients[0].vanish()
                if expiry > 0 { bench.connect("r") }  // a clean start
            }
            benches.append((made.bench, count))
            return made
        }
        for (bench, count) in benches {
            let numbers = bench.numbers
            #expect(numbers[DropReason.sessionEnded] == UInt64(count))
            #expect(numbers[LoopGauge.inflightMessages] == 0)
        }
    }

    @Test(arguments: [nil, 10] as [UInt32?])
    func `a client comes back to a full window, which it takes or which is too large for it`(_ limit: UInt32?)
        throws
    {
        try expectBounded(15_000) { count in
            try underWay(count, expiry: 1000) { bench in
                bench.clients[0].vanish()
                var properties = Properties()
                properties.sessionExpiryInterval = 1000
                properties.maximumPacketSize = limit.map { max($0, 8) }
                bench.connect(
                    ConnectPacket(version: .v5, cleanStart: false, clientID: "r", properties: properties))
            }
        }
    }

    @Test func `a client comes back to a long queue`() throws {
        try expectBounded(15_000) { count in
            let bench = TurnBench {
                $0.session.maxOfflineMessages = -1
                $0.session.maxOnlineMessages = -1
            }
            return try TurnBudgetCase(bench) { bench in
                let receiver = bench.connect("r", expiry: 1000)
                receiver.send(
                    .subscribe(
                        SubscribePacket(
                            packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
                try bench.settle()
                receiver.vanish()
                let sender = bench.connect("s")
                publish(count, by: sender)
            } attack: { bench in
                bench.connect("r", cleanStart: false, expiry: 1000)
            }
        }
    }
}
