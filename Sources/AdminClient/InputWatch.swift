import Glibc

/// Tells when standard input ends: a trace ends with it, as in VerneMQ. What is typed is read and ignored.
///
/// Only an input that was open at the beginning counts: scripts run with `/dev/null`, or with nothing, and mean no end
/// by it.
final class InputWatch {
    /// To be waited for; nil = there is nothing to wait for (any more).
    private(set) var descriptor: Int32?

    init() {
        var status = stat()
        guard fstat(STDIN_FILENO, &status) == 0 else { return }
        switch status.st_mode & S_IFMT {
        case S_IFIFO, S_IFSOCK:
            var one = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            let isClosed = poll(&one, 1, 0) > 0 && Int32(one.revents) & POLLHUP != 0
            if !isClosed { descriptor = STDIN_FILENO }
        case S_IFCHR:
            guard isatty(STDIN_FILENO) == 1 else { return }
            // In the background a read must fail rather than stop the process.
            signal(SIGTTIN, SIG_IGN)
            descriptor = STDIN_FILENO
        default: break
        }
    }

    /// Reads what is there.
    ///
    /// - Returns: whether it has ended.
    func hasEnded() -> Bool {
        guard let descriptor else { return false }
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&one, 1, 0) > 0 else { return false }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &chunk, chunk.count)
        if count > 0 { return false }
        if count < 0, errno == EINTR || errno == EAGAIN { return false }
        self.descriptor = nil
        // A terminal that cannot be read is one on which somebody else works now.
        return count == 0
    }
}
