import BrokerLog
import Glibc
import Logging
import Primitives
import Synchronization
import Transport

/// The one thread that talks to HTTP clients. It never makes a page: whole requests go to `PageThreads`, and their
/// answers come back as letters.
///
///     socket → HTTPConnection → RequestParser ──request──→ PageThreads
///     socket ← HTTPConnection ← turnBegan     ←──letter──┘
///
/// A place is always found for a new connection. When all are taken, one of the client address that has most of them is
/// closed: rather one that ends anyway, then one between two requests, then one whose request is not complete, then one
/// that is slow to read its answer; among equals the oldest. So whoever fills the places with half a request loses
/// them, and a scrape or a health check, which sends its request at once, is served.
final class HTTPLoop: EventLoopOwner, TransportEvents {
    struct Answer: Sendable {
        let connection: UInt64
        let response: HTTPResponse
    }

    let limits: HTTPLimits
    let counters: HTTPCounters
    /// Bytes of body that incomplete requests hold.
    var bodyByteCount = 0

    private let socket: Int32
    private let pages: PageThreads
    private let mailbox: Mailbox<Answer>
    private var letters: ContiguousArray<Answer> = []
    private var connections: [UInt64: HTTPConnection] = [:]
    private var countsByAddress: [String: Int] = [:]
    private var sending: [HTTPConnection] = []
    private var nextSerial: UInt64 = 0
    private var checkAt = MonotonicTime(nanoseconds: 0)
    private var dateText = (second: time_t(-1), text: "")
    private let fullness: Episode
    private unowned let loop: EventLoop

    /// - Parameter socket: the listening socket; owned from now on.
    init(
        _ loop: EventLoop, socket: Int32, limits: HTTPLimits, counters: HTTPCounters, pages: PageThreads,
        mailbox: Mailbox<Answer>, log: Logger
    ) {
        self.loop = loop
        self.socket = socket
        self.limits = limits
        self.counters = counters
        self.pages = pages
        self.mailbox = mailbox
        fullness = Episode(
            log, began: "http listener is full: connections that can be spared are closed for new ones",
            ended: "http listener has room again")
    }

    // MARK: The loop's calls

    func loopStarted(_ loop: EventLoop) {
        loop.events = self
        loop.addAcceptor(socket: FileDescriptor(owning: socket), state: ListenerState(name: "http")) {
            [self] socket, slot, loop in
            open(socket, slot, loop)
        }
    }

    func turnBegan(_ loop: EventLoop, now: MonotonicTime) {
        mailbox.drain(into: &letters)
        for letter in letters { connections[letter.connection]?.answer(letter.response) }
        letters.removeAll(keepingCapacity: true)
    }

    func turnEnded(_ loop: EventLoop, now: MonotonicTime) {
        guard now >= checkAt else { return }
        checkAt = now.after(checkInterval)
        for connection in Array(connections.values) { connection.checkDeadline() }
        if connections.count < limits.connections { fullness.endIfQuiet(for: .seconds(10)) }
    }

    func turnFlushed(_ loop: EventLoop) {
        sending.removeAll { !$0.goesOnSending() }
        if loop.flushList.waitingByteCount > limits.outputBudget { closeSlowestReader() }
    }

    func sleepLimitNanoseconds(_ loop: EventLoop, now: MonotonicTime) -> UInt64? {
        connections.isEmpty ? nil : max(1, checkAt.nanoseconds(since: now))
    }

    func loopStopped(_ loop: EventLoop) {}

    func count(_ event: TransportEvent, _ n: Int) {
        if event == .sendTimeout { counters.timedOutConnections.add(n, ordering: .relaxed) }
    }

    /// Between two looks at all deadlines.
    private var checkInterval: Duration {
        min(.milliseconds(250), max(.milliseconds(5), min(limits.requestTimeout, limits.idleTimeout) / 20))
    }

    // MARK: Connections

    private func open(_ socket: DetachedSocket, _ slot: Int, _ loop: EventLoop) -> HTTPConnection {
        nextSerial += 1
        let newcomer = HTTPConnection(socket: socket, slot: slot, loop: loop, owner: self, serial: nextSerial)
        counters.openConnections.add(1, ordering: .relaxed)
        counters.acceptedConnections.add(1, ordering: .relaxed)
        connections[newcomer.serial] = newcomer
        countsByAddress[newcomer.address, default: 0] += 1
        if connections.count > max(1, limits.connections) { makeRoom(for: newcomer) }
        return newcomer
    }

    private func makeRoom(for newcomer: HTTPConnection) {
        fullness.occurred(["max_connections": .stringConvertible(limits.connections)])
        guard let spared = mostSparable(but: newcomer) else {
            // Everybody waits for a page.
            counters.refusedConnections.add(1, ordering: .relaxed)
            return newcomer.close(.requested, afterFlush: false)
        }
        counters.sparedConnections.add(1, ordering: .relaxed)
        spared.close(.requested, afterFlush: false)
        forget(spared)
    }

    /// - Complexity: O(connections).
    private func mostSparable(
        but excluded: HTTPConnection?, where isCandidate: (HTTPConnection) -> Bool = { _ in true }
    ) -> HTTPConnection? {
        var best: (rank: (Int, Int, UInt64), connection: HTTPConnection)?
        for connection in connections.values where connection !== excluded && isCandidate(connection) {
            guard let sparability = connection.sparability else { continue }
            let rank = (-(countsByAddress[connection.address] ?? 0), sparability, connection.serial)
            if let best, best.rank <= rank { continue }
            best = (rank, connection)
        }
        return best?.connection
    }

    private func closeSlowestReader() {
        guard let reader = mostSparable(but: nil, where: { $0.stage == .sending }) else { return }
        counters.sparedConnections.add(1, ordering: .relaxed)
        reader.close(.sendTimeout, afterFlush: false)
        forget(reader)
    }

    private func forget(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: connection.serial) != nil else { return }
        counters.openConnections.subtract(1, ordering: .relaxed)
        let count = (countsByAddress[connection.address] ?? 1) - 1
        countsByAddress[connection.address] = count == 0 ? nil : count
    }

    func closed(_ connection: HTTPConnection) { forget(connection) }

    // MARK: Requests

    func hand(_ request: HTTPRequest, of connection: HTTPConnection) {
        pages.put(PageThreads.Job(connection: connection.serial, request: request))
    }

    /// The answer lies in the connection's output; it is watched until all of it has left.
    func isSending(_ connection: HTTPConnection) { sending.append(connection) }

    /// The value of `Date` [RFC 9110 §6.6.1]. Written anew each second.
    var date: String {
        let now = time(nil)
        if dateText.second != now { dateText = (now, HTTPDate.text(now)) }
        return dateText.text
    }
}
