import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

/// A row as it is written, and how it is read.
private struct Row: CustomStringConvertible, Sendable {
    var description: String
    var key: StoreKey
    var value: [UInt8]
    var read: @Sendable ([UInt8], [UInt8]) throws(RowProblem) -> Void

    static let all: [Row] = {
        var rows = Rows(line: TimeLine(offset: 1000))
        let reading = rows
        let deadline = MonotonicTime(nanoseconds: 5_000_000)
        let long = message(
            "payload", topic: "a/b", isRetained: true, mountpoint: "m", deadline: deadline, isUTF8: true,
            properties: [3, 0, 1, 120])
        var batch = StoreBatch()
        batch.add("x", number: 3, for: [7], identifier: 9)
        let copy = batch.copies[0]
        var session = stored(7)
        session.will = WillMessage(
            qos: .exactlyOnce, isRetained: true, topic: "w", payload: [1, 2], properties: [1, 0],
            messageExpiryInterval: 5, delayInterval: 6, mountpoint: .intern("m"))
        session.willDeadline = deadline
        let will = StoredWill(
            number: 7, subscriber: session.subscriber, version: .v311,
            will: WillMessage(
                qos: .atLeastOnce, isRetained: false, topic: "w", payload: [1], properties: [],
                messageExpiryInterval: nil, delayInterval: 0, mountpoint: .default))
        let copyKey = StoreKey(.copy, 7, 3)
        let flightKey = StoreKey(.flight, 7, 3)
        let bodyKey = StoreKey(.body, 3)
        let referenceKey = StoreKey(.references, 3)
        let receivedKey = StoreKey(received: 7, 0x0102)
        let subscriptionKey = StoreKey(subscription: 7, Array("a/+".utf8))
        let sessionKey = StoreKey(.session, 7)
        let retainedKey = StoreKey(retained: Array("m".utf8), Array("a/b".utf8))
        let options = SubscriptionOptions(qos: .exactlyOnce, noLocal: true)
        func row(
            _ name: String, _ key: StoreKey, _ value: [UInt8],
            _ read: @escaping @Sendable ([UInt8], [UInt8]) throws(RowProblem) -> Void
        ) -> Row { Row(description: name, key: key, value: value, read: read) }
        return [
            row("copy with its body", copyKey, rows.copy(copyKey, copy, long, isShared: false)) {
                key, value throws(RowProblem) in _ = try reading.copy(key, value)
            },
            row("copy of a shared body", copyKey, rows.copy(copyKey, copy, long, isShared: true)) {
                key, value throws(RowProblem) in _ = try reading.copy(key, value)
            },
            row("body", bodyKey, rows.message(bodyKey, long)) { key, value throws(RowProblem) in
                _ = try reading.message(key, value)
            },
            row("references", referenceKey, rows.references(referenceKey, Rows.References(count: 4, body: 1)))
            {
                key, value throws(RowProblem) in _ = try reading.references(key, value)
            },
            row(
                "flight", flightKey,
                rows.flight(flightKey, Rows.Flight(packetIdentifier: 4, isReleased: true))
            ) { key, value throws(RowProblem) in _ = try reading.flight(key, value) },
            row("received", receivedKey, rows.empty(receivedKey)) { key, value throws(RowProblem) in
                _ = try reading.received(key, value)
            },
            row(
                "subscription", subscriptionKey,
                rows.subscription(
                    subscriptionKey, Subscription(filter: "a/+", options: options, identifier: 5))
            ) { key, value throws(RowProblem) in _ = try reading.subscription(key, value) },
            row("session", sessionKey, rows.session(sessionKey, stored(7))) {
                key, value throws(RowProblem) in _ = try reading.session(key, value)
            },
            row("session with a will", sessionKey, rows.session(sessionKey, session)) {
                key, value throws(RowProblem) in _ = try reading.session(key, value)
            },
            row("will", StoreKey(.will, 7), rows.will(StoreKey(.will, 7), will)) {
                key, value throws(RowProblem) in
                _ = try reading.will(key, value)
            },
            row(
                "checkpoint", .checkpoint,
                rows.checkpoint(TimeLine.Checkpoint(instant: 9, wall: -8, isEnd: true))
            ) { key, value throws(RowProblem) in
                guard key == StoreKey.checkpoint.bytes else { throw .badKey }
                _ = try Rows.checkpoint(value)
            },
            row("retained", retainedKey, rows.message(retainedKey, long)) {
                key, value throws(RowProblem) in _ = try reading.message(key, value)
            },
        ]
    }()

    func problem(_ key: [UInt8], _ value: [UInt8]) -> RowProblem? {
        do throws(RowProblem) {
            try read(key, value)
            return nil
        } catch {
            return error
        }
    }

    /// A value with a sum that fits, whatever it holds.
    ///
    /// - Parameter format: nil = the row's own.
    func sealed(_ content: [UInt8], format: UInt8? = nil) -> [UInt8] {
        var writer = RowWriter()
        writer.begin(format: format ?? value[0])
        for byte in content { writer.write(byte) }
        writer.end(key)
        return writer.bytes
    }
}

@Suite struct RowsTests {
    // MARK: Round trips

    @Test func `a session row of layout 1 is read: it does not say how far was sent`() throws {
        let row = try #require(Row.all.first { $0.description == "session" })
        let old = row.sealed(Array(row.value.dropFirst().dropLast(4 + 8)), format: 1)
        let session = try Rows(line: TimeLine(offset: 1000)).session(row.key.bytes, old)
        #expect(session.sentThrough == 0)
    }

    private static let messages: [ApplicationMessage] = QoS.allCases.flatMap { qos in
        [false, true].flatMap { flag in
            [nil, MonotonicTime(nanoseconds: 12_345_678), .distantFuture].map { deadline in
                message(
                    flag ? String(repeating: "x", count: 70_000) : "", topic: flag ? "a/ü/c" : "t", qos: qos,
                    isRetained: flag, mountpoint: flag ? "m" : "", deadline: deadline, isUTF8: flag,
                    properties: flag ? [3, 0, 1, 120] : [])
            }
        }
    }

    @Test func `a message is read as it was written, whatever its flags, deadline and mountpoint`() throws {
        var rows = Rows(line: TimeLine(offset: 1_700_000_000_000))
        for message in Self.messages {
            let key = StoreKey(.body, 1)
            let read = try rows.message(key.bytes, rows.message(key, message))
            #expect(read.isEqual(to: message, byMilliseconds: rows))
            #expect(read.facts.publisher == nil)
        }
    }

    @Test(arguments: [true, false])
    func `a copy is read with its terms, identifier and deadline, and with its body unless that is shared`(
        _ isShared: Bool
    ) throws {
        var rows = Rows(line: TimeLine(offset: 1_700_000_000_000))
        let key = StoreKey(.copy, 7, 8)
        for message in Self.messages {
            for flags in 0..<8 {
                var batch = StoreBatch()
                let index = batch.add(message, number: 8, publisher: nil)
                let terms = DeliveryTerms(
                    qos: flags & 1 == 0 ? .atLeastOnce : .exactlyOnce, isRetained: flags & 2 != 0,
                    isShared: flags & 4 != 0, subscriptionIdentifier: flags & 1 == 0 ? 0 : 268_435_455)
                _ = batch.addCopy(of: index, session: 7, terms: terms)
                _ = batch.note(
                    flags & 4 == 0 ? 0 : 65_535, of: StoreTicket(number: 8, batch: 0, index: 0, loop: 0))
                let read = try rows.copy(
                    key.bytes, rows.copy(key, batch.copies[0], message, isShared: isShared))
                #expect(read.terms == terms)
                #expect(read.deadline == message.facts.expiryDeadline.map(rows.instant) ?? 0)
                #expect((read.message == nil) == isShared)
                if let body = read.message { #expect(body.isEqual(to: message, byMilliseconds: rows)) }
            }
        }
    }

    @Test(arguments: ProtocolVersion.allCases, [true, false])
    func `a session is read as it was written, with and without a will`(
        _ version: ProtocolVersion, _ hasWill: Bool
    ) throws {
        var rows = Rows(line: TimeLine(offset: 1_700_000_000_000))
        let key = StoreKey(.session, 77)
        for deadline in [nil, MonotonicTime(nanoseconds: 9_000_000), .distantFuture] {
            var session = StoredSession(
                number: 77, subscriber: SubscriberID(mountpoint: .intern("m"), clientID: "cliént"),
                version: version, isBridge: hasWill, expiryInterval: hasWill ? .max : 5,
                expiryDeadline: deadline)
            if hasWill {
                session.will = WillMessage(
                    qos: .exactlyOnce, isRetained: true, topic: "w/t", payload: [0, 255], properties: [1, 1],
                    messageExpiryInterval: deadline == nil ? nil : 0, delayInterval: 30,
                    mountpoint: .intern("other"))
                session.willDeadline = deadline
            }
            let read = try rows.session(key.bytes, rows.session(key, session))
            #expect(read.number == 77)
            #expect(read.subscriber == session.subscriber)
            #expect(read.version == version)
            #expect(read.isBridge == hasWill)
            #expect(read.expiryInterval == session.expiryInterval)
            #expect(read.expiryDeadline == deadline)
            #expect(read.willDeadline == session.willDeadline)
            #expect((read.will != nil) == hasWill)
            guard let will = read.will, let written = session.will else { continue }
            #expect(will.qos == written.qos && will.isRetained && will.topic == written.topic)
            #expect(will.payload == written.payload && will.properties == written.properties)
            #expect(will.messageExpiryInterval == written.messageExpiryInterval)
            #expect(will.delayInterval == 30 && will.mountpoint == written.mountpoint)
        }
    }

    @Test func `subscriptions keep their options and identifier`() throws {
        var rows = Rows(line: TimeLine(offset: 0))
        for raw in UInt8.min...UInt8.max {
            guard let options = SubscriptionOptions(rawValue: raw) else { continue }
            let key = StoreKey(subscription: 3, Array("$share/g/a/#".utf8))
            let read = try rows.subscription(
                key.bytes,
                rows.subscription(
                    key, Subscription(filter: "$share/g/a/#", options: options, identifier: 268_435_455)))
            #expect(read.filter == "$share/g/a/#" && read.options == options)
            #expect(read.identifier == 268_435_455)
        }
    }

    @Test func `flights, received identifiers and references are read as they were written`() throws {
        var rows = Rows(line: TimeLine(offset: 0))
        for identifier in [1, 255, 256, 65_535] as [UInt16] {
            let flight = StoreKey(.flight, 1, 2)
            for isReleased in [true, false] {
                let read = try rows.flight(
                    flight.bytes,
                    rows.flight(flight, Rows.Flight(packetIdentifier: identifier, isReleased: isReleased)))
                #expect(read.packetIdentifier == identifier && read.isReleased == isReleased)
            }
            let received = StoreKey(received: 9, identifier)
            #expect(try rows.received(received.bytes, rows.empty(received)) == identifier)
            let references = StoreKey(.references, 1)
            for body in [nil, UInt64(identifier) << 40] {
                let left = Rows.References(count: UInt32(identifier) << 16, body: body)
                #expect(try rows.references(references.bytes, rows.references(references, left)) == left)
            }
        }
    }

    @Test func `a deadline is the same number after a restart, and one that passed before it is in the past`()
    {
        let before = Rows(line: TimeLine(offset: 1000))
        let after = Rows(line: TimeLine(offset: 4000))  // the monotonic clock began anew three seconds later
        let instant = before.instant(MonotonicTime(nanoseconds: 5_000_000_000))
        #expect(after.time(instant) == MonotonicTime(nanoseconds: 2_000_000_000))
        #expect(after.instant(after.time(instant)) == instant)
        #expect(
            after.time(before.instant(MonotonicTime(nanoseconds: 1_000_000))) == MonotonicTime(nanoseconds: 0)
        )
        #expect(after.time(before.instant(.distantFuture)) == .distantFuture)
    }

    // MARK: Damage

    @Test(arguments: Row.all)
    fileprivate func `each row is read without complaint`(_ row: Row) {
        #expect(row.problem(row.key.bytes, row.value) == nil)
    }

    @Test(arguments: Row.all)
    fileprivate func `every truncation of a value is found out`(_ row: Row) {
        for count in 0..<row.value.count {
            #expect(row.problem(row.key.bytes, Array(row.value.prefix(count))) != nil)
        }
        #expect(row.problem(row.key.bytes, row.value + [0]) == .wrongSum)
    }

    @Test(arguments: Row.all)
    fileprivate func `every flipped bit of a value is found out`(_ row: Row) {
        for bit in 0..<row.value.count * 8 {
            var value = row.value
            value[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(row.problem(row.key.bytes, value) == .wrongSum)
        }
    }

    @Test(arguments: Row.all)
    fileprivate func `a value under another key is found out`(_ row: Row) {
        for index in row.key.bytes.indices {
            var key = row.key.bytes
            key[index] ^= 1
            #expect(row.problem(key, row.value) != nil)
        }
        #expect(row.problem(Array(row.key.bytes.dropLast()), row.value) != nil)
        #expect(row.problem(row.key.bytes + [0], row.value) != nil)
    }

    @Test(arguments: Row.all)
    fileprivate func `content that ends early is found out though the sum fits`(_ row: Row) {
        let content = row.value.dropFirst().dropLast(4)
        for count in 0..<content.count {
            let early = row.sealed(Array(content.prefix(count)))
            #expect(row.problem(row.key.bytes, early) != nil)
        }
        #expect(row.problem(row.key.bytes, row.sealed(Array(content), format: 3)) == .unknownFormat(3))
    }

    @Test(arguments: Row.all, [1, 2, 3] as [UInt64])
    fileprivate func `random bytes as a value crash nothing, sum or no sum`(_ row: Row, _ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let content = Array(row.value.dropFirst().dropLast(4))
        for _ in 0..<2000 {
            let bytes = (0..<random.below(80)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(row.problem(row.key.bytes, bytes) != nil)
            _ = row.problem(row.key.bytes, row.sealed(bytes))
            // Nearly right content gets further.
            guard !content.isEmpty else { continue }
            var changed = content
            for _ in 0...random.below(3) {
                changed[random.below(content.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = row.problem(row.key.bytes, row.sealed(changed))
        }
    }
}

@Suite struct StoreKeyTests {
    private static let numbers: [UInt64] = [
        0, 1, 2, 255, 256, 65_535, 65_536, 1 << 32 - 1, 1 << 32, .max - 1, .max,
    ]

    @Test func `keys stand in the order of their numbers`() {
        for (low, high) in zip(Self.numbers, Self.numbers.dropFirst()) {
            #expect(StoreKey(.body, low).bytes.lexicographicallyPrecedes(StoreKey(.body, high).bytes))
            #expect(
                StoreKey(.copy, low, .max).bytes.lexicographicallyPrecedes(StoreKey(.copy, high, 0).bytes))
            #expect(
                StoreKey(.copy, 5, low).bytes.lexicographicallyPrecedes(StoreKey(.copy, 5, high).bytes))
            #expect(
                StoreKey(due: low, .max, .max).bytes.lexicographicallyPrecedes(
                    StoreKey(due: high, 0, 0).bytes))
        }
        #expect(StoreKey(received: 1, 255).bytes.lexicographicallyPrecedes(StoreKey(received: 1, 256).bytes))
    }

    @Test func `the numbers of a key are read where they were written`() {
        for number in Self.numbers {
            #expect(StoreKey(.copy, number, 3).bytes.keyNumber(at: 1) == number)
            #expect(StoreKey(.copy, 3, number).bytes.keyNumber(at: 9) == number)
        }
        #expect(StoreKey(.body, 3).bytes.keyNumber(at: 2) == nil)
    }

    @Test func `kinds, and mountpoints of retained messages, do not run into each other`() {
        #expect(Set(RowKind.allCases.map(\.rawValue)).count == RowKind.allCases.count)
        let split = StoreKey(retained: Array("a".utf8), Array("bc".utf8))
        let other = StoreKey(retained: Array("ab".utf8), Array("c".utf8))
        #expect(split != other)
    }

    @Test func `a key is shown so that a person can read it`() {
        #expect(StoreKey(.body, 0x41).bytes.shownAsKey == #"b\x00\x00\x00\x00\x00\x00\x00A"#)
    }
}
