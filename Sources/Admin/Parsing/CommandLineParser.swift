/// Makes an `Invocation` of the words of a command line, or of the path and query of an HTTP request.
///
///     word… (key=value | name | --flag[=value] | --flag value | -f value | -fvalue)…
///
/// The words end at the first token that has a `=` or begins with `-`; after them order is free. VerneMQ takes arguments
/// before flags only, and some of them in one order only; whatever it understands means the same here. What it takes
/// for something else without a word (a misspelt or repeated argument) is refused.
package struct CommandLineParser: Sendable {
    let table: CommandTable
    /// A command line may have this many tokens of this many bytes.
    package static let mostTokens = 1000
    package static let longestToken = 65536

    package init(_ table: CommandTable) { self.table = table }

    /// - Parameter tokens: what stands behind `vmq-admin`.
    /// - Throws: `AdminFailure` of kind `.usage`.
    package func parse(_ tokens: [String]) throws(AdminFailure) -> ParsedCommandLine {
        try checkBounds(tokens.count, tokens)
        var globals = GlobalOptions()
        var rest = tokens[...]
        var wantsHelp = tokens.contains("--help") || tokens.contains("-h")
        try takeLeadingGlobals(&rest, &globals)
        if rest.first == "--version" || rest.first == "-V" || Array(rest) == ["version"] { return .version }
        if rest.first == "help", table.subcommands(of: ["help"]).isEmpty {
            wantsHelp = true
            rest.removeFirst()
        }
        if wantsHelp { rest.removeAll { $0 == "--help" || $0 == "-h" } }
        let words = Array(rest.prefix(while: Token.isWord))
        if wantsHelp { return .help(table.knownPrefix(of: words)) }
        let tokens = Array(rest.dropFirst(words.count))
        var assembly = try begin(words, globals, isHTTP: false)
        var index = 0
        while index < tokens.count {
            let token = tokens[index]
            index += 1
            if Token.isFlag(token) {
                let next = index < tokens.count ? tokens[index] : nil
                if try assembly.flag(token, next: next) { index += 1 }
            } else {
                try assembly.word(token)
            }
        }
        return try assembly.finish()
    }

    /// - Parameters:
    ///   - path: the decoded segments behind `/api/v1`.
    ///   - query: the decoded pairs in their order; `value` is nil where there is no `=`.
    ///   - isExact: `--name=` is an empty value, as vmq-admin sends it, and not a flag without a value.
    /// - Throws: `AdminFailure` of kind `.usage`.
    package func parse(
        path: [String], query: [(name: String, value: String?)], isExact: Bool = false
    ) throws(AdminFailure) -> ParsedCommandLine {
        try checkBounds(path.count + query.count, path)
        try checkBounds(0, query.map(\.name))
        try checkBounds(0, query.compactMap(\.value))
        let words = table.words(ofPath: path)
        if query.contains(where: { $0.name == "--help" }) { return .help(table.knownPrefix(of: words)) }
        var assembly = try begin(words, GlobalOptions(format: .json), isHTTP: true)
        for (name, value) in query {
            if Token.isDoubleDashed(name), name.utf8.count > 2 {
                try assembly.longFlag(Token.dropping(2, name), value, emptyIsNone: !isExact)
            } else if let value {
                try assembly.pair(name, value)
            } else {
                try assembly.word(name)
            }
        }
        return try assembly.finish()
    }

    private func checkBounds(_ count: Int, _ tokens: [String]) throws(AdminFailure) {
        if count > Self.mostTokens {
            throw AdminFailure(.usage, "There are \(count) words; \(Self.mostTokens) are allowed.")
        }
        if let long = tokens.first(where: { $0.utf8.count > Self.longestToken }) {
            throw AdminFailure(
                .usage,
                "\(ParseFailures.quoted(long)) has \(long.utf8.count) bytes; \(Self.longestToken) are allowed."
            )
        }
    }

    /// `vmq-admin --json session show` means what `vmq-admin session show --json` means.
    private func takeLeadingGlobals(
        _ tokens: inout ArraySlice<String>, _ globals: inout GlobalOptions
    ) throws(AdminFailure) {
        while let token = tokens.first, Token.isDoubleDashed(token) {
            let (name, value) = Token.split(Token.dropping(2, token))
            if name == "format", value == nil {
                guard try globals.take(name, tokens.dropFirst().first) else { return }
                tokens = tokens.dropFirst(2)
            } else {
                guard try globals.take(name, value) else { return }
                tokens.removeFirst()
            }
        }
    }

    /// Finds the command, and takes the words behind it.
    private func begin(
        _ words: [String], _ globals: GlobalOptions, isHTTP: Bool
    ) throws(AdminFailure) -> InvocationAssembly {
        guard let command = table.longestMatch(words) else {
            throw ParseFailures.unknownCommand(words, table)
        }
        var assembly = InvocationAssembly(table, command, globals, isHTTP: isHTTP)
        for word in words.dropFirst(command.words.count) {
            if command.rule == .named, !assembly.isValue(word), isSubcommandMeant(word, command) {
                throw ParseFailures.unknownCommand(words, table)
            }
            try assembly.word(word)
        }
        return assembly
    }

    /// Whether a word behind the words of a command is rather a misspelt command than a value.
    private func isSubcommandMeant(_ word: String, _ command: AdminCommand) -> Bool {
        let choices = table.subcommands(of: command.words).map(\.word)
        return EditDistance.nearest(to: word, among: choices) != nil
    }
}
