/// Takes arguments and flags one by one, checks each against the table, and makes the `Invocation`.
struct InvocationAssembly {
    private let table: CommandTable
    private let command: AdminCommand
    /// In a query a flag has its value behind `=` or none at all, and `name=` may stand for a bare name.
    private let isHTTP: Bool
    private var globals: GlobalOptions
    private var arguments: [Invocation.Item] = []
    private var flags: [Invocation.Item] = []
    private var argumentNames: Set<String> = []
    private var flagNames: Set<String> = []
    private var hasFlags = false

    init(_ table: CommandTable, _ command: AdminCommand, _ globals: GlobalOptions, isHTTP: Bool) {
        self.table = table
        self.command = command
        self.globals = globals
        self.isHTTP = isHTTP
    }

    /// Whether a word alone is a value: `api-key show all` means `api-key show scope=all`.
    func isValue(_ word: String) -> Bool { argument(for: word) != nil }

    private func argument(for word: String) -> Argument? {
        command.arguments.first { argument in
            if case .choice(let words) = argument.type { return words.contains(word) }
            return false
        }
    }

    /// Takes a token that is no flag.
    mutating func word(_ token: String) throws(AdminFailure) {
        let (name, value) = Token.split(token)
        if let value { return try pair(name, value) }
        switch command.rule {
        case .settingNames:
            try take(argument: token, nil)
        case .named:
            if let argument = argument(for: token) { return try take(argument: argument.name, token) }
            if hasFlags || Token.isDashed(token) { throw ParseFailures.strayToken(token, command) }
            if command.arguments.isEmpty { throw ParseFailures.invalidArguments([token], command) }
            throw ParseFailures.emptyValue(token, command)
        case .assignments:
            if hasFlags { throw ParseFailures.strayToken(token, command) }
            throw ParseFailures.emptyValue(token, command)
        }
    }

    /// Takes `name=value`.
    mutating func pair(_ name: String, _ value: String) throws(AdminFailure) {
        switch command.rule {
        case .settingNames:
            guard isHTTP, value.isEmpty, !name.isEmpty else {
                throw ParseFailures.invalidArguments(["\(name)=\(value)"], command)
            }
            return try take(argument: name, nil)
        case .assignments:
            if value.isEmpty || name.isEmpty { throw ParseFailures.emptyValue(name, command) }
        case .named:
            guard !command.arguments.isEmpty else {
                throw ParseFailures.invalidArguments(["\(name)=\(value)"], command)
            }
            guard let argument = command.arguments.first(where: { $0.name == name }) else {
                throw ParseFailures.invalidKey(name, of: command, isFlag: false)
            }
            if value.isEmpty { throw ParseFailures.emptyValue(name, command) }
            guard argument.type.accepts(value) else {
                throw ParseFailures.invalidArgument(
                    name, value, "Write \(argument.usage): \(argument.type.expectation)")
            }
        }
        try take(argument: name, value)
    }

    private mutating func take(argument name: String, _ value: String?) throws(AdminFailure) {
        guard argumentNames.insert(name).inserted else {
            throw ParseFailures.invalidArgument(
                name, value ?? "", "\(ParseFailures.shortened(name)) is given twice.")
        }
        arguments.append(Invocation.Item(name, value))
    }

    /// Takes a token that is a flag.
    ///
    /// - Returns: whether it took `next` as its value.
    mutating func flag(_ token: String, next: String?) throws(AdminFailure) -> Bool {
        hasFlags = true
        let flag: Flag
        let own: String?
        if Token.isDoubleDashed(token) {
            let (name, value) = Token.split(Token.dropping(2, token))
            if name == "format", value == nil {
                _ = try globals.take(name, next)
                return next != nil
            }
            if try globals.take(name, value) { return false }
            guard let known = command.flags.first(where: { $0.name == name }) else {
                throw ParseFailures.invalidKey(name, of: command, isFlag: true)
            }
            flag = known
            own = value
        } else {
            let letter = token.unicodeScalars.dropFirst().first.map(Character.init) ?? "-"
            guard let known = command.flags.first(where: { $0.short == letter }) else {
                throw ParseFailures.invalidKey(String(letter), of: command, isFlag: true)
            }
            flag = known
            let rest = Token.dropping(2, token)
            own = rest.isEmpty ? nil : rest.utf8.first == UInt8(ascii: "=") ? Token.dropping(1, rest) : rest
        }
        if own == nil, let next, takesNext(flag, next) {
            try take(flag: flag, next)
            return true
        }
        try take(flag: flag, own)
        return false
    }

    /// Takes `--name` or `--name=value` of a query.
    ///
    /// - Parameter emptyIsNone: many programs cannot write a query without `=`: where a flag may stand without a value,
    ///   `--name=` means that.
    mutating func longFlag(_ name: String, _ value: String?, emptyIsNone: Bool) throws(AdminFailure) {
        hasFlags = true
        let flag = command.flags.first { $0.name == name }
        let isAlone = emptyIsNone && value?.isEmpty == true && flag?.value != .required
        if try globals.take(name, isAlone && name != "format" ? nil : value) { return }
        guard let flag else { throw ParseFailures.invalidKey(name, of: command, isFlag: true) }
        try take(flag: flag, isAlone ? nil : value)
    }

    private func takesNext(_ flag: Flag, _ next: String) -> Bool {
        guard !Token.isFlag(next) else { return false }
        switch flag.value {
        case .never: return false
        case .required: return true
        case .optional:
            // An argument behind a flag that may do without a value is an argument.
            let (name, value) = Token.split(next)
            return value == nil
                || !(command.rule == .assignments || command.arguments.contains { $0.name == name })
        }
    }

    private mutating func take(flag: Flag, _ value: String?) throws(AdminFailure) {
        let isFirst = flagNames.insert(flag.name).inserted
        if !isFirst, flag.value != .optional { throw ParseFailures.repeatedFlag(flag.name, value) }
        switch (flag.value, value) {
        case (.never, nil), (.never, "true"), (.never, "on"):
            flags.append(Invocation.Item(flag.name, nil))
        case (.never, "false"), (.never, "off"): break
        case (.never, _), (.required, nil):
            throw ParseFailures.invalidFlagValue(value, flag)
        case (.optional, nil):
            flags.append(Invocation.Item(flag.name, nil))
        case (.required, .some(let given)), (.optional, .some(let given)):
            guard flag.type.accepts(given) else { throw ParseFailures.invalidFlagValue(given, flag) }
            flags.append(Invocation.Item(flag.name, given))
        }
    }

    /// The command with all that it was given.
    consuming func finish() throws(AdminFailure) -> ParsedCommandLine {
        let missing = command.arguments.filter { $0.isRequired && !argumentNames.contains($0.name) }
        if !missing.isEmpty { throw ParseFailures.missing(missing, table, command) }
        if command.rule != .named, arguments.isEmpty {
            let usage = HelpText(table).usageLine(command)
            throw AdminFailure(.usage, usage, usage: usage)
        }
        return .invocation(Invocation(command, arguments: arguments, flags: flags), globals)
    }
}
