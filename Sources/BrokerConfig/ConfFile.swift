/// A configuration file with all it includes, in reading order, before anybody asks what the keys mean.
package struct ConfFile: Sendable {
    /// One `key = value` as it stands in a file.
    package struct Line: Equatable, Sendable {
        package let key: ConfKey
        package let value: String
        /// The value stood in quotes: nothing is substituted in it.
        package let isLiteral: Bool
        package let source: SettingSource
    }

    /// In the order in which they count: a later line of the same key wins.
    package private(set) var lines: [Line] = []
    /// Every file read, in order.
    package private(set) var paths: [String] = []
    private var errors: [ConfigError] = []

    /// Reads `path` and what it includes.
    ///
    /// - Throws: every unreadable file, syntax error and circle of includes found, not only the first.
    package init(path: String) throws(ConfigErrors) {
        self = Self.reading(path: path).file
        guard errors.isEmpty else { throw ConfigErrors(errors: errors) }
    }

    private init() {}

    /// The lines that could be read beside all that was wrong, so that a caller can report the rest too.
    static func reading(path: String) -> (file: ConfFile, errors: [ConfigError]) {
        var file = ConfFile()
        file.read(path: path, includedFrom: nil, open: [])
        return (file, file.errors)
    }

    /// - Parameter open: the real paths of the files around this one, outermost first.
    private mutating func read(path: String, includedFrom: SettingSource?, open: [String]) {
        let source = includedFrom ?? .file(path: path, line: 0)
        let realPath = FileReader.realPath(path)
        guard !open.contains(realPath) else {
            errors.append(ConfigError(.includeCycle, at: source, value: path))
            return
        }
        let bytes: [UInt8]
        do {
            bytes = try FileReader.bytes(of: path)
        } catch {
            let key = includedFrom == nil ? "" : "include \(path)"
            errors.append(ConfigError(.unreadableFile(reason: error.reason), at: source, key: key))
            return
        }
        paths.append(path)
        let syntax = ConfSyntax(reading: bytes, path: path)
        errors += syntax.errors
        for statement in syntax.statements {
            let source = SettingSource.file(path: path, line: statement.line)
            switch statement.content {
            case .setting(let key, let value, let isLiteral):
                add(Line(key: key, value: value, isLiteral: isLiteral, source: source), from: path)
            case .include(let pattern):
                for included in FileReader.paths(matching: FileReader.resolve(pattern, besides: path)) {
                    read(path: included, includedFrom: source, open: open + [realPath])
                }
            }
        }
    }

    private mutating func add(_ line: Line, from path: String) {
        do {
            lines.append(try line.withFileContent(besides: path))
        } catch {
            errors.append(error)
        }
    }
}

extension ConfFile.Line {
    /// Replaces `$(<file)` by the content of the file without its final newline; the path counts from the directory
    /// of `configuration`.
    func withFileContent(besides configuration: String) throws(ConfigError) -> Self {
        guard !isLiteral, value.hasPrefix("$(<"), value.hasSuffix(")") else { return self }
        let name = String(ConfigValue.trimmed(value.dropFirst(3).dropLast()))
        var bytes: [UInt8]
        do {
            bytes = try FileReader.bytes(of: FileReader.resolve(name, besides: configuration))
        } catch {
            throw ConfigError(.unreadableFile(reason: error.reason), at: source, key: "\(key) $(<\(name))")
        }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let content = String(validating: bytes, as: UTF8.self) else {
            throw ConfigError(.notUTF8, at: source, key: "\(key) $(<\(name))")
        }
        return Self(key: key, value: content, isLiteral: true, source: source)
    }
}
