import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

/// Changes that are written to a real database, one commit after another.
private final class Ledger {
    let folder = TestFolder()
    let database: Database
    var changes: RowChanges
    private let readErrors = BlockingQueue<StoreError>()

    init() throws {
        database = try Database(StoreSettings(directory: "\(folder.path)/store"))
        changes = RowChanges(Rows(line: TimeLine(offset: 0))) { [readErrors] in readErrors.put($0) }
    }

    /// Memory of what was counted begins anew.
    func forget() { changes = RowChanges(changes.rows) { [readErrors] in readErrors.put($0) } }

    /// - Returns: rows added and removed, by kind.
    @discardableResult
    func commit(_ batches: StoreBatch...) throws -> Counts {
        for batch in batches { changes.add(batch, database) }
        changes.finish()
        try database.write(changes.batch)
        let (stored, deleted) = (changes.stored, changes.deleted)
        return Counts(stored: stored, deleted: deleted, purges: changes.committed())
    }

    struct Counts {
        let stored: [Int64]
        let deleted: [Int64]
        let purges: [RowChanges.Purge]
    }

    func has(_ key: StoreKey) throws -> Bool { try database.value(of: key) != nil }

    func references(_ number: UInt64) throws -> UInt32? {
        let key = StoreKey(.references, number)
        return try database.value(of: key).map { try changes.rows.references(key.bytes, $0).count }
    }

    func keys(_ kind: RowKind) throws -> Int {
        var count = 0
        try database.cursor().forEach(from: StoreKey(kind), prefix: StoreKey(kind)) { _ in
            count += 1
            return true
        }
        return count
    }
}

@Suite struct RowChangesTests {
    private func count(_ counts: [Int64], _ kind: StoredKind) -> Int64 { counts[kind.rawValue] }

    @Test func `a copy that is not shared holds its body`() throws {
        let ledger = try Ledger()
        let counts = try ledger.commit(.of { $0.add("x", number: 2, for: [7]) })
        #expect(count(counts.stored, .copies) == 1 && count(counts.stored, .bodies) == 0)
        let key = StoreKey(.copy, 7, 2)
        let value = try #require(try ledger.database.value(of: key))
        #expect(try ledger.changes.rows.copy(key.bytes, value).message?.text == "x")
        #expect(try ledger.keys(.body) == 0)
    }

    @Test(arguments: [true, false])
    func `a shared body is stored once, counted down, and goes with its last copy`(_ forgets: Bool) throws {
        let ledger = try Ledger()
        let counts = try ledger.commit(.of { $0.add("x", number: 3, for: [7, 8, 9]) })
        #expect(count(counts.stored, .copies) == 3 && count(counts.stored, .bodies) == 1)
        #expect(try ledger.keys(.body) == 1)
        for (session, left) in [(7, 2), (8, 1)] as [(UInt64, UInt32)] {
            if forgets { ledger.forget() }
            try ledger.commit(.of { $0.remove(3, of: session) })
            #expect(try ledger.references(3) == left)
            #expect(try ledger.has(StoreKey(.body, 3)))
            #expect(try !ledger.has(StoreKey(.copy, session, 3)))
        }
        if forgets { ledger.forget() }
        let last = try ledger.commit(.of { $0.remove(3, of: 9) })
        #expect(count(last.deleted, .copies) == 1 && count(last.deleted, .bodies) == 1)
        #expect(try ledger.keys(.body) == 0 && ledger.keys(.references) == 0 && ledger.keys(.copy) == 0)
    }

    @Test(arguments: [true, false])
    func `copies for one session have numbers of their own and one body, which goes with the last`(
        _ forgets: Bool
    ) throws {
        let ledger = try Ledger()
        let counts = try ledger.commit(.of { $0.add("x", numbers: [3, 5, 7, 9], for: 7) })
        #expect(count(counts.stored, .copies) == 4 && count(counts.stored, .bodies) == 1)
        #expect(try ledger.keys(.body) == 1 && ledger.has(StoreKey(.body, 3)))
        // The one whose number it has is not the last to go.
        for (number, left) in [(5, 3), (3, 2), (9, 1)] as [(UInt64, UInt32)] {
            if forgets { ledger.forget() }
            try ledger.commit(.of { $0.remove(number, of: 7) })
            #expect(try ledger.references(3) == left)
            #expect(try ledger.has(StoreKey(.body, 3)))
            #expect(try !ledger.has(StoreKey(.references, number)) || number == 3)
        }
        if forgets { ledger.forget() }
        let last = try ledger.commit(.of { $0.remove(7, of: 7) })
        #expect(count(last.deleted, .copies) == 1 && count(last.deleted, .bodies) == 1)
        for kind in [RowKind.body, .references, .copy] { #expect(try ledger.keys(kind) == 0) }
    }

    @Test func `copies that have their body under another number expire, and are purged, with it`() throws {
        let ledger = try Ledger()
        try ledger.commit(.of { $0.add("x", numbers: [3, 5, 7], for: 7) })
        ledger.forget()
        ledger.changes.removeExpired(7, 5, deadline: 9, ledger.database)
        ledger.changes.removeDamaged(7, 3, ledger.database)
        // It is not counted twice.
        ledger.changes.removeDamaged(7, 99, ledger.database)
        try ledger.commit()
        #expect(try ledger.references(3) == 1)
        #expect(try ledger.keys(.body) == 1 && ledger.keys(.copy) == 1)
        ledger.changes.removeDamaged(7, 7, ledger.database)
        try ledger.commit()
        for kind in [RowKind.body, .references, .copy] { #expect(try ledger.keys(kind) == 0) }
    }

    @Test func `a body is written when the copy that has its number has died before`() throws {
        let ledger = try Ledger()
        try ledger.commit(.of { _ = $0.kill($0.add("x", numbers: [3, 5, 7], for: 7)[0]) })
        #expect(try ledger.keys(.body) == 1 && ledger.keys(.copy) == 2)
        #expect(try ledger.references(3) == 2)
        try ledger.commit(.of { $0.remove(5, of: 7) }, .of { $0.remove(7, of: 7) })
        for kind in [RowKind.body, .references, .copy] { #expect(try ledger.keys(kind) == 0) }
    }

    @Test func `copies that died before are not written, and are not counted among those that share`() throws
    {
        let ledger = try Ledger()
        try ledger.commit(
            .of {
                let tickets = $0.add("x", number: 3, for: [7, 8, 9])
                _ = $0.kill(tickets[1])
                for ticket in $0.add("y", number: 5, for: [7, 8]) { _ = $0.kill(ticket) }
            })
        #expect(try ledger.keys(.copy) == 2 && ledger.keys(.body) == 1)
        #expect(try ledger.references(3) == 2)
    }

    @Test func `a shared body that comes and goes within one commit leaves nothing`() throws {
        let ledger = try Ledger()
        try ledger.commit(
            .of { $0.add("x", number: 3, for: [7, 8]) },
            .of {
                $0.remove(3, of: 7)
                $0.remove(3, of: 8)
            })
        for kind in [RowKind.body, .references, .copy] { #expect(try ledger.keys(kind) == 0) }
    }

    @Test func `a copy with a deadline has a row in the index, until it goes or is sent`() throws {
        let ledger = try Ledger()
        let deadline = MonotonicTime(nanoseconds: 9_000_000)
        try ledger.commit(.of { $0.add("x", number: 2, for: [7], deadline: deadline) })
        #expect(try ledger.has(StoreKey(due: 9, 7, 2)))
        try ledger.commit(.of { $0.remove(2, of: 7, deadline: deadline) })
        #expect(try ledger.keys(.due) == 0)
        try ledger.commit(.of { $0.add("x", number: 4, for: [7], deadline: deadline) })
        try ledger.commit(
            .of {
                $0.append(
                    .flight(
                        session: 7, number: 4, packetIdentifier: 3, isReleased: false,
                        expiryDeadline: deadline))
            })
        #expect(try ledger.keys(.due) == 0 && ledger.keys(.flight) == 1)
    }

    @Test func `every other change has its row, and its way out`() throws {
        let ledger = try Ledger()
        let subscription = Subscription(
            filter: "a/#", options: SubscriptionOptions(qos: .atLeastOnce), identifier: 0)
        let retained = message("r", topic: "a/b", isRetained: true)
        let added = try ledger.commit(
            .of {
                $0.add(session: 7)
                $0.append(.session(stored(7), isNew: false))
                $0.append(.subscribe(session: 7, subscription, isNew: true))
                $0.append(.subscribe(session: 7, subscription, isNew: false))
                $0.append(.received(session: 7, packetIdentifier: 4))
                $0.append(.retain(retained, isNew: true))
                $0.append(.retain(retained, isNew: false))
                $0.append(
                    .flight(
                        session: 7, number: 2, packetIdentifier: 1, isReleased: false, expiryDeadline: nil))
            })
        let kinds: [StoredKind] = [.sessions, .subscriptions, .received, .retained]
        for kind in kinds { #expect(count(added.stored, kind) == 1) }
        for kind in [RowKind.session, .subscription, .received, .retained, .flight] {
            #expect(try ledger.keys(kind) == 1)
        }
        let removed = try ledger.commit(
            .of {
                $0.append(.unsubscribe(session: 7, filter: "a/#"))
                $0.append(.released(session: 7, packetIdentifier: 4))
                $0.append(.removeRetained(topic: "a/b", .default))
                $0.append(.removeFlight(session: 7, number: 2))
                $0.append(.endSession(7, purges: false))
            })
        for kind in kinds { #expect(count(removed.deleted, kind) == 1) }
        for kind in RowKind.allCases { #expect(try ledger.keys(kind) == 0) }
    }

    @Test func `a removal that comes after the session's purge is not counted twice`() throws {
        let ledger = try Ledger()
        try ledger.commit(.of { $0.add("x", number: 3, for: [7, 8]) })
        try ledger.commit(.of { $0.append(.endSession(7, purges: true)) })
        // As the purge does it.
        ledger.changes.removeCopy(7, 3, deadline: 0, ledger.database)
        try ledger.commit()
        let late = try ledger.commit(.of { $0.remove(3, of: 7) })
        #expect(count(late.deleted, .copies) == 0)
        #expect(try ledger.references(3) == 1)
        #expect(try ledger.has(StoreKey(.body, 3)))
    }

    @Test func `a copy that is written with its session's end is left to the purge`() throws {
        let ledger = try Ledger()
        let counts = try ledger.commit(
            .of { $0.add("x", number: 3, for: [7, 8]) },
            .of { $0.append(.endSession(7, purges: false)) },
            .of { $0.remove(3, of: 7) })
        #expect(count(counts.deleted, .copies) == 0)
        #expect(counts.purges.map(\.session) == [7])
        #expect(counts.purges.first?.kinds.contains(.copy) == true)
    }
}
