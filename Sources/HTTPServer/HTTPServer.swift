import CMicroHTTPD
import Glibc
package import Logging
import Primitives
import Synchronization

/// An HTTP/1.1 server, for TCP, TLS or a Unix socket, on libmicrohttpd, beside the path of messages: a scraper that is slow or stuck holds up no packet,
/// and no other scraper.
///
///     libmicrohttpd     one thread: sockets, requests from bytes, answers to bytes
///     RequestHandling   what it asks us: is this request fit (RequestHead), how large may it be
///     ConnectionTable   how many connections, and how long each may take; a thread looks at it now and then
///     PageThreads       a few threads make the pages; one of them those that tell whether the broker is well
///     HTTPStreamWorkers the answers that are sent while they are made, and the threads that make them
///
///     headers → RequestHead.read ─ refused → 4xx, 5xx, connection ends
///             → body (bounded) → suspended: PageThreads → resumed → answer
///             answer with a stream → suspended while there is nothing to send, resumed by who writes
package final class HTTPServer: Sendable {
    /// The port in use; the system's choice when 0 was asked for; 0 for a Unix socket.
    package let port: Int
    private let core: RequestHandling
    /// Guards the running library; nil once stopped.
    private let running: Mutex<Running?>

    /// `daemon` is only touched by `stop()`, which takes it out of the mutex first.
    private struct Running: @unchecked Sendable {
        let daemon: OpaquePointer
        let watch: WorkerThread
        let watchEnds: BlockingQueue<Never>
        let texts: TLSTexts?
        let local: LocalListeningSocket?
        /// The listening socket, once it listens no more.
        var quiesced: Int32?
    }

    /// Binds, listens and starts serving over TCP, and over TLS where there are files for it.
    ///
    /// - Parameters:
    ///   - address: an IPv4 or IPv6 address, or a name; `::` listens on both.
    ///   - port: 0 lets the system choose.
    ///   - tls: nil for HTTP.
    ///   - log: gets handlers' failures.
    package convenience init(
        address: String, port: Int, limits: HTTPLimits = HTTPLimits(), tls: HTTPTLSFiles? = nil,
        routes: [Route], log: Logger = Logger(label: "http")
    ) throws(HTTPServerError) {
        let text = ListeningSocket.text(address, port)
        var texts: TLSTexts?
        if let tls { texts = try TLSTexts(tls, address: text) }
        let socket = try ListeningSocket(host: address, port: port)
        let traits = ListenerTraits(isTLS: texts != nil, wantsCertificate: tls?.authority != nil)
        try self.init(
            socket.descriptor, address: text, port: socket.port, limits, traits, texts, routes: routes, log)
    }

    /// Binds, listens and starts serving on a Unix socket, root and the user that the broker runs as. A socket that nobody
    /// listens on any more is replaced; one that somebody listens on is left alone, and so is anything else there. The file is
    /// removed when the server stops, if it is still this server's.
    ///
    /// - Parameters:
    ///   - path: in a directory that exists and that not everybody may change.
    ///   - permissions: of the socket's file.
    ///   - log: gets handlers' failures.
    package convenience init(
        unixSocket path: String, permissions: UInt32 = 0o600, limits: HTTPLimits = HTTPLimits(),
        routes: [Route], log: Logger = Logger(label: "http")
    ) throws(HTTPServerError) {
        try self.init(
            unixSocket: path, permissions: permissions, limits: limits, routes: routes, log: log,
            traits: ListenerTraits(isLocal: true))
    }

    /// - Parameter traits: whom the socket serves, for tests.
    convenience init(
        unixSocket path: String, permissions: UInt32 = 0o600, limits: HTTPLimits = HTTPLimits(),
        routes: [Route], log: Logger = Logger(label: "http"), traits: ListenerTraits
    ) throws(HTTPServerError) {
        let socket = try LocalListeningSocket(path: path, permissions: permissions)
        do throws(HTTPServerError) {
            try self.init(
                socket.descriptor, address: path, port: 0, limits, traits, local: socket, routes: routes, log)
        } catch {
            socket.removeFile()
            throw error
        }
    }

    /// - Parameter socket: listens; closed when this fails.
    private init(
        _ socket: Int32, address: String, port: Int, _ limits: HTTPLimits, _ traits: ListenerTraits,
        _ texts: TLSTexts? = nil, local: LocalListeningSocket? = nil, routes: [Route], _ log: Logger
    ) throws(HTTPServerError) {
        func failure(_ number: Int32) -> HTTPServerError {
            HTTPServerError(problem: .threadsFailed, address: address, errorNumber: number)
        }
        let core: RequestHandling
        do {
            core = try RequestHandling(limits: limits, traits: traits, routes: Routes(routes), log: log)
        } catch {
            close(socket)
            throw failure(error.errorNumber)
        }
        guard let daemon = Self.start(core, on: socket, limits, texts) else {
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
            running = Mutex(
                Running(daemon: daemon, watch: watch, watchEnds: ends, texts: texts, local: local))
        } catch {
            core.streams.cancelAll()
            core.pages.stop()
            MHD_stop_daemon(daemon)
            core.streams.join()
            throw failure(error.errorNumber)
        }
        self.port = port
        self.core = core
    }

    deinit { stop() }

    /// What was counted so far.
    package var statistics: HTTPStatistics { core.counters.reading }

    /// What clients over TLS may speak (the library's priorities are in CMicroHTTPD).
    package static let tlsVersions = "tlsv1.2, tlsv1.3"

    /// The certificates that it proves itself with, then those of the authorities that it trusts; empty for HTTP, and once
    /// it is stopped.
    package var certificates: [HTTPCertificateFile] { running.withLock { $0?.texts?.certificates ?? [] } }

    /// Requests that are being held, for tests: 0 when nothing leaks.
    var pendingCount: Int { core.pendingCount.load(ordering: .relaxed) }

    /// Stops listening, ends all streams, waits for pages that are being made and for producers to return, closes every
    /// connection. A second call does nothing. Must not be called by a handler or a producer.
    package func stop() {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        stopped.watchEnds.close()
        stopped.watch.join()
        // Nobody finds a socket that will not answer.
        stopped.local?.removeFile()
        // The library must not end with a connection suspended: streams let go theirs, and every page that was asked for
        // resumes its own.
        core.streams.cancelAll()
        core.pages.stop()
        Self.end(stopped.daemon, stopped.quiesced, core)
        core.streams.join()
    }

    /// Stops listening; connections that there are go on until `stop()`. A second call does nothing. A handler may call it.
    package func suspend() {
        running.withLock { running in
            guard let found = running, found.quiesced == nil else { return }
            found.local?.removeFile()
            let socket = MHD_quiesce_daemon(found.daemon)
            guard socket >= 0 else { return }
            // Closed when the library's thread is surely done with it; until then nobody is let into its backlog.
            shutdown(socket, Int32(SHUT_RDWR))
            running?.quiesced = socket
        }
    }

    /// Lets the library close its connections before it is stopped: while it stops, it dereferences NULL when it refuses a
    /// request by itself, such as one with a line that is too long.
    private static func end(_ daemon: OpaquePointer, _ quiesced: Int32?, _ core: RequestHandling) {
        let listening = quiesced ?? MHD_quiesce_daemon(daemon)
        // Some may be on their way into the table.
        for _ in 0..<400 where cmicrohttpd_connections(daemon) > 0 {
            core.connections.endAll()
            poll(nil, 0, 5)
        }
        MHD_stop_daemon(daemon)
        if listening >= 0 { close(listening) }
    }

    private static func start(
        _ core: RequestHandling, on socket: Int32, _ limits: HTTPLimits, _ texts: TLSTexts?
    ) -> OpaquePointer? {
        // Room above our own limit: a newcomer is let in, and another connection gives way.
        let (room, overflow) = max(1, limits.connections).addingReportingOverflow(
            HTTPLimits.connectionsInPassing)
        return cmicrohttpd_start(
            socket, limits.memoryForEachConnection, UInt32(clamping: overflow ? .max : room),
            texts?.texts ?? CMicroHTTPDTLS(),
            CMicroHTTPDCallbacks(
                // Unretained: this server holds `core` longer than the daemon runs.
                context: Unmanaged.passUnretained(core).toOpaque(),
                progress: { requestProgressed($0, $1, $3, $4, $5, $6, $7) },
                target: { requestTargetArrived($0, $1, $2) },
                completed: { context, connection, pending, code in
                    requestCompleted(
                        context, connection, pending, isWhole: code == .REQUEST_TERMINATED_COMPLETED_OK)
                },
                connection: { context, connection, _, code in connectionChanged(context, connection, code) }))
    }
}
