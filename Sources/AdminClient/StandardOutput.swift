import Admin
import Glibc

/// Standard output, written to until its reader goes.
final class StandardOutput {
    /// Why nothing is written any more.
    enum End: Equatable {
        /// Its reader has gone, as `head` does.
        case readerGone
        /// Ctrl-C came while the reader was slow.
        case interrupted
        /// The system's number for it: a full disk, or a closed descriptor.
        case failed(Int32)
    }

    private(set) var end: End?
    private(set) var endsInLine = false
    /// Ends a wait for a slow reader.
    private let interrupts: Interrupts?
    /// Only last words are still to be written.
    private var isEnding = false
    /// How long they may wait for a slow reader.
    private static let lastMilliseconds: Int32 = 1000

    init(interrupts: Interrupts?) {
        self.interrupts = interrupts
        signal(SIGPIPE, SIG_IGN)
    }

    /// From now on Ctrl-C, which has come already, is not looked for, and a slow reader is not waited for for long.
    func beginLastWords() {
        isEnding = true
        if end == .interrupted { end = nil }
    }

    /// - Returns: false = nothing can be written any more.
    func write(_ bytes: [UInt8]) -> Bool {
        guard end == nil else { return false }
        var written = 0
        while written < bytes.count {
            // A pipe that is ready takes this much without making us wait, so Ctrl-C finds us in `wait`.
            let most = interrupts == nil ? bytes.count : Int(PIPE_BUF)
            if interrupts != nil, !wait() { return false }
            let count = bytes.withUnsafeBytes {
                Glibc.write(
                    STDOUT_FILENO, $0.baseAddress?.advanced(by: written), min(most, bytes.count - written))
            }
            if count >= 0 {
                written += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: if !wait() { return false }
            case EPIPE: end = .readerGone
            default: end = .failed(errno)
            }
            if end != nil { return false }
        }
        if let last = bytes.last { endsInLine = last != UInt8(ascii: "\n") }
        return true
    }

    /// Waits until something can be written.
    private func wait() -> Bool {
        let watched = isEnding ? nil : interrupts
        var both = [
            pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: watched?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        var ready: Int32
        repeat {
            ready = poll(&both, 2, isEnding ? Self.lastMilliseconds : -1)
        } while ready < 0 && errno == EINTR
        guard ready != 0, both[1].revents == 0 else {
            end = .interrupted
            return false
        }
        return true
    }

    /// Whether its reader has gone, which nobody tells who writes nothing.
    func hasLostReader() -> Bool {
        var one = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        guard poll(&one, 1, 0) > 0, Int32(one.revents) & (POLLERR | POLLHUP) != 0 else { return false }
        if end == nil { end = .readerGone }
        return true
    }

    /// Puts the shell's prompt on a line of its own.
    ///
    /// - Parameter always: what is written into a file or a pipe ends its line too, as programs that read lines want it.
    func endLine(always: Bool = false) {
        if endsInLine, always || isatty(STDOUT_FILENO) == 1 { _ = write([UInt8(ascii: "\n")]) }
    }
}

/// What this program itself says to a person.
struct StandardError {
    private let isColored: Bool

    init(_ environment: [String: String]) { isColored = Terminal.isErrorColored(environment) }

    /// - Parameter color: of the first line, on a terminal.
    func line(_ text: String, _ color: TextColor? = nil) {
        Self.write((isColored ? color?.paintFirstLine(text) ?? text : text) + "\n")
    }

    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
