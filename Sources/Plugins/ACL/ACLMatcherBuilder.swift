import Primitives

/// Makes the tries of an `ACLMatcher`, rule by rule.
struct ACLMatcherBuilder {
    private struct Key: Hashable {
        let node: Int32
        let level: [UInt8]
    }

    private(set) var nodes: ContiguousArray<ACLMatcher.Node> = [ACLMatcher.Node()]
    private(set) var users: [UTF8Text: Int32] = [:]
    private var literals: [Key: Int32] = [:]

    mutating func add(_ rule: ACLRule) {
        var node: Int32 = 0
        if case .user(let name) = rule.scope { node = root(of: name) }
        for level in ACLFilter.levels(of: rule.filter) {
            if level == Array("#".utf8) {
                nodes[Int(node)].rest |= rule.access.rawValue
                return
            }
            node = child(of: node, level, isPattern: rule.scope == .pattern)
        }
        nodes[Int(node)].access |= rule.access.rawValue
    }

    private mutating func root(of user: UTF8Text) -> Int32 {
        if let root = users[user] { return root }
        let root = addNode()
        users[user] = root
        return root
    }

    private mutating func child(of node: Int32, _ level: [UInt8], isPattern: Bool) -> Int32 {
        if level == Array("+".utf8) { return child(of: node, \.plus) }
        if isPattern {
            switch String(decoding: level, as: UTF8.self) {
            case "%c": return child(of: node, \.clientID)
            case "%u": return child(of: node, \.userName)
            case "%m": return child(of: node, \.mountpoint)
            default: break
            }
        }
        let key = Key(node: node, level: level)
        if let found = literals[key] { return found }
        let made = addNode()
        nodes[Int(node)].hasLiterals = true
        literals[key] = made
        return made
    }

    private mutating func child(of node: Int32, _ place: WritableKeyPath<ACLMatcher.Node, Int32>) -> Int32 {
        let found = nodes[Int(node)][keyPath: place]
        if found >= 0 { return found }
        let made = addNode()
        nodes[Int(node)][keyPath: place] = made
        return made
    }

    private mutating func addNode() -> Int32 {
        nodes.append(ACLMatcher.Node())
        return Int32(nodes.count - 1)
    }

    /// The literal edges as a table with open addresses, and the bytes of their levels.
    func table() -> (ContiguousArray<ACLMatcher.Edge>, [UInt8]) {
        var size = 4
        while size < literals.count * 2 + 1 { size *= 2 }
        var edges = ContiguousArray(repeating: ACLMatcher.Edge(), count: size)
        var texts: [UInt8] = []
        for (key, child) in literals {
            let hash = unsafe ACLMatcher.hash(key.node, key.level.span.bytes, 0, key.level.count)
            var place = Int(truncatingIfNeeded: hash) & (size - 1)
            while edges[place].node >= 0 { place = (place + 1) & (size - 1) }
            edges[place] = ACLMatcher.Edge(
                node: key.node, child: child, offset: UInt32(texts.count), count: UInt32(key.level.count))
            texts += key.level
        }
        return (edges, texts)
    }
}
