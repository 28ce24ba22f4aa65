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
///
/// The library's own timeout begins anew with each byte, so a client that sends one byte now and then would hold its
/// connection for ever; and a full library turns newcomers away, whoever holds the places. Here a place is always found:
/// of the client address that has most connections one is closed, rather one between two requests, then one whose request
/// is not complete, then one that is slow to read its answer; among equals the oldest. So whoever fills the places with
/// half a request loses them, and a scrape or a health check, which sends its request at once, is served.
///
/// A connection is ended by shutting its socket down; the library then closes it. The lock makes sure that a descriptor
/// is still the connection's own: the entry goes before the library closes it.
final class ConnectionTable: Sendable {
    enum Stage { case fresh, idle, arriving, handling, sending }

    private struct Entry {
        let descriptor: Int32
        let address: Address
        /// Counts up; older connections have smaller ones.
        let serial: UInt64
        var stage = Stage.fresh
        /// nil while a page is being made, for which nobody at the other end is to blame.
        var deadline: UInt64?
        /// Bytes that had come when the last request had been answered.
        var receivedBefore: UInt64 = 0
        /// Bytes of the answer that is being sent.
        var answerByteCount = 0

        /// Whether bytes have come since then. The kernel counts the end of the stream as one.
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
    }

    private let state = Mutex(State())
    private let limits: HTTPLimits
    private let counters: HTTPCounters
    private let onFull: @Sendable () -> Void
    private let idle: UInt64
    private let request: UInt64

    /// - Parameter onFull: called when a connection had to give way.
    init(_ limits: HTTPLimits, _ counters: HTTPCounters, onFull: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.counters = counters
        self.onFull = onFull
        request = limits.requestTimeout.wholeNanoseconds
        idle = limits.idleTimeout.wholeNanoseconds
    }

    /// Milliseconds between two looks at the deadlines.
    var interval: Int32 { Int32(min(250, max(5, min(request, idle) / 20_000_000))) }

    var isFull: Bool { state.withLock { $0.entries.count >= limits.connections } }

    // MARK: A connection's course

    func opened(_ connection: Int, descriptor: Int32, address: Address) {
        counters.acceptedConnections.add(1, ordering: .relaxed)
        let isOver = state.withLock { state in
            state.lastSerial += 1
            var entry = Entry(descriptor: descriptor, address: address, serial: state.lastSerial)
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

    /// The request line is there.
    func isArriving(_ connection: Int) { change(connection) { begin(&$0) } }

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
        state.withLock { state in
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

    /// The answer has left.
    func isAnswered(_ connection: Int) {
        state.withLock { state in
            guard var entry = state.entries[connection] else { return }
            state.answerByteCount -= entry.answerByteCount
            entry.answerByteCount = 0
            entry.stage = .idle
            entry.deadline = Self.now + idle
            entry.receivedBefore = csystem_bytes_received(entry.descriptor)
            state.entries[connection] = entry
        }
    }

    /// The library closes the connection now. Bytes that never became a request line were none that it could read.
    func closed(_ connection: Int) {
        state.withLock { state in
            if let entry = state.entries[connection], entry.stage == .fresh || entry.stage == .idle,
                entry.hasReceived
            {
                counters.count(.malformed)
            }
            forget(connection, in: &state)
        }
    }

    // MARK: Ends

    /// Ends a connection whose last answer has left.
    func end(_ connection: Int) { state.withLock { end(connection, in: &$0) } }

    /// Tells the client why its request is given up before it is complete, as far as its socket takes it, and ends the
    /// connection.
    func refuse(_ connection: Int, _ refusal: HTTPRefusal) {
        state.withLock { state in
            guard let entry = state.entries[connection] else { return }
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
        var late: [Int] = []
        state.withLock { state in
            // Time in which nobody looked does not count: the process was stopped, or the machine slept.
            let gap = now - state.lastLook
            state.lastLook = now
            let lapse = gap > Self.longestGap ? gap : 0
            for (key, entry) in state.entries {
                state.entries[key]?.deadline = entry.deadline.map { $0 &+ lapse }
            }
            guard lapse == 0 else { return }
            for (key, entry) in state.entries {
                var entry = entry
                if entry.stage == .fresh || entry.stage == .idle,
                    entry.hasReceived
                {
                    begin(&entry)
                    state.entries[key] = entry
                }
                guard let deadline = entry.deadline, deadline <= now else { continue }
                // Counted first: whoever sees the connection end finds it counted.
                if entry.stage != .idle { counters.timedOutConnections.add(1, ordering: .relaxed) }
                if entry.stage == .arriving { late.append(key) } else { end(key, in: &state) }
            }
        }
        for key in late { refuse(key, .timeout) }
    }

    /// Nanoseconds between two looks, beyond which the process must have stood still.
    private static let longestGap: UInt64 = 1_000_000_000

    // MARK: Under the lock

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

    private func end(_ connection: Int, in state: inout State) {
        guard let entry = state.entries[connection] else { return }
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
        case .handling: nil
        }
    }
}
