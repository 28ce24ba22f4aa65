import Primitives
import Testing

@testable import BrokerCore

struct SharedSubscriptionsTests {
    /// The one group of the topic, after the members `online` and `offline` have subscribed.
    private func group(online: [Int], offline: [Int] = [], options: UInt8 = 0) throws -> SharedGroupMembers {
        let trie = SubscriptionTrie(loopCount: 1)
        for number in online { trie.subscribe("a", share: "s", target(number, options: options)) }
        for number in offline { trie.subscribe("a", share: "s", target(number), isOnline: false) }
        return try #require(trie.match("a").groups.first)
    }

    private func pick(
        _ group: SharedGroupMembers, random: UInt64, excluding: ContiguousArray<SessionHandle> = []
    ) -> Int? {
        group.pick(random: random, policy: .preferLocal, excluding: excluding).map { Int($0.session.slot) }
    }

    @Test func `each member that is online gets its share, and no offline member any`() throws {
        let group = try group(online: [1, 2, 3], offline: [4, 5])
        var counts: [Int: Int] = [:]
        for random in 0..<300 { counts[pick(group, random: UInt64(random)) ?? -1, default: 0] += 1 }
        #expect(counts == [1: 100, 2: 100, 3: 100])
        #expect(group.counts == (5, 3))
    }

    @Test func `an offline member is picked when nobody is online`() throws {
        let group = try group(online: [], offline: [4, 5])
        #expect(Set((0..<10).map { pick(group, random: $0) }) == [4, 5])
    }

    @Test func `members that were tried are passed over: online ones first, then offline ones, then nobody`()
        throws
    {
        let group = try group(online: [1, 2], offline: [3])
        for random in 0..<5 as Range<UInt64> {
            var tried: ContiguousArray<SessionHandle> = []
            var order: [Int?] = []
            for _ in 0..<4 {
                let next = pick(group, random: random, excluding: tried)
                order.append(next)
                if let next { tried.append(session(next)) }
            }
            #expect(Set(order.prefix(2)) == [1, 2])
            #expect(Array(order.dropFirst(2)) == [3, nil])
        }
    }

    @Test(arguments: SharedSubscriptionPolicy.allCases)
    func `on one node all policies pick an online member`(policy: SharedSubscriptionPolicy) throws {
        let group = try group(online: [1], offline: [2, 3])
        for random in 0..<10 as Range<UInt64> {
            #expect(group.pick(random: random, policy: policy)?.session == session(1))
        }
    }

    @Test func `the publisher does not get its own message when it subscribed with no local`() throws {
        let noLocal = try group(online: [1], options: 0b100)
        #expect(noLocal.pick(random: 0, policy: .random, publisher: session(1)) == nil)
        #expect(noLocal.pick(random: 0, policy: .random, publisher: session(2)) != nil)
        let local = try group(online: [1])
        #expect(local.pick(random: 0, policy: .random, publisher: session(1)) != nil)
    }

    @Test func `a member that goes offline or online moves, and others stay what they are`() {
        var random = SeededRandom(seed: 3)
        let trie = SubscriptionTrie(loopCount: 1)
        var model: [Int: Bool] = [:]
        var presences: [Int: SessionPresence] = [:]
        for _ in 0..<5000 {
            let number = Int.random(in: 0..<20, using: &random)
            let isOnline = Bool.random(using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let presence = SessionPresence(isOnline ? .online : .offline)
                presences[number] = presence
                let wasMember = trie.subscribe(
                    "a/#".bytes, shareName: "s".bytes, mountpoint: .default, target: target(number),
                    presence: presence)
                #expect(wasMember == (model[number] != nil))
                model[number] = isOnline
            case 1:
                #expect(
                    trie.unsubscribe("a/#", share: "s", number) == (model.removeValue(forKey: number) != nil))
            default:
                presences[number]?.state = isOnline ? .online : .offline
                trie.group("a/#".bytes, shareName: "s".bytes, mountpoint: .default, loop: 0)?
                    .settle(session(number))
                if model[number] != nil { model[number] = isOnline }
            }
            let members = trie.match("a").groups.first?.list() ?? []
            #expect(members.count == model.count)
            #expect(members.allSatisfy { model[Int($0.target.session.slot)] == $0.isOnline })
            #expect(trie.subscriptionCount == model.count)
        }
    }

    @Test func `members that ended last are remembered, and no more of them than the group may`() throws {
        let trie = SubscriptionTrie(loopCount: 1)
        trie.subscribe("a", share: "s", target(0))
        for number in 1...10_000 {
            let presence = SessionPresence(.online)
            _ = trie.subscribe(
                "a".bytes, shareName: "s".bytes, mountpoint: .default, target: target(number),
                presence: presence)
            presence.state = .gone
            trie.unsubscribe("a", share: "s", number)
        }
        let group = try #require(trie.match("a").groups.first)
        let remembered = (1...10_000).filter { group.hadMember(session($0)) }
        #expect(remembered.count == 64)
        #expect(remembered.last == 10_000)
        #expect(!group.hadMember(session(1)))
    }

    @Test func `groups differ by name and by filter, and stand beside ordinary subscriptions`() {
        let trie = SubscriptionTrie(loopCount: 1)
        trie.subscribe("a/b", share: "s", target(1))
        trie.subscribe("a/b", share: "t", target(1))
        trie.subscribe("a/+", share: "s", target(1))
        trie.subscribe("a/b", target(1))
        let matches = trie.match("a/b")
        #expect(matches.groups.map(\.shareName.description).sorted() == ["s", "s", "t"])
        #expect(matches.targets.count == 1)
        #expect(trie.subscriptionCount == 4)
    }

    @Test func `a group whose last member left is gone, and empty for those who still hold it`() throws {
        let trie = SubscriptionTrie(loopCount: 1)
        trie.subscribe("a", share: "s", target(1))
        let group = try #require(trie.match("a").groups.first)
        #expect(trie.unsubscribe("a", share: "s", 1))
        #expect(trie.match("a").isEmpty)
        #expect(trie.sizes == (0, 0))
        #expect(group.pick(random: 0, policy: .random) == nil)
    }

    @Test func `the generation changes with groups, not with members`() {
        let trie = SubscriptionTrie(loopCount: 1)
        trie.subscribe("a", share: "s", target(1))
        let generation = trie.generation
        trie.subscribe("a", share: "s", target(2))
        trie.unsubscribe("a", share: "s", 1)
        #expect(trie.generation == generation)
        trie.unsubscribe("a", share: "s", 2)
        #expect(trie.generation != generation)
    }
}
