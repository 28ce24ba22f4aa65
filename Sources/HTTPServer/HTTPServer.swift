import Glibc
package import Logging
import Primitives
import Synchronization
import Transport

/// An HTTP/1.1 server beside the path of messages, on a loop and on threads of its own: a scraper that is slow or stuck
/// holds up no packet, and no other scraper.
///
///     HTTPLoop      one thread: sockets, requests from bytes, limits in size, time and number
///     PageThreads   a few threads: make the pages; one of them those that tell whether the broker is well
package final class HTTPServer: Sendable {
    /// The port in use; the system's choice when 0 was asked for.
    package let port: Int
    private let counters = HTTPCounters()
    /// What runs; nil once stopped.
    private let running: Mutex<Running?>

    private struct Running {
        let handle: EventLoopHandle
        let thread: WorkerThread
        let pages: PageThreads
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
        let counters = counters
        do {
            let handle = try EventLoopHandle(index: 0)
            let mailbox = Mailbox<HTTPLoop.Answer> { handle.wake() }
            let pages = try PageThreads(
                Routes(routes), count: limits.threads,
                failed: { failure in
                    counters.handlerErrors.add(1, ordering: .relaxed)
                    log.error(
                        "http page failed",
                        metadata: ["path": "\(failure.path)", "error": "\(failure.error)"])
                },
                answer: { mailbox.post(HTTPLoop.Answer(connection: $0.connection, response: $1)) })
            do {
                let descriptor = socket.descriptor
                let thread = try WorkerThread(name: "http") {
                    let loop = EventLoop(handle: handle, settings: Self.settings(limits), logger: log)
                    loop.run(
                        HTTPLoop(
                            loop, socket: descriptor, limits: limits, counters: counters, pages: pages,
                            mailbox: mailbox, log: log))
                }
                running = Mutex(Running(handle: handle, thread: thread, pages: pages))
            } catch {
                pages.stop()
                throw error
            }
        } catch {
            close(socket.descriptor)
            let number = (error as? ThreadError)?.errorNumber ?? (error as? TransportError)?.errorNumber ?? 0
            throw HTTPServerError(problem: .threadsFailed, address: "\(address):\(port)", errorNumber: number)
        }
        self.port = socket.port
    }

    deinit { stop() }

    /// What was counted so far.
    package var statistics: HTTPStatistics { counters.reading }

    /// Stops listening, waits for pages that are being made, closes every connection. A second call does nothing. Must
    /// not be called by a handler.
    package func stop() {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        stopped.pages.stop()
        stopped.handle.stop()
        stopped.thread.join()
    }

    private static func settings(_ limits: HTTPLimits) -> LoopSettings {
        var settings = LoopSettings()
        settings.readBufferByteCount = 64 * 1024
        settings.readBudgetByteCount = 64 * 1024
        settings.sendTimeoutNanoseconds = limits.requestTimeout.wholeNanoseconds
        settings.deadlineCheckNanoseconds = min(
            500_000_000, max(5_000_000, limits.requestTimeout.wholeNanoseconds / 4))
        return settings
    }
}
