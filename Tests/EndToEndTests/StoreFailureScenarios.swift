import BrokerCore
import BrokerMetrics
import Listeners
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct StoreFailureScenarios {
    @Test
    func `a message of the broker itself that would be stored is left out, counted, while the store fails`()
        throws
    {
        let bench = try StoreBench()
        let reader = try bench.broker.client("r", .v5)
        try reader.subscribe("$SYS/#", qos: .atMostOnce)
        func publish(_ text: String, isRetained: Bool) {
            let (topic, payload) = (Array("$SYS/n/x".utf8), Array(text.utf8))
            let facts = MessageFacts(
                qos: .atMostOnce, isRetained: isRetained, mountpoint: .default, publisher: nil)
            bench.broker.runtime.publish(
                ApplicationMessage(
                    facts: facts, topic: topic.span.bytes, properties: RawSpan(), payload: payload.span.bytes),
                .broker)
        }
        bench.store.health.set(isFailing: true)
        publish("lost", isRetained: true)
        #expect(bench.broker.wait { $0[.publicationsRefused] == 1 })
        publish("needs no store", isRetained: false)
        #expect(try reader.receiveMessages(1).map(\.text) == ["needs no store"])
        bench.store.health.set(isFailing: false)
        publish("stored", isRetained: true)
        #expect(try reader.receiveMessages(1).map(\.text) == ["stored"])
        let numbers = bench.broker.numbers
        #expect(numbers.messages(.broker) == 2 && numbers.copies(.broker) == 2)
        #expect(numbers[.ledgerReceived] == 0 && numbers[.ledgerUnrouted] == 0)
        #expect(bench.broker.isBalanced)
    }

    @Test(
        arguments: ProtocolVersion.allCases,
        [(QoS.atLeastOnce, false), (.exactlyOnce, false), (.atLeastOnce, true), (.exactlyOnce, true)])
    func `while the store fails, a message that needs it is refused and not routed`(
        _ version: ProtocolVersion, _ kind: (qos: QoS, isRetained: Bool)
    ) throws {
        let bench = try StoreBench()
        try bench.away("r")
        let watcher = try bench.broker.client("w")
        try watcher.subscribe("#", qos: .atMostOnce)
        let sender = try bench.broker.client("s", version)
        let topic: UTF8Text = kind.isRetained ? "retained" : "t"
        bench.store.health.set(isFailing: true)
        try sender.publish(topic, "x", qos: kind.qos, retain: kind.isRetained)
        if version == .v5 {
            let ack = try sender.receiveAck(kind.qos == .atLeastOnce ? .puback : .pubrec, 1)
            #expect(ack.reasonCode == .quotaExceeded)
        } else {
            #expect(try sender.drain().isEmpty)
        }
        #expect(bench.broker.wait { $0[RejectReason.storageUnavailable] == 1 })
        #expect(try watcher.drain().isEmpty)
        #expect(bench.store.contents.copyCount == 0 && bench.store.contents.retained.isEmpty)
        bench.store.health.set(isFailing: false)
        try sender.publishAndComplete(topic, "y", qos: kind.qos, retain: kind.isRetained)
        #expect(try watcher.receiveMessage().text == "y")
        #expect(kind.isRetained || bench.store.contents.texts(of: "r") == ["y"])
        #expect(bench.broker.numbers[RejectReason.storageUnavailable] == 1)
        #expect(bench.broker.isBalanced)
    }

    @Test func `a member of a shared group that is stored makes its messages need the store`() throws {
        let bench = try StoreBench()
        let member = try bench.lasting("m")
        try member.subscribe("$share/g/t", qos: .atLeastOnce)
        let sender = try bench.broker.client("s", .v5)
        bench.store.health.set(isFailing: true)
        try sender.publish("t", "x", qos: .atLeastOnce)
        #expect(try sender.receiveAck(.puback, 1).reasonCode == .quotaExceeded)
        try sender.publishAndComplete("t", "QoS 0", qos: .atMostOnce)
        #expect(try member.receiveMessage().text == "QoS 0")
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `while the store fails, SUBSCRIBE of a stored session is refused, and of others is not`(
        _ version: ProtocolVersion
    ) throws {
        let bench = try StoreBench()
        let kept = try bench.lasting("kept", version)
        let clean = try bench.broker.client("clean", version)
        bench.store.health.set(isFailing: true)
        #expect(try kept.subscribe("t", qos: .atLeastOnce) == [version == .v5 ? 0x97 : 0x80])
        #expect(try clean.subscribe("t", qos: .atLeastOnce) == [1])
        #expect(bench.broker.numbers[.storeSubscribesRefused] == 1)
        #expect(bench.broker.numbers[.subscribeError] == 1)
        bench.store.health.set(isFailing: false)
        #expect(try kept.subscribe("t", qos: .atLeastOnce) == [1])
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: ProtocolVersion.allCases)
    func
        `while the store fails, a new session that lasts is refused; a clean one, and one that is there, is not`(
            _ version: ProtocolVersion
        ) throws
    {
        let bench = try StoreBench()
        try bench.away("there", version)
        bench.store.health.set(isFailing: true)
        for id in ["new", "there"] as [UTF8Text] {
            // A clean start is a new session, whatever was there; MQTT 3 cannot ask for one that lasts.
            guard id == "new" || version == .v5 else { continue }
            let client = try bench.broker.client(version)
            let connack = try client.connect(id, clean: id == "there", properties: lasting(version))
            #expect(connack.code == (version == .v5 ? 0x97 : 3))
            #expect(try client.receiveUntilEnd().isEmpty)
        }
        #expect(bench.broker.wait { $0[.storeConnectsRefused] == (version == .v5 ? 2 : 1) })
        #expect(try bench.broker.client(version).connect("clean").code == 0)
        let there = try bench.broker.client(version)
        let connack = try there.connect("there", clean: false, properties: lasting(version))
        #expect(connack.code == 0 && connack.isSessionPresent == (version != .v31))
        bench.store.health.set(isFailing: false)
        #expect(
            try bench.broker.client(version).connect("new", clean: false, properties: lasting(version)).code
                == 0)
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: Path.shortWithAcks)
    func `while the store fails, clean clients notice nothing`(_ path: Path) throws {
        let bench = try StoreBench()
        bench.store.health.set(isFailing: true)
        let (sender, receiver) = try path.clients(bench.broker)
        try receiver.subscribe("t", qos: path.qos)
        #expect(try sender.publishAndComplete("t", "x", qos: path.qos) == .success)
        #expect(try receiver.receiveMessage().text == "x")
        #expect(bench.broker.numbers[RejectReason.storageUnavailable] == 0)
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `a backlog that cannot be read for a moment is not lost`(_ isSameLoop: Bool) throws {
        let bench = try StoreBench()
        let id = bench.broker.id(on: isSameLoop ? 0 : 1, "r")
        try bench.away(id, qos: .atLeastOnce)
        let sender = try bench.broker.client(bench.broker.id(on: 0, "s"))
        for number in 1...130 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        #expect(bench.broker.wait { $0[LoopGauge.spilledMessages] == 30 })
        bench.store.failLoads()
        let receiver = try bench.lasting(id)
        #expect(try receiver.receiveMessages(100).count == 100)
        #expect(bench.broker.wait { _ in bench.store.loadCount > 0 })
        _ = try receiver.drain()
        let numbers = bench.broker.numbers
        #expect(numbers[DropReason.storeLost] == 0)
        #expect(numbers[LoopGauge.storedCopies] == 30)
    }
}
