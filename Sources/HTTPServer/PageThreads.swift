import Primitives

/// The threads that make pages: some for most of them, and one for each other lane, so that whoever watches the broker does not
/// wait behind slow or many pages.
///
///     request ─→ lane `pages`   ─→ http-page-1 … http-page-n
///             ─→ lane `metrics` ─→ http-metrics
///             ─→ lane `health`  ─→ http-health
///             ─→ lane `live`    ─→ http-live
final class PageThreads: Sendable {
    private struct Job: Sendable {
        let request: HTTPRequest
        let isWanted: @Sendable () -> Bool
        let done: @Sendable (HTTPResponse) -> Void
    }

    private let routes: Routes
    /// By `Route.Lane.rawValue`.
    private let lanes: [BlockingQueue<Job>]
    private let threads: [WorkerThread]

    /// - Parameters:
    ///   - count: threads of the lane `pages`.
    ///   - failed: called on one of the threads when a page's handler threw.
    init(
        _ routes: Routes, count: Int, failed: @escaping @Sendable (Routes.HandlerFailure) -> Void
    ) throws(ThreadError) {
        self.routes = routes
        lanes = Route.Lane.allCases.map { _ in BlockingQueue<Job>() }
        let packed = PackedBodies()
        let pages = (1...max(1, count)).map { (name: "http-page-\($0)", lane: Route.Lane.pages) }
        let others: [(name: String, lane: Route.Lane)] = [
            ("http-metrics", .metrics), ("http-health", .health), ("http-live", .live),
        ]
        var threads: [WorkerThread] = []
        do throws(ThreadError) {
            for (name, lane) in pages + others {
                let queue = lanes[lane.rawValue]
                threads.append(
                    try WorkerThread(name: name) { [routes] in
                        while let job = queue.takeOne() {
                            // Nobody is there any more; the answer goes nowhere and only ends the request.
                            guard job.isWanted() else {
                                job.done(HTTPResponse(status: 503))
                                continue
                            }
                            let response = routes.answer(job.request, failed: failed)
                            job.done(response.compressed(for: job.request, packed))
                        }
                    })
            }
        } catch {
            for lane in lanes { lane.close() }
            for thread in threads { thread.join() }
            throw error
        }
        self.threads = threads
    }

    /// - Parameters:
    ///   - isWanted: asked on a thread just before the page is made: whether somebody still waits for it.
    ///   - done: called once, on one of the threads, or at once when the server ends.
    func put(
        _ request: HTTPRequest, isWanted: @escaping @Sendable () -> Bool = { true },
        done: @escaping @Sendable (HTTPResponse) -> Void
    ) {
        let queue = lanes[routes.lane(of: request).rawValue]
        if !queue.put(Job(request: request, isWanted: isWanted, done: done)) {
            done(.text(503, "The broker is ending."))
        }
    }

    /// Makes the pages that were asked for, takes no further jobs, and waits for the threads' ends. Call once.
    func stop() {
        for lane in lanes { lane.close() }
        for thread in threads { thread.join() }
    }
}
