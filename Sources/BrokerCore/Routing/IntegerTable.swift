/// A hash table from 64-bit keys to 32-bit values, for look-ups on the path of a message. Its hash is quick
/// and not seeded: use it only for keys that clients cannot choose, such as ids, slots and handles.
///
/// Open addressing with linear probing; at most 3/4 full. A removal moves later entries of the run back, so
/// there are no tombstones and the table is as fast after a million removals as before.
///
///     hash(key) ──▼
///     [ – | – | key,value | key,value | – | … ]      – : value is `IntegerTable.none`
///
/// It never moves all entries at once. When it is full, a larger set of places is made for new keys, and each change
/// moves a few old entries; until all have moved, a look-up may have to look in both sets. Places are in pages, which
/// are allocated when they are first used.
///
///     old      [ ·  ·  ·  · | key,value | … ]      everything before `moved` is in `places` by now
///                             ▲ moved
///     places   [ page | (none) | page | … ]
package struct IntegerTable: Sendable {
    /// Marks an empty place; no value may be equal to it.
    package static let none = UInt32.max
    /// Places looked at with each change. All of `old` has moved long before the new places are full.
    private static let movesPerChange = 8

    private var places = Places(count: 0)
    /// Entries that have still to be moved; empty most of the time.
    private var old = Places(count: 0)
    /// No place of `old` before this one is in use.
    private var moved = 0

    package init() {}

    package var count: Int { places.used + old.used }

    /// Memory held, in bytes.
    package var byteCount: Int { places.byteCount + old.byteCount }

    /// The value for `key`, or `IntegerTable.none`.
    @inline(__always)
    package func find(_ key: UInt64) -> UInt32 {
        if places.used > 0 {
            let value = places[places.place(of: key)].value
            if value != Self.none { return value }
        }
        guard old.used > 0 else { return Self.none }
        return old[old.place(of: key)].value
    }

    /// Adds `key`, or gives it a new value.
    ///
    /// - Parameter value: anything but `IntegerTable.none`.
    package mutating func set(_ key: UInt64, to value: UInt32) {
        precondition(value != Self.none, "IntegerTable.none marks empty places")
        moveSome()
        if places.replace(key, with: value) || old.replace(key, with: value) { return }
        if (places.used + 1) * 4 > places.count * 3 { resize(to: max(8, places.count * 2)) }
        places.insert(key, value)
    }

    /// - Returns: the value that `key` had, or `IntegerTable.none`.
    @discardableResult
    package mutating func remove(_ key: UInt64) -> UInt32 {
        moveSome()
        var value = places.remove(key)
        if value == Self.none { value = old.remove(key) }
        if places.count > 64, count * 8 < places.count, old.used == 0 { resize(to: places.count / 2) }
        return value
    }

    /// Makes `capacity` places, to which the entries move little by little.
    private mutating func resize(to capacity: Int) {
        while old.used > 0 { moveSome() }
        swap(&old, &places)
        places = Places(count: capacity)
        moved = 0
        if old.count <= 64 { while old.used > 0 { moveSome() } }
    }

    private mutating func moveSome() {
        guard old.used > 0 else {
            if old.count > 0 { old = Places(count: 0) }
            return
        }
        for _ in 0..<Self.movesPerChange where old.used > 0 {
            let entry = old[moved]
            if entry.value == Self.none {
                old.dropPage(before: moved + 1)
                moved += 1
            } else {
                // The next entry of the run may have moved back to this place: look at it again.
                places.insert(entry.key, entry.value)
                _ = old.remove(entry.key)
            }
        }
    }
}

/// One open-addressing table of a fixed size, a power of two.
private struct Places: Sendable {
    struct Entry: BitwiseCopyable, Sendable {
        var key: UInt64
        var value: UInt32

        static var empty: Entry { Entry(key: 0, value: IntegerTable.none) }
    }

    private static var pageBits: Int { 9 }
    private static var pageSize: Int { 1 << pageBits }

    /// A page with nothing in it yet, or no longer, is an empty array.
    private var pages: ContiguousArray<ContiguousArray<Entry>>
    let count: Int
    private(set) var used = 0

    init(count: Int) {
        self.count = count
        pages = ContiguousArray(repeating: [], count: (count + Self.pageSize - 1) >> Self.pageBits)
    }

    var byteCount: Int {
        pages.reduce(pages.capacity * 8) { $0 + $1.capacity * MemoryLayout<Entry>.stride }
    }

    @inline(__always)
    subscript(place: Int) -> Entry {
        get {
            let page = place >> Self.pageBits
            return pages[page].isEmpty ? .empty : pages[page][place & (Self.pageSize - 1)]
        }
        set {
            let page = place >> Self.pageBits
            if pages[page].isEmpty {
                pages[page] = ContiguousArray(repeating: .empty, count: min(count, Self.pageSize))
            }
            pages[page][place & (Self.pageSize - 1)] = newValue
        }
    }

    /// Where `key` is, or the empty place where it would go. There is always an empty place.
    @inline(__always)
    func place(of key: UInt64) -> Int {
        var place = home(of: key)
        while true {
            let entry = self[place]
            if entry.value == IntegerTable.none || entry.key == key { return place }
            place = (place + 1) & (count - 1)
        }
    }

    /// - Returns: false when `key` is not here.
    mutating func replace(_ key: UInt64, with value: UInt32) -> Bool {
        guard used > 0 else { return false }
        let place = place(of: key)
        guard self[place].value != IntegerTable.none else { return false }
        self[place].value = value
        return true
    }

    /// Adds `key`, which is not here yet.
    mutating func insert(_ key: UInt64, _ value: UInt32) {
        self[place(of: key)] = Entry(key: key, value: value)
        used += 1
    }

    mutating func remove(_ key: UInt64) -> UInt32 {
        guard used > 0 else { return IntegerTable.none }
        let mask = count - 1
        var hole = place(of: key)
        let value = self[hole].value
        guard value != IntegerTable.none else { return value }
        var place = (hole + 1) & mask
        while true {
            let entry = self[place]
            if entry.value == IntegerTable.none { break }
            // An entry may move back into the hole unless that would put it before its own first place.
            if (place - home(of: entry.key)) & mask >= (place - hole) & mask {
                self[hole] = entry
                hole = place
            }
            place = (place + 1) & mask
        }
        self[hole] = .empty
        used -= 1
        return value
    }

    /// Frees the page that ends at `place`, if one does: it is empty.
    mutating func dropPage(before place: Int) {
        if place & (Self.pageSize - 1) == 0 { pages[(place >> Self.pageBits) - 1] = [] }
    }

    /// Folds the 128-bit product, so that each bit of the key reaches the low bits that choose the place.
    @inline(__always)
    private func home(of key: UInt64) -> Int {
        let product = key.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: product.high ^ product.low ^ (product.low >> 32)) & (count - 1)
    }
}
