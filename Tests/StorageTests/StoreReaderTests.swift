import BrokerMetrics
import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

@Suite struct StoreReaderTests {
    private func filled(_ count: UInt64 = 10) throws -> TestStore {
        let store = try TestStore()
        try store.commit {
            for session in [1, 2, 3] as [UInt64] { $0.add(session: session) }
            for number in 1...count { $0.add("\(number)", number: number << 1, for: [2]) }
            $0.add("other", number: 7, for: [1, 3])
        }
        return store
    }

    @Test func `copies are loaded in the order of their numbers, as many as asked for`() throws {
        let store = try filled()
        let all = try store.load(2)
        #expect(all.copies.map(\.number) == (1...10).map { $0 << 1 })
        #expect(all.copies.map { $0.message?.text } == (1...10).map { "\($0)" })
        #expect(all.next == nil && all.lostCount == 0)
        let some = try store.load(2, limit: 4)
        #expect(some.copies.map(\.number) == [2, 4, 6, 8] && some.next == 9)
        let rest = try store.load(2, 9...UInt64.max, limit: 7)
        #expect(rest.copies.map(\.number) == [10, 12, 14, 16, 18, 20] && rest.next == nil)
        #expect(try store.load(9).copies.isEmpty)
    }

    @Test func `each operation is timed under VerneMQ's name for it`() throws {
        let store = try filled()
        func counts(_ operations: StoreOperations) -> [UInt64] {
            let all = [
                operations.write, operations.delete, operations.metadataPut, operations.metadataDelete,
                operations.scan, operations.read,
            ]
            return all.map { $0.reading.dropLast().reduce(0, &+) }
        }
        let operations = store.store.statistics.operations
        let begin = counts(operations)
        func changes(_ body: () throws -> Void) rethrows -> [UInt64] {
            let before = counts(operations)
            try body()
            return zip(counts(operations), before).map { $0 - $1 }
        }
        #expect(begin[0] == 1 && begin[1] == 0 && begin[2] == 1)
        #expect(
            try changes { try store.commit { $0.add("x", number: 100, for: [2]) } } == [1, 0, 0, 0, 0, 0])
        #expect(try changes { try store.commit { $0.remove(2, of: 2) } } == [1, 1, 0, 0, 0, 0])
        #expect(try changes { try store.commit { $0.add(session: 4) } } == [1, 0, 1, 0, 0, 0])
        #expect(try changes { _ = try store.load(2) } == [0, 0, 0, 0, 1, 0])
        // Two sessions have the message: its body is a row of its own.
        #expect(try changes { _ = try store.load(1) } == [0, 0, 0, 0, 1, 1])
    }

    @Test func `a load stops at its number of bytes, but has one copy at least`() throws {
        let store = try TestStore()
        try store.commit {
            $0.add(session: 1)
            for number in 1...4 as ClosedRange<UInt64> {
                $0.add(String(repeating: "x", count: 1000), number: number << 1, for: [1])
            }
        }
        #expect(try store.load(1, byteLimit: 1).copies.map(\.number) == [2])
        let two = try store.load(1, byteLimit: 2000)
        #expect(two.copies.map(\.number) == [2, 4] && two.next == 5)
    }

    @Test func `a load keeps to its range and passes over exceptions`() throws {
        let store = try filled()
        let found = try store.load(2, 5...16, except: [8, 12, 99])
        #expect(found.copies.map(\.number) == [6, 10, 14, 16] && found.next == nil)
    }

    @Test func `a load sees what was committed before it`() throws {
        let store = try filled()
        try store.commit {
            $0.add("late", number: 100, for: [2])
            $0.remove(2, of: 2)
        }
        #expect(try store.load(2).copies.map(\.number) == (2...10).map { $0 << 1 } + [100])
    }

    @Test func `flights come with their identifier, and without their message once they are released`() throws
    {
        let store = try filled()
        try store.commit {
            for (number, identifier, isReleased) in [(4, 11, false), (6, 12, true), (20, 13, false)] {
                $0.append(
                    .flight(
                        session: 2, number: UInt64(number), packetIdentifier: UInt16(identifier),
                        isReleased: isReleased, expiryDeadline: nil))
            }
            $0.add("sent at once", number: 30, for: [2], identifier: 14)
        }
        let copies = try store.load(2, flights: .alone).copies
        #expect(copies.map(\.number) == [4, 6, 20, 30])
        #expect(copies.map(\.packetIdentifier) == [11, 12, 13, 14])
        #expect(copies.map { $0.message == nil } == [false, true, false, false])
        #expect(copies.allSatisfy { $0.hasFlightRow })
        #expect(try store.load(2, flights: .released).copies.map(\.number) == [6])
        let some = try store.load(2, limit: 1, flights: .alone)
        #expect(some.copies.map(\.number) == [4] && some.next == 5)
    }

    @Test func `a copy that is damaged while the broker runs is lost alone, counted and removed`() throws {
        let store = try filled()
        // As a medium that fails would: a row whose sum does not fit, put there behind the store's back.
        store.close()
        try StoreFile(store.folder).flip(StoreKey(.copy, 2, 6), StoreKey(.copy, 2, 10))
        let second = try TestStore.unread(store.folder)
        // Who only looks changes nothing.
        for _ in 0..<2 { #expect(try second.load(2, isLook: true).lostCount == 2) }
        #expect(second.store.statistics.reading.damaged == 0)
        let loaded = try second.load(2)
        #expect(loaded.lostCount == 2)
        #expect(loaded.copies.map(\.number) == [2, 4, 8, 12, 14, 16, 18, 20])
        #expect(second.store.statistics.reading.damaged == 2)
        #expect(try second.wait { (try? second.load(2).lostCount) == 0 })
    }

    @Test func `copies of one message for one session are read with the one body they have`() throws {
        let store = try TestStore()
        try store.commit {
            $0.add(session: 1)
            _ = $0.kill($0.add("x", numbers: [3, 5, 7], for: 1)[0])
            $0.add("y", numbers: [9, 11], for: 1)
        }
        let loaded = try store.load(1)
        #expect(loaded.copies.map(\.number) == [5, 7, 9, 11])
        #expect(loaded.copies.map { $0.message?.text } == ["x", "x", "y", "y"])
        #expect(loaded.copies[0].message?.storage === loaded.copies[1].message?.storage)
        #expect(store.present(.bodies) == 2)
    }

    @Test func `a session that ends takes the bodies of its copies with it, wherever they lie`() throws {
        let store = try TestStore()
        try store.commit {
            $0.add(session: 1)
            $0.add("x", numbers: [3, 5, 7], for: 1)
        }
        try store.commit { $0.append(.endSession(1, purges: true)) }
        #expect(try store.wait { store.present(.bodies) == 0 && store.present(.copies) == 0 })
        store.close()
        let findings = try StoreInspection.check(
            StoreSettings(directory: "\(store.folder.path)/store"))
        #expect(findings.isSound && findings.leftovers == 0)
    }

    @Test func `a copy without its body is lost alone`() throws {
        let store = try filled()
        store.close()
        try StoreFile(store.folder).delete(StoreKey(.body, 7))
        let second = try TestStore.unread(store.folder)
        #expect(try second.load(1).lostCount == 1)
        #expect(try second.wait { (try? second.load(2).lostCount) == 0 })
    }
}
