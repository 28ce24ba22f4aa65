/// A hash table from 64-bit keys to 32-bit values, for look-ups on the path of a message: about three times
/// faster than `Dictionary`, which hashes against hostile keys. Use it only for keys that clients cannot
/// choose: ids, slots, handles.
///
/// Open addressing with linear probing in one array; at most 3/4 full. A removal moves later entries of the
/// run back, so there are no tombstones and the table is as fast after a million removals as before.
///
///     hash(key) ──▼
///     [ – | – | key,value | key,value | – | … ]      – : value is `IntegerTable.none`
package struct IntegerTable: Sendable {
    /// Marks an empty place; no value may be equal to it.
    package static let none = UInt32.max

    private struct Entry: BitwiseCopyable {
        var key: UInt64
        var value: UInt32
    }

    private var entries: ContiguousArray<Entry> = []
    package private(set) var count = 0

    package init() {}

    /// Memory held, in bytes.
    package var byteCount: Int { entries.capacity * MemoryLayout<Entry>.stride }

    /// The value for `key`, or `IntegerTable.none`.
    @inline(__always)
    package func find(_ key: UInt64) -> UInt32 {
        guard count > 0 else { return Self.none }
        let mask = entries.count - 1
        var place = Self.hash(key) & mask
        while true {
            let entry = entries[place]
            if entry.key == key || entry.value == Self.none { return entry.value }
            place = (place + 1) & mask
        }
    }

    /// Adds `key`, or gives it a new value.
    ///
    /// - Parameter value: anything but `IntegerTable.none`.
    package mutating func set(_ key: UInt64, to value: UInt32) {
        precondition(value != Self.none, "IntegerTable.none marks empty places")
        if (count + 1) * 4 > entries.count * 3 { resize(to: max(8, entries.count * 2)) }
        let mask = entries.count - 1
        var place = Self.hash(key) & mask
        while entries[place].value != Self.none {
            if entries[place].key == key {
                entries[place].value = value
                return
            }
            place = (place + 1) & mask
        }
        entries[place] = Entry(key: key, value: value)
        count += 1
    }

    /// - Returns: the value that `key` had, or `IntegerTable.none`.
    @discardableResult
    package mutating func remove(_ key: UInt64) -> UInt32 {
        guard count > 0 else { return Self.none }
        let mask = entries.count - 1
        var hole = Self.hash(key) & mask
        while entries[hole].key != key || entries[hole].value == Self.none {
            if entries[hole].value == Self.none { return Self.none }
            hole = (hole + 1) & mask
        }
        let value = entries[hole].value
        var place = (hole + 1) & mask
        while entries[place].value != Self.none {
            // An entry may move back into the hole unless that would put it before its own first place.
            let home = Self.hash(entries[place].key) & mask
            if (place - home) & mask >= (place - hole) & mask {
                entries[hole] = entries[place]
                hole = place
            }
            place = (place + 1) & mask
        }
        entries[hole] = Entry(key: 0, value: Self.none)
        count -= 1
        if entries.count > 64, count * 8 < entries.count { resize(to: entries.count / 2) }
        return value
    }

    private mutating func resize(to capacity: Int) {
        var larger = ContiguousArray(repeating: Entry(key: 0, value: Self.none), count: capacity)
        let mask = capacity - 1
        for entry in entries where entry.value != Self.none {
            var place = Self.hash(entry.key) & mask
            while larger[place].value != Self.none { place = (place + 1) & mask }
            larger[place] = entry
        }
        entries = larger
    }

    /// Folds the 128-bit product, so that each bit of the key reaches the low bits that choose the place.
    @inline(__always)
    private static func hash(_ key: UInt64) -> Int {
        let product = key.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: product.high ^ product.low ^ (product.low >> 32))
    }
}
