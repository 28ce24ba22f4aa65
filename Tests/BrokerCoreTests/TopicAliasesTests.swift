import BrokerCore
import Primitives
import TestSupport
import Testing

extension OutgoingTopicAliases {
    fileprivate mutating func use(_ topic: UTF8Text) -> (alias: UInt16, isKnown: Bool)? {
        use(topic.bytes.span.bytes)
    }
}

@Suite struct TopicAliasesTests {
    @Test(arguments: [1, 2, 7] as [UInt16])
    func `outgoing aliases give way in the order of their last use`(_ maximum: UInt16) throws {
        var random = SeededGenerator(seed: UInt64(maximum))
        var aliases = OutgoingTopicAliases(maximum: maximum)
        /// Least recently used first.
        var model: [(topic: UTF8Text, alias: UInt16)] = []
        for _ in 0..<5000 {
            let topic = UTF8Text("topic/\(random.below(Int(maximum) * 2 + 1))")
            let found = aliases.use(topic)
            let use = try #require(found)
            if let index = model.firstIndex(where: { $0.topic == topic }) {
                let known = model.remove(at: index)
                #expect(use.isKnown && use.alias == known.alias)
                model.append(known)
            } else {
                let alias = model.count < maximum ? UInt16(model.count + 1) : model.removeFirst().alias
                #expect(!use.isKnown && use.alias == alias)
                model.append((topic, alias))
            }
        }
    }

    @Test func `incoming aliases hold the last topic, within the maximum`() {
        var aliases = IncomingTopicAliases(maximum: 2)
        #expect(aliases.maximum == 2)
        #expect(aliases.topic(for: 1) == nil)
        for (alias, topic) in [(1, "a"), (2, "b"), (1, "c"), (3, "d"), (0, "e")] as [(UInt16, UTF8Text)] {
            _ = aliases.set(alias, to: topic)
        }
        #expect((0...3).map { aliases.topic(for: $0) } == [nil, "c", "b", nil])
    }

    @Test func `aliases that nobody has used cost nothing, whatever the maximum`() {
        var incoming = IncomingTopicAliases(maximum: .max)
        let outgoing = OutgoingTopicAliases(maximum: .max)
        #expect(incoming.byteCount == 0 && outgoing.byteCount == 0)
        _ = incoming.set(1, to: "a")
        #expect(incoming.byteCount < 400)
        _ = incoming.set(.max, to: "b")
        #expect(incoming.byteCount < 20_000)
    }

    @Test func `incoming aliases stay within their bytes, and one that has no room changes nothing`() {
        let limit = 1 << 20
        var aliases = IncomingTopicAliases(maximum: .max, byteLimit: limit)
        let long = UTF8Text(bytes: [UInt8](repeating: 0x61, count: 65_535))
        var taken = 0
        for alias in 1...UInt16.max where aliases.set(alias, to: long) { taken += 1 }
        #expect(taken == 15)
        #expect(aliases.byteCount <= limit && aliases.byteCount > limit - 70_000)
        #expect(aliases.topic(for: 15) == long && aliases.topic(for: 16) == nil)
        let answers = [aliases.set(15, to: "short"), aliases.set(16, to: long), aliases.set(15, to: long)]
        #expect(answers == [true, true, false])
        #expect(aliases.topic(for: 15) == "short")
    }

    @Test func `outgoing aliases stay within their bytes: those used least recently give way`() {
        let limit = 100_000
        var random = SeededGenerator(seed: 5)
        var aliases = OutgoingTopicAliases(maximum: .max, byteLimit: limit)
        /// What the client believes.
        var topics: [UInt16: UTF8Text] = [:]
        for _ in 0..<20_000 {
            let number = random.below(3000)
            let topic = UTF8Text(String(repeating: "x", count: number % 500) + "/\(number)")
            guard let use = aliases.use(topic) else {
                Issue.record("no alias for \(topic)")
                continue
            }
            if use.isKnown { #expect(topics[use.alias] == topic) }
            topics[use.alias] = topic
            #expect(aliases.byteCount <= limit + 8192)
            let again = aliases.use(topic)
            #expect(again?.isKnown == true && again?.alias == use.alias)
        }
        #expect(topics.count > 100)
        let tooLong = aliases.use(UTF8Text(bytes: [UInt8](repeating: 0x61, count: limit)))
        #expect(tooLong == nil)
    }
}
