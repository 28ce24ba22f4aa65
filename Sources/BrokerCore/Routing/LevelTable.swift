import Primitives

/// The texts between the slashes of topics. Each is stored once and has a small integer as its id, so that a trie
/// compares integers. The holders of an id are counted; a level without holders is removed, and its id is used again.
///
///     byHash    hash → id                                         one table (`IntegerTable`)
///     levels    [ text, hash, holders, next with this hash | … ]
///                   └──► texts: t e m p e r a t u r e – – …      only those over 8 bytes
///
/// The hash is seeded for each table: clients choose these texts, and must not be able to make them collide.
package struct LevelTable: Sendable {
    /// No level: what `find` returns for a text that nobody holds.
    package static let none = UInt32.max
    /// Ids are below this; tries use the values above for `+` and `#`.
    package static let idLimit = UInt32.max - 8

    private struct Level: BitwiseCopyable {
        /// A text of up to 8 bytes itself (`shortWord`); of a longer one, where it begins in `texts`.
        var word: UInt64
        var hash: UInt64
        var length: UInt32
        var holders: UInt32
        /// Another level with the same hash, or none; of a free id, the next free id.
        var next: UInt32
    }

    /// From hash to the first level that has it.
    private var byHash = IntegerTable()
    private var levels = PagedArray<Level>()
    private var texts = ChunkPool<UInt8>(filler: 0)
    private var firstFree = LevelTable.none
    private let seed: UInt64
    private let hashMask: UInt64
    /// Levels held.
    package private(set) var count = 0

    /// - Parameter hashMask: tests make texts collide with fewer bits.
    package init(hashMask: UInt64 = .max) {
        seed = UInt64.random(in: .min ... .max)
        self.hashMask = hashMask
    }

    /// Memory held, in bytes.
    package var byteCount: Int {
        byHash.byteCount + levels.byteCount + texts.byteCount
    }

    /// The id of `text`, or `LevelTable.none`.
    package func find(_ text: RawSpan) -> UInt32 {
        guard count > 0 else { return Self.none }
        guard text.byteCount > 8 else { return find(text.shortWord, length: text.byteCount) }
        var id = byHash.find(hash(text))
        while id != Self.none {
            let level = levels[Int(id)]
            if Int(level.length) == text.byteCount, isEqual(level, text) { return id }
            id = level.next
        }
        return id
    }

    @inline(__always)
    private func find(_ shortWord: UInt64, length: Int) -> UInt32 {
        var id = byHash.find(hash(shortWord, length: length))
        while id != Self.none {
            let level = levels[Int(id)]
            if Int(level.length) == length, level.word == shortWord { return id }
            id = level.next
        }
        return id
    }

    /// The id of `text`, which is added when nobody held it; one more holder.
    package mutating func retain(_ text: RawSpan) -> UInt32 {
        let known = find(text)
        if known != Self.none {
            levels[Int(known)].holders += 1
            return known
        }
        let isShort = text.byteCount <= 8
        let hash = isShort ? hash(text.shortWord, length: text.byteCount) : hash(text)
        let level = Level(
            word: isShort ? text.shortWord : UInt64(store(text)), hash: hash, length: UInt32(text.byteCount),
            holders: 1, next: byHash.find(hash))
        let id: UInt32
        if firstFree != Self.none {
            id = firstFree
            firstFree = levels[Int(id)].next
            levels[Int(id)] = level
        } else {
            precondition(levels.count < Int(Self.idLimit), "more levels than ids")
            id = UInt32(levels.count)
            levels.append(level)
        }
        byHash.set(hash, to: id)
        count += 1
        return id
    }

    /// One more holder of a level that has one already.
    package mutating func retain(_ id: UInt32) {
        levels[Int(id)].holders += 1
    }

    /// One holder less.
    package mutating func release(_ id: UInt32) {
        levels[Int(id)].holders -= 1
        guard levels[Int(id)].holders == 0 else { return }
        let level = levels[Int(id)]
        unlink(id, level)
        if level.length > 8 {
            texts.deallocate(Int(level.word), size: ChunkPool<UInt8>.size(for: Int(level.length)))
        }
        levels[Int(id)].next = firstFree
        firstFree = id
        count -= 1
        if count == 0 {
            byHash = IntegerTable()
            levels = PagedArray()
            firstFree = Self.none
        }
    }

    /// Takes the level out of the chain of its hash.
    private mutating func unlink(_ id: UInt32, _ level: Level) {
        let first = byHash.find(level.hash)
        if first == id {
            if level.next == Self.none {
                byHash.remove(level.hash)
            } else {
                byHash.set(level.hash, to: level.next)
            }
            return
        }
        var before = first
        while levels[Int(before)].next != id { before = levels[Int(before)].next }
        levels[Int(before)].next = level.next
    }

    /// Whether the level begins with `$`: wildcards at the first level do not match it [MQTT-4.7.2-1].
    package func beginsWithDollar(_ id: UInt32) -> Bool {
        let level = levels[Int(id)]
        guard level.length > 0 else { return false }
        let first = level.length > 8 ? texts[Int(level.word)] : UInt8(truncatingIfNeeded: level.word)
        return first == UInt8(ascii: "$")
    }

    /// Appends the level's bytes to `output`.
    package func appendText(of id: UInt32, to output: inout [UInt8]) {
        let level = levels[Int(id)]
        for index in 0..<Int(level.length) {
            output.append(
                level.length > 8
                    ? texts[Int(level.word) + index]
                    : UInt8(truncatingIfNeeded: level.word >> UInt64(index * 8)))
        }
    }

    // MARK: - Texts

    private mutating func store(_ text: RawSpan) -> Int {
        let offset = texts.allocate(size: ChunkPool<UInt8>.size(for: text.byteCount))
        for index in 0..<text.byteCount { texts[offset + index] = text.octet(at: index) }
        return offset
    }

    /// Both are of the same length, over 8 bytes.
    private func isEqual(_ level: Level, _ text: RawSpan) -> Bool {
        let stored = unsafe texts.elements.span.bytes
        let start = Int(level.word)
        var index = 0
        while index + 8 <= text.byteCount {
            if stored.word(at: start + index) != text.word(at: index) { return false }
            index += 8
        }
        // The last eight bytes, some of them for the second time.
        index = text.byteCount - 8
        return stored.word(at: start + index) == text.word(at: index)
    }

    @inline(__always)
    private func hash(_ shortWord: UInt64, length: Int) -> UInt64 {
        finish(Self.fold(seed ^ UInt64(length) ^ shortWord, 0xE703_7ED1_A0B4_28DB))
    }

    /// Of a text over 8 bytes: eight at a time, each folded in by a 128-bit product.
    private func hash(_ text: RawSpan) -> UInt64 {
        var state = seed ^ UInt64(text.byteCount)
        var index = 0
        while index + 8 < text.byteCount {
            state = Self.fold(state ^ text.word(at: index), 0xA076_1D64_78BD_642F)
            index += 8
        }
        // The last eight bytes, some of them for the second time.
        return finish(Self.fold(state ^ text.word(at: text.byteCount - 8), 0xE703_7ED1_A0B4_28DB))
    }

    @inline(__always)
    private func finish(_ state: UInt64) -> UInt64 {
        Self.fold(state ^ seed, 0x8EBC_6AF0_9C88_C6E3) & hashMask
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}

extension RawSpan {
    /// The byte at `index`, which is inside. (`byte(at:)` of another module is a call for each byte, which
    /// doubled the time of a match.)
    @inline(__always)
    func octet(at index: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    /// The eight bytes from `index`, all inside; the first is the lowest.
    @inline(__always)
    fileprivate func word(at index: Int) -> UInt64 {
        unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// All of up to eight bytes, the first lowest, filled up with zeros.
    @inline(__always)
    fileprivate var shortWord: UInt64 {
        if byteCount == 8 { return word(at: 0) }
        var word: UInt64 = 0
        var index = byteCount
        while index > 0 {
            index -= 1
            word = word << 8 | UInt64(octet(at: index))
        }
        return word
    }

    /// Where the level that begins at `start` ends: the offset of the next `/`, or the end.
    @inline(__always)
    func endOfLevel(from start: Int) -> Int {
        var index = start
        while index < byteCount, octet(at: index) != UInt8(ascii: "/") { index += 1 }
        return index
    }

    /// The bytes `range` are the one character `character`.
    @inline(__always)
    func isWildcard(_ range: Range<Int>, _ character: Unicode.Scalar) -> Bool {
        range.count == 1 && octet(at: range.lowerBound) == UInt8(ascii: character)
    }
}
