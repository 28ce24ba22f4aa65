/// Collects lines from all places, then makes an `EffectiveConfig` of them and says all that is wrong.
struct ConfigLoader {
    let table = SettingsTable.shared
    let environment: [String: String]
    var errors = Findings<ConfigError>()
    var notes: [ConfigNote.Level: Findings<ConfigNote>] = [:]
    /// The last line of each key, and the keys in the order in which they first came.
    private(set) var lines: [String: ConfFile.Line] = [:]
    private(set) var order: [ConfKey] = []
    /// Keys whose value is not good.
    private(set) var broken: Set<String> = []
    /// The place of each file in reading order, at which it was read first.
    private var places: [String: Int] = [:]

    init(environment: [String: String]) {
        self.environment = environment
    }

    mutating func readFile(_ path: String) {
        let (file, findings) = ConfFile.reading(path: path)
        errors.append(findings)
        for path in file.paths where places[path] == nil { places[path] = places.count }
        for line in file.lines { add(line) }
    }

    mutating func readEnvironment() {
        let docker = DockerEnvironment(environment)
        for note in docker.notes { add(note) }
        for error in docker.errors { errors.append(error) }
        for setting in docker.settings {
            addText(setting.key, setting.value, from: .environment(variable: setting.variable))
        }
    }

    mutating func readOverrides(_ overrides: [(key: String, value: String)]) {
        for (key, value) in overrides { addText(key, value, from: .commandLine) }
    }

    private mutating func addText(_ key: String, _ value: String, from source: SettingSource) {
        guard key.utf8.count <= ConfigLimits.keyByteCount else {
            errors.append(ConfigError(.keyTooLong(limit: ConfigLimits.keyByteCount), at: source, key: key))
            return
        }
        guard let parsed = ConfKey(key) else {
            errors.append(ConfigError(.syntax(expected: "a key", column: 1), at: source, key: key))
            return
        }
        // Bytes that are no text became this character when the variable or argument was read.
        guard !value.unicodeScalars.contains("\u{FFFD}") else {
            errors.append(ConfigError(.notUTF8, at: source, key: key))
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
            // What may have been meant is looked for when it is known which errors are shown.
            errors.append(
                ConfigError(.unknownKey, at: line.source, key: line.key.description, value: line.value))
            return
        }
        var key = line.key
        if let newName = setting.newName, let newKey = ConfKey(newName) {
            note(.info, line, "another name of \(newName)")
            key = newKey
        }
        let name = key.description
        if lines[name] == nil { order.append(key) }
        lines[name] = ConfFile.Line(
            key: key, value: line.value, isLiteral: line.isLiteral, source: line.source)
    }

    mutating func note(_ level: ConfigNote.Level, _ line: ConfFile.Line, _ text: String) {
        add(ConfigNote(level: level, source: line.source, key: line.key.description, text: text))
    }

    mutating func add(_ note: ConfigNote) { notes[note.level, default: Findings()].append(note) }

    // MARK: All together

    mutating func finish() -> ConfigReport {
        let given = lines
        var substitution = Substitution(
            lookUp: { [table] name in
                if let other = given[name] { return (other.value, other.isLiteral) }
                let text = ConfKey(name).flatMap(table.setting(for:))?.defaultValue
                return text.map { ($0, false) }
            }, environment: environment)
        var values: [String: EffectiveConfig.Value] = [:]
        for key in order {
            let name = key.description
            guard let line = lines[name], let setting = table.setting(for: key) else { continue }
            guard let text = expand(line, &substitution), check(text, line, setting) else {
                broken.insert(name)
                continue
            }
            values[name] = EffectiveConfig.Value(
                key: name, text: text, source: line.source,
                shownText: EffectiveConfig.shown(text, of: setting))
        }
        let config = EffectiveConfig(
            set: values, listenerKeys: order.filter { $0.words.first == "listener" },
            environment: environment,
            table: table)
        for key in order {
            guard let value = values[key.description], let setting = table.setting(for: key) else { continue }
            tellStatus(of: setting, value, config)
        }
        checkListeners(of: config)
        return report(config, substitution.lookUps)
    }

    private func report(_ config: EffectiveConfig, _ lookUps: Int) -> ConfigReport {
        let limit = ConfigLimits.shownFindings
        let inOrder = inReadingOrder(errors.items, \.source)
        var nearest = table.nearestKeys()
        let shown = inOrder.prefix(limit).map { error -> ConfigError in
            guard error.problem == .unknownKey, let key = ConfKey(error.key) else { return error }
            var error = error
            error.nearest = table.nearest(to: key, &nearest)
            // A mistyped key may still carry a secret.
            if ([error.key] + error.nearest).contains(where: Self.soundsSecret) { error.value = "******" }
            return error
        }
        var shownNotes: [ConfigNote] = []
        var omitted: [ConfigNote.Level: Int] = [:]
        for (level, found) in notes.sorted(by: { $0.key.rawValue > $1.key.rawValue }) {
            shownNotes += inReadingOrder(found.items, \.source).prefix(limit)
            omitted[level] = max(0, found.items.count - limit) + found.omitted
        }
        return ConfigReport(
            config: config,
            errors: ConfigErrors(errors: shown, omitted: inOrder.count - shown.count + errors.omitted),
            notes: inReadingOrder(shownNotes, \.source), omittedNotes: omitted,
            work: ConfigReport.Work(nearestSteps: nearest.steps, substitutionLookUps: lookUps))
    }

    private static func soundsSecret(_ key: String) -> Bool {
        ["pas", "pwd", "secret", "cookie", "key", "psk"].contains(where: key.lowercased().contains)
    }

    /// By file and line; then variables by name, then `--set`, then what nobody set.
    private func inReadingOrder<Item>(_ items: [Item], _ source: KeyPath<Item, SettingSource>) -> [Item] {
        func place(_ source: SettingSource) -> (Int, Int, String) {
            switch source {
            case .file(let path, let line): (places[path] ?? -1, line, "")
            case .environment(let variable): (.max, 0, variable)
            case .commandLine: (.max, 1, "")
            case .builtIn: (.max, 2, "")
            }
        }
        let placed = items.enumerated().map { ($0.offset, place($0.element[keyPath: source]), $0.element) }
        return placed.sorted { left, right in
            left.1 == right.1 ? left.0 < right.0 : left.1 < right.1
        }.map { $0.2 }
    }

    /// - Returns: `nil` when a substitution failed, which is among the errors then.
    private mutating func expand(_ line: ConfFile.Line, _ substitution: inout Substitution) -> String? {
        if line.isLiteral || !line.value.utf8.contains(UInt8(ascii: "$")) { return line.value }
        // Values that fail are worked out again for each that names them, so not too many of them are.
        guard !errors.isFull else {
            errors.omitOne()
            return nil
        }
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
}
