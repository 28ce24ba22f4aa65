import Primitives

/// Working memory of a match: the nodes that were reached after each level. Each lock has one, so that a match
/// allocates nothing.
struct MatchScratch: Sendable {
    fileprivate var reached: ContiguousArray<UInt32> = []
    fileprivate var next: ContiguousArray<UInt32> = []

    /// Frees memory above 256 KiB, which only an unusual match can have needed.
    fileprivate mutating func trim() {
        if reached.capacity > 1 << 16 { reached = [] }
        if next.capacity > 1 << 16 { next = [] }
    }
}

extension SubscriptionTrieCore {
    /// Walks `topic` level by level with all paths at once:
    ///
    ///     topic            sport      / tennis                  / player1
    ///     reached   root → sport, +   → sport/tennis, sport/+   → …
    ///     found            #            sport/#                   sport/tennis/#, and what was reached last
    ///
    /// Two paths never meet in one node, so nothing is found twice.
    func match(
        _ topic: RawSpan, mountpoint: Mountpoint, scratch: inout MatchScratch,
        into matches: inout SubscriptionMatches
    ) {
        let mountpoint = Int(mountpoint.id)
        guard mountpoint < roots.count, roots[mountpoint] != Self.none else { return }
        // Wildcards at the first level do not match topics that begin with `$` [MQTT-4.7.2-1].
        defer { scratch.trim() }
        let isDollar = topic.byteCount > 0 && topic.octet(at: 0) == UInt8(ascii: "$")
        scratch.reached.removeAll(keepingCapacity: true)
        scratch.reached.append(roots[mountpoint])
        var start = 0
        while true {
            let end = topic.endOfLevel(from: start)
            let level = levels.find(topic.extracting(start..<end))
            let passesWildcards = isDollar && start == 0
            scratch.next.removeAll(keepingCapacity: true)
            for index in scratch.reached.indices {
                let parent = scratch.reached[index]
                let node = nodes[Int(parent)]
                if level != LevelTable.none, node.literalCount > 0 {
                    let child = children.find(Self.childKey(parent, level))
                    if child != IntegerTable.none { scratch.next.append(child) }
                }
                if passesWildcards { continue }
                if node.plusChild != Self.none { scratch.next.append(node.plusChild) }
                if node.multiChild != Self.none { collect(node.multiChild, into: &matches) }
            }
            swap(&scratch.reached, &scratch.next)
            if scratch.reached.isEmpty { return }
            if end == topic.byteCount { break }
            start = end + 1
        }
        for index in scratch.reached.indices {
            let node = scratch.reached[index]
            collect(node, into: &matches)
            // `sport/#` matches `sport` too (§4.7.1.2).
            let multiChild = nodes[Int(node)].multiChild
            if multiChild != Self.none { collect(multiChild, into: &matches) }
        }
    }

    @inline(__always)
    private func collect(_ index: UInt32, into matches: inout SubscriptionMatches) {
        let node = nodes[Int(index)]
        targets.append(node.targets, to: &matches.targets)
        if node.hasGroups { groups.append(index, to: &matches.groups) }
    }
}
