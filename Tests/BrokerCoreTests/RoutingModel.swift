import BrokerCore
import Primitives

/// What the tries must do, written so simply that it is plainly right.
enum RoutingModel {
    /// For each filter of the small universe, the topics of the small universe that it matches.
    private static let matchingTopics: [String: Set<String>] = Dictionary(
        uniqueKeysWithValues: filters.map { filter in
            (filter, Set(topics.filter { decide(topic: $0, filter: filter) }))
        })

    /// Both out of the small universe.
    static func matches(topic: String, filter: String) -> Bool {
        matchingTopics[filter]?.contains(topic) ?? false
    }

    /// [MQTT-4.7.1-1…3, 4.7.2-1, 4.7.3-4]
    private static func decide(topic: String, filter: String) -> Bool {
        let topicLevels = levels(topic)
        let filterLevels = levels(filter)
        if topic.utf8.first == UInt8(ascii: "$"), ["+", "#"].contains(filterLevels[0]) { return false }
        return decide(topicLevels[...], filterLevels[...])
    }

    private static func decide(_ topic: ArraySlice<String>, _ filter: ArraySlice<String>) -> Bool {
        guard let wanted = filter.first else { return topic.isEmpty }
        if wanted == "#" { return true }
        guard let level = topic.first else { return false }
        return (wanted == "+" || wanted == level) && decide(topic.dropFirst(), filter.dropFirst())
    }

    private static func levels(_ text: String) -> [String] {
        text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    }

    /// All topics of one to three levels out of `alphabet`, without the empty topic.
    static let topics: [String] = paths(alphabet, last: alphabet).filter { !$0.isEmpty }

    /// All filters of one to three levels.
    static let filters: [String] = paths(alphabet + ["+"], last: alphabet + ["+", "#"]).filter { !$0.isEmpty }

    private static let alphabet = ["a", "b", "$a", ""]

    private static func paths(_ inner: [String], last: [String]) -> [String] {
        var found = last
        for first in inner {
            found += last.map { "\(first)/\($0)" }
            for second in inner { found += last.map { "\(first)/\(second)/\($0)" } }
        }
        return found
    }
}

/// The same numbers for the same seed, on each run (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}

/// Session number `number` of loop 0.
func session(_ number: Int) -> SessionHandle {
    SessionHandle(loop: 0, slot: UInt32(number), generation: 1)
}

func target(_ number: Int, options: UInt8 = 0, identifier: UInt32 = 0) -> SubscriptionTarget {
    SubscriptionTarget(session: session(number), options: options, subscriptionIdentifier: identifier)
}

extension SubscriptionTrie {
    func match(_ topic: String, mountpoint: Mountpoint = .default) -> SubscriptionMatches {
        var matches = SubscriptionMatches()
        let bytes = topic.bytes
        match(bytes.span.bytes, mountpoint: mountpoint, loop: noLoop, into: &matches)
        return matches
    }

    /// The slots of the sessions found, in ascending order.
    func sessions(_ topic: String, mountpoint: Mountpoint = .default) -> [Int] {
        match(topic, mountpoint: mountpoint).targets.map { Int($0.session.slot) }.sorted()
    }

    @discardableResult
    func subscribe(
        _ filter: String, share: String? = nil, mountpoint: Mountpoint = .default,
        _ target: SubscriptionTarget,
        isOnline: Bool = true
    ) -> Bool {
        subscribe(
            filter.bytes, shareName: share?.bytes, mountpoint: mountpoint, target: target,
            presence: SessionPresence(isOnline ? .online : .offline))
    }

    @discardableResult
    func unsubscribe(
        _ filter: String, share: String? = nil, mountpoint: Mountpoint = .default, _ number: Int
    ) -> Bool {
        unsubscribe(filter.bytes, shareName: share?.bytes, mountpoint: mountpoint, session: session(number))
    }
}

/// The message of one topic.
final class TestMessage: Sendable {
    let topic: String
    let revision: Int

    init(_ topic: String, revision: Int = 0) {
        self.topic = topic
        self.revision = revision
    }
}

extension RetainedTrie<TestMessage> {
    @discardableResult
    func set(_ topic: String, mountpoint: Mountpoint = .default, revision: Int = 0) -> TestMessage? {
        let bytes = topic.bytes
        return set(
            bytes.span.bytes, mountpoint: mountpoint, message: TestMessage(topic, revision: revision),
            byteCount: 100)
    }

    @discardableResult
    func remove(_ topic: String, mountpoint: Mountpoint = .default) -> TestMessage? {
        let bytes = topic.bytes
        return remove(bytes.span.bytes, mountpoint: mountpoint)
    }

    func get(_ topic: String, mountpoint: Mountpoint = .default) -> TestMessage? {
        let bytes = topic.bytes
        return get(bytes.span.bytes, mountpoint: mountpoint)
    }

    /// The topics found by `filter`, in slices of `limit`.
    func topics(_ filter: String, mountpoint: Mountpoint = .default, limit: Int = 3) -> [String] {
        var cursor = Cursor()
        var messages: ContiguousArray<TestMessage> = []
        while match(filter.bytes, mountpoint: mountpoint, cursor: &cursor, limit: limit, into: &messages) {}
        return messages.map(\.topic).sorted()
    }
}
