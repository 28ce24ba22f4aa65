import Primitives

/// One line of a password file that names a user: `name:password`, with its end.
struct UserLine: Sendable {
    /// What stands after the colon.
    enum Password {
        case none
        case plain(ArraySlice<UInt8>)
        case hashed(PasswordHash)
        /// Begins as a hash and is none.
        case damaged
    }

    /// What a line is.
    enum Reading {
        case user(UserLine)
        /// A comment or a blank line, or a line that means nothing, and why.
        case other(PasswordLineProblem.Kind?)
    }

    /// The whole line with its end.
    let bytes: [UInt8]
    /// Where the first colon stands.
    let colon: Int

    init(bytes: [UInt8], _ colon: Int) {
        self.bytes = bytes
        self.colon = colon
    }

    init(name: [UInt8], hash: PasswordHash) {
        bytes = name + [UInt8(ascii: ":")] + hash.text + [UInt8(ascii: "\n")]
        colon = name.count
    }

    /// Says what `line` is.
    ///
    /// - Parameter line: with its end.
    static func read(_ line: ArraySlice<UInt8>) -> Reading {
        let text = withoutEnd(line)
        if text.first == UInt8(ascii: "#") || text.allSatisfy(isBlank) { return .other(nil) }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return .other(.noColon) }
        guard colon > text.startIndex else { return .other(.noUserName) }
        return .user(UserLine(bytes: Array(line), colon - line.startIndex))
    }

    var name: ArraySlice<UInt8> { bytes[..<colon] }

    var password: Password {
        let text = Self.withoutEnd(bytes[(colon + 1)...])
        if text.isEmpty { return .none }
        if let hash = PasswordHash(text: text) { return .hashed(hash) }
        let isMarked =
            text.starts(with: PasswordHash.marker) || text.starts(with: PasswordHash.slowMarker)
        return isMarked ? .damaged : .plain(text)
    }

    var problem: PasswordLineProblem.Kind? {
        switch password {
        case .none: .noPassword
        case .plain: .plainText
        case .hashed: nil
        case .damaged: .damagedHash
        }
    }

    /// The same without the line feed.
    var withoutEnd: UserLine { UserLine(bytes: Array(Self.withoutEnd(bytes[...])), colon) }

    /// - Throws: when no line can hold the name, or it would be read as something else.
    static func check(_ user: UTF8Text) throws(PasswordFileError) {
        let reason: String
        // Leaves room for the hash, so that the line can be read again.
        let limit = PasswordFile.lineByteLimit - 256
        if user.isEmpty {
            reason = "it is empty"
        } else if user.bytes.contains(UInt8(ascii: ":")) {
            reason = "a colon ends the name in the file"
        } else if user.bytes.first == UInt8(ascii: "#") {
            reason = "a # at its beginning makes the line a comment"
        } else if user.bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            reason = "it has a control character"
        } else if user.bytes.allSatisfy(isBlank) {
            reason = "it has only blanks"
        } else if user.count > limit {
            reason = "it is longer than \(limit) bytes"
        } else {
            return
        }
        let shown = String(user.description.prefix(80).filter { !$0.isNewline })
        throw PasswordFileError(.badUserName(name: shown, reason: reason))
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// Without a line feed, and without the carriage return of editors that write two.
    private static func withoutEnd(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = line
        if text.last == UInt8(ascii: "\n") { text = text.dropLast() }
        if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
        return text
    }
}
