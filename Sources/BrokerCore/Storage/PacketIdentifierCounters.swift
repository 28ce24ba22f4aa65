import Synchronization

/// Gives packet identifiers to QoS 1 copies where they are stored, so that a copy and its identifier are written together:
/// it may be sent before the commit, and comes again after a crash under the identifier that the client knows
/// [MQTT-4.4.0-1].
///
///     loop A stores ─┐                         ┌─ 7 → copy in A's batch ─→ loop B sends it as 7
///     loop B stores ─┴→ counter of the session ┴─ 8 → copy in B's batch ─→ loop B sends it as 8
///
/// Identifiers ascend and wrap. A copy that dies before it is sent leaves its number unused, which costs nothing, so
/// sessions far apart may share a counter. Whether the client still has an earlier message under the same identifier
/// only the session's loop knows: it gives another then, and has that written first (`Session.holdForCommit`).
@safe final class PacketIdentifierCounters: @unchecked Sendable {
    // Immutable after `init` but for the counters, which are atomic.
    private let counters: UnsafeMutablePointer<Atomic<UInt32>>
    private let mask: UInt64

    /// 64 KB: sessions that were made one after the other have counters of their own.
    private static let count = 16_384

    /// - Parameter isUsed: false: nothing is stored, and one counter is enough.
    init(isUsed: Bool) {
        let count = isUsed ? Self.count : 1
        mask = UInt64(count - 1)
        unsafe counters = .allocate(capacity: count)
        for index in 0..<count { unsafe (counters + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe counters.deallocate() }

    /// The next for the session with this number in the store.
    @inline(__always)
    func take(_ session: UInt64) -> UInt16 {
        let count = unsafe counters[Int(session & mask)].wrappingAdd(1, ordering: .relaxed).oldValue
        return UInt16(truncatingIfNeeded: count % 65_535) + 1
    }

    /// A session was found at the start whose youngest copy has this identifier: those that follow come behind it.
    func goOn(_ session: UInt64, after identifier: UInt16) {
        guard identifier != 0 else { return }
        unsafe counters[Int(session & mask)].store(UInt32(identifier), ordering: .relaxed)
    }
}
