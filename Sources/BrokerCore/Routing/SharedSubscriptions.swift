package import Primitives
import Synchronization

/// Which member of a shared subscription gets a message; the setting `shared_subscription_policy`.
///
/// The policies differ in where they look when members live on other nodes. Among members of this node all do
/// the same (as in VerneMQ): one that is online, at random; if none is, one that is offline.
package enum SharedSubscriptionPolicy: String, CaseIterable, Sendable {
    /// Members of this node if there are any, else all.
    case preferLocal = "prefer_local"
    /// All members alike.
    case random
    /// Members of this node; no other gets the message.
    case localOnly = "local_only"
    /// Members of this node that are online, then those of other nodes, then offline ones of this node.
    case preferOnlineBeforeLocal = "prefer_online_before_local"
}

/// The members of one shared subscription: the sessions of this node that subscribed `$share/name/filter`
/// with the same name and filter. Each message goes to one of them [MQTT-4.8.2-4].
///
/// Lives as long as it has members; someone who still holds it after that finds it empty. Its lock is held
/// for one operation, and the trie's locks may be held around it, never the other way round.
///
///     members  [ online | online | offline | offline | offline ]
///                                ▲ onlineCount
package final class SharedGroupMembers: Sendable {
    package let shareName: UTF8Text
    /// The same for each group that ever has this name and filter.
    let identity: SharedGroupIdentity

    fileprivate struct Members {
        var targets: ContiguousArray<SubscriptionTarget> = []
        /// Those that are online come first.
        var onlineCount = 0
        /// By `SessionHandle.bits`.
        var positions = IntegerTable()
    }

    private let members = Mutex(Members())

    init(shareName: UTF8Text, filter: [UInt8], mountpoint: Mountpoint) {
        self.shareName = shareName
        identity = SharedGroupIdentity(shareName: shareName.bytes, filter: filter, mountpoint: mountpoint)
    }

    /// How many members there are, and how many of them are online.
    package var counts: (members: Int, online: Int) {
        members.withLock { ($0.targets.count, $0.onlineCount) }
    }

    /// Memory held, in bytes.
    package var byteCount: Int {
        members.withLock {
            $0.targets.capacity * MemoryLayout<SubscriptionTarget>.stride + $0.positions.byteCount + 96
        }
    }

    /// A copy of the members, those online first; for tools.
    package func list() -> [(target: SubscriptionTarget, isOnline: Bool)] {
        members.withLock { members in
            members.targets.enumerated().map { ($0.element, $0.offset < members.onlineCount) }
        }
    }

    /// The member to get one message. Any thread.
    ///
    /// - Parameters:
    ///   - random: any number; each member that is online is as likely as the next.
    ///   - publisher: the session that published, which members with the no-local option do not hear.
    ///   - excluding: sessions that were tried and could not take the message.
    /// - Returns: nil when nobody is left.
    package func pick(
        random: UInt64, policy: SharedSubscriptionPolicy, publisher: SessionHandle? = nil,
        excluding: ContiguousArray<SessionHandle> = []
    ) -> SubscriptionTarget? {
        members.withLock { members in
            members.pick(0..<members.onlineCount, random, publisher, excluding)
                ?? members.pick(members.onlineCount..<members.targets.count, random, publisher, excluding)
        }
    }

    // MARK: - Called by the trie

    /// - Returns: true when the session was a member already.
    func insert(_ target: SubscriptionTarget, isOnline: Bool) -> Bool {
        members.withLock { members in
            let wasMember = members.remove(target.session)
            members.insert(target, isOnline: isOnline)
            return wasMember
        }
    }

    /// - Returns: whether the session was a member, and how many members are left.
    func remove(_ session: SessionHandle) -> (wasMember: Bool, left: Int) {
        members.withLock { (wasMember: $0.remove(session), left: $0.targets.count) }
    }

    func setOnline(_ isOnline: Bool, _ session: SessionHandle) {
        members.withLock { members in
            let position = members.positions.find(session.bits)
            guard position != IntegerTable.none, (position < members.onlineCount) != isOnline else { return }
            let target = members.targets[Int(position)]
            _ = members.remove(session)
            members.insert(target, isOnline: isOnline)
        }
    }
}

extension SharedGroupMembers.Members {
    fileprivate mutating func insert(_ target: SubscriptionTarget, isOnline: Bool) {
        targets.append(target)
        positions.set(target.session.bits, to: UInt32(targets.count - 1))
        if isOnline {
            exchange(targets.count - 1, onlineCount)
            onlineCount += 1
        }
    }

    fileprivate mutating func remove(_ session: SessionHandle) -> Bool {
        let found = positions.find(session.bits)
        guard found != IntegerTable.none else { return false }
        var position = Int(found)
        if position < onlineCount {
            onlineCount -= 1
            exchange(position, onlineCount)
            position = onlineCount
        }
        exchange(position, targets.count - 1)
        targets.removeLast()
        positions.remove(session.bits)
        return true
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        guard left != right else { return }
        targets.swapAt(left, right)
        positions.set(targets[left].session.bits, to: UInt32(left))
        positions.set(targets[right].session.bits, to: UInt32(right))
    }

    /// Begins at a random place of `range` and takes the first that may have the message.
    fileprivate func pick(
        _ range: Range<Int>, _ random: UInt64, _ publisher: SessionHandle?,
        _ excluding: ContiguousArray<SessionHandle>
    ) -> SubscriptionTarget? {
        guard !range.isEmpty else { return nil }
        let start = Int(random % UInt64(range.count))
        for step in 0..<range.count {
            let target = targets[range.lowerBound + (start + step) % range.count]
            if target.isNoLocal, target.session == publisher { continue }
            if excluding.contains(target.session) { continue }
            return target
        }
        return nil
    }
}
