import BrokerMetrics
import MQTTCodec
import Primitives
import Synchronization
import Testing

@testable import BrokerCore

/// Hooks that look at a message where it lies, what they have allowed being remembered, and listeners that name their
/// plugins.
@Suite struct ListenerPluginTests {
    /// Decides by the topic alone.
    private final class TopicHook: Hook, Sendable {
        let name: String
        let points: Set<HookPoint> = [.authOnPublish, .authOnPublishM5]
        let decidesByTopic = true
        private let state = Mutex((calls: 0, allowed: "t"))

        init(_ name: String = "topics") { self.name = name }

        var calls: Int { state.withLock { $0.calls } }
        func allow(_ topic: String) { state.withLock { $0.allowed = topic } }

        func authOnPublish(
            _ publication: inout Publication, by client: HookClient,
            _ ticket: HookTicket<PublishModifiers>
        ) -> HookAnswer<PublishModifiers> {
            let topic = String(decoding: publication.topic.copiedBytes(), as: UTF8.self)
            return state.withLock { state in
                state.calls += 1
                return state.allowed == topic ? .ok(nil) : .next
            }
        }
    }

    private func publish(_ client: MemoryTransport, _ topic: UTF8Text) throws -> ReasonCode? {
        try client.send(
            .publish(
                PublishPacket(
                    topic: topic, payload: [1], qos: .atLeastOnce,
                    packetIdentifier: PacketIdentifier(rawValue: 1))))
        for case .puback(let packet) in try client.received() { return packet.reasonCode }
        return nil
    }

    @Test func `what a hook has allowed is not asked again until it says so`() throws {
        let hook = TopicHook()
        let bench = CoreBench(hooks: [hook])
        let client = bench.connect("c")
        _ = try client.received()
        for _ in 0..<3 { #expect(try publish(client, "t")?.isError == false) }
        #expect(hook.calls == 1)
        #expect(try publish(client, "u") == .notAuthorized)
        #expect(try publish(client, "u") == .notAuthorized)
        #expect(hook.calls == 3)
        // Another client is asked about for itself.
        let other = bench.connect("d")
        _ = try other.received()
        #expect(try publish(other, "t")?.isError == false)
        #expect(hook.calls == 4)
        hook.allow("u")
        bench.broker.forgetDecisions()
        #expect(try publish(client, "t") == .notAuthorized)
        #expect(try publish(client, "u")?.isError == false)
        #expect(hook.calls == 6)
        let reading = try #require(
            bench.broker.tallies.readings.first { $0.plugin == "topics" && $0.point == .authOnPublishM5 })
        #expect(reading.reading[.allowed] == 3)
        #expect(reading.reading[.next] == 3)
        #expect(reading.reading[.remembered] == 2)
        #expect(reading.reading.calls == 6)
    }

    @Test func `topics that are ever others take no more than the table's places`() throws {
        let hook = TopicHook()
        let bench = CoreBench(hooks: [hook])
        let client = bench.connect("c")
        for number in 0..<20_000 {
            let topic = "t\(number)"
            hook.allow(topic)
            try client.send(.publish(PublishPacket(topic: UTF8Text(topic), payload: [])))
        }
        #expect(bench.shard.permits.byteCount <= 4096 * PermitCache.topicLimit)
        #expect(bench.shard.permits.byteCount > 0)
        bench.shard.setHooks([])
        #expect(bench.shard.permits.byteCount == 0)
    }

    @Test func `a question that the client leaves open is counted as abandoned`() throws {
        let hook = ScriptedHook([.authOnPublishM5])
        let bench = CoreBench(hooks: [hook])
        let client = bench.connect("c")
        try client.send(.publish(PublishPacket(topic: "t", payload: [])))
        func reading() -> HookReading {
            bench.broker.tallies.readings.filter { $0.point == .authOnPublishM5 }.reduce(into: HookReading())
            {
                $0 += $1.reading
            }
        }
        #expect(reading().outstanding == 1)
        #expect(reading().calls == 1)
        client.vanish()
        #expect(reading().outstanding == 0)
        #expect(reading()[.abandoned] == 1)
        #expect(reading().calls == 1)
    }

    @Test func `a listener asks the plugins that it names, in its order, and no others`() throws {
        func hook(_ name: String, _ answer: HookReply) -> ScriptedHook {
            ScriptedHook([.authOnRegisterM5], answer, name: name)
        }
        let first = hook("first", .register(.ok(nil)))
        let second = hook("second", .register(.refuse(HookRefusal())))
        let bench = CoreBench(hooks: [first, second]) { $0.allowsAnonymous = false }
        #expect(bench.connect("a").session != nil)
        for (names, isAllowed) in [
            (["second", "first"], false), (["first"], true), (["second"], false), (["absent"], false),
            ([], false),
        ] {
            let plugins = ListenerPlugins(authentication: names, authorization: nil)
            let client = bench.connect("b", listener: ListenerFacts(name: "l", plugins: plugins))
            #expect((client.session != nil) == isAllowed, "\(names)")
            client.vanish()
        }
    }

    @Test func `a listener whose plugin is not there lets nothing through`() throws {
        let bench = CoreBench()
        let plugins = ListenerPlugins(authentication: nil, authorization: ["vmq_acl"])
        let client = bench.connect("c", listener: ListenerFacts(name: "l", plugins: plugins))
        _ = try client.received()
        #expect(try publish(client, "t") == .notAuthorized)
        // So it is when plugins have come and gone.
        bench.shard.setHooks([])
        #expect(try publish(client, "t") == .notAuthorized)
        let other = bench.connect("d")
        _ = try other.received()
        #expect(try publish(other, "t")?.isError == false)
    }
}
