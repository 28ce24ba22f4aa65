/// Elements that wait for a deadline, in the order of their deadlines: all of them wait equally long, so whoever comes
/// last is due last. Each leaves in O(1) when it need not wait any more, and nothing is left of it. Owned by one loop.
///
///     nodes   [ A | B | – | D ]        free slots: 2
///     first → B ⇄ A ⇄ D ← last         due in this order
///
/// A `TimerWheel` would keep the entry until its time has come: with 20,000 connections a second and five seconds for
/// CONNECT, 100,000 entries for connections that are long gone.
package struct DeadlineList<Element> {
    /// Where an element stands. It finds nothing once the element has left, even when its slot is in use again.
    package struct Place: Equatable, Sendable {
        fileprivate let slot: Int32
        fileprivate let generation: UInt32
    }

    private struct Node {
        var element: Element?
        var deadline: MonotonicTime
        var previous: Int32
        var next: Int32
        var generation: UInt32
    }

    private static var none: Int32 { -1 }

    private var nodes: ContiguousArray<Node> = []
    private var freeSlots: ContiguousArray<Int32> = []
    private var first = Self.none
    private var last = Self.none
    package private(set) var count = 0

    package init() {}

    /// When the first element is due; nil when nobody waits.
    package var firstDeadline: MonotonicTime? { first == Self.none ? nil : nodes[Int(first)].deadline }

    /// Adds an element behind all others.
    ///
    /// - Parameter deadline: not before that of any element that waits.
    package mutating func append(_ element: Element, deadline: MonotonicTime) -> Place {
        precondition(
            last == Self.none || nodes[Int(last)].deadline <= deadline,
            "all elements of a DeadlineList wait equally long")
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            nodes[Int(slot)].element = element
            nodes[Int(slot)].deadline = deadline
            nodes[Int(slot)].previous = last
        } else {
            slot = Int32(nodes.count)
            nodes.append(
                Node(element: element, deadline: deadline, previous: last, next: Self.none, generation: 0))
        }
        if last == Self.none { first = slot } else { nodes[Int(last)].next = slot }
        last = slot
        count += 1
        return Place(slot: slot, generation: nodes[Int(slot)].generation)
    }

    /// - Returns: nil when the element has left before.
    @discardableResult
    package mutating func remove(_ place: Place) -> Element? {
        let slot = Int(place.slot)
        guard slot < nodes.count, nodes[slot].generation == place.generation else { return nil }
        return unlink(place.slot)
    }

    /// Takes out the first element, if its time has come.
    package mutating func popFirst(dueAt now: MonotonicTime) -> Element? {
        guard let firstDeadline, firstDeadline <= now else { return nil }
        return unlink(first)
    }

    private mutating func unlink(_ slot: Int32) -> Element? {
        let node = nodes[Int(slot)]
        let (previous, next) = (node.previous, node.next)
        if previous == Self.none { first = next } else { nodes[Int(previous)].next = next }
        if next == Self.none { last = previous } else { nodes[Int(next)].previous = previous }
        nodes[Int(slot)].element = nil
        nodes[Int(slot)].next = Self.none
        nodes[Int(slot)].generation &+= 1
        freeSlots.append(slot)
        count -= 1
        return node.element
    }
}
