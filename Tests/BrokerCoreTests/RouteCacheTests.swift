import Primitives
import TestSupport
import Testing

@testable import BrokerCore

private func matches(_ count: Int, generation: UInt64) -> SubscriptionMatches {
    var matches = SubscriptionMatches()
    matches.generation = generation
    for number in 0..<count {
        matches.targets.append(
            SubscriptionTarget(
                session: SessionHandle(loop: 0, slot: UInt32(number), generation: 1), options: 0))
    }
    return matches
}

extension RouteCache {
    fileprivate func count(of topic: UTF8Text, _ generation: UInt64, _ mountpoint: Mountpoint = .default)
        -> Int?
    {
        let span = topic.bytes.span.bytes
        return find(Self.hash(span, mountpoint), span, mountpoint, generation)?.takeUnretainedValue().targets
            .count
    }

    fileprivate mutating func offer(
        _ topic: UTF8Text, _ found: SubscriptionMatches, _ mountpoint: Mountpoint = .default
    ) {
        let span = topic.bytes.span.bytes
        offer(Self.hash(span, mountpoint), span, mountpoint, found)
    }
}

@Suite struct RouteCacheTests {
    @Test func `a route is found for its topic, mountpoint and generation alone`() {
        var cache = RouteCache()
        #expect(cache.count(of: "a/b", 1) == nil)
        cache.offer("a/b", matches(3, generation: 1))
        #expect(cache.count(of: "a/b", 1) == 3)
        #expect(cache.count(of: "a/b", 2) == nil)
        #expect(cache.count(of: "a/c", 1) == nil)
        #expect(cache.count(of: "a/b", 1, .intern("elsewhere")) == nil)
        cache.offer("a/b", matches(5, generation: 2))
        #expect(cache.count(of: "a/b", 2) == 5)
        #expect(cache.count == 1)
    }

    @Test func `while copies are given by a route no route is replaced`() {
        var cache = RouteCache()
        cache.offer("a", matches(1, generation: 1))
        cache.beginReading()
        cache.offer("a", matches(2, generation: 2))
        cache.offer("b", matches(3, generation: 2))
        #expect(cache.count(of: "a", 1) == 1)
        #expect(cache.count(of: "b", 2) == nil)
        cache.endReading()
        cache.offer("a", matches(2, generation: 2))
        #expect(cache.count(of: "a", 2) == 2)
    }

    @Test func `topics that come once do not push out a busy one`() {
        var cache = RouteCache()
        cache.offer("busy", matches(1, generation: 1))
        for number in 0..<50_000 { cache.offer(UTF8Text("once/\(number)"), matches(1, generation: 1)) }
        #expect(cache.count(of: "busy", 1) == 1)
        #expect(cache.count <= 4096)
    }

    @Test func `what was found is what was offered last, whatever else came`() {
        var random = SeededGenerator(seed: 3)
        var cache = RouteCache()
        var generation: UInt64 = 1
        var offered: [UTF8Text: Int] = [:]
        for _ in 0..<50_000 {
            let topic = UTF8Text("t/\(random.below(20_000))")
            if random.below(10_000) == 0 {
                generation += 1
                offered = [:]
            }
            if let count = cache.count(of: topic, generation) {
                #expect(count == offered[topic])
            } else {
                let count = random.below(5)
                cache.offer(topic, matches(count, generation: generation))
                offered[topic] = count
            }
        }
    }

    @Test func `routes with very many targets are forgotten before they take too much memory`() {
        var cache = RouteCache()
        for number in 0..<12 { cache.offer(UTF8Text("large/\(number)"), matches(1 << 17, generation: 1)) }
        let kept = (0..<12).count { cache.count(of: UTF8Text("large/\($0)"), 1) != nil }
        #expect(kept >= 1 && kept <= 8)
        cache.offer("larger than all", matches((1 << 20) + 1, generation: 1))
        #expect(cache.count(of: "larger than all", 1) == nil)
    }

    @Test func `shared groups count in the budget with what a route keeps of them`() {
        var trie = SubscriptionTrieCore()
        let member = SubscriptionTarget(
            session: SessionHandle(loop: 0, slot: 1, generation: 1), options: 0x81)
        for number in 0..<5000 {
            _ = trie.subscribe(
                Array("#".utf8), shareName: Array("\(number)".utf8), mountpoint: .default, target: member,
                presence: SessionPresence(.online))
        }
        var found = SubscriptionMatches()
        var scratch = MatchScratch()
        trie.match([0x61].span.bytes, mountpoint: .default, scratch: &scratch, into: &found)
        #expect(found.groups.count == 5000)
        var cache = RouteCache()
        for number in 0..<4000 { cache.offer(UTF8Text("t/\(number)"), found) }
        #expect(cache.byteCount <= RouteCache.byteBudget)
        #expect(cache.count >= 1 && cache.count * 5000 * MemoryLayout<Int>.stride <= RouteCache.byteBudget)
    }

    @Test func `topics count in the budget`() {
        var cache = RouteCache()
        for number in 0..<4096 {
            let topic = UTF8Text("\(number)/" + String(repeating: "x", count: 65_000))
            cache.offer(topic, matches(1, generation: 1))
        }
        #expect(cache.byteCount <= RouteCache.byteBudget)
        #expect(cache.count <= RouteCache.byteBudget / 65_000)
        #expect(cache.count > 300)
    }

    @Test func `one route that would need more than a quarter of the budget pushes nobody out`() {
        var cache = RouteCache()
        cache.offer("small", matches(1, generation: 1))
        cache.offer("large", matches(RouteCache.byteLimitOfRoute / 24, generation: 1))
        #expect(cache.count(of: "small", 1) == 1 && cache.count(of: "large", 1) == nil)
        cache.offer("just", matches(RouteCache.byteLimitOfRoute / 24 - 8, generation: 1))
        #expect(cache.count(of: "just", 1) != nil)
    }
}
