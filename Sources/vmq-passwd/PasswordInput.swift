import Glibc

/// Asks for a password: at the terminal without an echo, otherwise from the lines of standard input.
enum PasswordInput {
    /// Why there is no password.
    enum Failure: Error {
        case empty
        case mismatch
        case ended
        case tooLong
        case system(String)

        var text: String {
            switch self {
            case .empty: "Empty password."
            case .mismatch: "Passwords do not match."
            case .ended: "No password: standard input has ended."
            case .tooLong:
                "The password is longer than \(byteLimit) bytes, which is the most a client can send."
            case .system(let text): text
            }
        }
    }

    /// The longest password that MQTT can carry.
    static let byteLimit = 65535

    /// - Throws: what the person is told.
    static func ask() throws(Failure) -> [UInt8] {
        let isTerminal = isatty(STDIN_FILENO) == 1
        var lines = InputLines()
        let first = isTerminal ? try HiddenLine.read("Password: ", &lines) : try lines.next()
        guard let first else { throw .ended }
        guard !first.isEmpty else { throw .empty }
        let second = isTerminal ? try HiddenLine.read("Reenter password: ", &lines) : try lines.next()
        // A script may give it once.
        guard second == first || second == nil && !isTerminal else { throw .mismatch }
        return first
    }
}

/// Lines of standard input as bytes.
struct InputLines {
    private var buffer: [UInt8] = []
    private var hasEnded = false

    /// - Parameter wait: is called before each read; returns when there is something to read.
    /// - Returns: without its end; `nil` when there is no more.
    mutating func next(_ wait: () -> Void = {}) throws(PasswordInput.Failure) -> [UInt8]? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                var line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                guard line.count <= PasswordInput.byteLimit else { throw .tooLong }
                return line
            }
            guard buffer.count <= PasswordInput.byteLimit else { throw .tooLong }
            if hasEnded {
                defer { buffer = [] }
                return buffer.isEmpty ? nil : buffer
            }
            wait()
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = unsafe read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else {
                throw .system("cannot read standard input: \(unsafe String(cString: strerror(errno)))")
            }
            hasEnded = count == 0
            buffer += chunk[..<count]
        }
    }
}

/// A line typed at the terminal and not shown there.
///
/// Signals that end or stop the process are blocked meanwhile and looked for between reads: first the terminal is as
/// before, then the signal takes effect. After a stop the question is asked again.
enum HiddenLine {
    private static let watched = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU]

    static func read(_ prompt: String, _ lines: inout InputLines) throws(PasswordInput.Failure) -> [UInt8]? {
        var before = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &before) == 0 else {
            throw .system(
                "cannot turn the echo of the terminal off: \(unsafe String(cString: strerror(errno)))")
        }
        var hidden = before
        hidden.c_lflag &= ~tcflag_t(ECHO | ECHONL)
        hidden.c_lflag |= tcflag_t(ICANON | ISIG)
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in watched { unsafe sigaddset(&signals, signal) }
        var mask = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, &signals, &mask)
        func hide() {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
            Terminal.error(prompt)
        }
        func restore() {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            Terminal.error("\n")
        }
        hide()
        defer {
            restore()
            unsafe pthread_sigmask(SIG_SETMASK, &mask, nil)
        }
        return try lines.next {
            while true {
                var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                // A signal does not end the wait, for it is blocked: so ten times a second.
                let ready = unsafe poll(&input, 1, 100)
                var now = timespec()
                let signal = unsafe sigtimedwait(&signals, nil, &now)
                if signal > 0 {
                    restore()
                    takeEffect(signal)
                    hide()
                } else if ready > 0 {
                    return
                }
            }
        }
    }

    /// Lets `signal` do to this process what it would have done.
    private static func takeEffect(_ signal: Int32) {
        var one = sigset_t()
        unsafe sigemptyset(&one)
        unsafe sigaddset(&one, signal)
        // Swift's runtime would take it for a crash and write a backtrace.
        if signal == SIGQUIT { Glibc.signal(SIGQUIT, SIG_DFL) }
        raise(signal)
        unsafe pthread_sigmask(SIG_UNBLOCK, &one, nil)
        // Here again only after a stop, or where the signal is ignored.
        unsafe pthread_sigmask(SIG_BLOCK, &one, nil)
    }
}

/// What a person reads.
enum Terminal {
    static func error(_ text: String) { write(text, STDERR_FILENO) }
    static func output(_ text: String) { write(text, STDOUT_FILENO) }

    private static func write(_ text: String, _ descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
