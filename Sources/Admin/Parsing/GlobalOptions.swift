/// How results are written.
package enum OutputFormat: String, Sendable, CaseIterable {
    /// VerneMQ's tables and plain text.
    case human
    case json
    case csv

    /// The format with this name; `table` is another name of `human`.
    package init?(named name: String) {
        if name == "table" {
            self = .human
        } else {
            self.init(rawValue: name)
        }
    }
}

/// The options that every command has.
package struct GlobalOptions: Sendable, Equatable {
    package var format = OutputFormat.human
    /// Long values are not cut (`--full`).
    package var isFull = false
    /// What destroys something need not ask (`--yes`).
    package var isConfirmed = false
    /// Remarks for standard error: an unknown format is none of VerneMQ's errors.
    package var warnings: [String] = []

    package init(
        format: OutputFormat = .human, isFull: Bool = false, isConfirmed: Bool = false,
        warnings: [String] = []
    ) {
        self.format = format
        self.isFull = isFull
        self.isConfirmed = isConfirmed
        self.warnings = warnings
    }

    /// The flags of every command, for help and completion.
    package static let flags: [Flag] = [
        Flag("help", "h", help: "Shows how the command is called, and does nothing else."),
        Flag(
            "format", nil, "Format", .choice(["human", "table", "json", "csv"]), defaultValue: "human",
            help: "How results are written."),
        Flag("json", help: "The same as --format=json."),
        Flag("full", help: "Shows long values whole, even where the terminal is narrower."),
        Flag("yes", help: "Confirms a command that destroys something, so that it need not ask."),
    ]

    /// The flags that say which broker is meant, and how often it is asked. The program takes them before it looks at
    /// the command; they are nothing to the HTTP API.
    package static let connectionFlags: [Flag] = [
        Flag("socket", nil, "Path", .file, help: "The Unix socket of a broker on this machine."),
        Flag(
            "config", nil, "File", .file,
            help: "The configuration of the broker, which names its socket (vmq_admin.socket)."),
        Flag("url", nil, "Url", .text, help: "The address of a broker's HTTP API, for a broker elsewhere."),
        Flag("api-key", nil, "Key", .text, help: "The key for the HTTP API. Its scope must be mgmt."),
        Flag(
            "watch", nil, "Seconds", .integer(1...3600),
            help: "Asks again every so many seconds and shows the answer anew, until Ctrl-C."),
    ]

    /// Takes a flag of every command. False = it is none.
    mutating func take(_ name: String, _ value: String?) throws(AdminFailure) -> Bool {
        switch name {
        case "format":
            guard let value, !value.isEmpty else {
                throw AdminFailure(
                    .usage, "Invalid value: \"\" for flag: format\nIt is one of: human, table, json, csv.")
            }
            if let known = OutputFormat(named: value) {
                format = known
            } else {
                warnings.append(
                    "Unknown format \(ParseFailures.quoted(value)): the output is human. "
                        + "There are human, table, json, csv.")
            }
        case "json":
            if try Self.isOn(name, value) { format = .json }
        case "full": isFull = try Self.isOn(name, value)
        case "yes": isConfirmed = try Self.isOn(name, value)
        default: return false
        }
        return true
    }

    private static func isOn(_ name: String, _ value: String?) throws(AdminFailure) -> Bool {
        switch value {
        case nil, "true", "on": return true
        case "false", "off": return false
        case .some(let value):
            throw AdminFailure(
                .usage, "Invalid value: \(ParseFailures.quoted(value)) for flag: \(name)\nIt takes no value.")
        }
    }
}
