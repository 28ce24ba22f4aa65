extension CommandTable {
    /// Every command of `vmq-admin`, in the order of its help.
    package static let vmqAdmin = CommandTable(
        AdminCommands.node + AdminCommands.session + AdminCommands.client + AdminCommands.retain
            + AdminCommands.plugin + AdminCommands.access + AdminCommands.listener + AdminCommands.metrics
            + AdminCommands.apiKey
            + AdminCommands.trace + AdminCommands.tls + AdminCommands.log + AdminCommands.configuration
            + AdminCommands.completion,
        groups: [
            "node": "This node: its state, start and stop",
            "cluster": "The nodes of the cluster",
            "session": "Sessions: list, disconnect, unsubscribe, delete",
            "client": "Everything about one client",
            "subscriptions": "Who would get a message",
            "queue": "The messages that wait for a client",
            "retain": "Retained messages",
            "plugin": "Plugins and the hooks that they serve",
            "acl": "Access control files",
            "auth": "Logins that have failed",
            "auth failures": "Logins that have failed, and bans",
            "listener": "The addresses on which the broker accepts connections",
            "metrics": "Counters and gauges of the broker",
            "api-key": "Keys for the HTTP API",
            "trace": "What a client and the broker say to each other",
            "tls": "The certificates of listeners",
            "log": "Where log lines go, and which are written",
            "log show": "Shows how log lines are written",
            "config": "Where settings have their values from",
            "completion": "Scripts that let a shell complete commands and values",
        ])
}

/// The commands of `vmq-admin`, by what they are about. Each group has a file of its own.
package enum AdminCommands {
    /// `client-id=`, as most commands about one client take it.
    static func clientID(isRequired: Bool = true, help: String = "The client identifier.") -> Argument {
        Argument("client-id", "ClientId", isRequired: isRequired, completion: .clients, help: help)
    }

    /// `--mountpoint`
    static let mountpoint = Flag(
        "mountpoint", "m", "Mountpoint", .text, defaultValue: "", help: "The mountpoint of the client.")

    /// What a command says of itself that asks out of courtesy (`Confirmation.isCourtesy`).
    static let asks =
        "On a terminal it asks first, unless --yes is given. Elsewhere it does not ask, as VerneMQ's does not."

    /// The same of one that asks where a flag is given.
    static func asksWith(_ flag: String) -> String {
        "With --\(flag) it asks first on a terminal, unless --yes is given. Elsewhere it does not ask, as VerneMQ's does not."
    }

    /// A whole number that is not negative.
    static let count = ValueType.integer(0...Int.max)
    /// A whole number from 1.
    static let positive = ValueType.integer(1...Int.max)

    /// `--limit`
    static func limit(_ help: String = "How many rows are shown at most.", defaultValue: String = "100")
        -> Flag
    {
        Flag("limit", nil, "N", count, defaultValue: defaultValue, help: help)
    }
}
