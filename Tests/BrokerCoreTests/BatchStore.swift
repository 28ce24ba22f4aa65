import BrokerCore
import Primitives
import Synchronization

/// Keeps the batches it was given, and commits at once unless it is told to wait.
final class BatchStore: MessageStore {
    let health = StoreHealth()
    let batches = Mutex<[StoreBatch]>([])
    private let held = Mutex<[@Sendable () -> Void]>([])
    private let isHolding = Atomic<Bool>(false)
    var isDurable: Bool { true }

    func hold() { isHolding.store(true, ordering: .relaxed) }

    func release() {
        isHolding.store(false, ordering: .relaxed)
        let waiting = held.withLock { held in
            defer { held = [] }
            return held
        }
        for completed in waiting { completed() }
    }

    func commit(_ batch: StoreBatch, completed: @escaping @Sendable () -> Void) {
        batches.withLock { $0.append(batch) }
        if isHolding.load(ordering: .relaxed) { held.withLock { $0.append(completed) } } else { completed() }
    }

    func probe(completed: @escaping @Sendable () -> Void) { commit(StoreBatch(), completed: completed) }

    func load(
        _ request: StoreLoad, completed: @escaping @Sendable (Result<LoadedBacklog, StoreError>) -> Void
    ) { completed(.success(LoadedBacklog(copies: [], next: nil))) }

    func takeDue(_ now: MonotonicTime, completed: @escaping @Sendable (Set<UInt64>) -> Void) { completed([]) }

    func purge(
        _ request: StoreLoad, expiredBy now: MonotonicTime?, completed: @escaping @Sendable (Int) -> Void
    ) { completed(0) }
}
