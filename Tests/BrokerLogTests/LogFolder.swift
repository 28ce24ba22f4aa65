import Glibc

/// A folder for the files of one test, emptied with it.
final class LogFolder {
    let path: String

    init() {
        var template = Array("/tmp/log-tests-XXXXXX".utf8CString)
        mkdtemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in ["a.log", "a.log.1", "error.log", "sub/console.log", "sub", ""] {
            remove("\(path)/\(name)")
        }
    }

    func read(_ name: String) -> String {
        let descriptor = open("\(path)/\(name)", O_RDONLY)
        defer { close(descriptor) }
        return readAll(descriptor)
    }
}

/// A pipe whose reading end never blocks.
final class Pipe {
    private let readEnd: Int32
    private var isOpen = true
    let writeEnd: Int32

    init() {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        (readEnd, writeEnd) = (ends[0], ends[1])
        _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
    }

    deinit {
        closeReadEnd()
        close(writeEnd)
    }

    func closeReadEnd() {
        if isOpen { close(readEnd) }
        isOpen = false
    }

    /// Everything written so far.
    func read() -> String { readAll(readEnd) }
}

private func readAll(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk[..<count]
    }
}
