/// What a shell offers when one presses Tab. The script of each shell calls `vmq-admin __complete -- WORDS…` with the words
/// behind `vmq-admin`, the last of which is the one being written, and may be empty. `vmq-admin` answers with
/// `lines(_:)` of `candidates(_:_:)`.
package struct ShellCompletion {
    /// A word that may stand in the place of the last one.
    package struct Candidate: Sendable, Equatable {
        package let text: String
        package let help: String
    }

    private let table: CommandTable
    /// Asks the broker for values that begin with a prefix.
    private let values: (ValueSource, String) -> [String]

    /// More than this many are of no use to a person.
    package static let mostCandidates = 1000

    /// - Parameter values: the values of a kind that begin with a prefix; called at most once for each completion. An
    ///   empty answer is fine when there is no broker.
    package init(_ table: CommandTable, values: @escaping (ValueSource, String) -> [String]) {
        self.table = table
        self.values = values
    }

    /// What `vmq-admin __complete` prints: a line for each candidate, its help behind a tab.
    package static func lines(_ candidates: [Candidate]) -> String {
        candidates.map { $0.help.isEmpty ? $0.text + "\n" : "\($0.text)\t\($0.help)\n" }.joined()
    }

    /// - Parameter words: those behind `vmq-admin`; the last is being written.
    package func candidates(_ words: [String]) -> [Candidate] {
        let current = words.last ?? ""
        let before = Self.withoutLeadingOptions(words.dropLast())
        let found = all(before, current)
        return Array(
            found.lazy.filter { candidate in
                candidate.text.utf8.starts(with: current.utf8)
                    && !candidate.text.unicodeScalars.contains(where: SafeText.isHarmful)
            }.prefix(Self.mostCandidates))
    }

    private func all(_ before: [String], _ current: String) -> [Candidate] {
        let words = Array(before.prefix(while: Token.isWord))
        let command = table.longestMatch(words)
        let flags = (command?.flags ?? []) + GlobalOptions.flags + GlobalOptions.connectionFlags
        if let last = before.last, let flag = Self.flagThatWaits(last, flags), !Token.isFlag(current) {
            return values(of: flag.type, flag.completion, current, before: "")
        }
        if Token.isDashed(current) {
            let (name, value) = Token.split(current)
            guard let value else { return flagCandidates(flags, given: before) }
            guard let flag = flags.first(where: { "--" + $0.name == name }) else { return [] }
            return values(of: flag.type, flag.completion, value, before: name + "=")
        }
        var found: [Candidate] = []
        if words.count == before.count {
            found += table.subcommands(of: words).map { Candidate(text: $0.word, help: $0.summary) }
        }
        guard let command else { return found }
        found += argumentCandidates(command, before, current)
        return found.isEmpty && current.isEmpty ? flagCandidates(flags, given: before) : found
    }

    private func argumentCandidates(_ command: AdminCommand, _ before: [String], _ current: String)
        -> [Candidate]
    {
        let (name, value) = Token.split(current)
        switch command.rule {
        case .settingNames:
            return values(.settings, current).map { Candidate(text: $0, help: "") }
        case .assignments:
            if value != nil { return values(.settingValues, current).map { Candidate(text: $0, help: "") } }
            return values(.settings, current).map { Candidate(text: $0 + "=", help: "") }
        case .named:
            if let value {
                guard let argument = command.arguments.first(where: { $0.name == name }) else { return [] }
                return values(of: argument.type, argument.completion, value, before: name + "=")
            }
            return command.arguments.filter { argument in
                !before.contains { Token.split($0).value != nil && Token.split($0).name == argument.name }
            }.map { Candidate(text: $0.name + "=", help: $0.help) }
        }
    }

    private func flagCandidates(_ flags: [Flag], given: [String]) -> [Candidate] {
        flags.filter { flag in
            flag.value == .optional || !given.contains { Token.split($0).name == "--" + flag.name }
        }.flatMap { flag -> [Candidate] in
            let name = "--" + flag.name
            switch flag.value {
            case .never: return [Candidate(text: name, help: flag.help)]
            case .required: return [Candidate(text: name + "=", help: flag.help)]
            case .optional:
                return [Candidate(text: name, help: flag.help), Candidate(text: name + "=", help: flag.help)]
            }
        }
    }

    /// - Parameter before: what stands in the same word before the value: `client-id=`.
    private func values(of type: ValueType, _ source: ValueSource?, _ given: String, before: String)
        -> [Candidate]
    {
        if case .list(let element) = type {
            let comma = given.utf8.lastIndex(of: UInt8(ascii: ",")).map { given.utf8.index(after: $0) }
            let start = comma ?? given.startIndex
            let last = String(decoding: given.utf8[start...], as: UTF8.self)
            let first = String(decoding: given.utf8[..<start], as: UTF8.self)
            return values(of: element, source, last, before: before + first)
        }
        let words: [String]
        switch type {
        case .choice(let choices): words = choices
        case .boolean: words = ["true", "false"]
        case .integer(_, let other): words = other
        case .text, .file, .list: words = []
        }
        return (words + (source.map { values($0, given) } ?? [])).map {
            Candidate(text: before + $0, help: "")
        }
    }

    /// The flag whose value the next word is.
    private static func flagThatWaits(_ token: String, _ flags: [Flag]) -> Flag? {
        guard Token.isFlag(token) else { return nil }
        return flags.first { flag in
            guard flag.value == .required else { return false }
            return token == "--" + flag.name || flag.short.map { token == "-" + String($0) } == true
        }
    }

    /// Options before the command words say which broker is meant, and how to answer.
    private static func withoutLeadingOptions(_ words: ArraySlice<String>) -> [String] {
        let flags = GlobalOptions.flags + GlobalOptions.connectionFlags
        var rest = words
        while let first = rest.first, Token.isFlag(first) {
            if flagThatWaits(first, flags) != nil {
                // Its value is what is being written.
                if rest.count == 1 { return Array(rest) }
                rest = rest.dropFirst(2)
            } else {
                rest.removeFirst()
            }
        }
        return Array(rest)
    }
}
