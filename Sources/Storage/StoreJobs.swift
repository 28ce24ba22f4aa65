import BrokerCore
import Primitives

/// What the writer is asked to do, in the order in which it was asked.
enum StoreJob: Sendable {
    case commit(StoreBatch, completed: @Sendable () -> Void)
    case probe(completed: @Sendable () -> Void)
    case load(StoreLoad, completed: @Sendable (Result<LoadedBacklog, StoreError>) -> Void)
    case takeDue(MonotonicTime, completed: @Sendable (Set<UInt64>) -> Void)
    /// nil = whether they have expired or not.
    case purge(StoreLoad, expiredBy: MonotonicTime?, completed: @Sendable (Int) -> Void)
    /// Copies that have expired: session, message, deadline.
    case removeExpired(session: UInt64, [(number: UInt64, deadline: UInt64)], completed: @Sendable () -> Void)
    /// Rows that could not be read.
    case discard([[UInt8]])
}
