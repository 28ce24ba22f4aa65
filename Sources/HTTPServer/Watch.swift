import Glibc

/// The thread that looks at `ConnectionDeadlines`. Ends when its pipe is closed.
final class Watch: Sendable {
    private let thread: pthread_t
    private let writeEnd: Int32

    /// What the thread owns.
    private final class Job: Sendable {
        let deadlines: ConnectionDeadlines
        let readEnd: Int32

        init(_ deadlines: ConnectionDeadlines, readEnd: Int32) {
            self.deadlines = deadlines
            self.readEnd = readEnd
        }

        func run() {
            var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
            while true {
                let ready = poll(&waiting, 1, deadlines.interval)
                if ready > 0 || (ready < 0 && errno != EINTR) { break }
                deadlines.cutOverdue()
            }
            close(readEnd)
        }
    }

    /// nil when the system gives no descriptor or thread; `errno` says why.
    init?(_ deadlines: ConnectionDeadlines) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let job = Unmanaged.passRetained(Job(deadlines, readEnd: ends[0]))
        var thread = pthread_t()
        let problem = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Job>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, job.toOpaque())
        guard problem == 0 else {
            job.release()
            close(ends[0])
            close(ends[1])
            errno = problem
            return nil
        }
        self.thread = thread
        writeEnd = ends[1]
    }

    /// Ends the thread and waits for it. Call once.
    func stop() {
        close(writeEnd)
        pthread_join(thread, nil)
    }
}
