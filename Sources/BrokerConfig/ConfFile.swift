/// A configuration file with all it includes, in reading order, before anybody asks what the keys mean.
package struct ConfFile: Sendable {
    /// One `key = value` as it stands in a file.
    package struct Line: Equatable, Sendable {
        /// The key as it is written. The loader replaces an old name by the new one.
        package let key: ConfKey
        /// The text of the value without quotes. `$(<file)` has been replaced by the content of the file,
        /// `$(other.key)` has not been replaced yet.
        package let value: String
        /// The value stood in quotes: nothing is substituted in it.
        package let isLiteral: Bool
        /// Where it was written.
        package let source: SettingSource
    }

    /// In the order in which they count: a later line of the same key wins.
    package private(set) var lines: [Line] = []
    /// Every file read, in order.
    package private(set) var paths: [String] = []
    private var findings = Findings<ConfigError>()
    /// Bytes of all files so far.
    private var byteCount = 0
    /// Files opened so far, each as often as it is included.
    private var fileCount = 0
    /// A limit was reached, which was said.
    private var isOver = false

    /// Reads `path` and what it includes.
    ///
    /// - Throws: every unreadable file, syntax error and circle of includes found, not only the first.
    package init(path: String) throws(ConfigErrors) {
        self = Self.reading(path: path).file
        guard findings.isEmpty else {
            throw ConfigErrors(errors: findings.items, omitted: findings.omitted)
        }
    }

    private init() {}

    /// The lines that could be read beside all that was wrong, so that a caller can report the rest too.
    static func reading(path: String) -> (file: ConfFile, findings: Findings<ConfigError>) {
        var file = ConfFile()
        file.read(path: path, includedFrom: nil, open: [])
        return (file, file.findings)
    }

    /// - Parameter open: the real paths of the files around this one, outermost first.
    private mutating func read(path: String, includedFrom: SettingSource?, open: [String]) {
        let source = includedFrom ?? .file(path: path, line: 0)
        let key = includedFrom == nil ? "" : "include \(path)"
        guard !isOver else { return }
        fileCount += 1
        guard fileCount <= ConfigLimits.fileCount else {
            isOver = true
            findings.append(ConfigError(.tooManyFiles(limit: ConfigLimits.fileCount), at: source, key: key))
            return
        }
        let realPath = FileReader.realPath(path)
        guard !open.contains(realPath) else {
            findings.append(ConfigError(.includeCycle, at: source, value: path))
            return
        }
        guard open.count <= ConfigLimits.includeDepth else {
            findings.append(
                ConfigError(.includeTooDeep(limit: ConfigLimits.includeDepth), at: source, key: key))
            return
        }
        guard let bytes = content(of: path, at: source, key: key, limit: ConfigLimits.byteCount) else {
            return
        }
        paths.append(path)
        let syntax = ConfSyntax(
            reading: bytes, path: path, limit: ConfigLimits.settingCount - lines.count)
        findings.append(syntax.findings)
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

    /// - Parameter limit: bytes of this file; all files together have `ConfigLimits.byteCount`.
    private mutating func content(
        of path: String, at source: SettingSource, key: String, limit: Int
    ) -> [UInt8]? {
        do {
            let bytes = try FileReader.bytes(of: path, limit: min(limit, ConfigLimits.byteCount - byteCount))
            byteCount += bytes.count
            return bytes
        } catch {
            findings.append(ConfigError(.unreadableFile(reason: error.reason), at: source, key: key))
            return nil
        }
    }

    private mutating func add(_ line: Line, from path: String) {
        guard lines.count < ConfigLimits.settingCount else {
            findings.append(
                ConfigError(.tooManySettings(limit: ConfigLimits.settingCount), at: line.source))
            isOver = true
            return
        }
        do {
            let complete = try line.withFileContent(besides: path, limit: ConfigLimits.byteCount - byteCount)
            if complete.isLiteral != line.isLiteral { byteCount += complete.value.utf8.count }
            lines.append(complete)
        } catch {
            findings.append(error)
        }
    }
}

extension ConfFile.Line {
    /// Replaces `$(<file)` by the content of the file without its final newline; the path counts from the directory
    /// of `configuration`.
    ///
    /// - Parameter limit: bytes that the file may have, if that is less than what any may have.
    func withFileContent(
        besides configuration: String, limit: Int = .max
    ) throws(ConfigError) -> Self {
        guard !isLiteral, value.hasPrefix("$(<"), value.hasSuffix(")") else { return self }
        let name = String(ConfigValue.trimmed(value.dropFirst(3).dropLast()))
        var bytes: [UInt8]
        do {
            bytes = try FileReader.bytes(
                of: FileReader.resolve(name, besides: configuration),
                limit: min(limit, ConfigLimits.valueFileByteCount))
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
