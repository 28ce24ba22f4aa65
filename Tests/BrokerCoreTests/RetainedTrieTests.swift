import BrokerCore
import Primitives
import Testing

struct RetainedTrieTests {
    @Test func `a topic has the message set last, and set and remove return the one before`() {
        let trie = RetainedTrie<TestMessage>()
        #expect(trie.set("a/b") == nil)
        #expect(trie.set("a/b", revision: 1)?.revision == 0)
        #expect(trie.get("a/b")?.revision == 1)
        #expect(trie.get("a") == nil)
        #expect(trie.count == 1)
        #expect(trie.remove("a") == nil)
        #expect(trie.remove("a/b")?.revision == 1)
        #expect(trie.remove("a/b") == nil)
        #expect(trie.count == 0)
        #expect(trie.sizes == (0, 0))
        #expect(trie.byteCount == 0)
    }

    @Test(arguments: [1, 2, 1000])
    func `every filter of the small universe finds exactly the topics it should`(limit: Int) {
        let trie = RetainedTrie<TestMessage>()
        for topic in RoutingModel.topics { trie.set(topic) }
        for filter in RoutingModel.filters {
            let expected = RoutingModel.topics.filter { RoutingModel.matches(topic: $0, filter: filter) }
                .sorted()
            #expect(trie.topics(filter, limit: limit) == expected, "\(filter)")
        }
        for topic in RoutingModel.topics { #expect(trie.remove(topic)?.topic == topic) }
        #expect(trie.sizes == (0, 0))
    }

    @Test func `topics of another mountpoint are not found`() {
        let trie = RetainedTrie<TestMessage>()
        let other = Mountpoint.intern("retained trie tests")
        trie.set("a", mountpoint: other)
        trie.set("b")
        #expect(trie.topics("#") == ["b"])
        #expect(trie.topics("#", mountpoint: other) == ["a"])
        #expect(trie.get("a") == nil)
        #expect(trie.remove("b", mountpoint: other) == nil)
    }

    @Test func `a slice holds no more than its limit, and few visits still come to the end`() {
        let trie = RetainedTrie<TestMessage>()
        for number in 0..<1000 { trie.set("a/\(number)/x") }
        trie.set("a/500/y")
        var cursor = RetainedTrie<TestMessage>.Cursor()
        var slice: ContiguousArray<TestMessage> = []
        var found = 0
        var isMore = true
        while isMore {
            slice.removeAll()
            isMore = trie.match("#".bytes, mountpoint: .default, cursor: &cursor, limit: 7, into: &slice)
            #expect(slice.count <= 7)
            found += slice.count
        }
        #expect(found == 1001)

        slice.removeAll()
        var slices = 1
        while trie.match(
            "a/+/y".bytes, mountpoint: .default, cursor: &cursor, limit: 7, visits: 100, into: &slice)
        {
            slices += 1
        }
        #expect(slice.map(\.topic) == ["a/500/y"])
        #expect(slices >= 10)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `a cursor finds what stays, nothing twice, whatever is set and removed between its slices`(
        seed: UInt64
    ) {
        var random = SeededRandom(seed: seed)
        let trie = RetainedTrie<TestMessage>()
        var present: Set<String> = []
        for topic in RoutingModel.topics where Bool.random(using: &random) {
            trie.set(topic)
            present.insert(topic)
        }
        for _ in 0..<20 {
            let filter =
                Bool.random(using: &random)
                ? "#" : RoutingModel.filters[Int.random(in: 0..<RoutingModel.filters.count, using: &random)]
            var staying = present
            var everPresent = present
            var cursor = RetainedTrie<TestMessage>.Cursor()
            var messages: ContiguousArray<TestMessage> = []
            let isAbandoned = Int.random(in: 0..<4, using: &random) == 0
            var slices = 0
            while trie.match(
                filter.bytes, mountpoint: .default, cursor: &cursor,
                limit: Int.random(in: 1...4, using: &random), visits: Int.random(in: 1...9, using: &random),
                into: &messages)
            {
                slices += 1
                if isAbandoned, slices > 2 { break }
                for _ in 0..<Int.random(in: 0...12, using: &random) {
                    let topic =
                        RoutingModel.topics[Int.random(in: 0..<RoutingModel.topics.count, using: &random)]
                    if Bool.random(using: &random) {
                        trie.set(topic)
                        present.insert(topic)
                        everPresent.insert(topic)
                    } else {
                        #expect((trie.remove(topic) != nil) == (present.remove(topic) != nil))
                        staying.remove(topic)
                    }
                }
            }
            let found = messages.map(\.topic)
            #expect(Set(found).count == found.count, "\(filter)")
            #expect(
                found.allSatisfy {
                    RoutingModel.matches(topic: $0, filter: filter) && everPresent.contains($0)
                })
            if !isAbandoned {
                let missed = staying.filter { RoutingModel.matches(topic: $0, filter: filter) }.subtracting(
                    found)
                #expect(missed.isEmpty, "\(filter)")
            }
        }
        #expect(trie.count == present.count)
        for topic in present { trie.remove(topic) }
        #expect(trie.sizes == (0, 0))
    }

    @Test func `a cursor keeps its place when everything is removed, and lets go when it is dropped`() {
        let trie = RetainedTrie<TestMessage>()
        for number in 0..<100 { trie.set("a/\(number)") }
        var messages: ContiguousArray<TestMessage> = []
        do {
            var cursor = RetainedTrie<TestMessage>.Cursor()
            #expect(trie.match("#".bytes, mountpoint: .default, cursor: &cursor, limit: 10, into: &messages))
            let copy = cursor
            for number in 0..<100 { trie.remove("a/\(number)") }
            #expect(trie.count == 0)
            #expect(trie.sizes.nodes == 3)  // the root, "a", and the place of the cursor
            for number in 0..<100 { trie.set("a/\(number)") }
            #expect(
                !trie.match("#".bytes, mountpoint: .default, cursor: &cursor, limit: 1000, into: &messages))
            #expect(Set(messages.map(\.topic)).count == messages.count)
            withExtendedLifetime(copy) {}
        }
        for number in 0..<100 { trie.remove("a/\(number)") }
        #expect(trie.sizes == (0, 0))
    }

    @Test func `a sweep removes the unwanted messages, all of them and no other, slice by slice`() {
        let trie = RetainedTrie<TestMessage>()
        for number in 0..<1000 { trie.set("a/\(number)", revision: number % 3) }
        var position = 0
        var removed: ContiguousArray<TestMessage> = []
        while trie.sweep(from: &position, visits: 64, into: &removed, where: { $0.revision == 0 }) {}
        #expect(removed.count == 334)
        #expect(removed.allSatisfy { $0.revision == 0 })
        #expect(trie.count == 666)
        position = 0
        while trie.sweep(from: &position, visits: 64, into: &removed, where: { _ in true }) {}
        #expect(removed.count == 1000)
        #expect(trie.sizes == (0, 0))
    }

    @Test func `a list names the messages of all mountpoints, those that begin with a dollar sign too`() {
        let trie = RetainedTrie<TestMessage>()
        trie.set("$SYS/x", mountpoint: .intern("retained trie tests"))
        for number in 0..<50 { trie.set("\(number)") }
        var position = 0
        var messages: ContiguousArray<TestMessage> = []
        while trie.list(from: &position, visits: 8, into: &messages) {}
        #expect(Set(messages.map(\.topic)) == Set((0..<50).map { "\($0)" } + ["$SYS/x"]))
        #expect(messages.count == 51)
    }

    @Test func `bytes are counted as callers gave them`() {
        let trie = RetainedTrie<TestMessage>()
        trie.set("a")
        let one = trie.byteCount
        trie.set("a")
        #expect(trie.byteCount == one)
        let topic = "a".bytes
        trie.set(topic.span.bytes, mountpoint: .default, message: TestMessage("a"), byteCount: 5000)
        #expect(trie.byteCount == one + 4900)
    }

    @Test func `a topic of tens of thousands of levels is found`() {
        let trie = RetainedTrie<TestMessage>()
        let topic = String(repeating: "/", count: 60_000)
        trie.set(topic)
        #expect(trie.topics("#") == [topic])
        #expect(trie.topics("+" + String(repeating: "/+", count: 60_000)) == [topic])
        trie.remove(topic)
        #expect(trie.sizes == (0, 0))
    }

    @Test func `cursors and writers on several threads never disturb each other`() async {
        let trie = RetainedTrie<TestMessage>()
        for number in 0..<500 { trie.set("stays/\(number % 10)/\(number)") }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var isComplete = true
                    for _ in 0..<20 {
                        let topics = trie.topics("#", limit: 25)
                        isComplete = isComplete && Set(topics).count == topics.count
                        isComplete = isComplete && topics.filter { !$0.hasSuffix("comes") }.count == 500
                    }
                    return isComplete
                }
            }
            group.addTask {
                for step in 0..<5000 {
                    trie.set("stays/\(step % 10)/\(step % 100)/comes")
                    trie.remove("stays/\((step + 5) % 10)/\((step + 25) % 100)/comes")
                }
                return true
            }
            for await isComplete in group { #expect(isComplete) }
        }
    }
}
