import Logging
import MQTTCodec
import Primitives
import TestSupport

@testable import BrokerCore
@testable import Storage

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// `seconds` from now; negative = ago.
func time(in seconds: Int64) -> MonotonicTime {
    MonotonicTime(
        nanoseconds: SystemClock().now.nanoseconds &+ UInt64(bitPattern: seconds &* 1_000_000_000))
}

func message(
    _ payload: String, topic: String = "t", qos: QoS = .atLeastOnce, isRetained: Bool = false,
    mountpoint: UTF8Text = "", deadline: MonotonicTime? = nil, isUTF8: Bool = false, properties: [UInt8] = []
) -> ApplicationMessage {
    let (topic, payload) = (Array(topic.utf8), Array(payload.utf8))
    return ApplicationMessage(
        facts: MessageFacts(
            qos: qos, isRetained: isRetained, mountpoint: .intern(mountpoint), publisher: nil,
            expiryDeadline: deadline, payloadIsUTF8: isUTF8),
        topic: topic.span.bytes, properties: properties.span.bytes, payload: payload.span.bytes)
}

extension ApplicationMessage {
    var text: String { String(decoding: payload.copiedBytes(), as: UTF8.self) }

    func isEqual(to other: ApplicationMessage, byMilliseconds rows: Rows) -> Bool {
        facts.qos == other.facts.qos && facts.isRetained == other.facts.isRetained
            && facts.mountpoint == other.facts.mountpoint && facts.payloadIsUTF8 == other.facts.payloadIsUTF8
            && facts.expiryDeadline.map(rows.instant) == other.facts.expiryDeadline.map(rows.instant)
            && topic.copiedBytes() == other.topic.copiedBytes()
            && properties.copiedBytes() == other.properties.copiedBytes()
            && payload.copiedBytes() == other.payload.copiedBytes()
    }
}

extension StoreBatch {
    /// Adds a message with a copy for each of `sessions`.
    @discardableResult
    mutating func add(
        _ text: String, number: UInt64, for sessions: [UInt64], qos: QoS = .atLeastOnce,
        deadline: MonotonicTime? = nil, identifier: UInt16 = 0
    ) -> [StoreTicket] {
        let index = add(message(text, qos: qos, deadline: deadline), number: number, publisher: nil)
        return sessions.map { session in
            let place = addCopy(of: index, session: session, terms: DeliveryTerms(qos: qos))
            let ticket = StoreTicket(number: number, batch: 1, index: place, loop: 0)
            if identifier != 0 { _ = note(identifier, of: ticket) }
            return ticket
        }
    }

    /// Adds a message with a copy for `session` under each of `numbers`.
    @discardableResult
    mutating func add(_ text: String, numbers: [UInt64], for session: UInt64) -> [StoreTicket] {
        let body = message(text)
        var first: Int32?
        return numbers.map { number in
            let index = add(body, number: number, body: first, publisher: nil)
            if first == nil { first = index }
            let place = addCopy(of: index, session: session, terms: DeliveryTerms(qos: .atLeastOnce))
            return StoreTicket(number: number, batch: 1, index: place, loop: 0)
        }
    }

    mutating func add(session number: UInt64, _ id: UTF8Text = "c") {
        append(.session(stored(number, id), isNew: true))
    }

    mutating func add(will number: UInt64, _ topic: UTF8Text = "w") {
        add(
            StoredWill(
                number: number, subscriber: SubscriberID(mountpoint: .default, clientID: "c"), version: .v311,
                will: WillMessage(
                    qos: .atLeastOnce, isRetained: false, topic: topic, payload: [1], properties: [],
                    messageExpiryInterval: nil, delayInterval: 0, mountpoint: .default)))
    }

    mutating func remove(_ number: UInt64, of session: UInt64, deadline: MonotonicTime? = nil) {
        append(.removeCopy(session: session, number: number, expiryDeadline: deadline, hasFlightRow: false))
    }

    static func of(_ body: (inout StoreBatch) -> Void) -> StoreBatch {
        var batch = StoreBatch()
        body(&batch)
        return batch
    }
}

func stored(_ number: UInt64, _ id: UTF8Text = "c") -> StoredSession {
    StoredSession(
        number: number, subscriber: SubscriberID(mountpoint: .default, clientID: id), version: .v5,
        isBridge: false, expiryInterval: 1000, expiryDeadline: .distantFuture)
}

/// The rows of a store that is closed.
struct StoreFile {
    let database: Database

    init(_ folder: TestFolder, directory: String = "store") throws {
        database = try Database(StoreSettings(directory: "\(folder.path)/\(directory)"))
    }

    func write(_ body: (DatabaseBatch) -> Void) throws {
        let batch = DatabaseBatch()
        body(batch)
        try database.write(batch)
    }

    func delete(_ keys: StoreKey...) throws { try write { batch in for key in keys { batch.delete(key) } } }

    /// Flips a bit of each of these rows.
    func flip(_ keys: StoreKey...) throws {
        for key in keys {
            guard var value = try database.value(of: key) else {
                throw TestClientError(description: "there is no row \(key.bytes.shownAsKey)")
            }
            value[value.count / 2] ^= 4
            try write { $0.put(key, value) }
        }
    }

    func has(_ key: StoreKey) throws -> Bool { try database.value(of: key) != nil }
}

/// A store in a directory of its own, asked from the test's thread.
final class TestStore {
    let folder: TestFolder
    let store: LevelDBMessageStore
    private(set) var sessions: [RestoredSession] = []
    private(set) var retained: [ApplicationMessage] = []
    private(set) var found = StoreRecovery.Result()
    private var isOpen = true

    /// A store that is not read at its start.
    static func unread(_ folder: TestFolder) throws -> TestStore {
        try TestStore(folder, isRead: false)
    }

    /// Opens the store of `folder`, reads it and starts it.
    init(
        _ folder: TestFolder = TestFolder(), directory: String = "store", isRead: Bool = true,
        clock: any Clock = SystemClock(), _ change: (inout StoreSettings) -> Void = { _ in }
    ) throws {
        self.folder = folder
        var settings = StoreSettings(directory: "\(folder.path)/\(directory)")
        change(&settings)
        store = try LevelDBMessageStore(settings, clock: clock, log: silent)
        var (sessions, retained) = ([RestoredSession](), [ApplicationMessage]())
        if isRead {
            found = try store.recover(progress: { _ in }) {
                sessions += $0
            } retained: {
                retained.append($0)
            }
        }
        (self.sessions, self.retained) = (sessions, retained)
        try store.start()
    }

    deinit { close() }

    func close() {
        if isOpen { store.close() }
        isOpen = false
    }

    /// Closes it and opens it again.
    func reopened() throws -> TestStore {
        close()
        return try TestStore(folder)
    }

    /// What the store answers, waited for.
    func answer<Value: Sendable>(_ ask: (@escaping @Sendable (Value) -> Void) -> Void) throws -> Value {
        let answers = BlockingQueue<Value>()
        ask { answers.put($0) }
        var taken: ContiguousArray<Value> = []
        _ = answers.take(into: &taken, milliseconds: 20_000)
        guard let value = taken.first else { throw TestClientError(description: "the store does not answer") }
        return value
    }

    func commit(_ body: (inout StoreBatch) -> Void) throws {
        _ = try answer { (done: @escaping @Sendable (Bool) -> Void) in
            store.commit(.of(body)) { done(true) }
        }
    }

    func load(
        _ session: UInt64, _ numbers: ClosedRange<UInt64> = 0...UInt64.max, except: Set<UInt64> = [],
        limit: Int = 1000, byteLimit: Int = 1 << 20, flights: StoreLoad.Flights = .together,
        isLook: Bool = false
    ) throws -> LoadedBacklog {
        var request = StoreLoad(
            session: session, numbers: numbers, flights: flights, except: except, limit: limit,
            byteLimit: byteLimit)
        request.isLook = isLook
        let result: Result<LoadedBacklog, StoreError> = try answer { store.load(request, completed: $0) }
        return try result.get()
    }

    func due(_ now: MonotonicTime) throws -> Set<UInt64> { try answer { store.takeDue(now, completed: $0) } }

    func purgeExpired(_ session: UInt64, now: MonotonicTime, except: Set<UInt64> = []) throws -> Int {
        let request = StoreLoad(session: session, numbers: 0...UInt64.max, except: except, limit: .max)
        return try answer { store.purge(request, expiredBy: now, completed: $0) }
    }

    func present(_ kind: StoredKind) -> Int64 { store.statistics.reading.present(kind) }

    /// Waits until the writer has done what follows a commit.
    func wait(for condition: () -> Bool) throws -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if condition() { return true }
            try commit { _ in }
        }
        return false
    }

    /// Every key and value, after it was closed.
    func rows() throws -> [(key: [UInt8], value: [UInt8])] {
        close()
        let cursor = try Database(StoreSettings(directory: "\(folder.path)/store")).cursor()
        cursor.seek(StoreKey(.layout))
        var rows: [(key: [UInt8], value: [UInt8])] = []
        while let key = try cursor.key() {
            rows.append((key, cursor.value))
            cursor.next()
        }
        return rows
    }

    func count(_ kind: RowKind) throws -> Int { try rows().count { $0.key.first == kind.rawValue } }
}
