/// The shared groups of all nodes of a trie, found by node and name without a search: a client may make very many names
/// at one node, and groups at very many nodes.
///
///     positions  (node, level of the name) → position in the node's list
///     listOf     node → list
///     lists      [ [ group | group ] | [ ] free | … ]
struct SharedGroupLists {
    private var positions = IntegerTable()
    private var listOf = IntegerTable()
    private var lists = PagedArray<ContiguousArray<SharedGroupMembers>>()
    private var freeLists: ContiguousArray<UInt32> = []
    private(set) var groupCount = 0
    /// Members of all groups together, as the trie counts them.
    var memberCount = 0

    /// Memory held, in bytes. It is an estimate, because to ask each group would take too long under the lock.
    var byteCount: Int {
        positions.byteCount + listOf.byteCount + lists.byteCount
            + groupCount * SharedGroupMembers.byteCount + memberCount * SharedGroupMembers.memberByteCount
    }

    private func key(_ node: UInt32, _ name: UInt32) -> UInt64 { UInt64(node) << 32 | UInt64(name) }

    func find(_ node: UInt32, name: UInt32) -> SharedGroupMembers? {
        let position = positions.find(key(node, name))
        guard position != IntegerTable.none else { return nil }
        return lists[Int(listOf.find(UInt64(node)))][Int(position)]
    }

    @inline(__always)
    func append(_ node: UInt32, to groups: inout ContiguousArray<SharedGroupMembers>) {
        let list = listOf.find(UInt64(node))
        if list != IntegerTable.none { groups.append(contentsOf: lists[Int(list)]) }
    }

    /// - Parameter group: one that is not there yet.
    mutating func add(_ group: SharedGroupMembers, to node: UInt32) {
        var list = listOf.find(UInt64(node))
        if list == IntegerTable.none {
            if let free = freeLists.popLast() {
                list = free
            } else {
                list = UInt32(lists.count)
                lists.append([])
            }
            listOf.set(UInt64(node), to: list)
        }
        lists[Int(list)].append(group)
        positions.set(key(node, group.nameLevel), to: UInt32(lists[Int(list)].count - 1))
        groupCount += 1
    }

    /// - Returns: whether it was the node's last group.
    mutating func remove(_ group: SharedGroupMembers, from node: UInt32) -> Bool {
        let list = listOf.find(UInt64(node))
        let position = positions.remove(key(node, group.nameLevel))
        guard list != IntegerTable.none, position != IntegerTable.none else { return false }
        groupCount -= 1
        let last = lists[Int(list)].removeLast()
        if last !== group {
            lists[Int(list)][Int(position)] = last
            positions.set(key(node, last.nameLevel), to: position)
        }
        guard lists[Int(list)].isEmpty else { return false }
        lists[Int(list)] = []
        listOf.remove(UInt64(node))
        freeLists.append(list)
        if groupCount == 0 { self = SharedGroupLists() }
        return true
    }
}
