import Primitives

/// The texts between the slashes, each held once and known by a small integer, so that a trie compares
/// integers. Each holder of an id counts; a level that nobody holds is forgotten and its id used again.
///
///     places   [ – | hash,id | – | hash,id | … ]     open addressing, linear probing, at most 3/4 full
///                        └──► levels[id] = (offset, length, hash, holders)
///                                              └──► texts: s e n s o r – – …
///
/// The hash is seeded for each table: clients choose these texts, and must not be able to make them collide.
package struct LevelTable: Sendable {
    /// No level: what `find` answers for a text that nobody holds.
    package static let none = UInt32.max
    /// Ids are below this; tries use the values above for `+` and `#`.
    package static let idLimit = UInt32.max - 8

    private struct Level: BitwiseCopyable {
        /// In `texts`; for a free id, the next free id.
        var offset: Int
        var length: UInt32
        var hash: UInt32
        var holders: UInt32
    }

    /// Upper half: hash. Lower half: id + 1; 0 is an empty place.
    private var places: ContiguousArray<UInt64> = []
    private var levels: ContiguousArray<Level> = []
    private var texts = ChunkPool<UInt8>(filler: 0)
    private var firstFree = LevelTable.none
    private let seed: UInt64
    /// Levels held.
    package private(set) var count = 0

    package init() {
        seed = UInt64.random(in: .min ... .max)
    }

    /// Memory held, in bytes.
    package var byteCount: Int {
        places.capacity * 8 + levels.capacity * MemoryLayout<Level>.stride + texts.byteCount
    }

    /// The id of `text`, or `LevelTable.none`.
    package func find(_ text: RawSpan) -> UInt32 {
        guard count > 0 else { return Self.none }
        let hash = hash(text)
        let mask = places.count - 1
        var place = Int(hash) & mask
        while true {
            let word = places[place]
            if word == 0 { return Self.none }
            if UInt32(truncatingIfNeeded: word >> 32) == hash {
                let id = UInt32(truncatingIfNeeded: word) - 1
                if isEqual(levels[Int(id)], text) { return id }
            }
            place = (place + 1) & mask
        }
    }

    /// The id of `text`, which is added when nobody held it; one more holder.
    package mutating func hold(_ text: RawSpan) -> UInt32 {
        let known = find(text)
        if known != Self.none {
            levels[Int(known)].holders += 1
            return known
        }
        if (count + 1) * 4 > places.count * 3 { resize(to: max(16, places.count * 2)) }
        let hash = hash(text)
        let level = Level(offset: store(text), length: UInt32(text.byteCount), hash: hash, holders: 1)
        let id: UInt32
        if firstFree != Self.none {
            id = firstFree
            firstFree = UInt32(levels[Int(id)].offset)
            levels[Int(id)] = level
        } else {
            precondition(levels.count < Int(Self.idLimit), "more levels than ids")
            id = UInt32(levels.count)
            levels.append(level)
        }
        insert(hash: hash, id: id)
        count += 1
        return id
    }

    /// One more holder of a level that has one already.
    package mutating func hold(_ id: UInt32) {
        levels[Int(id)].holders += 1
    }

    /// One holder less.
    package mutating func release(_ id: UInt32) {
        levels[Int(id)].holders -= 1
        guard levels[Int(id)].holders == 0 else { return }
        removePlace(of: id)
        let level = levels[Int(id)]
        texts.deallocate(level.offset, size: Self.size(of: Int(level.length)))
        levels[Int(id)].offset = Int(firstFree)
        firstFree = id
        count -= 1
        if count == 0 {
            places = []
            levels = []
            firstFree = Self.none
        } else if places.count > 64, count * 8 < places.count {
            resize(to: places.count / 2)
        }
    }

    /// The level begins with `$`; wildcards at the first level pass it by [MQTT-4.7.2-1].
    package func beginsWithDollar(_ id: UInt32) -> Bool {
        let level = levels[Int(id)]
        return level.length > 0 && texts[level.offset] == UInt8(ascii: "$")
    }

    /// Appends the level's bytes to `output`.
    package func appendText(of id: UInt32, to output: inout [UInt8]) {
        let level = levels[Int(id)]
        output.append(contentsOf: texts.elements[level.offset..<level.offset + Int(level.length)])
    }

    // MARK: - Texts

    /// Chunks below 8 bytes would only split memory finer than `Level` itself is.
    private static func size(of length: Int) -> UInt8 {
        max(3, ChunkPool<UInt8>.size(for: length))
    }

    private mutating func store(_ text: RawSpan) -> Int {
        let offset = texts.allocate(size: Self.size(of: text.byteCount))
        for index in 0..<text.byteCount { texts[offset + index] = text.byte(at: index) }
        return offset
    }

    @inline(__always)
    private func isEqual(_ level: Level, _ text: RawSpan) -> Bool {
        guard Int(level.length) == text.byteCount else { return false }
        let stored = texts.elements.span
        for index in 0..<text.byteCount where stored[level.offset + index] != text.byte(at: index) {
            return false
        }
        return true
    }

    /// Eight bytes at a time, each folded in by a 128-bit product.
    private func hash(_ text: RawSpan) -> UInt32 {
        var state = seed ^ UInt64(text.byteCount)
        var index = 0
        while index + 8 <= text.byteCount {
            let word = unsafe text.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            state = Self.fold(state ^ word, 0xA076_1D64_78BD_642F)
            index += 8
        }
        var tail: UInt64 = 0
        while index < text.byteCount {
            tail = tail << 8 | UInt64(text.byte(at: index))
            index += 1
        }
        state = Self.fold(state ^ tail, 0xE703_7ED1_A0B4_28DB)
        return UInt32(truncatingIfNeeded: Self.fold(state ^ seed, 0x8EBC_6AF0_9C88_C6E3))
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    // MARK: - Places

    private mutating func insert(hash: UInt32, id: UInt32) {
        let mask = places.count - 1
        var place = Int(hash) & mask
        while places[place] != 0 { place = (place + 1) & mask }
        places[place] = UInt64(hash) << 32 | UInt64(id + 1)
    }

    private mutating func removePlace(of id: UInt32) {
        let mask = places.count - 1
        var hole = Int(levels[Int(id)].hash) & mask
        while UInt32(truncatingIfNeeded: places[hole]) != id + 1 { hole = (hole + 1) & mask }
        var place = (hole + 1) & mask
        while places[place] != 0 {
            // A level may move back into the hole unless that would put it before its own first place.
            let home = Int(places[place] >> 32) & mask
            if (place - home) & mask >= (place - hole) & mask {
                places[hole] = places[place]
                hole = place
            }
            place = (place + 1) & mask
        }
        places[hole] = 0
    }

    private mutating func resize(to capacity: Int) {
        let old = places
        places = ContiguousArray(repeating: 0, count: capacity)
        for word in old where word != 0 {
            insert(hash: UInt32(truncatingIfNeeded: word >> 32), id: UInt32(truncatingIfNeeded: word) - 1)
        }
    }
}

extension RawSpan {
    /// Where the level that begins at `start` ends: the offset of the next `/`, or the end.
    @inline(__always)
    func endOfLevel(from start: Int) -> Int {
        var index = start
        while index < byteCount, byte(at: index) != UInt8(ascii: "/") { index += 1 }
        return index
    }

    /// The bytes `range` are the one character `character`.
    @inline(__always)
    func isWildcard(_ range: Range<Int>, _ character: Unicode.Scalar) -> Bool {
        range.count == 1 && byte(at: range.lowerBound) == UInt8(ascii: character)
    }
}
