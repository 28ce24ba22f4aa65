import CSystem
import Glibc

/// A bound, listening Unix socket. Its file appears under its name with the right permissions and with somebody who
/// listens: it is made under another name in the same directory, and renamed.
struct LocalListeningSocket: Sendable {
    let descriptor: Int32
    let path: String
    /// Which file is ours: another broker may have replaced it since.
    private let identity: Identity

    private struct Identity: Equatable, Sendable {
        let device: UInt
        let inode: UInt

        /// nil when nothing is there.
        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            device = UInt(status.st_dev)
            inode = UInt(status.st_ino)
        }
    }

    /// Takes the place of a socket that nobody listens on any more; leaves anything else alone.
    ///
    /// - Parameter permissions: of the file, such as 0o600.
    init(path: String, permissions: UInt32) throws(HTTPServerError) {
        func failure(_ problem: HTTPServerError.Problem, _ number: Int32 = 0, _ detail: String? = nil)
            -> HTTPServerError
        {
            HTTPServerError(problem: problem, address: path, errorNumber: number, detail: detail)
        }
        let temporary = "\(path).\(getpid())"
        // 108 bytes with the 0 at the end.
        guard !path.isEmpty, !path.utf8.contains(0), temporary.utf8.count < 108 else {
            throw failure(.addressInvalid, 0, "; the path of a socket has at most 96 bytes")
        }
        try Self.checkDirectory(of: path)
        try Self.checkPlace(path)
        unlink(temporary)  // of a broker that had this process' number and was killed
        var step: Int32 = 0
        let socket = csystem_local_listen(temporary, permissions & 0o777, 1024, &step)
        guard socket >= 0 else {
            throw failure(step == 1 ? .socketFailed : step == 2 ? .bindFailed : .listenFailed, -socket)
        }
        guard let identity = Identity(temporary), rename(temporary, path) == 0 else {
            let number = errno
            unlink(temporary)
            close(socket)
            throw failure(.bindFailed, number)
        }
        descriptor = socket
        self.path = path
        self.identity = identity
    }

    /// Removes the file if it is still this socket's.
    func removeFile() {
        if Identity(path) == identity { unlink(path) }
    }

    /// Whoever may write to the directory may put a socket of his own in the place of ours.
    private static func checkDirectory(of path: String) throws(HTTPServerError) {
        let end = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        func failure(_ number: Int32) -> HTTPServerError {
            HTTPServerError(
                problem: .directoryUnfit, address: path, errorNumber: number, detail: " (\(directory))")
        }
        var status = stat()
        guard stat(directory, &status) == 0 else { throw failure(errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw failure(ENOTDIR) }
        guard status.st_mode & S_IWOTH == 0 || status.st_mode & S_ISVTX != 0 else {
            throw HTTPServerError(
                problem: .directoryUnfit, address: path, errorNumber: 0,
                detail: " (\(directory)): every user may write there")
        }
    }

    private static func checkPlace(_ path: String) throws(HTTPServerError) {
        let kind = csystem_is_socket_file(path)
        if kind == -ENOENT { return }
        if kind < 0 { throw HTTPServerError(problem: .bindFailed, address: path, errorNumber: -kind) }
        guard kind == 1 else {
            throw HTTPServerError(problem: .placeTaken, address: path, errorNumber: 0)
        }
        let probe = csystem_local_probe(path)
        if probe == -ECONNREFUSED || probe == -ENOENT { return }
        // Its queue is full: somebody listens, if slowly.
        guard probe == 0 || probe == -EAGAIN else {
            throw HTTPServerError(problem: .bindFailed, address: path, errorNumber: -probe)
        }
        throw HTTPServerError(problem: .alreadyServed, address: path, errorNumber: 0)
    }
}
