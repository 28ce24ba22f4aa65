import AdminClient
import Glibc

/// `vmq-admin`: looks after a running broker. What it does is in `AdminClient`.
@main
enum VMQAdmin {
    static func main() {
        openStandardDescriptors()
        // A client id that is not UTF-8 would become another one without a word.
        guard let words = Process.words else {
            let line = Array("An argument is not UTF-8, as every text in MQTT must be.\n".utf8)
            _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(2)
        }
        exit(AdminProgram(environment: Process.environment).run(words))
    }
}

/// A closed descriptor among the first three would be given to the next file or pipe, which would then be written to.
private func openStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
        // The lowest free number is this one.
        _ = unsafe open("/dev/null", O_RDWR)
    }
}

/// What the process was started with. Read once, here.
private enum Process {
    /// Without the name of the program; nil = a word is not UTF-8.
    static var words: [String]? {
        var words: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let bytes = unsafe CommandLine.unsafeArgv[index] else { break }
            guard let word = unsafe String(validatingCString: bytes) else { return nil }
            words.append(word)
        }
        return words
    }

    static var environment: [String: String] {
        var result: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                result[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return result
    }
}
