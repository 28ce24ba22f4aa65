package import Primitives

/// Topic aliases that a client has set for its own PUBLISH packets. They end with the connection [MQTT-3.3.2-7].
///
/// Memory is allocated when aliases are used, in pages of 32, and is limited in bytes: 65,535 topics of 64 KiB would be
/// 4 GiB.
///
///     alias − 1  =  page | place          pages   [ page | – | page ]      – : no alias of it was ever set
package struct IncomingTopicAliases {
    private var pages: ContiguousArray<ContiguousArray<UTF8Text?>> = []
    private let byteLimit: Int
    package let maximum: Int
    /// Memory held, in bytes.
    package private(set) var byteCount = 0

    private static let pageBits = 5
    private static let pageSize = 1 << pageBits
    private static let pageByteCount = 32 + pageSize * MemoryLayout<UTF8Text?>.stride
    /// Bytes that a topic takes beside its text: the header of its array and what the allocator adds.
    private static let topicOverhead = 48

    /// - Parameters:
    ///   - maximum: the Topic Alias Maximum that the broker has sent in CONNACK.
    ///   - byteLimit: bytes that all topics may take together.
    package init(maximum: UInt16, byteLimit: Int = .max) {
        self.maximum = Int(maximum)
        self.byteLimit = byteLimit
    }

    /// - Parameter alias: 1…maximum, which the caller has checked; another number is ignored.
    /// - Returns: false when there is no room for `topic`; the alias keeps its earlier topic then.
    package mutating func set(_ alias: UInt16, to topic: UTF8Text) -> Bool {
        guard alias >= 1, Int(alias) <= maximum else { return true }
        let page = Int(alias - 1) >> Self.pageBits
        let place = Int(alias - 1) & (Self.pageSize - 1)
        var change = topic.count + Self.topicOverhead
        if page >= pages.count { change += (page + 1 - pages.count) * MemoryLayout<UTF8Text?>.stride }
        if page >= pages.count || pages[page].isEmpty {
            change += Self.pageByteCount
        } else if let old = pages[page][place] {
            change -= old.count + Self.topicOverhead
        }
        guard byteCount + change <= byteLimit else { return false }
        byteCount += change
        while pages.count <= page { pages.append([]) }
        if pages[page].isEmpty { pages[page] = ContiguousArray(repeating: nil, count: Self.pageSize) }
        pages[page][place] = topic
        return true
    }

    package func topic(for alias: UInt16) -> UTF8Text? {
        let page = (Int(alias) - 1) >> Self.pageBits
        guard alias >= 1, page < pages.count, !pages[page].isEmpty else { return nil }
        return pages[page][Int(alias - 1) & (Self.pageSize - 1)]
    }
}

/// Topic aliases that the broker uses towards one client: at most as many as the client allows. A new topic takes the
/// alias of the one that was used least recently.
///
/// A linked list within arrays, most recently used first, so a use takes one look-up and a change of links. Topics are
/// found by their hash, so a topic that is known needs no allocation. The arrays grow with use, and the bytes of all
/// topics are limited.
package struct OutgoingTopicAliases {
    /// From a topic's hash, with a key that is secret to the process, to its entry.
    private var entryByHash = IntegerTable()
    private var entries: ContiguousArray<Entry> = []
    private var newest: Int32 = -1
    private var oldest: Int32 = -1
    /// Entries that were removed for lack of bytes; their aliases are free.
    private var free: ContiguousArray<Int32> = []
    let maximum: Int
    private let byteLimit: Int
    private var topicByteCount = 0

    private struct Entry {
        var topic: UTF8Text
        var hash: UInt64
        var newer: Int32 = -1
        var older: Int32 = -1
    }

    /// Bytes that an entry takes beside the topic's text: the entry, its place in the table, and the topic's array.
    private static let entryOverhead = MemoryLayout<Entry>.stride + 32 + 48

    package init(maximum: UInt16, byteLimit: Int = .max) {
        self.maximum = Int(maximum)
        self.byteLimit = byteLimit
    }

    /// Memory held, in bytes.
    package var byteCount: Int { topicByteCount + free.capacity * MemoryLayout<Int32>.stride }

    /// The alias for `topic`, and whether the client knows it already (the topic may then be left out).
    ///
    /// - Returns: nil when the topic is too long for an alias.
    package mutating func use(_ topic: RawSpan) -> (alias: UInt16, isKnown: Bool)? {
        let hash = Self.hash(topic)
        let known = entryByHash.find(hash)
        if known != IntegerTable.none, Self.equal(entries[Int(known)].topic, topic) {
            let index = Int32(known)
            if index != newest {
                unlink(index)
                linkNewest(index)
            }
            return (UInt16(index + 1), true)
        }
        let cost = topic.byteCount + Self.entryOverhead
        guard cost <= byteLimit, maximum > 0 else { return nil }
        while topicByteCount + cost > byteLimit { giveWay() }
        if free.isEmpty, entries.count == maximum { giveWay() }
        let entry = Entry(topic: UTF8Text(copying: topic), hash: hash)
        let index: Int32
        if let free = free.popLast() {
            index = free
            entries[Int(index)] = entry
        } else {
            index = Int32(entries.count)
            entries.append(entry)
        }
        topicByteCount += cost
        entryByHash.set(hash, to: UInt32(index))
        linkNewest(index)
        return (UInt16(index + 1), false)
    }

    /// Forgets the topic that was used least recently.
    private mutating func giveWay() {
        let index = oldest
        guard index >= 0 else { return }
        unlink(index)
        let entry = entries[Int(index)]
        // Another topic of the same hash may have taken the place in the table.
        if entryByHash.find(entry.hash) == UInt32(index) { entryByHash.remove(entry.hash) }
        topicByteCount -= entry.topic.count + Self.entryOverhead
        entries[Int(index)].topic = UTF8Text(bytes: [])
        free.append(index)
    }

    private static func hash(_ topic: RawSpan) -> UInt64 {
        var hasher = Hasher()
        unsafe topic.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private static func equal(_ text: UTF8Text, _ span: RawSpan) -> Bool {
        guard text.count == span.byteCount else { return false }
        for index in text.bytes.indices where text.bytes[index] != span.byte(at: index) { return false }
        return true
    }

    private mutating func unlink(_ index: Int32) {
        let before = entries[Int(index)].newer
        let after = entries[Int(index)].older
        if before >= 0 { entries[Int(before)].older = after } else { newest = after }
        if after >= 0 { entries[Int(after)].newer = before } else { oldest = before }
    }

    private mutating func linkNewest(_ index: Int32) {
        entries[Int(index)].newer = -1
        entries[Int(index)].older = newest
        if newest >= 0 { entries[Int(newest)].newer = index } else { oldest = index }
        newest = index
    }
}
