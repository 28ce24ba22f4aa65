import CSystem
import Glibc
package import Primitives

/// One connected socket and what is on its way in and out. Subclasses give the bytes a meaning. Everything
/// here happens on the loop's thread.
///
///     open     → flushing  [close, afterFlush: true, while output waits]
///     open     → lingering [close, afterFlush: true, nothing waits]
///     flushing → lingering [the kernel took the last byte]
///     any      → closed    [close; error; end of input; the deadline of flushing and lingering]
///
/// A lingering socket has told its peer the end and reads on, into nothing, until the peer ends too:
/// closing a socket with unread input makes the kernel send a reset, which can destroy the last bytes on
/// their way.
///
/// Invariants
/// 1. `closed` is called once, at the end of the connection's last turn or soon after, never inside another call.
/// 2. After it ended no other callback comes.
/// 3. While reading is paused `received` is not called.
///
/// Open, and so public, because a `package` class cannot be subclassed in another module.
open class Connection {
    enum Phase { case open, flushing, lingering, closed }

    /// Its place among the connections of its loop. Another connection may have it after this one has ended.
    package final let slot: Int
    /// The loop that it lives on. It holds its connections until they have ended, so nothing of the cycle stays.
    package final let loop: EventLoop
    /// Bytes for the peer, which the loop sends at the end of the turn.
    package final let output: OutputBuffer
    /// Who is at the other end. Set it when a proxy tells the real address.
    package final var peer: PeerAddress
    /// The listener that accepted it; nil for outgoing sockets.
    package final let listener: ListenerState?
    /// The limit that keeps the client out: it is only to be told so. nil: it is to be served.
    package final let overLimit: ConnectionLimit?

    /// How many bytes the packet has whose head `received` left unconsumed; 0 = not known yet. Set it in
    /// `received`, which finds 0 here; `received` is not called again before so many are there, and a long
    /// packet is gathered without being copied again and again. Check it against the largest allowed packet
    /// first.
    package final var neededByteCount = 0

    final var descriptor: FileDescriptor?
    /// What the bytes come through.
    final var stream: ByteStream
    final var phase = Phase.open
    final var cause = ConnectionEnd.requested
    final var pauses: PauseReason = []
    final var leftover = Leftover()
    private final var notedInputByteCount = 0
    /// What the epoll set watches for; nil = it does not hold the descriptor.
    final var watchedFlags: UInt32?
    /// `received` runs now.
    final var isPresenting = false
    final var isResumeScheduled = false
    /// `detach(then:)` was called while `received` ran.
    final var handOver: ((DetachedSocket) -> Void)?
    /// Writing failed; what the peer sent before is still read.
    final var writeFailure: ConnectionEnd?
    /// The loop goes on with its handshake when its turn comes.
    final var isHandshakeQueued = false
    /// The loop looks at its deadline.
    final var isTimed = false
    /// While output is refused: when the kernel last took some. While closing: the moment it ends at the
    /// latest.
    final var deadlineBase: MonotonicTime

    /// Takes the descriptor out of `socket`, which must not have been adopted before.
    package init(socket: DetachedSocket, slot: Int, loop: EventLoop) {
        self.slot = slot
        self.loop = loop
        output = OutputBuffer(slot: slot, flushList: loop.flushList, pool: loop.pool)
        peer = socket.peer
        listener = socket.listener
        overLimit = socket.overLimit
        deadlineBase = loop.now
        stream = ByteStream(socket.layers)
        descriptor = socket.take()
        socket.leftover.withUnsafeBytes { leftover.replace(with: $0) }
        output.restore(socket.pendingOutput)
    }

    deinit { leftover.removeAll() }

    // ── for subclasses to override ──

    /// Bytes have come: everything that is not consumed yet, in one piece.
    ///
    /// Consume every whole packet, unless reading is paused: the rest is kept and presented again in front of
    /// what comes next, or, when reading was paused, as soon as it goes on.
    ///
    /// - Returns: how many bytes of `bytes` were consumed.
    open func received(_ bytes: RawSpan) -> Int { bytes.byteCount }

    /// The layers below have done what comes before the first byte; see `streamFacts`. Once, before `received`; not
    /// called where there are no layers.
    open func established() {}

    /// `output` was blocked and has room again.
    open func outputDrained() {}

    /// The connection has ended, and these bytes came and were never presented or never consumed. `closed` follows.
    open func discarded(_ bytes: RawSpan) {}

    /// The memory that holds unconsumed input has changed: `heldInputByteCount` says to what. May close connections.
    open func heldInputChanged() {}

    /// The connection has ended; its descriptor is closed, or lives on elsewhere.
    open func closed(_ cause: ConnectionEnd) {}

    // ── for everybody ──

    /// What the layers below know of the peer; nil = there are none.
    package final var streamFacts: StreamFacts? { stream.layers?.facts }

    /// Whether the layers below have been as far as the first byte; true where there are none.
    package final var isEstablished: Bool { stream.layers?.hasBeenEstablished ?? true }

    /// Why a layer below ended it; nil = none did.
    package final var streamProblem: StreamProblem? { stream.layers?.problem }
    /// Words for that, of a library or ours; empty = there are none.
    package final var streamProblemText: String { stream.layers?.problemText ?? "" }

    /// False from the first call of `close` on.
    package final var isOpen: Bool { phase == .open }

    /// Our end, asked of the kernel with each call; unknown after the end.
    package final var local: PeerAddress {
        var address = csystem_address()
        guard rawDescriptor >= 0, csystem_local_address(rawDescriptor, &address) == 0 else { return .unknown }
        return PeerAddress(address)
    }

    /// The kernel's number of the socket; -1 after the end.
    package final var rawDescriptor: Int32 {
        switch descriptor {
        case .some(let descriptor): descriptor.rawValue
        case .none: -1
        }
    }

    /// Unconsumed bytes held for this connection.
    package final var leftoverByteCount: Int { leftover.count }

    /// Memory that holds them, in bytes.
    package final var heldInputByteCount: Int { leftover.capacity }

    /// Tells the subclass when it is another size than last time.
    @inline(__always)
    final func countHeldInput() {
        guard leftover.capacity != notedInputByteCount else { return }
        notedInputByteCount = leftover.capacity
        heldInputChanged()
    }

    /// Why it is not read at present.
    package final var pauseReasons: PauseReason { pauses }

    /// Watches for what is asked; costs a system call only when that changes.
    final func watch(reading: Bool, writing: Bool) {
        let flags =
            (reading ? CSYSTEM_READABLE : 0) | (writing ? CSYSTEM_WRITABLE : 0)
        let token = loop.token(of: slot)
        guard let current = watchedFlags else {
            let result = loop.poller.add(rawDescriptor, flags, token)
            if result < 0 { return end(.ioError(-result)) }
            watchedFlags = flags
            return
        }
        guard current != flags else { return }
        loop.poller.modify(rawDescriptor, flags, token)
        watchedFlags = flags
    }

    final var isWatchedForReading: Bool { (watchedFlags ?? 0) & CSYSTEM_READABLE != 0 }
    final var isWatchedForWriting: Bool { (watchedFlags ?? 0) & CSYSTEM_WRITABLE != 0 }

    /// What the epoll set reported for this connection.
    final func handle(_ flags: UInt32) {
        if let layers = stream.layers, layers.isShakingHands, phase == .open {
            return loop.queueHandshake(self)
        }
        if flags & CSYSTEM_WRITABLE != 0 {
            flushOutput()
            if stream.layers?.wantsWriting == true { return goOnReading() }
        }
        guard phase != .closed, flags & ~CSYSTEM_WRITABLE != 0 else { return }
        if phase == .lingering { return discardInput() }
        if phase == .open, pauses.isEmpty { return readInput() }
        // Nothing is read now, but an end of both sides is reported all the same.
        if flags & CSYSTEM_ERROR != 0 {
            let error = csystem_socket_error(rawDescriptor)
            end(failure(error == 0 ? ECONNRESET : error, counting: .readError))
        } else if flags & CSYSTEM_HANGUP != 0 {
            guard phase == .open else { return end(cause) }
            // Reported again and again: leave the set until reading goes on.
            loop.poller.remove(rawDescriptor)
            watchedFlags = nil
        } else {
            watch(reading: false, writing: isWatchedForWriting)
        }
    }

    /// Counts an error of the kernel and says what it means for the connection.
    final func failure(_ errorNumber: Int32, counting event: TransportEvent) -> ConnectionEnd {
        if errorNumber == ECONNRESET || errorNumber == EPIPE {
            if writeFailure == nil { loop.events.count(.reset, 1) }
            return .reset
        }
        if writeFailure == nil { loop.events.count(event, 1) }
        return .ioError(errorNumber)
    }
}
