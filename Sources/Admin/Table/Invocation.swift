/// A command with the values that it was called with, checked against its types.
package struct Invocation: Sendable {
    /// A `key=value` pair, or a bare name (`value` is nil).
    package struct Item: Sendable, Equatable {
        package let name: String
        package let value: String?

        package init(_ name: String, _ value: String?) {
            self.name = name
            self.value = value
        }
    }

    package let command: AdminCommand
    /// In the order in which they were given.
    package let arguments: [Item]
    /// In the order in which they were given, by their long names. One may come several times (`--topic --topic=a/b`).
    package let flags: [Item]

    package init(_ command: AdminCommand, arguments: [Item] = [], flags: [Item] = []) {
        self.command = command
        self.arguments = arguments
        self.flags = flags
    }

    /// The value of an argument; nil = it was not given.
    package func argument(_ name: String) -> String? { arguments.first { $0.name == name }?.value }

    /// Whether the flag was given.
    package func has(_ flag: String) -> Bool { flags.contains { $0.name == flag } }

    /// The value of a flag: the last that was given, else the default of the table.
    package func value(_ flag: String) -> String? {
        if let given = flags.last(where: { $0.name == flag && $0.value != nil }) { return given.value }
        return command.flags.first { $0.name == flag }?.defaultValue
    }

    /// The number of a flag; nil where none was given and the table has no default, or it is a word (`infinity`).
    package func integer(_ flag: String) -> Int? { value(flag).flatMap { Int($0) } }

    /// The truth value of a flag: `--name` alone means true.
    package func isOn(_ flag: String) -> Bool {
        guard let given = flags.last(where: { $0.name == flag }) else {
            return command.flags.first { $0.name == flag }?.defaultValue == "true"
        }
        return given.value.map { $0 == "true" || $0 == "on" } ?? true
    }
}
