import Primitives
import Synchronization

/// What all loops know together of one listener: how many connections it has and may have.
///
/// One lock, taken twice for each accepted connection and once for each that ends; held for a few
/// instructions.
package final class ListenerState: Sendable {
    package let name: String

    /// The numbers at one moment.
    package struct Counts: Sendable {
        /// Connections now, those between two loops included.
        package var active = 0
        /// Connections accepted since the start.
        package var accepted = 0
        /// Connections closed unserved for want of descriptors.
        package var refused = 0
    }

    private struct State {
        var counts = Counts()
        var maximum: Int
        var waiting: [EventLoopHandle] = []
        var exhaustedAt: MonotonicTime?
    }

    private let state: Mutex<State>

    /// - Parameter maxConnections: `.max` = no limit.
    package init(name: String, maxConnections: Int = .max) {
        self.name = name
        state = Mutex(State(maximum: maxConnections))
    }

    package var counts: Counts { state.withLock { $0.counts } }

    /// Lowering it closes nobody; fewer are accepted until enough have gone.
    package var maxConnections: Int {
        get { state.withLock { $0.maximum } }
        set {
            let woken = state.withLock { state in
                state.maximum = newValue
                return Self.takeWaiting(&state)
            }
            for loop in woken { loop.wakeAcceptors() }
        }
    }

    /// Takes a place for a connection. When there is none, `loop` is woken as soon as there may be.
    func claim(orWake loop: EventLoopHandle) -> Bool {
        state.withLock { state in
            if state.counts.active < state.maximum {
                state.counts.active += 1
                return true
            }
            state.waiting.append(loop)
            return false
        }
    }

    /// Gives a place back.
    func release() {
        let woken = state.withLock { state in
            state.counts.active -= 1
            return Self.takeWaiting(&state)
        }
        for loop in woken { loop.wakeAcceptors() }
    }

    private static func takeWaiting(_ state: inout State) -> [EventLoopHandle] {
        guard !state.waiting.isEmpty, state.counts.active < state.maximum else { return [] }
        defer { state.waiting = [] }
        return state.waiting
    }

    /// Counts a connection that was accepted.
    ///
    /// - Returns: true when this ends a time without descriptors. It counts as ended after one second without
    ///   another failure, so that the log does not flicker while single descriptors come and go.
    func countAccepted(now: MonotonicTime) -> Bool {
        state.withLock { state in
            state.counts.accepted += 1
            guard let last = state.exhaustedAt, now.nanoseconds(since: last) >= 1_000_000_000 else {
                return false
            }
            state.exhaustedAt = nil
            return true
        }
    }

    /// Notes that descriptors ran out. - Returns: true when this begins such a time.
    func countExhausted(refused: Int, now: MonotonicTime) -> Bool {
        state.withLock { state in
            state.counts.refused += refused
            defer { state.exhaustedAt = now }
            return state.exhaustedAt == nil
        }
    }
}
