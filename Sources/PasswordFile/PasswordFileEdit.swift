import Glibc

/// A password file while it is changed: read under a lock, and replaced as a whole.
///
/// At every moment the path leads to the old content or to the new one, whatever happens to this process or the machine.
/// A symbolic link stays, and the file that it leads to is replaced. The lock is one on the file's folder: two processes that
/// change password files of one folder do so one after the other. It ends with the value.
package struct PasswordFileEdit: ~Copyable {
    /// What the path must lead to.
    package enum Mode: Sendable {
        /// A file that is there.
        case existing
        /// No file; the change makes one.
        case new
        /// Whatever is there is read as if it were empty.
        case emptied
    }

    /// How long another process may have the lock.
    static let patience = 10

    /// The content: as it was read, then as it is to be written.
    package var file: PasswordFile
    /// Whether there was a file.
    package let existed: Bool
    /// The file itself, where the path leads through symbolic links.
    private let target: FilePlace
    /// The locked folder.
    private let folder: Int32
    private let original: Original?

    /// What is kept of a file that is replaced.
    private struct Original {
        let owner: uid_t
        let group: gid_t
        let permissions: mode_t
    }

    private init(
        file: PasswordFile, target: FilePlace, folder: consuming FolderLock, original: Original?
    ) {
        self.file = file
        self.target = target
        self.folder = folder.release()
        self.original = original
        existed = original != nil
    }

    deinit { close(folder) }

    /// Locks and reads the file.
    ///
    /// - Throws: when it is there and should not be or the other way round, cannot be read, passes a limit of
    ///   `PasswordFile`, or is being changed by another process for long.
    package static func begin(_ path: String, _ mode: Mode) throws(PasswordFileError) -> PasswordFileEdit {
        let target = try FilePlace(following: path)
        let lock = try FolderLock(target, shown: path)
        let descriptor = open(target.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let code = errno
            guard code == ENOENT else { throw failure("open the file", path, code) }
            if case .existing = mode { throw PasswordFileError(.missing, path: path) }
            return PasswordFileEdit(file: PasswordFile(), target: target, folder: lock, original: nil)
        }
        defer { close(descriptor) }
        if case .new = mode { throw PasswordFileError(.exists, path: path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at the file", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PasswordFileError(.notAFile, path: path) }
        let original = Original(
            owner: status.st_uid, group: status.st_gid, permissions: status.st_mode & 0o7777)
        var file = PasswordFile()
        if case .existing = mode {
            let bytes = try read(descriptor, path, size: Int(status.st_size))
            file = try PasswordFile(parsing: bytes, path: path)
        }
        return PasswordFileEdit(file: file, target: target, folder: lock, original: original)
    }

    /// Writes the content into a file beside the target, then puts that in the target's place; both are on the disk when
    /// this returns. Owner, group and permissions stay; a new file can be read by its owner alone.
    ///
    /// - Throws: when something of this fails; the target is then as it was.
    package func save() throws(PasswordFileError) {
        let bytes = file.bytes
        guard bytes.count <= PasswordFile.byteLimit else {
            throw PasswordFileError(.tooLong(limit: PasswordFile.byteLimit), path: target.path)
        }
        let fresh = target.temporaryName
        // Under the lock, so a file of that name is what a process that was killed left behind.
        unlinkat(folder, fresh, 0)
        let descriptor = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw Self.failure("make \(fresh) beside it", target.path, errno)
        }
        do throws(PasswordFileError) {
            defer { close(descriptor) }
            try write(bytes, descriptor)
            try keepOwner(descriptor)
            guard fsync(descriptor) == 0 else {
                throw Self.failure("bring \(fresh) to the disk", target.path, errno)
            }
        } catch {
            unlinkat(folder, fresh, 0)
            throw error
        }
        guard renameat(folder, fresh, folder, target.name) == 0 else {
            let code = errno
            unlinkat(folder, fresh, 0)
            throw Self.failure("replace the file", target.path, code)
        }
        guard fsync(folder) == 0 else {
            throw Self.failure(
                "bring the file's folder to the disk (the file is replaced)", target.path, errno)
        }
    }

    private func write(_ bytes: [UInt8], _ descriptor: Int32) throws(PasswordFileError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw Self.failure("write \(target.temporaryName)", target.path, count < 0 ? errno : ENOSPC)
            }
            written += count
        }
    }

    private func keepOwner(_ descriptor: Int32) throws(PasswordFileError) {
        guard let original else { return }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw Self.failure("look at the new file", target.path, errno)
        }
        if status.st_uid != original.owner || status.st_gid != original.group {
            guard fchown(descriptor, original.owner, original.group) == 0 else {
                throw Self.failure(
                    "keep its owner \(original.owner):\(original.group) (run as that user, or as root)",
                    target.path, errno)
            }
        }
        // After the owner, whose change takes some permissions away.
        guard fchmod(descriptor, original.permissions) == 0 else {
            throw Self.failure("keep its permissions", target.path, errno)
        }
    }

    private static func read(
        _ descriptor: Int32, _ path: String, size: Int
    ) throws(PasswordFileError) -> [UInt8] {
        let tooLong = PasswordFileError(.tooLong(limit: PasswordFile.byteLimit), path: path)
        guard size <= PasswordFile.byteLimit else { throw tooLong }
        var content: [UInt8] = []
        content.reserveCapacity(size)
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return content }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read the file", path, errno)
            }
            content += chunk[..<count]
            guard content.count <= PasswordFile.byteLimit else { throw tooLong }
        }
    }

    fileprivate static func failure(_ operation: String, _ path: String, _ code: Int32) -> PasswordFileError {
        PasswordFileError(.system(operation: operation, reason: String(cString: strerror(code))), path: path)
    }
}

/// Where a file is, or would be: its folder and its name there.
private struct FilePlace {
    let folder: String
    let name: String

    var path: String { folder.hasSuffix("/") ? folder + name : folder + "/" + name }
    var temporaryName: String { ".\(name).vmq-passwd" }

    /// Follows symbolic links, the last of which may lead to a file that is not there.
    init(following path: String) throws(PasswordFileError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw PasswordFileEdit.failure("open the file", path, ENOENT)
        }
        var place = Self(path)
        for _ in 0..<40 {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(place.path, &buffer, buffer.count)
            guard count > 0 else {
                self = place
                return
            }
            let link = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            place = Self(link.hasPrefix("/") ? link : place.folder + "/" + link)
        }
        throw PasswordFileError(.linksInACircle, path: path)
    }

    private init(_ path: String) {
        guard let slash = path.lastIndex(of: "/") else {
            folder = "."
            name = path
            return
        }
        folder = slash == path.startIndex ? "/" : String(path[..<slash])
        name = String(path[path.index(after: slash)...])
    }
}

/// The lock on a folder, as its open descriptor.
private struct FolderLock: ~Copyable {
    private let descriptor: Int32

    init(_ place: FilePlace, shown path: String) throws(PasswordFileError) {
        guard !place.name.isEmpty, place.name != ".", place.name != ".." else {
            throw PasswordFileError(.notAFile, path: path)
        }
        let descriptor = open(place.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PasswordFileEdit.failure("open the file's folder", path, errno) }
        let step = 50
        for _ in 0..<(PasswordFileEdit.patience * 1000 / step) {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                self.descriptor = descriptor
                return
            }
            guard errno == EWOULDBLOCK || errno == EINTR else {
                let code = errno
                close(descriptor)
                throw PasswordFileEdit.failure("lock the file's folder", path, code)
            }
            usleep(UInt32(step) * 1000)
        }
        close(descriptor)
        throw PasswordFileError(.locked(seconds: PasswordFileEdit.patience), path: path)
    }

    deinit { close(descriptor) }

    /// Hands the descriptor, and with it the lock, over.
    consuming func release() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }
}
