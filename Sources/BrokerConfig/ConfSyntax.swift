/// One line that means something: `key = value` or `include path`.
struct ConfStatement: Equatable {
    enum Content: Equatable {
        /// A literal value stood in quotes: nothing is substituted in it.
        case setting(key: ConfKey, value: String, isLiteral: Bool)
        case include(pattern: String)
    }

    let content: Content
    let line: Int
}

/// Reads the text of one file into statements. After a syntax error it goes on with the next line, so that all
/// errors of a file are found at once.
///
///     key = value # comment         a '#' anywhere in an unquoted value begins a comment
///     key = 'value # no comment'
///     key = '''several
///     lines'''
///     include conf.d/*.conf
struct ConfSyntax {
    private let bytes: [UInt8]
    private let path: String
    /// The start of the line being read, what follows it, and its number from 1.
    private var position = 0
    private var line = 0
    private(set) var statements: [ConfStatement] = []
    private(set) var findings = Findings<ConfigError>()

    var errors: [ConfigError] { findings.items }

    private struct SyntaxError: Error {
        /// `nil`: it is the key, which is too long.
        let expected: String?
        /// Index into `bytes`.
        let position: Int
    }

    /// - Parameter limit: statements that are read; what follows is an error.
    init(reading bytes: [UInt8], path: String, limit: Int = ConfigLimits.settingCount) {
        self.path = path
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            findings.append(ConfigError(.notUTF8, at: .file(path: path, line: Self.firstInvalidLine(bytes))))
            return
        }
        while position < bytes.count {
            guard statements.count < limit else {
                findings.append(
                    ConfigError(
                        .tooManySettings(limit: ConfigLimits.settingCount),
                        at: .file(path: path, line: line + 1)))
                return
            }
            line += 1
            let lineStart = position
            let firstLine = line
            do throws(SyntaxError) {
                if let content = try statement() {
                    statements.append(ConfStatement(content: content, line: firstLine))
                }
            } catch {
                let place = SettingSource.file(path: path, line: firstLine)
                let column = error.position - lineStart + 1
                let problem = error.expected.map { ConfigError.Problem.syntax(expected: $0, column: column) }
                findings.append(
                    ConfigError(problem ?? .keyTooLong(limit: ConfigLimits.keyByteCount), at: place))
            }
            skipLine()
        }
    }

    /// Reads up to the end of the line, or of the last line of a multi-line value.
    private mutating func statement() throws(SyntaxError) -> ConfStatement.Content? {
        skipBlanks()
        if isAtEnd { return nil }
        if let pattern = try includePattern() { return .include(pattern: pattern) }
        let beginning = bytes[position...].prefix(ConfigLimits.keyByteCount + 1)
        if beginning.count > ConfigLimits.keyByteCount, beginning.allSatisfy(ConfKey.isKeyByte) {
            throw SyntaxError(expected: nil, position: position)
        }
        var rest = bytes[position...]
        guard let key = ConfKey(reading: &rest) else { throw expected("a key") }
        position = rest.startIndex
        skipBlanks()
        guard current == UInt8(ascii: "=") else { throw expected("'=' after the key") }
        position += 1
        skipBlanks()
        var literal = try quoted(by: "'''", spansLines: true)
        if literal == nil { literal = try quoted(by: "'", spansLines: false) }
        if let value = literal {
            skipBlanks()
            guard isAtEnd else { throw expected("the end of the line after the closing quote") }
            return .setting(key: key, value: value, isLiteral: true)
        }
        let value = plain()
        guard !value.isEmpty else { throw expected("a value") }
        return .setting(key: key, value: value, isLiteral: false)
    }

    /// The rest of a line that begins with `include` and a blank.
    private mutating func includePattern() throws(SyntaxError) -> String? {
        let word = Array("include".utf8)
        let after = position + word.count
        guard bytes[position...].starts(with: word), after < bytes.count, Self.isBlank(bytes[after]) else {
            return nil
        }
        var next = after
        while next < bytes.count, Self.isBlank(bytes[next]) { next += 1 }
        if next < bytes.count, bytes[next] == UInt8(ascii: "=") { return nil }
        position = next
        if let pattern = try quoted(by: "'", spansLines: false) { return pattern }
        let pattern = plain()
        guard !pattern.isEmpty else { throw expected("a path after include") }
        return pattern
    }

    private mutating func quoted(by quote: String, spansLines: Bool) throws(SyntaxError) -> String? {
        let mark = Array(quote.utf8)
        guard bytes[position...].starts(with: mark) else { return nil }
        let opening = position
        position += mark.count
        let start = position
        while position < bytes.count, !bytes[position...].starts(with: mark) {
            if bytes[position] == UInt8(ascii: "\n") {
                guard spansLines else { break }
                line += 1
            }
            position += 1
        }
        guard position < bytes.count, bytes[position] == mark[0] else {
            throw SyntaxError(expected: "a closing \(quote)", position: opening)
        }
        let value = String(decoding: bytes[start..<position], as: UTF8.self)
        position += mark.count
        return value
    }

    /// Up to the first '#' or the end of the line, without trailing blanks.
    private mutating func plain() -> String {
        let start = position
        while !isAtEnd { position += 1 }
        var end = position
        while end > start, Self.isBlank(bytes[end - 1]) { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// At a comment or the end of the line.
    private var isAtEnd: Bool {
        guard let byte = current else { return true }
        if byte == UInt8(ascii: "\r") {
            return position + 1 == bytes.count || bytes[position + 1] == UInt8(ascii: "\n")
        }
        return byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "#")
    }

    private mutating func skipBlanks() {
        while let byte = current, Self.isBlank(byte) { position += 1 }
    }

    private mutating func skipLine() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
        position += 1
    }

    private func expected(_ what: String) -> SyntaxError { SyntaxError(expected: what, position: position) }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func firstInvalidLine(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0)
    }
}
