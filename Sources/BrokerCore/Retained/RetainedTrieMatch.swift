import Primitives

/// One level of a filter, as a lookup walks it.
private enum FilterStep {
    /// The level's id; `LevelTable.none` when no topic has such a level.
    case literal(UInt32)
    case plus
}

/// A filter cut into levels.
private struct FilterSteps {
    /// All levels but a last `#`.
    var fixed: ContiguousArray<FilterStep> = []
    /// The filter ends in `#`: everything from `fixed.count` levels on matches, so `a/#` finds `a`
    /// (§4.7.1.2).
    var isOpen = false

    init(_ filter: [UInt8], _ levels: LevelTable) {
        let text = unsafe filter.span.bytes
        var start = 0
        while true {
            let end = text.endOfLevel(from: start)
            if text.isWildcard(start..<end, "#") {
                isOpen = true
                return
            }
            fixed.append(
                text.isWildcard(start..<end, "+")
                    ? .plus : .literal(levels.find(text.extracting(start..<end))))
            if end == text.byteCount { return }
            start = end + 1
        }
    }

    /// Wildcards at the first level pass by topics that begin with `$` [MQTT-4.7.2-1].
    var passesDollar: Bool {
        guard let first = fixed.first else { return isOpen }
        if case .plus = first { return true }
        return false
    }

    /// A topic of `depth` levels whose path was followed so far matches.
    func matches(depth: Int) -> Bool {
        isOpen ? depth >= fixed.count : depth == fixed.count
    }
}

extension RetainedTrieCore {
    /// Walks on in preorder from `position`, or from the root, and pins the node where it stops.
    ///
    /// - Returns: where it stopped; nil when all has been seen.
    mutating func match(
        _ filter: [UInt8], _ mountpoint: Mountpoint, from position: Position?, limit: Int, visits: Int,
        visited: inout Int, into messages: inout ContiguousArray<Message>
    ) -> Position? {
        guard Int(mountpoint.id) < roots.count, roots[Int(mountpoint.id)] != Self.none else { return nil }
        let steps = FilterSteps(filter, levels)
        visited += steps.fixed.count >> 3
        var node = position?.node ?? roots[Int(mountpoint.id)]
        var depth = position?.depth ?? 0
        var wanted = limit
        var visitsLeft = visits
        while advance(&node, &depth, steps) {
            visited += 1
            visitsLeft -= 1
            if steps.matches(depth: depth), !isPassed(node, depth, steps),
                let message = nodes[Int(node)].message
            {
                messages.append(message)
                wanted -= 1
            }
            if wanted == 0 || visitsLeft == 0 {
                pin(node)
                return Position(node: node, depth: depth)
            }
        }
        return nil
    }

    /// Moves to the next node that lies on a matching path. - Returns: false when there is none.
    private func advance(_ node: inout UInt32, _ depth: inout Int, _ steps: FilterSteps) -> Bool {
        var next = firstBelow(node, depth, steps)
        while next == Self.none {
            guard depth > 0 else { return false }
            next = nextBeside(node, depth, steps)
            if next == Self.none {
                node = nodes[Int(node)].parent
                depth -= 1
            } else {
                depth -= 1  // counted again below
            }
        }
        node = next
        depth += 1
        return true
    }

    /// The first child of `node` that the filter allows.
    private func firstBelow(_ node: UInt32, _ depth: Int, _ steps: FilterSteps) -> UInt32 {
        if isPassed(node, depth, steps) { return Self.none }
        if depth < steps.fixed.count {
            guard case .literal(let level) = steps.fixed[depth] else { return nodes[Int(node)].firstChild }
            guard level != LevelTable.none else { return Self.none }
            return children.find(Self.childKey(node, level))
        }
        return steps.isOpen ? nodes[Int(node)].firstChild : Self.none
    }

    /// The next sibling of `node`, which is `depth` levels down, that the filter allows.
    private func nextBeside(_ node: UInt32, _ depth: Int, _ steps: FilterSteps) -> UInt32 {
        if depth - 1 < steps.fixed.count, case .literal = steps.fixed[depth - 1] { return Self.none }
        return nodes[Int(node)].nextSibling
    }

    /// Whether the filter passes by this node and all below it, because its topics begin with `$`. It counts as
    /// visited: there may be very many of them.
    @inline(__always)
    private func isPassed(_ node: UInt32, _ depth: Int, _ steps: FilterSteps) -> Bool {
        depth == 1 && steps.passesDollar && levels.beginsWithDollar(nodes[Int(node)].level)
    }
}
