/// Renders docs/configuration.md from the table.
package enum ConfigurationPage {
    /// The whole page in Markdown, with a table for each group of settings. A test compares it with the file.
    package static func render(_ table: SettingsTable = .shared) -> String {
        introduction(table) + table.groups.map(section).joined()
    }

    private static func introduction(_ table: SettingsTable) -> String {
        let settings = table.settings
        let done = settings.count { $0.status == .implemented }
        func count(_ isCounted: (Setting.Absence) -> Bool) -> Int {
            settings.count { if case .notYet(let absence) = $0.status { isCounted(absence) } else { false } }
        }
        let protecting = count { if case .protects = $0 { true } else { false } }
        let changing = count { $0 == .changes }
        let harmless = count { $0 == .harmless }
        return """
            # Configuration

            Written from the table of settings in `Sources/BrokerConfig/Tables`; do not edit by hand.

            The broker reads `vernemq.conf` as VerneMQ does: `key = value` lines, `#` comments (anywhere in an unquoted
            value), `'quoted'` and `'''multi-line'''` values, `include path-or-glob`, `$(<file)` and `$(other.key)`. A
            later line of the same key wins; then come `DOCKER_VERNEMQ_*` variables
            ([docker-environment.md](docker-environment.md)), then `--set key=value`. Unknown keys, wrong values and two listeners on one address keep the broker from starting, and all of them are
            listed with file and line.

            - `vernemq config check FILE` says whether a file is good.
            - `vernemq config show` lists what is set and where; `--all` adds defaults and what listeners inherit.
            - `vernemq config describe KEY` tells about one key.

            Of the \(settings.count) keys, \(done) are implemented and \(settings.count - done - protecting - changing - harmless)
            mean nothing in this broker (*no effect*). The others are not in this build:

            - \(protecting) protect something (**not yet: no start**). Without them the broker would be more open than was
              written, so it does not start with one that asks for more than its default; the line has to go, or `off`
              has to be written for the plugin it belongs to.
            - \(changing) would change what the broker does (*not yet: warning*).
            - \(harmless) would make no difference to what this build has (*not yet*), such as options of a listener
              that does not start.

            A broker that nobody could connect to does not start either: it needs a `listener.tcp.NAME`, and
            `allow_anonymous = on` or a listener with `allow_anonymous_override = on` as long as there are no plugins.

            In *notes*, `h` is hidden
            (not in a sample file), `r` may change at run time (`vmq-admin set`; what this build does not have changes in VerneMQ alone), `2` is new in
            VerneMQ 2.x, `1` was removed in 2.x and `+` is not VerneMQ's. Relative paths count from the directory the broker is started in.

            An option of a listener is looked for at the listener, then at its kind, then at all listeners:
            `listener.tcp.default.max_connections`, `listener.tcp.max_connections`, `listener.max_connections`.


            """
    }

    private static func section(_ group: SettingGroup) -> String {
        let rows = group.settings.map { setting in
            let cells = [
                "`\(setting.pattern)`", setting.type.name, setting.defaultValue.map(code) ?? "",
                notes(setting),
                status(setting), meaning(setting),
            ]
            return "| " + cells.map(escaped).joined(separator: " | ") + " |\n"
        }
        return """
            ## \(group.title)

            | key | type | default | notes | status | meaning |
            |---|---|---|---|---|---|
            \(rows.joined())

            """
    }

    private static func code(_ text: String) -> String { text.isEmpty ? "empty" : "`\(text)`" }

    private static func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    private static func notes(_ setting: Setting) -> String {
        let marks: [(Bool, String)] = [
            (setting.isHidden, "h"), (setting.isRuntime, "r"), (setting.origin == .vernemq2, "2"),
            (setting.origin == .removed, "1"), (setting.origin == .ours, "+"),
        ]
        return marks.filter(\.0).map(\.1).joined(separator: " ")
    }

    private static func status(_ setting: Setting) -> String {
        switch setting.status {
        case .implemented: ""
        case .notYet(.protects): "**not yet: no start**"
        case .notYet(.changes): "not yet: warning"
        case .notYet(.harmless): "not yet"
        case .ignored: "no effect"
        }
    }

    private static func meaning(_ setting: Setting) -> String {
        var text = setting.meaning
        if setting.unit != .none { text += ", in \(setting.unit.rawValue)" }
        switch setting.type {
        case .choice(let words): text += " (\(words.joined(separator: ", ")))"
        case .integer(let range, _) where range.upperBound < Int(Int32.max):
            text += " (\(setting.type.allowed))"
        default: break
        }
        if case .ignored(let why) = setting.status { text += "; \(why)" }
        return text
    }
}
