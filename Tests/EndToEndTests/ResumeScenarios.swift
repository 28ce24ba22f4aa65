import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

/// What a client that comes back gets again, while the broker ran all the time.
@Suite struct ResumeScenarios {
    private func narrow(_ maximum: UInt16) -> Properties {
        Properties {
            $0.sessionExpiryInterval = 1000
            $0.receiveMaximum = maximum
        }
    }

    @Test
    func `all PUBRELs that are owed go out at once, Receive Maximum limits PUBLISH alone [MQTT-3.3.4-9]`()
        throws
    {
        let broker = try TestBroker()
        let receiver = try broker.client("r", .v5, clean: false, properties: lasting(.v5))
        try receiver.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client("s")
        for number in 1...6 { try sender.publishAndComplete("t", "\(number)", qos: .exactlyOnce) }
        let sent = try (1...6).map { _ in try receiver.receivePublish() }
        // PUBREC for all but the third and the fifth.
        for index in [0, 1, 3, 5] {
            try receiver.acknowledge(sent[index])
            try receiver.receiveAck(.pubrel, sent[index].packetIdentifier?.rawValue ?? 0)
        }
        receiver.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })

        let again = try broker.client("r", .v5, clean: false, properties: narrow(1))
        let packets = try again.drain()
        let releases = packets.compactMap {
            if case .pubrel(let ack) = $0 { ack.packetIdentifier.rawValue } else { nil }
        }
        #expect(releases == [0, 1, 3, 5].map { sent[$0].packetIdentifier?.rawValue })
        // One PUBLISH, in its place among them.
        #expect(packets.count == 5)
        guard case .publish(let third) = packets[2] else {
            Issue.record("the third is not sent in its place: \(packets)")
            return
        }
        #expect(third.packetIdentifier == sent[2].packetIdentifier && third.isDuplicate)
        for identifier in releases {
            try again.send(.pubcomp(AckPacket(packetIdentifier: PacketIdentifier(rawValue: identifier))))
        }
        // The places of what was released on another connection are none in this one's Receive Maximum.
        #expect(try again.drain().isEmpty)
        try again.acknowledge(third)
        try again.receiveAck(.pubrel, third.packetIdentifier?.rawValue ?? 0)
        try again.send(
            .pubcomp(AckPacket(packetIdentifier: third.packetIdentifier ?? 0)))
        let fifth = try again.receiveMessage()
        #expect(fifth.packetIdentifier == sent[4].packetIdentifier && fifth.isDuplicate)
        #expect(broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `what was under way comes again in order, however much it is, as the client takes it [MQTT-4.4.0-1]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker { $0.session.maxInflightMessages = 0 }
        let receiver = try broker.client("r", version, clean: false, properties: lasting(version))
        try receiver.subscribe("t", qos: .atLeastOnce)
        let sender = try broker.client("s")
        // 3 MB: more than waits in an output at a time.
        let text = String(repeating: "x", count: 1000)
        for number in 1...3000 {
            try sender.publish("t", "\(number) \(text)", qos: .atLeastOnce, id: UInt16(number))
            try sender.receiveAck(.puback, UInt16(number))
        }
        let sent = try (1...3000).map { _ in try receiver.receivePublish() }
        receiver.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let again = try broker.client("r", version, clean: false, properties: lasting(version))
        // What is new comes behind all of it.
        try sender.publishAndComplete("t", "new", qos: .atLeastOnce)
        let messages = try again.receiveMessages(3001)
        #expect(messages.dropLast().map(\.packetIdentifier) == sent.map(\.packetIdentifier))
        #expect(messages.dropLast().allSatisfy { $0.isDuplicate })
        #expect(messages.last?.text == "new" && messages.last?.isDuplicate == false)
        #expect(broker.isBalanced)
    }
}
