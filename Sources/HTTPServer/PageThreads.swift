import Primitives

/// The threads that make pages. Those for the health of the broker are made by a thread of their own: whoever watches
/// it must not wait behind slow or many scrapes.
final class PageThreads: Sendable {
    private struct Job: Sendable {
        let request: HTTPRequest
        let done: @Sendable (HTTPResponse) -> Void
    }

    private let routes: Routes
    private let jobs = BlockingQueue<Job>()
    private let urgentJobs = BlockingQueue<Job>()
    private let threads: [WorkerThread]

    /// - Parameters:
    ///   - count: threads beside that for urgent pages.
    ///   - failed: called on one of the threads when a page's handler threw.
    init(
        _ routes: Routes, count: Int, failed: @escaping @Sendable (Routes.HandlerFailure) -> Void
    ) throws(ThreadError) {
        self.routes = routes
        var threads: [WorkerThread] = []
        do throws(ThreadError) {
            for number in 0...max(1, count) {
                let queue = number == 0 ? urgentJobs : jobs
                threads.append(
                    try WorkerThread(name: number == 0 ? "http-health" : "http-page-\(number)") { [routes] in
                        while let job = queue.takeOne() {
                            let response = routes.answer(job.request, failed: failed)
                            job.done(response.compressed(for: job.request))
                        }
                    })
            }
        } catch {
            jobs.close()
            urgentJobs.close()
            for thread in threads { thread.join() }
            throw error
        }
        self.threads = threads
    }

    /// - Parameter done: called once, on one of the threads, or at once when the server ends.
    func put(_ request: HTTPRequest, done: @escaping @Sendable (HTTPResponse) -> Void) {
        let queue = routes.isUrgent(request) ? urgentJobs : jobs
        if !queue.put(Job(request: request, done: done)) { done(.text(503, "The broker is ending.")) }
    }

    /// Makes the pages that were asked for, takes no further jobs, and waits for the threads' ends. Call once.
    func stop() {
        jobs.close()
        urgentJobs.close()
        for thread in threads { thread.join() }
    }
}
