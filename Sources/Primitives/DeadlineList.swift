/// Elements that wait for a deadline, in the order of their deadlines: all of them wait equally long, so whoever comes
/// last is due last. Each leaves in O(1) when it need not wait any more, and nothing is left of it. Owned by one loop.
///
///     nodes   [ A | B | – | D ]        free slots: 2
///     first → B ⇄ A ⇄ D ← last         due in this order
///
/// A `TimerWheel` would keep the entry until its time has come: with 20,000 connections a second and five seconds for
/// CONNECT, 100,000 entries for connections that are long gone.
///
/// `@inlinable` for the same reason as `TimerWheel`: a loop asks for the first deadline in each turn.
public struct DeadlineList<Element> {
    /// Where an element stands. It finds nothing once the element has left, even when its slot is in use again.
    public struct Place: Equatable, Sendable {
        @usableFromInline let slot: Int32
        @usableFromInline let generation: UInt32

        @inlinable init(slot: Int32, generation: UInt32) {
            self.slot = slot
            self.generation = generation
        }
    }

    @usableFromInline struct Node {
        @usableFromInline var element: Element?
        @usableFromInline var deadline: MonotonicTime
        @usableFromInline var previous: Int32
        @usableFromInline var next: Int32
        @usableFromInline var generation: UInt32

        @inlinable init(element: Element, deadline: MonotonicTime, previous: Int32) {
            self.element = element
            self.deadline = deadline
            self.previous = previous
            next = -1
            generation = 0
        }
    }

    @inlinable static var none: Int32 { -1 }

    @usableFromInline var nodes: ContiguousArray<Node> = []
    @usableFromInline var freeSlots: ContiguousArray<Int32> = []
    @usableFromInline var first: Int32 = -1
    @usableFromInline var last: Int32 = -1
    /// Elements that wait.
    @inlinable public var count: Int { nodes.count - freeSlots.count }

    /// A list in which nobody waits.
    @inlinable public init() {}

    /// When the first element is due; nil when nobody waits.
    @inlinable
    public var firstDeadline: MonotonicTime? { first == Self.none ? nil : nodes[Int(first)].deadline }

    /// Adds an element behind all others.
    ///
    /// - Parameter deadline: not before that of any element that waits.
    @inlinable
    public mutating func append(_ element: Element, deadline: MonotonicTime) -> Place {
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
            nodes.append(Node(element: element, deadline: deadline, previous: last))
        }
        if last == Self.none { first = slot } else { nodes[Int(last)].next = slot }
        last = slot
        return Place(slot: slot, generation: nodes[Int(slot)].generation)
    }

    /// - Returns: nil when the element has left before.
    @inlinable
    @discardableResult
    public mutating func remove(_ place: Place) -> Element? {
        let slot = Int(place.slot)
        guard slot < nodes.count, nodes[slot].generation == place.generation else { return nil }
        return unlink(place.slot)
    }

    /// Takes out the first element, if its time has come.
    @inlinable
    public mutating func popFirst(dueAt now: MonotonicTime) -> Element? {
        guard let firstDeadline, firstDeadline <= now else { return nil }
        return unlink(first)
    }

    @inlinable
    mutating func unlink(_ slot: Int32) -> Element? {
        let node = nodes[Int(slot)]
        let (previous, next) = (node.previous, node.next)
        if previous == Self.none { first = next } else { nodes[Int(previous)].next = next }
        if next == Self.none { last = previous } else { nodes[Int(next)].previous = previous }
        nodes[Int(slot)].element = nil
        nodes[Int(slot)].next = Self.none
        nodes[Int(slot)].generation &+= 1
        freeSlots.append(slot)
        return node.element
    }
}
