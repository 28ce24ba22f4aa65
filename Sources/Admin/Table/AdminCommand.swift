/// One command of `vmq-admin`, as data: its words, what it takes, what it says about itself. The command line, the paths
/// of the HTTP API, help, completion, manual pages and the OpenAPI description are made from it; what it does is bound to
/// it by its words (`AdminHandlers`).
package struct AdminCommand: Sendable {
    /// What a command does to the broker.
    package enum Effect: Sendable {
        /// It only reads.
        case reads
        /// It changes something; each call leaves a line in the audit log.
        case changes
        /// It destroys something that cannot be brought back: it asks on a terminal, and needs `--yes` elsewhere.
        case destroys
    }

    /// Which `key=value` arguments it takes.
    package enum ArgumentRule: Sendable {
        /// Those of `arguments`, in any order.
        case named
        /// `key=value` pairs with any setting as the key (`set`).
        case assignments
        /// Bare names of settings (`show`, `describe`).
        case settingNames
    }

    /// `["session", "show"]`.
    package let words: [String]
    /// One line, without a full stop.
    package let summary: String
    /// Paragraphs for help and manual; empty where the summary says all.
    package let details: String
    /// The `key=value` arguments.
    package let arguments: [Argument]
    /// The `--flag` options, beside those that every command has.
    package let flags: [Flag]
    /// What it does to the broker.
    package let effect: Effect
    /// Which arguments it takes.
    package let rule: ArgumentRule
    /// It goes on until its reader ends it, or it is stopped.
    package let isStreaming: Bool
    /// Whole command lines without `vmq-admin`.
    package let examples: [String]

    /// A command; by default it reads, and takes nothing.
    package init(
        _ words: String, _ summary: String, details: String = "", arguments: [Argument] = [],
        flags: [Flag] = [],
        effect: Effect = .reads, rule: ArgumentRule = .named, isStreaming: Bool = false,
        examples: [String] = []
    ) {
        self.words = words.split(separator: " ").map(String.init)
        self.summary = summary
        self.details = details
        self.arguments = arguments
        self.flags = flags
        self.effect = effect
        self.rule = rule
        self.isStreaming = isStreaming
        self.examples = examples
    }

    /// The words with blanks between them.
    package var name: String { words.joined(separator: " ") }
}

/// A `key=value` argument.
package struct Argument: Sendable {
    /// The key.
    package let name: String
    /// What help puts behind the `=`: `ClientId`.
    package let valueName: String
    /// What it accepts.
    package let type: ValueType
    /// Whether the command cannot do without it.
    package let isRequired: Bool
    /// One line.
    package let help: String
    /// Where a shell finds values to complete.
    package let completion: ValueSource?

    /// An argument; required unless stated otherwise.
    package init(
        _ name: String, _ valueName: String, _ type: ValueType = .text, isRequired: Bool = true,
        completion: ValueSource? = nil, help: String
    ) {
        self.name = name
        self.valueName = valueName
        self.type = type
        self.isRequired = isRequired
        self.help = help
        self.completion = completion
    }
}

/// A `--flag` option.
package struct Flag: Sendable {
    /// Whether a value belongs to it.
    package enum Value: Sendable, Equatable {
        /// `--cleanup`
        case never
        /// `--topic` or `--topic=a/b`
        case optional
        /// `--limit=10`
        case required
    }

    /// Without the dashes.
    package let name: String
    /// The letter of its short form; nil = it has none.
    package let short: Character?
    /// What help puts behind the `=`; empty where it takes no value.
    package let valueName: String
    /// Whether a value belongs to it.
    package let value: Value
    /// What its value must be.
    package let type: ValueType
    /// What holds when it is not given, as help shows it; nil = nothing.
    package let defaultValue: String?
    /// One line.
    package let help: String
    /// Where a shell finds values to complete.
    package let completion: ValueSource?

    /// A switch without a value.
    package init(_ name: String, _ short: Character? = nil, help: String) {
        self.init(name, short, "", .never, .text, nil, nil, help)
    }

    /// A flag with a value.
    package init(
        _ name: String, _ short: Character? = nil, _ valueName: String, _ type: ValueType,
        isOptional: Bool = false,
        defaultValue: String? = nil, completion: ValueSource? = nil, help: String
    ) {
        self.init(
            name, short, valueName, isOptional ? .optional : .required, type, defaultValue, completion, help)
    }

    private init(
        _ name: String, _ short: Character?, _ valueName: String, _ value: Value, _ type: ValueType,
        _ defaultValue: String?, _ completion: ValueSource?, _ help: String
    ) {
        self.name = name
        self.short = short
        self.valueName = valueName
        self.value = value
        self.type = type
        self.defaultValue = defaultValue
        self.completion = completion
        self.help = help
    }
}

/// What the value of an argument or flag must be.
package indirect enum ValueType: Sendable, Equatable {
    /// Any text.
    case text
    /// A whole number in this range; the words stand beside the numbers (`infinity`).
    case integer(ClosedRange<Int>, words: [String] = [])
    /// `true` or `false`, `on` or `off`.
    case boolean
    /// One of these words.
    case choice([String])
    /// The path of a file that exists where the broker runs.
    case file
    /// Several values: `a,b` or `[a,b]`.
    case list(ValueType)
}

/// Where a shell finds values to complete, by asking the broker.
package enum ValueSource: String, Sendable, CaseIterable {
    case clients, listeners, ports, settings, plugins, topics, loggers, metrics, keys
    /// Of a setting whose name and `=` stand before them.
    case settingValues
}
