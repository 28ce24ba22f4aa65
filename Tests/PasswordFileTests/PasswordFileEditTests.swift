import Glibc
import Primitives
import TestSupport
import Testing

@testable import PasswordFile

@Suite struct PasswordFileEditTests {
    private let folder = TestFolder()
    private var path: String { folder.path + "/p" }

    private func write(_ text: String, to path: String, mode: mode_t = 0o640) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        fchmod(descriptor, mode)
        close(descriptor)
    }

    private func content(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        return String(decoding: buffer[..<read(descriptor, &buffer, buffer.count)], as: UTF8.self)
    }

    private func status(_ path: String) -> stat {
        var status = stat()
        lstat(path, &status)
        return status
    }

    private func add(_ user: String, to path: String, _ mode: PasswordFileEdit.Mode = .existing) throws {
        var edit = try PasswordFileEdit.begin(path, mode)
        try edit.file.set(UTF8Text(user), PasswordHash(of: Array(user.utf8)))
        try edit.save()
    }

    private func problem(_ path: String, _ mode: PasswordFileEdit.Mode) -> PasswordFileError.Problem? {
        do throws(PasswordFileError) {
            _ = try PasswordFileEdit.begin(path, mode)
            return nil
        } catch {
            return error.problem
        }
    }

    @Test func `a new file can be read by its owner alone`() throws {
        try add("a", to: path, .new)
        #expect(content(path)?.hasPrefix("a:$6$") == true)
        #expect(status(path).st_mode & 0o7777 == 0o600)
        #expect(TestFolder.names(in: folder.path) == ["p"])
    }

    @Test func `the file is replaced, not written over, and keeps permissions and owner`() throws {
        write("# note\n", to: path, mode: 0o644)
        if getuid() == 0 { chown(path, 1234, 2345) }
        let before = status(path)
        let reader = open(path, O_RDONLY)
        defer { close(reader) }
        try add("a", to: path)
        let after = status(path)
        #expect(after.st_ino != before.st_ino)
        #expect(after.st_mode == before.st_mode)
        #expect(after.st_uid == before.st_uid && after.st_gid == before.st_gid)
        #expect(content(path)?.hasPrefix("# note\na:$6$") == true)
        // Who had it open reads on in the old one.
        var old = [UInt8](repeating: 0, count: 100)
        #expect(read(reader, &old, 100) == 7)
        #expect(TestFolder.names(in: folder.path) == ["p"])
    }

    @Test func `a change that is not saved changes nothing`() throws {
        write("a:b\n", to: path)
        var edit = try PasswordFileEdit.begin(path, .existing)
        _ = edit.file.remove("a")
        #expect(content(path) == "a:b\n")
    }

    @Test func `links are followed and stay`() throws {
        mkdir(folder.path + "/real", 0o700)
        write("# note\n", to: folder.path + "/real/file")
        symlink("real/file", folder.path + "/link")
        symlink(folder.path + "/link", path)
        try add("a", to: path)
        #expect(status(path).st_mode & S_IFMT == S_IFLNK)
        #expect(content(folder.path + "/real/file")?.hasPrefix("# note\na:$6$") == true)
        #expect(TestFolder.names(in: folder.path + "/real") == ["file"])
    }

    @Test func `a link to nothing is a place for a new file`() throws {
        symlink("other", path)
        #expect(problem(path, .existing) == .missing)
        try add("a", to: path, .new)
        #expect(content(folder.path + "/other")?.hasPrefix("a:$6$") == true)
    }

    @Test func `links in a circle are refused`() {
        symlink("q", path)
        symlink("p", folder.path + "/q")
        #expect(problem(path, .existing) == .linksInACircle)
    }

    @Test func `what is no file is refused and not waited for`() {
        mkfifo(path, 0o600)
        #expect(problem(path, .existing) == .notAFile)
        #expect(problem(folder.path, .existing) == .notAFile)
        #expect(problem(folder.path + "/", .existing) == .notAFile)
        #expect(problem("/dev/null", .existing) == .notAFile)
    }

    @Test func `a file must be there, or must not`() {
        #expect(problem(path, .existing) == .missing)
        #expect(problem(path, .new) == nil)
        write("", to: path)
        #expect(problem(path, .new) == .exists)
        #expect(problem(path, .emptied) == nil)
        #expect(
            problem(folder.path + "/none/p", .new)
                == .system(operation: "open the file's folder", reason: "No such file or directory"))
    }

    @Test func `an emptied file keeps its permissions and loses its users`() throws {
        write("b:c\n", to: path, mode: 0o604)
        try add("a", to: path, .emptied)
        #expect(content(path)?.hasPrefix("a:$6$") == true)
        #expect(status(path).st_mode & 0o7777 == 0o604)
    }

    @Test func `what a killed process left behind is in nobody's way`() throws {
        write("", to: path)
        write("half a file", to: folder.path + "/.p.vmq-passwd")
        try add("a", to: path)
        #expect(TestFolder.names(in: folder.path) == ["p"])
    }

    @Test func `a file that cannot be replaced stays`() throws {
        write("a:b\n", to: path)
        var edit = try PasswordFileEdit.begin(path, .existing)
        _ = edit.file.remove("a")
        // A folder in the place of the temporary file.
        mkdir(folder.path + "/.p.vmq-passwd", 0o700)
        var thrown: PasswordFileError?
        do throws(PasswordFileError) { try edit.save() } catch { thrown = error }
        #expect(thrown?.description.contains("File exists") == true)
        #expect(content(path) == "a:b\n")
    }

    @Test func `changes at the same time are made one after the other`() throws {
        write("", to: path)
        var threads: [pthread_t] = []
        for number in 0..<8 {
            let box = Unmanaged.passRetained(Job(path: path, number: number))
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Job>.fromOpaque(context).takeRetainedValue().run()
                    return nil
                }, box.toOpaque())
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        let file = try PasswordFile(parsing: Array((content(path) ?? "").utf8), path: path)
        #expect(file.hashes.count == 80)
    }

    private final class Job: Sendable {
        let path: String
        let number: Int

        init(path: String, number: Int) {
            self.path = path
            self.number = number
        }

        func run() {
            for count in 0..<10 {
                do throws(PasswordFileError) {
                    var edit = try PasswordFileEdit.begin(path, .existing)
                    try edit.file.set(UTF8Text("\(number)-\(count)"), PasswordHash(of: [1]))
                    try edit.save()
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
    }
}
