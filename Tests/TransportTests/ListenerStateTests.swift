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

    @Test func `places are taken and given back, and whoever waited is woken once`() throws {
        let state = ListenerState(name: "test", maxConnections: 1, action: .wait)
        let loop = try EventLoopHandle(index: 0)
        #expect(state.claim(orWake: loop) == .place)
        #expect(state.claim(orWake: loop) == .none(.maxConnections))
        #expect(!loop.takeAcceptorsWakeup())
        state.release()
        #expect(loop.takeAcceptorsWakeup())
        #expect(state.claim(orWake: loop) == .place)
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
        #expect(state.claim(orWake: loop) == .place)
        #expect(state.claim(orWake: loop) == .refusal(.descriptors))
        #expect(state.counts.active == 1, "what is refused takes none of the listener's places")
        #expect(state.claim(orWake: loop) == .none(.descriptors))
        state.release(.descriptors)
        #expect(loop.takeAcceptorsWakeup())
        #expect(state.claim(orWake: loop) == .refusal(.descriptors))
        #expect(state.claim(orWake: loop) == .none(.descriptors))
        state.release()
        #expect(loop.takeAcceptorsWakeup())
        #expect(state.claim(orWake: loop) == .place)
        #expect(shared.clients?.taken == 1 && shared.refusals.taken == 1)
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
        #expect(state.counts.overLimit == [2, 0])
    }
}
