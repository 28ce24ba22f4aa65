import MQTTCodec
package import Primitives

/// The subscriptions of one session, in no particular order, one for each filter.
///
/// An array, which is searched from the front while it is short, as it is for nearly all clients. From 17 subscriptions
/// on there is an index by filter, so that a client with very many of them does not block its loop: without it 10,000
/// filters in one SUBSCRIBE took 0.75 s.
package struct SubscriptionList: Sequence {
    private var list: ContiguousArray<Subscription> = []
    /// The position of each filter; nil while the list is short.
    private var index: PositionIndex<UTF8Text>?
    /// Bytes that all filters take together: see `cost(of:)`.
    package private(set) var filterByteCount = 0
    /// How many of them are shared.
    package private(set) var sharedCount = 0

    private static let flatLimit = 16

    /// Bytes that a filter takes: its text, and a node of the trie for each level, which a filter of its own may have
    /// 65,536 of.
    package static func cost(of filter: UTF8Text) -> Int {
        filter.count + 48 * filter.bytes.count { $0 == UInt8(ascii: "/") }
    }

    package init() {}

    package var count: Int { list.count }
    package var isEmpty: Bool { list.isEmpty }

    package func makeIterator() -> ContiguousArray<Subscription>.Iterator { list.makeIterator() }

    /// The subscription at a position. `remove` changes the order: the last one takes the place of the one that is
    /// removed.
    package subscript(position: Int) -> Subscription { list[position] }

    package func contains(_ filter: UTF8Text) -> Bool { position(of: filter) != nil }

    private func position(of filter: UTF8Text) -> Int? {
        guard let index else { return list.firstIndex { $0.filter == filter } }
        return index.find(filter) { list[$0].filter }
    }

    /// Adds a subscription, or replaces the one with the same filter.
    package mutating func set(_ subscription: Subscription) {
        if let position = position(of: subscription.filter) {
            list[position] = subscription
            return
        }
        list.append(subscription)
        filterByteCount += Self.cost(of: subscription.filter)
        if subscription.isShared { sharedCount += 1 }
        if index != nil {
            index?.insert(subscription.filter, at: list.count - 1)
        } else if list.count > Self.flatLimit {
            var made = PositionIndex<UTF8Text>()
            for (position, entry) in list.enumerated() { made.insert(entry.filter, at: position) }
            index = made
        }
    }

    /// - Returns: false when there was no such subscription.
    package mutating func remove(_ filter: UTF8Text) -> Bool {
        guard let position = position(of: filter) else { return false }
        index?.remove(filter, at: position)
        forget(list[position])
        let last = list.removeLast()
        if position < list.count {
            list[position] = last
            index?.move(last.filter, from: list.count, to: position)
        }
        if list.isEmpty { self = SubscriptionList() }
        return true
    }

    /// Takes the last subscription out. A long list is emptied one by one, because freeing it at once would take too
    /// long.
    package mutating func popLast() -> Subscription? {
        guard let last = list.popLast() else { return nil }
        index?.remove(last.filter, at: list.count)
        forget(last)
        if list.isEmpty { self = SubscriptionList() }
        return last
    }

    private mutating func forget(_ subscription: Subscription) {
        filterByteCount -= Self.cost(of: subscription.filter)
        if subscription.isShared { sharedCount -= 1 }
    }

    package mutating func removeAll() { self = SubscriptionList() }
}
