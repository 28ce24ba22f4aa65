import BrokerMetrics
package import Logging
package import Primitives
import Synchronization

/// What all loops share. Everything else belongs to one `Shard`.
///
/// Locks, in the order in which they may be taken: the trie's loop locks 0…N, the retained trie's mutex, a
/// mailbox's mutex. None is held across a callback.
package final class Broker: Sendable {
    package let settings: BrokerSettings
    package let loopCount: Int
    package let subscriptions: SubscriptionTrie
    package let retained: RetainedTrie<ApplicationMessage>
    package let store: any MessageStore
    package let clock: any Clock
    package let log: Logger
    let batches = DeliveryBatchPool()
    /// Bytes on their way to each loop: posted and not yet taken.
    private let inTransit: [TransitGauge]
    private let hooks: Mutex<[any Hook]>

    package init(
        settings: BrokerSettings, loopCount: Int, store: any MessageStore = MemoryMessageStore(),
        hooks: [any Hook] = [], clock: any Clock = SystemClock(), log: Logger
    ) {
        self.settings = settings
        self.loopCount = loopCount
        self.store = store
        self.clock = clock
        self.log = log
        self.hooks = Mutex(hooks)
        subscriptions = SubscriptionTrie(loopCount: loopCount)
        retained = RetainedTrie()
        inTransit = (0..<loopCount).map { _ in TransitGauge() }
    }

    /// The hooks in the order in which their plugins were started; each loop keeps a chain made from them.
    package var registeredHooks: [any Hook] { hooks.withLock { $0 } }

    /// The loop on which a client lives.
    package func homeLoop(of subscriber: SubscriberID) -> Int {
        loopCount == 1 ? 0 : Int(UInt(bitPattern: subscriber.hashValue) % UInt(loopCount))
    }

    /// Above this many bytes on their way to one loop, the others stop reading from publishers.
    package static let transitHighWater = 64 * 1024 * 1024
    package static let transitLowWater = 16 * 1024 * 1024

    /// - Returns: the bytes now on their way to `loop`.
    func addTransit(_ byteCount: Int, to loop: Int) -> Int { inTransit[loop].add(byteCount) }

    package func transit(to loop: Int) -> Int { inTransit[loop].add(0) }
}

/// One loop's count of bytes in transit, on a cache line of its own.
private final class TransitGauge: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ count: Int) -> Int { value.wrappingAdd(count, ordering: .relaxed).newValue }
}
