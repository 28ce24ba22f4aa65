/// Values behind integer handles with generations: a handle to a value that has gone finds nothing, even when
/// its slot is in use again. Owned by one loop.
///
///     slots   [ A |  –  | C | – ]      free list: 3 → 1
///     gens    [ 1 |  4  | 1 | 2 ]      odd = in use
package struct Slab<Element> {
    package struct Handle: Hashable, Sendable {
        package let slot: UInt32
        package let generation: UInt32

        package init(slot: UInt32, generation: UInt32) {
            self.slot = slot
            self.generation = generation
        }
    }

    private var elements: ContiguousArray<Element?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var freeSlots: ContiguousArray<UInt32> = []
    package private(set) var count = 0

    package init() {}

    package mutating func insert(_ element: Element) -> Handle {
        count += 1
        if let slot = freeSlots.popLast() {
            let index = Int(slot)
            elements[index] = element
            generations[index] &+= 1
            return Handle(slot: slot, generation: generations[index])
        }
        elements.append(element)
        generations.append(1)
        return Handle(slot: UInt32(elements.count - 1), generation: 1)
    }

    @inline(__always)
    package subscript(handle: Handle) -> Element? {
        let index = Int(handle.slot)
        guard index < generations.count, generations[index] == handle.generation else { return nil }
        return elements[index]
    }

    @discardableResult
    package mutating func remove(_ handle: Handle) -> Element? {
        let index = Int(handle.slot)
        guard index < generations.count, generations[index] == handle.generation,
            let element = elements[index]
        else { return nil }
        elements[index] = nil
        generations[index] &+= 1
        freeSlots.append(handle.slot)
        count -= 1
        return element
    }

    /// Calls `body` with each value, in slot order.
    package func forEach(_ body: (Handle, Element) -> Void) {
        for index in elements.indices {
            guard let element = elements[index] else { continue }
            body(Handle(slot: UInt32(index), generation: generations[index]), element)
        }
    }
}
