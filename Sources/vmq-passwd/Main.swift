import Glibc
import PasswordFile
import Primitives

/// `vmq-passwd`: changes a password file, with the options and messages of VerneMQ's tool.
@main
enum VMQPasswd {
    static func main() {
        let arguments: Arguments
        do throws(Arguments.Mistake) {
            arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
        } catch {
            // VerneMQ: 1 also for arguments that mean nothing.
            end("Error: \(error.text)\n\(Arguments.usage)")
        }
        do throws(PasswordFileError) {
            try run(arguments)
        } catch {
            end("Error: \(message(error))\n")
        }
    }

    private static func run(_ arguments: Arguments) throws(PasswordFileError) {
        switch arguments.action {
        case .help: Terminal.output(Arguments.usage)
        case .set(let user): try set(user, arguments, .existing)
        case .create(let user, let force): try set(user, arguments, force ? .emptied : .new)
        case .delete(let user): try delete(user, arguments.path)
        case .upgrade: try upgrade(arguments)
        }
    }

    private static func set(
        _ user: String, _ arguments: Arguments, _ mode: PasswordFileEdit.Mode
    ) throws(PasswordFileError) {
        let path = arguments.path
        do {
            // What is wrong with name or file is said before somebody types a password; the lock is not held meanwhile.
            var rehearsal = try PasswordFileEdit.begin(path, mode)
            try rehearsal.file.set(name(user), PasswordHash(of: []))
            if case .emptied = mode, rehearsal.existed {
                Terminal.output("Warning: File \(path) exists and is overwritten; its users are lost.\n")
            }
        }
        let password: [UInt8]
        do throws(PasswordInput.Failure) {
            password = try PasswordInput.ask()
        } catch {
            end("Error: \(error.text)\n")
        }
        let hash = try PasswordHash(of: password, arguments.scheme)
        try change(path, mode) { (file) throws(PasswordFileError) in
            try file.set(name(user), hash)
            return true
        }
    }

    private static func delete(_ user: String, _ path: String) throws(PasswordFileError) {
        try change(path, .existing) { (file) throws(PasswordFileError) in
            if try file.remove(name(user)) { return true }
            Terminal.error("Warning: User \(user) not found in password file.\n")
            return false
        }
    }

    private static func upgrade(_ arguments: Arguments) throws(PasswordFileError) {
        var count = 0
        try change(arguments.path, .existing, saysPlainText: false) { (file) throws(PasswordFileError) in
            count = try file.hashPlainText(arguments.scheme)
            return count > 0
        }
        Terminal.output("\(count) password\(count == 1 ? "" : "s") hashed\n")
    }

    /// Reads, changes and writes the file while signals wait: they would leave the file for the new content behind.
    ///
    /// - Parameter edit: returns whether the file is to be written.
    private static func change(
        _ path: String, _ mode: PasswordFileEdit.Mode, saysPlainText: Bool = true,
        _ edit: (inout PasswordFile) throws(PasswordFileError) -> Bool
    ) throws(PasswordFileError) {
        var opened = try PasswordFileEdit.begin(path, mode)
        warn(opened.file, path, saysPlainText)
        guard try edit(&opened.file) else { return }
        var signals = sigset_t()
        var mask = sigset_t()
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, &mask)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &mask, nil) }
        try opened.save()
    }

    private static func warn(_ file: PasswordFile, _ path: String, _ saysPlainText: Bool) {
        let shown = file.problems.filter { saysPlainText || $0.kind != .plainText }
        for problem in shown { Terminal.error("Warning: \(path):\(problem.line): \(problem.text)\n") }
        let more = file.problemCount - file.problems.count
        if more > 0 { Terminal.error("Warning: \(path): \(more) more lines of that kind\n") }
    }

    /// - Throws: when the argument was not UTF-8, so that the name that was meant is not known.
    private static func name(_ user: String) throws(PasswordFileError) -> UTF8Text {
        guard !user.unicodeScalars.contains("\u{FFFD}") else {
            throw PasswordFileError(.badUserName(name: user, reason: "it is not UTF-8"))
        }
        return UTF8Text(user)
    }

    /// In VerneMQ's words where it has some.
    private static func message(_ error: PasswordFileError) -> String {
        switch error.problem {
        case .exists:
            "File \(error.path) already exists. Without -c the user is added to it; -cf overwrites it."
        case .missing: "Unable to open password file \(error.path). There is no such file; -c makes it."
        case .system(let operation, let reason) where operation.hasPrefix("open"):
            "Unable to open password file \(error.path). Cannot \(operation): \(reason)."
        default: error.description
        }
    }

    private static func end(_ text: String) -> Never {
        Terminal.error(text)
        exit(1)
    }
}

extension Arguments {
    /// How fresh passwords are hashed.
    fileprivate var scheme: PasswordHash.Scheme { isSlow ? .slow : .sha512 }
}
