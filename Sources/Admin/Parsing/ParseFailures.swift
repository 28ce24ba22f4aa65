/// The refusals of the parser: VerneMQ's text in the first line, and then what is allowed.
enum ParseFailures {
    /// A value as an error shows it: in quotes, and not longer than a line or two.
    static func quoted(_ value: String) -> String { "\"\(shortened(value))\"" }

    static func shortened(_ value: String) -> String {
        let most = 200
        return value.utf8.count > most ? String(value.prefix(most)) + "…" : value
    }

    static func invalidKey(_ name: String, of command: AdminCommand, isFlag: Bool) -> AdminFailure {
        if isFlag {
            let names = command.flags.map(\.name)
            if names.isEmpty {
                return usage("Invalid Flags: [\(quoted(name))]", "\(command.name) has no flags.")
            }
            var allowed = TextWrap.lines("Flags: " + names.map { "--" + $0 }.joined(separator: " "))
                .joined(separator: "\n")
            let all = names + GlobalOptions.flags.map(\.name)
            if let nearest = EditDistance.nearest(to: name, among: all) {
                allowed = "Did you mean --\(nearest)?\n" + allowed
            } else if command.arguments.contains(where: { $0.name == name }) {
                allowed = "Write it without dashes: \(name)=\n" + allowed
            }
            return usage("Invalid key: \(quoted(name))", allowed)
        }
        if command.arguments.isEmpty {
            return invalidArguments([name], command)
        }
        var allowed = argumentList(command)
        if let nearest = EditDistance.nearest(to: name, among: command.arguments.map(\.name)) {
            allowed = "Did you mean \(nearest)=?\n" + allowed
        } else if command.flags.contains(where: { $0.name == name }) {
            allowed = "Write it with dashes: --\(name)\n" + allowed
        }
        return usage("Invalid key: \(quoted(name))", allowed)
    }

    static func invalidArguments(_ given: [String], _ command: AdminCommand) -> AdminFailure {
        let hint =
            command.rule == .settingNames
            ? "\(command.name) takes names of settings: \(command.name) max_inflight_messages"
            : "\(command.name) takes no arguments."
        return usage("Invalid arguments: \(given.map(shortened).joined(separator: " ")) ", hint)
    }

    static func emptyValue(_ name: String, _ command: AdminCommand) -> AdminFailure {
        let hint: String
        switch command.rule {
        case .assignments: hint = "Write <setting>=<value>."
        case .settingNames: hint = "Write the names of settings without =."
        case .named:
            if let argument = command.arguments.first(where: { $0.name == name }) {
                hint = "Write \(argument.usage): \(argument.type.expectation)"
            } else {
                hint = argumentList(command)
            }
        }
        return usage("Empty value in argument: \(quoted(name))", hint)
    }

    static func invalidArgument(_ name: String, _ value: String, _ hint: String) -> AdminFailure {
        usage("Invalid argument: {\(shortened(name)),\(quoted(value))}", hint)
    }

    static func repeatedFlag(_ name: String, _ value: String?) -> AdminFailure {
        usage("Invalid flag: {\(name),\(quoted(value ?? ""))}", "--\(name) is given twice.")
    }

    static func invalidFlagValue(_ value: String?, _ flag: Flag) -> AdminFailure {
        if value == nil, flag.name == "mountpoint" {
            return usage("Invalid mountpoint value", "Write --mountpoint=<Mountpoint>.")
        }
        let hint =
            flag.value == .never
            ? "--\(flag.name) takes no value." : "Write --\(flag.usage): \(flag.type.expectation)"
        return usage("Invalid value: \(quoted(value ?? "")) for flag: \(flag.name)", hint)
    }

    static func strayToken(_ token: String, _ command: AdminCommand) -> AdminFailure {
        usage("Invalid flag: \(quoted(token))", "Flags begin with - or --, arguments have a = in them.")
    }

    static func missing(_ arguments: [Argument], _ table: CommandTable, _ command: AdminCommand)
        -> AdminFailure
    {
        let problem = "Missing argument: \(arguments.map(\.name).joined(separator: ", "))"
        let help = HelpText(table)
        return AdminFailure(
            .usage, "\(problem)\n\n" + help.shortText(of: command),
            usage: help.text(for: command.words).replacing("Usage: ", with: "", maxReplacements: 1)
                + "\n\n" + problem)
    }

    static func unknownCommand(_ words: [String], _ table: CommandTable) -> AdminFailure {
        if let reason = AbsentCommands.vmqAdmin.reason(for: words, in: table) {
            return AdminFailure(.failed, reason)
        }
        let known = table.knownPrefix(of: words)
        let help = HelpText(table).text(for: known)
        guard known.count < words.count else { return AdminFailure(.usage, help) }
        let text = "Unknown command: " + words.prefix(8).map(shortened).joined(separator: " ")
        if let meant = table.suggestion(for: words) {
            return usage(
                text,
                "Did you mean: vmq-admin \(meant.joined(separator: " "))\n"
                    + "'vmq-admin --help' shows all commands.")
        }
        return usage(text, "\n" + help)
    }

    static func usage(_ problem: String, _ hint: String) -> AdminFailure {
        AdminFailure(.usage, problem + "\n" + hint)
    }

    private static func argumentList(_ command: AdminCommand) -> String {
        if command.arguments.isEmpty { return "\(command.name) takes no arguments." }
        return "Arguments: " + command.arguments.map(\.usage).joined(separator: " ")
    }
}

extension Argument {
    /// `client-id=<ClientId>`
    package var usage: String { "\(name)=<\(valueName)>" }
}

extension Flag {
    /// `topic[=<Topic>]`
    package var usage: String {
        switch value {
        case .never: name
        case .optional: "\(name)[=<\(valueName)>]"
        case .required: "\(name)=<\(valueName)>"
        }
    }
}
