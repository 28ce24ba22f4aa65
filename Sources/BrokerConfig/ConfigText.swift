/// What `vernemq config …` prints.
package enum ConfigText {
    /// `vernemq config check FILE`: warnings, errors, notes where there is no error, and a last line that says whether the
    /// file is good.
    ///
    /// - Returns: the text, and whether a broker would start.
    package static func check(
        path: String, overrides: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) -> (text: String, isValid: Bool) {
        let report = EffectiveConfig.report(path: path, overrides: overrides, environment: environment)
        guard report.canStart else {
            let errors = report.errors.count
            let warnings = report.notes.count { $0.level == .warning } + (report.omittedNotes[.warning] ?? 0)
            var summary = "config has \(errors) error\(errors == 1 ? "" : "s")"
            if warnings > 0 { summary += " and \(warnings) warning\(warnings == 1 ? "" : "s")" }
            let lines = report.noteLines([.warning]) + [report.errors.description, summary]
            return (lines.joined(separator: "\n") + "\n", false)
        }
        let listeners = report.config.listeners().map {
            "\($0.key) = \($0.address)" + ($0.kind.isImplemented ? "" : " (not served by this build)")
        }
        let lines =
            report.noteLines() + listeners + ["who may do what:"]
            + ConfigExposure.lines(report.config).map { "  \($0)" } + ["config is OK"]
        return (lines.joined(separator: "\n") + "\n", true)
    }

    /// `vernemq config show`: what was set, with its origin.
    ///
    /// - Parameter all: every value in force, defaults, hidden ones and what listeners inherit included.
    package static func show(_ config: EffectiveConfig, all: Bool) -> String {
        var values = Array(config.set.values)
        if all {
            for setting in config.table.settings
            where !setting.isPattern && setting.newName == nil && setting.origin != .removed {
                guard config.set[setting.pattern] == nil, let value = config.value(setting.pattern) else {
                    continue
                }
                values.append(value)
            }
            values += inherited(config)
        }
        let rows = values.sorted { $0.key < $1.key }.map { value in
            [value.key, value.shownText, value.source.description + remark(on: value, config)]
        }
        return table(["key", "value", "origin"], rows)
    }

    /// What each listener has that was not set for it by name.
    private static func inherited(_ config: EffectiveConfig) -> [EffectiveConfig.Value] {
        config.listeners().flatMap { listener -> [EffectiveConfig.Value] in
            let prefix = "listener.\(listener.kind).$name"
            let address = config.set[listener.key] == nil ? config.value(listener.key) : nil
            let options = config.table.settings.filter {
                $0.pattern.hasPrefix(prefix + ".") && $0.status == .implemented
            }
            return [address].compactMap(\.self)
                + options.compactMap { setting in
                    let option = String(setting.pattern.dropFirst(prefix.count + 1))
                    guard config.set["\(listener.key).\(option)"] == nil,
                        let value = config.listenerOption(option, of: listener.kind, listener.name)
                    else { return nil }
                    return EffectiveConfig.Value(
                        key: "\(listener.key).\(option)", text: value.text, source: value.source,
                        shownText: value.shownText)
                }
        }
    }

    private static func remark(on value: EffectiveConfig.Value, _ config: EffectiveConfig) -> String {
        switch ConfKey(value.key).flatMap(config.table.setting(for:))?.status {
        case .notYet: " (not implemented)"
        case .ignored: " (no effect)"
        case .implemented, nil: ""
        }
    }

    /// A longer cell does not push the next column of all rows to the right.
    private static let widestColumn = 56

    /// Columns as wide as their widest cell, the last one without padding.
    private static func table(_ header: [String], _ rows: [[String]]) -> String {
        let widths = header.indices.dropLast().map { column in
            ([header] + rows).map { $0[column].count }.filter { $0 <= widestColumn }.max() ?? 0
        }
        return ([header] + rows).map { row in
            let padded = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: max(0, width - cell.count))
            }
            return (padded + row.suffix(1)).joined(separator: "  ") + "\n"
        }.joined()
    }

    /// `vernemq config describe KEY`.
    ///
    /// - Throws: an unknown key, with the nearest ones.
    package static func describe(
        _ key: String, in config: EffectiveConfig? = nil, table: SettingsTable = .shared
    ) throws(ConfigError) -> String {
        let parsed = ConfKey(key)
        guard let setting = table.setting(pattern: key) ?? parsed.flatMap(table.setting(for:)) else {
            throw ConfigError(
                .unknownKey, at: .commandLine, key: key, nearest: parsed.map(table.nearest(to:)) ?? [])
        }
        var lines = [setting.pattern, "  \(setting.meaning)"]
        func add(_ name: String, _ value: String) { lines.append("  \(name): \(value)") }
        add("type", setting.type.name)
        add("allowed", setting.type.allowed)
        if setting.unit != .none { add("unit", setting.unit.rawValue) }
        add("default", setting.defaultValue.map { $0.isEmpty ? "empty" : $0 } ?? "none")
        add("since", setting.origin.rawValue)
        add(
            "changes at run time",
            setting.changesAtOnce
                ? "yes, with vmq-admin set"
                : setting.isRuntime ? "in VerneMQ; here with the next start" : "no")
        add("in this build", statusText(setting))
        if let newName = setting.newName { add("now called", newName) }
        if let value = setting.isPattern ? config?.set[key] : config?.value(key) {
            add("value", "\(value.shownText) (\(value.source))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static func statusText(_ setting: Setting) -> String {
        switch setting.status {
        case .implemented: "implemented"
        case .notYet(.protects(let protection)):
            "not implemented; it decides \(protection.decides), so the broker does not start with it"
        case .notYet(.changes): "not implemented; a warning"
        case .notYet(.harmless): "not implemented; a note"
        case .ignored(let why): "no effect: \(why)"
        }
    }
}
