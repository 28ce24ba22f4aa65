import CSystem

/// The epoll set of one loop, and what its last wait reported. Level-triggered: what a turn leaves unread is
/// reported again, and one read for each report is enough (an edge-triggered set needs a second read, which
/// fails with EAGAIN, to know that it may wait).
///
/// A token is what comes back with an event:
///
///     bits 63…32 generation of the slot, 31…30 kind (0 connection, 1 acceptor, 3 wake-up), 29…0 slot
final class Poller {
    struct Token: Equatable {
        let rawValue: UInt64

        enum Kind { case connection, acceptor, wakeup }

        init(rawValue: UInt64) { self.rawValue = rawValue }

        init(slot: Int, generation: UInt32) {
            rawValue = UInt64(generation) << 32 | UInt64(truncatingIfNeeded: slot) & 0x3FFF_FFFF
        }

        init(acceptor index: Int) {
            rawValue = 0x4000_0000 | UInt64(truncatingIfNeeded: index) & 0x3FFF_FFFF
        }

        static let wakeup = Token(rawValue: 0xC000_0000)

        var kind: Kind {
            rawValue & 0xC000_0000 == 0 ? .connection : rawValue & 0x8000_0000 == 0 ? .acceptor : .wakeup
        }
        var slot: Int { Int(truncatingIfNeeded: rawValue & 0x3FFF_FFFF) }
        var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
    }

    private let epoll: Int32
    private let events: UnsafeMutableRawPointer
    private let capacity: Int32

    /// - Parameter epoll: must outlive this; it belongs to the loop's handle.
    init(epoll: Int32, capacity: Int32) {
        self.epoll = epoll
        self.capacity = capacity
        events = .allocate(byteCount: csystem_epoll_event_size() * Int(capacity), alignment: 8)
    }

    deinit { events.deallocate() }

    /// - Returns: how many events there are.
    func wait(milliseconds: Int32) -> Int {
        let count = csystem_epoll_wait(epoll, events, capacity, milliseconds)
        guard count >= 0 else {
            fatalError(
                "the epoll descriptor stays valid while the loop runs: \(TransportError.text(of: -count))"
            )
        }
        return Int(count)
    }

    /// - Parameter index: below what the last `wait` returned.
    func event(_ index: Int) -> (token: Token, flags: UInt32) {
        let index = Int32(truncatingIfNeeded: index)
        return (
            Token(rawValue: csystem_epoll_event_token(events, index)),
            csystem_epoll_event_flags(events, index)
        )
    }

    /// - Returns: 0 or a negative error number, as the two below.
    func add(_ descriptor: Int32, _ flags: UInt32, _ token: Token) -> Int32 {
        csystem_epoll_add(epoll, descriptor, flags, token.rawValue)
    }

    @discardableResult
    func modify(_ descriptor: Int32, _ flags: UInt32, _ token: Token) -> Int32 {
        csystem_epoll_modify(epoll, descriptor, flags, token.rawValue)
    }

    @discardableResult
    func remove(_ descriptor: Int32) -> Int32 {
        csystem_epoll_remove(epoll, descriptor)
    }
}
