import Primitives

/// What a change of the subscriptions did.
struct SubscriptionChange {
    /// Whether the subscription was there before.
    let wasPresent: Bool
    /// Whether the result of a match may change.
    let altersMatches: Bool
}

/// The data of `SubscriptionTrie`, without its locks: nodes, levels, lists.
///
/// It is not copyable and has no references, so that a reader changes no reference count, which several loops would
/// change at the same time.
struct SubscriptionTrieCore: ~Copyable {
    struct Node: BitwiseCopyable {
        /// The node above; for a root its mountpoint; for a free node the next free one.
        var parent: UInt32
        /// The level's id, or one of the marks below.
        var level: UInt32
        var plusChild = SubscriptionTrieCore.none
        var multiChild = SubscriptionTrieCore.none
        /// Children that are neither `+` nor `#`.
        var literalCount: UInt32 = 0
        var targets = TargetList()
        /// The node has an entry in `groups`.
        var hasGroups = false

        var isEmpty: Bool {
            targets.count == 0 && !hasGroups && literalCount == 0
                && plusChild == SubscriptionTrieCore.none && multiChild == SubscriptionTrieCore.none
        }
    }

    /// No node.
    static let none = UInt32.max
    private static let plusLevel = LevelTable.idLimit
    private static let multiLevel = LevelTable.idLimit + 1
    private static let rootLevel = LevelTable.idLimit + 2

    private(set) var nodes = PagedArray<Node>()
    private var firstFree = SubscriptionTrieCore.none
    /// By mountpoint.
    private(set) var roots: ContiguousArray<UInt32> = []
    private(set) var levels = LevelTable()
    private(set) var children = IntegerTable()
    private(set) var targets = TargetLists()
    private(set) var groups = SharedGroupLists()
    private(set) var nodeCount = 0
    private(set) var subscriptionCount = 0

    var byteCount: Int {
        var total = nodes.byteCount + roots.capacity * 4
        total += levels.byteCount + children.byteCount + targets.byteCount + groups.byteCount
        return total
    }

    @inline(__always)
    static func childKey(_ node: UInt32, _ level: UInt32) -> UInt64 { UInt64(node) << 32 | UInt64(level) }

    // MARK: - Subscriptions

    mutating func subscribe(
        _ filter: [UInt8], shareName: [UInt8]?, mountpoint: Mountpoint, target: SubscriptionTarget,
        presence: SessionPresence?
    ) -> SubscriptionChange {
        let node = findOrCreate(filter, mountpoint)
        guard let shareName, let presence else {
            let wasPresent = targets.set(target, in: &nodes[Int(node)].targets, node: node)
            if !wasPresent { subscriptionCount += 1 }
            return SubscriptionChange(wasPresent: wasPresent, altersMatches: true)
        }
        let name = unsafe levels.retain(shareName.span.bytes)
        if let group = groups.find(node, name: name) {
            levels.release(name)  // the group holds it already
            let wasPresent = group.insert(target, presence)
            if !wasPresent { count(members: 1) }
            return SubscriptionChange(wasPresent: wasPresent, altersMatches: false)
        }
        let group = SharedGroupMembers(shareName: UTF8Text(bytes: shareName), nameLevel: name)
        _ = group.insert(target, presence)
        groups.add(group, to: node)
        nodes[Int(node)].hasGroups = true
        count(members: 1)
        return SubscriptionChange(wasPresent: false, altersMatches: true)
    }

    private mutating func count(members change: Int) {
        subscriptionCount += change
        groups.memberCount += change
    }

    mutating func unsubscribe(
        _ filter: [UInt8], shareName: [UInt8]?, mountpoint: Mountpoint, session: SessionHandle
    ) -> SubscriptionChange {
        let nothing = SubscriptionChange(wasPresent: false, altersMatches: false)
        let node = find(filter, mountpoint)
        guard node != Self.none else { return nothing }
        guard let shareName else {
            guard targets.remove(session, from: &nodes[Int(node)].targets, node: node) else { return nothing }
            subscriptionCount -= 1
            prune(node)
            return SubscriptionChange(wasPresent: true, altersMatches: true)
        }
        guard let group = group(shareName, at: node) else { return nothing }
        let (wasMember, left) = group.remove(session)
        guard wasMember else { return nothing }
        count(members: -1)
        guard left == 0 else { return SubscriptionChange(wasPresent: true, altersMatches: false) }
        if groups.remove(group, from: node) {
            nodes[Int(node)].hasGroups = false
            prune(node)
        }
        levels.release(group.nameLevel)
        return SubscriptionChange(wasPresent: true, altersMatches: true)
    }

    func group(_ filter: [UInt8], shareName: [UInt8], mountpoint: Mountpoint) -> SharedGroupMembers? {
        let node = find(filter, mountpoint)
        return node == Self.none ? nil : group(shareName, at: node)
    }

    private func group(_ shareName: [UInt8], at node: UInt32) -> SharedGroupMembers? {
        let name = unsafe levels.find(shareName.span.bytes)
        return name == LevelTable.none ? nil : groups.find(node, name: name)
    }

    // MARK: - Paths

    private func find(_ filter: [UInt8], _ mountpoint: Mountpoint) -> UInt32 {
        guard Int(mountpoint.id) < roots.count else { return Self.none }
        var node = roots[Int(mountpoint.id)]
        let text = unsafe filter.span.bytes
        var start = 0
        while node != Self.none {
            let end = text.endOfLevel(from: start)
            if text.isWildcard(start..<end, "+") {
                node = nodes[Int(node)].plusChild
            } else if text.isWildcard(start..<end, "#") {
                node = nodes[Int(node)].multiChild
            } else {
                let level = levels.find(text.extracting(start..<end))
                guard level != LevelTable.none else { return Self.none }
                node = children.find(Self.childKey(node, level))
            }
            if end == text.byteCount { break }
            start = end + 1
        }
        return node
    }

    private mutating func findOrCreate(_ filter: [UInt8], _ mountpoint: Mountpoint) -> UInt32 {
        var node = root(mountpoint)
        let text = unsafe filter.span.bytes
        var start = 0
        while true {
            let end = text.endOfLevel(from: start)
            if text.isWildcard(start..<end, "+") {
                node = plusChild(node)
            } else if text.isWildcard(start..<end, "#") {
                node = multiChild(node)
            } else {
                node = literalChild(node, text.extracting(start..<end))
            }
            if end == text.byteCount { return node }
            start = end + 1
        }
    }

    private mutating func root(_ mountpoint: Mountpoint) -> UInt32 {
        let index = Int(mountpoint.id)
        while roots.count <= index { roots.append(Self.none) }
        if roots[index] == Self.none { roots[index] = add(parent: mountpoint.id, level: Self.rootLevel) }
        return roots[index]
    }

    private mutating func plusChild(_ node: UInt32) -> UInt32 {
        let known = nodes[Int(node)].plusChild
        guard known == Self.none else { return known }
        let child = add(parent: node, level: Self.plusLevel)
        nodes[Int(node)].plusChild = child
        return child
    }

    private mutating func multiChild(_ node: UInt32) -> UInt32 {
        let known = nodes[Int(node)].multiChild
        guard known == Self.none else { return known }
        let child = add(parent: node, level: Self.multiLevel)
        nodes[Int(node)].multiChild = child
        return child
    }

    private mutating func literalChild(_ node: UInt32, _ text: RawSpan) -> UInt32 {
        let level = levels.retain(text)
        let known = children.find(Self.childKey(node, level))
        guard known == IntegerTable.none else {
            levels.release(level)  // the child holds it already
            return known
        }
        let child = add(parent: node, level: level)
        children.set(Self.childKey(node, level), to: child)
        nodes[Int(node)].literalCount += 1
        return child
    }

    private mutating func add(parent: UInt32, level: UInt32) -> UInt32 {
        nodeCount += 1
        let node = Node(parent: parent, level: level)
        guard firstFree == Self.none else {
            let index = firstFree
            firstFree = nodes[Int(index)].parent
            nodes[Int(index)] = node
            return index
        }
        precondition(nodes.count < Int(Self.none), "more nodes than ids")
        nodes.append(node)
        return UInt32(nodes.count - 1)
    }

    /// Removes `start` if it is empty, and each node above that is empty then (invariant 1).
    private mutating func prune(_ start: UInt32) {
        var index = start
        while nodes[Int(index)].isEmpty {
            let node = nodes[Int(index)]
            nodes[Int(index)].parent = firstFree
            firstFree = index
            nodeCount -= 1
            let parent = Int(node.parent)
            switch node.level {
            case Self.rootLevel:
                roots[parent] = Self.none
                if nodeCount == 0 {
                    nodes = PagedArray()  // no subscription is left: let go of the memory
                    firstFree = Self.none
                    children = IntegerTable()
                }
                return
            case Self.plusLevel:
                nodes[parent].plusChild = Self.none
            case Self.multiLevel:
                nodes[parent].multiChild = Self.none
            default:
                children.remove(Self.childKey(node.parent, node.level))
                levels.release(node.level)
                nodes[parent].literalCount -= 1
            }
            index = node.parent
        }
    }
}
