import BrokerCore
import BrokerLog
package import BrokerMetrics
import Logging
import Primitives
import Synchronization
import Transport

/// What lives on one event loop: its shard of the broker, its mailbox and its counters.
///
/// A turn: letters → timers → sockets → scans and batches for other loops → flush → snapshot, if asked for.
final class BrokerLoop: EventLoopOwner {
    let shard: Shard
    let counters: LoopCounters
    let loop: EventLoop
    private let mailbox: Mailbox<LoopLetter>
    private let exchange: SnapshotExchange
    private let directory: LoopDirectory
    /// Letters that were taken out of the mailbox; those before `nextLetter` have been dealt with.
    private var letters: ContiguousArray<LoopLetter> = []
    private var nextLetter = 0
    private var lastAnswered: UInt64 = 0
    private var areWillsPublished = false
    private var isDraining = false

    /// Connections that have not sent CONNECT yet.
    private var newcomers = DeadlineList<ClientConnection>()
    /// Those among them that will be refused.
    private var refused = DeadlineList<ClientConnection>()
    /// How long they have for their CONNECT, in milliseconds: there are few places for them.
    private static let refusalTimeout: UInt64 = 1000
    private var newcomerMemory: NewcomerMemory
    /// When the loop began to write, in a turn in which there are copies to write.
    private var flushingBegan = MonotonicTime(nanoseconds: 0)
    private let newcomerTrouble: Episode

    init(_ loop: EventLoop, broker: Broker, directory: LoopDirectory) {
        self.loop = loop
        self.directory = directory
        let index = loop.index
        mailbox = directory.mailboxes[index]
        exchange = directory.exchanges[index]
        let counters = LoopCounters()
        self.counters = counters
        let share = broker.settings.newcomerByteLimit / broker.loopCount
        newcomerMemory = NewcomerMemory(limit: max(share, ClientConnection.largestConnect))
        newcomerTrouble = Episode(
            broker.log, began: "connections without a session hold too much memory: the largest are cut",
            ended: "connections without a session hold little memory again", limit: "newcomer_memory",
            ["loop": .stringConvertible(index)])
        shard = Shard(
            broker, index: index, counters: counters,
            links: ShardLinks(readClock: { [clock = loop.clock] in clock.now }) {
                [mailboxes = directory.mailboxes] letter, target in
                mailboxes[target].post(.core(letter))
            },
            now: loop.now)
    }

    // MARK: EventLoopOwner

    func loopStarted(_ loop: EventLoop) {
        loop.events = LoopEvents(counters)
        loop.flushList.measure = { OutputPacket(measuring: $0) }
    }

    func turnBegan(_ loop: EventLoop, now: MonotonicTime) {
        shard.look(at: loop.lapses)
        shard.turnBegan(now) { loop.isTurnOver }
        closeSilentNewcomers(now)
        receiveLetters()
    }

    func turnEnded(_ loop: EventLoop, now: MonotonicTime) {
        shard.turnEnded { loop.isTurnOver }
        if shard.hasSent { flushingBegan = loop.clock.now }
    }

    func turnFlushed(_ loop: EventLoop, end: MonotonicTime) {
        shard.turnFlushed(flushing: flushingBegan, end: end, marks: loop.flushList.takePassedMarks()) {
            loop.clock.wallMilliseconds
        }
        exchange.answer(lastAnswered: &lastAnswered, from: counters) {
            counters.set(.outputBytes, to: loop.flushList.waitingByteCount)
            countSettledPackets()
            counters.set(.mailboxDepth, to: mailbox.depth + letters.count - nextLetter)
            counters.set(.clientsWaiting, to: loop.waitingClientCount)
            counters.set(.newcomerBytes, to: newcomerMemory.byteCount)
            newcomerTrouble.endIfQuiet(for: .seconds(10))
            loop.lookAtLimits()
            shard.refreshGauges()
        }
        if areWillsPublished, !shard.isFanningOut { directory.reportWills(loop: loop.index) }
        if isDraining { directory.reportOpen(loop.connectionCount, loop: loop.index) }
    }

    /// QoS 0 messages have left their outputs: delivered, or lost with a connection.
    private func countSettledPackets() {
        let packets = loop.flushList.takeSettledPackets()
        shard.leftOutputs(written: packets.written, discarded: packets.discarded)
    }

    func sleepLimitNanoseconds(_ loop: EventLoop, now: MonotonicTime) -> UInt64? {
        if !letters.isEmpty { return 0 }
        var limit = shard.sleepLimitNanoseconds(now)
        for deadline in [newcomerDeadline, refused.firstDeadline] {
            if let deadline { limit = min(limit ?? .max, deadline.nanoseconds(since: now)) }
        }
        return limit
    }

    func loopStopped(_ loop: EventLoop) {
        shard.storeShutDown()
        shard.forgetSessions()
        directory.reportWills(loop: loop.index)
        directory.reportOpen(0, loop: loop.index)
    }

    // MARK: Letters

    /// As far as the turn's time goes, but one letter or a slice of it in any case. What is left comes first in the next
    /// turn, before anything that is posted meanwhile.
    private func receiveLetters() {
        // Those left first; then the mailbox in the same turn, for the wake-up of what came meanwhile has been used up.
        guard letters.isEmpty || receiveTakenLetters() else { return }
        mailbox.drain(into: &letters)
        guard !letters.isEmpty else { return }
        counters.add(.loopLettersTaken, letters.count)
        counters.observe(.letterBatch, UInt64(letters.count))
        _ = receiveTakenLetters()
    }

    /// - Returns: false when the turn was over before the last of them was done with.
    private func receiveTakenLetters() -> Bool {
        while nextLetter < letters.count {
            guard receive(letters[nextLetter]) else { return false }
            nextLetter += 1
            if loop.isTurnOver, nextLetter < letters.count { return false }
        }
        letters.removeAll(keepingCapacity: true)
        nextLetter = 0
        return true
    }

    /// - Returns: false when a part of the letter is left.
    private func receive(_ letter: LoopLetter) -> Bool {
        switch letter {
        case .core(let letter): return shard.receive(letter) { loop.isTurnOver }
        case .adopt(let socket, let attempt, let facts): adopt(socket, attempt, facts)
        case .listen(let listener, let state, let facts): listen(listener, state, facts)
        case .closeListener(let state, let closing):
            loop.closeAcceptors(of: state)
            return !closing || closeConnections(of: state)
        case .publishWills:
            loop.closeAcceptors()
            areWillsPublished = shard.publishWills { loop.isTurnOver }
            return areWillsPublished
        case .drain: drain()
        }
        return true
    }

    private func listen(_ listener: BoundListener, _ state: ListenerState, _ facts: ListenerFacts) {
        guard let socket = listener.takeSocket(), !isDraining else { return }
        loop.addAcceptor(socket: socket, state: state) { [unowned self] socket, slot, loop in
            let connection = ClientConnection(
                socket: socket, slot: slot, loop: loop, owner: self, facts: facts)
            counters.add(.socketOpen)
            if state.policy.isPlain { counters.opened(.none) }
            if state.policy.isPlain || connection.overLimit != nil { startConnectTimer(connection) }
            return connection
        }
    }

    /// Connections closed at least in one turn when their listener ends, and at most: a will may go to thousands.
    private static let closedAtOnce = 16...500

    /// - Returns: false when some are left: call again in the next turn.
    private func closeConnections(of state: ListenerState) -> Bool {
        var found: ContiguousArray<ClientConnection> = []
        loop.forEachConnection { connection in
            guard found.count < Self.closedAtOnce.upperBound, connection.isOpen,
                connection.listener === state,
                let client = connection as? ClientConnection
            else { return }
            found.append(client)
        }
        for (index, client) in found.enumerated() {
            if index >= Self.closedAtOnce.lowerBound, loop.isTurnOver { return false }
            client.endByOperator()
        }
        return found.count < Self.closedAtOnce.upperBound
    }

    /// Goes on with a connection that another loop has read up to CONNECT.
    private func adopt(_ socket: DetachedSocket, _ attempt: ConnectAttempt, _ facts: ListenerFacts) {
        let connection = loop.adopt(socket) { socket, slot, loop in
            ClientConnection(socket: socket, slot: slot, loop: loop, owner: self, facts: facts)
        }
        guard let connection else { return }
        if isDraining {
            connection.close(CloseReason.shutdown)
        } else {
            connection.goOn(with: attempt)
        }
    }

    private func drain() {
        isDraining = true
        loop.closeAcceptors()
        shard.disconnectAll()
        loop.forEachConnection { connection in
            (connection as? ClientConnection)?.close(CloseReason.shutdown)
        }
    }

    // MARK: CONNECT time-out

    func startConnectTimer(_ connection: ClientConnection) {
        guard connection.newcomerPlace == nil else { return }
        let timeout = shard.settings.connectTimeout
        if connection.overLimit == nil {
            let deadline = loop.now.adding(milliseconds: timeout)
            connection.newcomerPlace = newcomers.append(connection, deadline: deadline)
        } else {
            let deadline = loop.now.adding(milliseconds: min(timeout, Self.refusalTimeout))
            connection.newcomerPlace = refused.append(connection, deadline: deadline)
        }
    }

    /// A connection ended below MQTT. Who only looked whether somebody listens is not worth a line.
    func tellStreamFailed(_ connection: ClientConnection, _ problem: StreamProblem) {
        if problem == .tls(.closed) { return }
        shard.tell(.streamFailed, "connection ended before MQTT") {
            var facts = Shard.clientFacts(connection, clientID: nil)
            facts["reason"] = .string(problem.label)
            let text = connection.streamProblemText
            if !text.isEmpty { facts["problem"] = .string(text) }
            return facts
        }
    }

    /// The connection has sent CONNECT, or has gone.
    func forgetNewcomer(_ place: DeadlineList<ClientConnection>.Place, isRefused: Bool) {
        if isRefused { refused.remove(place) } else { newcomers.remove(place) }
    }

    /// A connection without a session holds `byteCount` bytes. Cuts those that hold most until all have room.
    func setNewcomerMemory(_ connection: ClientConnection, holds byteCount: Int) {
        newcomerMemory.set(connection, to: byteCount)
        while newcomerMemory.isFull, let largest = newcomerMemory.largest() {
            newcomerTrouble.occurred([
                "held": .stringConvertible(newcomerMemory.byteCount),
                "maximum": .stringConvertible(newcomerMemory.limit),
                "connections": .stringConvertible(newcomerMemory.count),
            ])
            newcomerMemory.set(largest, to: 0)
            largest.cut(.newcomerMemory)
        }
    }

    /// When the first newcomer has had its time; that in which the loop did not look does not count. All have equally
    /// much, so none that came later is due before.
    private var newcomerDeadline: MonotonicTime? {
        guard let deadline = newcomers.firstDeadline else { return nil }
        let allowed = shard.settings.connectTimeout.multipliedReportingOverflow(by: 1_000_000)
        guard !allowed.overflow, deadline.nanoseconds >= allowed.partialValue else { return deadline }
        let begin = MonotonicTime(nanoseconds: deadline.nanoseconds - allowed.partialValue)
        return deadline.adding(nanoseconds: loop.lapses.nanoseconds(since: begin))
    }

    private func dueNewcomer(_ now: MonotonicTime) -> ClientConnection? {
        guard let deadline = newcomerDeadline, deadline <= now else { return nil }
        return newcomers.popFirst(dueAt: now)
    }

    /// A bounded number in each turn: thousands may have come, and said nothing, at once.
    private func closeSilentNewcomers(_ now: MonotonicTime) {
        for count in 0..<200 {
            if count & 15 == 15, loop.isTurnOver { return }
            guard let connection = dueNewcomer(now) ?? refused.popFirst(dueAt: now) else { return }
            // Its CONNECT may wait in the socket.
            guard connection.readWaiting(), connection.newcomerPlace != nil else { continue }
            connection.newcomerPlace = nil
            counters.add(.socketCloseTimeout)
            shard.log.debug(
                "no CONNECT in time",
                metadata: [
                    "peer": "\(connection.peer)", "listener": "\(connection.listenerFacts.name)",
                    "protocol": "\(connection.listenerFacts.kind)",
                ])
            connection.close(CloseReason.connectTimeout)
        }
    }

    func post(_ letter: LoopLetter, to index: Int) { directory.mailboxes[index].post(letter) }
}

/// The directory of all loops: how any thread reaches them and reads their counters.
package final class LoopDirectory: Sendable {
    let mailboxes: [Mailbox<LoopLetter>]
    /// Where each loop leaves a copy of its counters when asked, by the number of the loop. The
    /// `MetricsRegistry` gets them.
    package let exchanges: [SnapshotExchange]
    private let wakers: [LoopWaker]
    private let open: Mutex<[Int?]>
    private let wills: Mutex<[Bool]>

    init(loopCount: Int) {
        let wakers = (0..<loopCount).map { _ in LoopWaker() }
        self.wakers = wakers
        mailboxes = wakers.map { waker in Mailbox { waker.wake() } }
        exchanges = wakers.map { waker in SnapshotExchange { waker.wake() } }
        open = Mutex(Array(repeating: nil, count: loopCount))
        wills = Mutex(Array(repeating: false, count: loopCount))
    }

    func connect(to handles: [EventLoopHandle]) {
        for (waker, handle) in zip(wakers, handles) { waker.connect(to: handle) }
    }

    /// Posts `letter` to every loop.
    package func post(_ letter: LoopLetter) {
        for mailbox in mailboxes { mailbox.post(letter) }
    }

    /// A loop has published its wills and posted what other loops get of them.
    func reportWills(loop: Int) { wills.withLock { $0[loop] = true } }

    var areWillsPublished: Bool { wills.withLock { $0.allSatisfy(\.self) } }

    /// A draining loop says how many connections it still has.
    func reportOpen(_ count: Int, loop: Int) { open.withLock { $0[loop] = count } }

    /// True once every loop has drained.
    var isDrained: Bool { open.withLock { $0.allSatisfy { $0 == 0 } } }
}

/// Turns what the transport counts into the loop's counters.
private final class LoopEvents: TransportEvents {
    private let counters: LoopCounters

    init(_ counters: LoopCounters) { self.counters = counters }

    func count(_ event: TransportEvent, _ n: Int) {
        switch event {
        case .bytesReceived: counters.add(.bytesReceived, n)
        case .bytesSent: counters.add(.bytesSent, n)
        case .bytesIgnored: counters.add(.bytesUndecoded, n)
        case .accepted: counters.add(.connectionsAccepted, n)
        case .acceptPaused: counters.add(.acceptPaused, n)
        case .refusedByRate: counters.add(.connectionsOverRate, n)
        case .refusedOverLimit: counters.add(.connectionsRefused, n)
        case .descriptorExhausted: counters.add(.acceptDescriptorExhausted, n)
        case .halfClosed: counters.add(.halfClosed, n)
        case .reset: counters.add(.connectionReset, n)
        case .readError, .writeError: counters.add(.socketError, n)
        case .sendTimeout: counters.add(.sendTimeouts, n)
        case .readPaused: counters.add(.loopReadsPaused, n)
        case .fairnessYield: counters.add(.loopFairnessYields, n)
        case .writeBlocked: counters.add(.writeBlocked, n)
        case .bytesDiscarded: counters.add(.outputBytesDiscarded, n)
        case .turn: counters.add(.loopTurns, n)
        case .wakeup: counters.add(.loopWakeups, n)
        case .busyNanoseconds:
            counters.add(.loopBusyNanoseconds, n)
            counters.observe(.turnNanoseconds, UInt64(n))
        }
    }
}
