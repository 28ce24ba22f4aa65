import MQTTCodec
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

@Suite struct LevelDBMessageStoreTests {
    // MARK: Recovery

    @Test func `what was committed is there again after a restart`() throws {
        let first = try TestStore()
        let subscription = Subscription(
            filter: "a/+", options: SubscriptionOptions(qos: .exactlyOnce), identifier: 6)
        try first.commit {
            $0.add(session: 7, "seven")
            $0.add(session: 8, "eight")
            $0.append(.subscribe(session: 7, subscription, isNew: true))
            $0.append(.received(session: 8, packetIdentifier: 500))
            $0.append(.received(session: 8, packetIdentifier: 3))
            $0.add("both", number: 3, for: [7, 8])
            $0.add("one", number: 4, for: [8])
            $0.append(.retain(message("r", topic: "a/b", isRetained: true), isNew: true))
        }
        let second = try first.reopened()
        #expect(second.sessions.map(\.session.number) == [7, 8])
        #expect(second.sessions.map(\.session.subscriber.clientID) == ["seven", "eight"])
        #expect(second.sessions.map(\.copyCount) == [1, 2])
        #expect(second.sessions.map(\.received) == [[], [3, 500]])
        #expect(second.sessions[0].subscriptions.map(\.filter) == ["a/+"])
        #expect(second.sessions[0].subscriptions.first?.options == subscription.options)
        #expect(second.sessions[0].subscriptions.first?.identifier == 6)
        #expect(second.retained.map(\.text) == ["r"])
        #expect(second.found.lastMessage == 4 && second.found.lastSession == 8 && second.found.orphans == 0)
        for (kind, count) in [
            (.copies, 3), (.bodies, 1), (.sessions, 2), (.subscriptions, 1), (.retained, 1), (.received, 2),
        ] as [(StoredKind, Int64)] {
            #expect(second.found.count(kind) == count)
            #expect(second.present(kind) == count)
            #expect(first.present(kind) == count)
        }
        #expect(try second.load(8).copies.map { $0.message?.text } == ["both", "one"])
    }

    @Test func `a store that holds nothing is found empty`() throws {
        let first = try TestStore()
        let second = try first.reopened()
        #expect(second.sessions.isEmpty && second.retained.isEmpty)
        #expect(second.found.lastMessage == 0 && second.found.lastSession == 0)
    }

    @Test func `shared bodies are counted down on, after a restart`() throws {
        let first = try TestStore()
        try first.commit {
            for session in [1, 2] as [UInt64] { $0.add(session: session) }
            $0.add("x", number: 3, for: [1, 2])
        }
        let second = try first.reopened()
        try second.commit { $0.remove(3, of: 1) }
        #expect(try second.load(2).copies.map { $0.message?.text } == ["x"])
        try second.commit { $0.remove(3, of: 2) }
        #expect(second.present(.bodies) == 0 && second.present(.copies) == 0)
        #expect(try second.count(.body) == 0)
        #expect(try second.count(.references) == 0)
    }

    @Test func `rows of sessions that had ended are removed at recovery`() throws {
        let first = try TestStore()
        try first.commit {
            $0.add(session: 2)
            $0.add("x", number: 3, for: [1, 2, 5])
            $0.add("y", number: 6, for: [5], deadline: time(in: 100))
            $0.append(.received(session: 5, packetIdentifier: 1))
            $0.append(
                .subscribe(
                    session: 1,
                    Subscription(
                        filter: "f", options: SubscriptionOptions(qos: .atMostOnce), identifier: 0),
                    isNew: true))
            $0.append(
                .flight(
                    session: 5, number: 3, packetIdentifier: 1, isReleased: false, expiryDeadline: nil))
        }
        let second = try first.reopened()
        #expect(second.sessions.map(\.session.number) == [2])
        #expect(second.found.orphans == 6)
        #expect(second.present(.copies) == 1)
        #expect(try second.load(2).copies.map { $0.message?.text } == ["x"])
        // Numbers of rows that went are not given again.
        #expect(second.found.lastMessage == 6 && second.found.lastSession == 5)
        try second.commit { $0.remove(3, of: 2) }
        let kinds = Set(try second.rows().compactMap { $0.key.first })
        #expect(kinds == Set([RowKind.layout, .session, .checkpoint].map(\.rawValue)))
    }

    @Test func `a flight without its copy is removed at recovery, and the others stay with theirs`() throws {
        let first = try TestStore()
        try first.commit {
            $0.add(session: 1)
            $0.add(session: 2)
            $0.add("x", number: 4, for: [1])
            for number in [2, 4, 6] as [UInt64] {
                $0.append(
                    .flight(
                        session: 1, number: number, packetIdentifier: 9, isReleased: false,
                        expiryDeadline: nil))
            }
        }
        let second = try first.reopened()
        #expect(second.sessions.map(\.copyCount) == [1, 0])
        #expect(try second.load(1, flights: .alone).copies.map(\.packetIdentifier) == [9])
        #expect(try second.count(.flight) == 1)
    }

    @Test func `a retained message that expired meanwhile does not come back`() throws {
        let first = try TestStore()
        try first.commit {
            $0.append(
                .retain(message("old", topic: "a", isRetained: true, deadline: time(in: -1)), isNew: true))
            $0.append(
                .retain(message("new", topic: "b", isRetained: true, deadline: time(in: 100)), isNew: true))
        }
        let second = try first.reopened()
        #expect(second.retained.map(\.text) == ["new"])
        #expect(second.present(.retained) == 1)
        #expect(try second.count(.retained) == 1)
    }

    // MARK: Batches

    @Test func `batches of several loops are committed, each in its order`() throws {
        let first = try TestStore()
        let loops: UInt64 = 4
        let batches: UInt64 = 200
        try first.commit { for loop in 1...loops { $0.add(session: loop) } }
        let committed = Mutex<[UInt64: [UInt64]]>([:])
        let store = first.store
        let done = BlockingQueue<UInt64>()
        let threads = try (1...loops).map { loop in
            try WorkerThread(name: "loop") {
                for batch in 1...batches {
                    // Every batch removes what the one before has stored: in another order, too much would be left.
                    let changes = StoreBatch.of {
                        $0.add("\(batch)", number: batch << 8 | loop << 1, for: [loop])
                        $0.add("shared", number: batch << 8 | loop << 1 | 1, for: [loop, loop % loops + 1])
                        if batch > 1 {
                            $0.remove((batch - 1) << 8 | loop << 1, of: loop)
                            $0.remove((batch - 1) << 8 | loop << 1 | 1, of: loop)
                            $0.remove((batch - 1) << 8 | loop << 1 | 1, of: loop % loops + 1)
                        }
                    }
                    store.commit(changes) {
                        committed.withLock { $0[loop, default: []].append(batch) }
                        if batch == batches { done.put(loop) }
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        var finished: ContiguousArray<UInt64> = []
        var count = 0
        while count < Int(loops), done.take(into: &finished, milliseconds: 20_000), !finished.isEmpty {
            count += finished.count
            finished.removeAll()
        }
        for loop in 1...loops { #expect(committed.withLock { $0[loop] } == Array(1...batches)) }
        for loop in 1...loops {
            let texts = try first.load(loop).copies.compactMap { $0.message?.text }
            #expect(texts.sorted() == ["200", "shared", "shared"])
        }
        let second = try first.reopened()
        #expect(second.present(.copies) == 12 && second.present(.bodies) == 4)
    }

    @Test func `what waits is written before the store closes`() throws {
        let first = try TestStore()
        for number in 1...500 as ClosedRange<UInt64> {
            first.store.commit(
                .of {
                    if number == 1 { $0.add(session: 1) }
                    $0.add("x", number: number << 1, for: [1])
                }
            ) {}
        }
        let second = try first.reopened()
        #expect(second.sessions.map(\.copyCount) == [500])
    }

    // MARK: Ends

    @Test(arguments: [true, false])
    func `the end of a session removes all of it, and shared bodies with their last copy`(
        _ isShared: Bool
    ) throws {
        let first = try TestStore()
        try first.commit {
            $0.add(session: 1)
            $0.add(session: 2)
            // More than the writer removes at once.
            for number in 1...5000 as ClosedRange<UInt64> {
                $0.add(
                    "x", number: number << 1 | 1, for: isShared ? [1, 2] : [1],
                    deadline: number % 2 == 0 ? time(in: 100) : nil)
            }
            $0.append(
                .flight(
                    session: 1, number: 3, packetIdentifier: 1, isReleased: false, expiryDeadline: nil))
            $0.append(.received(session: 1, packetIdentifier: 1))
            $0.append(
                .subscribe(
                    session: 1,
                    Subscription(
                        filter: "f", options: SubscriptionOptions(qos: .atMostOnce), identifier: 0),
                    isNew: true))
        }
        try first.commit { $0.append(.endSession(1, purges: true)) }
        #expect(try first.wait { first.present(.copies) == (isShared ? 5000 : 0) })
        #expect(first.present(.bodies) == (isShared ? 5000 : 0))
        #expect(try first.load(1).copies.isEmpty)
        if isShared {
            #expect(try first.load(2).copies.count == 1000)
            #expect(try first.load(2, limit: .max, byteLimit: .max).lostCount == 0)
        }
        let second = try first.reopened()
        #expect(second.sessions.map(\.session.number) == [2])
        #expect(second.found.orphans == 0)
        #expect(second.found.count(.subscriptions) == 0 && second.found.count(.received) == 0)
        #expect(try second.count(.flight) == 0)
        #expect(try second.count(.due) == (isShared ? 2500 : 0))
    }

    @Test func `a copy that comes after its session's end goes with the next purge`() throws {
        let store = try TestStore()
        try store.commit { $0.add(session: 1) }
        try store.commit { $0.append(.endSession(1, purges: true)) }
        try store.commit { $0.add("late", number: 2, for: [1]) }
        #expect(store.present(.copies) == 1)
        try store.commit { $0.append(.purgeSession(1)) }
        #expect(try store.wait { store.present(.copies) == 0 })
        #expect(try store.load(1).copies.isEmpty)
    }

    // MARK: Expiry

    @Test func `sessions with messages that are due are reported once, each by its own time`() throws {
        let store = try TestStore()
        let now = time(in: 0)
        try store.commit {
            $0.add("a", number: 2, for: [1], deadline: now.adding(seconds: 10))
            $0.add("b", number: 4, for: [1], deadline: now.adding(seconds: 11))
            $0.add("c", number: 5, for: [2, 3], deadline: now.adding(seconds: 20))
            $0.add("d", number: 6, for: [4])
        }
        #expect(try store.due(now).isEmpty)
        #expect(try store.due(now.adding(seconds: 15)) == [1])
        #expect(try store.due(now.adding(seconds: 15)).isEmpty)
        #expect(try store.due(now.adding(seconds: 30)) == [2, 3])
        #expect(try store.due(now.adding(seconds: 1000)).isEmpty)
    }

    @Test func `what has expired and was not sent is purged, within the range and but for exceptions`() throws
    {
        let store = try TestStore()
        let now = time(in: 0)
        try store.commit {
            $0.add(session: 1)
            $0.add(session: 2)
            for number in 1...5 as ClosedRange<UInt64> {
                $0.add("x", number: number << 1, for: [1], deadline: now.adding(seconds: number))
            }
            $0.add("shared", number: 13, for: [1, 2], deadline: now.adding(seconds: 1))
            $0.add("sent", number: 14, for: [1], deadline: now.adding(seconds: 1), identifier: 3)
            $0.add("stays", number: 16, for: [1])
            $0.append(
                .flight(
                    session: 1, number: 4, packetIdentifier: 7, isReleased: false,
                    expiryDeadline: now.adding(seconds: 2)))
        }
        #expect(try store.purgeExpired(1, now: now) == 0)
        #expect(try store.purgeExpired(1, now: now.adding(seconds: 3), except: [2]) == 2)
        #expect(try store.load(1).copies.map(\.number) == [2, 4, 8, 10, 14, 16])
        #expect(try store.load(2).copies.map { $0.message?.text } == ["shared"])
        #expect(store.present(.copies) == 7)
        #expect(try store.purgeExpired(1, now: now.adding(seconds: 100)) == 3)
        #expect(try store.purgeExpired(2, now: now.adding(seconds: 100)) == 1)
        #expect(store.present(.bodies) == 0)
        #expect(try store.count(.due) == 0)
    }

    @Test func `all that was not sent is purged when a queue is emptied`() throws {
        let store = try TestStore()
        let now = time(in: 0)
        try store.commit {
            $0.add(session: 1)
            $0.add("a", number: 2, for: [1], deadline: now.adding(seconds: 100))
            $0.add("sent", number: 4, for: [1], identifier: 3)
            $0.add("shared", number: 13, for: [1, 2])
            $0.append(
                .flight(session: 1, number: 4, packetIdentifier: 7, isReleased: false, expiryDeadline: nil))
        }
        let request = StoreLoad(session: 1, numbers: 0...UInt64.max, limit: .max)
        #expect(try store.answer { store.store.purge(request, expiredBy: nil, completed: $0) } == 2)
        #expect(try store.load(1).copies.map(\.number) == [4])
        #expect(try store.load(2).copies.map { $0.message?.text } == ["shared"])
        #expect(try store.count(.due) == 0)
    }

    @Test func `a purge of expired copies and the session's end at once remove each copy once`() throws {
        let store = try TestStore()
        let now = time(in: 0)
        let count: UInt64 = 3000
        try store.commit {
            $0.add(session: 1)
            $0.add(session: 2)
            for number in 1...count {
                $0.add("x", number: number << 1 | 1, for: [1, 2], deadline: now.adding(seconds: 1))
            }
        }
        let request = StoreLoad(session: 1, numbers: 0...UInt64.max, limit: .max)
        _ = try store.answer { (answer: @escaping @Sendable (Int) -> Void) in
            store.store.purge(request, expiredBy: now.adding(seconds: 2), completed: answer)
            store.store.commit(.of { $0.append(.endSession(1, purges: true)) }) {}
        }
        #expect(try store.wait { store.present(.copies) <= Int64(count) })
        try store.commit { _ in }
        let rest = try store.load(2, limit: .max, byteLimit: .max)
        #expect(rest.lostCount == 0)
        #expect(rest.copies.count == Int(count))
        #expect(store.present(.copies) == Int64(count))
    }
}
