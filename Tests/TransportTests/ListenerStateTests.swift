import Primitives
import Testing

@testable import Transport

struct ListenerStateTests {
    private func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `a time without descriptors begins once and ends after a second without failure`() {
        let state = ListenerState(name: "test")
        #expect(!state.countAccepted(now: time(0)).isExhaustionOver)
        #expect(state.countExhausted(refused: 1, now: time(1)))
        #expect(!state.countExhausted(refused: 0, now: time(900)))
        #expect(!state.countAccepted(now: time(1800)).isExhaustionOver, "the last failure is too fresh")
        #expect(state.countAccepted(now: time(1900)).isExhaustionOver)
        #expect(!state.countAccepted(now: time(1901)).isExhaustionOver, "it ended before")
        #expect(state.countExhausted(refused: 1, now: time(5000)))
        #expect(state.counts.refused == 2)
        #expect(state.counts.accepted == 4)
    }

    @Test func `a limit clears when there is room and nobody was kept out for a while, though nobody comes`()
        throws
    {
        func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
        let state = ListenerState(name: "test", maxConnections: 1)
        let loop = try EventLoopHandle(index: 0)
        #expect(state.reserve(orWake: loop) == .place)
        state.confirm(nil)
        #expect(state.countOverLimit(.maxConnections, isTold: true, now: at(1)))
        #expect(!state.countOverLimit(.maxConnections, isTold: true, now: at(2)))
        #expect(state.endQuiet(now: at(60)).limits.isEmpty, "there is no room")
        state.release()
        #expect(state.endQuiet(now: at(11)).limits.isEmpty)
        let ended = state.endQuiet(now: at(12)).limits
        #expect(ended.map(\.0) == [.maxConnections] && ended.map(\.count) == [2])
        #expect(state.endQuiet(now: at(60)).limits.isEmpty)
        #expect(state.maximum(of: .maxConnections) == 1)
    }

    @Test func `places are taken and given back, and whoever waited is woken once`() throws {
        let state = ListenerState(name: "test", maxConnections: 1, action: .wait)
        let loop = try EventLoopHandle(index: 0)
        #expect(state.reserve(orWake: loop) == .place)
        state.confirm(nil)
        #expect(state.reserve(orWake: loop) == .none(.maxConnections))
        #expect(!loop.takeAcceptorsWakeup())
        state.release()
        #expect(loop.takeAcceptorsWakeup())
        #expect(state.reserve(orWake: loop) == .place)
        state.confirm(nil)
        state.release()
        #expect(!loop.takeAcceptorsWakeup())
        #expect(state.counts.active == 0)
    }

    @Test func `over a limit there are few places to be told, and a place of any kind wakes who waits`()
        throws
    {
        let shared = SharedLimits(
            clients: ConnectionPlaces(maximum: 1), refusals: ConnectionPlaces(maximum: 1))
        let state = ListenerState(name: "test", maxConnections: 2, shared: shared)
        let loop = try EventLoopHandle(index: 0)
        func accept() -> ListenerState.Reservation {
            let found = state.reserve(orWake: loop)
            switch found {
            case .place: state.confirm(nil)
            case .refusal(let limit): state.confirm(limit)
            case .contended, .none: break
            }
            return found
        }
        #expect(accept() == .place)
        #expect(accept() == .refusal(.descriptors))
        #expect(state.counts.active == 1, "what is refused takes none of the listener's places")
        #expect(accept() == .none(.descriptors))
        state.release(.descriptors)
        #expect(loop.takeAcceptorsWakeup())
        #expect(accept() == .refusal(.descriptors))
        #expect(accept() == .none(.descriptors))
        state.release()
        #expect(loop.takeAcceptorsWakeup())
        #expect(accept() == .place)
        #expect(shared.clients?.taken == 1 && shared.refusals.taken == 1)
    }

    /// A loop learns that nobody waits at its socket only by accepting, with a place in its hand: a client at another
    /// loop's socket was refused at that moment although there was room for it.
    @Test(arguments: [ConnectionLimit.maxConnections, .descriptors])
    func `a place that a loop only keeps refuses nobody`(limit: ConnectionLimit) throws {
        let shared = SharedLimits(clients: ConnectionPlaces(maximum: limit == .descriptors ? 1 : 9))
        let state = ListenerState(
            name: "test", maxConnections: limit == .maxConnections ? 1 : 9, shared: shared)
        let (first, second) = (try EventLoopHandle(index: 0), try EventLoopHandle(index: 1))
        #expect(state.reserve(orWake: first) == .place)
        #expect(state.counts.active == 0 && shared.clients?.taken == 0)
        #expect(state.reserve(orWake: second) == .contended)
        #expect(!second.takeAcceptorsWakeup())
        state.cancel(nil)
        #expect(second.takeAcceptorsWakeup(), "nobody was there")
        #expect(state.reserve(orWake: second) == .place)
        #expect(state.reserve(orWake: first) == .contended)
        state.confirm(nil)
        #expect(first.takeAcceptorsWakeup(), "now it is known that there is no room")
        #expect(state.reserve(orWake: first) == .refusal(limit))
        state.cancel(limit)
        #expect(state.counts.active == 1 && shared.clients?.taken == 1 && shared.refusals.taken == 0)
    }

    @Test
    func `a listener's place that had to be given back for want of a descriptor wakes who waited for it`()
        throws
    {
        let clients = ConnectionPlaces(maximum: 1)
        let state = ListenerState(
            name: "test", maxConnections: 1, action: .wait, shared: SharedLimits(clients: clients))
        let other = ListenerState(name: "other", shared: SharedLimits(clients: clients))
        let loop = try EventLoopHandle(index: 0)
        #expect(other.reserve(orWake: loop) == .place)
        other.confirm(nil)
        #expect(state.reserve(orWake: loop) == .none(.descriptors))
        other.release()
        #expect(loop.takeAcceptorsWakeup())
        #expect(state.reserve(orWake: loop) == .place)
    }

    /// They did, and both cores were busy with it as long as there was no room.
    @Test func `two loops that find no room do not wake each other`() throws {
        let clients = ConnectionPlaces(maximum: 1)
        let shared = SharedLimits(clients: clients, refusals: ConnectionPlaces(maximum: 1))
        let state = ListenerState(name: "test", maxConnections: 9, shared: shared)
        let (first, second) = (try EventLoopHandle(index: 0), try EventLoopHandle(index: 1))
        #expect(state.reserve(orWake: first) == .place)
        state.confirm(nil)
        #expect(state.reserve(orWake: first) == .refusal(.descriptors))
        state.confirm(.descriptors)
        #expect(state.reserve(orWake: first) == .none(.descriptors))
        #expect(state.reserve(orWake: second) == .none(.descriptors))
        #expect(!first.takeAcceptorsWakeup() && !second.takeAcceptorsWakeup())
        state.release(.descriptors)
        #expect(first.takeAcceptorsWakeup() && second.takeAcceptorsWakeup())
        #expect(state.reserve(orWake: first) == .refusal(.descriptors))
        #expect(state.reserve(orWake: second) == .none(.descriptors))
        state.cancel(.descriptors)
        #expect(second.takeAcceptorsWakeup(), "it contended for the place that is free now")
        #expect(!first.takeAcceptorsWakeup())
    }

    @Test func `a limit counts as reached until it kept nobody out for ten seconds`() {
        let state = ListenerState(name: "test")
        #expect(state.countOverLimit(.maxConnections, isTold: true, now: time(0)))
        #expect(!state.countOverLimit(.maxConnections, isTold: true, now: time(5000)))
        #expect(state.countOverLimit(.descriptors, isTold: false, now: time(5000)))
        #expect(state.reachedLimits(now: time(14_999)) == [.maxConnections, .descriptors])
        #expect(state.countAccepted(now: time(14_999)).limits.isEmpty)
        #expect(state.reachedLimits(now: time(15_000)).isEmpty)
        #expect(state.countAccepted(now: time(15_000)).limits.map(\.count) == [2, 1])
        #expect(state.countAccepted(now: time(15_001)).limits.isEmpty, "they ended before")
        #expect(state.counts.overLimit == [2, 0, 0, 0])
    }
}
