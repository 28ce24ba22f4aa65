import BrokerCore
import Primitives
import TestSupport
import Testing

@Suite struct TopicAliasesTests {
    @Test(arguments: [1, 2, 7] as [UInt16])
    func `outgoing aliases give way in the order of their last use`(_ maximum: UInt16) {
        var random = SeededGenerator(seed: UInt64(maximum))
        var aliases = OutgoingTopicAliases(maximum: maximum)
        /// Least recently used first.
        var model: [(topic: UTF8Text, alias: UInt16)] = []
        for _ in 0..<5000 {
            let topic = UTF8Text("topic/\(random.below(Int(maximum) * 2 + 1))")
            let use = aliases.use(topic.bytes.span.bytes)
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
            aliases.set(alias, to: topic)
        }
        #expect((0...3).map { aliases.topic(for: $0) } == [nil, "c", "b", nil])
    }
}
