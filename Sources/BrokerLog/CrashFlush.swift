import Glibc

/// Gives the writer a moment for the lines that wait when the process dies of a trap, an abort or a bad address: the last
/// ones say most about the reason. Then the signal does what it would have done.
///
/// The handler reads two atomic numbers and sleeps, which a signal handler may do. A writer that cannot go on, because it is
/// the thread that died or because that thread held a lock, costs `patience` and no more.
enum CrashFlush {
    private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV, SIGFPE]

    /// Milliseconds.
    private static let patience = 200

    /// Set once, before the handlers are installed, and never released.
    nonisolated(unsafe) private static var queue: Unmanaged<LogQueue>?

    static func install(_ waiting: LogQueue) {
        unsafe queue = Unmanaged.passRetained(waiting)
        for number in signals {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = { number in CrashFlush.handle(number) }
            // Once: the second time it is what the signal does without a handler.
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            var old = sigaction()
            unsafe sigaction(number, nil, &old)
            // Somebody else, such as Swift's own backtraces, has a use for it.
            guard unsafe old.__sigaction_handler.sa_handler == nil else { continue }
            unsafe sigaction(number, &action, nil)
        }
    }

    private static func handle(_ number: Int32) {
        if let queue = unsafe queue {
            _ = unsafe queue._withUnsafeGuaranteedRef { $0.waitUntilWritten(milliseconds: patience) }
        }
        raise(number)
    }
}
