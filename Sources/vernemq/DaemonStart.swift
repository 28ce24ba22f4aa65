import ArgumentParser
import Glibc

/// `vernemq start --daemon`: starts this program once more, in a session of its own, and waits until that one is ready.
///
/// Standard input and output of the daemon are /dev/null. Its standard error is a pipe until it is ready, so that what
/// keeps it from starting can be shown here; then that is /dev/null too.
enum DaemonStart {
    /// Descriptor of the daemon to which it writes a byte when it is ready.
    static let readyDescriptor: Int32 = 3
    /// Bytes of the daemon's complaints that are shown.
    private static let complaintLimit = 64 << 10

    /// - Throws: when the daemon ended before it was ready; what it said has been written to standard error.
    static func run(_ source: ConfigSource) throws {
        let errors = try makePipe()
        let ready = try makePipe()
        let process = try spawn(arguments(source), errors: errors.write, ready: ready.write)
        close(errors.write)
        close(ready.write)
        var complaint: [UInt8] = []
        if wait(errors.read, ready.read, &complaint) { return }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        var text = String(decoding: complaint, as: UTF8.self)
        if text.isEmpty {
            text =
                status & 0x7F == 0
                ? "vernemq: the broker ended with status \(status >> 8 & 0xFF) before it was ready"
                : "vernemq: the broker was ended by signal \(status & 0x7F) before it was ready"
        }
        Console.error(text)
        throw ExitCode(1)
    }

    static func arguments(_ source: ConfigSource) -> [String] {
        [CommandLine.arguments.first ?? "vernemq", "start", "--ready-descriptor", "\(readyDescriptor)"]
            + ["--config=\(source.config)"] + source.set.map { "--set=\($0)" }
    }

    /// - Returns: whether the daemon got ready. What it complains of is kept in `complaint`.
    private static func wait(_ errors: Int32, _ ready: Int32, _ complaint: inout [UInt8]) -> Bool {
        var isReady = false
        var open = [
            pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ready, events: Int16(POLLIN), revents: 0),
        ]
        // A negative descriptor is one that poll leaves out.
        while !isReady, open.contains(where: { $0.fd >= 0 }) {
            guard unsafe poll(&open, UInt(open.count), -1) > 0 else { continue }
            for index in open.indices where open[index].fd >= 0 && open[index].revents != 0 {
                var chunk = [UInt8](repeating: 0, count: 4096)
                let count = unsafe read(open[index].fd, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    open[index].fd = -1
                } else if open[index].fd == ready {
                    isReady = true
                } else {
                    complaint += chunk[..<min(count, complaintLimit - complaint.count)]
                }
            }
        }
        return isReady
    }

    private static func spawn(_ arguments: [String], errors: Int32, ready: Int32) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, ready, readyDescriptor)
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var process = pid_t()
        // The program that runs, even where its file has been replaced.
        let code = unsafe posix_spawn(&process, "/proc/self/exe", &actions, nil, &words, environ)
        guard code == 0 else { throw failed("start the broker in the background", code) }
        return process
    }

    /// Both ends stay out of other programs, and above the descriptors that the daemon gets.
    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw failed("make a pipe", errno) }
        let raised = ends.map { fcntl($0, F_DUPFD_CLOEXEC, readyDescriptor + 1) }
        ends.forEach { close($0) }
        guard raised.allSatisfy({ $0 >= 0 }) else { throw failed("make a pipe", errno) }
        return (raised[0], raised[1])
    }

    private static func failed(_ operation: String, _ code: Int32) -> ExitCode {
        Console.error("vernemq: cannot \(operation): \(unsafe String(cString: strerror(code)))")
        return ExitCode(1)
    }
}
