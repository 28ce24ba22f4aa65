package import Primitives

/// The content of a VerneMQ password file: a line `user:$6$salt$digest` for each user.
///
/// Lines that are not changed stay byte for byte as they are, comments (`#` in the first column), blank lines and lines that
/// mean nothing included. Where a user has several lines, the last one that is well formed counts, as in VerneMQ.
package struct PasswordFile: Sendable {
    /// Bytes of the longest file that is read.
    package static let byteLimit = 64 << 20
    /// Bytes of the longest line that is read, without its end.
    package static let lineByteLimit = 64 << 10
    /// Users of the longest file that is read.
    package static let userLimit = 1_000_000
    /// Problems that are kept to be shown.
    static let problemLimit = 100

    /// One or more lines of the file, with their ends.
    fileprivate enum Part {
        /// Lines that are no users, in a row.
        case other([UInt8])
        case user(UserLine)
    }

    private var parts: [Part] = []
    /// The first lines that let nobody in though they look as if they should.
    package private(set) var problems: [PasswordLineProblem] = []
    /// All lines of that kind, those that `problems` does not list included.
    package private(set) var problemCount = 0

    /// A file without lines.
    package init() {}

    /// - Parameter path: of the file, for errors.
    /// - Throws: when a limit is passed.
    package init(parsing bytes: [UInt8], path: String) throws(PasswordFileError) {
        guard bytes.count <= Self.byteLimit else {
            throw PasswordFileError(.tooLong(limit: Self.byteLimit), path: path)
        }
        var number = 0
        var start = 0
        var users = 0
        /// Where the lines begin that are no users and that no part holds yet.
        var others = 0
        while start < bytes.count {
            number += 1
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            guard end - start <= Self.lineByteLimit else {
                throw PasswordFileError(.lineTooLong(limit: Self.lineByteLimit), path: path, line: number)
            }
            let next = min(end + 1, bytes.count)
            switch UserLine.read(bytes[start..<next]) {
            case .user(let line):
                users += 1
                guard users <= Self.userLimit else {
                    throw PasswordFileError(
                        .tooManyUsers(limit: Self.userLimit), path: path, line: number)
                }
                if others < start { parts.append(.other(Array(bytes[others..<start]))) }
                others = next
                parts.append(.user(line))
                if let kind = line.problem { note(kind, number) }
            case .other(let kind):
                if let kind { note(kind, number) }
            }
            start = next
        }
        if others < bytes.count { parts.append(.other(Array(bytes[others...]))) }
    }

    private mutating func note(_ kind: PasswordLineProblem.Kind, _ line: Int) {
        problemCount += 1
        if problems.count < Self.problemLimit { problems.append(PasswordLineProblem(kind: kind, line: line)) }
    }

    /// The file as it is to be written.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .other(let lines): bytes += lines
            case .user(let line): bytes += line.bytes
            }
        }
        return bytes
    }

    /// Who may log in with what: users whose last well-formed line has a hash.
    package var hashes: [UTF8Text: PasswordHash] {
        var hashes: [UTF8Text: PasswordHash] = [:]
        for case .user(let line) in parts {
            guard case .hashed(let hash) = line.password else { continue }
            hashes[UTF8Text(bytes: Array(line.name))] = hash
        }
        return hashes
    }

    // MARK: Changes

    /// Gives `user` this password: in the place of its first line, or in a new line at the end. Further lines of the user
    /// are removed.
    ///
    /// - Returns: whether the user was there.
    /// - Throws: when no line can hold that name.
    @discardableResult
    package mutating func set(_ user: UTF8Text, _ hash: PasswordHash) throws(PasswordFileError) -> Bool {
        try UserLine.check(user)
        let line = UserLine(name: user.bytes, hash: hash)
        let first = parts.firstIndex { $0.isUser(user) }
        if let first {
            let isWithoutEnd = first == parts.count - 1 && parts[first].isWithoutEnd
            parts[first] = .user(isWithoutEnd ? line.withoutEnd : line)
            let rest = parts[(first + 1)...].filter { !$0.isUser(user) }
            parts.replaceSubrange((first + 1)..., with: rest)
            return true
        }
        endLastLine()
        parts.append(.user(line))
        return false
    }

    /// Removes all lines of `user`.
    ///
    /// - Returns: whether there were any.
    package mutating func remove(_ user: UTF8Text) -> Bool {
        let before = parts.count
        parts.removeAll { $0.isUser(user) }
        return parts.count < before
    }

    /// Hashes every password that is there in plain text. What is hashed stays as it is, so a second call changes nothing.
    ///
    /// - Returns: how many were hashed.
    package mutating func hashPlainText(_ scheme: PasswordHash.Scheme = .sha512) throws(PasswordFileError)
        -> Int
    {
        var count = 0
        for index in parts.indices {
            guard case .user(let line) = parts[index], case .plain(let password) = line.password else {
                continue
            }
            var hashed = UserLine(name: Array(line.name), hash: try PasswordHash(of: Array(password), scheme))
            if parts[index].isWithoutEnd { hashed = hashed.withoutEnd }
            parts[index] = .user(hashed)
            count += 1
        }
        return count
    }

    /// A line that is added would go on with the last one otherwise.
    private mutating func endLastLine() {
        guard let last = parts.last, last.isWithoutEnd else { return }
        let end = [UInt8(ascii: "\n")]
        switch last {
        case .other(let lines): parts[parts.count - 1] = .other(lines + end)
        case .user(let line): parts[parts.count - 1] = .user(UserLine(bytes: line.bytes + end, line.colon))
        }
    }
}

extension PasswordFile.Part {
    fileprivate func isUser(_ user: UTF8Text) -> Bool {
        guard case .user(let line) = self else { return false }
        return line.name.elementsEqual(user.bytes)
    }

    fileprivate var isWithoutEnd: Bool {
        switch self {
        case .other(let lines): lines.last != UInt8(ascii: "\n")
        case .user(let line): line.bytes.last != UInt8(ascii: "\n")
        }
    }
}
