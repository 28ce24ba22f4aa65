import CMicroHTTPD
import Glibc
package import Logging
import Primitives
import Synchronization

/// An HTTP/1.1 server on libmicrohttpd, beside the path of messages: a scraper that is slow or stuck holds up no packet,
/// and no other scraper.
///
///     libmicrohttpd     one thread: sockets, requests from bytes, answers to bytes
///     RequestHandling   what it asks us: is this request fit (RequestHead), how large may it be
///     ConnectionTable   how many connections, and how long each may take; a thread looks at it now and then
///     PageThreads       a few threads make the pages; one of them those that tell whether the broker is well
///
///     headers → RequestHead.read ─ refused → 4xx, 5xx, connection ends
///             → body (bounded) → suspended: PageThreads → resumed → answer
package final class HTTPServer: Sendable {
    /// The port in use; the system's choice when 0 was asked for.
    package let port: Int
    private let core: RequestHandling
    /// Guards the running library; nil once stopped.
    private let running: Mutex<Running?>

    /// `daemon` is only touched by `stop()`, which takes it out of the mutex first.
    private struct Running: @unchecked Sendable {
        let daemon: OpaquePointer
        let watch: WorkerThread
        let watchEnds: BlockingQueue<Never>
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
        func failure(_ number: Int32) -> HTTPServerError {
            HTTPServerError(problem: .threadsFailed, address: "\(address):\(port)", errorNumber: number)
        }
        let core: RequestHandling
        do {
            core = try RequestHandling(limits: limits, routes: Routes(routes), log: log)
        } catch {
            close(socket.descriptor)
            throw failure(error.errorNumber)
        }
        guard let daemon = Self.start(core, on: socket.descriptor, limits) else {
            // The library has closed the socket.
            let number = errno
            core.pages.stop()
            throw failure(number)
        }
        let ends = BlockingQueue<Never>()
        do {
            let watch = try WorkerThread(name: "http-watch") {
                var nothing: ContiguousArray<Never> = []
                while ends.take(into: &nothing, milliseconds: Int(core.connections.interval)) { core.look() }
            }
            running = Mutex(Running(daemon: daemon, watch: watch, watchEnds: ends))
        } catch {
            core.pages.stop()
            MHD_stop_daemon(daemon)
            throw failure(error.errorNumber)
        }
        self.port = socket.port
        self.core = core
    }

    deinit { stop() }

    /// What was counted so far.
    package var statistics: HTTPStatistics { core.counters.reading }

    /// Requests that are being held, for tests: 0 when nothing leaks.
    var pendingCount: Int { core.pendingCount.load(ordering: .relaxed) }

    /// Stops listening, waits for pages that are being made, closes every connection. A second call does nothing. Must
    /// not be called by a handler.
    package func stop() {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        stopped.watchEnds.close()
        stopped.watch.join()
        // Every page that was asked for resumes its connection: the library must not end with one suspended.
        core.pages.stop()
        MHD_stop_daemon(stopped.daemon)
    }

    private static func start(_ core: RequestHandling, on socket: Int32, _ limits: HTTPLimits)
        -> OpaquePointer?
    {
        // Room above our own limit: a newcomer is let in, and another connection gives way.
        let (room, overflow) = max(1, limits.connections).addingReportingOverflow(
            HTTPLimits.connectionsInPassing)
        return cmicrohttpd_start(
            socket, limits.memoryForEachConnection, UInt32(clamping: overflow ? .max : room),
            CMicroHTTPDCallbacks(
                // Unretained: this server holds `core` longer than the daemon runs.
                context: Unmanaged.passUnretained(core).toOpaque(),
                progress: { requestProgressed($0, $1, $3, $4, $5, $6, $7) },
                target: { requestTargetArrived($0, $1, $2) },
                completed: { context, connection, pending, _ in requestCompleted(context, connection, pending)
                },
                connection: { context, connection, _, code in connectionChanged(context, connection, code) }))
    }
}
