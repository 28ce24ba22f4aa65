import Glibc

/// The signals that steer the broker, taken by the main thread; every thread started later has them blocked.
struct Signals {
    private var set = sigset_t()

    /// Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts.
    init() {
        unsafe sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the next of them.
    mutating func next() -> Int32 {
        var signal: Int32 = 0
        while unsafe sigwait(&set, &signal) != 0 {}
        return signal
    }

    /// Whether another signal to stop has come meanwhile.
    mutating func isStopPending() -> Bool {
        var stop = sigset_t()
        unsafe sigemptyset(&stop)
        unsafe sigaddset(&stop, SIGTERM)
        unsafe sigaddset(&stop, SIGINT)
        var wait = timespec()
        return unsafe sigtimedwait(&stop, nil, &wait) > 0
    }
}
