import BrokerMetrics
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

private let day: Int64 = 86_400_000

/// A store on clocks that the test moves, closed and opened again.
private final class TimedStore {
    let folder = TestFolder()
    let clock = ManualClock()
    private(set) var directory = "store"
    private var store: TestStore?

    var open: TestStore {
        get throws {
            if let store { return store }
            let made = try TestStore(folder, directory: directory, clock: clock)
            store = made
            return made
        }
    }

    func close() {
        store?.close()
        store = nil
    }

    /// As a crash: what is in the directory now is what the next start finds.
    func crash() throws {
        try folder.copy(directory, to: "crashed")
        close()
        directory = "crashed"
    }

    var deadline: MonotonicTime { clock.now.adding(seconds: 100) }

    /// Milliseconds until the message `number` of session 1 expires, as it is read; nil: it is gone.
    func remaining(_ number: UInt64) throws -> UInt64? {
        let found = try open.load(1).copies.first { $0.number == number }
        let deadline = found?.message?.facts.expiryDeadline
        return deadline.map { $0.nanoseconds(since: clock.now) / 1_000_000 }
    }
}

@Suite struct StoreClockTests {
    @Test(
        arguments: [-2 * day, 2 * day, -1_700_000_000_000 - 40 * 365 * day, 300 * 365 * day], [true, false])
    func `a clock that is corrected while the broker runs changes no deadline`(
        _ change: Int64, _ isCrash: Bool
    ) throws {
        let timed = TimedStore()
        timed.clock.set(wall: timed.clock.wallMilliseconds &+ change)
        try timed.open.commit {
            $0.add(session: 1)
            $0.add("x", number: 2, for: [1], deadline: timed.deadline)
        }
        timed.clock.set(wall: timed.clock.wallMilliseconds &- change)
        timed.clock.pass(milliseconds: 1000)
        _ = try timed.open.due(timed.clock.now)
        if isCrash { try timed.crash() } else { timed.close() }
        timed.clock.pass(milliseconds: 30_000)
        timed.clock.reboot()
        #expect(try timed.remaining(2) == 69_000)
    }

    @Test(arguments: [-day, -1, 0, 30_000, 99_000] as [Int64], [true, false])
    func `no life is longer after a restart than before`(_ change: Int64, _ isCrash: Bool) throws {
        let timed = TimedStore()
        try timed.open.commit { $0.add(session: 1) }
        // The last checkpoint may be older than the message.
        timed.clock.pass(milliseconds: 900)
        try timed.open.commit { $0.add("x", number: 2, for: [1], deadline: timed.deadline) }
        if isCrash { try timed.crash() } else { timed.close() }
        timed.clock.set(wall: timed.clock.wallMilliseconds + change)
        let left = try #require(try timed.remaining(2))
        // A clock set back by less than the time since the last checkpoint cannot be told from a quick start.
        let unseen = isCrash && change == -1 ? 1 : 0 as UInt64
        #expect(left <= 100_000 - UInt64(max(0, change)) + unseen)
        #expect(left + UInt64(max(0, change)) >= 98_000)
    }

    @Test func `a session's life after a crash begins with the last that is known of the broker`() throws {
        let timed = TimedStore()
        try timed.open.commit {
            for (number, interval) in [(1, 10), (2, 3600), (3, UInt32.max)] as [(UInt64, UInt32)] {
                var session = stored(number)
                (session.expiryInterval, session.expiryDeadline) = (interval, nil)
                $0.append(.session(session, isNew: true))
            }
        }
        try timed.crash()
        timed.clock.pass(milliseconds: 600_000)
        let found = try timed.open.sessions.map(\.expiresAt)
        let now = timed.clock.now
        // A minute is what may have passed without a checkpoint.
        #expect(found[0]?.nanoseconds(since: now) == 0)
        #expect(found[1]?.nanoseconds(since: now) == (3600 - 600 + 60) * 1_000_000_000)
        #expect(found[2] == .distantFuture)
    }

    @Test func `after an end in peace it begins with that end`() throws {
        let timed = TimedStore()
        try timed.open.commit {
            var session = stored(1)
            (session.expiryInterval, session.expiryDeadline) = (3600, nil)
            $0.append(.session(session, isNew: true))
        }
        timed.clock.pass(milliseconds: 500)
        timed.close()
        timed.clock.pass(milliseconds: 600_000)
        let expiry = try timed.open.sessions.first?.expiresAt
        #expect(expiry?.nanoseconds(since: timed.clock.now) == 3000 * 1_000_000_000)
    }

    @Test func `an idle store is written to once a minute, a busy one once a second`() throws {
        let timed = TimedStore()
        let store = try timed.open
        try store.commit { $0.add(session: 1) }
        func commits(_ body: () throws -> Void) rethrows -> Int64 {
            let before = store.store.statistics.reading.commits
            try body()
            return store.store.statistics.reading.commits - before
        }
        let idle = try commits {
            for _ in 0..<120 {
                timed.clock.pass(milliseconds: 1000)
                _ = try store.due(timed.clock.now)
            }
        }
        #expect(idle == 2)
        timed.clock.set(wall: 5)
        #expect(try commits { _ = try store.due(timed.clock.now) } == 1)
        #expect(try commits { _ = try store.due(timed.clock.now) } == 0)
    }

    @Test func `a store of version 1 is read, its deadlines as readings of the wall clock`() throws {
        let timed = TimedStore()
        let wall = UInt64(timed.clock.wallMilliseconds)
        try timed.open.commit {
            $0.add(session: 1)
            $0.add("x", number: 2, for: [1], deadline: timed.deadline)
        }
        timed.close()
        do {
            let file = try StoreFile(timed.folder)
            try file.delete(.checkpoint)
            var writer = RowWriter()
            writer.begin(format: 1)
            writer.write(1 as UInt32)
            writer.end(.layout)
            try file.write { $0.put(.layout, writer.bytes) }
            #expect(try file.has(StoreKey(due: wall + 100_000, 1, 2)))
        }
        timed.clock.pass(milliseconds: 40_000)
        timed.clock.reboot()
        #expect(try timed.remaining(2) == 60_000)
        timed.close()
        let findings = try StoreInspection.check(StoreSettings(directory: "\(timed.folder.path)/store"))
        #expect(findings.isSound)
        #expect(try StoreFile(timed.folder).has(.checkpoint))
    }

    @Test func `a damaged checkpoint stops the start, and repair removes it`() throws {
        let timed = TimedStore()
        try timed.open.commit { $0.add(session: 1) }
        timed.close()
        do { try StoreFile(timed.folder).flip(.checkpoint) }
        #expect(throws: StoreError.self) { try timed.open }
        let settings = StoreSettings(directory: "\(timed.folder.path)/store")
        #expect(try StoreInspection.repair(settings).problemCount == 1)
        #expect(try timed.open.sessions.count == 1)
    }
}
