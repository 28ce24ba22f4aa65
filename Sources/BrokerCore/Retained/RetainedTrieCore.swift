import Primitives

/// The data of `RetainedTrie`, without its lock.
struct RetainedTrieCore<Message: Sendable>: ~Copyable {
    struct Node {
        /// The node above; for a root its mountpoint; for a free node the next free one.
        var parent: UInt32
        var level: UInt32
        var firstChild = UInt32.max
        var nextSibling = UInt32.max
        var previousSibling = UInt32.max
        /// Cursors that stopped here.
        var pins: UInt32 = 0
        /// Of `message`, as the caller counted it.
        var messageByteCount = 0
        var message: Message?
    }

    /// Where a lookup by filter stopped: at a node that it has seen, `depth` levels below the root.
    struct Position: Sendable {
        let node: UInt32
        let depth: Int
    }

    /// No node.
    static var none: UInt32 { .max }
    private static var rootLevel: UInt32 { LevelTable.idLimit }

    private(set) var nodes = PagedArray<Node>()
    private var firstFree = UInt32.max
    /// By mountpoint.
    private(set) var roots: ContiguousArray<UInt32> = []
    private(set) var levels = LevelTable()
    private(set) var children = IntegerTable()
    private(set) var nodeCount = 0
    private(set) var messageCount = 0
    private var messageByteCount = 0

    var byteCount: Int {
        nodes.byteCount + levels.byteCount + children.byteCount + messageByteCount
    }

    @inline(__always)
    static func childKey(_ node: UInt32, _ level: UInt32) -> UInt64 { UInt64(node) << 32 | UInt64(level) }

    // MARK: - One topic

    mutating func set(
        _ topic: RawSpan, _ mountpoint: Mountpoint, _ message: Message, _ byteCount: Int
    ) -> Message? {
        let index = Int(findOrCreate(topic, mountpoint))
        let old = nodes[index].message
        if old == nil { messageCount += 1 }
        messageByteCount += byteCount - nodes[index].messageByteCount
        nodes[index].message = message
        nodes[index].messageByteCount = byteCount
        return old
    }

    mutating func remove(_ topic: RawSpan, _ mountpoint: Mountpoint) -> Message? {
        let node = find(topic, mountpoint)
        guard node != Self.none else { return nil }
        return removeMessage(of: node)
    }

    func get(_ topic: RawSpan, _ mountpoint: Mountpoint) -> Message? {
        let node = find(topic, mountpoint)
        return node == Self.none ? nil : nodes[Int(node)].message
    }

    // MARK: - All topics, in the order of their nodes

    mutating func sweep(
        from position: inout Int, visits: Int, into removed: inout ContiguousArray<Message>,
        where isUnwanted: (Message) -> Bool
    ) -> Bool {
        let end = min(nodes.count, max(0, position) + visits)
        var index = max(0, position)
        // Removing the last message lets go of all nodes, hence the second condition.
        while index < end, index < nodes.count {
            if let message = nodes[index].message, isUnwanted(message) {
                removed.append(message)
                _ = removeMessage(of: UInt32(index))
            }
            index += 1
        }
        position = index
        return index < nodes.count
    }

    func list(from position: inout Int, visits: Int, into messages: inout ContiguousArray<Message>) -> Bool {
        let end = min(nodes.count, max(0, position) + visits)
        var index = max(0, position)
        while index < end {
            if let message = nodes[index].message { messages.append(message) }
            index += 1
        }
        position = index
        return index < nodes.count
    }

    /// Nodes were let go of whose memory `freeMemory` gives back.
    var holdsSpareMemory: Bool { nodes.hasSparePages }

    mutating func freeMemory() { nodes.freePages(64) }

    // MARK: - Pins

    mutating func pin(_ node: UInt32) {
        nodes[Int(node)].pins += 1
    }

    mutating func unpin(_ node: UInt32) {
        nodes[Int(node)].pins -= 1
        prune(node)
    }

    // MARK: - Nodes

    private mutating func removeMessage(of node: UInt32) -> Message? {
        guard let message = nodes[Int(node)].message else { return nil }
        messageCount -= 1
        messageByteCount -= nodes[Int(node)].messageByteCount
        nodes[Int(node)].message = nil
        nodes[Int(node)].messageByteCount = 0
        prune(node)
        return message
    }

    private func find(_ topic: RawSpan, _ mountpoint: Mountpoint) -> UInt32 {
        guard Int(mountpoint.id) < roots.count else { return Self.none }
        var node = roots[Int(mountpoint.id)]
        var start = 0
        while node != Self.none {
            let end = topic.endOfLevel(from: start)
            let level = levels.find(topic.extracting(start..<end))
            guard level != LevelTable.none else { return Self.none }
            node = children.find(Self.childKey(node, level))
            if end == topic.byteCount { break }
            start = end + 1
        }
        return node
    }

    private mutating func findOrCreate(_ topic: RawSpan, _ mountpoint: Mountpoint) -> UInt32 {
        var node = root(mountpoint)
        var start = 0
        while true {
            let end = topic.endOfLevel(from: start)
            node = child(node, topic.extracting(start..<end))
            if end == topic.byteCount { return node }
            start = end + 1
        }
    }

    private mutating func root(_ mountpoint: Mountpoint) -> UInt32 {
        let index = Int(mountpoint.id)
        while roots.count <= index { roots.append(Self.none) }
        if roots[index] == Self.none {
            roots[index] = add(Node(parent: mountpoint.id, level: Self.rootLevel))
        }
        return roots[index]
    }

    private mutating func child(_ parent: UInt32, _ text: RawSpan) -> UInt32 {
        let level = levels.retain(text)
        let known = children.find(Self.childKey(parent, level))
        guard known == IntegerTable.none else {
            levels.release(level)  // the child holds it already
            return known
        }
        // At the head: a cursor that has passed this list must not find what comes later.
        var node = Node(parent: parent, level: level)
        let next = nodes[Int(parent)].firstChild
        node.nextSibling = next
        let index = add(node)
        if next != Self.none { nodes[Int(next)].previousSibling = index }
        nodes[Int(parent)].firstChild = index
        children.set(Self.childKey(parent, level), to: index)
        return index
    }

    private mutating func add(_ node: Node) -> UInt32 {
        nodeCount += 1
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

    /// Removes `start` if it has neither message nor children nor pins, and each node above for which that is
    /// true then.
    private mutating func prune(_ start: UInt32) {
        var index = start
        while true {
            let node = nodes[Int(index)]
            guard node.message == nil, node.firstChild == Self.none, node.pins == 0 else { return }
            nodeCount -= 1
            nodes[Int(index)].parent = firstFree
            firstFree = index
            if node.level == Self.rootLevel {
                roots[Int(node.parent)] = Self.none
                if nodeCount == 0 {
                    nodes.removeAll()  // nothing is left: let go of the memory
                    firstFree = Self.none
                    children = IntegerTable()
                }
                return
            }
            unlink(node)
            children.remove(Self.childKey(node.parent, node.level))
            levels.release(node.level)
            index = node.parent
        }
    }

    private mutating func unlink(_ node: Node) {
        if node.previousSibling == Self.none {
            nodes[Int(node.parent)].firstChild = node.nextSibling
        } else {
            nodes[Int(node.previousSibling)].nextSibling = node.nextSibling
        }
        if node.nextSibling != Self.none {
            nodes[Int(node.nextSibling)].previousSibling = node.previousSibling
        }
    }
}
