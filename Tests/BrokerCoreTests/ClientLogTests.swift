import BrokerMetrics
import Logging
import MQTTCodec
import Primitives
import Testing

@testable import BrokerCore

@Suite struct ClientLogTests {
    private let lines = RecordedLog()

    private func bench(_ change: (inout BrokerSettings) -> Void = { _ in }) -> CoreBench {
        CoreBench(log: lines.logger, change)
    }

    private func pass(_ bench: CoreBench, to seconds: UInt64) {
        bench.shard.turnEnded { false }
        bench.shard.turnBegan(MonotonicTime(nanoseconds: seconds * 1_000_000_000)) { false }
    }

    private func publish(_ client: MemoryTransport, _ count: Int = 1, qos: QoS = .atLeastOnce) throws {
        for number in 0..<count {
            let identifier = PacketIdentifier(rawValue: UInt16(1 + number))
            try client.send(
                .publish(
                    PublishPacket(topic: "t", payload: [1], qos: qos, packetIdentifier: identifier)))
        }
    }

    /// A client that is away and has room for one message.
    private func away(_ bench: CoreBench, _ name: UTF8Text = "away") throws {
        let client = bench.connect(name) { packet in
            packet.cleanStart = false
            packet.userName = "someone"
            packet.properties.sessionExpiryInterval = 3600
        }
        try client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atLeastOnce)])))
        client.vanish()
    }

    @Test func `an ordinary life leaves no line`() throws {
        let bench = bench()
        try away(bench)
        let publisher = bench.connect("p")
        try publish(publisher, 3)
        try publisher.send(.disconnect(DisconnectPacket(reasonCode: .success, properties: Properties())))
        pass(bench, to: 1)
        pass(bench, to: 300)
        #expect(lines.all.isEmpty)
    }

    @Test func `a refused CONNECT names the client, its peer, its user and the reason, and no password`() {
        let bench = bench { $0.allowsAnonymous = false }
        _ = bench.connect("c") { packet in
            packet.userName = "someone"
            packet.password = Array("secret".utf8)
        }
        let line = lines.all.first
        #expect(line?.level == .info && line?.message == "CONNECT refused")
        #expect(
            line?.facts == [
                "event": "client_connect_refused", "client": "c", "user": "someone", "peer": "memory:1",
                "listener": "test", "protocol": "mqtt", "code": "134", "reason": "bad_username_or_password",
                "version": "v5",
            ])
        #expect(lines.all.count == 1)
    }

    @Test func `a protocol error and a take-over name both sides`() throws {
        let bench = bench()
        _ = bench.connect("c")
        pass(bench, to: 7)
        let second = bench.connect("c")
        try second.send(.pingresp)
        #expect(lines.events == ["session_taken_over", "client_protocol_error"])
        #expect(lines.all[0].facts["client"] == "c" && lines.all[0].facts["new_peer"] == "memory:1")
        #expect(lines.all[0].facts["connected_s"] == "7")
        #expect(lines.all[1].facts["reason"] == "protocol_error" && lines.all[1].facts["code"] == "130")
    }

    @Test func `the first message that a client loses is told, and the end with how many it was`() throws {
        let bench = bench { $0.session.maxOfflineMessages = 1 }
        try away(bench)
        let publisher = bench.connect("p") { $0.keepAlive = 0 }
        try publish(publisher, 3)
        #expect(lines.events == ["client_drops_began"])
        let facts = lines.all[0].facts
        #expect(facts["client"] == "away" && facts["user"] == "someone" && facts["reason"] == "queue_full")
        #expect(facts["waiting"] == "1" && facts["online"] == "false")
        for second in [30, 80, 130] as [UInt64] {
            pass(bench, to: second)
            try publish(publisher, 10)
        }
        pass(bench, to: 185)
        #expect(lines.events == ["client_drops_began"], "it goes on")
        pass(bench, to: 260)
        #expect(lines.events == ["client_drops_began", "client_drops_ended"])
        #expect(lines.all[1].facts["dropped"] == "32" && lines.all[1].facts["lasted_s"] == "130")
        try publish(publisher)
        #expect(lines.events.last == "client_drops_began" && lines.all.count == 3)
        #expect(bench.numbers[.queueFull] == 33)
    }

    @Test func `a session that ends while it loses messages is told as well`() throws {
        let bench = bench { $0.session.maxOfflineMessages = 1 }
        try away(bench)
        try publish(bench.connect("p"), 5)
        _ = bench.connect("away")
        #expect(lines.events == ["client_drops_began", "client_drops_ended"])
        #expect(lines.all[1].facts["dropped"] == "4")
    }

    @Test func `QoS 0 for a client that is away is no event`() throws {
        let bench = bench()
        try away(bench)
        try publish(bench.connect("p"), 5, qos: .atMostOnce)
        #expect(bench.numbers[.offlineQoS0] == 5)
        #expect(lines.all.isEmpty)
    }

    @Test func `a storm writes tens of lines, and one that says how many are missing`() throws {
        let bench = bench { $0.allowsAnonymous = false }
        for number in 0..<1000 { _ = bench.connect(UTF8Text("c\(number)")) }
        #expect(lines.all.count == ClientLog.linesPerMinute)
        #expect(bench.numbers[.logOmittedRefusals] == 980)
        pass(bench, to: 59)
        #expect(lines.all.count == ClientLog.linesPerMinute)
        pass(bench, to: 61)
        #expect(lines.all.count == ClientLog.linesPerMinute + 1)
        let line = lines.all[ClientLog.linesPerMinute]
        #expect(
            line.facts["event"] == "client_events_omitted" && line.facts["of"] == "client_connect_refused")
        #expect(line.facts["omitted"] == "980")
        _ = bench.connect("later")
        #expect(lines.all.last?.facts["client"] == "later")
        pass(bench, to: 600)
        #expect(lines.all.count == ClientLog.linesPerMinute + 2, "what was told is not told again")
    }

    @Test func `a crowd at the door does not hide who is refused for something else`() {
        let bench = bench { $0.maxClientIDSize = 3 }
        for _ in 0..<100 { bench.shard.refuseOverLimit(MemoryTransport(bench), .v5) }
        _ = bench.connect("long one")
        #expect(lines.all.last?.facts["client"] == "long one")
        #expect(lines.all.count == ClientLog.linesPerMinute + 1)
    }

    @Test func `thousands of clients that lose messages are followed up to a bound`() throws {
        let bench = bench { $0.session.maxOfflineMessages = 1 }
        let count = 1000
        for number in 0..<count { try away(bench, UTF8Text("a\(number)")) }
        let publisher = bench.connect("p")
        for minute in 0..<20 as Range<UInt64> {
            pass(bench, to: 61 * minute)
            try publish(publisher, 2)
            // What was put off is given out.
            for _ in 0..<200 { pass(bench, to: 61 * minute) }
        }
        let began = lines.events.count { $0 == "client_drops_began" }
        #expect(began <= 20 * ClientLog.linesPerMinute)
        // Each client counts once in a minute, told or not.
        #expect(bench.numbers[.logOmittedDrops] + UInt64(began) == UInt64(20 * count))
    }

    @Test func `a client that does not read is told once in a minute`() throws {
        let bench = bench()
        let client = bench.connect("slow")
        try client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .atMostOnce)])))
        let publisher = bench.connect("p")
        let large = [UInt8](repeating: 1, count: 100_000)
        for _ in 0..<20 { try publisher.send(.publish(PublishPacket(topic: "t", payload: large))) }
        #expect(lines.events == ["client_slow"])
        #expect(lines.all[0].facts["client"] == "slow" && lines.all[0].facts["reason"] == "output_full")
        #expect(lines.all[0].facts["output_bytes"].flatMap { Int($0) } ?? 0 > 256 * 1024)
    }

    @Test func `queue memory is told when it is full`() throws {
        let bench = bench { $0.session.queueByteLimit = 150_000 }
        try away(bench)
        let publisher = bench.connect("p")
        let large = [UInt8](repeating: 1, count: 100_000)
        for number in 1...5 as ClosedRange<UInt16> {
            try publisher.send(
                .publish(
                    PublishPacket(
                        topic: "t", payload: large, qos: .atLeastOnce,
                        packetIdentifier: PacketIdentifier(rawValue: number))))
        }
        #expect(lines.events == ["limit_reached", "client_drops_began"])
        #expect(lines.all[0].facts["limit"] == "queue_memory" && lines.all[0].facts["client"] == "away")
    }

    @Test func `the port of a peer stands apart from its address`() {
        #expect(ClientPeer(address: "10.0.0.1", port: 2).logText == "10.0.0.1:2")
        #expect(ClientPeer(address: "::1", port: 2).logText == "[::1]:2")
    }

    @Test func `what each session remembers of its losses is small`() {
        #expect(MemoryLayout<DropSpell>.size <= 16)
    }
}
