import Glibc
import Synchronization

/// Ctrl-C as something that can be waited for: SIGINT writes into a pipe. Who wraps a program, as timeout does, may send
/// two at once; one that comes over a second after the first ends the process, whatever it is at.
struct Interrupts {
    /// Readable once Ctrl-C was pressed.
    let descriptor: Int32

    /// Takes SIGINT from now on. nil = the system has no pipe left: Ctrl-C ends the process then.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        descriptor = ends[0]
        writingEnd.store(ends[1], ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            let before = errno
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let milliseconds = now.tv_sec * 1000 + now.tv_nsec / 1_000_000
            let first = firstInterrupt.load(ordering: .relaxed)
            if first == 0 {
                firstInterrupt.store(milliseconds, ordering: .relaxed)
            } else if milliseconds - first > 1000 {
                signal(SIGINT, SIG_DFL)
                raise(SIGINT)
            }
            var byte: UInt8 = 1
            _ = write(writingEnd.load(ordering: .relaxed), &byte, 1)
            errno = before
        }
        // Without SA_RESTART: what waits is interrupted.
        action.sa_flags = 0
        sigaction(SIGINT, &action, nil)
    }

    /// Whether Ctrl-C was pressed.
    var isRaised: Bool {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&one, 1, 0) > 0
    }
}

/// Where the handler of SIGINT writes to.
private let writingEnd = Atomic<Int32>(-1)
/// When the first one came, in milliseconds of the monotonic clock; 0 = none has.
private let firstInterrupt = Atomic<Int>(0)
