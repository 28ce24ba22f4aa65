import Glibc

/// A file that a plugin reads, and whether it has changed since.
struct PluginFile {
    /// What tells one content of a file from another.
    struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// Why it was not read.
    package struct Failure: Error {
        let text: String
    }

    let path: String

    /// nil = it is not there, or cannot be looked at.
    var identity: Identity? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Identity(status)
    }

    /// Reads it as a whole.
    ///
    /// - Parameter limit: bytes; a longer file is refused unread.
    func read(limit: Int) throws(Failure) -> (bytes: [UInt8], identity: Identity) {
        guard !path.utf8.contains(0) else { throw Failure(text: "its path has a zero byte") }
        // Without O_NONBLOCK a pipe would wait for somebody to write to it.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw Failure(text: Self.text(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Failure(text: Self.text(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(text: "it is no regular file") }
        guard Int(status.st_size) <= limit else { throw Failure(text: "it is longer than \(limit) bytes") }
        var content: [UInt8] = []
        content.reserveCapacity(Int(status.st_size))
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { return (content, Identity(status)) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure(text: Self.text(errno))
            }
            content += chunk[..<count]
            guard content.count <= limit else { throw Failure(text: "it is longer than \(limit) bytes") }
        }
    }

    private static func text(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}

extension PluginFile.Identity {
    init(_ status: stat) {
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }
}
