import BrokerMetrics
import MQTTCodec
import Primitives
import Synchronization
import Testing

@testable import BrokerCore

/// `on_message_drop` is told of every loss, with what is known of it.
@Suite struct DropHookTests {
    private final class Listener: Hook, Sendable {
        let name = "listener"
        let points: Set<HookPoint>
        let events = Mutex<[DropEvent]>([])

        init(_ points: Set<HookPoint> = [.onMessageDrop]) { self.points = points }

        func notify(_ notification: HookNotification) {
            guard case .messageDropped(let event) = notification else { return }
            events.withLock { $0.append(event) }
        }

        func onDeliver(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
            PublishModifiers
        > {
            .refuse(HookRefusal())
        }

        /// Reason, subscriber, payload and count of each.
        var lines: [String] {
            events.withLock { events in
                events.map { event in
                    let payload = event.message.map {
                        String(decoding: $0.payload.copiedBytes(), as: UTF8.self)
                    }
                    return [
                        event.reasonName, event.subscriber.map { "\($0.clientID)" } ?? "-", payload ?? "-",
                        "\(event.count)",
                    ].joined(separator: " ")
                }
            }
        }
    }

    private func subscribe(_ client: BenchClient, _ filter: UTF8Text, _ qos: QoS) {
        client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter(filter, qos: qos)])))
    }

    private func publish(
        _ client: BenchClient, _ text: String, _ qos: QoS, id: UInt16 = 1, expiry: UInt32? = nil
    ) {
        client.send(
            .publish(
                PublishPacket(
                    topic: "t", payload: Array(text.utf8), qos: qos,
                    packetIdentifier: qos == .atMostOnce ? nil : PacketIdentifier(rawValue: id),
                    properties: Properties { $0.messageExpiryInterval = expiry })))
    }

    /// A bench with a subscriber "r" of "t" and a sender.
    private func bench(
        _ hook: Listener, _ qos: QoS = .atLeastOnce, maximumPacketSize: UInt32? = nil,
        _ change: (inout BrokerSettings) -> Void = { _ in }
    ) throws -> (bench: TurnBench, receiver: BenchClient, sender: BenchClient) {
        let bench = TurnBench(hooks: [hook], change)
        let receiver = bench.connect(
            ConnectPacket(
                version: .v5, cleanStart: true, clientID: "r",
                properties: Properties {
                    $0.sessionExpiryInterval = 1000
                    $0.maximumPacketSize = maximumPacketSize
                }))
        subscribe(receiver, "t", qos)
        let sender = bench.connect("s")
        try bench.settle()
        return (bench, receiver, sender)
    }

    @Test func `QoS 0 for a client that is away`() throws {
        let hook = Listener()
        let (bench, receiver, sender) = try bench(hook)
        receiver.vanish()
        publish(sender, "x", .atMostOnce)
        try bench.settle()
        #expect(hook.lines == ["offline_qos0 r x 1"])
    }

    @Test(arguments: [QueueType.fifo, .lifo]) func `a full queue`(_ type: QueueType) throws {
        let hook = Listener()
        let (bench, receiver, sender) = try bench(hook) {
            $0.session.maxOfflineMessages = 1
            $0.session.queueType = type
        }
        receiver.vanish()
        for (index, text) in ["old", "new"].enumerated() {
            publish(sender, text, .atLeastOnce, id: UInt16(index + 1))
        }
        try bench.settle()
        #expect(hook.lines == ["queue_full r \(type == .fifo ? "new" : "old") 1"])
    }

    @Test func `a message that expired while its client was away`() throws {
        let hook = Listener()
        let (bench, receiver, sender) = try bench(hook)
        receiver.vanish()
        publish(sender, "x", .atLeastOnce, expiry: 1)
        try bench.settle()
        bench.advance(seconds: 2)
        bench.turn()
        bench.connect("r", cleanStart: false)
        try bench.settle()
        #expect(hook.lines == ["expired r x 1"])
    }

    @Test func `a packet that is larger than the client takes`() throws {
        let hook = Listener()
        let (bench, _, sender) = try bench(hook, maximumPacketSize: 20)
        publish(sender, String(repeating: "x", count: 30), .atLeastOnce)
        try bench.settle()
        #expect(hook.lines == ["max_packet_size_exceeded r \(String(repeating: "x", count: 30)) 1"])
    }

    @Test func `a message that the client refuses`() throws {
        let hook = Listener()
        let (bench, receiver, sender) = try bench(hook)
        publish(sender, "x", .atLeastOnce)
        try bench.settle()
        receiver.send(.puback(AckPacket(packetIdentifier: 1, reasonCode: .quotaExceeded)))
        try bench.settle()
        #expect(hook.lines == ["refused_by_client r x 1"])
    }

    @Test func `a message that on_deliver refuses`() throws {
        let hook = Listener([.onMessageDrop, .onDeliverM5])
        let (bench, _, sender) = try bench(hook)
        publish(sender, "x", .atLeastOnce)
        try bench.settle()
        #expect(hook.lines == ["denied_by_hook r x 1"])
        #expect(bench.numbers[.hookCalls] == 1)
    }

    @Test func `what a session still had when it ended`() throws {
        let hook = Listener()
        let (bench, receiver, sender) = try bench(hook)
        publish(sender, "x", .atLeastOnce)
        try bench.settle()
        receiver.send(.disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 0 })))
        try bench.settle()
        #expect(hook.lines == ["session_ended r x 1"])
    }

    @Test func `QoS 0 that never left the output has no name and no message`() throws {
        let hook = Listener()
        let bench = TurnBench(hooks: [hook])
        bench.shards[0].counters.move(.outputMessages, by: 5)
        bench.shards[0].leftOutputs(written: 2, discarded: 3)
        #expect(hook.lines == ["connection_closed - - 3"])
        #expect(bench.numbers[.ledgerDelivered] == 2)
        #expect(bench.numbers[DropReason.connectionClosed] == 3)
    }

    // MARK: Counted nearby

    @Test func `what is sent again to a client that comes back is counted as such`() throws {
        let (bench, receiver, sender) = try bench(Listener())
        for id in 1...3 as ClosedRange<UInt16> { publish(sender, "x", .atLeastOnce, id: id) }
        try bench.settle()
        #expect(bench.numbers[.ledgerRetransmitted] == 0)
        receiver.vanish()
        bench.connect("r", cleanStart: false, expiry: 1000)
        try bench.settle()
        #expect(bench.numbers[.ledgerRetransmitted] == 3)
    }

    @Test func `a client whose home is another loop is counted as moved`() throws {
        let bench = TurnBench(loops: 2)
        let id = UTF8Text("somebody")
        let home = bench.broker.homeLoop(of: SubscriberID(mountpoint: .default, clientID: id))
        let away = BenchClient(version: .v5)
        let packet = ConnectPacket(version: .v5, cleanStart: true, clientID: id)
        #expect(bench.shards[1 - home].admit(packet, away) == nil)
        #expect(bench.numbers[.connectionsMoved] == 1)
        #expect(bench.numbers[LoopGauge.sessionsOnline] == 0)
    }

    @Test func `a loop that has far more on its way to another than it should pauses who publishes`() throws {
        let bench = TurnBench(loops: 2) { $0.maxMessageSize = 200 << 20 }
        // One on each loop.
        let names = (0..<64).map { UTF8Text("c\($0)") }
        func name(on loop: Int) -> UTF8Text? {
            names.first {
                bench.broker.homeLoop(of: SubscriberID(mountpoint: .default, clientID: $0)) == loop
            }
        }
        let receiver = bench.connect(try #require(name(on: 1)))
        let sender = bench.connect(try #require(name(on: 0)))
        subscribe(receiver, "t", .atMostOnce)
        try bench.settle()
        publish(sender, String(repeating: "x", count: 65 << 20), .atMostOnce)
        bench.turn(only: 0)
        #expect(bench.shards[0].overload.isOn)
        publish(sender, "next", .atMostOnce)
        bench.turn(only: 0)
        #expect(sender.pauses.contains(.overload))
        #expect(bench.numbers[.publishersPaused] == 1)
        try bench.settle()
        bench.turn()
        #expect(!bench.shards[0].overload.isOn && !sender.pauses.contains(.overload))
    }

    @Test func `messages put off that hold far more than they should count as overload until they are given`()
        throws
    {
        let bench = TurnBench()
        let shard = bench.shards[0]
        let text = [UInt8](repeating: 0x78, count: FanOutQueue.highWater + 1)
        let facts = MessageFacts(
            qos: .atMostOnce, isRetained: false, mountpoint: .default, publisher: nil, expiryDeadline: nil,
            payloadIsUTF8: false)
        var publication = Publication(
            topic: "t".utf8Span.span.bytes, properties: RawSpan(), payload: text.span.bytes, facts: facts)
        shard.putOff(&publication, [], [])
        #expect(shard.overload.isOn && bench.numbers[.fanOutsPutOff] == 1)
        try bench.settle()
        bench.turn()
        #expect(!shard.overload.isOn)
    }

    @Test func `each question to a hook is counted, and a notification is not`() throws {
        let hook = Listener([.onMessageDrop, .onDeliverM5])
        let (bench, _, sender) = try bench(hook)
        for id in 1...3 as ClosedRange<UInt16> { publish(sender, "x", .atLeastOnce, id: id) }
        try bench.settle()
        #expect(hook.lines.count == 3)
        #expect(bench.numbers[.hookCalls] == 3 && bench.numbers[.hookDenied] == 3)
    }
}
