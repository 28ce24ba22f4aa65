import Primitives

/// Who subscribes to a topic, as it was at one generation of the subscription trie. One loop's.
///
/// A direct-mapped table: a topic has one place, found by its hash.
///
///     hash & mask → [ topic, mountpoint, generation, targets, groups ]
///
/// A miss does not evict at once: the place is given up when the same newcomer asks a second time in a row, so a
/// stream of topics that are each published once leaves the busy topics where they are.
struct RouteCache {
    final class Route {
        let hash: UInt64
        let topic: [UInt8]
        let mountpoint: Mountpoint
        let generation: UInt64
        let targets: ContiguousArray<SubscriptionTarget>
        let groups: ContiguousArray<SharedGroupMembers>
        let keeping: BodyKeeping

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
    private var targetCount = 0
    private(set) var count = 0

    private static let placeCount = 4096
    /// Targets all routes together may hold: 24 bytes each.
    private static let targetBudget = 1 << 20

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
    private static func equal(_ left: [UInt8], _ right: RawSpan) -> Bool {
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
        if let old = routes[place] {
            targetCount -= old.targets.count
            count -= 1
        }
        routes[place] = nil
        if targetCount + matches.targets.count > Self.targetBudget {
            for index in routes.indices { routes[index] = nil }
            targetCount = 0
            count = 0
            guard matches.targets.count <= Self.targetBudget else { return }
        }
        routes[place] = Route(hash, topic.copiedBytes(), mountpoint, matches)
        targetCount += matches.targets.count
        count += 1
    }
}
