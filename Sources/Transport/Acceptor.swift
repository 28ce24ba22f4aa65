import CSystem
import Glibc
import Logging
import Primitives

/// Turns what waits at one listening socket into connections of one loop.
///
/// It rests, so that clients wait in the kernel's backlog, while anyone asked it to, while the listener is full and
/// those over the limit are not told, or too many are being told, and for a moment after the process ran out of
/// descriptors.
final class Acceptor {
    struct Pause: OptionSet {
        let rawValue: UInt8
        static let requested = Pause(rawValue: 1)
        static let listenerFull = Pause(rawValue: 2)
        static let descriptorsExhausted = Pause(rawValue: 4)
    }

    typealias MakeConnection = (DetachedSocket, Int, EventLoop) -> Connection

    let state: ListenerState
    private let index: Int
    private let socket: FileDescriptor
    private let accept: AcceptCall
    private let make: MakeConnection
    private(set) var pauses: Pause = []
    private var isWatched = false
    /// When to try again after descriptors ran out.
    private(set) var retryAt: MonotonicTime?

    init(
        index: Int, socket: consuming FileDescriptor, state: ListenerState, accept: @escaping AcceptCall,
        make: @escaping MakeConnection
    ) {
        self.index = index
        self.socket = socket
        self.state = state
        self.accept = accept
        self.make = make
    }

    /// Brings the epoll set in line with `pauses`. Added and removed rather than modified, because the
    /// kernel does not modify exclusive entries.
    private func watch(_ loop: EventLoop) {
        let isWanted = pauses.isEmpty
        guard isWanted != isWatched else { return }
        isWatched = isWanted
        if isWanted {
            let flags = CSYSTEM_READABLE | CSYSTEM_EXCLUSIVE
            let result = loop.poller.add(socket.rawValue, flags, Poller.Token(acceptor: index))
            guard result < 0 else { return }
            isWatched = false
            pause(.descriptorsExhausted, loop)
            retryAt = loop.now.adding(milliseconds: 1000)
            loop.logger.error(
                "cannot watch a listener's socket, trying again in a second",
                metadata: [
                    "listener": "\(state.name)", "protocol": "\(state.kind)",
                    "error": "\(TransportError.text(of: -result))",
                ])
        } else {
            loop.poller.remove(socket.rawValue)
        }
    }

    /// Clients that wait until it takes clients again; 0 while it does.
    var waitingCount: Int { pauses.isEmpty ? 0 : Int(csystem_waiting_clients(socket.rawValue)) }

    func start(_ loop: EventLoop) { watch(loop) }

    func pause(_ reason: Pause, _ loop: EventLoop) {
        if pauses.isEmpty { loop.pausedAcceptorCount += 1 }
        pauses.insert(reason)
        watch(loop)
    }

    func resume(_ reason: Pause, _ loop: EventLoop) {
        guard pauses.contains(reason) else { return }
        pauses.remove(reason)
        if pauses.isEmpty { loop.pausedAcceptorCount -= 1 }
        if reason == .descriptorsExhausted { retryAt = nil }
        watch(loop)
    }

    /// Closes the listening socket.
    func stop(_ loop: EventLoop) {
        pause(.requested, loop)
    }

    /// Accepts what waits, but not more than the loop's share for a turn.
    func acceptWaiting(_ loop: EventLoop) {
        for _ in 0..<loop.settings.acceptBudget {
            guard pauses.isEmpty else { return }
            let overLimit: ConnectionLimit?
            switch state.reserve(orWake: loop.handle) {
            case .place: overLimit = nil
            case .refusal(let limit): overLimit = limit
            case .contended: return pause(.listenerFull, loop)
            case .none(let limit):
                loop.events.count(.acceptPaused, 1)
                noteOverLimit(limit, isTold: false, loop)
                return pause(.listenerFull, loop)
            }
            switch accept(from: socket) {
            case .connection(let descriptor, let peer):
                state.confirm(overLimit)
                loop.events.count(.accepted, 1)
                if let overLimit {
                    loop.events.count(.refusedOverLimit, 1)
                    noteOverLimit(overLimit, isTold: true, loop)
                } else {
                    noteAccepted(loop)
                }
                adopt(descriptor, peer, overLimit, loop)
            case .failed(let error):
                state.cancel(overLimit)
                switch error {
                case EAGAIN: return
                case ECONNABORTED, EINTR, EPROTO, EPERM: break  // that client is gone; the next may be there
                default: return exhausted(error, loop)
                }
            }
        }
    }

    private func adopt(
        _ descriptor: consuming FileDescriptor, _ peer: PeerAddress, _ overLimit: ConnectionLimit?,
        _ loop: EventLoop
    ) {
        let number = descriptor.rawValue
        guard overLimit != nil || state.admitsSocket(of: peer, now: loop.now) else {
            noteOverLimit(.rate, isTold: false, loop)
            loop.events.count(.refusedByRate, 1)
            return state.forsake()
        }
        do throws(TransportError) {
            let layers = try state.makeLayers(number, peer, isServed: overLimit == nil)
            let socket = DetachedSocket(
                descriptor: descriptor, peer: peer, listener: state, overLimit: overLimit, layers: layers)
            loop.adopt(socket, make)
        } catch {
            loop.logger.error(
                "\(error)", metadata: ["listener": "\(state.name)", "protocol": "\(state.kind)"])
            state.release(overLimit)
        }
    }

    private func noteAccepted(_ loop: EventLoop) {
        let ended = state.countAccepted(now: loop.now)
        tell(ended, loop)
    }

    /// Tells of limits that are over, though nobody has come since. To be called now and then.
    func lookAtLimits(_ loop: EventLoop) { tell(state.endQuiet(now: loop.now), loop) }

    private func tell(_ ended: ListenerState.Ended, _ loop: EventLoop) {
        if ended.isExhaustionOver {
            loop.logger.notice(
                "accepting connections again",
                metadata: [
                    "event": "limit_cleared", "limit": "open_files", "listener": "\(state.name)",
                    "protocol": "\(state.kind)",
                ])
        }
        for (limit, count) in ended.limits {
            loop.logger.notice(
                "there is room for connections again",
                metadata: [
                    "event": "limit_cleared", "listener": "\(state.name)", "protocol": "\(state.kind)",
                    "limit": "\(limit.settingName)",
                    "kept_out": .stringConvertible(count),
                    "connections": .stringConvertible(state.counts.active),
                ])
        }
    }

    /// The log tells as it begins and as it ends; counters tell how many.
    private func noteOverLimit(_ limit: ConnectionLimit, isTold: Bool, _ loop: EventLoop) {
        guard state.countOverLimit(limit, isTold: isTold, now: loop.now) else { return }
        loop.logger.warning(
            limit == .rate
                ? "an address connects too often: its connections are closed"
                : isTold
                    ? "no room for more connections: clients are refused"
                    : "no room for more connections: clients wait in the backlog",
            metadata: [
                "event": "limit_reached", "listener": "\(state.name)", "protocol": "\(state.kind)",
                "limit": "\(limit.settingName)",
                "connections": .stringConvertible(state.counts.active),
                "maximum": .stringConvertible(state.maximum(of: limit)),
            ])
    }

    /// No descriptor, or no memory in the kernel, for one more connection. One client is sent away, with the
    /// descriptor the loop keeps in reserve, rather than left hanging; then the acceptor rests.
    private func exhausted(_ error: Int32, _ loop: EventLoop) {
        var refused = 0
        if error == EMFILE || error == ENFILE, loop.giveReserve() {
            if case .connection = accept(from: socket) { refused = 1 }
            loop.takeReserve()
        }
        loop.events.count(.descriptorExhausted, 1)
        if state.countExhausted(refused: refused, now: loop.now) {
            loop.logger.error(
                "out of descriptors: connections are refused; raise the limit on open files (ulimit -n)",
                metadata: [
                    "event": "limit_reached", "limit": "open_files", "listener": "\(state.name)",
                    "protocol": "\(state.kind)",
                    "connections": .stringConvertible(state.counts.active),
                    "error": "\(TransportError.text(of: error))",
                ])
        }
        retryAt = loop.now.adding(milliseconds: loop.settings.acceptRetryMilliseconds)
        pause(.descriptorsExhausted, loop)
    }

    private func accept(from socket: borrowing FileDescriptor) -> AcceptOutcome { accept(socket.rawValue) }
}

/// What came of one attempt to accept.
package enum AcceptOutcome: ~Copyable {
    /// The socket of a new connection, and the address of its other end.
    case connection(FileDescriptor, PeerAddress)
    /// The kernel's error number; EAGAIN = nobody waits.
    case failed(Int32)
}

/// How a connection is taken from a listening socket; tests put failures in its place.
package typealias AcceptCall = (_ listener: Int32) -> AcceptOutcome

/// `accept4`.
func acceptFromKernel(_ listener: Int32) -> AcceptOutcome {
    var address = csystem_address()
    let result = csystem_accept(listener, &address)
    guard result >= 0 else { return .failed(-result) }
    return .connection(FileDescriptor(owning: result), PeerAddress(address))
}
