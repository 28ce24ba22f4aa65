import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// What connections hold before anybody knows who they are.
@Suite struct NewcomerScenarios {
    private let limit = 4 << 20

    private func broker(loops: Int = 1, hooks: [any Hook] = []) throws -> TestBroker {
        try TestBroker(loops: loops, hooks: hooks) {
            $0.newcomerByteLimit = limit
            $0.connectTimeout = 600_000
            $0.allowsAnonymous = hooks.isEmpty
        }
    }

    /// The head of a CONNECT of 1,000,000 bytes and `count` bytes more of it.
    private func half(_ count: Int) -> [UInt8] {
        let head: [UInt8] = [0x10, 0xC0, 0x84, 0x3D, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0xFF, 0xFF]
        return head + [UInt8](repeating: 0x61, count: count)
    }

    @Test func `halves of large CONNECTs hold a bounded amount together, and small clients get through`()
        throws
    {
        let broker = try broker()
        var crowd: [TestClient] = []
        var held: Int64 = 0
        for number in 0..<30 {
            let client = try broker.client(.v311)
            // Whoever was cut meanwhile takes nothing any more.
            try? client.send(half(500_000))
            crowd.append(client)
            held = max(held, broker.numbers[LoopGauge.newcomerBytes])
            if number % 10 == 9 {
                let small = try broker.client(.v5)
                let connect = try honest("small-\(number)")
                // In two pieces, so that it holds memory too.
                try small.send(Array(connect[..<9]))
                #expect(broker.wait { $0[Counter.bytesReceived] > 0 })
                try small.send(Array(connect[9...]))
                guard case .connack(let connack) = try small.receive() else {
                    Issue.record("no CONNACK")
                    return
                }
                #expect(connack.code == 0)
            }
        }
        #expect(held > 0 && held <= limit)
        #expect(broker.wait { $0[CloseReason.newcomerMemory] >= 20 })
        #expect(broker.numbers[LoopGauge.newcomerBytes] <= limit)
        crowd.removeAll()
        #expect(broker.wait { $0[LoopGauge.newcomerBytes] == 0 })
    }

    private func honest(_ id: String) throws -> [UInt8] {
        var writer = PacketWriter()
        let packet = ConnectPacket(version: .v5, cleanStart: true, keepAlive: 0, clientID: UTF8Text(id))
        packet.encode(into: &writer)
        return writer.bytes
    }

    @Test func `who sends a complete CONNECT of a large size comes in while nobody else holds much`() throws {
        let broker = try broker()
        var properties = Properties()
        for number in 0..<4 {
            properties.userProperties.append(
                UserProperty(UTF8Text("\(number)"), UTF8Text(String(repeating: "x", count: 65_000))))
        }
        let client = try broker.client(.v5)
        #expect(try client.connect("large", properties: properties).code == 0)
        #expect(broker.wait { $0[LoopGauge.newcomerBytes] == 0 })
    }

    @Test(arguments: [1, 2]) func `a CONNECT that waits for its authentication counts until it has a session`(
        loops: Int
    ) throws {
        let hook = RecordingHook([.authOnRegisterM5])
        hook.registerAnswer = { _, ticket in
            hook.keep(ticket)
            return .later
        }
        let broker = try broker(loops: loops, hooks: [hook])
        let client = try broker.client(.v5)
        var properties = Properties()
        properties.userProperties = [UserProperty("name", UTF8Text(String(repeating: "x", count: 60_000)))]
        try client.send(
            .connect(
                ConnectPacket(
                    version: .v5, cleanStart: true, keepAlive: 0, clientID: "waits", properties: properties)))
        #expect(broker.wait { $0[LoopGauge.newcomerBytes] >= 60_000 })
        try #require(hook.hasTickets(1))
        hook.tickets[0].answer(.register(.ok(nil)))
        _ = try client.receive()
        #expect(broker.wait { $0[LoopGauge.newcomerBytes] == 0 && $0[LoopGauge.sessionsOnline] == 1 })
    }
}
