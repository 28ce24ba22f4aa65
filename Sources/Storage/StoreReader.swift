import BrokerCore
import BrokerLog
import Logging
import Primitives
import Synchronization

/// The thread that reads backlogs, so that no commit waits for a slow disk's seek.
final class StoreReader: Sendable {
    let jobs = BlockingQueue<StoreJob>()
    private let database: Mutex<Database?>
    private let rows: Rows
    private let writerJobs: BlockingQueue<StoreJob>
    private let statistics: StoreStatistics
    private let directory: String
    private let log: Logger
    private let trouble: Episode

    private static let purgeLength = 5000

    init(
        _ database: Database?, rows: Rows, writerJobs: BlockingQueue<StoreJob>, statistics: StoreStatistics,
        directory: String, log: Logger
    ) {
        self.database = Mutex(database)
        self.rows = rows
        self.writerJobs = writerJobs
        self.statistics = statistics
        self.directory = directory
        self.log = log
        trouble = Episode(
            log, level: .error,
            began: "stored messages cannot be read: it is tried again each second",
            ended: "stored messages can be read again")
    }

    /// Puts another database in place, once no read uses the old one.
    func replace(_ database: Database?) { self.database.withLock { $0 = database } }

    /// Works until the queue is closed and empty.
    func run() {
        var waiting: ContiguousArray<StoreJob> = []
        while jobs.take(into: &waiting) {
            for job in waiting { take(job) }
            waiting.removeAll(keepingCapacity: true)
        }
    }

    private func take(_ job: StoreJob) {
        switch job {
        case .load(let request, let completed):
            let scan = statistics.operations.scan
            completed(
                reading { db throws(StoreError) in
                    try scan.time { () throws(StoreError) in try load(request, db) }
                })
        case .purge(let request, let now, let completed):
            let scan = statistics.operations.scan
            let found = reading { db throws(StoreError) in
                try scan.time { () throws(StoreError) in try findUnsent(request, expiredBy: now, db) }
            }
            remove(request.session, (try? found.get()) ?? [], completed)
        case .commit, .probe, .takeDue, .removeExpired, .discard: break  // the writer's
        }
    }

    private func reading<Value: Sendable>(
        _ body: (Database) throws(StoreError) -> Value
    ) -> Result<Value, StoreError> {
        database.withLock { database in
            do throws(StoreError) {
                guard let database else {
                    throw StoreError(operation: "read from the store", path: directory, text: "it is closed")
                }
                let value = try body(database)
                trouble.ended()
                return .success(value)
            } catch {
                if database != nil { statistics.count(error) }
                trouble.occurred(["error": "\(error)"])
                return .failure(error)
            }
        }
    }

    // MARK: Loading

    /// What a load has gathered.
    private struct Load {
        var backlog = LoadedBacklog(copies: [], next: nil)
        var byteCount = 0
        var damaged: [[UInt8]] = []
        /// What may be read another time.
        var failure: StoreError?
        /// The shared body that was read last, and its number.
        var lastBody: (number: UInt64, message: ApplicationMessage)?
    }

    private func load(_ request: StoreLoad, _ database: Database) throws(StoreError) -> LoadedBacklog {
        var load = Load()
        if request.flights == .together {
            try readCopies(request, database, &load)
        } else {
            try readFlights(request, database, &load)
        }
        if let failure = load.failure { throw failure }
        if !load.damaged.isEmpty, !request.isLook { writerJobs.put(.discard(load.damaged)) }
        return load.backlog
    }

    /// Copies and, of those that have one, the row of their flight.
    private func readCopies(_ request: StoreLoad, _ database: Database, _ load: inout Load) throws(StoreError)
    {
        let cursor = database.cursor()
        let flights = FlightCursor(request.session, from: request.numbers.lowerBound, database, rows)
        try cursor.forEach(
            from: StoreKey(.copy, request.session, request.numbers.lowerBound),
            prefix: StoreKey(.copy, request.session), goesOnAfterErrors: true
        ) { key throws(StoreError) in
            guard let number = key.keyNumber(at: 9), number <= request.numbers.upperBound else {
                return false
            }
            if request.except.contains(number) { return true }
            read(key, cursor.value, number, flights.find(number), database, &load, isLook: request.isLook)
            guard load.backlog.copies.count < request.limit, load.byteCount < request.byteLimit else {
                // No look at the next row: after the session's last it would pass over all that was deleted behind.
                load.backlog.next = number &+ 1
                return false
            }
            return true
        }
        note(cursor)
    }

    /// The session's flights, or those of them for which PUBREC has come, and the copies they are of.
    private func readFlights(_ request: StoreLoad, _ database: Database, _ load: inout Load)
        throws(StoreError)
    {
        let cursor = database.cursor()
        try cursor.forEach(
            from: StoreKey(.flight, request.session, request.numbers.lowerBound),
            prefix: StoreKey(.flight, request.session), goesOnAfterErrors: true
        ) { key throws(StoreError) in
            guard let number = key.keyNumber(at: 9), number <= request.numbers.upperBound else {
                return false
            }
            let copy = StoreKey(.copy, request.session, number)
            guard !request.except.contains(number) else { return true }
            guard let value = value(of: copy, database) else { return true }
            do throws(RowProblem) {
                let flight = try rows.flight(key, cursor.value)
                if request.flights == .released, !flight.isReleased { return true }
                read(copy.bytes, value, number, flight, database, &load)
            } catch {
                noteDamage(key, error, &load)
                load.damaged.append(copy.bytes)
                load.backlog.lostCount += 1
            }
            guard load.backlog.copies.count < request.limit, load.byteCount < request.byteLimit else {
                load.backlog.next = number &+ 1
                return false
            }
            return true
        }
        note(cursor)
    }

    private func read(
        _ key: [UInt8], _ value: [UInt8], _ number: UInt64, _ flight: Rows.Flight?, _ database: Database,
        _ load: inout Load, isLook: Bool = false
    ) {
        do throws(RowProblem) {
            let copy = try rows.copy(key, value)
            let message = flight?.isReleased == true ? nil : try message(of: copy, number, database, &load)
            load.byteCount += message?.byteCount ?? 0
            load.backlog.copies.append(
                LoadedBacklog.Copy(
                    number: number, terms: copy.terms, message: message,
                    packetIdentifier: flight?.packetIdentifier ?? copy.identifier,
                    hasFlightRow: flight != nil))
        } catch {
            guard load.failure == nil, isStillThere(key, database) else { return }
            load.backlog.lostCount += 1
            if !isLook { noteDamage(key, error, &load) }
        }
    }

    /// The cursor sees what there was as the load began; bodies are looked up as they are now. A copy that was removed
    /// meanwhile, with its session, is no loss.
    private func isStillThere(_ key: [UInt8], _ database: Database) -> Bool {
        do throws(StoreError) { return try database.value(of: StoreKey(bytes: key)) != nil } catch {
            return true
        }
    }

    private func noteDamage(_ key: [UInt8], _ problem: RowProblem, _ load: inout Load) {
        load.damaged.append(key)
        statistics.change { $0.damaged += 1 }
        log.error(
            "a stored message cannot be read and is lost",
            metadata: ["row": "\(key.shownAsKey)", "problem": "\(problem.text)", "in": "\(directory)"])
    }

    private func value(of key: StoreKey, _ database: Database) -> [UInt8]? {
        do throws(StoreError) {
            return try database.value(of: key)
        } catch {
            statistics.count(error)
            log.error("a part of the store cannot be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Some block of a file cannot be read: what else there is comes, and what is missing is counted at the end.
    private func note(_ cursor: DatabaseCursor) {
        guard let error = cursor.problem else { return }
        statistics.count(error)
        statistics.change { $0.damaged += 1 }
        log.error("a part of the store cannot be read", metadata: ["error": "\(error)"])
    }

    private func message(
        of copy: Rows.Copy, _ number: UInt64, _ database: Database, _ load: inout Load
    ) throws(RowProblem) -> ApplicationMessage {
        if let message = copy.message { return message }
        var key = StoreKey(.body, number)
        var value: [UInt8]?
        do throws(StoreError) {
            value = try statistics.operations.read.time { () throws(StoreError) in
                try database.value(of: key)
            }
            let references = StoreKey(.references, number)
            if value == nil, let found = try database.value(of: references),
                let body = try? rows.references(references.bytes, found).body
            {
                // A session that has several copies of a message has them one after the other.
                if let last = load.lastBody, last.number == body { return last.message }
                key = StoreKey(.body, body)
                value = try database.value(of: key)
            }
        } catch {
            statistics.count(error)
            if StoreErrorKind(error) != .corruption { load.failure = error }
            throw .badField("body: \(error)")
        }
        guard let value else { throw .badField("body: missing") }
        let message = try rows.message(key.bytes, value)
        if let number = key.bytes.keyNumber(at: 1) { load.lastBody = (number, message) }
        return message
    }

    // MARK: Expiry

    /// - Parameter now: nil = whether they have expired or not.
    private func findUnsent(_ request: StoreLoad, expiredBy now: MonotonicTime?, _ database: Database)
        throws(StoreError) -> [(number: UInt64, deadline: UInt64)]
    {
        var found: [(number: UInt64, deadline: UInt64)] = []
        let instant = now.map { rows.instant($0) }
        let flights = FlightCursor(request.session, from: request.numbers.lowerBound, database, rows)
        let cursor = database.cursor()
        try cursor.forEach(
            from: StoreKey(.copy, request.session, request.numbers.lowerBound),
            prefix: StoreKey(.copy, request.session)
        ) { key throws(StoreError) in
            guard let number = key.keyNumber(at: 9), number <= request.numbers.upperBound else {
                return false
            }
            if request.except.contains(number) { return true }
            // What was sent does not expire, and what cannot be read is found when it is loaded.
            if let copy = try? rows.copy(key, cursor.value, withMessage: false),
                instant.map({ copy.deadline != 0 && copy.deadline <= $0 }) ?? true,
                flights.find(number) == nil
            {
                found.append((number, copy.deadline))
            }
            return true
        }
        return found
    }

    /// Has the writer remove them, some at a time; the last answers.
    private func remove(
        _ session: UInt64, _ copies: [(number: UInt64, deadline: UInt64)],
        _ completed: @escaping @Sendable (Int) -> Void
    ) {
        let count = copies.count
        var rest = copies[...]
        while rest.count > Self.purgeLength {
            writerJobs.put(
                .removeExpired(session: session, Array(rest.prefix(Self.purgeLength)), completed: {}))
            rest = rest.dropFirst(Self.purgeLength)
        }
        writerJobs.put(.removeExpired(session: session, Array(rest), completed: { completed(count) }))
    }
}

/// The identifiers of a session's copies, asked for in the order of the messages' numbers.
private final class FlightCursor {
    private let cursor: DatabaseCursor
    private let prefix: StoreKey
    private let rows: Rows
    private var current: (number: UInt64, flight: Rows.Flight?)?

    init(_ session: UInt64, from first: UInt64, _ database: Database, _ rows: Rows) {
        cursor = database.cursor()
        prefix = StoreKey(.flight, session)
        self.rows = rows
        cursor.seek(StoreKey(.flight, session, first))
        read()
    }

    /// - Parameter number: not less than in the call before.
    func find(_ number: UInt64) -> Rows.Flight? {
        while let current, current.number < number {
            cursor.next()
            read()
        }
        return current?.number == number ? current?.flight : nil
    }

    private func read() {
        current = nil
        guard let key = try? cursor.key(), key.starts(with: prefix.bytes), let number = key.keyNumber(at: 9)
        else { return }
        current = (number, try? rows.flight(key, cursor.value))
    }
}
