import Glibc

/// A directory of one test, deleted with it.
package final class TestFolder: Sendable {
    package let path: String

    package init() {
        var template = Array("/tmp/vernemq-tests-XXXXXX".utf8CString)
        mkdtemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.removeAll(path) }

    /// The names of what lies in it.
    package static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Copies a directory of files, as they are at this moment.
    package func copy(_ name: String, to other: String) throws {
        mkdir("\(path)/\(other)", 0o700)
        for file in Self.names(in: "\(path)/\(name)") {
            try Self.copyFile("\(path)/\(name)/\(file)", to: "\(path)/\(other)/\(file)")
        }
    }

    private static func copyFile(_ source: String, to target: String) throws {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { return }  // it was renamed meanwhile
        let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer {
            close(input)
            close(output)
        }
        while true {
            let count = sendfile(output, input, nil, 1 << 20)
            guard count >= 0 else { throw TestClientError(description: "cannot copy \(source)") }
            if count == 0 { return }
        }
    }

    private static func removeAll(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { removeAll("\(path)/\(name)") }
        }
        remove(path)
    }
}
