/// What went wrong with a password file, where, and what would be right.
///
///     /etc/vernemq/vmq.passwd:7: the line is longer than 65536 bytes
package struct PasswordFileError: Error, Hashable, Sendable {
    /// What is wrong, as a closed choice.
    package enum Problem: Hashable, Sendable {
        /// A call of the system failed. `operation` completes "cannot"; `reason` is the system's text.
        case system(operation: String, reason: String)
        /// There is no such file.
        case missing
        /// A file that was to be created is there.
        case exists
        /// A folder, a pipe, a device: nothing that can be replaced.
        case notAFile
        /// More bytes than are read.
        case tooLong(limit: Int)
        /// More users than are read.
        case tooManyUsers(limit: Int)
        /// A line of more bytes than are read.
        case lineTooLong(limit: Int)
        /// Links that lead to each other.
        case linksInACircle
        /// Another process has been changing a file of this folder for so many seconds.
        case locked(seconds: Int)
        /// A user name that no line can hold; `reason` says why.
        case badUserName(name: String, reason: String)
        /// There are no random numbers for a salt.
        case noRandomBytes
        /// The library that hashes has no memory.
        case hashingFailed
    }

    /// What is wrong.
    package let problem: Problem
    /// The file; empty where the trouble is with none.
    package let path: String
    /// Counted from 1; `nil` where the trouble is with no line.
    package let line: Int?

    /// An error of `problem`.
    package init(_ problem: Problem, path: String = "", line: Int? = nil) {
        self.problem = problem
        self.path = path
        self.line = line
    }
}

extension PasswordFileError: CustomStringConvertible {
    package var description: String {
        guard !path.isEmpty else { return text }
        return line.map { "\(path):\($0): \(text)" } ?? "\(path): \(text)"
    }

    private var text: String {
        switch problem {
        case .system(let operation, let reason): "cannot \(operation): \(reason)"
        case .missing: "there is no such file"
        case .exists: "the file already exists"
        case .notAFile: "this is no regular file"
        case .tooLong(let limit): "the file is longer than \(limit) bytes"
        case .tooManyUsers(let limit): "the file has more than \(limit) users"
        case .lineTooLong(let limit): "the line is longer than \(limit) bytes"
        case .linksInACircle: "symbolic links lead in a circle"
        case .locked(let seconds):
            "another process has been changing a password file of this folder for \(seconds) seconds"
        case .badUserName(let name, let reason): "\"\(name)\" cannot be a user name: \(reason)"
        case .noRandomBytes: "the system gives no random numbers, so there can be no salt"
        case .hashingFailed: "the password cannot be hashed: out of memory"
        }
    }
}

/// A line of a password file that lets nobody in, though it looks as if it should.
package struct PasswordLineProblem: Hashable, Sendable {
    /// What is wrong with it.
    package enum Kind: Hashable, Sendable {
        /// Neither a user nor a comment.
        case noColon
        /// Nothing stands before the colon.
        case noUserName
        /// Nothing stands after the colon.
        case noPassword
        /// The password is there in plain text.
        case plainText
        /// It begins as a hash and is none.
        case damagedHash
    }

    /// What is wrong with it.
    package let kind: Kind
    /// Counted from 1.
    package let line: Int

    /// As the end of a sentence that begins with file and line. Never says what the line holds.
    package var text: String {
        switch kind {
        case .noColon: "expected user:password or a comment; the line is not used"
        case .noUserName: "no user name before the colon; the line is not used"
        case .noPassword: "no password after the colon; the user cannot log in"
        case .plainText: "the password is not hashed, so the user cannot log in; vmq-passwd -U hashes it"
        case .damagedHash:
            "the hash is damaged (allowed: $6$, salt, $, 64 bytes, or $scrypt$ln=14,r=8,p=1$, salt, $, 32 bytes, in base64); the user cannot log in"
        }
    }
}
