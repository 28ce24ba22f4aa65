/// Every setting's value and where it came from. Immutable once loaded; see `load(path:overrides:environment:)`.
package struct EffectiveConfig: Sendable {
    /// One setting as it is in force.
    package struct Value: Equatable, Sendable {
        /// The full key, free words filled in.
        package let key: String
        /// As written, with substitutions made.
        package let text: String
        /// Who set it; `.builtIn` for a default.
        package let source: SettingSource
        /// For output: secrets are hidden.
        package let shownText: String
    }

    /// What somebody set, by full key. Checked against the types.
    let set: [String: Value]
    /// Listener keys as words: a name may hold a dot.
    let listenerKeys: [ConfKey]
    let environment: [String: String]
    let table: SettingsTable

    /// The value of `key`: set, else the default; `nil` when the key is unknown or has neither.
    package func value(_ key: String) -> Value? {
        if let value = set[key] { return value }
        guard let setting = ConfKey(key).flatMap(table.setting(for:)) else { return nil }
        if let newName = setting.newName { return value(newName) }
        return defaultValue(of: setting, key: key)
    }

    func defaultValue(of setting: Setting, key: String) -> Value? {
        guard let text = setting.defaultValue else { return nil }
        var substitution = Substitution(
            lookUp: { name in value(name).map { ($0.text, true) } }, environment: environment)
        let expanded = (try? substitution.expand(text, of: key)) ?? text
        return Value(
            key: key, text: expanded, source: .builtIn, shownText: Self.shown(expanded, of: setting))
    }

    static func shown(_ text: String, of setting: Setting) -> String {
        setting.isSecret && !text.isEmpty ? "******" : text
    }
}

extension EffectiveConfig {
    /// Whether the setting is `on`.
    package func flag(_ key: FlagKey) -> Bool { text(key.rawValue) == "on" }

    /// The number, in the unit of the table. Ranges were checked when the configuration was loaded.
    package func integer(_ key: IntegerKey) -> Int { number(key.rawValue) }

    /// In the unit of the table.
    package func integer(_ key: DurationKey) -> Int { number(key.rawValue) }

    /// The time as a `Duration`, by the unit that the table has for the setting: milliseconds or seconds.
    package func duration(_ key: DurationKey) -> Duration {
        switch table.setting(pattern: key.rawValue)?.unit {
        case .milliseconds: .milliseconds(number(key.rawValue))
        default: .seconds(number(key.rawValue))
        }
    }

    /// Seconds, or `nil` for no limit.
    package func seconds(_ key: ExpiryKey) -> UInt32? { ConfigValue.expirySeconds(text(key.rawValue)) }

    /// Bytes; `nil` where nothing is set and there is no default.
    package func byteCount(_ key: ByteSizeKey) -> Int? {
        value(key.rawValue).flatMap { ConfigValue.byteCount($0.text) }
    }

    /// The text with substitutions made; empty where that is the value.
    package func string(_ key: StringKey) -> String { text(key.rawValue) }

    /// What Prometheus metric names begin with; written as `""` when that is nothing.
    package var prometheusNamespace: String {
        let text = string(.prometheusNamespace)
        return text == "\"\"" ? "" : text
    }

    /// The path of the Unix socket for `vmq-admin`; a relative one counts from the broker's working directory.
    package var adminSocket: String {
        let path = string(.adminSocket)
        return path.isEmpty ? string(.platformDataDirectory) + "/admin.sock" : path
    }

    private func text(_ key: String) -> String {
        guard let value = value(key) else {
            fatalError("every typed key has a default in SettingsTable: \(key)")
        }
        return value.text
    }

    private func number(_ key: String) -> Int {
        guard let number = Int(text(key)) else {
            fatalError("values are checked when they are loaded: \(key)")
        }
        return number
    }
}
