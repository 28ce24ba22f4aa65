import MQTTCodec
package import Primitives

/// The subscriptions of one session, in no particular order, one for each filter.
///
/// A flat array that is searched while it is short, which is nearly always; from 17 on with an index by filter, so that
/// a client with very many of them does not hold up its loop: 10,000 filters in one SUBSCRIBE took 0.75 s without.
package struct SubscriptionList: Sequence {
    private var list: ContiguousArray<Subscription> = []
    /// Where each filter stands; empty while the list is short.
    private var positions: [UTF8Text: Int32] = [:]

    private static let flatLimit = 16

    package init() {}

    package var count: Int { list.count }
    package var isEmpty: Bool { list.isEmpty }

    package func makeIterator() -> ContiguousArray<Subscription>.Iterator { list.makeIterator() }

    package func contains(_ filter: UTF8Text) -> Bool { index(of: filter) != nil }

    private func index(of filter: UTF8Text) -> Int? {
        if positions.isEmpty { return list.firstIndex { $0.filter == filter } }
        return positions[filter].map { Int($0) }
    }

    /// Adds a subscription, or replaces the one with the same filter.
    package mutating func set(_ subscription: Subscription) {
        if let index = index(of: subscription.filter) {
            list[index] = subscription
            return
        }
        list.append(subscription)
        if !positions.isEmpty {
            positions[subscription.filter] = Int32(list.count - 1)
        } else if list.count > Self.flatLimit {
            for (index, entry) in list.enumerated() { positions[entry.filter] = Int32(index) }
        }
    }

    /// - Returns: false when there was no such subscription.
    package mutating func remove(_ filter: UTF8Text) -> Bool {
        guard let index = index(of: filter) else { return false }
        let last = list.removeLast()
        if index < list.count {
            list[index] = last
            if !positions.isEmpty { positions[last.filter] = Int32(index) }
        }
        positions[filter] = nil
        return true
    }

    package mutating func removeAll() { self = SubscriptionList() }
}
