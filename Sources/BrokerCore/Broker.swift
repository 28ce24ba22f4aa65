import BrokerMetrics
package import Logging
package import Primitives
import Synchronization

/// What all loops share. Everything else belongs to one `Shard`.
///
/// `docs/architecture.md` §5 has the list of all locks, in the order in which a thread may take them.
package final class Broker: Sendable {
    /// What the operator has set.
    package let settings: BrokerSettings
    /// How many event loops there are.
    package let loopCount: Int
    /// All subscriptions, by topic filter.
    package let subscriptions: SubscriptionTrie
    /// All retained messages, by topic.
    package let retained: RetainedTrie<ApplicationMessage>
    /// The message store.
    package let store: any MessageStore
    /// The time.
    package let clock: any Clock
    /// The log.
    package let log: Logger
    let batches = DeliveryBatchPool()
    /// Bytes on their way to each loop: posted and not yet taken.
    private let inTransit: [TransitGauge]
    /// By loop: how far the copies that it stores have got.
    let horizons: [StoreHorizon]
    private let hooks: Mutex<[any Hook]>
    /// What hooks were asked, by plugin and point.
    package let tallies: HookTallies
    /// Logins that were refused.
    package let authFailures: AuthFailures
    /// Another number whenever hooks may decide otherwise about what they were asked before.
    private let decisions = Atomic<UInt64>(1)
    private let isChoosing = Atomic<Bool>(false)
    /// The last number that a stored message was given, and the last of a session.
    private let storeNumber = Atomic<UInt64>(0)
    private let sessionNumber = Atomic<UInt64>(0)
    let identifiers: PacketIdentifierCounters

    /// Subscriptions of the broker's own probes, one for each loop once somebody has probed.
    private let probeSubscriptions = Atomic<Int>(0)
    /// When a lapse of a loop was logged last, in nanoseconds of `MonotonicTime`; 0 = never.
    private let lapseToldAt = Atomic<UInt64>(0)

    /// The state that `loopCount` loops share.
    ///
    /// - Parameter hooks: in the order in which they are asked.
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
        tallies = HookTallies(loopCount: loopCount)
        authFailures = AuthFailures(log)
        identifiers = PacketIdentifierCounters(isUsed: store.isDurable)
        subscriptions = SubscriptionTrie(loopCount: loopCount)
        retained = RetainedTrie()
        inTransit = (0..<loopCount).map { _ in TransitGauge() }
        horizons = (0..<loopCount).map { _ in StoreHorizon(loopCount: loopCount) }
    }

    /// The hooks in the order in which their plugins were started; each loop keeps a chain made from them.
    package var registeredHooks: [any Hook] { hooks.withLock { $0 } }

    /// Loops that are made from now on have these hooks. Loops that run are given them by `Shard.setHooks`.
    package func register(_ hooks: [any Hook]) { self.hooks.withLock { $0 = hooks } }

    /// A client has come through a listener that names the plugins which its clients are subject to.
    func noteChoosingListener() { isChoosing.store(true, ordering: .releasing) }

    /// Whether there is, or was, such a listener.
    var hasChoosingListener: Bool { isChoosing.load(ordering: .acquiring) }

    /// A hook may decide otherwise from now on: nothing that was allowed before is remembered. Any thread.
    package func forgetDecisions() { decisions.wrappingAdd(1, ordering: .releasing) }

    /// Of what is remembered now.
    var decisionGeneration: UInt64 { decisions.load(ordering: .acquiring) }

    // MARK: Numbers in the store

    /// A number for a message that is to be stored; ascending over all loops, so each publisher's messages keep their
    /// order.
    ///
    /// - Parameter isShared: several sessions may keep a copy: bit 0 says so for as long as the message lives.
    func takeStoreNumber(isShared: Bool) -> UInt64 {
        storeNumber.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue << 1 | (isShared ? 1 : 0)
    }

    /// No number above this one has been given.
    var lastStoreNumber: UInt64 { storeNumber.load(ordering: .sequentiallyConsistent) << 1 | 1 }

    /// A number for a session that is to be stored, never given before.
    func takeSessionNumber() -> UInt64 { sessionNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Numbers go on after these, the highest in the store; before any is given.
    package func goOn(afterMessage message: UInt64, session: UInt64) {
        storeNumber.store(message >> 1, ordering: .sequentiallyConsistent)
        sessionNumber.store(session, ordering: .sequentiallyConsistent)
    }

    // MARK: Loops

    /// Whether a lapse of a loop is logged: the first of all loops in each minute.
    func mayTell(ofLapseAt end: MonotonicTime) -> Bool {
        let last = lapseToldAt.load(ordering: .relaxed)
        guard last == 0 || end.nanoseconds(since: MonotonicTime(nanoseconds: last)) >= 60_000_000_000 else {
            return false
        }
        return lapseToldAt.compareExchange(
            expected: last, desired: max(1, end.nanoseconds), ordering: .relaxed
        ).exchanged
    }

    /// A loop has given itself a subscriber for probes.
    func noteProbeSubscription() { probeSubscriptions.wrappingAdd(1, ordering: .relaxed) }

    /// Subscriptions of clients. Any thread.
    package var subscriptionCount: Int {
        let probes = probeSubscriptions.load(ordering: .relaxed)
        return max(0, subscriptions.subscriptionCount - probes)
    }

    /// The loop on which a client lives.
    package func homeLoop(of subscriber: SubscriberID) -> Int {
        loopCount == 1 ? 0 : Int(UInt(bitPattern: subscriber.hashValue) % UInt(loopCount))
    }

    /// Above this many bytes on their way to one loop, the others stop reading from publishers.
    package static let transitHighWater = 64 * 1024 * 1024
    /// Bytes on their way to a loop, below which the others read from publishers again.
    package static let transitLowWater = 16 * 1024 * 1024

    /// - Returns: the bytes now on their way to `loop`.
    func addTransit(_ byteCount: Int, to loop: Int) -> Int { inTransit[loop].add(byteCount) }

    /// Bytes on their way to `loop` now.
    package func transit(to loop: Int) -> Int { inTransit[loop].add(0) }
}

/// One loop's count of bytes in transit, on a cache line of its own.
private final class TransitGauge: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ count: Int) -> Int { value.wrappingAdd(count, ordering: .relaxed).newValue }
}
