import BrokerCore
import Primitives

/// Reads the store at the start, once, front to back: memory does not grow with what is in it. Messages stay where they
/// are; their sessions are told how many there are.
///
/// Rows of sessions that have ended, which a crash may have left, are removed.
package struct StoreRecovery {
    private let database: Database
    private let rows: Rows
    private let directory: String
    private let now: MonotonicTime
    /// When the broker before ended, at the latest: an instant of the time line.
    private let lastEnd: UInt64
    private var changes: RowChanges
    private var result = Result()

    /// What was found in the store.
    package struct Result: Sendable {
        /// By `StoredKind`.
        package var loaded = [Int64](repeating: 0, count: StoredKind.allCases.count)
        /// The highest number of a message. New messages get higher ones.
        package var lastMessage: UInt64 = 0
        /// The highest number of a session or of a will that has no session. New sessions get higher ones.
        package var lastSession: UInt64 = 0
        /// Rows of sessions that had ended.
        package var orphans = 0

        /// The result for an empty store.
        package init() {}
        /// How many rows of this kind were found and kept.
        package func count(_ kind: StoredKind) -> Int64 { loaded[kind.rawValue] }
    }

    /// How far the reading has come.
    package struct Progress: Sendable {
        /// Sessions read so far.
        package let sessions: Int64
        /// Copies of messages read so far.
        package let messages: Int64
        /// Retained messages read so far, without those that have expired.
        package let retained: Int64
    }

    private static let chunkLength = 512
    private static let progressInterval = 4096

    init(_ database: Database, rows: Rows, directory: String, now: MonotonicTime, lastEnd: UInt64) {
        self.database = database
        self.rows = rows
        self.directory = directory
        self.now = now
        self.lastEnd = lastEnd
        changes = RowChanges(rows) { _ in }
    }

    mutating func run(
        progress: (Progress) -> Void, sessions: ([RestoredSession]) -> Void,
        wills: ([StoredWill]) -> Void, retained: (ApplicationMessage) -> Void
    ) throws(StoreError) -> Result {
        try readRetained(progress, retained)
        try readSessions(progress, sessions)
        try readWills(wills)
        try countBodies()
        try commit()
        progress(reached)
        return result
    }

    private var reached: Progress {
        Progress(
            sessions: result.count(.sessions), messages: result.count(.copies),
            retained: result.count(.retained))
    }

    private func damaged(_ key: [UInt8], _ problem: RowProblem) -> StoreError {
        StoreError(
            operation: "read the store", path: directory,
            text: "row \(key.shownAsKey): checksum or content is wrong: \(problem.text)",
            advice:
                "stop the broker, copy the directory, then run `vernemq store repair`, which keeps all that can be read"
        )
    }

    // MARK: Retained messages

    private mutating func readRetained(
        _ progress: (Progress) -> Void, _ retained: (ApplicationMessage) -> Void
    ) throws(StoreError) {
        let cursor = database.cursor()
        let prefix = StoreKey(.retained)
        cursor.seek(prefix)
        while let key = try cursor.key(), key.starts(with: prefix.bytes) {
            do throws(RowProblem) {
                let message = try rows.message(key, cursor.value)
                result.loaded[StoredKind.retained.rawValue] += 1
                if message.isExpired(at: now) {
                    changes.discard(key, .retained)
                    result.loaded[StoredKind.retained.rawValue] -= 1
                } else {
                    retained(message)
                }
            } catch {
                throw damaged(key, error)
            }
            if changes.batch.count > 10_000 { try commit() }
            if result.count(.retained) % Int64(Self.progressInterval) == 0 { progress(reached) }
            cursor.next()
        }
    }

    // MARK: Sessions

    private mutating func readSessions(
        _ progress: (Progress) -> Void, _ sessions: ([RestoredSession]) -> Void
    ) throws(StoreError) {
        var subscriptions = SessionRows(.subscription, database)
        var received = SessionRows(.received, database)
        var copies = SessionRows(.copy, database)
        var flights = SessionRows(.flight, database)
        var chunk: [RestoredSession] = []
        let cursor = database.cursor()
        let prefix = StoreKey(.session)
        let rows = rows
        cursor.seek(prefix)
        while let key = try cursor.key(), key.starts(with: prefix.bytes) {
            var restored: RestoredSession
            do throws(RowProblem) {
                restored = RestoredSession(session: try rows.session(key, cursor.value))
            } catch {
                throw damaged(key, error)
            }
            if restored.session.expiryDeadline == nil {
                restored.expiresAt = rows.time(
                    expiry(of: restored.session.expiryInterval))
            }
            let number = restored.session.number
            result.lastSession = max(result.lastSession, number)
            result.loaded[StoredKind.sessions.rawValue] += 1
            try readAll(of: number, &subscriptions) { key, value throws(RowProblem) in
                restored.subscriptions.append(try rows.subscription(key, value))
            }
            try readAll(of: number, &received) { key, value throws(RowProblem) in
                restored.received.append(try rows.received(key, value))
            }
            try readCopies(of: &restored, &copies, &flights, progress)
            chunk.append(restored)
            if chunk.count == Self.chunkLength {
                sessions(chunk)
                chunk.removeAll(keepingCapacity: true)
                progress(reached)
            }
            cursor.next()
        }
        if !chunk.isEmpty { sessions(chunk) }
        // What is left belongs to nobody.
        try readAll(of: .max, &subscriptions) { _, _ in }
        try readAll(of: .max, &received) { _, _ in }
        try readAll(of: .max, &copies) { _, _ in }
        try readAll(of: .max, &flights) { _, _ in }
    }

    /// When a session is over that had a connection when the broker before ended.
    private func expiry(of interval: UInt32) -> UInt64 {
        interval == .max ? .max : lastEnd + UInt64(interval) * 1000
    }

    /// Calls `body` with the rows of a session; rows of lower numbers, which have no session, are removed.
    private mutating func readAll(
        of session: UInt64, _ kind: inout SessionRows,
        _ body: ([UInt8], [UInt8]) throws(RowProblem) -> Void
    ) throws(StoreError) {
        while let key = try kind.key(), let owner = key.keyNumber(at: 1), owner <= session {
            result.lastSession = max(result.lastSession, owner)
            if owner < session {
                try removeOrphan(key, kind)
            } else {
                if let counted = StoredKind(kind.kind) { result.loaded[counted.rawValue] += 1 }
                do throws(RowProblem) {
                    try body(key, kind.value)
                } catch {
                    throw damaged(key, error)
                }
            }
            kind.next()
        }
    }

    private mutating func readCopies(
        of restored: inout RestoredSession, _ copies: inout SessionRows, _ flights: inout SessionRows,
        _ progress: (Progress) -> Void
    ) throws(StoreError) {
        let session = restored.session.number
        // Flights of lower sessions go; those of this one must have their copy.
        try readAll(of: session - 1, &flights) { _, _ in }
        while let key = try copies.key(), let owner = key.keyNumber(at: 1), owner <= session {
            guard let number = key.keyNumber(at: 9) else { throw damaged(key, .badKey) }
            result.lastMessage = max(result.lastMessage, number)
            if owner < session {
                try removeOrphan(key, copies)
                copies.next()
                continue
            }
            var identifier: UInt16
            do throws(RowProblem) {
                identifier = try rows.copy(key, copies.value, withMessage: false).identifier
            } catch {
                throw damaged(key, error)
            }
            if let flight = try readFlight(of: number, session, &flights) {
                identifier = flight.packetIdentifier
            }
            restored.noteIdentifier(identifier)
            restored.copyCount += 1
            result.loaded[StoredKind.copies.rawValue] += 1
            if result.count(.copies) % Int64(Self.progressInterval) == 0 { progress(reached) }
            copies.next()
        }
        while let flight = try flights.key(), flight.keyNumber(at: 1) == session {
            changes.discard(flight, .flight)
            result.orphans += 1
            flights.next()
        }
    }

    /// The flight of a copy, if it has one; flights before it have no copy.
    private mutating func readFlight(of number: UInt64, _ session: UInt64, _ flights: inout SessionRows)
        throws(StoreError) -> Rows.Flight?
    {
        var found: Rows.Flight?
        while let key = try flights.key(), key.keyNumber(at: 1) == session, let of = key.keyNumber(at: 9),
            of <= number
        {
            if of < number {
                changes.discard(key, .flight)
                result.orphans += 1
            } else {
                do throws(RowProblem) {
                    found = try rows.flight(key, flights.value)
                } catch {
                    throw damaged(key, error)
                }
            }
            flights.next()
        }
        return found
    }

    private mutating func removeOrphan(_ key: [UInt8], _ row: SessionRows) throws(StoreError) {
        result.orphans += 1
        if row.kind == .copy, let session = key.keyNumber(at: 1), let number = key.keyNumber(at: 9) {
            result.lastMessage = max(result.lastMessage, number)
            let copy = try? rows.copy(key, row.value, withMessage: false)
            changes.removeCopy(session, number, deadline: copy?.deadline ?? 0, database)
        } else {
            changes.discard(key, row.kind)
        }
        if changes.batch.count > 10_000 { try commit() }
    }

    private mutating func commit() throws(StoreError) {
        changes.finish()
        if changes.batch.count > 0 { try database.write(changes.batch) }
        _ = changes.committed()
    }

    // MARK: Wills

    private mutating func readWills(_ wills: ([StoredWill]) -> Void) throws(StoreError) {
        var chunk: [StoredWill] = []
        let cursor = database.cursor()
        let prefix = StoreKey(.will)
        cursor.seek(prefix)
        while let key = try cursor.key(), key.starts(with: prefix.bytes) {
            do throws(RowProblem) {
                chunk.append(try rows.will(key, cursor.value))
            } catch {
                throw damaged(key, error)
            }
            result.lastSession = max(result.lastSession, chunk.last?.number ?? 0)
            result.loaded[StoredKind.wills.rawValue] += 1
            if chunk.count == Self.chunkLength {
                wills(chunk)
                chunk.removeAll(keepingCapacity: true)
            }
            cursor.next()
        }
        if !chunk.isEmpty { wills(chunk) }
    }

    // MARK: Bodies

    private mutating func countBodies() throws(StoreError) {
        try commit()
        let cursor = database.cursor()
        let prefix = StoreKey(.body)
        var count: Int64 = 0
        var last: UInt64 = 0
        try cursor.forEach(from: prefix, prefix: prefix) { key throws(StoreError) in
            count += 1
            last = max(last, key.keyNumber(at: 1) ?? 0)
            return true
        }
        result.loaded[StoredKind.bodies.rawValue] = count
        result.lastMessage = max(result.lastMessage, last)
    }
}

/// The rows of one kind, by session.
private struct SessionRows {
    let kind: RowKind
    private let cursor: DatabaseCursor
    private let prefix: StoreKey

    init(_ kind: RowKind, _ database: Database) {
        self.kind = kind
        cursor = database.cursor()
        prefix = StoreKey(kind)
        cursor.seek(prefix)
    }

    /// nil behind the last.
    func key() throws(StoreError) -> [UInt8]? {
        guard let key = try cursor.key(), key.starts(with: prefix.bytes) else { return nil }
        return key
    }

    var value: [UInt8] { cursor.value }
    func next() { cursor.next() }
}
