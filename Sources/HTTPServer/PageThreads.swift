import Primitives

/// The threads that make pages. Those for the health of the broker are made by a thread of their own: whoever watches
/// it must not wait behind slow or many scrapes.
final class PageThreads: Sendable {
    struct Job: Sendable {
        let connection: UInt64
        let request: HTTPRequest
    }

    private let routes: Routes
    private let jobs = BlockingQueue<Job>()
    private let urgentJobs = BlockingQueue<Job>()
    private let threads: [WorkerThread]

    /// - Parameters:
    ///   - count: threads beside that for urgent pages.
    ///   - answer: called on one of the threads with each job's response.
    init(
        _ routes: Routes, count: Int, failed: @escaping @Sendable (Routes.HandlerFailure) -> Void,
        answer: @escaping @Sendable (Job, HTTPResponse) -> Void
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
                            answer(job, response.compressed(for: job.request))
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

    func put(_ job: Job) {
        let queue = routes.isUrgent(job.request) ? urgentJobs : jobs
        queue.put(job)
    }

    /// Makes the pages that were asked for, takes no further jobs, and waits for the threads' ends. Call once.
    func stop() {
        jobs.close()
        urgentJobs.close()
        for thread in threads { thread.join() }
    }
}
