import Synchronization

/// What the server counts of itself; read for `/metrics`.
package struct HTTPStatistics: Hashable, Sendable {
    /// Requests answered, by class of the status code: `1xx` … `5xx`.
    package var requests: [Int] = [0, 0, 0, 0, 0]
    /// Requests refused before a page saw them, in the order of `HTTPRefusal.allCases`.
    package var refusals = [Int](repeating: 0, count: HTTPRefusal.allCases.count)
    /// Bytes of the bodies sent; of HEAD none.
    package var responseBytes = 0
    /// Connections that are open now.
    package var openConnections = 0
    /// Connections opened since the start, those included that were turned away at once.
    package var acceptedConnections = 0
    /// Turned away because too many were open, and all of them were waiting for a page.
    package var refusedConnections = 0
    /// Closed so that a new connection had a place, or because answers for slow readers held too much memory.
    package var sparedConnections = 0
    /// Cut because a request or its answer took too long.
    package var timedOutConnections = 0
    /// Answered with 500 because their handler threw.
    package var handlerErrors = 0
    /// Streams begun since the start.
    package var begunStreams = 0
    /// Streams that have ended, in the order of `HTTPStream.End.allCases`.
    package var endedStreams = [Int](repeating: 0, count: HTTPStream.End.allCases.count)
    /// Answers of 503 because too many streams were open.
    package var refusedStreams = 0
    /// HTTPS connections that sent something and ended before their first request: most often a handshake that failed.
    package var failedHandshakes = 0

    /// Streams that are open now.
    package var openStreams: Int { begunStreams - endedStreams.reduce(0, +) }

    /// Requests refused because of the user at the other end of a Unix socket.
    package var refusedPeers: Int { refusals[HTTPRefusal.peer.index] }

    /// How many streams have ended in this way.
    package func streams(endedBy end: HTTPStream.End) -> Int { endedStreams[end.index] }

    /// A server that has done nothing.
    package init() {}

    /// `requests` with the label of each class.
    package var requestsByCode: [(code: String, count: Int)] {
        requests.enumerated().map { ("\($0.offset + 1)xx", $0.element) }
    }

    /// `refusals` with the label of each reason.
    package var refusalsByReason: [(reason: String, count: Int)] {
        zip(HTTPRefusal.allCases, refusals).map { ($0.rawValue, $1) }
    }

    /// `endedStreams` with the label of each reason.
    package var endedStreamsByReason: [(reason: String, count: Int)] {
        zip(HTTPStream.End.allCases, endedStreams).map { ($0.rawValue, $1) }
    }

    /// Adds another server's numbers.
    package static func += (sum: inout HTTPStatistics, one: HTTPStatistics) {
        for index in sum.requests.indices { sum.requests[index] += one.requests[index] }
        for index in sum.refusals.indices { sum.refusals[index] += one.refusals[index] }
        sum.responseBytes += one.responseBytes
        sum.openConnections += one.openConnections
        sum.acceptedConnections += one.acceptedConnections
        sum.refusedConnections += one.refusedConnections
        sum.sparedConnections += one.sparedConnections
        sum.timedOutConnections += one.timedOutConnections
        sum.handlerErrors += one.handlerErrors
        sum.begunStreams += one.begunStreams
        for index in sum.endedStreams.indices { sum.endedStreams[index] += one.endedStreams[index] }
        sum.refusedStreams += one.refusedStreams
        sum.failedHandshakes += one.failedHandshakes
    }
}

/// The counters behind `HTTPStatistics`: a few threads, a few hundred requests a second, so plain atomics.
final class HTTPCounters: Sendable {
    private let classes = Mutex<[Int]>([0, 0, 0, 0, 0])
    private let refusals = Mutex([Int](repeating: 0, count: HTTPRefusal.allCases.count))
    let responseBytes = Atomic<Int>(0)
    let openConnections = Atomic<Int>(0)
    let acceptedConnections = Atomic<Int>(0)
    let refusedConnections = Atomic<Int>(0)
    let sparedConnections = Atomic<Int>(0)
    let timedOutConnections = Atomic<Int>(0)
    let handlerErrors = Atomic<Int>(0)
    let begunStreams = Atomic<Int>(0)
    let refusedStreams = Atomic<Int>(0)
    let failedHandshakes = Atomic<Int>(0)
    private let endedStreams = Mutex([Int](repeating: 0, count: HTTPStream.End.allCases.count))

    func countAnswer(status: Int) {
        let index = status / 100 - 1
        classes.withLock { if $0.indices.contains(index) { $0[index] += 1 } }
    }

    func count(_ refusal: HTTPRefusal) { refusals.withLock { $0[refusal.index] += 1 } }

    func count(_ end: HTTPStream.End) { endedStreams.withLock { $0[end.index] += 1 } }

    var reading: HTTPStatistics {
        var statistics = HTTPStatistics()
        statistics.requests = classes.withLock { $0 }
        statistics.refusals = refusals.withLock { $0 }
        statistics.responseBytes = responseBytes.load(ordering: .relaxed)
        statistics.openConnections = openConnections.load(ordering: .relaxed)
        statistics.acceptedConnections = acceptedConnections.load(ordering: .relaxed)
        statistics.refusedConnections = refusedConnections.load(ordering: .relaxed)
        statistics.sparedConnections = sparedConnections.load(ordering: .relaxed)
        statistics.timedOutConnections = timedOutConnections.load(ordering: .relaxed)
        statistics.handlerErrors = handlerErrors.load(ordering: .relaxed)
        // Ends before beginnings, so that none ends that has not begun.
        statistics.endedStreams = endedStreams.withLock { $0 }
        statistics.begunStreams = begunStreams.load(ordering: .relaxed)
        statistics.refusedStreams = refusedStreams.load(ordering: .relaxed)
        statistics.failedHandshakes = failedHandshakes.load(ordering: .relaxed)
        return statistics
    }
}
