import Synchronization

/// Which limit keeps a client out.
package enum ConnectionLimit: Int, CaseIterable, Sendable {
    /// `max_connections` of its listener.
    case maxConnections
    /// The descriptors that the process has for clients of all listeners.
    case descriptors
    /// `max_handshakes` of its listener: too many are not as far as the first byte. They wait in the backlog.
    case handshakes
    /// `connection_rate_limit` of its listener: one address connects too often. It is closed.
    case rate

    /// What operators know it by.
    package var settingName: String {
        switch self {
        case .maxConnections: "max_connections"
        case .descriptors: "descriptors"
        case .handshakes: "max_handshakes"
        case .rate: "connection_rate_limit"
        }
    }
}

/// What happens to a client that comes while a limit is reached.
package enum OverLimitAction: String, CaseIterable, Sendable {
    /// It is accepted to be told so, then closed.
    case refuse
    /// It stays in the kernel's backlog until there is room.
    case wait
}

/// What came of asking for a place for a connection that was not accepted yet.
enum PlaceReservation {
    /// It is kept: `confirm` when the connection is there, `cancel` when it is not.
    case kept
    /// All are taken or kept, and one that is kept may come free at once: a loop finds out that nobody waits only after
    /// it kept a place. No client is refused for that; the loop is woken when it is known.
    case contended
    /// Connections have them all.
    case full
}

/// A number of places that connections of several loops, and of several listeners, take and give back.
///
///     free → kept → taken → free        [reserve, confirm, release]
///     free → kept → free                [reserve, cancel]
///
/// One lock, held for a few instructions.
package final class ConnectionPlaces: Sendable {
    private struct State {
        var taken = 0
        var kept = 0
        var waiting = WaitingLoops()
    }

    /// How many places there are.
    package let maximum: Int
    private let state = Mutex(State())

    /// All of `maximum` places are free.
    package init(maximum: Int) { self.maximum = maximum }

    /// Places that connections have now. Usable from any thread.
    package var taken: Int { state.withLock { $0.taken } }

    /// Keeps a place. When there is none, `loop` is woken as soon as there may be, or as it is known that there is none.
    func reserve(orWake loop: EventLoopHandle) -> PlaceReservation {
        state.withLock { state in
            if state.taken + state.kept < maximum {
                state.kept += 1
                return .kept
            }
            let place: PlaceReservation = state.taken < maximum ? .contended : .full
            state.waiting.add(loop, isContending: place == .contended)
            return place
        }
    }

    /// Gives a kept place to the connection it was kept for.
    func confirm() {
        let woken = state.withLock { state in
            state.kept -= 1
            state.taken += 1
            return state.waiting.takeContending()
        }
        for loop in woken { loop.wakeAcceptors() }
    }

    /// Gives a kept place back. Who waits for room is not woken: connections have as many as before.
    func cancel() {
        let woken = state.withLock { state in
            state.kept -= 1
            return state.waiting.takeContending()
        }
        for loop in woken { loop.wakeAcceptors() }
    }

    /// Takes places for other descriptors than those of clients, as far as they are free.
    ///
    /// - Returns: whether all of them are taken now; else none is.
    package func take(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.taken + state.kept + count <= maximum else { return false }
            state.taken += count
            return true
        }
    }

    /// Gives back what `take` has taken.
    package func giveBack(_ count: Int) {
        for _ in 0..<count { release() }
    }

    /// Gives the place of a connection back.
    func release() {
        let woken = state.withLock { state in
            state.taken -= 1
            return state.waiting.takeAll()
        }
        for loop in woken { loop.wakeAcceptors() }
    }
}

/// Loops whose clients wait in the backlog: each once, however often it asked.
struct WaitingLoops {
    /// For a place to come free.
    private var forRoom: [EventLoopHandle] = []
    /// For another loop to know whether it needs the place that it keeps.
    private var contending: [EventLoopHandle] = []

    mutating func add(_ loop: EventLoopHandle, isContending: Bool) {
        if isContending {
            if !contending.contains(where: { $0 === loop }) { contending.append(loop) }
        } else if !forRoom.contains(where: { $0 === loop }) {
            forRoom.append(loop)
        }
    }

    mutating func takeContending() -> [EventLoopHandle] {
        guard !contending.isEmpty else { return [] }
        defer { contending = [] }
        return contending
    }

    mutating func takeAll() -> [EventLoopHandle] {
        guard !forRoom.isEmpty else { return takeContending() }
        defer { forRoom = [] }
        return forRoom + takeContending()
    }
}

/// What the connections of all listeners share.
package struct SharedLimits: Sendable {
    /// Connections that the process's descriptors allow, all listeners together; nil = as many as there are.
    package var clients: ConnectionPlaces?
    /// Connections that are being told that there is no room for them. More wait in the backlog meanwhile, so a crowd
    /// that is refused takes a bounded number of descriptors and little memory.
    package var refusals: ConnectionPlaces

    /// The limits that listeners share.
    package init(clients: ConnectionPlaces? = nil, refusals: ConnectionPlaces = ConnectionPlaces(maximum: 64))
    {
        self.clients = clients
        self.refusals = refusals
    }
}
