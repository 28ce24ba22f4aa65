/// Packet identifiers of QoS 2 messages that a client has sent and not yet released with PUBREL. They tell a repeated
/// PUBLISH from a new one, and how much of the broker's Receive Maximum the client uses [MQTT-4.3.3-10].
///
/// Up to a few dozen are in an array, more in a bitmap of 65,536 bits. So a client that never sends PUBREL costs 8 KB
/// at most.
package struct ReceivedPacketIdentifiers {
    private var flat: ContiguousArray<UInt16> = []
    private var bitmap: ContiguousArray<UInt64> = []
    package private(set) var count = 0

    private static let flatLimit = 32

    package init() {}

    package func contains(_ identifier: UInt16) -> Bool {
        if bitmap.isEmpty { return flat.contains(identifier) }
        return bitmap[Int(identifier >> 6)] & 1 << UInt64(identifier & 63) != 0
    }

    /// - Returns: false when it was there already.
    package mutating func insert(_ identifier: UInt16) -> Bool {
        guard !contains(identifier) else { return false }
        count += 1
        if bitmap.isEmpty, flat.count < Self.flatLimit {
            flat.append(identifier)
            return true
        }
        if bitmap.isEmpty {
            bitmap = ContiguousArray(repeating: 0, count: 1024)
            for old in flat { bitmap[Int(old >> 6)] |= 1 << UInt64(old & 63) }
            flat = []
        }
        bitmap[Int(identifier >> 6)] |= 1 << UInt64(identifier & 63)
        return true
    }

    /// - Returns: false when it was not there.
    package mutating func remove(_ identifier: UInt16) -> Bool {
        guard contains(identifier) else { return false }
        count -= 1
        if bitmap.isEmpty {
            if let index = flat.firstIndex(of: identifier) { flat.remove(at: index) }
        } else {
            bitmap[Int(identifier >> 6)] &= ~(1 << UInt64(identifier & 63))
            if count == 0 { bitmap = [] }
        }
        return true
    }

    /// All of them, in no particular order.
    var identifiers: [UInt16] {
        if bitmap.isEmpty { return Array(flat) }
        var found: [UInt16] = []
        found.reserveCapacity(count)
        for (index, word) in bitmap.enumerated() {
            var rest = word
            while rest != 0 {
                found.append(UInt16(truncatingIfNeeded: index << 6 | rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return found
    }

    package mutating func removeAll() { self = ReceivedPacketIdentifiers() }
}
