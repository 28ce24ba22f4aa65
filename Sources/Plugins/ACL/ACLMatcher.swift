package import Primitives

/// The rules of an access control file, compiled: a trie of their levels for everybody, patterns included, and one for
/// each user. What a question costs depends on the levels of its topic and the rules that match them, not on those that do
/// not. Immutable; it asks for no memory while it matches.
///
///     roots:  everybody ─┬─ news ── #            node: what a rule that ends here allows, and what one allows that
///                        ├─ %c ── state                ends with a # behind it; edges of literal levels are in one
///                        └─ + ── x                     hash table (node, level) → node
///             ada ──────── ada ── #
package final class ACLMatcher: Sendable {
    /// How filters and topics are compared.
    package struct Manners: Equatable, Sendable {
        /// A subscription must be within a rule: `a/+` does not allow `a/#`. Off: VerneMQ's comparison, where `+` stands for
        /// any one level of a subscription, `#` too.
        package var isStrict = true
        /// A rule that begins with a wildcard does not reach topics that begin with `$`. Off: VerneMQ's, where `#` does.
        package var protectsSystemTopics = true

        package init() {}
    }

    /// What stands for a client in patterns.
    package struct Names: ~Escapable {
        let clientID: RawSpan
        /// Empty = there is none, which matches no level.
        let userName: RawSpan
        let mountpoint: RawSpan

        @_lifetime(copy clientID, copy userName, copy mountpoint)
        package init(clientID: RawSpan, userName: RawSpan, mountpoint: RawSpan) {
            self.clientID = clientID
            self.userName = userName
            self.mountpoint = mountpoint
        }
    }

    struct Node {
        /// Of rules that end here.
        var access: UInt8 = 0
        /// Of rules that end with a `#` behind this level.
        var rest: UInt8 = 0
        var plus: Int32 = -1
        var clientID: Int32 = -1
        var userName: Int32 = -1
        var mountpoint: Int32 = -1
        var hasLiterals = false
    }

    /// One literal level.
    struct Edge {
        /// -1 = the place is free.
        var node: Int32 = -1
        var child: Int32 = -1
        var offset: UInt32 = 0
        var count: UInt32 = 0
    }

    /// 0 is everybody's.
    let nodes: ContiguousArray<Node>
    /// A power of two of places, at least half of them free.
    let edges: ContiguousArray<Edge>
    /// The bytes of all literal levels.
    let texts: [UInt8]
    let users: [UTF8Text: Int32]
    package let manners: Manners
    /// Rules in it.
    package let ruleCount: Int

    package init(_ rules: [ACLRule], _ manners: Manners) {
        var builder = ACLMatcherBuilder()
        for rule in rules { builder.add(rule) }
        nodes = builder.nodes
        (edges, texts) = builder.table()
        users = builder.users
        self.manners = manners
        ruleCount = rules.count
    }

    /// Bytes of memory that it takes, about.
    package var byteCount: Int {
        nodes.count * MemoryLayout<Node>.stride + edges.count * MemoryLayout<Edge>.stride + texts.count
            + users.keys.reduce(0) { $0 + $1.count + 64 }
    }

    // MARK: Questions

    /// Whether a client may publish to a topic.
    package func allowsPublish(_ topic: RawSpan, _ names: Names, userName: UTF8Text?) -> Bool {
        allows(topic, 0, ACLRule.Access.write.rawValue, names, userName, isFilter: false)
    }

    /// Whether a client may subscribe. A shared subscription may what its filter may; a rule that names `$share` itself
    /// counts too, as in VerneMQ.
    package func allowsSubscribe(_ filter: RawSpan, _ names: Names, userName: UTF8Text?) -> Bool {
        let access = ACLRule.Access.read.rawValue
        if let start = Self.sharedStart(filter) {
            if allows(filter, start, access, names, userName, isFilter: true) { return true }
            return allows(filter, 0, access, names, userName, isFilter: true, sharedAt: start)
        }
        return allows(filter, 0, access, names, userName, isFilter: true)
    }

    private func allows(
        _ text: RawSpan, _ start: Int, _ access: UInt8, _ names: Names, _ userName: UTF8Text?, isFilter: Bool,
        sharedAt: Int = -1
    ) -> Bool {
        let walk = ACLWalk(
            matcher: self, text: text, names: names, access: access, isFilter: isFilter, start: start,
            sharedAt: sharedAt)
        if walk.matches(0, start) { return true }
        guard let userName, let root = users[userName] else { return false }
        return walk.matches(root, start)
    }

    /// Where the filter of a shared subscription begins; nil = it is none.
    private static func sharedStart(_ filter: RawSpan) -> Int? {
        let prefix = "$share/".utf8
        guard filter.byteCount > prefix.count else { return nil }
        for (index, byte) in prefix.enumerated() where filter.byte(at: index) != byte { return nil }
        for index in prefix.count..<filter.byteCount where filter.byte(at: index) == UInt8(ascii: "/") {
            return index + 1
        }
        return nil
    }

    // MARK: Edges

    static func hash(_ node: Int32, _ level: RawSpan, _ start: Int, _ end: Int) -> UInt64 {
        var hash = UInt64(UInt32(bitPattern: node)) &* 0x9E37_79B9_7F4A_7C15 ^ 0xCBF2_9CE4_8422_2325
        for index in start..<end { hash = (hash ^ UInt64(level.byte(at: index))) &* 0x100_0000_01B3 }
        return hash ^ hash >> 32
    }

    func child(of node: Int32, _ text: RawSpan, _ start: Int, _ end: Int) -> Int32 {
        let mask = edges.count - 1
        var place = Int(truncatingIfNeeded: Self.hash(node, text, start, end)) & mask
        let count = end - start
        while edges[place].node >= 0 {
            if edges[place].node == node, Int(edges[place].count) == count,
                isEqual(Int(edges[place].offset), text, start, count)
            {
                return edges[place].child
            }
            place = (place + 1) & mask
        }
        return -1
    }

    private func isEqual(_ offset: Int, _ text: RawSpan, _ start: Int, _ count: Int) -> Bool {
        for index in 0..<count where texts[offset + index] != text.byte(at: start + index) { return false }
        return true
    }
}

/// One question on its way through a trie.
private struct ACLWalk: ~Escapable {
    let matcher: ACLMatcher
    let text: RawSpan
    let names: ACLMatcher.Names
    let access: UInt8
    /// The text is a filter, which may have wildcards.
    let isFilter: Bool
    /// The first byte of the first level.
    let start: Int
    /// Where the filter of a shared subscription begins that is looked at with its `$share`; -1 = it is not.
    let sharedAt: Int

    @_lifetime(copy text, copy names)
    init(
        matcher: ACLMatcher, text: RawSpan, names: ACLMatcher.Names, access: UInt8, isFilter: Bool,
        start: Int,
        sharedAt: Int
    ) {
        self.matcher = matcher
        self.text = text
        self.names = names
        self.access = access
        self.isFilter = isFilter
        self.start = start
        self.sharedAt = sharedAt
    }

    /// Whether a rule below `index` matches the levels that begin at `offset`. Each node is visited once at most, for one
    /// way leads to it; a text has at most as many levels as the rules are deep.
    func matches(_ index: Int32, _ offset: Int) -> Bool {
        let node = matcher.nodes[Int(index)]
        // All levels are used up. A # behind this level stands for none as well.
        if offset > text.byteCount { return (node.access | node.rest) & access != 0 }
        var end = offset
        while end < text.byteCount, text.byte(at: end) != UInt8(ascii: "/") { end += 1 }
        let isOne = end == offset + 1
        let isRest = isFilter && isOne && text.byte(at: offset) == UInt8(ascii: "#")
        let isPlus = isFilter && isOne && text.byte(at: offset) == UInt8(ascii: "+")
        let isReserved =
            matcher.manners.protectsSystemTopics && (offset == start || offset == sharedAt)
            && end > offset && text.byte(at: offset) == UInt8(ascii: "$")
        if !isReserved, node.rest & access != 0 { return true }
        let next = end + 1
        if !isReserved, node.plus >= 0, !isRest || !matcher.manners.isStrict, matches(node.plus, next) {
            return true
        }
        // What a subscription names by a wildcard no rule that names one level allows.
        if isRest || isPlus { return false }
        if node.hasLiterals {
            let child = matcher.child(of: index, text, offset, end)
            if child >= 0, matches(child, next) { return true }
        }
        if isReserved { return false }
        if node.clientID >= 0, isLevel(offset, end, names.clientID), matches(node.clientID, next) {
            return true
        }
        if node.userName >= 0, isLevel(offset, end, names.userName), matches(node.userName, next) {
            return true
        }
        return node.mountpoint >= 0 && isLevel(offset, end, names.mountpoint)
            && matches(node.mountpoint, next)
    }

    /// Whether the level is this name of the client. A name that is empty is no level.
    private func isLevel(_ offset: Int, _ end: Int, _ name: RawSpan) -> Bool {
        guard name.byteCount > 0, name.byteCount == end - offset else { return false }
        for index in 0..<name.byteCount where name.byte(at: index) != text.byte(at: offset + index) {
            return false
        }
        return true
    }
}
