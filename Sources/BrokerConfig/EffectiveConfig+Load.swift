extension EffectiveConfig {
    /// Reads a configuration and checks all of it.
    ///
    /// From weak to strong: defaults, the file (a later line wins), `DOCKER_VERNEMQ_*` variables, `overrides`.
    ///
    /// - Parameters:
    ///   - path: the file; `nil` for none.
    ///   - overrides: keys and values of `--set`; a later one wins.
    ///   - environment: all variables, also for `$(NAME)` in values.
    /// - Throws: everything that is wrong, not only the first thing.
    package static func load(
        path: String?, overrides: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) throws(ConfigErrors) -> (EffectiveConfig, [ConfigNote]) {
        var loader = ConfigLoader(environment: environment)
        if let path { loader.readFile(path) }
        loader.readEnvironment()
        loader.readOverrides(overrides)
        return try loader.finish()
    }
}

/// Collects lines from all places, then makes an `EffectiveConfig` of them or says all that is wrong.
private struct ConfigLoader {
    private let table = SettingsTable.shared
    private let environment: [String: String]
    private var errors: [ConfigError] = []
    private var notes: [ConfigNote] = []
    /// The last line of each key, and the keys in the order in which they first came.
    private var lines: [String: ConfFile.Line] = [:]
    private var order: [ConfKey] = []
    /// The files in reading order.
    private var paths: [String] = []

    init(environment: [String: String]) {
        self.environment = environment
    }

    mutating func readFile(_ path: String) {
        let (file, problems) = ConfFile.reading(path: path)
        errors += problems
        paths = file.paths
        for line in file.lines { add(line) }
    }

    mutating func readEnvironment() {
        let docker = DockerEnvironment(environment)
        notes += docker.notes
        for setting in docker.settings {
            addText(setting.key, setting.value, from: .environment(variable: setting.variable))
        }
    }

    mutating func readOverrides(_ overrides: [(key: String, value: String)]) {
        for (key, value) in overrides { addText(key, value, from: .commandLine) }
    }

    private mutating func addText(_ key: String, _ value: String, from source: SettingSource) {
        guard let parsed = ConfKey(key) else {
            errors.append(
                ConfigError(.syntax(expected: "a key", column: 1), at: source, key: key, value: value))
            return
        }
        let isQuoted = value.count >= 2 && value.hasPrefix("'") && value.hasSuffix("'")
        let text = isQuoted ? String(value.dropFirst().dropLast()) : value
        do {
            let line = ConfFile.Line(key: parsed, value: text, isLiteral: isQuoted, source: source)
            add(try line.withFileContent(besides: ""))
        } catch {
            errors.append(error)
        }
    }

    private mutating func add(_ line: ConfFile.Line) {
        guard let setting = table.setting(for: line.key) else {
            let nearest = table.nearest(to: line.key)
            let mayBeSecret = ([line.key.description] + nearest).contains(where: Self.soundsSecret)
            errors.append(
                ConfigError(
                    .unknownKey, at: line.source, key: line.key.description,
                    value: mayBeSecret ? "******" : line.value, nearest: nearest))
            return
        }
        var key = line.key
        if let newName = setting.newName, let newKey = ConfKey(newName) {
            note(.info, line, "another name of \(newName)")
            key = newKey
        }
        if lines[key.description] == nil { order.append(key) }
        lines[key.description] = ConfFile.Line(
            key: key, value: line.value, isLiteral: line.isLiteral, source: line.source)
    }

    /// A mistyped key may still carry a secret.
    private static func soundsSecret(_ key: String) -> Bool {
        ["pas", "pwd", "secret", "cookie", "key", "psk"].contains(where: key.lowercased().contains)
    }

    private mutating func note(_ level: ConfigNote.Level, _ line: ConfFile.Line, _ text: String) {
        notes.append(ConfigNote(level: level, source: line.source, key: line.key.description, text: text))
    }

    mutating func finish() throws(ConfigErrors) -> (EffectiveConfig, [ConfigNote]) {
        var values: [String: EffectiveConfig.Value] = [:]
        for key in order {
            guard let line = lines[key.description], let setting = table.setting(for: key) else { continue }
            guard let text = expand(line), check(text, line, setting) else { continue }
            values[key.description] = EffectiveConfig.Value(
                key: key.description, text: text, source: line.source,
                shownText: EffectiveConfig.shown(text, of: setting))
            noteStatus(of: setting, line, text)
        }
        let config = EffectiveConfig(
            set: values, listenerKeys: order.filter { $0.words.first == "listener" },
            environment: environment,
            table: table)
        if errors.isEmpty { checkListeners(of: config) }
        guard errors.isEmpty else { throw ConfigErrors(errors: inReadingOrder(errors)) }
        return (config, notes)
    }

    /// By file and line; then variables, then `--set`.
    private func inReadingOrder(_ errors: [ConfigError]) -> [ConfigError] {
        func place(_ source: SettingSource) -> (Int, Int) {
            guard case .file(let path, let line) = source else { return (.max, 0) }
            return (paths.firstIndex(of: path) ?? -1, line)
        }
        return errors.enumerated().sorted { left, right in
            let (first, second) = (place(left.element.source), place(right.element.source))
            return first == second ? left.offset < right.offset : first < second
        }.map(\.element)
    }

    /// - Returns: `nil` when a substitution failed, which is among the errors then.
    private mutating func expand(_ line: ConfFile.Line) -> String? {
        if line.isLiteral { return line.value }
        let (table, lines) = (table, lines)
        let substitution = Substitution(
            lookUp: { name in
                if let other = lines[name] { return (other.value, other.isLiteral) }
                let text = ConfKey(name).flatMap(table.setting(for:))?.defaultValue
                return text.map { ($0, false) }
            }, environment: environment)
        do {
            return try substitution.expand(line.value, of: line.key.description)
        } catch {
            errors.append(ConfigError(error.problem, at: line.source, key: line.key.description))
            return nil
        }
    }

    private mutating func check(_ text: String, _ line: ConfFile.Line, _ setting: Setting) -> Bool {
        guard let problem = setting.type.problem(with: text) else { return true }
        errors.append(
            ConfigError(
                problem, at: line.source, key: line.key.description,
                value: EffectiveConfig.shown(text, of: setting), allowed: setting.type.allowed))
        return false
    }

    /// A warning for what an operator asked for and does not get; an info where the value asks for nothing.
    private mutating func noteStatus(of setting: Setting, _ line: ConfFile.Line, _ text: String) {
        switch setting.status {
        case .implemented: break
        case .ignored(let why): note(.info, line, "has no effect: \(why)")
        case .notYet:
            let isMainSwitch = setting.traits.contains(.mainSwitch)
            // What is off is off.
            if text == "off", setting.type == .flag, isMainSwitch || setting.defaultValue == "off" { break }
            if text == setting.defaultValue, !isMainSwitch, !setting.pattern.hasSuffix("$name") {
                note(.info, line, "not implemented in this build; the value is the default")
            } else {
                note(.warning, line, "not implemented in this build")
            }
        }
        if setting.pattern == "subscriber_retain_mode", text == "syncwait" {
            note(
                .warning, line,
                "syncwait is not implemented in this build; retained messages are sent at once")
        }
    }

    private mutating func checkListeners(of config: EffectiveConfig) {
        let listeners = config.listeners()
        var owners: [ListenerAddress: String] = [:]
        for listener in listeners {
            if case .ip(_, port: 0) = listener.address { continue }
            if let owner = owners[listener.address] {
                errors.append(
                    ConfigError(
                        .addressTaken(by: owner), at: listener.source, key: listener.key,
                        value: listener.address.description))
            }
            owners[listener.address] = listener.key
        }
        let known = Set(listeners.map(\.key))
        for key in config.listenerKeys where key.words.count > 3 {
            let owner = ConfKey(words: Array(key.words.prefix(3))).description
            guard let setting = table.setting(for: key), setting.pattern.contains("$name"),
                !known.contains(owner),
                let line = lines[key.description]
            else { continue }
            // The sample file of VerneMQ has such lines, with defaults.
            let asksForNothing = line.value == setting.defaultValue
            note(
                asksForNothing ? .info : .warning, line,
                "\(owner) has no address, so there is no such listener")
        }
        for listener in listeners where listener.kind == .tcp && !listener.address.isLoopback {
            guard config.flag(.allowAnonymous) || listener.allowAnonymousOverride else { continue }
            notes.append(
                ConfigNote(
                    level: .warning, source: listener.source, key: listener.key,
                    text:
                        "anybody who reaches \(listener.address) may connect, publish and subscribe (allow_anonymous)"
                ))
        }
        if !listeners.contains(where: { $0.kind == .tcp }) {
            notes.append(
                ConfigNote(
                    level: .warning, source: .builtIn, key: "listener.tcp.$name",
                    text:
                        "none is set: no MQTT client can connect; for one, set listener.tcp.default = 127.0.0.1:1883"
                ))
        }
        if !config.flag(.allowAnonymous), !listeners.contains(where: \.allowAnonymousOverride) {
            let source = config.value(FlagKey.allowAnonymous.rawValue)?.source ?? .builtIn
            notes.append(
                ConfigNote(
                    level: .warning, source: source, key: FlagKey.allowAnonymous.rawValue,
                    text: "off, and this build has no authentication plugin: no client can connect"))
        }
    }
}
