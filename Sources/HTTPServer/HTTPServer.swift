import CMicroHTTPD
import Glibc
package import Logging
import Synchronization

/// An HTTP/1.1 server on libmicrohttpd's own threads, beside the path of messages: a scraper that is slow or
/// stuck holds up other scrapers at most, and no packet.
///
///     accept → [too many? refused]
///       request line and headers → body (bounded) → Routes.answer → response
///       └ each step within its time: ConnectionDeadlines
package final class HTTPServer: Sendable {
    /// The port in use; the system's choice when 0 was asked for.
    package let port: Int
    private let core: RequestHandling
    /// Guards the running library; nil once stopped.
    private let running: Mutex<Running?>

    /// `daemon` is only touched by `stop()`, which takes it out of the mutex first.
    private struct Running: @unchecked Sendable {
        let daemon: OpaquePointer
        let watch: Watch
    }

    /// Binds, listens and starts serving.
    ///
    /// - Parameters:
    ///   - address: an IPv4 or IPv6 address, or a name; `::` listens on both.
    ///   - port: 0 lets the system choose.
    ///   - log: gets handlers' failures.
    package init(
        address: String, port: Int, limits: HTTPLimits = HTTPLimits(), routes: [Route],
        log: Logger = Logger(label: "http")
    ) throws(HTTPServerError) {
        let socket = try ListeningSocket(host: address, port: port)
        let core = RequestHandling(limits: limits, routes: Routes(routes), log: log)
        guard let daemon = Self.start(core, on: socket.descriptor, limits) else {
            // The library has closed the socket.
            let number = errno
            throw HTTPServerError(problem: .daemonFailed, address: "\(address):\(port)", errorNumber: number)
        }
        guard let watch = Watch(core.deadlines) else {
            let number = errno
            MHD_stop_daemon(daemon)
            throw HTTPServerError(problem: .daemonFailed, address: "\(address):\(port)", errorNumber: number)
        }
        self.port = socket.port
        self.core = core
        running = Mutex(Running(daemon: daemon, watch: watch))
    }

    deinit { stop() }

    /// What was counted so far.
    package var statistics: HTTPStatistics { core.counters.reading }

    /// Requests that are being held, for tests: 0 when nothing leaks.
    var pendingCount: Int { core.pendingCount.load(ordering: .relaxed) }

    /// Stops listening, waits for handlers that run, closes every connection. A second call does nothing.
    /// Must not be called by a handler.
    package func stop() {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        // The watch first: it must not look at connections that are being closed.
        stopped.watch.stop()
        MHD_stop_daemon(stopped.daemon)
    }

    private static func start(_ core: RequestHandling, on socket: Int32, _ limits: HTTPLimits)
        -> OpaquePointer?
    {
        let threads = max(1, limits.threads)
        // Room above our own limit in each thread, so that the accept callback sees and counts who is
        // refused.
        let room = (max(1, limits.connections) + 64).multipliedReportingOverflow(by: threads).partialValue
        return cmicrohttpd_start(
            socket,
            CMicroHTTPDLimits(
                connectionMemory: limits.memoryForEachConnection, connections: UInt32(clamping: room),
                idleSeconds: UInt32(clamping: limits.idleTimeout.wholeSeconds),
                threads: UInt32(clamping: threads)),
            CMicroHTTPDCallbacks(
                // Unretained: this server holds `core` longer than the daemon runs.
                context: Unmanaged.passUnretained(core).toOpaque(),
                accept: { context, _, _ in connectionMayEnter(context) },
                progress: { requestProgressed($0, $1, $3, $4, $5, $6, $7) },
                target: { context, target, _ in requestTargetArrived(context, target) },
                completed: { context, connection, pending, _ in requestCompleted(context, connection, pending)
                },
                connection: { context, connection, _, code in connectionChanged(context, connection, code) }))
    }
}
