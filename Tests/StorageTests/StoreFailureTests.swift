import Glibc
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

/// A store whose directory is reached through a symbolic link, so that it can go away and come back in one step:
///
///     link → real      all is well
///     link → blocked   a file: no file of the store can be made or opened
///
/// Files that are open go on to work; LevelDB meets the trouble when its write buffer is full and it needs another file.
private final class Obstacle {
    let folder = TestFolder()
    let store: TestStore

    init() throws {
        mkdir("\(folder.path)/real", 0o700)
        close(open("\(folder.path)/blocked", O_CREAT | O_WRONLY, 0o600))
        symlink("real", "\(folder.path)/link")
        store = try TestStore(folder, directory: "link") { $0.writeBufferByteCount = 64 * 1024 }
    }

    func point(to target: String) {
        symlink(target, "\(folder.path)/new")
        rename("\(folder.path)/new", "\(folder.path)/link")
    }

    /// More than the write buffer holds.
    static func large(_ number: UInt64) -> StoreBatch {
        .of { batch in
            for part in 0..<20 as Range<UInt64> {
                batch.add(
                    String(repeating: "x", count: 8000), number: (number * 20 + part) << 1, for: [1])
            }
        }
    }
}

@Suite struct StoreFailureTests {
    private func wait(_ condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if condition() { return true }
            sched_yield()
        }
        return false
    }

    @Test func `a store that cannot write says so, keeps what it was given, and goes on when it can again`()
        throws
    {
        let obstacle = try Obstacle()
        let store = obstacle.store.store
        try obstacle.store.commit { $0.add(session: 1) }
        #expect(!store.health.isFailing)
        obstacle.point(to: "blocked")
        let committed = Mutex<[UInt64]>([])
        for number in 1...10 as ClosedRange<UInt64> {
            store.commit(Obstacle.large(number)) { committed.withLock { $0.append(number) } }
            // Written together they would all go into the buffer, which is looked at before a write.
            #expect(wait { store.health.isFailing || committed.withLock { $0.count } == number })
        }
        #expect(store.health.isFailing)
        let counts = store.statistics.reading
        #expect(counts.isFailing)
        #expect(counts.errors.reduce(0, +) > 0)
        let before = committed.withLock { $0 }
        #expect(before.count < 10)
        // Nothing is answered while it fails.
        #expect(wait { store.statistics.reading.errors.reduce(0, +) > counts.errors.reduce(0, +) })
        #expect(committed.withLock { $0 } == before)
        obstacle.point(to: "real")
        #expect(wait { committed.withLock { $0.count } == 10 })
        #expect(committed.withLock { $0 } == Array(1...10))
        #expect(!store.health.isFailing && !store.statistics.reading.isFailing)
        #expect(store.statistics.reading.reopened > 0)
        #expect(try obstacle.store.load(1, limit: .max, byteLimit: .max).copies.count == 200)
        obstacle.store.close()
        let second = try TestStore(obstacle.folder, directory: "real")
        #expect(second.sessions.map(\.copyCount) == [200])
        #expect(second.present(.copies) == 200)
    }

    @Test func `a store that closes while it cannot write acknowledges nothing that is not written`() throws {
        let obstacle = try Obstacle()
        let store = obstacle.store.store
        try obstacle.store.commit { $0.add(session: 1) }
        obstacle.point(to: "blocked")
        let committed = Mutex<Int>(0)
        for number in 1...10 as ClosedRange<UInt64> {
            store.commit(Obstacle.large(number)) { committed.withLock { $0 += 1 } }
            #expect(wait { store.health.isFailing || committed.withLock { $0 } == number })
        }
        #expect(store.health.isFailing)
        obstacle.store.close()
        obstacle.point(to: "real")
        let second = try TestStore(obstacle.folder, directory: "real")
        #expect(second.sessions.map(\.copyCount) == [committed.withLock { $0 } * 20])
    }
}
