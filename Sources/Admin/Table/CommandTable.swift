/// All commands, found by their words. `session show` and `session disconnect` share the prefix `session`: a group, which
/// is no command itself. `session disconnect` is both: a command and a group (`session disconnect batch`).
package struct CommandTable: Sendable {
    /// A word that may follow a prefix.
    package struct Entry: Sendable, Equatable {
        package let word: String
        package let summary: String
        /// Whether more words may follow.
        package let isGroup: Bool
    }

    /// In the order of help.
    package let commands: [AdminCommand]
    private let indexByName: [String: Int]
    /// The words that may follow a prefix, by the prefix' words with blanks between them.
    private let entries: [String: [Entry]]
    private let groupSummaries: [String: String]

    /// - Parameter groups: what help says about a prefix that is no command, by its words with blanks between them.
    package init(_ commands: [AdminCommand], groups: [String: String] = [:]) {
        self.commands = commands
        groupSummaries = groups
        var indexByName: [String: Int] = [:]
        for (index, command) in commands.enumerated() where indexByName[command.name] == nil {
            indexByName[command.name] = index
        }
        self.indexByName = indexByName

        var order: [String: [String]] = [:]
        for command in commands {
            for count in command.words.indices {
                let prefix = command.words[..<count].joined(separator: " ")
                let word = command.words[count]
                if order[prefix]?.contains(word) != true { order[prefix, default: []].append(word) }
            }
        }
        var entries: [String: [Entry]] = [:]
        for (prefix, words) in order {
            entries[prefix] = words.map { word in
                let name = prefix.isEmpty ? word : prefix + " " + word
                let summary = indexByName[name].map { commands[$0].summary } ?? groups[name] ?? ""
                return Entry(word: word, summary: summary, isGroup: order[name] != nil)
            }
        }
        self.entries = entries
    }

    /// The command with exactly these words.
    package func command(_ words: some Collection<String>) -> AdminCommand? {
        indexByName[words.joined(separator: " ")].map { commands[$0] }
    }

    /// The command with the most words that `words` begin with.
    package func longestMatch(_ words: [String]) -> AdminCommand? {
        for count in stride(from: min(words.count, Self.mostWords), to: 0, by: -1) {
            if let command = command(words[..<count]) { return command }
        }
        return nil
    }

    /// The first of `words`, as many as are words of a command or a group.
    package func knownPrefix(of words: [String]) -> [String] {
        var known: [String] = []
        for word in words.prefix(Self.mostWords) {
            guard subcommands(of: known).contains(where: { $0.word == word }) else { break }
            known.append(word)
        }
        return known
    }

    /// What may follow `prefix`; empty where nothing may.
    package func subcommands(of prefix: some Collection<String>) -> [Entry] {
        entries[prefix.joined(separator: " ")] ?? []
    }

    /// The one line about a command or a group; nil = there is no such thing.
    package func summary(of words: some Collection<String>) -> String? {
        let name = words.joined(separator: " ")
        if let index = indexByName[name] { return commands[index].summary }
        return groupSummaries[name]
    }

    /// The command words that someone may have meant who wrote `words`: each unknown word becomes the nearest known one.
    package func suggestion(for words: [String]) -> [String]? {
        var meant: [String] = []
        for word in words.prefix(Self.mostWords) {
            let choices = subcommands(of: meant).map(\.word)
            if choices.isEmpty { break }
            if choices.contains(word) {
                meant.append(word)
            } else if let nearest = EditDistance.nearest(to: word, among: choices) {
                meant.append(nearest)
            } else {
                break
            }
        }
        return meant.isEmpty || meant == Array(words.prefix(meant.count)) ? nil : meant
    }

    /// The command words of an HTTP path: VerneMQ has short forms for some.
    package func words(ofPath path: [String]) -> [String] {
        guard let first = path.first, let word = Self.pathAliases[first] else { return path }
        return path.count == 1 ? [word, "show"] : [word] + path.dropFirst()
    }

    private static let pathAliases = ["sessions": "session", "listeners": "listener", "plugins": "plugin"]
    /// More words than any command has.
    private static let mostWords = 8
}
