/// What `vernemq config generate` prints: a `vernemq.conf` in which every setting that is not hidden stands with its
/// default, commented out, below what it means.
///
/// Lines that begin with `##` are text; a line that begins with `# ` becomes a setting when those two bytes are removed.
package enum ConfigSample {
    /// The whole file.
    package static func render(_ table: SettingsTable = .shared) -> String {
        introduction + table.groups.map(section).joined()
    }

    private static let introduction = """
        ## Configuration of the broker. Every setting that is not hidden stands below with its default, commented out:
        ## remove "# " from the beginning of its line and write what you want.
        ##
        ##   vernemq config check FILE      says whether a file is good
        ##   vernemq config show --all      lists every value in force and where it comes from
        ##   vernemq config describe KEY    tells about one key
        ##
        ## A broker needs a listener and somebody who may use it, so it does not start with this file as it is. These two
        ## lines let everybody in, from this machine alone:
        ##
        ##   listener.tcp.default = 127.0.0.1:1883
        ##   allow_anonymous = on
        ##
        ## A word of a key that begins with $, such as $name, stands for a name of your choice.

        """

    private static func section(_ group: SettingGroup) -> String {
        let settings = group.settings.filter { setting in
            !setting.isHidden && setting.newName == nil && setting.origin != .removed
        }
        guard !settings.isEmpty else { return "" }
        let title = "## \(group.title) "
        let rule = String(repeating: "-", count: max(4, 100 - title.count))
        return "\n\(title)\(rule)\n" + settings.map(entry).joined()
    }

    private static func entry(_ setting: Setting) -> String {
        var allowed = setting.type.allowed
        if setting.unit != .none { allowed += ", in \(setting.unit.rawValue)" }
        var lines = ["", "## \(capitalized(setting.meaning)).", "## Allowed: \(allowed)"]
        if setting.status != .implemented {
            lines.append("## In this build: \(ConfigText.statusText(setting)).")
        }
        guard let value = setting.defaultValue else {
            return (lines + ["## No default.", "# \(setting.pattern) ="]).joined(separator: "\n") + "\n"
        }
        return (lines + ["# \(setting.pattern) = \(quoted(value))"]).joined(separator: "\n") + "\n"
    }

    /// As the value has to be written: a `#` would begin a comment, and nothing at all is no value.
    private static func quoted(_ value: String) -> String {
        value.isEmpty || value.contains("#") || value.hasPrefix(" ") || value.hasSuffix(" ")
            ? "'\(value)'" : value
    }

    private static func capitalized(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst()
    }
}
