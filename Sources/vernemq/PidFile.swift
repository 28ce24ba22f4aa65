import BrokerConfig
import Glibc

/// `vernemq.pid` in the data folder: which process is the broker that uses the folder.
///
/// The broker holds a lock on the file as long as it lives, and the kernel says who holds it; what stands in the file is
/// for people. So a file that a killed broker left behind means nothing, and no number leads to a process that only got
/// the same one. Who asks takes no lock, so that asking never keeps a broker from starting.
struct PidFile {
    /// Why a broker does not get its pid file, or nobody can look at it.
    enum Failure: Error {
        /// Another broker has it.
        case taken(process: pid_t, folder: String)
        /// `operation` completes "cannot"; `reason` is the system's text.
        case system(operation: String, path: String, reason: String)

        var text: String {
            switch self {
            case .taken(let process, let folder):
                "another broker, process \(process), uses the data folder \(folder): stop it with `vernemq stop`, or give this broker its own platform_data_dir"
            case .system(let operation, let path, let reason):
                "cannot \(operation) the pid file \(path): \(reason)"
            }
        }
    }

    let folder: String
    var path: String { folder + "/vernemq.pid" }

    /// The folder for people: a relative one depends on where they are.
    var absoluteFolder: String {
        guard !folder.hasPrefix("/"), let current = unsafe getcwd(nil, 0) else { return folder }
        defer { unsafe free(current) }
        return unsafe String(cString: current) + "/"
            + (folder.hasPrefix("./") ? String(folder.dropFirst(2)) : folder)
    }

    init(_ config: EffectiveConfig) { self.init(folder: config.string(.platformDataDirectory)) }

    init(folder: String) {
        self.folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    }

    /// Makes this process the broker of the folder, which is made where it is missing. To be called once in a process: the
    /// kernel drops the lock when any descriptor of the file is closed.
    ///
    /// - Throws: when another process is it, or the file cannot be written or locked.
    func take() throws(Failure) -> HeldPidFile {
        try makeFolder()
        while true {
            let descriptor = unsafe open(
                path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o644)
            guard descriptor >= 0 else { throw failure("open", errno) }
            if try lock(descriptor) {
                try write(descriptor)
                return HeldPidFile(path: path, descriptor: descriptor)
            }
            close(descriptor)
        }
    }

    /// The process that is the broker of the folder; `nil` when there is none.
    ///
    /// - Throws: when the file is there and cannot be looked at.
    func broker() throws(Failure) -> RunningBroker? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { return nil }
            throw failure("open", code)
        }
        guard let process = Self.holder(of: descriptor) else {
            close(descriptor)
            return nil
        }
        return RunningBroker(process: process, descriptor: descriptor)
    }

    /// The process that has locked the file, as this process sees its number: 0 or less where it does not, because it is in
    /// another container or on another machine.
    static func holder(of descriptor: Int32) -> pid_t? {
        var lock = Self.wholeFile
        guard unsafe fcntl(descriptor, F_GETLK, &lock) == 0 else { return nil }
        return lock.l_type == Int16(F_UNLCK) ? nil : lock.l_pid
    }

    private static var wholeFile: flock {
        flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }

    /// - Returns: whether the lock is had, on the file that is at `path`.
    private func lock(_ descriptor: Int32) throws(Failure) -> Bool {
        var lock = Self.wholeFile
        if unsafe fcntl(descriptor, F_SETLK, &lock) != 0 {
            let code = errno
            guard code == EACCES || code == EAGAIN else {
                close(descriptor)
                throw failure("lock", code)
            }
            // It may have ended meanwhile.
            guard let process = Self.holder(of: descriptor) else { return false }
            close(descriptor)
            throw .taken(process: process, folder: folder)
        }
        // A broker that ended may have removed the file since it was opened here.
        var mine = stat()
        var there = stat()
        guard unsafe fstat(descriptor, &mine) == 0, unsafe stat(path, &there) == 0 else { return false }
        return mine.st_ino == there.st_ino && mine.st_dev == there.st_dev
    }

    private func write(_ descriptor: Int32) throws(Failure) {
        let line = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0,
            unsafe Glibc.write(descriptor, line, line.count) == line.count
        else {
            let code = errno
            close(descriptor)
            throw failure("write", code)
        }
    }

    private func makeFolder() throws(Failure) {
        var made = folder.hasPrefix("/") ? "/" : ""
        for part in folder.split(separator: "/") {
            made += (made.isEmpty || made.hasSuffix("/") ? "" : "/") + part
            if unsafe mkdir(made, 0o750) != 0, errno != EEXIST { throw failure("make the folder of", errno) }
        }
    }

    private func failure(_ operation: String, _ code: Int32) -> Failure {
        .system(operation: operation, path: path, reason: unsafe String(cString: strerror(code)))
    }
}

/// The pid file of this process. The lock ends with the process, so the descriptor is never closed.
struct HeldPidFile {
    let path: String
    fileprivate let descriptor: Int32

    /// Removes the file when the broker ends in order.
    func remove() { unsafe unlink(path) }
}

/// A broker that runs, found by its pid file.
struct RunningBroker: ~Copyable {
    let process: pid_t
    private let descriptor: Int32

    fileprivate init(process: pid_t, descriptor: Int32) {
        self.process = process
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Whether it still runs. Another broker that has taken its place does not count.
    var isRunning: Bool { PidFile.holder(of: descriptor) == process }

    /// Tells it to stop.
    ///
    /// - Returns: what the system says against it.
    func terminate() -> String? {
        // 0 and less would mean other processes.
        guard process > 0 else { return "it runs in another container or on another machine" }
        return kill(process, SIGTERM) == 0 || errno == ESRCH ? nil : unsafe String(cString: strerror(errno))
    }
}
