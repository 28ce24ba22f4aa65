import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import TestSupport
import Testing
import Transport

/// More clients than there is room for.
@Suite struct ConnectionLimitScenarios {
    @Test(arguments: [(ProtocolVersion.v31, UInt8(3)), (.v311, 3), (.v5, 0x97)], [1, 2])
    func `the client over max_connections is told in its version's words, and comes in when another goes`(
        _ told: (version: ProtocolVersion, code: UInt8), loops: Int
    ) throws {
        let broker = try TestBroker(loops: loops, maxConnections: 3)
        let clients = try (0..<3).map { try broker.client("client-\($0)".text, told.version) }
        let fourth = try broker.client(told.version)
        #expect(try fourth.connect("fourth").code == told.code)
        #expect(try fourth.receiveUntilEnd().isEmpty)
        fourth.drop()
        #expect(broker.wait { $0[.socketClose] == 1 })
        let numbers = broker.numbers
        #expect(numbers[Counter.connectionsRefused] == 1)
        #expect(numbers[CloseReason.refused] == 1)
        #expect(numbers[LoopGauge.sessionsOnline] == 3)
        #expect(broker.listenerState.counts.active == 3)
        #expect(broker.listenerState.counts.overLimit == [1, 0, 0, 0])

        clients[0].drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOnline] == 2 })
        #expect(try broker.client(told.version).connect("fifth").code == 0)
        for client in clients[1...] { try client.settle() }
    }

    @Test func `with the action wait the client over the limit waits until another goes`() throws {
        let broker = try TestBroker(maxConnections: 2, overLimit: .wait)
        let clients = try (0..<2).map { try broker.client("client-\($0)".text) }
        let third = try broker.client(.v311)
        try third.send(
            .connect(ConnectPacket(version: .v311, cleanStart: true, keepAlive: 0, clientID: "third")))
        #expect(broker.wait { $0[Counter.acceptPaused] >= 1 })
        #expect(broker.listenerState.reachedLimits(now: SystemClock().now) == [.maxConnections])
        #expect(broker.numbers[Counter.connectionsRefused] == 0)
        clients[1].drop()
        guard case .connack(let connack) = try third.receive() else {
            Issue.record("no CONNACK")
            return
        }
        #expect(connack.code == 0)
        try clients[0].settle()
    }

    @Test func `the limit is exact whatever loops clients meet`() throws {
        let broker = try TestBroker(loops: 2, maxConnections: 10)
        let clients = try (0..<40).map { _ in try broker.client(.v5) }
        let codes = try clients.enumerated().map {
            try $0.element.connect(UTF8Text("client-\($0.offset)")).code
        }
        #expect(codes.count { $0 == 0 } == 10)
        #expect(codes.count { $0 == 0x97 } == 30)
        #expect(broker.listenerState.counts.overLimit == [30, 0, 0, 0])
        #expect(broker.numbers[LoopGauge.sessionsOnline] == 10)
    }

    @Test func `the answer needs no more of CONNECT than its version`() throws {
        let broker = try TestBroker(maxConnections: 0)
        let client = try broker.client(.v5)
        // 1 MB is announced; nothing comes after the level.
        try client.send([0x10, 0xC0, 0x84, 0x3D])
        try client.send([0, 4, 0x4D, 0x51, 0x54, 0x54])
        try client.send([5, 0, 0])
        guard case .connack(let connack) = try client.receive() else {
            Issue.record("no CONNACK")
            return
        }
        #expect(connack.code == 0x97)
        let short = try broker.client(.v31)
        try short.send([0x10, 12, 0, 6, 0x4D, 0x51, 0x49, 0x73, 0x64, 0x70, 3, 2])
        guard case .connack(let answer) = try short.receive() else {
            Issue.record("no CONNACK")
            return
        }
        #expect(answer.code == 3)
    }

    @Test(
        arguments: [
            [0xC0, 0], [0x10, 12, 0, 4, 0x48, 0x54, 0x54, 0x50, 4, 2, 0, 0, 0, 0], [0x10, 0x80, 0],
        ] as [[UInt8]])
    func `who is over the limit and does not speak MQTT is closed without an answer`(_ bytes: [UInt8]) throws
    {
        let broker = try TestBroker(maxConnections: 0)
        let client = try broker.client(.v311)
        try client.send(bytes)
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test func `who is over the limit and says nothing makes way for others within a second or so`() throws {
        let clock = ManualClock()
        let broker = try TestBroker(
            clock: clock, maxConnections: 0, limits: SharedLimits(refusals: ConnectionPlaces(maximum: 2)))
        let silent = try (0..<6).map { _ in try broker.client(.v311) }
        let last = try broker.client(.v311)
        try last.send(.connect(ConnectPacket(version: .v311, clientID: "last")))
        let begin = clock.now
        // Two at a time have a second to speak, and two more to close, which they do not do either.
        #expect(broker.wait(clock) { $0[Counter.socketCloseTimeout] == 6 && $0[Counter.socketClose] == 7 })
        let milliseconds = clock.now.nanoseconds(since: begin) / 1_000_000
        #expect((9000...18_000).contains(milliseconds))
        #expect(try last.receive() == .connack(ConnackPacket(code: 3)))
        for client in silent { #expect(try client.receiveUntilEnd().isEmpty) }
        #expect(broker.wait { _ in broker.runtime.limits.refusals.taken == 0 })
    }

    @Test func `the places for clients of all listeners are exact, and the reason is counted`() throws {
        let limits = SharedLimits(clients: ConnectionPlaces(maximum: 4))
        let broker = try TestBroker(loops: 2, limits: limits)
        let clients = try (0..<10).map { _ in try broker.client(.v5) }
        let codes = try clients.enumerated().map {
            try $0.element.connect(UTF8Text("client-\($0.offset)")).code
        }
        #expect(codes.count { $0 == 0 } == 4)
        #expect(codes.count { $0 == 0x97 } == 6)
        #expect(broker.listenerState.counts.overLimit == [0, 6, 0, 0])
        #expect(limits.clients?.taken == 4)
    }
}
