import BrokerCore
import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct StoreSessionScenarios {
    // MARK: Ends

    enum End: CaseIterable { case disconnect, cleanStart, expiry }

    @Test(arguments: [true, false], End.allCases)
    func `a session that ends leaves nothing in the store`(_ isSameLoop: Bool, _ end: End) throws {
        let clock = ShiftedClock()
        let bench = try StoreBench(clock: clock)
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: isSameLoop ? 0 : 1, "r")
        let interval: UInt32 = end == .expiry ? 1 : 1000
        let properties = Properties { $0.sessionExpiryInterval = interval }
        let first = try broker.client(id, .v5, clean: false, properties: properties)
        try first.subscribe("t", qos: .exactlyOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        // Under way, in memory and in the store alone.
        try sender.publishAndComplete("t", "QoS 2", qos: .exactlyOnce)
        try sender.publishAndComplete("t", "QoS 1", qos: .atLeastOnce)
        if end == .disconnect {
            try first.send(
                .disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 0 })))
        } else {
            first.drop()
            #expect(broker.wait { $0[LoopGauge.sessionsOffline] == 1 || $0[.sessionExpired] == 1 })
            if end == .cleanStart {
                for _ in 1...150 { try sender.publishAndComplete("t", "x", qos: .atLeastOnce) }
                #expect(broker.numbers[LoopGauge.spilledMessages] > 0)
                try broker.client(id, .v5, clean: true).disconnect()
            } else {
                broker.pass(clock, milliseconds: 1100)
            }
        }
        #expect(broker.wait { $0[LoopGauge.storedCopies] == 0 && $0[LoopGauge.sessionsOffline] == 0 })
        #expect(store.wait { $0.contents.sessions.isEmpty && $0.contents.copyCount == 0 })
        #expect(store.contents.subscriptions.isEmpty)
        #expect(store.wait { $0.contents.flights.values.allSatisfy { $0.isEmpty } })
        #expect(broker.isBalanced)
    }

    @Test func `another expiry interval at the next connect is kept`() throws {
        let bench = try StoreBench()
        try bench.away("c")
        let again = try bench.broker.client(
            "c", .v5, clean: false, properties: Properties { $0.sessionExpiryInterval = 77 })
        #expect(bench.store.wait { $0.contents.sessions.values.map(\.expiryInterval) == [77] })
        try again.disconnect(properties: Properties { $0.sessionExpiryInterval = 78 })
        #expect(bench.store.wait { $0.contents.sessions.values.map(\.expiryInterval) == [78] })
        #expect(bench.store.contents.sessions.values.allSatisfy { $0.expiryDeadline != nil })
    }

    @Test(arguments: [50, 150], [true, false])
    func `a client that comes back for the last time gets its messages`(_ count: Int, _ isSameLoop: Bool)
        throws
    {
        let bench = try StoreBench()
        let id = bench.broker.id(on: isSameLoop ? 0 : 1, "r")
        try bench.away(id, qos: .atLeastOnce)
        try bench.away("other", qos: .atLeastOnce)
        let sender = try bench.broker.client(bench.broker.id(on: 0, "s"))
        for number in 1...count { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        let last = try bench.broker.client(.v5)
        #expect(try last.connect(id, clean: false).isSessionPresent)
        #expect(try last.receiveMessages(count).map(\.text) == (1...count).map { "\($0)" })
        #expect(bench.broker.wait { $0[.ledgerDelivered] == UInt64(count) })
        // The other client's copies, and the bodies they share, are untouched.
        #expect(bench.store.wait { $0.contents.copyCount == count })
        #expect(bench.broker.numbers[LoopGauge.storedCopies] == Int64(count))
    }

    // MARK: Backlog

    /// A broker started on what another one, over `contents`, has left.
    private func filled(
        _ count: Int, _ version: ProtocolVersion = .v5, change: (inout BrokerSettings) -> Void = { _ in }
    ) throws -> ManualStore.Contents {
        let bench = try StoreBench(ManualStore.Contents(), change)
        try bench.away("r", version, qos: .atLeastOnce)
        let sender = try bench.broker.client("s")
        for number in 1...count { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        return bench.crash()
    }

    @Test(arguments: ProtocolVersion.allCases, [7, 1000])
    func `a backlog is delivered in order, after a restart and with what comes meanwhile`(
        _ version: ProtocolVersion, _ loadLimit: Int
    ) throws {
        let bench = try StoreBench(try filled(20, version), loadLimit: loadLimit)
        #expect(bench.broker.numbers[LoopGauge.queuedMessages] == 20)
        #expect(bench.broker.numbers[.ledgerLoaded] == 20)
        let sender = try bench.broker.client("s")
        try sender.publishAndComplete("t", "21", qos: .atLeastOnce)
        let receiver = try bench.lasting("r", version)
        var messages = try receiver.receiveMessages(21)
        try sender.publishAndComplete("t", "22", qos: .atLeastOnce)
        messages.append(try receiver.receiveMessage())
        #expect(messages.map(\.text) == (1...22).map { "\($0)" })
        #expect(messages.allSatisfy { !$0.isDuplicate })
        #expect(bench.store.wait { $0.contents.copyCount == 0 })
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: [7, 1000])
    func `a lifo queue is delivered newest first, after a restart too`(_ loadLimit: Int) throws {
        func lifo(_ settings: inout BrokerSettings) { settings.session.queueType = .lifo }
        let bench = try StoreBench(try filled(20, change: lifo), loadLimit: loadLimit, lifo)
        let sender = try bench.broker.client("s")
        try sender.publishAndComplete("t", "21", qos: .atLeastOnce)
        let texts = try bench.lasting("r").receiveMessages(21).map(\.text)
        #expect(texts == (1...21).reversed().map { "\($0)" })
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: QueueType.allCases)
    func `max_offline_messages counts what lies in the store alone`(_ type: QueueType) throws {
        func limit(_ settings: inout BrokerSettings) {
            settings.session.queueType = type
            settings.session.maxOfflineMessages = 20
        }
        let bench = try StoreBench(try filled(18, change: limit), limit)
        let sender = try bench.broker.client("s")
        for number in 19...24 { try sender.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        #expect(bench.broker.numbers[DropReason.queueFull] == (type == .fifo ? 4 : 0))
        let texts = try bench.lasting("r").receiveMessages(20).map(\.text)
        #expect(texts == (type == .fifo ? Array(1...20) : (5...24).reversed()).map { "\($0)" })
        #expect(bench.broker.wait { $0[DropReason.queueFull] == 4 })
        #expect(bench.store.wait { $0.contents.copyCount == 0 })
        #expect(bench.broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `a long offline queue streams from the store in order`(_ isSameLoop: Bool) throws {
        let bench = try StoreBench { $0.session.maxOfflineMessages = -1 }
        let broker = bench.broker
        let id = broker.id(on: isSameLoop ? 0 : 1, "r")
        try bench.away(id, qos: .atLeastOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        for number in 1...1500 { try sender.publish("t", "\(number)", qos: .atLeastOnce, id: UInt16(number)) }
        for number in 1...1500 { try sender.receiveAck(.puback, UInt16(number)) }
        #expect(broker.wait { $0[LoopGauge.queuedMessages] == 1500 && $0[LoopGauge.spilledMessages] == 1400 })
        let receiver = try bench.lasting(id)
        #expect(try receiver.receiveMessages(1500).map(\.text) == (1...1500).map { "\($0)" })
        #expect(broker.isBalanced)
        #expect(broker.numbers[.storeSpilled] == 1400 && broker.numbers[.storeRefilled] == 1400)
        #expect(bench.store.wait { $0.contents.copyCount == 0 })
    }

    @Test func `copies that come while a read waits for others are not taken for lost`() throws {
        let bench = try StoreBench()
        let (broker, store) = (bench.broker, bench.store)
        let id = broker.id(on: 1, "r")
        try bench.away(id, qos: .atLeastOnce)
        let near = try broker.client(broker.id(on: 1, "near"))
        let far = try broker.client(broker.id(on: 0, "far"))
        for number in 1...101 { try near.publishAndComplete("t", "\(number)", qos: .atLeastOnce) }
        #expect(broker.wait { $0[LoopGauge.spilledMessages] == 1 })
        store.hold()
        // Loop 0 has a copy that is not committed.
        try far.publish("t", "102", qos: .atLeastOnce)
        #expect(store.wait { $0.heldCopyCount == 1 })
        let receiver = try bench.lasting(id)
        #expect(broker.wait { $0[.storeBarriers] >= 1 })
        try far.publish("t", "103", qos: .atLeastOnce, id: 2)
        #expect(broker.wait { $0[LoopGauge.spilledMessages] == 3 })
        store.release()
        let texts = try receiver.receiveMessages(103).map(\.text)
        #expect(texts == (1...103).map { "\($0)" })
        #expect(broker.wait { $0[.ledgerDelivered] == 103 })
        #expect(broker.numbers[DropReason.storeLost] == 0)
        #expect(broker.isBalanced)
    }

    @Test(arguments: [true, false])
    func `a client with two subscriptions that match has both copies stored`(_ isSameLoop: Bool) throws {
        let bench = try StoreBench()
        let id = bench.broker.id(on: isSameLoop ? 0 : 1, "r")
        let client = try bench.lasting(id)
        try client.subscribe("t", SubscriptionOptions(qos: .atLeastOnce), identifier: 1)
        try client.subscribe("+", SubscriptionOptions(qos: .exactlyOnce), identifier: 2)
        try client.disconnect()
        try bench.broker.client(bench.broker.id(on: 0, "s")).publishAndComplete("t", "x", qos: .exactlyOnce)
        // With QoS 2 the copies go to the other loop when they are committed.
        #expect(bench.broker.wait { $0[LoopGauge.queuedMessages] == 2 })
        let count = bench.store.contents.copyCount
        // Both have the message's number and their session's: one row.
        #expect(count == 2)
    }

    // MARK: Flights

    @Test(arguments: ProtocolVersion.allCases)
    func `what was under way at a crash goes on where it was`(_ version: ProtocolVersion) throws {
        let contents: ManualStore.Contents
        var before: [String: PacketIdentifier] = [:]
        do {
            let bench = try StoreBench()
            let first = try bench.lasting("r", version)
            try first.subscribe("t", qos: .exactlyOnce)
            let sender = try bench.lasting("s", version)
            try sender.publishAndComplete("t", "released", qos: .exactlyOnce, id: 1)
            try sender.publishAndComplete("t", "sent", qos: .exactlyOnce, id: 2)
            try sender.publishAndComplete("t", "QoS 1", qos: .atLeastOnce, id: 3)
            try sender.publish("t", "unreleased", qos: .exactlyOnce, id: 4)
            try sender.receiveAck(.pubrec, 4)
            let messages = try (1...4).map { _ in try first.receivePublish() }
            for message in messages { before[message.text] = message.packetIdentifier }
            #expect(Set(before.keys) == ["released", "sent", "QoS 1", "unreleased"])
            try first.acknowledge(try #require(messages.first { $0.text == "released" }))
            // Not always 1: the copy of QoS 1 gets its identifier where it is stored, which may be sooner.
            try first.receiveAck(.pubrel, try #require(before["released"]).rawValue)
            contents = bench.crash()
        }
        let released = try #require(before["released"])
        let bench = try StoreBench(contents)
        let again = try bench.lasting("r", version)
        try again.receiveAck(.pubrel, released.rawValue)
        let messages = try (1...3).map { _ in try again.receivePublish() }
        #expect(messages.allSatisfy { $0.isDuplicate })
        let sent = messages.filter { $0.qos == .exactlyOnce }
        #expect(sent.map(\.text) == ["sent", "unreleased"])
        for message in sent { #expect(message.packetIdentifier == before[message.text]) }
        #expect(Set(messages.map(\.packetIdentifier)).count == 3)
        // The publisher's unreleased identifier is known: no second copy.
        let sender = try bench.lasting("s", version)
        try sender.publish("t", "unreleased", qos: .exactlyOnce, id: 4, duplicate: true)
        try sender.receiveAck(.pubrec, 4)
        try sender.send(.pubrel(AckPacket(packetIdentifier: 4)))
        #expect(try sender.receiveAck(.pubcomp, 4).reasonCode == .success)
        try again.send(.pubcomp(AckPacket(packetIdentifier: released)))
        for message in messages { try again.acknowledge(message) }
        for message in sent {
            let id = try #require(message.packetIdentifier)
            try again.receiveAck(.pubrel, id.rawValue)
            try again.send(.pubcomp(AckPacket(packetIdentifier: id)))
        }
        #expect(
            bench.broker.wait { $0[LoopGauge.inflightMessages] == 0 && $0[LoopGauge.queuedMessages] == 0 })
        #expect(bench.broker.isBalanced)
        #expect(bench.store.wait { $0.contents.copyCount == 0 })
        #expect(bench.store.contents.flights.values.allSatisfy { $0.isEmpty })
    }

    @Test func `an identifier is not given twice when what is under way comes with a later read`() throws {
        var contents = try filled(2)
        let number = try #require(contents.number(of: "r"))
        let second = try #require(contents.copies[number]?.keys.max())
        contents.copies[number]?[second]?.terms.qos = .exactlyOnce
        contents.flights[number] = [second: ManualStore.Flight(identifier: 1, isReleased: false)]
        let bench = try StoreBench(contents, loadLimit: 1)
        let receiver = try bench.lasting("r")
        // The first has the same: the other, which the client knows under it, waits until it is free.
        let first = try receiver.receivePublish()
        #expect(try receiver.drain().isEmpty)
        try receiver.acknowledge(first)
        let message = try receiver.receiveMessage()
        #expect(message.qos == .exactlyOnce && message.packetIdentifier == 1 && message.isDuplicate)
    }

    @Test func `what comes while the last PUBREL is read is sent behind it`() throws {
        // A body that two share: its number is the highest there can be.
        let before = try StoreBench(ManualStore.Contents())
        for id in ["r", "other"] as [UTF8Text] { try before.away(id, qos: .atLeastOnce) }
        try before.broker.client("s").publishAndComplete("t", "1", qos: .atLeastOnce)
        var contents = before.crash()
        let number = try #require(contents.number(of: "r"))
        let only = try #require(contents.copies[number]?.keys.first)
        contents.copies[number]?[only]?.terms.qos = .exactlyOnce
        contents.flights[number] = [only: ManualStore.Flight(identifier: 1, isReleased: true)]
        let bench = try StoreBench(contents)
        let (broker, store) = (bench.broker, bench.store)
        let sender = try broker.client("s")
        store.hold()
        let receiver = try bench.lasting("r")
        #expect(store.wait { $0.heldJobCount > 0 })
        try sender.publish("t", "new", qos: .atLeastOnce, id: 9)
        #expect(broker.wait { $0[LoopGauge.queuedMessages] == 4 })
        store.release()
        try sender.receiveAck(.puback, 9)
        try receiver.receiveAck(.pubrel, 1)
        try receiver.send(.pubcomp(AckPacket(packetIdentifier: 1)))
        try receiver.acknowledge(try receiver.receiveMessage())
        #expect(broker.wait { $0[.ledgerDelivered] == 2 })
        #expect(store.wait { $0.contents.copies[number]?.isEmpty != false })
        #expect(broker.isBalanced)
    }

    // MARK: Shared subscriptions

    @Test(arguments: [true, false])
    func `a copy that goes to another member is in the store at every moment`(_ isSameLoop: Bool) throws {
        let bench = try StoreBench()
        let (broker, store) = (bench.broker, bench.store)
        let leaver = try bench.lasting(broker.id(on: 0, "leaver"))
        try leaver.subscribe("$share/g/t", qos: .atLeastOnce)
        let sender = try broker.client(broker.id(on: 0, "s"))
        try sender.publishAndComplete("t", "x", qos: .atLeastOnce)
        #expect(try leaver.receivePublish().text == "x")
        #expect(store.contents.copyCount == 1)
        let stayer = try bench.lasting(broker.id(on: isSameLoop ? 0 : 1, "stayer"))
        try stayer.subscribe("$share/g/t", qos: .atLeastOnce)
        store.hold()
        try leaver.send(
            .disconnect(DisconnectPacket(properties: Properties { $0.sessionExpiryInterval = 0 })))
        let copy = try stayer.receivePublish()
        #expect(copy.text == "x")
        var isMissing = false
        let end = ContinuousClock.now + .seconds(60)
        while store.contents.writtenCount < 2, ContinuousClock.now < end {
            store.commitNext()
            if store.contents.copyCount == 0 { isMissing = true }
        }
        store.release()
        #expect(!isMissing)
        try stayer.acknowledge(copy)
        #expect(broker.wait { $0[.sharedRedelivered] == 1 && $0[LoopGauge.storedCopies] == 0 })
        #expect(broker.isBalanced)
    }

    // MARK: Expiry

    @Test(arguments: [20, 120])
    func `messages that expire in an offline queue are counted and leave the store`(_ count: Int) throws {
        let clock = ShiftedClock()
        let bench = try StoreBench(clock: clock)
        try bench.away("r", qos: .atLeastOnce)
        let sender = try bench.broker.client("s", .v5)
        for number in 1...count {
            try sender.publishAndComplete(
                "t", "\(number)", qos: .atLeastOnce,
                properties: Properties { $0.messageExpiryInterval = number % 2 == 0 ? 10 : 1000 })
        }
        #expect(bench.broker.wait { $0[LoopGauge.queuedMessages] == Int64(count) })
        #expect(bench.broker.numbers[DropReason.expired] == 0)
        bench.broker.pass(clock, milliseconds: 11_000)
        #expect(bench.broker.wait { $0[DropReason.expired] == UInt64(count / 2) })
        #expect(bench.broker.wait { $0[LoopGauge.queuedMessages] == Int64(count / 2) })
        #expect(bench.broker.isBalanced)
        let texts = try bench.lasting("r").receiveMessages(count / 2).map(\.text)
        #expect(texts == stride(from: 1, through: count, by: 2).map { "\($0)" })
        #expect(bench.broker.isBalanced)
    }

    @Test func `messages that become due during a purge are purged after it`() throws {
        let clock = ShiftedClock()
        let bench = try StoreBench(clock: clock)
        let (broker, store) = (bench.broker, bench.store)
        try bench.away("r", qos: .atLeastOnce)
        let sender = try broker.client("s", .v5)
        for number in 1...103 {
            // The last two lie in the store alone.
            let interval: UInt32 = number == 102 ? 10 : number == 103 ? 30 : 1000
            try sender.publishAndComplete(
                "t", "\(number)", qos: .atLeastOnce,
                properties: Properties { $0.messageExpiryInterval = interval })
        }
        store.holdPurges()
        broker.pass(clock, milliseconds: 11_000)
        #expect(store.wait { $0.purgeCount == 1 })
        #expect(store.contents.due.count == 102)
        broker.pass(clock, milliseconds: 20_000)
        #expect(store.wait { $0.contents.due.count == 101 })
        for _ in 1...3 { _ = broker.numbers }  // every loop has taken its letters
        store.releasePurges()
        #expect(broker.wait { $0[DropReason.expired] >= 1 })
        let areBothGone = broker.wait { $0[DropReason.expired] == 2 }
        #expect(areBothGone)
        #expect(broker.isBalanced)
    }

    // MARK: Wills

    @Test(arguments: [0, 1] as [UInt32], [true, false])
    func `the will of a client that was connected at the crash is published at the start`(
        _ delay: UInt32, _ isSameLoop: Bool
    ) throws {
        let clock = ShiftedClock()
        let contents: ManualStore.Contents
        do {
            let bench = try StoreBench(clock: clock)
            let watcher = try bench.lasting("watcher")
            try watcher.subscribe("will", qos: .atLeastOnce)
            let client = try bench.broker.client(.v5)
            let will = WillPacketFields(
                qos: .atLeastOnce, isRetained: true, topic: "will", payload: Array("gone".utf8),
                properties: Properties { $0.willDelayInterval = delay })
            let id = bench.broker.id(on: isSameLoop ? 0 : 1, "client")
            try client.connect(id, clean: false, will: will, properties: lasting(.v5))
            #expect(bench.store.wait { $0.contents.number(of: id) != nil })
            contents = bench.crash()
        }
        let bench = try StoreBench(contents, clock: clock)
        if delay > 0 { bench.broker.pass(clock, milliseconds: Int64(delay) * 1000 + 100) }
        #expect(bench.broker.wait { $0.messages(.will) == 1 })
        let watcher = try bench.lasting("watcher")
        #expect(try watcher.receiveMessage().text == "gone")
        #expect(bench.store.wait { $0.contents.retained["will"] != nil })
        #expect(bench.store.wait { $0.contents.sessions.values.allSatisfy { $0.will == nil } })
        #expect(bench.broker.isBalanced)
    }

    @Test func `a session whose time was over at the start is ended then`() throws {
        var contents = try filled(3)
        let number = try #require(contents.number(of: "r"))
        contents.sessions[number]?.expiryDeadline = MonotonicTime(nanoseconds: 1)
        let bench = try StoreBench(contents)
        #expect(bench.broker.wait { $0[.sessionExpired] == 1 })
        #expect(bench.store.wait { $0.contents.sessions.isEmpty && $0.contents.copyCount == 0 })
        #expect(bench.broker.numbers[DropReason.sessionEnded] == 3)
        #expect(bench.broker.isBalanced)
    }
}
