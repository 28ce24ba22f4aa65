import BrokerLog
import Glibc

/// How a broker runs: who starts it and where its log goes.
enum RunMode {
    /// `vernemq start`: the log goes where the configuration says.
    case foreground
    /// `vernemq console`: the log goes to the terminal in any case.
    case console
    /// `vernemq start --daemon` in the process that stays: it has no terminal, and tells who started it when it is ready.
    case daemon(ReadySignal)

    /// Where the log goes when the configuration says `destination`.
    func destination(_ destination: LogSettings.Destination) -> LogSettings.Destination {
        switch (self, destination) {
        case (.console, .file): .both
        case (.console, .off): .console
        // Lines to a terminal that is not there would be lost.
        case (.daemon, .console), (.daemon, .both): .file
        default: destination
        }
    }

    var isDaemon: Bool {
        if case .daemon = self { true } else { false }
    }
}

/// How a daemon tells the process that started it that it is ready: by a byte into a pipe.
struct ReadySignal {
    private let descriptor: Int32

    /// - Returns: `nil` when `descriptor` is not open.
    init?(_ descriptor: Int32) {
        guard descriptor > STDERR_FILENO, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { return nil }
        self.descriptor = descriptor
    }

    /// Lets go of standard output and error, which nobody reads any more, and says it.
    func send() {
        let nowhere = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        if nowhere >= 0 {
            dup2(nowhere, STDOUT_FILENO)
            dup2(nowhere, STDERR_FILENO)
            close(nowhere)
        }
        _ = unsafe write(descriptor, "r", 1)
        close(descriptor)
    }
}
