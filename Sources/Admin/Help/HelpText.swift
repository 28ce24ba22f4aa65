/// What `--help` says, at every level. No line is longer than 100 columns.
///
///     Usage: vmq-admin session disconnect client-id=<ClientId> [options]
///
///       Summary, details
///
///       Arguments:
///       Flags:
///       Sub-commands:
///       Examples:
package struct HelpText {
    private let table: CommandTable
    private static let program = "vmq-admin"

    package init(_ table: CommandTable) { self.table = table }

    /// The help of a command or a group, without a last line feed; of no words: of the whole program. Of words that are
    /// unknown: of the known ones before them.
    package func text(for words: [String]) -> String {
        let known = table.knownPrefix(of: words)
        if let command = table.command(known) { return help(of: command) }
        return help(ofGroup: known)
    }

    /// The first line of a command's help.
    package func usageLine(_ command: AdminCommand) -> String {
        "Usage: " + Self.synopsis(command)
    }

    /// The help of a command as far as an error needs it: how it is called, and its arguments.
    func shortText(of command: AdminCommand) -> String {
        let lines = TextWrap.lines(usageLine(command)) + [""] + arguments(of: command)
        return (lines + ["", "  Use '\(Self.program) \(command.name) --help' to see more."]).joined(
            separator: "\n")
    }

    /// `vmq-admin session disconnect client-id=<ClientId> [options]`
    static func synopsis(_ command: AdminCommand) -> String {
        var parts = [program] + command.words
        switch command.rule {
        case .named: parts += command.arguments.map { $0.isRequired ? $0.usage : "[\($0.usage)]" }
        case .assignments: parts.append("<variable>=<value> ...")
        case .settingNames: parts.append("<variable> ...")
        }
        if command.rule != .named, command.flags.contains(where: { $0.name == "all" }) {
            parts.append("[[--node | -n] <node> | --all]")
        } else if !command.flags.isEmpty {
            parts.append("[options]")
        }
        return parts.joined(separator: " ")
    }

    /// `-m, --mountpoint=<Mountpoint>`
    static func term(_ flag: Flag) -> String {
        (flag.short.map { "-\($0), " } ?? "") + "--" + flag.usage
    }

    /// What help says of a flag: its line, what it accepts, its default.
    static func description(_ flag: Flag) -> String {
        flag.help + values(flag.type)
            + (flag.defaultValue.map { " Default: \($0.isEmpty ? "\"\"" : $0)." } ?? "")
    }

    /// What help says of an argument.
    static func description(_ argument: Argument) -> String {
        argument.help + values(argument.type) + (argument.isRequired ? "" : " May be left out.")
    }

    private static func values(_ type: ValueType) -> String {
        switch type {
        case .text, .file, .boolean, .list: ""
        case .choice(let words) where words.count > 12: ""
        case .choice(let words): " One of \(words.joined(separator: ", "))."
        case .integer(_, let words): words.isEmpty ? "" : " It may be \(words.joined(separator: ", "))."
        }
    }

    private func help(ofGroup words: [String]) -> String {
        let path = ([Self.program] + words).joined(separator: " ")
        var lines = ["Usage: \(path) <sub-command>", ""]
        if let summary = table.summary(of: words) {
            lines += TextWrap.lines(summary, indent: 2)
        } else if words.isEmpty {
            lines += TextWrap.lines("Looks after a running broker", indent: 2)
        }
        lines += [""] + subcommands(of: words) + ["", "  Use '\(path) <sub-command> --help' to see more."]
        if words.isEmpty {
            let later = AbsentCommands.vmqAdmin.names(in: table, isLater: true)
            if !later.isEmpty {
                lines += ["", "  Later:"]
                lines += TextWrap.lines(later.joined(separator: ", "), indent: 4)
            }
            let absent = AbsentCommands.vmqAdmin.names(in: table, isLater: false)
            if !absent.isEmpty {
                lines += [""]
                lines += TextWrap.lines(
                    "Of VerneMQ's commands this build does not have: \(absent.joined(separator: ", ")).",
                    indent: 2)
            }
            lines += ["", "  Every command has these flags:"] + flags(GlobalOptions.flags)
            lines += ["", "  Which broker is meant, by default the one on this machine:"]
            lines += flags(GlobalOptions.connectionFlags)
        }
        return lines.joined(separator: "\n")
    }

    private func help(of command: AdminCommand) -> String {
        var lines = TextWrap.lines(usageLine(command))
        lines += [""] + TextWrap.lines(command.summary + ".", indent: 2)
        if !command.details.isEmpty { lines += [""] + TextWrap.lines(command.details, indent: 2) }
        if !command.arguments.isEmpty { lines += [""] + arguments(of: command) }
        if !command.flags.isEmpty { lines += ["", "  Flags:"] + flags(command.flags) }
        if !table.subcommands(of: command.words).isEmpty { lines += [""] + subcommands(of: command.words) }
        let examples = command.examples.map { "\(Self.program) \($0)" }.filter {
            $0 != Self.synopsis(command)
        }
        if !examples.isEmpty { lines += ["", "  Examples:"] + examples.map { "    " + $0 } }
        lines += ["", "  '\(Self.program) --help' shows all commands, and the flags that every command has."]
        return lines.joined(separator: "\n")
    }

    private static let column = 36

    private func arguments(of command: AdminCommand) -> [String] {
        ["  Arguments:"]
            + command.arguments.flatMap { argument in
                TextWrap.entry(argument.usage, Self.description(argument), indent: 4, column: Self.column)
            }
    }

    private func flags(_ flags: [Flag]) -> [String] {
        flags.flatMap { flag in
            TextWrap.entry(Self.term(flag), Self.description(flag), indent: 4, column: Self.column)
        }
    }

    private func subcommands(of words: [String]) -> [String] {
        let entries = table.subcommands(of: words)
        let column = max(12, entries.reduce(0) { max($0, $1.word.count + 2) }) + 4
        return ["  Sub-commands:"]
            + entries.flatMap { TextWrap.entry($0.word, $0.summary, indent: 4, column: column) }
    }
}
