import Primitives
import Testing

@testable import Transport

struct ListenerStateTests {
    private func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `a time without descriptors begins once and ends after a second without failure`() {
        let state = ListenerState(name: "test")
        #expect(!state.countAccepted(now: time(0)))
        #expect(state.countExhausted(refused: 1, now: time(1)))
        #expect(!state.countExhausted(refused: 0, now: time(900)))
        #expect(!state.countAccepted(now: time(1800)), "the last failure is too fresh")
        #expect(state.countAccepted(now: time(1900)))
        #expect(!state.countAccepted(now: time(1901)), "it ended before")
        #expect(state.countExhausted(refused: 1, now: time(5000)))
        #expect(state.counts.refused == 2)
        #expect(state.counts.accepted == 4)
    }

    @Test func `places are taken and given back, and whoever waited is woken once`() throws {
        let state = ListenerState(name: "test", maxConnections: 1)
        let loop = try EventLoopHandle(index: 0)
        #expect(state.claim(orWake: loop))
        #expect(!state.claim(orWake: loop))
        #expect(!loop.takeAcceptorsWakeup())
        state.release()
        #expect(loop.takeAcceptorsWakeup())
        #expect(state.claim(orWake: loop))
        state.release()
        #expect(!loop.takeAcceptorsWakeup())
        #expect(state.counts.active == 0)
    }
}
