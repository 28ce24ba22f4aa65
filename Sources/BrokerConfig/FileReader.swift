import Glibc

/// The few things this module asks of the file system.
enum FileReader {
    /// Why a file could not be read, in the words of the system.
    struct Failure: Error {
        let reason: String
    }

    /// - Parameter limit: bytes; a longer file is a mistake (a log, a database) and is refused unread.
    static func bytes(of path: String, limit: Int = ConfigLimits.byteCount) throws(Failure) -> [UInt8] {
        // A path of Swift may hold a zero byte; the system would end it there and open another file.
        guard !path.utf8.contains(0) else { throw Failure(reason: "its path has a zero byte") }
        // Without O_NONBLOCK a named pipe would wait for somebody to write to it.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw Failure(reason: systemText(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Failure(reason: systemText(errno)) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw Failure(reason: systemText(EISDIR))
        default: throw Failure(reason: "it is a pipe, a socket or a device, not a file")
        }
        let tooLong = Failure(reason: "more than \(limit) bytes")
        guard Int(status.st_size) <= limit else { throw tooLong }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { return content }
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure(reason: systemText(errno))
            }
            content += chunk[..<count]
            // Files of the kernel say that they are empty and are not.
            guard content.count <= limit else { throw tooLong }
        }
    }

    /// `path` itself if it is absolute, else counted from the directory that holds `file`.
    static func resolve(_ path: String, besides file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return String(file[...slash]) + path
    }

    /// With links and `..` followed, or `path` when it does not exist.
    static func realPath(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// The files `pattern` stands for, sorted; without wildcards the path itself, whether it exists or not.
    static func paths(matching pattern: String) -> [String] {
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
        // No path is longer, and a search takes time for each star.
        guard pattern.utf8.count < Int(PATH_MAX), !pattern.utf8.contains(0) else { return [] }
        var result = unsafe glob_t()
        defer { unsafe globfree(&result) }
        guard unsafe glob(pattern, 0, nil, &result) == 0, let found = unsafe result.gl_pathv else {
            return []
        }
        return unsafe (0..<Int(result.gl_pathc)).compactMap {
            unsafe found[$0].map { unsafe String(cString: $0) }
        }
    }

    private static func systemText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
