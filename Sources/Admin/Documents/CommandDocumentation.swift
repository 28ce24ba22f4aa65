/// The page `docs/vmq-admin.md`, from the table.
package struct CommandDocumentation {
    private let table: CommandTable

    package init(_ table: CommandTable) { self.table = table }

    /// The page, with a line feed at its end.
    package func markdown() -> String {
        var lines = [
            "# vmq-admin", "",
            "Written from the table of commands in `Sources/Admin/Commands`; do not edit by hand.", "",
            "`vmq-admin COMMAND [key=value …] [--flag[=value] …]` sends a command to a running broker. Arguments and flags",
            "may come in any order behind the command. `--help` works everywhere, and `vmq-admin completion bash` (or `zsh`,",
            "`fish`) prints a script that lets the shell complete commands and values.", "",
            "Over HTTP the same command is `/api/v1/` with its words, and its arguments and flags as the query:",
            "`vmq-admin session show --limit=10 --client_id` is `GET /api/v1/session/show?--limit=10&--client_id`. What",
            "changes something is better called by POST. `/api/v1/openapi.json` describes all of it.", "",
            "Exit status: 0 done, 1 the command failed, 2 it was not understood, 3 there is no broker.", "",
            "## Which broker", "",
        ]
        lines += flagTable(GlobalOptions.connectionFlags)
        lines += ["", "## Flags of every command", ""] + flagTable(GlobalOptions.flags)
        for entry in table.subcommands(of: []) {
            lines += ["", "## \(entry.word)", "", entry.summary + "."]
            for command in table.commands where command.words.first == entry.word {
                lines += section(command)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ command: AdminCommand) -> [String] {
        var lines: [String] = []
        if command.words.count > 1 {
            lines += ["", "### \(command.name)", "", Self.text(command.summary) + "."]
        }
        lines += ["", "```", HelpText.synopsis(command), "```"]
        if !command.details.isEmpty {
            for paragraph in command.details.split(separator: "\n") {
                lines += ["", Self.text(String(paragraph))]
            }
        }
        switch command.effect {
        case .reads: break
        case .changes: lines += ["", "It changes something, and leaves a line in the audit log."]
        case .destroys:
            lines += [
                "",
                "It destroys something: it asks on a terminal, needs `--yes` elsewhere, and leaves a line in the audit log.",
            ]
        }
        if !command.arguments.isEmpty {
            lines += ["", "| argument | |", "|---|---|"]
            lines += command.arguments.map {
                "| `\(Self.code($0.usage))` | \(Self.text(HelpText.description($0))) |"
            }
        }
        if !command.flags.isEmpty { lines += [""] + flagTable(command.flags) }
        let examples = command.examples.map { "vmq-admin " + $0 }.filter { $0 != HelpText.synopsis(command) }
        if !examples.isEmpty { lines += ["", "```sh"] + examples + ["```"] }
        return lines
    }

    private func flagTable(_ flags: [Flag]) -> [String] {
        ["| flag | |", "|---|---|"]
            + flags.map { "| `\(Self.code(HelpText.term($0)))` | \(Self.text(HelpText.description($0))) |" }
    }

    /// Text in which nothing is taken for markup.
    private static func text(_ text: String) -> String {
        var safe = ""
        for character in text {
            if "|*_<>[]`\\~#".contains(character) { safe.append("\\") }
            safe.append(character)
        }
        return safe
    }

    private static func code(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
