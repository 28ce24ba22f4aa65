import Synchronization

/// Which limit keeps a client out.
package enum ConnectionLimit: Int, CaseIterable, Sendable {
    /// `max_connections` of its listener.
    case maxConnections
    /// The descriptors that the process has for clients of all listeners.
    case descriptors

    /// What operators know it by.
    package var settingName: String {
        switch self {
        case .maxConnections: "max_connections"
        case .descriptors: "descriptors"
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

/// A number of places that connections of several loops, and of several listeners, take and give back.
///
/// One lock, held for a few instructions.
package final class ConnectionPlaces: Sendable {
    private struct State {
        var taken = 0
        var waiting: [EventLoopHandle] = []
    }

    /// How many places there are.
    package let maximum: Int
    private let state = Mutex(State())

    /// All of `maximum` places are free.
    package init(maximum: Int) { self.maximum = maximum }

    /// Places that are taken now. Usable from any thread.
    package var taken: Int { state.withLock { $0.taken } }

    /// Takes a place. When there is none, `loop` is woken as soon as there may be; nil = nobody is.
    func claim(orWake loop: EventLoopHandle?) -> Bool {
        state.withLock { state in
            if state.taken < maximum {
                state.taken += 1
                return true
            }
            if let loop { state.waiting.add(loop) }
            return false
        }
    }

    /// Gives a place back.
    func release() {
        let woken = state.withLock { state in
            state.taken -= 1
            defer { state.waiting = [] }
            return state.waiting
        }
        for loop in woken { loop.wakeAcceptors() }
    }
}

extension [EventLoopHandle] {
    /// Each loop waits once, however often it asked.
    mutating func add(_ loop: EventLoopHandle) {
        if !contains(where: { $0 === loop }) { append(loop) }
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
