import BrokerCore
import Primitives
import Testing

struct SubscriptionTrieTests {
    @Test func `every filter of the small universe matches exactly the topics it should`() {
        let trie = SubscriptionTrie(loopCount: 1)
        for (number, filter) in RoutingModel.filters.enumerated() { trie.subscribe(filter, target(number)) }
        for topic in RoutingModel.topics {
            let expected = RoutingModel.filters.indices.filter {
                RoutingModel.matches(topic: topic, filter: RoutingModel.filters[$0])
            }
            #expect(trie.sessions(topic) == expected, "\(topic)")
        }
    }

    @Test func `every filter of the small universe also matches alone`() {
        for filter in RoutingModel.filters {
            let trie = SubscriptionTrie(loopCount: 1)
            trie.subscribe(filter, target(1))
            for topic in RoutingModel.topics {
                let isMatch = RoutingModel.matches(topic: topic, filter: filter)
                #expect(trie.sessions(topic).count == (isMatch ? 1 : 0), "\(filter) \(topic)")
            }
            #expect(trie.unsubscribe(filter, 1))
            #expect(trie.sizes == (0, 0), "\(filter)")
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `after any subscribes and unsubscribes the trie matches what is left, and nothing leaks`(
        seed: UInt64
    ) {
        var random = SeededRandom(seed: seed)
        let trie = SubscriptionTrie(loopCount: 2)
        var model: [String: [Int: SubscriptionTarget]] = [:]
        for step in 0..<6000 {
            let filter = RoutingModel.filters[Int.random(in: 0..<RoutingModel.filters.count, using: &random)]
            let number = Int.random(in: 0..<5, using: &random)
            if Int.random(in: 0..<5, using: &random) < (step < 3000 ? 3 : 2) {
                let subscription = target(
                    number, options: UInt8.random(in: 0..<3, using: &random), identifier: UInt32(step))
                let isKnown = trie.subscribe(filter, subscription)
                #expect(isKnown == (model[filter]?.updateValue(subscription, forKey: number) != nil))
                model[filter, default: [:]][number] = subscription
            } else {
                let wasKnown = model[filter]?.removeValue(forKey: number) != nil
                #expect(trie.unsubscribe(filter, number) == wasKnown)
            }
            let topic = RoutingModel.topics[Int.random(in: 0..<RoutingModel.topics.count, using: &random)]
            let expected = model.filter { RoutingModel.matches(topic: topic, filter: $0.key) }
                .flatMap { $0.value.values }
            #expect(isSame(trie.match(topic).targets, expected), "\(topic)")
        }
        #expect(trie.subscriptionCount == model.values.reduce(0) { $0 + $1.count })
        for (filter, numbers) in model {
            for number in numbers.keys { #expect(trie.unsubscribe(filter, number)) }
        }
        #expect(trie.sizes == (0, 0))
        #expect(trie.subscriptionCount == 0)
    }

    private func isSame(_ left: ContiguousArray<SubscriptionTarget>, _ right: [SubscriptionTarget]) -> Bool {
        // Identifiers are unique in that test.
        left.sorted { $0.subscriptionIdentifier < $1.subscriptionIdentifier }
            == right.sorted { $0.subscriptionIdentifier < $1.subscriptionIdentifier }
    }

    @Test func `subscribing again replaces the terms of the subscription [MQTT-3.8.4-3]`() {
        let trie = SubscriptionTrie(loopCount: 1)
        #expect(!trie.subscribe("a/+", target(1, options: 0, identifier: 5)))
        #expect(trie.subscribe("a/+", target(1, options: 2, identifier: 6)))
        #expect(trie.match("a/b").targets == [target(1, options: 2, identifier: 6)])
        #expect(trie.subscriptionCount == 1)
    }

    @Test func `a session with several matching filters is found once for each`() {
        let trie = SubscriptionTrie(loopCount: 1)
        for filter in ["a/b", "a/+", "#", "+/b"] { trie.subscribe(filter, target(1)) }
        #expect(trie.sessions("a/b") == [1, 1, 1, 1])
    }

    @Test func `mountpoints do not see each other`() {
        let trie = SubscriptionTrie(loopCount: 1)
        let other = Mountpoint.intern("subscription trie tests")
        trie.subscribe("#", target(1))
        trie.subscribe("a", mountpoint: other, target(2))
        #expect(trie.sessions("a") == [1])
        #expect(trie.sessions("a", mountpoint: other) == [2])
        #expect(!trie.unsubscribe("a", 2))
        #expect(trie.unsubscribe("a", mountpoint: other, 2))
        #expect(trie.unsubscribe("#", 1))
        #expect(trie.sizes == (0, 0))
    }

    @Test func `sessions with the same slot on another loop or of another generation are different`() {
        let trie = SubscriptionTrie(loopCount: 1)
        for loop in 0..<2 as Range<UInt16> {
            for generation in 0..<2 as Range<UInt32> {
                let handle = SessionHandle(loop: loop, slot: 7, generation: generation)
                trie.subscribe("a", SubscriptionTarget(session: handle, options: 0))
            }
        }
        #expect(trie.match("a").targets.count == 4)
    }

    @Test func `the generation changes with each change that a match can see, and a match tells its own`() {
        let trie = SubscriptionTrie(loopCount: 1)
        var seen: Set<UInt64> = [trie.generation]
        trie.subscribe("a", target(1))
        #expect(seen.insert(trie.generation).inserted)
        trie.subscribe("a", target(1, options: 1))
        #expect(seen.insert(trie.generation).inserted)
        trie.unsubscribe("a", 2)
        #expect(!seen.insert(trie.generation).inserted)
        #expect(trie.match("a").generation == trie.generation)
        trie.unsubscribe("a", 1)
        #expect(seen.insert(trie.generation).inserted)
    }

    @Test func `matches are appended, and their lists can be used again`() {
        let trie = SubscriptionTrie(loopCount: 1)
        trie.subscribe("a", target(1))
        var matches = trie.match("a")
        let topic = "a".bytes
        trie.match(topic.span.bytes, mountpoint: .default, loop: 0, into: &matches)
        #expect(matches.targets.count == 2)
        matches.removeAll()
        #expect(matches.isEmpty)
    }

    @Test func `a topic of tens of thousands of levels is matched`() {
        let trie = SubscriptionTrie(loopCount: 1)
        let topic = String(repeating: "/", count: 60_000)
        let filters = [topic, "#", "+" + String(repeating: "/+", count: 60_000)]
        for (number, filter) in filters.enumerated() { trie.subscribe(filter, target(number)) }
        #expect(trie.sessions(topic) == [0, 1, 2])
        for (number, filter) in filters.enumerated() { #expect(trie.unsubscribe(filter, number)) }
        #expect(trie.sizes == (0, 0))
    }

    @Test func `many subscribers of one topic come and go in any order`() {
        var random = SeededRandom(seed: 9)
        let trie = SubscriptionTrie(loopCount: 1)
        let numbers = Array(0..<20_000)
        for number in numbers.shuffled(using: &random) { #expect(!trie.subscribe("a/b", target(number))) }
        #expect(trie.sessions("a/b") == numbers)
        let leaving = numbers.shuffled(using: &random)
        for number in leaving.prefix(19_950) { #expect(trie.unsubscribe("a/b", number)) }
        #expect(trie.sessions("a/b") == leaving.dropFirst(19_950).sorted())
        // 20,000 at their most, in chunks that were each given back for the next size.
        #expect(trie.byteCount < 20_000 * 16 * 8)
        for number in leaving.dropFirst(19_950) { #expect(trie.unsubscribe("a/b", number)) }
        #expect(trie.sizes == (0, 0))
        #expect(trie.byteCount < 1000)
    }

    @Test func `a hundred thousand filters are told apart, and their memory is given back`() {
        let trie = SubscriptionTrie(loopCount: 1)
        for number in 0..<100_000 {
            trie.subscribe("site/\(number / 100)/device/\(number)/+", target(number))
        }
        for number in stride(from: 0, to: 100_000, by: 997) {
            #expect(trie.sessions("site/\(number / 100)/device/\(number)/state") == [number])
            #expect(trie.sessions("site/\(number / 100 + 1)/device/\(number)/state") == [])
        }
        #expect(trie.subscriptionCount == 100_000)
        #expect(trie.byteCount > 100_000 * 16)
        for number in 0..<100_000 { trie.unsubscribe("site/\(number / 100)/device/\(number)/+", number) }
        #expect(trie.sizes == (0, 0))
        #expect(trie.byteCount < 10_000)
    }

    /// The writer moves a window over `ringSize` sessions, one step at a time, so in every state that exists
    /// the sessions found are neighbours on the ring.
    @Test func `a match sees one state of the trie, whatever others write meanwhile`() async {
        let ringSize = 60
        let windowSize = 20
        let trie = SubscriptionTrie(loopCount: 4)
        let filters = ["x/y", "x/+", "+/y", "x/#", "#", "x/y/#"]
        for number in 0..<windowSize { trie.subscribe(filters[number % filters.count], target(number)) }
        await withTaskGroup(of: Bool.self) { group in
            for loop in [1, 3] {
                group.addTask {
                    var matches = SubscriptionMatches()
                    let topic = "x/y".bytes
                    var isConsistent = true
                    for _ in 0..<20_000 {
                        matches.removeAll()
                        trie.match(topic.span.bytes, mountpoint: .default, loop: loop, into: &matches)
                        let present = Set(matches.targets.map { Int($0.session.slot) })
                        let begins = present.filter { !present.contains(($0 + ringSize - 1) % ringSize) }
                        let isWindow =
                            begins.count == 1 && (windowSize...windowSize + 1).contains(present.count)
                        isConsistent = isConsistent && isWindow && present.count == matches.targets.count
                    }
                    return isConsistent
                }
            }
            group.addTask {
                for step in 0..<4000 {
                    let joins = (step + windowSize) % ringSize
                    let leaves = step % ringSize
                    trie.subscribe(filters[joins % filters.count], target(joins))
                    trie.unsubscribe(filters[leaves % filters.count], leaves)
                }
                return true
            }
            group.addTask {
                // Beside it, nodes and levels come and go, and lists move.
                for step in 0..<4000 { trie.subscribe("z/\(step % 50)/y", target(1000 + step % 70)) }
                for step in 0..<4000 { trie.unsubscribe("z/\(step % 50)/y", 1000 + step % 70) }
                return true
            }
            for await isConsistent in group { #expect(isConsistent) }
        }
        #expect(trie.subscriptionCount == windowSize)
    }
}
