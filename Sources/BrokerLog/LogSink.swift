import Glibc
import Synchronization

/// Where lines go: the console or a file. Each line is one `write`. The log's writer alone writes here.
///
/// A reader that does not read (a stopped terminal, a stuck pipe) holds the writer up for `patience` once; from then
/// on lines are lost and counted until the sink takes one again.
final class LogSink: Sendable {
    enum Target: Equatable, Sendable {
        case standardError
        /// A descriptor of somebody else, for tests.
        case descriptor(Int32)
        case file(path: String)
    }

    /// Milliseconds.
    private static let patience: Int32 = 100

    private struct State {
        var descriptor: Int32 = -1
        var isOwned = false
        var isSocket = false
        /// The last line was not taken.
        var isStalled = false
        /// The last line was taken in part: the next one begins a line of its own.
        var isMidLine = false
        /// Lines that were lost since `lossesTold()`.
        var lostLines = 0
    }

    let target: Target
    private let state = Mutex(State())
    private let failed = Atomic<UInt64>(0)

    init(_ target: Target) {
        self.target = target
    }

    deinit {
        state.withLock { if $0.isOwned { close($0.descriptor) } }
    }

    /// Lines that were lost, and failures to open it.
    var failedWrites: UInt64 { failed.load(ordering: .relaxed) }

    /// Opens the target, again if it was open; the old one stays when that fails.
    ///
    /// - Returns: why it failed.
    func open() -> String? {
        var fresh = State()
        switch target {
        case .standardError: fresh = Self.console(STDERR_FILENO)
        case .descriptor(let descriptor): fresh = Self.console(descriptor)
        case .file(let path):
            if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
                unsafe mkdir(String(path[..<slash]), 0o750)
            }
            fresh.descriptor = unsafe Glibc.open(
                path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
            fresh.isOwned = true
            guard fresh.descriptor >= 0 else {
                let reason = unsafe String(cString: strerror(errno))
                failed.wrappingAdd(1, ordering: .relaxed)
                return "\(path): cannot be opened: \(reason)"
            }
        }
        let old = state.withLock { state in
            let old = state
            state = fresh
            state.lostLines = old.lostLines
            return old
        }
        if old.isOwned { close(old.descriptor) }
        return nil
    }

    /// A descriptor of our own for `inherited`, so that we may make it non-blocking: the flag of the inherited one
    /// would change the terminal of everybody who shares it.
    private static func console(_ inherited: Int32) -> State {
        var status = stat()
        let isKnown = unsafe fstat(inherited, &status) == 0
        let isSocket = isKnown && status.st_mode & S_IFMT == S_IFSOCK
        // A file of one's own has an offset of its own: whoever shares the inherited one would be overwritten.
        let isFile = isKnown && status.st_mode & S_IFMT == S_IFREG
        let own =
            unsafe isSocket || isFile
            ? -1
            : Glibc.open(
                "/proc/self/fd/\(inherited)", O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        return State(descriptor: own >= 0 ? own : inherited, isOwned: own >= 0, isSocket: isSocket)
    }

    /// Lines lost since the last `lossesTold()`.
    var lostLines: Int { state.withLock { $0.lostLines } }

    /// One line could not be written.
    func lose() {
        state.withLock { $0.lostLines += 1 }
        failed.wrappingAdd(1, ordering: .relaxed)
    }

    /// The log says how many lines were lost.
    func lossesTold() { state.withLock { $0.lostLines = 0 } }

    /// - Returns: false when it could not be written; in part, it may have been.
    func write(_ line: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.descriptor >= 0 else { return false }
            let bytes = state.isMidLine ? [UInt8(ascii: "\n")] + line : line
            let left = Self.write(bytes, to: state)
            state.isStalled = left > 0
            if left < bytes.count { state.isMidLine = left > 0 }
            return left == 0
        }
    }

    /// - Returns: bytes that were not taken.
    private static func write(_ line: [UInt8], to state: State) -> Int {
        var rest = line[...]
        var hasWaited = state.isStalled
        while !rest.isEmpty {
            // An inherited descriptor may block, so it is asked first.
            if !state.isOwned, !state.isSocket, !isWritable(state.descriptor, wait: hasWaited ? 0 : patience)
            {
                return rest.count
            }
            let count = unsafe rest.withUnsafeBytes { bytes in
                unsafe state.isSocket
                    ? send(
                        state.descriptor, bytes.baseAddress, bytes.count,
                        Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                    : Glibc.write(state.descriptor, bytes.baseAddress, bytes.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN, !hasWaited {
                hasWaited = true
                guard isWritable(state.descriptor, wait: patience) else { return rest.count }
            } else {
                return rest.count
            }
        }
        return 0
    }

    private static func isWritable(_ descriptor: Int32, wait: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, wait) == 1 && entry.revents & Int16(POLLOUT) != 0
    }
}
