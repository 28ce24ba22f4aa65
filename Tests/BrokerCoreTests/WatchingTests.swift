import BrokerMetrics
import MQTTCodec
import Primitives
import Synchronization
import Testing

@testable import BrokerCore

/// A watcher sees what goes between the broker and its client, and nothing of others.
@Suite struct WatchingTests {
    private final class Recorder: PacketWatcher {
        let lines = Mutex<[String]>([])
        let limit: Int
        let refused = Atomic<Int>(0)

        init(limit: Int = .max) { self.limit = limit }

        private func say(_ line: String) { lines.withLock { $0.append(line) } }
        var seen: [String] { lines.withLock { $0 } }

        func admits(_ client: WatchedClient, now: MonotonicTime) -> Bool {
            if seen.count < limit { return true }
            refused.add(1, ordering: .relaxed)
            return false
        }
        func began(_ client: WatchedClient, _ packet: ConnectPacket) { say("began \(client.clientID)") }
        func saw(_ packet: WatchedPacket, _ client: WatchedClient) {
            var line = "\(packet.isReceived ? "<" : ">") \(packet.packet.type)"
            if case .publish(let publish) = packet.packet {
                line += " \(publish.topic) \(publish.payload.count)/\(packet.payloadByteCount)"
            }
            say(line)
        }
        func asked(_ question: WatchedQuestion, _ client: WatchedClient) {
            switch question {
            case .register: say("? register")
            case .publish(let event):
                say("? publish \(String(decoding: event.message.topic.copiedBytes(), as: UTF8.self))")
            case .subscribe: say("? subscribe")
            case .authenticate: say("? auth")
            }
        }
        func answered(_ answer: WatchedAnswer, _ client: WatchedClient) {
            switch answer {
            case .ok: say("! ok")
            case .refused: say("! refused")
            case .exhausted: say("! exhausted")
            }
        }
        func ended(_ client: WatchedClient) { say("ended \(client.clientID)") }
    }

    private final class Gate: Hook, Sendable {
        let name = "gate"
        let points: Set<HookPoint> = [.authOnPublishM5, .authOnSubscribeM5]
        func authOnPublish(_ event: PublishEvent, _ ticket: HookTicket<PublishModifiers>) -> HookAnswer<
            PublishModifiers
        > {
            event.message.payload.byteCount > 3 ? .refuse(HookRefusal()) : .ok(nil)
        }
        func authOnSubscribe(_ event: SubscribeEvent, _ ticket: HookTicket<[SubscribeVerdict]>) -> HookAnswer<
            [SubscribeVerdict]
        > {
            .next
        }
    }

    private func publish(_ client: BenchClient, _ text: String, _ qos: QoS = .atLeastOnce) {
        client.send(
            .publish(
                PublishPacket(
                    topic: "t", payload: Array(text.utf8), qos: qos,
                    packetIdentifier: qos == .atMostOnce ? nil : PacketIdentifier(rawValue: 1))))
    }

    private func subscribe(_ client: BenchClient, _ filter: UTF8Text) {
        client.send(
            .subscribe(
                SubscribePacket(packetIdentifier: 1, filters: [SubscribeFilter(filter, qos: .atMostOnce)])))
    }

    private func selection(_ name: UTF8Text) -> WatchSelection {
        WatchSelection(clientID: name, mountpoint: nil)
    }

    @Test func `a client that connects is seen from CONNECT to its end, and no other client is`() throws {
        let bench = TurnBench()
        let recorder = Recorder()
        #expect(bench.shards[0].watch(selection("c"), with: recorder).isEmpty)
        let client = bench.connect("c")
        let other = bench.connect("other")
        subscribe(client, "t")
        subscribe(other, "t")
        try bench.settle()
        publish(client, "x")
        client.send(.pingreq)
        try bench.settle()
        client.vanish()
        #expect(
            recorder.seen == [
                "began c", "> connack", "< subscribe", "> suback", "< publish t 1/1", "> publish t 1/1",
                "> puback", "< pingreq", "> pingresp", "ended c",
            ])
    }

    @Test func `a client that is connected is seen from now on, until the watch ends`() throws {
        let bench = TurnBench()
        let client = bench.connect("c")
        try bench.settle()
        let recorder = Recorder()
        #expect(bench.shards[0].watch(selection("c"), with: recorder).map(\.clientID) == ["c"])
        client.send(.pingreq)
        try bench.settle()
        bench.shards[0].endWatching(recorder)
        client.send(.pingreq)
        try bench.settle()
        #expect(recorder.seen == ["< pingreq", "> pingresp"])
        #expect(bench.shards[0].watches.isEmpty)
    }

    @Test func `two watchers of one client see the same, and the end of one leaves the other`() throws {
        let bench = TurnBench()
        let (first, second) = (Recorder(), Recorder())
        let client = bench.connect("c")
        let one = bench.shards[0].watch(selection("c"), with: first)
        let two = bench.shards[0].watch(selection("c"), with: second)
        #expect(one.map(\.token) == two.map(\.token))
        bench.shards[0].endWatching(first)
        client.send(.pingreq)
        try bench.settle()
        #expect(first.seen.isEmpty && second.seen == ["< pingreq", "> pingresp"])
    }

    @Test func `hooks are seen to be asked, with their answers`() throws {
        let bench = TurnBench(hooks: [Gate()])
        let recorder = Recorder()
        let client = bench.connect("c")
        _ = bench.shards[0].watch(selection("c"), with: recorder)
        publish(client, "ok")
        publish(client, "too long")
        subscribe(client, "a/b")
        try bench.settle()
        #expect(
            recorder.seen == [
                "< publish t 2/2", "? publish t", "! ok", "> puback",
                "< publish t 8/8", "? publish t", "! refused", "> puback",
                "< subscribe", "? subscribe", "! exhausted", "> suback",
            ])
    }

    /// It is decoded in parts, and was shown, and counted, with each of them.
    @Test func `a packet with thousands of filters is seen once and counted once`() throws {
        let bench = TurnBench()
        let recorder = Recorder()
        let client = bench.connect("c")
        _ = bench.shards[0].watch(selection("c"), with: recorder)
        let filters = (0..<5000).map { UTF8Text("f\($0)") }
        client.send(
            .subscribe(
                SubscribePacket(
                    packetIdentifier: 1, filters: filters.map { SubscribeFilter($0, qos: .atMostOnce) })))
        try bench.settle()
        client.send(.unsubscribe(UnsubscribePacket(packetIdentifier: 2, filters: filters)))
        try bench.settle()
        #expect(recorder.seen == ["< subscribe", "> suback", "< unsubscribe", "> unsuback"])
        let subscriber = SubscriberID(mountpoint: .default, clientID: "c")
        let received = try #require(bench.shards[0].session(subscriber)?.facts.connection?.received)
        #expect(received[.subscribe] == 1 && received[.unsubscribe] == 1)
    }

    @Test func `what a watcher does not admit is not made for it`() throws {
        let bench = TurnBench()
        let recorder = Recorder(limit: 4)
        let client = bench.connect("c")
        _ = bench.shards[0].watch(selection("c"), with: recorder)
        for _ in 0..<100 { client.send(.pingreq) }
        try bench.settle()
        #expect(recorder.seen.count == 4 && recorder.refused.load(ordering: .relaxed) == 196)
    }

    @Test func `a large payload is seen cut, with its whole size`() throws {
        let bench = TurnBench()
        let recorder = Recorder()
        let client = bench.connect("c")
        subscribe(client, "t")
        try bench.settle()
        _ = bench.shards[0].watch(selection("c"), with: recorder)
        publish(client, String(repeating: "x", count: 1 << 20), .atMostOnce)
        try bench.settle()
        #expect(recorder.seen == ["< publish t 4096/1048576", "> publish t 4096/1048576"])
    }
}
