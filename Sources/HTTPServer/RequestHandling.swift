import BrokerLog
import Glibc
import Logging
import Primitives
import Synchronization

/// A request while it arrives and is answered. Made when its request line is there, let go when it is answered or given
/// up; the library calls for one request from one thread only, and one page thread sets the answer.
final class PendingRequest: Sendable {
    /// What the library's thread alone touches.
    struct Parts {
        var head = RequestHead()
        var body: [UInt8] = []
        /// Nobody wants the body: it is counted and forgotten.
        var dropsBody = false
        var droppedByteCount = 0
        /// The page's check was made before the body came.
        var isAdmitted = false
        var isBegun = false
        /// The connection ends with the answer: where the next request would begin is not certain.
        var endsConnection = false
        /// 0 = not answered by us.
        var status = 0
        /// Given up while the body was still coming, to be told at its end.
        var refusal: HTTPRefusal?
        /// What is being sent, where it is a stream.
        var stream: HTTPStream?
    }

    /// Path and query as sent.
    let target: [UInt8]
    let parts = Mutex(Parts())
    /// What a page thread has made.
    let answer = Mutex<HTTPResponse?>(nil)

    init(target: [UInt8]) { self.target = target }
}

/// What the requests of a listener have in common.
struct ListenerTraits: Sendable {
    /// A Unix socket.
    var isLocal = false
    var isTLS = false
    /// Only clients with a certificate that the listener's authority has signed are served.
    var wantsCertificate = false
    /// Whether the requests of a peer are served.
    var admits: @Sendable (HTTPPeer) -> Bool = { $0.isAdmitted(owner: geteuid()) }
}

/// What the library's callbacks do, without their pointers.
final class RequestHandling: Sendable {
    let counters: HTTPCounters
    let connections: ConnectionTable
    let pages: PageThreads
    private let routes: Routes
    let streams: HTTPStreamWorkers
    let limits: HTTPLimits
    let traits: ListenerTraits
    private let fullness: Episode
    /// Bytes of body that incomplete requests hold.
    private let bodyByteCount = Atomic<Int>(0)
    /// Requests being held.
    let pendingCount = Atomic<Int>(0)

    init(
        limits: HTTPLimits, traits: ListenerTraits = ListenerTraits(), routes: Routes, log: Logger
    ) throws(ThreadError) {
        let counters = HTTPCounters()
        let fullness = Episode(
            log, began: "http listener is full: connections that can be spared are closed for new ones",
            ended: "http listener has room again", limit: "http_connections")
        self.limits = limits
        self.traits = traits
        self.counters = counters
        self.fullness = fullness
        self.routes = routes
        connections = ConnectionTable(limits, counters, isTLS: traits.isTLS) {
            fullness.occurred(["max_connections": "\(limits.connections)"])
        }
        streams = HTTPStreamWorkers(
            limit: limits.streams, lastingLimit: limits.lastingStreams, counters
        ) { error in
            counters.handlerErrors.add(1, ordering: .relaxed)
            log.error("http stream failed", metadata: ["error": "\(error)"])
        }
        pages = try PageThreads(routes, count: limits.threads) { failure in
            counters.handlerErrors.add(1, ordering: .relaxed)
            log.error("http page failed", metadata: ["path": "\(failure.path)", "error": "\(failure.error)"])
        }
    }

    /// Now and then, on the watch's thread.
    func look() {
        connections.checkDeadlines()
        if !connections.isFull { fullness.endIfQuiet(for: .seconds(10)) }
    }

    // MARK: A request's course

    /// The headers are there.
    ///
    /// - Returns: a refusal, which ends the request before its body is read.
    func begin(
        _ request: PendingRequest, method: [UInt8], version: [UInt8],
        fields: [(name: [UInt8], value: [UInt8])]
    ) -> HTTPRefusal? {
        let result = RequestHead.read(
            method: method, target: request.target, version: version, fields: fields, limits)
        switch result {
        case .failure(let thrown): return thrown.refusal
        case .success(let head):
            request.parts.withLock { $0.head = head }
            return nil
        }
    }

    /// Of a request that announces a body, asks its page before the body comes: who may not use the page holds no memory
    /// that others need. Without a body the page's thread asks.
    ///
    /// - Returns: the answer, where the page refuses the request.
    func answerBeforeBody(_ request: PendingRequest, peer: HTTPPeer) -> HTTPResponse? {
        let head = request.parts.withLock { $0.head }
        guard case .success(let framing) = head.framing(limits), framing != .none else { return nil }
        let reception = routes.reception(
            of: HTTPRequest(method: head.method, target: head.target, headers: head.headers, peer: peer))
        request.parts.withLock { parts in
            parts.dropsBody = !reception.wantsBody
            parts.isAdmitted = reception.refusal == nil
        }
        return reception.refusal
    }

    /// Takes a piece of the body.
    func take(_ piece: UnsafeRawBufferPointer, _ request: PendingRequest) -> HTTPRefusal? {
        request.parts.withLock { parts in
            guard piece.count <= limits.bodySize - parts.body.count - parts.droppedByteCount else {
                return .bodyTooLarge
            }
            guard !parts.dropsBody else {
                parts.droppedByteCount += piece.count
                return nil
            }
            parts.body.append(contentsOf: piece)
            let held = bodyByteCount.add(piece.count, ordering: .relaxed).newValue
            return held > limits.bodyBudget ? .busy : nil
        }
    }

    /// The body goes with its request: to a page, or nowhere.
    func takeBody(_ request: PendingRequest) -> [UInt8] {
        request.parts.withLock { parts in
            bodyByteCount.subtract(parts.body.count, ordering: .relaxed)
            defer { parts.body = [] }
            return parts.body
        }
    }

    /// The request is complete: a thread makes the page and calls `done`.
    func makePage(
        _ request: PendingRequest, peer: HTTPPeer, isWanted: @escaping @Sendable () -> Bool,
        done: @escaping @Sendable () -> Void
    ) {
        let body = takeBody(request)
        let (head, isAdmitted) = request.parts.withLock { ($0.head, $0.isAdmitted) }
        var complete = HTTPRequest(
            method: head.method, target: head.target, headers: head.headers, body: body, peer: peer,
            arrivedAt: SystemClock().now)
        complete.isAdmitted = isAdmitted
        pages.put(complete, isWanted: isWanted) { response in
            request.answer.withLock { $0 = response }
            done()
        }
    }

    /// Begins the stream of an answer, where it has one and the request is not HEAD.
    ///
    /// - Returns: the answer to send: another one when too many streams are open.
    func beginStream(of answer: HTTPResponse, isHead: Bool) -> HTTPResponse {
        guard let stream = answer.stream else { return answer }
        if isHead {
            stream.cancel(.failed)
            return answer
        }
        guard !streams.begin(stream) else { return answer }
        return .text(
            503,
            "\(streams.limit(for: stream)) answers of this kind are being sent, and no more are made at the same time."
                + (stream.isLasting ? " They go on until their readers end them." : " Ask again."))
    }

    /// The library is done with a request.
    ///
    /// - Parameter isWhole: all of its answer has left.
    func complete(_ request: PendingRequest, isWhole: Bool) {
        pendingCount.subtract(1, ordering: .relaxed)
        _ = takeBody(request)
        // An answer that nobody took any more.
        request.answer.withLock { $0.take() }?.stream?.cancel(.reader)
        guard let stream = request.parts.withLock({ $0.stream.take() }) else { return }
        stream.complete(isWhole: isWhole)
        streams.readerEnded(stream)
    }
}
