import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

private func codes(_ client: TestClient, _ filters: [SubscribeFilter]) throws -> [UInt8] {
    try client.send(.subscribe(SubscribePacket(packetIdentifier: 3, filters: filters)))
    guard case .suback(let suback) = try client.receive() else {
        throw TestClientError(description: "no SUBACK")
    }
    #expect(suback.packetIdentifier == 3)
    return suback.codes
}

@Suite struct SubscribeScenarios {
    @Test(arguments: ProtocolVersion.allCases)
    func `SUBACK has a code for each filter, in order [MQTT-3.9.3-1]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        let filters = [
            SubscribeFilter("a", qos: .exactlyOnce), SubscribeFilter("b/#", qos: .atMostOnce),
            SubscribeFilter("a", qos: .atLeastOnce),
        ]
        #expect(try codes(client, filters) == [2, 0, 1])
        // The last of two equal filters counts.
        try client.publishAndComplete("b", "x", qos: .atMostOnce)
        #expect(try client.receivePublish().qos == .atMostOnce)
        try broker.client("s").publishAndComplete("a", "x", qos: .exactlyOnce)
        #expect(try client.receiveMessage().qos == .atLeastOnce)
        #expect(try client.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `an equal filter replaces the subscription [MQTT-3.8.4-3]`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.subscribe(
            "t", SubscriptionOptions(qos: .exactlyOnce), identifier: version == .v5 ? 1 : nil)
        try client.subscribe(
            "t", SubscriptionOptions(qos: .atLeastOnce), identifier: version == .v5 ? 2 : nil)
        try broker.client("s").publishAndComplete("t", "x", qos: .exactlyOnce)
        let message = try client.receiveMessage()
        #expect(message.qos == .atLeastOnce)
        #expect(message.properties.subscriptionIdentifiers == (version == .v5 ? [2] : []))
        #expect(try client.drain().isEmpty)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `UNSUBSCRIBE compares filters byte by byte, and UNSUBACK says what it found [MQTT-3.10.4-1]`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        try client.subscribe("a/+", qos: .atMostOnce)
        try client.subscribe("a/b", qos: .atMostOnce)
        let found = try client.unsubscribe(["a/+", "a/+", "A/b", "a/#"])
        #expect(found == (version == .v5 ? [0, 0x11, 0x11, 0x11] : []))
        try client.publish("a/b", "x")
        #expect(try client.drain().count == 1)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `max_subscriptions_per_client refuses the surplus alone`(_ version: ProtocolVersion) throws {
        let broker = try TestBroker { $0.maxSubscriptionsPerClient = 2 }
        let client = try broker.client("c", version)
        let refused: UInt8 = version == .v5 ? 0x97 : 0x80
        let filters = ["a", "b", "c", "a"].map { SubscribeFilter($0.text, qos: .atMostOnce) }
        #expect(try codes(client, filters) == [0, 0, refused, 0])
        try client.unsubscribe(["a"])
        #expect(try codes(client, [SubscribeFilter("c", qos: .atMostOnce)]) == [0])
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before MQTT 5 a filter deeper than topic_max_depth ends the connection`(_ version: ProtocolVersion)
        throws
    {
        let broker = try TestBroker { $0.publish.topicMaxDepth = 3 }
        let client = try broker.client("c", version)
        try client.subscribe("a/b/#", qos: .atMostOnce)
        try client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 1,
                    filters: [
                        SubscribeFilter("b", qos: .atMostOnce), SubscribeFilter("a/b/c/#", qos: .atMostOnce),
                    ])))
        #expect(try client.endReason() == nil)
        #expect(broker.numbers[.filtersTooDeep] == 1)
    }

    @Test func `a filter deeper than topic_max_depth is refused with 0x8F, and the others go on`() throws {
        let broker = try TestBroker { $0.publish.topicMaxDepth = 3 }
        let client = try broker.client("c", .v5)
        let filters = ["a/b/#", "a/b/c/#", "$share/g/a/b", "$share/g/a", "b"]
            .map { SubscribeFilter(UTF8Text($0), qos: .atLeastOnce) }
        #expect(try codes(client, filters) == [1, 0x8F, 0x8F, 1, 1])
        #expect(try client.unsubscribe(["a/b/c/#", "b", "c"]) == [0x8F, 0, 0x11])
        #expect(broker.numbers[.filtersTooDeep] == 3)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a packet with more filters than max_filters_per_packet ends the connection`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker { $0.maxFiltersPerPacket = 2 }
        let client = try broker.client("c", version)
        let filters = ["a", "b", "c"].map { SubscribeFilter(UTF8Text($0), qos: .atMostOnce) }
        #expect(try codes(client, Array(filters.dropLast())) == [0, 0])
        try client.send(.subscribe(SubscribePacket(packetIdentifier: 1, filters: filters)))
        #expect(try client.endReason() == (version == .v5 ? .quotaExceeded : nil))
        #expect(broker.numbers[.filterListsRefused] == 1)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `SUBSCRIBE and UNSUBSCRIBE of very many filters are answered in order, code by code`(
        _ version: ProtocolVersion
    ) throws {
        let broker = try TestBroker()
        let client = try broker.client("c", version)
        let filters = (0..<20_000).map { SubscribeFilter(UTF8Text("a/\($0)"), qos: .atLeastOnce) }
        try client.send(.subscribe(SubscribePacket(packetIdentifier: 3, filters: filters)))
        try client.send(.pingreq)
        guard case .suback(let suback) = try client.receive() else {
            throw TestClientError(description: "no SUBACK")
        }
        #expect(suback.codes == [UInt8](repeating: 1, count: 20_000))
        #expect(try client.receive() == .pingresp)
        try broker.client("s").publishAndComplete("a/19999", "x", qos: .atLeastOnce)
        #expect(try client.receiveMessage().text == "x")
        let found = try client.unsubscribe(filters.map(\.filter))
        #expect(found == (version == .v5 ? [UInt8](repeating: 0, count: 20_000) : []))
    }

    @Test(arguments: ["a/#/b", "a+", "+a/b", "#a"])
    func `an invalid filter ends the connection, with 0x8F in v5`(_ filter: String) throws {
        let broker = try TestBroker()
        for version in ProtocolVersion.allCases {
            let client = try broker.client("c", version)
            try client.send(
                .subscribe(
                    SubscribePacket(
                        packetIdentifier: 1, filters: [SubscribeFilter(filter.text, qos: .atMostOnce)])))
            #expect(try client.endReason() == (version == .v5 ? .topicFilterInvalid : nil))
        }
        #expect(broker.wait { $0[CloseReason.malformed] == 3 })
    }

    // MARK: Shared

    @Test(arguments: ProtocolVersion.allCases, QoS.allCases)
    func `each message of a shared subscription goes to one member [MQTT-4.8.2-4]`(
        _ version: ProtocolVersion, _ qos: QoS
    ) throws {
        let broker = try TestBroker()
        let members = try (0..<4).map { number in
            let client = try broker.client(broker.id(on: number % 2, "m\(number)"), version)
            try client.subscribe("$share/g/t/+", qos: qos)
            return client
        }
        let other = try broker.client("other", version)
        try other.subscribe("$share/other/t/#", qos: .atMostOnce)
        let sender = try broker.client(broker.id(on: 0, "s"), version)
        for number in 0..<100 { try sender.publishAndComplete("t/x", "\(number)", qos: qos, id: 1) }
        #expect(try other.receiveMessages(100).count == 100)
        #expect(broker.wait { $0[.publishSent] >= 200 - 80 })
        var all: [Int] = []
        for member in members {
            var own: [Int] = []
            while own.count + all.count < 100 {
                // v3 hands out twenty at a time.
                let packets = try member.drain()
                var isMore = false
                for packet in packets {
                    switch packet {
                    case .publish(let publish):
                        own.append(Int(publish.text) ?? -1)
                        try member.acknowledge(publish)
                        isMore = true
                    case .pubrel(let ack):
                        try member.send(.pubcomp(AckPacket(packetIdentifier: ack.packetIdentifier)))
                        isMore = true
                    default: Issue.record("unexpected \(packet)")
                    }
                }
                if !isMore { break }
            }
            #expect(own == own.sorted())
            #expect(!own.isEmpty && own.count < 100)
            all += own
        }
        #expect(all.sorted() == Array(0..<100))
        #expect(broker.isBalanced)
    }

    @Test func `a member that is offline gets nothing while another is online, and everything when none is`()
        throws
    {
        let broker = try TestBroker()
        let ids = [broker.id(on: 0, "a"), broker.id(on: 1, "b")]
        let clients = try ids.map { try broker.client($0, clean: false) }
        for client in clients { try client.subscribe("$share/g/t", qos: .atLeastOnce) }
        try clients[1].disconnect()
        let sender = try broker.client("s")
        for number in 0..<10 { try sender.publishAndComplete("t", "online \(number)", qos: .atLeastOnce) }
        #expect(try clients[0].receiveMessages(10).count == 10)
        try clients[0].disconnect()
        for number in 0..<10 { try sender.publishAndComplete("t", "offline \(number)", qos: .atLeastOnce) }
        #expect(broker.wait { $0[LoopGauge.queuedMessages] == 10 })
        let again = try ids.map { try broker.client($0, clean: false) }
        var texts: [String] = []
        for client in again {
            for case .publish(let publish) in try client.drain() { texts.append(publish.text) }
        }
        #expect(texts.sorted() == (0..<10).map { "offline \($0)" })
    }

    @Test func `a member that unsubscribes leaves the group`() throws {
        let broker = try TestBroker()
        let first = try broker.client("a", .v5)
        let second = try broker.client("b", .v5)
        for client in [first, second] { try client.subscribe("$share/g/t", qos: .atMostOnce) }
        #expect(try first.unsubscribe(["$share/x/t", "t", "$share/g/t"]) == [0x11, 0x11, 0])
        let sender = try broker.client("s")
        for _ in 0..<10 { try sender.publish("t", "x") }
        #expect(try second.receiveMessages(10).count == 10)
        #expect(try first.drain().isEmpty)
    }
}
