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
    /// What it speaks: `mqtt`, `mqttwss`. Listeners of two kinds may have the same name.
    package let kind: String
    /// What happens to clients over a limit.
    package let action: OverLimitAction
    /// What stands between its sockets and the bytes of its connections.
    package let policy: StreamPolicy
    /// What became of that.
    package let streams = StreamStatistics()
    private let shared: SharedLimits
    private let handshakes: ConnectionPlaces?
    private let rate: ConnectionRate?

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

    /// - Parameters:
    ///   - maxConnections: `.max` = no limit.
    ///   - maxHandshakes: connections that are not as far as the first byte; nil = no limit.
    ///   - rate: how often an address may connect; nil = as often as it likes.
    package init(
        name: String, kind: String = "mqtt", maxConnections: Int = .max, action: OverLimitAction = .refuse,
        policy: StreamPolicy = StreamPolicy(), maxHandshakes: Int? = nil, rate: ConnectionRate? = nil,
        shared: SharedLimits = SharedLimits()
    ) {
        self.name = name
        self.kind = kind
        self.action = action
        self.policy = policy
        self.shared = shared
        self.rate = rate
        handshakes = policy.isPlain ? nil : maxHandshakes.map { ConnectionPlaces(maximum: $0) }
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
            if place == .full, limit != .handshakes, action == .refuse,
                shared.refusals.reserve(orWake: loop) == .kept
            {
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
        guard here == .kept else { return (here, .maxConnections) }
        if let clients = shared.clients {
            let place = clients.reserve(orWake: loop)
            guard place == .kept else {
                cancelHere()
                return (place, .descriptors)
            }
        }
        guard let handshakes else { return (.kept, .maxConnections) }
        let place = handshakes.reserve(orWake: loop)
        if place != .kept {
            shared.clients?.cancel()
            cancelHere()
        }
        return (place, .handshakes)
    }

    /// The layers of a connection that was accepted, after `confirm`.
    ///
    /// - Parameter isServed: it holds a place among the handshakes, which is given back when it has no layers any more.
    /// - Returns: nil = the bytes are those of the socket.
    /// - Throws: when there is no memory for them.
    func makeLayers(_ descriptor: Int32, _ peer: PeerAddress, isServed: Bool) throws(TransportError)
        -> StreamLayers?
    {
        guard !policy.isPlain else { return nil }
        let place = isServed ? handshakes.map(HandshakePlace.init) : nil
        guard
            let layers = StreamLayers(
                policy, descriptor: descriptor, peer: peer, place: place, statistics: streams)
        else {
            throw TransportError("set up TLS", errorNumber: 0, advice: "the connection is closed")
        }
        return layers
    }

    /// A connection that was confirmed is closed before it has layers.
    func forsake() {
        handshakes?.release()
        release()
    }

    // MARK: How often one address may connect

    /// Whether a client from `address` may connect now, as far as it is known where it comes from.
    ///
    /// - Parameter address: nil = it is not known better than when the socket was accepted.
    func admits(_ address: PeerAddress?, now: MonotonicTime) -> Bool {
        guard let rate, let address else { return true }
        return isAdmitted(address, by: rate, now)
    }

    /// As `admits`, for a socket that was just accepted. A proxy's own address says nothing.
    func admitsSocket(of address: PeerAddress, now: MonotonicTime) -> Bool {
        guard let rate, policy.proxy == nil, policy.webSocket?.forwarders == nil else { return true }
        return isAdmitted(address, by: rate, now)
    }

    private func isAdmitted(_ address: PeerAddress, by rate: ConnectionRate, _ now: MonotonicTime) -> Bool {
        if rate.admits(address, now: now) { return true }
        state.withLock { $0.counts.overLimit[ConnectionLimit.rate.rawValue] += 1 }
        return false
    }

    /// The client was there: the place is the connection's until `release`.
    ///
    /// - Parameter limit: why the connection is refused; nil = it is not.
    func confirm(_ limit: ConnectionLimit?) {
        guard limit == nil else { return shared.refusals.confirm() }
        shared.clients?.confirm()
        handshakes?.confirm()
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
        handshakes?.cancel()
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
        let hasHandshakes = handshakes.map { $0.taken < $0.maximum } ?? true
        return state.withLock { state in
            var ended = Ended()
            // Nobody may have come since, so this waits longer than for one that has.
            if state.exhausted.end(now, quiet: Self.limitQuiet) != nil { ended.isExhaustionOver = true }
            let hasRoom = state.counts.active + state.kept < state.maximum
            for limit in ConnectionLimit.allCases {
                let isOver =
                    switch limit {
                    case .maxConnections: hasRoom
                    case .descriptors: hasDescriptors
                    case .handshakes: hasHandshakes
                    case .rate: true
                    }
                guard isOver else { continue }
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
        case .handshakes: handshakes?.maximum ?? .max
        case .rate: rate?.burst ?? .max
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
