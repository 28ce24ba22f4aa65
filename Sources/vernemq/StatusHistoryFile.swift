import BrokerConfig
import Exporters
import Glibc
import Logging
import Synchronization

/// The file in the data folder that keeps the history of the status page over a restart. It is replaced as a whole: who is
/// killed while writing leaves the one before.
final class StatusHistoryFile: Sendable {
    private let path: String
    private let log: Logger
    private let isFailing = Mutex(false)

    init(_ config: EffectiveConfig, _ log: Logger) {
        path = PidFile(config).folder + "/metric-history"
        self.log = log
    }

    /// What an earlier run kept. A file that cannot be read or is none leaves a line in the log, and no history.
    func read() -> KeyHistory {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno != ENOENT { complain("it cannot be opened: \(Self.errorText)") }
            return KeyHistory()
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                complain("it cannot be read: \(Self.errorText)")
                return KeyHistory()
            }
            if count == 0 { break }
            bytes += buffer.prefix(count)
            guard bytes.count <= KeyHistory.maximumFileSize else {
                complain("it is larger than any history")
                return KeyHistory()
            }
        }
        do throws(KeyHistory.FileError) {
            return try KeyHistory(fileBytes: bytes)
        } catch {
            complain(error.description)
            return KeyHistory()
        }
    }

    private func complain(_ problem: String) {
        log.warning(
            "the history of metrics was not read, and begins anew",
            metadata: ["file": "\(path)", "problem": "\(problem)"])
    }

    /// Replaces the file. That it fails is logged when it begins and when it ends.
    func write(_ history: KeyHistory) {
        let problem = replace(history.fileBytes)
        let wasFailing = isFailing.withLock { state in
            defer { state = problem != nil }
            return state
        }
        if let problem, !wasFailing {
            log.warning(
                "the history of metrics cannot be kept",
                metadata: ["file": "\(path)", "problem": "\(problem)"])
        } else if problem == nil, wasFailing {
            log.info("the history of metrics is kept again", metadata: ["file": "\(path)"])
        }
    }

    private func replace(_ bytes: [UInt8]) -> String? {
        let temporary = path + ".new"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { return Self.errorText }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let text = Self.errorText
                close(descriptor)
                unsafe unlink(temporary)
                return text
            }
            rest = rest.dropFirst(count)
        }
        guard close(descriptor) == 0, unsafe rename(temporary, path) == 0 else {
            let text = Self.errorText
            unsafe unlink(temporary)
            return text
        }
        return nil
    }

    private static var errorText: String { unsafe String(cString: strerror(errno)) }
}
