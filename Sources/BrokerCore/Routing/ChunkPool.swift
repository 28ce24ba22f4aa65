/// Many short lists in one array. Each list has a chunk of 1, 2, 4, 8… places and moves to a chunk of the next size
/// when it is full. So a million lists of one element are one allocation and are found by integers. No list has an
/// object, whose reference count several loops would change at the same time.
///
///     elements  [ A | B B – – | C C | D | … ]
///     free      size 0: [ 17, 3 ]   size 1: [ 8 ]   size 2: [] …    chunks given back, by size
package struct ChunkPool<Element: BitwiseCopyable & Sendable>: Sendable {
    /// The flat array; the places of free chunks hold what was there last.
    package private(set) var elements: ContiguousArray<Element> = []
    private var free: ContiguousArray<ContiguousArray<Int>> = []
    private var usedPlaces = 0
    private let filler: Element

    /// - Parameter filler: what unused places hold.
    package init(filler: Element) {
        self.filler = filler
    }

    /// Memory held, in bytes.
    package var byteCount: Int {
        elements.capacity * MemoryLayout<Element>.stride
            + free.reduce(0) { $0 + $1.capacity * MemoryLayout<Int>.stride }
    }

    /// The smallest size whose chunks have `count` places: 0 for 1, 1 for 2, 2 for 3 and 4…
    package static func size(for count: Int) -> UInt8 {
        count <= 1 ? 0 : UInt8(truncatingIfNeeded: Int.bitWidth - (count - 1).leadingZeroBitCount)
    }

    /// - Returns: where the chunk of `1 << size` places begins.
    package mutating func allocate(size: UInt8) -> Int {
        let index = Int(size)
        usedPlaces += 1 << index
        if index < free.count, let offset = free[index].popLast() { return offset }
        let offset = elements.count
        elements.append(contentsOf: repeatElement(filler, count: 1 << index))
        return offset
    }

    /// Gives back a chunk that `allocate` returned for the same size.
    package mutating func deallocate(_ offset: Int, size: UInt8) {
        let index = Int(size)
        usedPlaces -= 1 << index
        guard usedPlaces > 0 else {
            // Nothing is in use: frees the memory, and with it the fragments.
            elements = []
            free = []
            return
        }
        while free.count <= index { free.append([]) }
        free[index].append(offset)
    }

    @inline(__always)
    package subscript(place: Int) -> Element {
        get { elements[place] }
        set { elements[place] = newValue }
    }

    /// Copies the first `count` elements of one chunk to another.
    package mutating func move(_ count: Int, from source: Int, to destination: Int) {
        for place in 0..<count { elements[destination + place] = elements[source + place] }
    }
}
