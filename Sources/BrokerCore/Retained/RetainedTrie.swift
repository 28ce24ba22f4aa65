import Synchronization

/// The last retained message of each topic, found by topic or by filter. Shared by all loops.
///
/// One node for each level of each topic. Siblings form a list, so that wildcards can walk them, and new
/// nodes go to its head, which is what makes cursors work (below).
///
///     mountpoint "" ─┬─ office ─┬─ lamp     "off"
///                    │          └─ door     "open"
///                    └─ garden   "wet"
///
///     levels    "office" → 0, "lamp" → 1, …                      each text held once (`LevelTable`)
///     nodes     [ root | office | lamp | door | garden | free | … ]     by integer (`PagedArray`)
///     children  (node, level) → node                          one table (`IntegerTable`)
///
/// A lookup by filter goes in slices, each under the lock for a bounded time; between two slices anybody may
/// set and remove. It walks the nodes in preorder and pins the node where it stopped. The pinned node, and so
/// the path to it, stays in place even without a message. Whatever is added later stands before the pinned
/// node in the order (or below a node that was not reached yet), therefore:
///
/// 1. No topic is found twice by one cursor, even when it was removed and set again meanwhile.
/// 2. A topic that was there all the time is found.
/// 3. A cursor that is dropped lets go of its node; it holds up nobody.
///
/// One lock; no other is taken under it.
package final class RetainedTrie<Message: Sendable>: Sendable {
    private let core = Mutex(RetainedTrieCore<Message>())

    /// Holds no message.
    package init() {}

    /// How many topics have a message.
    package var count: Int { core.withLock { $0.messageCount } }

    /// Memory held, in bytes: the structure, and what callers said their messages take.
    package var byteCount: Int { core.withLock { $0.byteCount } }

    /// Nodes and distinct level texts; both 0 when there is no message and no cursor on its way.
    package var sizes: (nodes: Int, levels: Int) { core.withLock { ($0.nodeCount, $0.levels.count) } }

    /// - Parameters:
    ///   - topic: a valid topic name.
    ///   - byteCount: memory that `message` takes, for `byteCount` of the trie.
    /// - Returns: the message that the topic had until now.
    @discardableResult
    package func set(
        _ topic: RawSpan, mountpoint: Mountpoint, message: Message, byteCount: Int
    ) -> Message? {
        core.withLock { $0.set(topic, mountpoint, message, byteCount) }
    }

    /// - Returns: the message that the topic had; nil when it had none.
    @discardableResult
    package func remove(_ topic: RawSpan, mountpoint: Mountpoint) -> Message? {
        core.withLock { $0.remove(topic, mountpoint) }
    }

    /// Removes the topic's message if `condition` holds for it, in one step: another loop may have set a new one.
    ///
    /// - Parameter condition: called under the lock; must be quick and not touch the trie.
    @discardableResult
    package func remove(
        _ topic: RawSpan, mountpoint: Mountpoint, where condition: (Message) -> Bool
    ) -> Message? {
        core.withLock { core in
            guard let message = core.get(topic, mountpoint), condition(message) else { return nil }
            return core.remove(topic, mountpoint)
        }
    }

    /// The retained message of a topic; nil = there is none.
    package func get(_ topic: RawSpan, mountpoint: Mountpoint) -> Message? {
        core.withLock { $0.get(topic, mountpoint) }
    }

    /// Where a lookup by filter has come to. Begin with a new one and pass it to each call; use it for one
    /// filter only.
    package struct Cursor: Sendable {
        fileprivate var pin: Pin?

        /// At the beginning of a look-up.
        package init() {}
    }

    /// Holds one node in place. The last copy of a cursor that goes away releases it.
    fileprivate final class Pin: Sendable {
        let position: RetainedTrieCore<Message>.Position
        private let trie: RetainedTrie

        init(_ position: RetainedTrieCore<Message>.Position, in trie: RetainedTrie) {
            self.position = position
            self.trie = trie
        }

        deinit { trie.core.withLock { $0.unpin(position.node) } }
    }

    /// Appends the next messages whose topic matches `filter` to `messages`.
    ///
    /// - Parameters:
    ///   - filter: a valid topic filter. Wildcards at its first level pass by topics that begin with `$`
    ///     [MQTT-4.7.2-1].
    ///   - limit: how many messages to append at most.
    ///   - visits: how many nodes to look at; bounds the time under the lock when few of them match.
    ///   - visited: gets the number of nodes looked at, and what it took to read the filter, added to it.
    /// - Returns: true when the lookup has not come to its end: call again, even if nothing was appended.
    package func match(
        _ filter: [UInt8], mountpoint: Mountpoint, cursor: inout Cursor, limit: Int, visits: Int,
        visited: inout Int, into messages: inout ContiguousArray<Message>
    ) -> Bool {
        let previous = cursor.pin  // released after the lock, which its deinit takes
        let reached = core.withLock { core in
            core.match(
                filter, mountpoint, from: previous?.position, limit: max(1, limit), visits: max(1, visits),
                visited: &visited, into: &messages)
        }
        cursor.pin = reached.map { Pin($0, in: self) }
        withExtendedLifetime(previous) {}
        return reached != nil
    }

    /// As above, for who does not count.
    package func match(
        _ filter: [UInt8], mountpoint: Mountpoint, cursor: inout Cursor, limit: Int, visits: Int = 8192,
        into messages: inout ContiguousArray<Message>
    ) -> Bool {
        var visited = 0
        return match(
            filter, mountpoint: mountpoint, cursor: &cursor, limit: limit, visits: visits, visited: &visited,
            into: &messages)
    }

    /// Removes messages that `isUnwanted`, some nodes at a time: the sweep for expired ones. A message set
    /// during a sweep may have to wait for the next.
    ///
    /// - Parameters:
    ///   - position: 0 to begin; where to go on afterwards.
    ///   - visits: how many nodes to look at.
    ///   - isUnwanted: called under the lock; must be quick and not touch the trie.
    ///   - removed: gets the messages that were removed.
    /// - Returns: true when there is more to look at.
    package func sweep(
        from position: inout Int, visits: Int = 4096, into removed: inout ContiguousArray<Message>,
        where isUnwanted: (Message) -> Bool
    ) -> Bool {
        core.withLock { $0.sweep(from: &position, visits: max(1, visits), into: &removed, where: isUnwanted) }
    }

    /// The last of many messages has gone, and with it all nodes: call `freeMemory` for what they took.
    package var holdsSpareMemory: Bool { core.withLock { $0.holdsSpareMemory } }

    /// Gives back a part of the memory, in well under a millisecond.
    ///
    /// - Returns: true when there is more.
    package func freeMemory() -> Bool {
        core.withLock { core in
            core.freeMemory()
            return core.holdsSpareMemory
        }
    }

    /// Appends messages of all mountpoints, some nodes at a time; for tools and saving. A topic that is
    /// removed and set again meanwhile may appear twice.
    ///
    /// - Parameter position: 0 to begin; where to go on afterwards.
    /// - Returns: true when there is more to look at.
    package func list(
        from position: inout Int, visits: Int = 4096, into messages: inout ContiguousArray<Message>
    ) -> Bool {
        core.withLock { $0.list(from: &position, visits: max(1, visits), into: &messages) }
    }
}
