import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import TestSupport
import Testing

private func will(_ text: String = "gone", delay: UInt32? = nil) -> WillPacketFields {
    WillPacketFields(
        qos: .atLeastOnce, topic: "will", payload: Array(text.utf8),
        properties: Properties { $0.willDelayInterval = delay })
}

private func expiry(_ seconds: UInt32) -> Properties { Properties { $0.sessionExpiryInterval = seconds } }

/// A multiple of the timers' tick, 50 ms: deadlines of whole seconds then fire a tick late.
private func clock() -> ManualClock { ManualClock(now: MonotonicTime(nanoseconds: 1_000_000_000_000)) }

/// What is concluded from time that has passed, on a clock that the test moves.
@Suite struct TimeScenarios {
    private func watcher(_ broker: TestBroker) throws -> TestClient {
        let watcher = try broker.client("watcher", .v5)
        try watcher.subscribe("will", qos: .atLeastOnce)
        return watcher
    }

    // MARK: Away

    @Test(arguments: [1, 2])
    func `a session that is over is not resumed, though its timer has not fired`(_ loops: Int) throws {
        let clock = clock()
        let broker = try TestBroker(loops: loops, clock: clock)
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect("c", clean: false, will: will(delay: 100), properties: expiry(1))
        client.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 1010)
        let again = try broker.client(.v5)
        #expect(try !again.connect("c", clean: false, properties: expiry(1)).isSessionPresent)
        #expect(try watcher.receiveMessage().text == "gone")
        #expect(broker.numbers[.sessionExpired] == 1)
        #expect(broker.numbers.messages(.will) == 1)
        #expect(broker.isBalanced)
    }

    @Test
    func `a delayed will that is due is published before its client resumes, though its timer has not fired`()
        throws
    {
        let clock = clock()
        let broker = try TestBroker(clock: clock)
        let watcher = try watcher(broker)
        let client = try broker.client(.v5)
        try client.connect("c", clean: false, will: will(delay: 1), properties: expiry(100))
        client.drop()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        broker.pass(clock, milliseconds: 1010)
        let again = try broker.client(.v5)
        #expect(try again.connect("c", clean: false, properties: expiry(100)).isSessionPresent)
        #expect(try watcher.receiveMessage().text == "gone")
    }

    @Test func `a message that is over is not sent`() throws {
        let clock = clock()
        let broker = try TestBroker(clock: clock)
        try broker.client("c", .v5, clean: false, properties: expiry(100)).subscribe("t", qos: .atLeastOnce)
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] + $0[LoopGauge.sessionsOnline] == 1 })
        _ = try broker.client("c", .v5, clean: false, properties: expiry(100)).disconnect()
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        let sender = try broker.client("s", .v5)
        let second = Properties { $0.messageExpiryInterval = 1 }
        try sender.publishAndComplete("t", "queued", qos: .atLeastOnce, properties: second)
        try sender.publishAndComplete("r", "retained", qos: .atLeastOnce, retain: true, properties: second)
        clock.pass(milliseconds: 1000)
        let client = try broker.client("c", .v5, clean: false, properties: expiry(100))
        try client.subscribe("r", qos: .atLeastOnce)
        try sender.publishAndComplete("t", "last", qos: .atLeastOnce)
        #expect(try client.receiveMessage().text == "last")
        #expect(broker.numbers[DropReason.expired] == 1)
    }

    @Test
    func `a QoS 2 message whose time is over when its identifier is committed is not sent [MQTT-3.3.2-5]`()
        throws
    {
        let clock = clock()
        let bench = try StoreBench(clock: clock)
        let client = try bench.lasting("c")
        try client.subscribe("t", qos: .exactlyOnce)
        let sender = try bench.broker.client("s", .v5)
        bench.store.hold()
        try sender.publish(
            "t", "late", qos: .exactlyOnce, id: 1, properties: Properties { $0.messageExpiryInterval = 1 })
        #expect(bench.store.wait { $0.heldBatchCount > 0 })
        clock.pass(milliseconds: 1500)
        _ = bench.broker.numbers  // every loop has seen the time
        bench.store.release()
        // Not waited for: the commit window does not pass on a clock that stands.
        try bench.broker.client("s2").publish("t", "last", qos: .atLeastOnce)
        #expect(try client.receiveMessage().text == "last")
        // The commit may come after the message behind it, which is of another QoS.
        #expect(bench.broker.wait(clock) { $0[DropReason.expired] == 1 })
        for _ in 1...3 {  // a batch is written at the second end of its window
            clock.pass(milliseconds: 20)
            _ = bench.broker.numbers
        }
        #expect(bench.broker.isBalanced)
    }

    // MARK: Silence

    @Test(arguments: ProtocolVersion.allCases)
    func `a PINGREQ that waits in the socket is read before the keep alive is over`(
        _ version: ProtocolVersion
    ) throws {
        let clock = clock()
        let broker = try TestBroker(clock: clock)
        let client = try broker.client(version)
        try client.connect("c", keepAlive: 2)
        for milliseconds in [3100, 3100, 9000] as [Int64] {  // late; and after a stand-still
            clock.pass(milliseconds: milliseconds)
            try client.send(.pingreq)
            #expect(try client.receive() == .pingresp)
        }
        #expect(broker.numbers[CloseReason.keepAliveTimeout] == 0)
    }

    @Test func `a CONNECT that waits in the socket is read before its time is over`() throws {
        let clock = clock()
        let broker = try TestBroker(clock: clock)
        let client = try broker.client()
        #expect(broker.wait { $0[.socketOpen] == 1 })
        clock.pass(milliseconds: 5001)
        try client.connect("c")
        #expect(broker.numbers[.socketCloseTimeout] == 0)
    }

    @Test func `a client that is silent is cut all the same`() throws {
        let clock = clock()
        let broker = try TestBroker(clock: clock)
        let client = try broker.client(.v5)
        try client.connect("c", keepAlive: 2)
        let newcomer = try broker.client()
        #expect(broker.wait { $0[.socketOpen] == 2 })
        // In steps: what nobody had looked at would not count.
        #expect(
            broker.wait { numbers in
                clock.pass(milliseconds: 100)
                return numbers[CloseReason.keepAliveTimeout] == 1 && numbers[.socketCloseTimeout] == 1
            })
        _ = try client.receiveUntilEnd()
        _ = try newcomer.receiveUntilEnd()
    }
}

@Suite struct WillRestartScenarios {
    enum End: CaseIterable { case crash, stop }

    /// What the next start finds.
    private func end(_ bench: StoreBench, _ end: End, _ clock: ShiftedClock) throws -> ManualStore.Contents {
        if end == .crash { return bench.crash() }
        #expect(bench.broker.drain(clock))
        bench.broker.stop()
        return bench.store.contents
    }

    private func watch(_ bench: StoreBench) throws {
        for loop in 0..<2 {
            let watcher = try bench.lasting(bench.broker.id(on: loop, "watcher"))
            try watcher.subscribe("will", qos: .exactlyOnce)
            try watcher.disconnect()
        }
        #expect(bench.store.wait { $0.contents.sessions.values.count { $0.expiryDeadline != nil } == 2 })
    }

    /// Texts that wait for both watchers, the same for each.
    private func waiting(_ bench: StoreBench) -> [String] {
        let texts = (0..<2).map {
            bench.store.contents.texts(of: bench.broker.id(on: $0, "watcher")).sorted()
        }
        #expect(texts[0] == texts[1])
        return texts[0]
    }

    @Test(
        arguments: [0, 1],
        [(.crash, .crash), (.crash, .stop), (.stop, .crash), (.stop, .stop)] as [(End, End)])
    func
        `wills that are due are published once, before anybody comes, whatever ends the broker and how often`(
            _ loop: Int, _ ends: (End, End)
        ) throws
    {
        let (first, second) = ends
        let clock = ShiftedClock()
        let bench = try StoreBench(clock: clock)
        try watch(bench)
        var clients: [TestClient] = []
        for version in ProtocolVersion.allCases {
            for isLasting in [true, false] {
                let id = bench.broker.id(on: loop, "c\(version)\(isLasting)")
                let client = try bench.broker.client(version)
                try client.connect(
                    id, clean: !isLasting, will: will("\(version) \(isLasting)"),
                    properties: isLasting ? lasting(version) : Properties())
                clients.append(client)
            }
        }
        #expect(bench.store.wait { $0.contents.wills.count == 3 && $0.contents.sessions.count == 5 })
        let expected = ProtocolVersion.allCases.flatMap { ["\($0) false", "\($0) true"] }.sorted()
        let again = try StoreBench(try end(bench, first, clock), clock: clock)
        #expect(waiting(again) == expected)
        #expect(again.store.contents.wills.isEmpty)
        #expect(again.store.contents.sessions.values.allSatisfy { $0.will == nil })
        let third = try StoreBench(try end(again, second, clock), clock: clock)
        #expect(waiting(third) == expected)
        #expect(third.broker.numbers.messages(.will) == 0)
        #expect(third.broker.isBalanced)
    }

    @Test(arguments: End.allCases)
    func `a delayed will waits for its client over the end of the broker [MQTT-3.1.3-9]`(_ how: End) throws {
        let clock = ShiftedClock()
        let bench = try StoreBench(clock: clock)
        try watch(bench)
        let client = try bench.broker.client(.v5)
        try client.connect("c", clean: false, will: will(delay: 1000), properties: expiry(2000))
        #expect(bench.store.wait { $0.contents.number(of: "c") != nil })
        let again = try StoreBench(try end(bench, how, clock), clock: clock)
        #expect(waiting(again) == [])
        let back = try again.broker.client(.v5)
        #expect(try back.connect("c", clean: false, properties: expiry(2000)).isSessionPresent)
        try back.disconnect()
        #expect(again.store.wait { $0.contents.sessions.values.allSatisfy { $0.will == nil } })
        #expect(again.broker.numbers.messages(.will) == 0)
    }

    @Test(arguments: End.allCases, [1, 100] as [UInt32])
    func `a session that was over at the start ends there, with its will`(_ how: End, _ delay: UInt32) throws
    {
        let clock = ShiftedClock()
        let bench = try StoreBench(clock: clock)
        try watch(bench)
        let client = try bench.broker.client(.v5)
        try client.connect("c", clean: false, will: will(delay: delay), properties: expiry(50))
        #expect(bench.store.wait { $0.contents.number(of: "c") != nil })
        var contents = try end(bench, how, clock)
        if let number = contents.number(of: "c") {
            contents.sessions[number]?.expiryDeadline = MonotonicTime(nanoseconds: 0)
            contents.sessions[number]?.willDeadline = MonotonicTime(nanoseconds: 0)
        }
        let again = try StoreBench(contents, clock: clock)
        #expect(waiting(again) == ["gone"])
        #expect(again.store.contents.number(of: "c") == nil)
        #expect(again.broker.numbers[.sessionExpired] == 1)
        let back = try again.broker.client(.v5)
        #expect(try !back.connect("c", clean: false, properties: expiry(50)).isSessionPresent)
        #expect(again.broker.isBalanced)
    }

    @Test func `no life of what is found at the start is longer than its interval`() throws {
        let bench = try StoreBench()
        let client = try bench.broker.client(.v5)
        try client.connect("c", clean: false, will: will(delay: 20), properties: expiry(50))
        client.drop()
        #expect(bench.store.wait { $0.contents.sessions.values.contains { $0.expiryDeadline != nil } })
        var contents = bench.crash()
        let number = try #require(contents.number(of: "c"))
        let late = SystemClock().now.adding(seconds: 1_000_000)
        contents.sessions[number]?.expiryDeadline = late
        contents.sessions[number]?.willDeadline = late
        let clock = ManualClock(now: SystemClock().now)
        let again = try StoreBench(contents, clock: clock)
        #expect(
            again.broker.wait { _ in
                clock.pass(milliseconds: 500)
                return again.store.contents.sessions.isEmpty
            })
        #expect(clock.now <= SystemClock().now.adding(seconds: 60))
        #expect(again.broker.numbers.messages(.will) == 1)
    }

    @Test func `the will of a clean session that leaves at once is never written`() throws {
        let bench = try StoreBench { $0.store.commitWindow = 100_000 }
        for number in 0..<20 {
            let client = try bench.broker.client(.v5)
            try client.connect("c\(number)".text, will: will())
            try client.disconnect()
        }
        #expect(bench.broker.wait { $0[CloseReason.clientDisconnect] == 20 })
        #expect(bench.store.contents.batchCount == 0 && bench.store.contents.wills.isEmpty)
    }

    @Test func `a broker without a store publishes delayed wills as it stops`()
        throws
    {
        let clock = clock()
        let broker = try TestBroker(clock: clock)
        let watcher = try broker.client("watcher", .v5)
        try watcher.subscribe("will", qos: .atMostOnce)  // nobody takes acknowledgements at the end
        let clients = try [true, false].map { _ in try broker.client(.v5) }
        for (client, isOnline) in zip(clients, [true, false]) {
            try client.connect(
                "c\(isOnline)".text, clean: false, will: will("\(isOnline)", delay: 1000),
                properties: expiry(2000)
            )
            if !isOnline { client.drop() }
        }
        #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 })
        #expect(broker.drain(clock))
        #expect(try watcher.receiveMessages(2).map(\.text).sorted() == ["false", "true"])
    }
}
