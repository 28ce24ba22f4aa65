import Primitives
import Synchronization

/// All subscriptions of the node, found by topic. It says who gets a message. All loops share it.
///
/// There is one node for each level of a filter, and a path from a root makes up a filter. `+` and `#` are children
/// like others, but are found without a look-up.
///
///     mountpoint "" ── sport ─┬─ tennis ─┬─ player1   [session 7, QoS 1]
///                             │          └─ #         [session 3, QoS 0]
///                             └─ + ──── player1       [group "workers"]
///
///     levels    "sport" → 0, "tennis" → 1, "player1" → 2       each text held once (`LevelTable`)
///     nodes     [ root | sport | tennis | player1 | # | + | player1 | free | … ]     by integer (`PagedArray`)
///     children  (node, level) → node                                        one table (`IntegerTable`)
///     targets   [ 7 | 3 | … ]                                   all lists in one array (`ChunkPool`)
///
/// A match goes through the topic's levels once and keeps the nodes that it has reached. So its cost depends on the
/// subscriptions that match and on the wildcard paths beside them, not on the number of other subscriptions.
///
/// Locks: one for each loop, each on cache lines of its own, and one for threads that are no loop. A reader takes only
/// its own, for which it has to wait only while somebody writes; a writer takes all, in order. Only the lock of a
/// `SharedGroupMembers` is taken under them.
///
/// Invariants, checked by tests:
/// 1. A node without targets, groups and children does not exist; with no subscription there is no node and
///    no level.
/// 2. A session stands at most once in a node's targets, and at most once in each group.
/// 3. `generation` changes exactly when what `match` finds may change.
@safe package final class SubscriptionTrie: @unchecked Sendable {
    // `core` is read under any one of `locks` and written under all of them, hence @unchecked.
    private var core = SubscriptionTrieCore()
    private let locks: ContiguousArray<LoopLock>
    private let currentGeneration = Atomic<UInt64>(1)

    /// - Parameter loopCount: loops are numbered below this.
    package init(loopCount: Int) {
        locks = ContiguousArray((0...max(0, loopCount)).map { _ in LoopLock() })
    }

    /// What to give as `loop` on a thread that is no loop.
    package var noLoop: Int { locks.count - 1 }

    /// It changes when the result of `match` may change, so the result of a match is valid during its generation. To
    /// join or leave a shared group that goes on existing does not change it, because a match has the group, not its
    /// members.
    package var generation: UInt64 { currentGeneration.load(ordering: .acquiring) }

    /// Subscriptions, those of shared groups included.
    package var subscriptionCount: Int { read { $0.subscriptionCount } }

    /// Memory held by the structure, in bytes.
    package var byteCount: Int { read { $0.byteCount } }

    /// Nodes and distinct level texts; both 0 when there is no subscription.
    package var sizes: (nodes: Int, levels: Int) { read { ($0.nodeCount, $0.levels.count) } }

    /// - Parameters:
    ///   - filter: a valid topic filter, without the prefix `$share/name/`.
    ///   - shareName: the name between the slashes of `$share/name/`; nil if the subscription is not shared.
    ///   - presence: the session's; needed for shared subscriptions only.
    /// - Returns: true when the session had this filter already: its options were replaced [MQTT-3.8.4-3].
    /// - Complexity: O(length of filter); blocks all loops meanwhile.
    package func subscribe(
        _ filter: [UInt8], shareName: [UInt8]?, mountpoint: Mountpoint, target: SubscriptionTarget,
        presence: SessionPresence?
    ) -> Bool {
        write {
            $0.subscribe(
                filter, shareName: shareName, mountpoint: mountpoint, target: target, presence: presence)
        }
    }

    /// - Returns: false when the session had no such subscription.
    package func unsubscribe(
        _ filter: [UInt8], shareName: [UInt8]?, mountpoint: Mountpoint, session: SessionHandle
    ) -> Bool {
        write { $0.unsubscribe(filter, shareName: shareName, mountpoint: mountpoint, session: session) }
    }

    /// The members of `$share/shareName/filter`; nil when there is none.
    ///
    /// - Parameter loop: the calling loop, or `noLoop`.
    package func group(_ filter: [UInt8], shareName: [UInt8], mountpoint: Mountpoint, loop: Int)
        -> SharedGroupMembers?
    {
        locks[loop].scratch.withLock { _ in core.group(filter, shareName: shareName, mountpoint: mountpoint) }
    }

    /// Appends all subscriptions whose filter matches `topic` to `matches`: a session with several matching
    /// filters appears once for each, a shared group once for each name and filter. In no particular order.
    ///
    /// - Parameters:
    ///   - topic: a valid topic name; levels are compared byte by byte.
    ///   - loop: the calling loop, or `noLoop`.
    package func match(
        _ topic: RawSpan, mountpoint: Mountpoint, loop: Int, into matches: inout SubscriptionMatches
    ) {
        locks[loop].scratch.withLock { scratch in
            matches.generation = currentGeneration.load(ordering: .relaxed)
            core.match(topic, mountpoint: mountpoint, scratch: &scratch, into: &matches)
        }
    }

    // MARK: - Locks

    private func read<Value>(_ body: (borrowing SubscriptionTrieCore) -> Value) -> Value {
        locks[noLoop].scratch.withLock { _ in body(core) }
    }

    private func write(_ body: (inout SubscriptionTrieCore) -> SubscriptionChange) -> Bool {
        withAllLocks(from: 0) {
            let change = body(&core)
            if change.altersMatches { currentGeneration.wrappingAdd(1, ordering: .releasing) }
            return change.wasPresent
        }
    }

    /// Takes the locks from `index` on, in order, then calls `body`.
    private func withAllLocks(from index: Int, _ body: () -> Bool) -> Bool {
        guard index < locks.count else { return body() }
        return locks[index].scratch.withLock { _ in withAllLocks(from: index + 1, body) }
    }
}

/// Who gets a message: the subscriptions, and the shared groups of each of which one member does.
protocol RecipientLists {
    var targets: ContiguousArray<SubscriptionTarget> { get }
    /// One member of each gets a copy.
    var groups: ContiguousArray<SharedGroupMembers> { get }
}

extension SubscriptionMatches: RecipientLists {}

/// What a match found. The caller owns it and uses it again, so that its arrays keep their memory.
package struct SubscriptionMatches: Sendable {
    /// Subscriptions that are not shared. Each gets a copy.
    package var targets: ContiguousArray<SubscriptionTarget> = []
    /// Shared groups. One member of each gets a copy: call `pick` for each message.
    package var groups: ContiguousArray<SharedGroupMembers> = []
    /// The trie's generation that the last match saw.
    package var generation: UInt64 = 0

    /// Nothing was found yet.
    package init() {}

    /// Whether nobody gets the message.
    package var isEmpty: Bool { targets.isEmpty && groups.isEmpty }

    /// How copies of a message share its body in the store.
    var keeping: BodySharing {
        var sessions: Set<UInt64> = []
        var count = 0
        for target in targets where target.storeNumber != 0 {
            count += 1
            sessions.insert(target.storeNumber)
        }
        // It is not known yet which member of a shared group gets the copy: it may be a session that gets another one.
        if sessions.count < count || (!groups.isEmpty && count + groups.count > 1) { return .numberForEach }
        return count > 1 ? .shared : .single
    }

    /// Empties both lists. Their memory is kept, unless it is so large that one unusual match must have needed it.
    package mutating func removeAll() {
        targets.removeAll(keepingCapacity: targets.capacity <= Self.keptCapacity)
        groups.removeAll(keepingCapacity: groups.capacity <= Self.keptCapacity)
    }

    /// 1.5 MB of targets.
    package static let keptCapacity = 1 << 16
}

/// One loop's lock, and memory that only its holder uses. It is padded, because two loops' locks on one cache line
/// would slow each other down.
private final class LoopLock: Sendable {
    private let before = InlineArray<8, UInt64>(repeating: 0)
    let scratch = Mutex(MatchScratch())
    private let after = InlineArray<8, UInt64>(repeating: 0)
}

/// How the stored copies of one message share its body. The key of a row has the number of its session and of its
/// message, so two copies for one session need two numbers.
enum BodySharing {
    /// There is one copy at most.
    case single
    /// One body for all.
    case shared
    /// Each copy has a number of its own, because a session may get two copies by overlapping subscriptions. All share
    /// one body, unless the message is small.
    case numberForEach
}
