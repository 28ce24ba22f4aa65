import MQTTCodec
import Primitives

/// A search for the retained messages of a new subscription, which goes on in slices.
struct RetainedScan {
    var filter: UTF8Text
    var options: SubscriptionOptions
    var subscriptionIdentifier: UInt32
    /// The number of its SUBSCRIBE on the connection. The search begins when that has been answered.
    var subscribe: UInt32
    var cursor = RetainedTrie<ApplicationMessage>.Cursor()
}

/// The searches for one client that have not ended, first in, first out, one for each filter. It is a linked list in an
/// array with an index by filter, so that one of 20,000 is added, or removed by UNSUBSCRIBE, without going through
/// them.
///
///     first ─► [ a/# ] ⇄ [ b/+ ] ⇄ [ c ] ◄─ last        places  [ b/+ | free | a/# | c ]
///
/// Owns no memory while it is empty.
struct RetainedScans {
    private struct Place {
        /// nil while the place is free.
        var scan: RetainedScan?
        var next = RetainedScans.none
        var previous = RetainedScans.none
    }

    private static let none: Int32 = -1

    private var places: ContiguousArray<Place> = []
    private var index = PositionIndex<UTF8Text>()
    private var firstFree = RetainedScans.none
    private var firstPlace = RetainedScans.none
    private var lastPlace = RetainedScans.none
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The search that is under way or comes next.
    var first: RetainedScan? { firstPlace == Self.none ? nil : places[Int(firstPlace)].scan }

    /// Without a copy of it.
    var firstSubscribe: UInt32? {
        firstPlace == Self.none ? nil : places[Int(firstPlace)].scan?.subscribe
    }

    /// Adds a search at the end. It replaces one of the same filter that has not ended, because the new one sends all
    /// messages [MQTT-3.8.4-3].
    mutating func append(_ scan: RetainedScan) {
        remove(scan.filter)
        let place: Int32
        if firstFree != Self.none {
            place = firstFree
            firstFree = places[Int(place)].next
        } else {
            place = Int32(places.count)
            places.append(Place())
        }
        places[Int(place)] = Place(scan: scan, previous: lastPlace)
        if lastPlace == Self.none { firstPlace = place } else { places[Int(lastPlace)].next = place }
        lastPlace = place
        index.insert(scan.filter, at: Int(place))
        count += 1
    }

    /// Notes how far the first scan has come.
    mutating func setFirst(_ cursor: RetainedTrie<ApplicationMessage>.Cursor) {
        guard firstPlace != Self.none else { return }
        places[Int(firstPlace)].scan?.cursor = cursor
    }

    mutating func removeFirst() {
        if let filter = first?.filter { remove(filter) }
    }

    mutating func remove(_ filter: UTF8Text) {
        guard count > 0 else { return }
        let found = index.find(filter) { places[$0].scan?.filter ?? filter }
        guard let found else { return }
        let place = places[found]
        if place.previous == Self.none {
            firstPlace = place.next
        } else {
            places[Int(place.previous)].next = place.next
        }
        if place.next == Self.none {
            lastPlace = place.previous
        } else {
            places[Int(place.next)].previous = place.previous
        }
        places[found] = Place(next: firstFree)
        firstFree = Int32(found)
        index.remove(filter, at: found)
        count -= 1
        if count == 0 { self = RetainedScans() }
    }

    mutating func removeAll() { self = RetainedScans() }
}
