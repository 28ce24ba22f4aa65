import Primitives

/// Who subscribes to a topic, as it was at one generation of the subscription trie. One loop's.
///
/// A direct-mapped table: a topic has one place, found by its hash.
///
///     hash & mask → [ topic, mountpoint, generation, targets, groups ]
///
/// A miss does not evict at once: the place is given up when the same newcomer asks a second time in a row, so a
/// stream of topics that are each published once leaves the busy topics where they are.
///
/// All routes together are bounded in bytes: topics, targets, and shared groups, which a route keeps alive when their last
/// member has gone. To make room, routes give way in the order of their places; one that is larger than a quarter of the
/// budget is not kept at all, for then distributing costs far more than matching anew.
struct RouteCache {
    final class Route: RecipientLists {
        let hash: UInt64
        let topic: [UInt8]
        let mountpoint: Mountpoint
        let generation: UInt64
        let targets: ContiguousArray<SubscriptionTarget>
        let groups: ContiguousArray<SharedGroupMembers>
        let keeping: BodyKeeping
        /// Memory held, in bytes.
        let byteCount: Int

        init(_ hash: UInt64, _ topic: [UInt8], _ mountpoint: Mountpoint, _ matches: SubscriptionMatches) {
            self.hash = hash
            self.topic = topic
            self.mountpoint = mountpoint
            generation = matches.generation
            // Copies of just their size: the lists of `matches` keep room for the largest match there ever was, and a
            // few thousand routes that shared them held tens of megabytes.
            targets = Self.copy(matches.targets)
            groups = Self.copy(matches.groups)
            keeping = matches.keeping
            byteCount = Self.byteCount(topic.count, matches)
        }

        /// What a route of `matches` takes. A group counts with its name and with what it takes when it is empty: the
        /// rest is its members'.
        static func byteCount(_ topicByteCount: Int, _ matches: SubscriptionMatches) -> Int {
            var count = 160 + topicByteCount
            count += matches.targets.count * MemoryLayout<SubscriptionTarget>.stride
            for group in matches.groups { count += 192 + group.shareName.count }
            return count
        }

        /// Never the same storage: a slice of the whole would share it.
        private static func copy<Element>(_ list: ContiguousArray<Element>) -> ContiguousArray<Element> {
            var exact = ContiguousArray<Element>()
            exact.reserveCapacity(list.count)
            exact.append(contentsOf: list)
            return exact
        }
    }

    private var routes: ContiguousArray<Route?> = []
    /// The last hash that missed at each place.
    private var candidates: ContiguousArray<UInt64> = []
    private(set) var count = 0
    /// Memory that all routes hold, in bytes.
    private(set) var byteCount = 0
    /// The place that gives way next when there is no room.
    private var hand = 0

    private static let placeCount = 4096
    /// What all routes together may take: about a million targets.
    static let byteBudget = 24 << 20
    /// What one may take.
    static let byteLimitOfRoute = byteBudget / 4

    @inline(__always)
    static func hash(_ topic: RawSpan, _ mountpoint: Mountpoint) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(mountpoint.id) &* 0xFF51_AFD7_ED55_8CCD
        let count = topic.byteCount
        var offset = 0
        while offset + 8 <= count {
            let word = unsafe topic.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            hash = mix(hash ^ word)
            offset += 8
        }
        var rest = UInt64(count) << 56
        var shift: UInt64 = 0
        while offset < count {
            rest |= UInt64(topic.byte(at: offset)) << shift
            shift += 8
            offset += 1
        }
        return mix(hash ^ rest)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }

    @inline(__always)
    func find(_ hash: UInt64, _ topic: RawSpan, _ mountpoint: Mountpoint, _ generation: UInt64) -> Route? {
        guard !routes.isEmpty, let route = routes[Int(hash & UInt64(Self.placeCount - 1))],
            route.hash == hash, route.generation == generation, route.mountpoint == mountpoint,
            Self.equal(route.topic, topic)
        else { return nil }
        return route
    }

    @inline(__always)
    static func equal(_ left: [UInt8], _ right: RawSpan) -> Bool {
        guard left.count == right.byteCount else { return false }
        for index in left.indices where left[index] != right.byte(at: index) { return false }
        return true
    }

    /// Remembers what a match found, if the place is free or stale or its newcomer has asked twice.
    mutating func offer(
        _ hash: UInt64, _ topic: RawSpan, _ mountpoint: Mountpoint, _ matches: SubscriptionMatches
    ) {
        if routes.isEmpty {
            routes = ContiguousArray(repeating: nil, count: Self.placeCount)
            candidates = ContiguousArray(repeating: 0, count: Self.placeCount)
        }
        let place = Int(hash & UInt64(Self.placeCount - 1))
        if let old = routes[place], old.hash != hash, old.generation == matches.generation,
            candidates[place] != hash
        {
            candidates[place] = hash
            return
        }
        forget(place)
        let wanted = Route.byteCount(topic.byteCount, matches)
        guard wanted <= Self.byteLimitOfRoute else { return }
        while byteCount + wanted > Self.byteBudget {
            forget(hand)
            hand = (hand + 1) & (Self.placeCount - 1)
        }
        let route = Route(hash, topic.copiedBytes(), mountpoint, matches)
        routes[place] = route
        byteCount += route.byteCount
        count += 1
    }

    private mutating func forget(_ place: Int) {
        guard let old = routes[place] else { return }
        routes[place] = nil
        byteCount -= old.byteCount
        count -= 1
    }
}
