import Glibc
import TestSupport
import Testing

@testable import vernemq

@Suite struct PidFileTests {
    private let folder = TestFolder()

    private func content(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 100)
        return String(decoding: buffer[..<max(0, read(descriptor, &buffer, buffer.count))], as: UTF8.self)
    }

    private func write(_ text: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        defer { close(descriptor) }
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    private func reason(_ pidFile: PidFile) -> String {
        do throws(PidFile.Failure) {
            _ = try pidFile.take()
            return "taken"
        } catch {
            return error.text
        }
    }

    @Test func `it lies in the data folder, which is made, and says which process`() throws {
        let pidFile = PidFile(folder: folder.path + "/a/b/")
        #expect(pidFile.path == folder.path + "/a/b/vernemq.pid")
        let held = try pidFile.take()
        #expect(content(pidFile.path) == "\(getpid())\n")
        held.remove()
        #expect(TestFolder.names(in: folder.path + "/a/b").isEmpty)
    }

    @Test(arguments: ["", "1\n", "999999999\nand more\n", "nonsense"])
    func `a file that was left behind means nothing`(_ left: String) throws {
        let pidFile = PidFile(folder: folder.path)
        write(left, to: pidFile.path)
        let found = try pidFile.broker() == nil
        #expect(found)
        _ = try pidFile.take()
        #expect(content(pidFile.path) == "\(getpid())\n")
    }

    @Test func `without a file or a folder no broker runs`() throws {
        for path in [folder.path, folder.path + "/none", "/dev/null/x"] {
            let found = try PidFile(folder: path).broker() == nil
            #expect(found)
        }
    }

    @Test func `what is in its place is named`() {
        let pidFile = PidFile(folder: folder.path)
        mkdir(pidFile.path, 0o700)
        #expect(reason(pidFile) == "cannot open the pid file \(pidFile.path): Is a directory")
        write("", to: folder.path + "/file")
        #expect(
            reason(PidFile(folder: folder.path + "/file"))
                == "cannot open the pid file \(folder.path)/file/vernemq.pid: Not a directory")
    }

    @Test func `a link is not followed`() {
        let pidFile = PidFile(folder: folder.path)
        write("mine", to: folder.path + "/other")
        symlink("other", pidFile.path)
        #expect(reason(pidFile).hasPrefix("cannot open the pid file"))
        #expect(content(folder.path + "/other") == "mine")
    }

    @Test func `a broker that cannot be seen is not signalled`() throws {
        let taken = PidFile.Failure.taken(process: 17, folder: "/x")
        #expect(
            taken.text.contains("process 17") && taken.text.contains("/x")
                && taken.text.contains("vernemq stop"))
    }
}
