package import BrokerCore
import Primitives

/// `vernemq store check` and `vernemq store repair`: looks at every row while no broker runs.
package struct StoreInspection {
    private let progress: Progress
    private var rowCount = 0
    private let settings: StoreSettings
    private let rows: Rows
    private let database: Database
    private var findings = Findings()
    private var sessions: Set<UInt64> = []
    /// Copies that were found of each shared body, and other numbers that have it.
    private var copiesOfBody: [UInt64: UInt32] = [:]
    private var bodies: Set<UInt64> = []
    /// Numbers of copies whose body lies under another, and that other.
    private var bodyOfNumber: [UInt64: UInt64] = [:]
    /// Those of them that have their copy.
    private var usedNumbers: Set<UInt64> = []
    private var unwanted: [[UInt8]] = []

    /// What an inspection has found.
    package struct Findings: Sendable {
        /// By `StoredKind`.
        package var counts = [Int64](repeating: 0, count: StoredKind.allCases.count)
        /// What is wrong, a line each; the first hundred.
        package var problems: [String] = []
        /// How many problems there are, those included that `problems` does not list.
        package var problemCount = 0
        /// Rows of no use that do no harm: a crash may leave them, and the next start removes them.
        package var leftovers = 0
        /// Why it could not be opened before it was repaired: what else is lost nobody knows.
        package var openFailure: StoreError?

        /// Whether nothing is wrong. Leftovers are no problem.
        package var isSound: Bool { problemCount == 0 }

        fileprivate mutating func note(_ problem: String) {
            problemCount += 1
            if problems.count < 100 { problems.append(problem) }
        }
    }

    /// Told now and then how many rows were read so far.
    package typealias Progress = (Int) -> Void

    private static let progressStep = 10_000

    private init(_ settings: StoreSettings, _ progress: @escaping Progress = { _ in }) throws(StoreError) {
        self.settings = settings
        self.progress = progress
        rows = Rows(line: TimeLine(offset: 0))
        database = try Database(settings, mayCreate: false)
    }

    /// Reads everything and says what is wrong.
    ///
    /// - Throws: when the store cannot be opened or is not one of ours.
    package static func check(
        _ settings: StoreSettings, _ progress: @escaping Progress = { _ in }
    ) throws(StoreError) -> Findings {
        var inspection = try StoreInspection(settings, progress)
        try StoreLayout.check(inspection.database, settings.directory, mayCreate: false, writes: false)
        try inspection.look()
        return inspection.findings
    }

    /// Has LevelDB salvage what it can, then removes what makes no sense and counts references anew.
    ///
    /// - Returns: what was wrong and is no more.
    /// - Throws: when it is not one of ours, or of a later layout: nothing is changed then.
    package static func repair(
        _ settings: StoreSettings, _ progress: @escaping Progress = { _ in }
    ) throws(StoreError) -> Findings {
        try Database.requireStore(settings.directory)
        // One that opens is looked at before anything is changed.
        var openFailure: StoreError?
        do throws(StoreError) {
            try StoreInspection(settings).checkOwner()
        } catch {
            guard StoreErrorKind(error) == .corruption || error.text.contains(".ldb") else { throw error }
            openFailure = error
        }
        try Database.repair(settings)
        var inspection = try StoreInspection(settings, progress)
        inspection.findings.openFailure = openFailure
        try inspection.checkOwner()
        try inspection.look()
        try inspection.mend()
        return inspection.findings
    }

    /// A version that was lost or damaged may be put back when there are rows that only we can have written.
    private func checkOwner() throws(StoreError) {
        do throws(StoreError) {
            try StoreLayout.check(database, settings.directory, mayCreate: true, writes: false)
        } catch {
            let isReadable = try database.value(of: .layout).map { value in
                (try? RowReader(value, key: StoreKey.layout.bytes, format: 1)) != nil
            }
            guard isReadable != true, try hasRowOfOurs() else { throw error }
        }
    }

    private func hasRowOfOurs() throws(StoreError) -> Bool {
        let cursor = database.cursor()
        cursor.seek(StoreKey(.layout))
        for _ in 0..<10_000 {
            guard let key = try cursor.key(goesOnAfterErrors: true), let first = key.first else {
                return false
            }
            if RowKind(rawValue: first) != nil, (try? RowReader(cursor.value, key: key, format: 1)) != nil {
                return true
            }
            cursor.next()
        }
        return false
    }

    // MARK: Looking

    private mutating func look() throws(StoreError) {
        for kind in [
            RowKind.session, .body, .references, .copy, .flight, .received, .subscription, .retained, .will,
            .checkpoint,
            .due,
        ] {
            let cursor = database.cursor()
            let prefix = StoreKey(kind)
            cursor.seek(prefix)
            while let key = try cursor.key(goesOnAfterErrors: true), key.starts(with: prefix.bytes) {
                do throws(RowProblem) {
                    try look(kind, key, cursor.value)
                    if let counted = StoredKind(kind) { findings.counts[counted.rawValue] += 1 }
                } catch {
                    findings.note("row \(key.shownAsKey): \(error.text)")
                    unwanted.append(key)
                }
                cursor.next()
                rowCount += 1
                if rowCount % Self.progressStep == 0 { progress(rowCount) }
            }
            if let problem = cursor.problem { findings.note("rows \(kind): \(problem.text)") }
        }
        try lookAtReferences()
    }

    private mutating func look(_ kind: RowKind, _ key: [UInt8], _ value: [UInt8]) throws(RowProblem) {
        switch kind {
        case .session: sessions.insert(try rows.session(key, value).number)
        case .body:
            _ = try rows.message(key, value)
            if let number = key.keyNumber(at: 1) { bodies.insert(number) }
        case .copy:
            let copy = try rows.copy(key, value)
            guard let session = key.keyNumber(at: 1), let number = key.keyNumber(at: 9) else { throw .badKey }
            guard isOwned(key, session) else { return }
            if copy.message == nil {
                let body = bodyOfNumber[number] ?? number
                guard bodies.contains(body) else { throw .badField("body: missing") }
                copiesOfBody[body, default: 0] += 1
                if body != number { usedNumbers.insert(number) }
            }
        case .references:
            // A count that cannot be read is made anew; what says where a body lies is part of its copy.
            guard let number = key.keyNumber(at: 1) else { throw .badKey }
            if let body = try? rows.references(key, value).body { bodyOfNumber[number] = body }
        case .flight:
            _ = try rows.flight(key, value)
            if let session = key.keyNumber(at: 1) { _ = isOwned(key, session) }
        case .received:
            _ = try rows.received(key, value)
            if let session = key.keyNumber(at: 1) { _ = isOwned(key, session) }
        case .subscription:
            _ = try rows.subscription(key, value)
            if let session = key.keyNumber(at: 1) { _ = isOwned(key, session) }
        case .retained: _ = try rows.message(key, value)
        case .will: _ = try rows.will(key, value)
        case .checkpoint:
            guard key == StoreKey.checkpoint.bytes else { throw .badKey }
            _ = try Rows.checkpoint(value)
        case .due:
            guard key.count == 25 else { throw .badKey }
        case .layout: break
        }
    }

    /// Whether the row's session is there; a row without one is a leftover.
    private mutating func isOwned(_ key: [UInt8], _ session: UInt64) -> Bool {
        if sessions.contains(session) { return true }
        findings.leftovers += 1
        unwanted.append(key)
        return false
    }

    private mutating func lookAtReferences() throws(StoreError) {
        let cursor = database.cursor()
        let prefix = StoreKey(.references)
        cursor.seek(prefix)
        while let key = try cursor.key(goesOnAfterErrors: true), key.starts(with: prefix.bytes) {
            if let number = key.keyNumber(at: 1), !bodies.contains(number), !usedNumbers.contains(number) {
                findings.leftovers += 1
                unwanted.append(key)
            }
            cursor.next()
        }
        try lookAtFlights()
        for number in bodies {
            let key = StoreKey(.references, number)
            var counted: UInt32?
            if let value = try database.value(of: key) {
                counted = try? rows.references(key.bytes, value).count
            }
            let found = copiesOfBody[number] ?? 0
            if found == 0 {
                findings.leftovers += 1
                unwanted += [StoreKey(.body, number).bytes, key.bytes]
            } else if counted != found {
                findings.note(
                    "message \(number): \(found) copies, but \(counted.map { "\($0)" } ?? "none") counted")
            }
        }
    }

    /// Flights of copies that are gone; those of sessions that are gone have been found.
    private mutating func lookAtFlights() throws(StoreError) {
        let cursor = database.cursor()
        let prefix = StoreKey(.flight)
        cursor.seek(prefix)
        while let key = try cursor.key(goesOnAfterErrors: true), key.starts(with: prefix.bytes) {
            if let session = key.keyNumber(at: 1), let number = key.keyNumber(at: 9),
                sessions.contains(session),
                try database.value(of: StoreKey(.copy, session, number)) == nil
            {
                findings.leftovers += 1
                unwanted.append(key)
            }
            cursor.next()
        }
    }

    // MARK: Mending

    private mutating func mend() throws(StoreError) {
        var rows = rows
        var batch = DatabaseBatch()
        func write(_ limit: Int) throws(StoreError) {
            guard batch.count > limit else { return }
            try database.write(batch)
            batch = DatabaseBatch()
        }
        for key in unwanted {
            batch.delete(key)
            if key.first == RowKind.copy.rawValue, let session = key.keyNumber(at: 1),
                let number = key.keyNumber(at: 9)
            {
                batch.delete(StoreKey(.flight, session, number))
            }
            try write(10_000)
        }
        for (number, count) in copiesOfBody {
            let key = StoreKey(.references, number)
            batch.put(key, rows.references(key, Rows.References(count: count)))
            try write(10_000)
        }
        try write(0)
        try StoreLayout.write(to: database)
    }
}
