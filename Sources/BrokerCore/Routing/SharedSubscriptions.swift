package import Primitives
import Synchronization

/// Which member of a shared subscription gets a message; the setting `shared_subscription_policy`.
///
/// The policies differ only when there are members on other nodes. Among members of this node all do the same, as in
/// VerneMQ: they pick one that is online, at random, and if none is online, one that is offline.
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
/// The trie removes it with its last member; a route that still has it then finds it empty. Its lock is held for one
/// operation. It may be taken while the trie's locks are held; the trie's locks are never taken under it.
///
///     members  [ online | online | offline | offline | offline | gone ]
///                                ▲ onlineCount                 ▲ aliveCount
///
/// The position of a member follows its `SessionPresence`, somewhat later. Each operation takes the same time however
/// many members there are.
package final class SharedGroupMembers: Sendable {
    /// The ShareName of its members' filters.
    package let shareName: UTF8Text
    /// The name's level in the trie's table.
    let nameLevel: UInt32

    fileprivate struct Members {
        var targets: ContiguousArray<SubscriptionTarget> = []
        /// The presence of each of `targets`.
        var presences: ContiguousArray<SessionPresence> = []
        /// How many members are online; they come first.
        var onlineCount = 0
        /// How many members have not ended; those that have come last.
        var aliveCount = 0
        /// The position of each member, by `SessionHandle.bits`.
        var positions = IntegerTable()
        /// Members whose copy would have to be stored.
        var storingCount = 0
        /// The handles of the members that ended last, as a ring from `nextEnded` on. A copy that was on its way to one
        /// of them from another loop is given to another member.
        var ended: ContiguousArray<UInt64> = []
        var nextEnded = 0
    }

    private let members = Mutex(Members())

    init(shareName: UTF8Text, nameLevel: UInt32) {
        self.shareName = shareName
        self.nameLevel = nameLevel
    }

    /// How many members there are, and how many of them are online.
    package var counts: (members: Int, online: Int) {
        members.withLock { ($0.targets.count, $0.onlineCount) }
    }

    /// Memory of one member, in bytes.
    static let memberByteCount = MemoryLayout<SubscriptionTarget>.stride + 8 + 24
    /// Memory of a group, in bytes, without its members.
    static let byteCount = 256

    /// A copy of the members, those online first; for tools.
    package func list() -> [(target: SubscriptionTarget, isOnline: Bool)] {
        members.withLock { members in
            members.targets.enumerated().map { ($0.element, $0.offset < members.onlineCount) }
        }
    }

    /// Whether a message that one of the members gets would have to be stored.
    var mayStore: Bool { members.withLock { $0.storingCount > 0 } }

    /// Whether the session is a member, or was one and ended a short time ago. A copy is on its way for a turn or two.
    /// A group remembers as many ended members as it had members, but at least 64 and at most 4,096.
    func hadMember(_ session: SessionHandle) -> Bool {
        members.withLock {
            $0.positions.find(session.bits) != IntegerTable.none || $0.ended.contains(session.bits)
        }
    }

    /// The member to get one message. Any thread.
    ///
    /// - Parameters:
    ///   - random: any number; each member that is online is equally likely.
    ///   - publisher: the session that published; a member with No Local does not get its own messages.
    ///   - excluding: sessions that were tried and could not take the message.
    /// - Returns: nil when there is no such member.
    package func pick(
        random: UInt64, policy: SharedSubscriptionPolicy, publisher: SessionHandle? = nil,
        excluding: ContiguousArray<SessionHandle> = []
    ) -> SubscriptionTarget? {
        members.withLock { members in
            members.pickOnline(random, publisher, excluding)
                ?? members.pickOffline(random, publisher, excluding)
        }
    }

    // MARK: - Called by the trie

    /// - Returns: true when the session was a member already.
    func insert(_ target: SubscriptionTarget, _ presence: SessionPresence) -> Bool {
        members.withLock { members in
            let wasMember = members.remove(target.session)
            members.insert(target, presence)
            return wasMember
        }
    }

    /// - Returns: whether the session was a member, and how many members are left.
    func remove(_ session: SessionHandle) -> (wasMember: Bool, left: Int) {
        members.withLock { (wasMember: $0.remove(session), left: $0.targets.count) }
    }

    /// Moves a member to the position that its presence asks for.
    func settle(_ session: SessionHandle) {
        members.withLock { members in
            let position = members.positions.find(session.bits)
            if position != IntegerTable.none { members.settle(Int(position)) }
        }
    }
}

extension SharedGroupMembers.Members {
    fileprivate mutating func insert(_ target: SubscriptionTarget, _ presence: SessionPresence) {
        targets.append(target)
        presences.append(presence)
        if target.needsStore { storingCount += 1 }
        positions.set(target.session.bits, to: UInt32(targets.count - 1))
        settle(targets.count - 1)
    }

    fileprivate mutating func remove(_ session: SessionHandle) -> Bool {
        let found = positions.find(session.bits)
        guard found != IntegerTable.none else { return false }
        let position = retire(Int(found))
        exchange(position, targets.count - 1)
        if targets.removeLast().needsStore { storingCount -= 1 }
        if presences.removeLast().state == .gone { rememberEnded(session.bits) }
        positions.remove(session.bits)
        return true
    }

    private mutating func rememberEnded(_ bits: UInt64) {
        guard ended.count >= min(4096, max(64, targets.capacity)) else {
            ended.append(bits)
            return
        }
        nextEnded = (nextEnded + 1) % ended.count
        ended[nextEnded] = bits
    }

    fileprivate mutating func settle(_ position: Int) {
        switch presences[position].state {
        case .online:
            if position < onlineCount { return }
            let alive = revive(position)
            exchange(alive, onlineCount)
            onlineCount += 1
        case .offline:
            if position < onlineCount { _ = moveOffline(position) } else { _ = revive(position) }
        case .gone: _ = retire(position)
        }
    }

    /// Moves a member from those online to those offline. - Returns: its new position.
    private mutating func moveOffline(_ position: Int) -> Int {
        guard position < onlineCount else { return position }
        onlineCount -= 1
        exchange(position, onlineCount)
        return onlineCount
    }

    /// Moves a member behind all that have not ended. - Returns: its new position.
    private mutating func retire(_ position: Int) -> Int {
        let position = moveOffline(position)
        guard position < aliveCount else { return position }
        aliveCount -= 1
        exchange(position, aliveCount)
        return aliveCount
    }

    /// Moves a member from those that have ended to those that have not. - Returns: its new position.
    private mutating func revive(_ position: Int) -> Int {
        guard position >= aliveCount else { return position }
        exchange(position, aliveCount)
        aliveCount += 1
        return aliveCount - 1
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        guard left != right else { return }
        targets.swapAt(left, right)
        presences.swapAt(left, right)
        positions.set(targets[left].session.bits, to: UInt32(left))
        positions.set(targets[right].session.bits, to: UInt32(right))
    }

    /// How many members that have gone offline or ended are moved while one message is given. They are not found again
    /// by the next message.
    private static var lookLimit: Int { 16 }

    /// Begins at a random position and picks the first member that may get the message.
    fileprivate mutating func pickOnline(
        _ random: UInt64, _ publisher: SessionHandle?, _ excluding: ContiguousArray<SessionHandle>
    ) -> SubscriptionTarget? {
        var moved = 0
        var passed = 0
        var position = onlineCount > 0 ? Int(random % UInt64(onlineCount)) : 0
        // `passed` counts the publisher and those excluded, which are few; `moved` is limited.
        while passed < onlineCount, moved < Self.lookLimit {
            position = position < onlineCount ? position : 0
            let target = targets[position]
            if presences[position].state != .online {
                settle(position)  // another takes its place
                moved += 1
            } else if isPassed(target, publisher, excluding) {
                passed += 1
                position += 1
            } else {
                return target
            }
        }
        return nil
    }

    fileprivate mutating func pickOffline(
        _ random: UInt64, _ publisher: SessionHandle?, _ excluding: ContiguousArray<SessionHandle>
    ) -> SubscriptionTarget? {
        var moved = 0
        var passed = 0
        var position = onlineCount < aliveCount ? Int(random % UInt64(aliveCount - onlineCount)) : 0
        while passed < aliveCount - onlineCount, moved < Self.lookLimit {
            position = position < aliveCount - onlineCount ? position : 0
            let index = onlineCount + position
            let target = targets[index]
            if presences[index].state == .gone {
                settle(index)
                moved += 1
            } else if isPassed(target, publisher, excluding) {
                passed += 1
                position += 1
            } else {
                return target
            }
        }
        return nil
    }

    private func isPassed(
        _ target: SubscriptionTarget, _ publisher: SessionHandle?, _ excluding: ContiguousArray<SessionHandle>
    ) -> Bool {
        (target.isNoLocal && target.session == publisher) || excluding.contains(target.session)
    }
}

extension SubscriptionTarget {
    /// Whether a copy with these options is stored.
    fileprivate var needsStore: Bool { storeNumber != 0 && qos > 0 }
}
