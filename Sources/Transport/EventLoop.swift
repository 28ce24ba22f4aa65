import CSystem
import Glibc
package import Logging
package import Primitives

/// One thread, one epoll set, one read buffer, and the connections that live here. Not Sendable: only its own
/// thread touches it; everybody else has the `handle`. `EventLoop+Turn.swift` tells what it does all day.
package final class EventLoop {
    /// What other threads may use.
    package let handle: EventLoopHandle
    /// The sizes and times of this loop.
    package let settings: LoopSettings
    /// Connections with output to send at the end of this turn.
    package let flushList = FlushList()
    /// Buffers that its connections' outputs use in turn.
    package let pool = BufferPool()
    /// Where the loop logs.
    package let logger: Logger
    /// Where counts go; the owner sets it when the loop starts.
    package var events: any TransportEvents = NoTransportEvents()
    /// The time at which this turn began.
    package internal(set) var now: MonotonicTime
    /// When nobody looked at the sockets though somebody should have.
    package internal(set) var lapses = Lapses()

    package let clock: any Clock
    let poller: Poller
    let readBuffer: UnsafeMutableRawBufferPointer
    /// Where a record of TLS is put together, if it has several parts.
    let recordBuffer: UnsafeMutableRawBufferPointer
    let vectors: UnsafeMutableBufferPointer<iovec>
    var table = ConnectionTable()
    var acceptors: ContiguousArray<Acceptor?> = []
    var areAcceptorsPaused = false
    /// Acceptors that wait for something: as long as there is none, a turn need not look at them.
    var pausedAcceptorCount = 0
    /// Connections that have ended and are taken down at the end of the turn, or of a later one when there are many.
    var ended: ContiguousArray<Connection> = []
    /// Connections whose reading goes on.
    var resumed: ContiguousArray<Connection> = []
    /// Connections that stopped in the midst of their input because the turn had become long.
    var yielded: ContiguousArray<Connection> = []
    /// Connections in the midst of a handshake of TLS for which something has come. Each turn goes on with as many as a part
    /// of its time allows: thousands that connect at once hold up nobody who is connected.
    var handshakes: ContiguousArray<Connection> = []
    /// The events of the last wait that no turn has come to yet.
    var pendingEvents = 0..<0
    /// Connections with a deadline, and when to look at it next.
    var timed: ContiguousArray<Connection> = []
    var deadlineCheckAt = MonotonicTime.distantFuture
    var flushing: ContiguousArray<Int> = []
    var spare: ContiguousArray<Connection> = []
    /// When the turn before ended, and the wait began.
    var waitBegan: MonotonicTime
    private var reserve: FileDescriptor?

    /// Call on the thread that will `run` it.
    package init(
        handle: EventLoopHandle, settings: LoopSettings = LoopSettings(), clock: any Clock = SystemClock(),
        logger: Logger
    ) {
        self.handle = handle
        self.settings = settings
        self.clock = clock
        self.logger = logger
        now = clock.now
        waitBegan = now
        poller = Poller(epoll: handle.epoll.rawValue, capacity: Int32(clamping: settings.eventCapacity))
        readBuffer = .allocate(byteCount: settings.readBufferByteCount, alignment: 64)
        recordBuffer = .allocate(byteCount: 16 * 1024, alignment: 64)
        vectors = .allocate(capacity: 64)
        vectors.initialize(repeating: iovec())
        takeReserve()
    }

    deinit {
        readBuffer.deallocate()
        recordBuffer.deallocate()
        vectors.deallocate()
    }

    /// Its number among the loops, from 0.
    package var index: Int { handle.index }

    /// Whether this turn has taken so long that the rest should wait for the next. Asks the clock.
    package var isTurnOver: Bool { clock.now.nanoseconds(since: now) >= settings.turnBudgetNanoseconds }

    // ── connections ──

    /// Connections that live on this loop.
    package var connectionCount: Int { table.count }

    /// Calls `body` with each connection, those that ended in this turn included. `body` may close them.
    package func forEachConnection(_ body: (Connection) -> Void) {
        let table = self.table
        table.forEach(body)
    }

    /// Makes a connection of `socket` on this loop. What `socket` brings as leftover is presented in this
    /// turn or the next.
    ///
    /// - Parameter make: returns a new connection with the socket, slot and loop it is given.
    /// - Returns: nil when the socket was adopted before.
    @discardableResult
    package func adopt<Made: Connection>(
        _ socket: DetachedSocket, _ make: (DetachedSocket, Int, EventLoop) -> Made
    ) -> Made? {
        let slot = table.take()
        let connection = make(socket, slot, self)
        precondition(
            connection.slot == slot && connection.loop === self,
            "a new connection lives in the slot it was given")
        guard connection.rawDescriptor >= 0 else {
            table.free(slot)
            return nil
        }
        table.fill(slot, with: connection)
        if connection.phase == .open { connection.watch(reading: true, writing: false) }
        let layers = connection.stream.layers
        if !connection.leftover.isEmpty || layers?.hasInput == true { connection.scheduleResume() }
        if layers?.isEstablishing == true { time(connection) }
        return connection
    }

    func token(of slot: Int) -> Poller.Token { table.token(slot) }

    /// Goes on with the handshake of `connection` when its turn comes.
    func queueHandshake(_ connection: Connection) {
        guard !connection.isHandshakeQueued else { return }
        connection.isHandshakeQueued = true
        handshakes.append(connection)
    }

    /// Looks at the deadline of `connection` from now on.
    func time(_ connection: Connection) {
        guard !connection.isTimed else { return }
        connection.isTimed = true
        timed.append(connection)
        deadlineCheckAt = min(deadlineCheckAt, now.adding(nanoseconds: settings.deadlineCheckNanoseconds))
    }

    // ── acceptors ──

    /// Tells of limits of listeners that are over. To be called now and then.
    package func lookAtLimits() {
        for acceptor in acceptors { acceptor?.lookAtLimits(self) }
    }

    /// Accepts connections from `socket` on this loop, from the next wait on.
    ///
    /// - Parameters:
    ///   - state: what all loops share of this listener.
    ///   - accept: nil = the kernel's.
    ///   - make: called for each connection; see `adopt`.
    package func addAcceptor(
        socket: consuming FileDescriptor, state: ListenerState, accept: AcceptCall? = nil,
        makeConnection make: @escaping (DetachedSocket, Int, EventLoop) -> Connection
    ) {
        // Listeners come and go at run time: a free place is used again.
        let index = acceptors.firstIndex { $0 == nil } ?? acceptors.count
        let acceptor = Acceptor(
            index: index, socket: socket, state: state, accept: accept ?? acceptFromKernel, make: make)
        if index == acceptors.count { acceptors.append(acceptor) } else { acceptors[index] = acceptor }
        if areAcceptorsPaused { acceptor.pause(.requested, self) }
        acceptor.start(self)
    }

    /// Closes this loop's listening sockets of one listener; its connections stay.
    package func closeAcceptors(of state: ListenerState) {
        for (index, acceptor) in acceptors.enumerated() where acceptor?.state === state {
            acceptor?.stop(self)
            acceptors[index] = nil
        }
    }

    /// Closes all of this loop's listening sockets.
    package func closeAcceptors() {
        for acceptor in acceptors { acceptor?.stop(self) }
        for index in acceptors.indices { acceptors[index] = nil }
    }

    /// Clients that wait in the backlogs of listeners that take none now: a limit is reached, or there are no descriptors.
    package var waitingClientCount: Int { acceptors.reduce(0) { $0 + ($1?.waitingCount ?? 0) } }

    /// Leaves new clients in the backlog until `resumeAccepting`.
    package func pauseAccepting() {
        areAcceptorsPaused = true
        for acceptor in acceptors { acceptor?.pause(.requested, self) }
    }

    /// Accepts clients again after `pauseAccepting`.
    package func resumeAccepting() {
        areAcceptorsPaused = false
        for acceptor in acceptors { acceptor?.resume(.requested, self) }
    }

    /// Frees the reserved descriptor. - Returns: false when there is none.
    func giveReserve() -> Bool {
        guard reserve != nil else { return false }
        reserve = nil
        return true
    }

    /// Reserves a descriptor, if one can be had.
    func takeReserve() {
        guard reserve == nil else { return }
        let descriptor = csystem_open_null()
        if descriptor >= 0 { reserve = FileDescriptor(owning: descriptor) }
    }
}
