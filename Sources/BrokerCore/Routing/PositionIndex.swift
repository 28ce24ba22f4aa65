/// The position of each key in a list that its owner holds. It is a hash table that never moves all entries at once, so
/// that a client with very many subscriptions does not block its loop. A `Dictionary` that grows to 260,000 filters
/// moves all of them at once, which took 15 ms.
///
///     key ── seeded hash ──► positions (`IntegerTable`) ──► position in the list, whose key is compared
///                            doubles                        keys whose hash another key has too: practically none
///
/// Clients choose the keys, so the hash has another seed at each start of the broker.
struct PositionIndex<Key: Hashable & Sendable>: Sendable {
    private var positions = IntegerTable()
    private var doubles: [Key: UInt32] = [:]

    /// Memory held, in bytes; without the keys.
    var byteCount: Int { positions.byteCount }

    private func hash(_ key: Key) -> UInt64 { UInt64(truncatingIfNeeded: key.hashValue) }

    /// - Parameter keyAt: the key at a position of the list.
    func find(_ key: Key, keyAt: (Int) -> Key) -> Int? {
        let position = positions.find(hash(key))
        if position != IntegerTable.none, keyAt(Int(position)) == key { return Int(position) }
        return doubles.isEmpty ? nil : doubles[key].map { Int($0) }
    }

    /// - Parameter key: one that is not there yet.
    mutating func insert(_ key: Key, at position: Int) {
        let hash = hash(key)
        if positions.find(hash) == IntegerTable.none {
            positions.set(hash, to: UInt32(position))
        } else {
            doubles[key] = UInt32(position)
        }
    }

    mutating func move(_ key: Key, from old: Int, to new: Int) {
        let hash = hash(key)
        if positions.find(hash) == UInt32(old) {
            positions.set(hash, to: UInt32(new))
        } else {
            doubles[key] = UInt32(new)
        }
    }

    mutating func remove(_ key: Key, at position: Int) {
        let hash = hash(key)
        if positions.find(hash) == UInt32(position) {
            positions.remove(hash)
        } else {
            doubles[key] = nil
        }
    }
}
