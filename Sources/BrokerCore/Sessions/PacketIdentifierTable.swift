/// Which packet identifiers are in use, with a place for each. Every operation takes constant time whichever
/// identifiers are in use, because a client decides that by what it does not acknowledge.
///
///     identifier   [ page 10 bits | 6 bits ]
///     inUse, full  a bit for each page: it has an identifier in use; it has none that is free
///     blocks       of the pages with an identifier in use: a mask of these, and their places
///
/// It takes 2.3 KB, and 264 bytes for each page in use, so 270 KB at most. Identifiers ascend, so most pages in use are
/// full.
struct PacketIdentifierTable {
    /// The index of the page's block plus 1; 0 = none of its identifiers is in use.
    private var directory = ContiguousArray<UInt16>(repeating: 0, count: pageCount)
    private var masks: ContiguousArray<UInt64> = []
    private var places: ContiguousArray<UInt32> = []
    private var freeBlocks: ContiguousArray<UInt16> = []
    private var inUse = PageSet()
    private var full = PageSet()
    /// Words that searches have looked at.
    private(set) var steps = 0

    private static let pageCount = 1024

    /// A set of pages.
    private struct PageSet {
        var words = ContiguousArray<UInt64>(repeating: 0, count: 16)

        mutating func set(_ page: Int, _ isMember: Bool) {
            let bit: UInt64 = 1 << UInt64(page & 63)
            if isMember { words[page >> 6] |= bit } else { words[page >> 6] &= ~bit }
        }

        /// The first page after `page` that is a member or, if `inverted`, that is not. After the last page comes the
        /// first; `page` itself is looked at last.
        func next(after page: Int, inverted: Bool, steps: inout Int) -> Int? {
            let start = (page + 1) & 1023
            for step in 0...16 {
                steps += 1
                let index = (start >> 6 + step) & 15
                var word = inverted ? ~words[index] : words[index]
                if step == 0 { word &= ~0 << UInt64(start & 63) }
                if word != 0 { return index << 6 | word.trailingZeroBitCount }
            }
            return nil
        }
    }

    private func mask(of page: Int) -> UInt64 {
        let block = Int(directory[page])
        return block == 0 ? 0 : masks[block - 1]
    }

    func place(of identifier: UInt16) -> UInt32? {
        let block = Int(directory[Int(identifier >> 6)])
        guard block != 0, masks[block - 1] & 1 << UInt64(identifier & 63) != 0 else { return nil }
        return places[(block - 1) << 6 | Int(identifier & 63)]
    }

    /// The identifier is in use from now on, or its place has changed.
    mutating func set(_ identifier: UInt16, to place: UInt32) {
        let page = Int(identifier >> 6)
        if directory[page] == 0 {
            if let free = freeBlocks.popLast() {
                directory[page] = free
            } else {
                masks.append(0)
                places.append(contentsOf: repeatElement(0, count: 64))
                directory[page] = UInt16(masks.count)
            }
            inUse.set(page, true)
        }
        let block = Int(directory[page]) - 1
        masks[block] |= 1 << UInt64(identifier & 63)
        places[block << 6 | Int(identifier & 63)] = place
        if masks[block] == ~0 { full.set(page, true) }
    }

    /// The identifier, which must be in use, is free again.
    mutating func remove(_ identifier: UInt16) {
        let page = Int(identifier >> 6)
        let block = Int(directory[page]) - 1
        if masks[block] == ~0 { full.set(page, false) }
        masks[block] &= ~(1 << UInt64(identifier & 63))
        guard masks[block] == 0 else { return }
        freeBlocks.append(directory[page])
        directory[page] = 0
        inUse.set(page, false)
    }

    /// The first free identifier after `identifier`; after 65,535 comes 1. There must be one.
    mutating func nextFree(after identifier: UInt16) -> UInt16 {
        let next = search(from: Int(identifier &+ 1), forFree: true)
        return next == 0 ? search(from: 1, forFree: true) : next  // 0 is no identifier
    }

    /// The first identifier in use after `identifier`; after 65,535 comes 1. There must be one.
    mutating func nextInUse(after identifier: UInt16) -> UInt16 {
        search(from: Int(identifier &+ 1), forFree: false)
    }

    private mutating func search(from start: Int, forFree: Bool) -> UInt16 {
        let page = start >> 6
        steps += 1
        let rest = (forFree ? ~mask(of: page) : mask(of: page)) & ~0 << UInt64(start & 63)
        if rest != 0 { return UInt16(truncatingIfNeeded: page << 6 | rest.trailingZeroBitCount) }
        let found =
            forFree
            ? full.next(after: page, inverted: true, steps: &steps)
            : inUse.next(after: page, inverted: false, steps: &steps)
        guard let found else { return 0 }
        let mask = forFree ? ~mask(of: found) : mask(of: found)
        return UInt16(truncatingIfNeeded: found << 6 | mask.trailingZeroBitCount)
    }
}
