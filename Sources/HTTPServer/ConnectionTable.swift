import CSystem
import Glibc
import Synchronization

/// The open connections of a server: what each is doing, how long it may go on with that, and which of them gives way
/// when there is no place left.
///
///     fresh    → arriving   [first byte]                    must be complete `requestTimeout` after the opening
///     idle     → arriving   [first byte]                    must be complete `requestTimeout` later
///     arriving → handling   [complete: a thread makes the page]
///     handling → sending    [the page is there]             must have left within `requestTimeout`
///     sending  → idle       [all of it has left]            closed after `idleTimeout`
///     handling → streaming  [the page is made while it is sent]    must take something now and then,
///                                                              and enough where the answer has an end
///     streaming → idle      [all of it has left]            closed after `idleTimeout`
///
/// The library's own timeout begins anew with each byte, so a client that sends one byte now and then would hold its
/// connection for ever; and a full library turns newcomers away, whoever holds the places. Here a place is always found:
/// of the client address that has most connections one is closed, rather one between two requests, then one whose request
/// is not complete, then one that is slow to read its answer, then one whose answer is a stream; among equals the oldest. So whoever fills the places with
/// half a request loses them, and a scrape or a health check, which sends its request at once, is served.
///
/// A connection is ended by shutting its socket down; the library then closes it. The lock makes sure that a descriptor
/// is still the connection's own: the entry goes before the library closes it. The library does not look at a connection
/// whose stream has nothing to send, so it is looked at here whether its reader is still there.
final class ConnectionTable: Sendable {
    enum Stage { case fresh, idle, arriving, handling, sending, streaming }

    private struct Entry {
        let descriptor: Int32
        let address: Address
        let peer: HTTPPeer
        /// Counts up; older connections have smaller ones.
        let serial: UInt64
        var stage = Stage.fresh
        /// nil while a page is being made, for which nobody at the other end is to blame.
        var deadline: UInt64?
        /// Bytes that had come when the last request had been answered.
        var receivedBefore: UInt64 = 0
        /// Bytes of the answer that is being sent.
        var answerByteCount = 0
        /// What is being sent, where it is a stream, and how far its reader was at the last look.
        var stream: HTTPStream?
        var streamProgress: Int?
        var unsentByteCount: Int64 = 0
        /// Until when `capacity` bytes more than these must have reached the reader of a stream with an end.
        var pace: (end: UInt64, arrivedByteCount: Int)?
        var hasHadRequest = false

        /// Whether the reader of a stream with an end has taken less than it must, although there was always something to take.
        mutating func isSlow(_ stream: HTTPStream, _ now: UInt64) -> Bool {
            guard !stream.isLasting, let taken = stream.pace else {
                pace = nil
                return false
            }
            // What the kernel has taken and not got rid of has reached nobody: it takes much at once, and seldom.
            let arrived = taken - Int(unsentByteCount)
            if let pace {
                guard pace.end <= now else { return false }
                if arrived - pace.arrivedByteCount < stream.capacity { return true }
            }
            pace = (now &+ stream.timeout.wholeNanoseconds, arrived)
            return false
        }

        /// Whether bytes have come since then. The kernel counts the end of the stream as one, and on Unix sockets nothing.
        var hasReceived: Bool { csystem_bytes_received(descriptor) > receivedBefore + 1 }
    }

    /// A client's address, without the port.
    struct Address: Hashable {
        let high: UInt64
        let low: UInt64
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var countsByAddress: [Address: Int] = [:]
        var lastSerial: UInt64 = 0
        /// Bytes of all answers that are being sent.
        var answerByteCount = 0
        /// When the deadlines were looked at.
        var lastLook = ConnectionTable.now
        /// Streams that have ended under the lock; who waits for them is told without it.
        var ended: [HTTPStream] = []
    }

    private let state = Mutex(State())
    private let limits: HTTPLimits
    private let counters: HTTPCounters
    /// Only the library may write to a socket.
    private let isTLS: Bool
    private let onFull: @Sendable () -> Void
    private let idle: UInt64
    private let request: UInt64

    /// - Parameter onFull: called when a connection had to give way.
    init(
        _ limits: HTTPLimits, _ counters: HTTPCounters, isTLS: Bool, onFull: @escaping @Sendable () -> Void
    ) {
        self.limits = limits
        self.counters = counters
        self.isTLS = isTLS
        self.onFull = onFull
        request = limits.requestTimeout.wholeNanoseconds
        idle = limits.idleTimeout.wholeNanoseconds
    }

    /// Milliseconds between two looks at the deadlines.
    var interval: Int32 { Int32(min(250, max(5, min(request, idle) / 20_000_000))) }

    var isFull: Bool { state.withLock { $0.entries.count >= limits.connections } }

    // MARK: A connection's course

    func opened(_ connection: Int, descriptor: Int32, address: Address, peer: HTTPPeer) {
        counters.acceptedConnections.add(1, ordering: .relaxed)
        let isOver = locked { state in
            state.lastSerial += 1
            var entry = Entry(
                descriptor: descriptor, address: address, peer: peer, serial: state.lastSerial)
            entry.deadline = Self.now + request
            state.entries[connection] = entry
            state.countsByAddress[address, default: 0] += 1
            counters.openConnections.add(1, ordering: .relaxed)
            guard state.entries.count > max(1, limits.connections) else { return false }
            makeRoom(for: connection, in: &state)
            return true
        }
        if isOver { onFull() }
    }

    /// Who is at the other end; nil when the connection has been ended.
    func peer(_ connection: Int) -> HTTPPeer? { state.withLock { $0.entries[connection]?.peer } }

    /// Whether an answer can still reach the peer. One that has only ended its own side can read; one that is gone, or was
    /// ended here, cannot.
    func isOpen(_ connection: Int) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[connection] else { return false }
            var poll = pollfd(fd: entry.descriptor, events: 0, revents: 0)
            return unsafe Glibc.poll(&poll, 1, 0) <= 0
        }
    }

    /// The request line is there.
    func isArriving(_ connection: Int) {
        change(connection) {
            $0.hasHadRequest = true
            begin(&$0)
        }
    }

    /// The request is complete.
    func isHandled(_ connection: Int) {
        change(connection) {
            $0.stage = .handling
            $0.deadline = nil
        }
    }

    /// - Parameter byteCount: of the answer. When all answers together hold too much memory, the oldest of the others that
    ///   has not left is given up.
    func isSending(_ connection: Int, byteCount: Int) {
        locked { state in
            guard var entry = state.entries[connection] else { return }
            entry.stage = .sending
            entry.deadline = Self.now + request
            entry.answerByteCount = byteCount
            state.entries[connection] = entry
            state.answerByteCount += byteCount
            guard state.answerByteCount > limits.outputBudget else { return }
            let slowest = state.entries.filter { $0.key != connection && $0.value.stage == .sending }
                .min { $0.value.serial < $1.value.serial }
            guard let slowest else { return }
            counters.sparedConnections.add(1, ordering: .relaxed)
            end(slowest.key, in: &state)
        }
    }

    /// The answer is made while it is sent.
    func isStreaming(_ connection: Int, _ stream: HTTPStream) {
        change(connection) {
            $0.stage = .streaming
            $0.stream = stream
            $0.streamProgress = nil
            $0.pace = nil
            $0.deadline = nil
        }
    }

    /// The answer has left.
    func isAnswered(_ connection: Int) {
        state.withLock { state in
            guard var entry = state.entries[connection] else { return }
            state.answerByteCount -= entry.answerByteCount
            entry.answerByteCount = 0
            entry.stream = nil
            entry.stage = .idle
            entry.deadline = Self.now + idle
            entry.receivedBefore = csystem_bytes_received(entry.descriptor)
            state.entries[connection] = entry
        }
    }

    /// The library closes the connection now. Bytes that never became a request line were none that it could read.
    func closed(_ connection: Int) {
        state.withLock { state in
            if let entry = state.entries[connection] {
                if isTLS {
                    // What TLS takes for itself comes as bytes, too.
                    if !entry.hasHadRequest, entry.hasReceived {
                        counters.failedHandshakes.add(1, ordering: .relaxed)
                    }
                } else if entry.stage == .fresh || entry.stage == .idle, entry.hasReceived {
                    counters.count(.malformed)
                }
            }
            forget(connection, in: &state)
        }
    }

    // MARK: Ends

    /// Ends a connection whose last answer has left.
    func end(_ connection: Int) { locked { end(connection, in: &$0) } }

    /// Ends all connections, when the server stops.
    func endAll() {
        locked { state in
            for connection in Array(state.entries.keys) { end(connection, in: &state) }
        }
    }

    /// Tells the client why its request is given up before it is complete, as far as its socket takes it, and ends the
    /// connection. Over TLS the client is told nothing: only the library has the keys.
    func refuse(_ connection: Int, _ refusal: HTTPRefusal) {
        locked { state in
            guard let entry = state.entries[connection] else { return }
            guard !isTLS else {
                if entry.hasHadRequest {
                    counters.count(refusal)
                } else {
                    counters.failedHandshakes.add(1, ordering: .relaxed)
                }
                return end(connection, in: &state)
            }
            counters.count(refusal)
            counters.countAnswer(status: refusal.status)
            // Nothing of ours is under way on this socket: answers leave one after the other, each as a whole.
            let answer = refusal.wireAnswer(limits)
            _ = answer.withUnsafeBytes {
                Glibc.send(
                    entry.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            end(connection, in: &state)
        }
    }

    /// Ends what is over its time.
    func checkDeadlines() {
        let now = Self.now
        let late: [Int] = locked { state in
            var late: [Int] = []
            // Time in which nobody looked does not count: the process was stopped, or the machine slept.
            let gap = now - state.lastLook
            state.lastLook = now
            let lapse = gap > Self.longestGap ? gap : 0
            for (key, entry) in state.entries {
                state.entries[key]?.deadline = entry.deadline.map { $0 &+ lapse }
                state.entries[key]?.pace = entry.pace.map { ($0.end &+ lapse, $0.arrivedByteCount) }
            }
            guard lapse == 0 else { return [] }
            for (key, entry) in state.entries {
                var entry = entry
                if entry.stage == .fresh || entry.stage == .idle,
                    entry.hasReceived
                {
                    begin(&entry)
                    state.entries[key] = entry
                }
                if let stream = entry.stream {
                    state.entries[key] = entry
                    if let end = look(at: stream, key, now, in: &state) {
                        self.end(key, as: end, in: &state)
                    }
                    continue
                }
                guard let deadline = entry.deadline, deadline <= now else { continue }
                // Counted first: whoever sees the connection end finds it counted.
                if entry.stage != .idle { counters.timedOutConnections.add(1, ordering: .relaxed) }
                if entry.stage == .arriving { late.append(key) } else { end(key, in: &state) }
            }
            return late
        }
        for key in late { refuse(key, .timeout) }
    }

    /// Nanoseconds between two looks, beyond which the process must have stood still.
    private static let longestGap: UInt64 = 1_000_000_000

    // MARK: Under the lock

    /// Runs `body` under the lock, and then tells those who write or wait for the streams that it has ended.
    private func locked<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, ended) = state.withLock { state in
            let value = body(&state)
            defer { state.ended = [] }
            return (value, state.ended)
        }
        for stream in ended { stream.release() }
        return value
    }

    /// Whether the stream of a connection is to end: its reader has gone, or has taken nothing, or too little, for too long
    /// although there was something to take.
    private func look(
        at stream: HTTPStream, _ connection: Int, _ now: UInt64, in state: inout State
    ) -> HTTPStream.End? {
        guard var entry = state.entries[connection] else { return nil }
        if csystem_has_hung_up(entry.descriptor) != 0 { return .reader }
        let progress = stream.progress
        let unsent = csystem_bytes_unsent(entry.descriptor)
        if progress == nil {
            entry.deadline = nil
        } else if entry.deadline == nil || progress != entry.streamProgress || unsent < entry.unsentByteCount
        {
            entry.deadline = now &+ stream.timeout.wholeNanoseconds
        }
        entry.streamProgress = progress
        entry.unsentByteCount = unsent
        let isSlow = entry.isSlow(stream, now)
        state.entries[connection] = entry
        return isSlow || entry.deadline.map { $0 <= now } == true ? .deadline : nil
    }

    private func change(_ connection: Int, _ body: (inout Entry) -> Void) {
        state.withLock { state in
            guard var entry = state.entries[connection] else { return }
            body(&entry)
            state.entries[connection] = entry
        }
    }

    /// A fresh connection has had its time since the opening; an idle one gets it now.
    private func begin(_ entry: inout Entry) {
        if entry.stage == .idle { entry.deadline = Self.now + request }
        if entry.stage == .fresh || entry.stage == .idle { entry.stage = .arriving }
    }

    /// - Complexity: O(connections).
    private func makeRoom(for newcomer: Int, in state: inout State) {
        var best: (rank: (Int, Int, UInt64), connection: Int)?
        for (key, entry) in state.entries where key != newcomer {
            guard let sparability = entry.stage.sparability else { continue }
            let rank = (-(state.countsByAddress[entry.address] ?? 0), sparability, entry.serial)
            if let best, best.rank <= rank { continue }
            best = (rank, key)
        }
        guard let best else {
            // Everybody waits for a page.
            counters.refusedConnections.add(1, ordering: .relaxed)
            return end(newcomer, in: &state)
        }
        counters.sparedConnections.add(1, ordering: .relaxed)
        end(best.connection, in: &state)
    }

    private func end(
        _ connection: Int, as streamEnd: HTTPStream.End = .server, in state: inout State
    ) {
        guard let entry = state.entries[connection] else { return }
        if let stream = entry.stream {
            // Counted first, as above.
            stream.claim(streamEnd)
            state.ended.append(stream)
        }
        shutdown(entry.descriptor, Int32(SHUT_RDWR))
        forget(connection, in: &state)
    }

    private func forget(_ connection: Int, in state: inout State) {
        guard let entry = state.entries.removeValue(forKey: connection) else { return }
        state.answerByteCount -= entry.answerByteCount
        counters.openConnections.subtract(1, ordering: .relaxed)
        let count = (state.countsByAddress[entry.address] ?? 1) - 1
        state.countsByAddress[entry.address] = count == 0 ? nil : count
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension ConnectionTable.Stage {
    /// How well a connection can be spared when another wants its place, the best first; nil = not at all.
    fileprivate var sparability: Int? {
        switch self {
        case .idle: 0
        case .fresh, .arriving: 1
        case .sending: 2
        case .streaming: 3
        case .handling: nil
        }
    }
}
