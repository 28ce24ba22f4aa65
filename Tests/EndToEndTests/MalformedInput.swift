import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// Malformed rows a client can send behind its CONNECT, by version.
private func rows(_ version: ProtocolVersion) -> [WireFixture] {
    wireFixtures.filter { fixture in
        guard case .malformed = fixture.expected, fixture.version == version,
            fixture.maximumRemainingLength == FixedHeader.largestRemainingLength
        else { return false }
        return true
    }
}

private func problem(_ fixture: WireFixture) -> MalformedPacket.Problem {
    guard case .malformed(let problem) = fixture.expected else { fatalError("\(fixture) is well-formed") }
    return problem
}

/// Types whose decoder the broker never runs: it does not expect them.
private func isUnexpected(_ fixture: WireFixture) -> Bool {
    guard let type = PacketType(rawValue: fixture.bytes[0] >> 4) else { return false }
    switch type {
    case .connect, .connack, .suback, .unsuback, .pingresp: return true
    default: return false
    }
}

@Suite struct MalformedInput {
    @Test(arguments: ProtocolVersion.allCases)
    func `every malformed packet ends its own connection with its reason, and no other`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let witness = try broker.client("witness", version)
        try witness.subscribe("witness", qos: .atMostOnce)
        let rows = rows(version)
        #expect(rows.count > 20)
        for row in rows {
            let client = try broker.client("victim", version)
            try client.send(row.bytes)
            // What a cut packet waits for: the end.
            client.finishSending()
            let packets = try client.receiveUntilEnd()
            if version == .v5 {
                var reason: ReasonCode?
                if case .disconnect(let packet) = packets.last { reason = packet.reasonCode }
                #expect(packets.count == 1, "\(row)")
                let error = MalformedPacket(problem(row), at: 0, in: nil)
                #expect(
                    reason == error.reasonCode || (isUnexpected(row) && reason == .protocolError), "\(row)")
            } else {
                #expect(packets.isEmpty, "\(row)")
            }
            try witness.publish("witness", "still here")
            #expect(try witness.receivePublish().text == "still here")
        }
        let closed = UInt64(rows.count)
        #expect(
            broker.wait {
                $0[CloseReason.malformed] + $0[CloseReason.protocolError] + $0[CloseReason.packetTooLarge]
                    == closed
            })
        #expect(broker.numbers[CloseReason.malformed] > closed / 2)
        #expect(broker.isBalanced)
    }

    @Test func `every malformed CONNECT is closed without an answer`() throws {
        let broker = try TestBroker()
        let witness = try broker.client("witness")
        var count = 0
        for version in ProtocolVersion.allCases {
            for row in rows(version) where row.bytes[0] == 0x10 {
                guard ![.packetTooLarge, .unsupportedProtocolLevel].contains(problem(row)) else { continue }
                let client = try broker.client(version)
                try client.send(row.bytes)
                client.finishSending()
                #expect(try client.receiveUntilEnd().isEmpty, "\(row)")
                #expect(try witness.drain().isEmpty)
                count += 1
            }
        }
        #expect(count > 20)
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 1 })
    }

    @Test func `a protocol level that no version has is answered with CONNACK 0x01 [3.1.1 MQTT-3.1.2-2]`()
        throws
    {
        let broker = try TestBroker()
        var count = 0
        for row in wireFixtures {
            guard case .malformed(.unsupportedProtocolLevel) = row.expected else { continue }
            let client = try broker.client(.v311)
            try client.send(row.bytes)
            #expect(try client.receiveUntilEnd() == [.connack(ConnackPacket(code: 1))], "\(row)")
            count += 1
        }
        #expect(count > 2)
        #expect(
            broker.wait { $0[CloseReason.refused] == UInt64(count) && $0[LoopGauge.connectionsOpen] == 0 })
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a conversation that comes byte by byte is understood`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client(version)
        let packets: [ControlPacket] = [
            .connect(ConnectPacket(version: version, clientID: "slowly")),
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("t", qos: .exactlyOnce)])),
            .publish(
                PublishPacket(
                    topic: "t", payload: Array(repeating: 7, count: 300), qos: .exactlyOnce,
                    packetIdentifier: 2)),
            .pubrel(AckPacket(packetIdentifier: 2)), .pubrec(AckPacket(packetIdentifier: 1)),
            .pubcomp(AckPacket(packetIdentifier: 1)), .pingreq,
            .unsubscribe(UnsubscribePacket(packetIdentifier: 3, filters: ["t"])),
            .disconnect(DisconnectPacket()),
        ]
        for packet in packets {
            for byte in encodePacket(packet, version: version) { try client.send([byte]) }
        }
        let types = try client.receiveUntilEnd().map(\.type)
        #expect(types.filter { $0 == .pubrec || $0 == .publish }.count == 2)
        #expect(
            types.filter { $0 != .pubrec && $0 != .publish } == [
                .connack, .suback, .pubcomp, .pubrel, .pingresp, .unsuback,
            ])
        #expect(broker.wait { $0[CloseReason.clientDisconnect] == 1 })
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a second CONNECT ends the connection [MQTT-3.1.0-2]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.send(.connect(ConnectPacket(version: version, clientID: "c")))
        #expect(try client.endReason() == (version == .v5 ? .protocolError : nil))
        #expect(broker.numbers[CloseReason.protocolError] == 1)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a first packet other than CONNECT ends the connection [MQTT-3.1.0-1]`(_ version: ProtocolVersion)
        throws
    {
        let broker = try TestBroker()
        let packets: [ControlPacket] = [
            .pingreq, .publish(PublishPacket(topic: "t")), .disconnect(DisconnectPacket()),
            .puback(AckPacket(packetIdentifier: 1)),
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter("#", qos: .atMostOnce)])),
        ]
        for packet in packets {
            let client = try broker.client(version)
            try client.send(packet)
            #expect(try client.receiveUntilEnd().isEmpty)
        }
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 && $0[CloseReason.protocolError] == 5 })
    }

    @Test func `nonsense is closed at once`() throws {
        let broker = try TestBroker()
        var random = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            let client = try broker.client()
            var bytes = (0..<100).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if bytes[0] >> 4 == 1 { bytes[0] = 0x20 }
            try client.send(bytes)
            client.finishSending()
            #expect(try client.receiveUntilEnd().isEmpty)
        }
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 0 })
    }

    @Test func `a client id of 64 KiB is refused, or accepted where it is allowed`() throws {
        let id = UTF8Text(bytes: [UInt8](repeating: 97, count: 65_535))
        let strict = try TestBroker()
        #expect(try strict.client(.v5).connect(id).code == 0x85)
        let broker = try TestBroker { $0.maxClientIDSize = 65_535 }
        let client = try broker.client(.v311)
        #expect(try client.connect(id).code == 0)
        #expect(try client.drain().isEmpty)
    }

    @Test func `a claimed length of 256 MiB takes no memory until the bytes come`() throws {
        let broker = try TestBroker()
        let before = broker.numbers.process.residentBytes
        let clients = try (0..<20).map { number in
            let client = try broker.client("c\(number)".text)
            try client.send([0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, 97])
            return client
        }
        try clients[0].send([UInt8](repeating: 0, count: 1000))
        let witness = try broker.client("witness")
        #expect(try witness.drain().isEmpty)
        // Other tests run beside this one; 20 × 256 MiB would show all the same.
        #expect(broker.numbers.process.residentBytes - before < 1 << 30)
        clients.forEach { $0.drop() }
        #expect(broker.wait { $0[LoopGauge.connectionsOpen] == 1 })
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `what came before a half-close is delivered and answered`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let receiver = try broker.client(broker.id(on: 1, "r"))
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client(version)
        try sender.connect(
            broker.id(on: 0, "s"), will: WillPacketFields(topic: "t", payload: Array("will".utf8)))
        for number in 1...100 as ClosedRange<UInt16> {
            try sender.publish("t", "\(number)", qos: .atLeastOnce, id: number)
        }
        sender.finishSending()
        #expect(try receiver.receiveMessages(101).map(\.text) == (1...100).map(String.init) + ["will"])
        #expect(broker.isBalanced)
    }

    // MARK: Slow subscribers

    @Test(arguments: [true, false])
    func `a client that does not read costs bounded memory, and nobody else's messages`(_ isSameLoop: Bool)
        throws
    {
        let broker = try TestBroker { $0.session.maxOnlineMessages = 100 }
        let slow = try broker.client(broker.id(on: isSameLoop ? 0 : 1, "slow"), .v5)
        try slow.subscribe("t", qos: .atMostOnce)
        let quick = try broker.client(broker.id(on: isSameLoop ? 0 : 1, "quick"))
        try quick.subscribe("t", qos: .atMostOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        let payload = String(repeating: "x", count: 10_000)
        // More than the kernel's buffers and ours hold together.
        for number in 0..<3000 {
            try sender.publish("t", payload)
            if number % 10 == 9 { #expect(try quick.receiveMessages(10).count == 10) }
        }
        _ = try sender.drain()
        #expect(broker.wait { $0[DropReason.queueFull] > 0 && $0[LoopGauge.queuedMessages] == 100 })
        #expect(broker.numbers[.subscriberBlocked] >= 1)
        #expect(broker.isBalanced)
        let dropped = Int(broker.numbers[DropReason.queueFull])
        let rest = try slow.receiveMessages(3000 - dropped)
        #expect(rest.allSatisfy { $0.payload.count == 10_000 })
        #expect(try slow.drain().isEmpty)
        try sender.publish("t", "again")
        #expect(try slow.receivePublish().text == "again")
        #expect(broker.isBalanced)
    }
}

/// What is refused before its body has come: nobody may fill the broker's memory with what it does not want.
@Suite struct UnwantedLengths {
    @Test(arguments: [
        [0x30, 0xFF, 0xFF, 0xFF, 0x7F] as [UInt8],  // PUBLISH before CONNECT
        [0xC0, 0x00], [0x10, 0xFF, 0xFF, 0xFF, 0x7F],
    ])
    func `a first packet that is no CONNECT, or a huge one, ends the connection at its header [MQTT-3.1.0-1]`(
        _ header: [UInt8]
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client()
        try client.send(header)
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a packet without a message that announces megabytes ends the connection at its header`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.send([0x40, 0xFF, 0xFF, 0xFF, 0x7F])
        #expect(try client.endReason() == (version == .v5 ? .packetTooLarge : nil))
        #expect(broker.numbers[CloseReason.packetTooLarge] == 1)
    }

    @Test func `MQTT 3.1 may repeat SUBSCRIBE with DUP and set the CONNECT bit that later versions reserve`()
        throws
    {
        let broker = try TestBroker()
        let client = try broker.client(.v31)
        let connect: [UInt8] =
            [0x10, 15, 0, 6] + Array("MQIsdp".utf8) + [3, 0b11, 0, 60, 0, 1] + Array("c".utf8)
        try client.send(connect)
        guard case .connack(let connack) = try client.receive() else {
            throw TestClientError(description: "no CONNACK")
        }
        #expect(connack.code == 0)
        try client.send([0x8A, 6, 0, 1, 0, 1, UInt8(ascii: "t"), 0])
        guard case .suback = try client.receive() else { throw TestClientError(description: "no SUBACK") }
    }
}
