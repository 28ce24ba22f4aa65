package import Primitives
import Synchronization

/// What all loops know together of one listener: how many connections it has and may have, and what happens to those
/// that are too many.
///
///     a client waits ─┬─ room here, and descriptors for clients ─→ a place
///                     ├─ another loop is about to know whether there is ─→ it stays in the backlog until then
///                     └─ none ─┬─ action `refuse`, and a place among those that are being told ─→ it is told
///                              └─ else ─→ it stays in the backlog; the loop is woken when there may be room
///
/// One lock, taken three times for each accepted connection and once for each that ends; held for a few instructions. The
/// locks of the places that listeners share are taken one after the other, never inside another.
package final class ListenerState: Sendable {
    /// The name from the configuration.
    package let name: String
    /// What happens to clients over a limit.
    package let action: OverLimitAction
    private let shared: SharedLimits

    /// The numbers at one moment.
    package struct Counts: Sendable {
        /// Connections now, those between two loops included.
        package var active = 0
        /// Connections accepted since the start, those that were refused included.
        package var accepted = 0
        /// Connections closed unserved because the kernel gave no descriptor.
        package var refused = 0
        /// Connections that were accepted to be told that there is no room, by `ConnectionLimit`.
        package var overLimit = [Int](repeating: 0, count: ConnectionLimit.allCases.count)
    }

    /// What `reserve` found for a client that may wait in the backlog. `confirm` or `cancel` follows `place` and
    /// `refusal`; after the others the loop will be woken.
    enum Reservation: Equatable, Sendable {
        case place
        /// A place among those that are told.
        case refusal(ConnectionLimit)
        /// Places that other loops keep may come free at once.
        case contended
        case none(ConnectionLimit)
    }

    /// A condition of which nobody sees the end.
    struct Spell {
        var last: MonotonicTime?
        var count = 0

        /// - Returns: true when this begins it.
        mutating func occurred(_ now: MonotonicTime) -> Bool {
            defer { last = now }
            count = last == nil ? 1 : count + 1
            return last == nil
        }

        /// Ends it when it did not occur for `quiet` nanoseconds. - Returns: how often it occurred; nil: it goes on,
        /// or there is none.
        mutating func end(_ now: MonotonicTime, quiet: UInt64) -> Int? {
            guard let last, now.nanoseconds(since: last) >= quiet else { return nil }
            self.last = nil
            return count
        }
    }

    private struct State {
        var counts = Counts()
        /// Places kept for clients that may wait in a backlog.
        var kept = 0
        var maximum: Int
        var waiting = WaitingLoops()
        var exhausted = Spell()
        var overLimit = [Spell](repeating: Spell(), count: ConnectionLimit.allCases.count)
    }

    /// What a connection that was accepted brought to its end.
    struct Ended {
        var isExhaustionOver = false
        /// Limits that kept nobody out for a while, with how often they had.
        var limits: [(ConnectionLimit, count: Int)] = []
    }

    /// A time without descriptors counts as over after one second without another failure, so that the log does not
    /// flicker while single descriptors come and go.
    private static let exhaustionQuiet: UInt64 = 1_000_000_000
    /// A limit counts as reached until it kept nobody out for ten seconds: at a limit, clients come and go.
    private static let limitQuiet: UInt64 = 10_000_000_000

    private let state: Mutex<State>

    /// - Parameter maxConnections: `.max` = no limit.
    package init(
        name: String, maxConnections: Int = .max, action: OverLimitAction = .refuse,
        shared: SharedLimits = SharedLimits()
    ) {
        self.name = name
        self.action = action
        self.shared = shared
        state = Mutex(State(maximum: maxConnections))
    }

    /// The numbers now. Usable from any thread.
    package var counts: Counts { state.withLock { $0.counts } }

    /// The limits that keep clients out at `now`, or did a short while ago.
    package func reachedLimits(now: MonotonicTime) -> [ConnectionLimit] {
        state.withLock { state in
            ConnectionLimit.allCases.filter { limit in
                guard let last = state.overLimit[limit.rawValue].last else { return false }
                return now.nanoseconds(since: last) < Self.limitQuiet
            }
        }
    }

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

    /// Keeps a place for a connection, or for one that is to be told that there is none. When there is neither, `loop`
    /// is woken as soon as there may be.
    func reserve(orWake loop: EventLoopHandle) -> Reservation {
        while true {
            let (place, limit) = reservePlace(orWake: loop)
            if place == .kept { return .place }
            if place == .full, action == .refuse, shared.refusals.reserve(orWake: loop) == .kept {
                return .refusal(limit)
            }
            let waits = state.withLock { state in
                // A place may have come free since it was looked at; its end woke nobody.
                if limit == .maxConnections, state.counts.active + state.kept < state.maximum { return false }
                state.waiting.add(loop, isContending: place == .contended)
                return true
            }
            if waits { return place == .contended ? .contended : .none(limit) }
        }
    }

    /// Keeps a place here and one of those that listeners share, or neither. - Returns: also which limit it met.
    private func reservePlace(orWake loop: EventLoopHandle) -> (PlaceReservation, ConnectionLimit) {
        let here: PlaceReservation = state.withLock { state in
            guard state.counts.active + state.kept < state.maximum else {
                return state.counts.active < state.maximum ? .contended : .full
            }
            state.kept += 1
            return .kept
        }
        guard here == .kept, let clients = shared.clients else { return (here, .maxConnections) }
        let place = clients.reserve(orWake: loop)
        if place != .kept { cancelHere() }
        return (place, .descriptors)
    }

    /// The client was there: the place is the connection's until `release`.
    ///
    /// - Parameter limit: why the connection is refused; nil = it is not.
    func confirm(_ limit: ConnectionLimit?) {
        guard limit == nil else { return shared.refusals.confirm() }
        shared.clients?.confirm()
        let woken = state.withLock { state in
            state.kept -= 1
            state.counts.active += 1
            return state.waiting.takeContending()
        }
        for loop in woken { loop.wakeAcceptors() }
    }

    /// No client was there: the place is free again. - Parameter limit: as for `confirm`.
    func cancel(_ limit: ConnectionLimit?) {
        guard limit == nil else { return shared.refusals.cancel() }
        shared.clients?.cancel()
        cancelHere()
    }

    /// Who waits for room is not woken: connections have as many as before. Two loops that both find none would wake each
    /// other for ever.
    private func cancelHere() {
        let woken = state.withLock { state in
            state.kept -= 1
            return state.waiting.takeContending()
        }
        for loop in woken { loop.wakeAcceptors() }
    }

    /// Gives the place of a connection back.
    ///
    /// - Parameter limit: why the connection was refused; nil = it was not.
    func release(_ limit: ConnectionLimit? = nil) {
        guard limit == nil else { return shared.refusals.release() }
        shared.clients?.release()
        let woken = state.withLock { state in
            state.counts.active -= 1
            return Self.takeWaiting(&state)
        }
        for loop in woken { loop.wakeAcceptors() }
    }

    private static func takeWaiting(_ state: inout State) -> [EventLoopHandle] {
        guard state.counts.active + state.kept < state.maximum else { return [] }
        return state.waiting.takeAll()
    }

    /// Counts a connection that was accepted to be served. - Returns: what is over since.
    func countAccepted(now: MonotonicTime) -> Ended {
        state.withLock { state in
            state.counts.accepted += 1
            var ended = Ended()
            if state.exhausted.end(now, quiet: Self.exhaustionQuiet) != nil { ended.isExhaustionOver = true }
            for limit in ConnectionLimit.allCases {
                if let count = state.overLimit[limit.rawValue].end(now, quiet: Self.limitQuiet) {
                    ended.limits.append((limit, count))
                }
            }
            return ended
        }
    }

    /// What is over at `now`, for who looks now and then: there is room, and nobody was kept out for a while.
    func endQuiet(now: MonotonicTime) -> Ended {
        let hasDescriptors = shared.clients.map { $0.taken < $0.maximum } ?? true
        return state.withLock { state in
            var ended = Ended()
            // Nobody may have come since, so this waits longer than for one that has.
            if state.exhausted.end(now, quiet: Self.limitQuiet) != nil { ended.isExhaustionOver = true }
            let hasRoom = state.counts.active + state.kept < state.maximum
            for limit in ConnectionLimit.allCases where limit == .maxConnections ? hasRoom : hasDescriptors {
                if let count = state.overLimit[limit.rawValue].end(now, quiet: Self.limitQuiet) {
                    ended.limits.append((limit, count))
                }
            }
            return ended
        }
    }

    /// How many connections the limit allows.
    func maximum(of limit: ConnectionLimit) -> Int {
        switch limit {
        case .maxConnections: maxConnections
        case .descriptors: shared.clients?.maximum ?? .max
        }
    }

    /// Notes that `limit` keeps a client out. - Returns: true when this begins such a time.
    ///
    /// - Parameter isTold: it was accepted to be told; else it waits in the backlog.
    func countOverLimit(_ limit: ConnectionLimit, isTold: Bool, now: MonotonicTime) -> Bool {
        state.withLock { state in
            if isTold {
                state.counts.accepted += 1
                state.counts.overLimit[limit.rawValue] += 1
            }
            return state.overLimit[limit.rawValue].occurred(now)
        }
    }

    /// Notes that descriptors ran out. - Returns: true when this begins such a time.
    func countExhausted(refused: Int, now: MonotonicTime) -> Bool {
        state.withLock { state in
            state.counts.refused += refused
            return state.exhausted.occurred(now)
        }
    }
}
