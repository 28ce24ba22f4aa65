import Glibc
import Primitives

/// The subscribers of topics, as they were at one generation of the subscription trie. Each loop has its own cache.
///
/// A direct-mapped table: a topic has one place, which its hash says.
///
///     hash & mask → [ topic, mountpoint, generation, targets, groups ]
///
/// A topic that is not found replaces the one in its place only when it misses there twice in a row. So topics that are
/// published only once do not push out those that are published often.
///
/// All routes together are limited in bytes: topics, targets, and shared groups, which a route keeps in memory after
/// their last member has left. To make room, routes are removed in the order of their places. A route that is larger
/// than a quarter of the budget is not kept, for giving so many copies takes far more time than matching again.
struct RouteCache {
    final class Route: RecipientLists {
        let hash: UInt64
        let topic: [UInt8]
        let mountpoint: Mountpoint
        let generation: UInt64
        let targets: ContiguousArray<SubscriptionTarget>
        let groups: ContiguousArray<SharedGroupMembers>
        let keeping: BodySharing
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

        /// Bytes that a route of `matches` takes. A group counts with its name and with its size when it is empty.
        static func byteCount(_ topicByteCount: Int, _ matches: SubscriptionMatches) -> Int {
            var count = 160 + topicByteCount
            count += matches.targets.count * MemoryLayout<SubscriptionTarget>.stride
            for group in matches.groups { count += 192 + group.shareName.count }
            return count
        }

        /// A copy with storage of its own; a slice of the whole list would share it.
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
    /// How many are giving copies by a route of the cache now.
    private var readers = 0
    /// The place whose route is removed next when there is no room.
    private var hand = 0

    private static let placeCount = 4096
    /// Bytes that all routes together may take: about a million targets.
    static let byteBudget = 24 << 20
    /// Bytes that one route may take.
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

    /// The subscribers of a topic, if they are known and still those of `generation`. The route is not counted: it is good
    /// until the cache changes next, which `beginReading` puts off.
    @inline(__always)
    func find(
        _ hash: UInt64, _ topic: RawSpan, _ mountpoint: Mountpoint, _ generation: UInt64
    ) -> Unmanaged<Route>? {
        guard !routes.isEmpty else { return nil }
        let place = Int(hash & UInt64(Self.placeCount - 1))
        guard let found = unsafe routes[place].map({ unsafe Unmanaged.passUnretained($0) }) else {
            return nil
        }
        let isFit = unsafe found._withUnsafeGuaranteedRef { route in
            route.hash == hash && route.generation == generation && route.mountpoint == mountpoint
                && Self.equal(route.topic, topic)
        }
        return isFit ? unsafe found : nil
    }

    /// Copies are given by a route: until `endReading` no route is replaced.
    @inline(__always)
    mutating func beginReading() { readers += 1 }
    @inline(__always)
    mutating func endReading() { readers -= 1 }

    @inline(__always)
    static func equal(_ left: [UInt8], _ right: RawSpan) -> Bool {
        let count = left.count
        guard count == right.byteCount else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let first = left.baseAddress, let second = right.baseAddress else { return count == 0 }
                return unsafe memcmp(first, second, count) == 0
            }
        }
    }

    /// Keeps what a match found, if the place is free or out of date, or if the same topic missed there twice in a row.
    mutating func offer(
        _ hash: UInt64, _ topic: RawSpan, _ mountpoint: Mountpoint, _ matches: SubscriptionMatches
    ) {
        guard readers == 0 else { return }
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
