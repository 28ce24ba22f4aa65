import Primitives
import Synchronization
import Transport

/// One client's connection: requests in, answers out, one after the other.
///
///     fresh    → arriving   [first byte]                       must be complete `requestTimeout` after the opening
///     idle     → arriving   [first byte]                       must be complete `requestTimeout` later
///     arriving → handling   [complete: a thread makes the page; nothing is read meanwhile]
///     handling → sending    [the page is there]                must have left within `requestTimeout`
///     sending  → idle       [the kernel has all of it]         closed after `idleTimeout`
///     sending  → closing    [it was the last one]
///     any      → closing    [refused]
final class HTTPConnection: Connection {
    enum Stage { case fresh, idle, arriving, handling, sending, closing }

    /// Counts up; older connections have smaller ones.
    let serial: UInt64
    /// Who is at the other end, without the port.
    let address: String
    private unowned let owner: HTTPLoop
    private(set) var stage = Stage.fresh
    /// When it is cut unless it has gone on; nil while a page is being made, for which nobody here is to blame.
    private(set) var deadline: MonotonicTime? { didSet { waitsSince = loop.now } }
    /// When the deadline was set.
    private var waitsSince: MonotonicTime
    private var parser: RequestParser
    /// Whether the request that is being answered lets the connection go on.
    private var keepsOn = true
    private var isHead = false
    private var isOld = false

    init(socket: DetachedSocket, slot: Int, loop: EventLoop, owner: HTTPLoop, serial: UInt64) {
        self.serial = serial
        self.owner = owner
        address = socket.peer.ipText
        parser = RequestParser(owner.limits)
        waitsSince = loop.now
        super.init(socket: socket, slot: slot, loop: loop)
        deadline = loop.now.after(owner.limits.requestTimeout)
    }

    // MARK: Requests

    override func received(_ bytes: RawSpan) -> Int {
        guard isOpen, stage != .closing else { return bytes.byteCount }
        guard pauseReasons.isEmpty else { return 0 }
        if stage == .idle { deadline = loop.now.after(owner.limits.requestTimeout) }
        stage = .arriving
        var offset = 0
        while true {
            let held = parser.body.count
            let (consumed, event) = parser.take(bytes.extracting(offset...))
            offset += consumed
            owner.bodyByteCount += parser.body.count - held
            switch event {
            case .more:
                if owner.bodyByteCount > owner.limits.bodyBudget { refuse(.busy) }
                return isOpen ? offset : bytes.byteCount
            case .wantsContinue: output.append(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            case .refused(let refusal):
                refuse(refusal)
                return bytes.byteCount
            case .complete:
                hand()
                return offset
            }
        }
    }

    private func hand() {
        let head = parser.head
        let request = HTTPRequest(
            method: head.method, target: head.target, headers: head.headers, body: parser.body)
        forgetRequest()
        keepsOn = head.keepsConnection
        isOld = head.isOld
        isHead = head.method == "HEAD"
        stage = .handling
        deadline = nil
        // What it sends next waits, its end too: an answer is owed.
        pauseReading(.backpressure)
        owner.hand(request, of: self)
    }

    private func forgetRequest() {
        owner.bodyByteCount -= parser.body.count
        parser = RequestParser(owner.limits)
    }

    private func refuse(_ refusal: HTTPRefusal) {
        owner.counters.count(refusal)
        isHead = parser.head.method == "HEAD"
        isOld = false
        keepsOn = false
        forgetRequest()
        answer(.text(refusal.status, refusal.sentence(owner.limits)))
    }

    // MARK: Answers

    func answer(_ response: HTTPResponse) {
        guard isOpen else { return }
        owner.counters.countAnswer(status: response.status)
        if !isHead { owner.counters.responseBytes.add(response.body.count, ordering: .relaxed) }
        output.append(response.head(closes: !keepsOn, isOld: isOld, date: owner.date))
        if !isHead, !response.hasNoBody { output.append(response.body) }
        guard keepsOn else {
            stage = .closing
            deadline = nil  // the transport has one of its own for what is being closed
            return close(.requested, afterFlush: true)
        }
        stage = .sending
        deadline = loop.now.after(owner.limits.requestTimeout)
        owner.isSending(self)
    }

    /// The loop has written what it could. - Returns: false when the answer has left, or the connection has ended.
    func goesOnSending() -> Bool {
        guard isOpen, stage == .sending else { return false }
        guard output.isEmpty else { return true }
        stage = .idle
        deadline = loop.now.after(owner.limits.idleTimeout)
        resumeReading(.backpressure)
        return false
    }

    // MARK: Ends

    /// Cuts the connection when its time is over.
    func checkDeadline() {
        // What it sent may wait in the socket.
        guard isOverdue, readWaiting(), isOverdue else { return }
        switch stage {
        case .idle: close(.requested, afterFlush: false)
        case .arriving:
            owner.counters.timedOutConnections.add(1, ordering: .relaxed)
            refuse(.timeout)
        case .fresh, .handling, .sending, .closing:
            owner.counters.timedOutConnections.add(1, ordering: .relaxed)
            close(.sendTimeout, afterFlush: false)
        }
    }

    /// Time in which the loop did not look does not count: the process was stopped, or the machine slept.
    private var isOverdue: Bool {
        guard isOpen, let deadline, loop.now >= deadline else { return false }
        return loop.now >= deadline.adding(nanoseconds: loop.lapses.nanoseconds(since: waitsSince))
    }

    /// How well it can be spared when another connection wants its place, the best first; nil = not at all.
    var sparability: Int? {
        switch stage {
        case .closing: 0
        case .idle: 1
        case .fresh, .arriving: 2
        case .sending: 3
        case .handling: nil
        }
    }

    override func closed(_ cause: CloseCause) {
        forgetRequest()
        owner.closed(self)
    }
}

extension MonotonicTime {
    func after(_ duration: Duration) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return overflow ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }
}
