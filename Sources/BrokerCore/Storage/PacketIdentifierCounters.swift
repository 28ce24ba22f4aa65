import Synchronization

/// Gives packet identifiers to QoS 1 copies on the loop that stores them, so that a copy and its identifier are written
/// together. The copy may then be sent before the commit, and is sent again after a crash with the identifier that the
/// client knows [MQTT-4.4.0-1].
///
///     loop A stores ─┐                         ┌─ 7 → copy in A's batch ─→ loop B sends it as 7
///     loop B stores ─┴→ counter of the session ┴─ 8 → copy in B's batch ─→ loop B sends it as 8
///
/// Identifiers ascend from 1 to 65,535 and begin again. If a copy is removed before it is sent, its identifier stays
/// unused, which does no harm; for the same reason several sessions may share a counter. Only the session's loop knows
/// whether the client still has an earlier message with the same identifier. Then it chooses another one, and sends the
/// copy when that is committed (`Session.holdForCommit`).
@safe final class PacketIdentifierCounters: @unchecked Sendable {
    // Immutable after `init` but for the counters, which are atomic.
    private let counters: UnsafeMutablePointer<Atomic<UInt32>>
    private let mask: UInt64

    /// 64 KB: sessions that were made one after the other have counters of their own.
    private static let count = 16_384

    /// - Parameter isUsed: false when nothing is stored; then one counter is enough.
    init(isUsed: Bool) {
        let count = isUsed ? Self.count : 1
        mask = UInt64(count - 1)
        unsafe counters = .allocate(capacity: count)
        for index in 0..<count { unsafe (counters + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe counters.deallocate() }

    /// The next identifier for the session with this number in the store.
    @inline(__always)
    func take(_ session: UInt64) -> UInt16 {
        let count = unsafe counters[Int(session & mask)].wrappingAdd(1, ordering: .relaxed).oldValue
        return UInt16(truncatingIfNeeded: count % 65_535) + 1
    }

    /// A session was found at the start, and its last copy has this identifier: the next copies get the identifiers
    /// after it.
    func goOn(_ session: UInt64, after identifier: UInt16) {
        guard identifier != 0 else { return }
        unsafe counters[Int(session & mask)].store(UInt32(identifier), ordering: .relaxed)
    }
}
