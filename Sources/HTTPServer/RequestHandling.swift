import Logging
import Synchronization

/// A request while it arrives. Made when its request line is there, let go when it is answered or given up;
/// the library calls for one request from one thread only.
final class PendingRequest {
    let target: [UInt8]
    var method = ""
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var bodyByteCount = 0
    var isBegun = false
    var status = 0

    init(target: [UInt8]) {
        self.target = target
    }
}

/// What the library's callbacks do, without their pointers.
final class RequestHandling: Sendable {
    let counters = HTTPCounters()
    let deadlines: ConnectionDeadlines
    private let limits: HTTPLimits
    private let routes: Routes
    private let log: Logger

    /// Requests being held.
    let pendingCount = Atomic<Int>(0)

    init(limits: HTTPLimits, routes: Routes, log: Logger) {
        self.limits = limits
        self.routes = routes
        self.log = log
        let counters = counters
        deadlines = ConnectionDeadlines(limits) { counters.timedOutConnections.add(1, ordering: .relaxed) }
    }

    /// Whether one more connection may be opened.
    func mayEnter() -> Bool {
        if counters.openConnections.load(ordering: .relaxed) < limits.connections { return true }
        let refused = counters.refusedConnections.add(1, ordering: .relaxed).newValue
        // The condition repeats: once in the log, always in the counter.
        if refused == 1 {
            log.warning(
                "http listener refuses connections", metadata: ["max_connections": "\(limits.connections)"])
        }
        return false
    }

    /// The headers are there. - Returns: a refusal, which ends the request before its body is read.
    func begin(_ request: PendingRequest, version: Int) -> HTTPResponse? {
        // "GET " target " HTTP/1.1"
        if request.method.utf8.count + request.target.count + version + 2 > limits.requestLineLength {
            return .text(414, "The request line is longer than \(limits.requestLineLength) bytes.")
        }
        if let long = request.headers.first(where: { $0.value.utf8.count > limits.headerValueLength }) {
            return .text(431, "The header \(long.name) is longer than \(limits.headerValueLength) bytes.")
        }
        let length = request.headers.first { $0.name.lowercased() == "content-length" }
        if let length, let count = Int(length.value), count > limits.bodySize { return bodyTooLarge }
        return nil
    }

    /// Takes a piece of the body. What is over the limit is counted and thrown away, so that the client still
    /// gets its answer. - Returns: false when the client sends so much that the connection is to be cut.
    func take(_ piece: UnsafeRawBufferPointer, _ request: PendingRequest) -> Bool {
        request.bodyByteCount += piece.count
        if request.bodyByteCount <= limits.bodySize {
            request.body.append(contentsOf: piece)
            return true
        }
        request.body = []
        return request.bodyByteCount <= limits.bodySize + 4 * (1 << 20)
    }

    /// The request is complete.
    func answer(_ request: PendingRequest) -> HTTPResponse {
        if request.bodyByteCount > limits.bodySize { return bodyTooLarge }
        let complete = HTTPRequest(
            method: request.method, target: request.target, headers: request.headers, body: request.body)
        return routes.answer(complete) { failure in
            counters.handlerErrors.add(1, ordering: .relaxed)
            log.error(
                "http page failed", metadata: ["path": "\(failure.path)", "error": "\(failure.error)"])
        }
    }

    private var bodyTooLarge: HTTPResponse { .text(413, "The body is longer than \(limits.bodySize) bytes.") }
}
