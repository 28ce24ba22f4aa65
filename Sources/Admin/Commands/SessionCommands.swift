extension AdminCommands {
    static let session = [sessionShow] + sessionChanges

    private static let sessionShow = AdminCommand(
        "session show", "Lists sessions, with the columns and filters that you choose",
        details: """
            A column flag without a value shows the column: --client_id --topic. With a value it selects rows and \
            shows nothing: --is_online=true. A value that begins with ~ is a regular expression: --client_id=~^sensor. \
            One flag may be given both ways: --topic --topic=a/b. Several filters must \
            all hold.
            Without any column flag the columns are client_id, is_online, mountpoint, peer_host, peer_port and user.
            With a column of subscriptions each subscription has a row of its own; with a column of messages each \
            message that waits or is in flight has, in memory or in the store; with both there is a row for each \
            message with each subscription.
            """,
        flags: SessionColumns.all.map { column in
            Flag(
                column.name, nil, "Filter", .text, isOptional: true,
                completion: column.name == "client_id" ? .clients : column.name == "topic" ? .topics : nil,
                help: column.help)
        } + [
            limit(),
            Flag(
                "rowtimeout", nil, "Milliseconds", count, defaultValue: "100",
                help:
                    "VerneMQ's; it changes nothing here: rows are read in slices, and no session is waited for."
            ),
            Flag(
                "order", nil, "Column", .choice(SessionColumns.all.map(\.name)),
                help: "Sorts by this column. Rows come in no order otherwise."),
            Flag("desc", help: "Sorts from the largest to the smallest."),
        ],
        examples: [
            "session show",
            "session show --client_id --user --is_online=true --limit=20",
            "session show --client_id=~^sensor --topic --qos",
            "session show --client_id --offline_messages --order=offline_messages --desc",
        ])

    private static let cleanup = Flag(
        "cleanup", "c", help: "Deletes the sessions too: subscriptions, waiting messages and the queue.")

    private static let sessionChanges = [
        AdminCommand(
            "session disconnect", "Disconnects a client",
            details:
                "The answer is Done for an unknown client too; where one of this name is on another mountpoint, that is "
                + "said. A client of MQTT 5 is told that an "
                + "administrator has ended its connection. " + asksWith("cleanup"),
            arguments: [clientID()], flags: [mountpoint, cleanup], effect: .changes,
            examples: [
                "session disconnect client-id=sensor-1", "session disconnect client-id=sensor-1 --cleanup",
            ]),
        AdminCommand(
            "session disconnect clients", "Disconnects several clients", details: asksWith("cleanup"),
            arguments: [
                Argument(
                    "client-ids", "Ids", .list(.text), completion: .clients,
                    help: "Client identifiers with commas between them.")
            ],
            flags: [mountpoint, cleanup], effect: .changes,
            examples: ["session disconnect clients client-ids=sensor-1,sensor-2"]),
        AdminCommand(
            "session disconnect batch", "Disconnects some number of clients, whichever they are",
            details: "So a node can be emptied step by step. " + asksWith("cleanup"),
            arguments: [Argument("count", "N", positive, help: "How many clients are disconnected.")],
            flags: [
                mountpoint, cleanup,
                Flag(
                    "filter-client-ids", "f", "Ids", .list(.text), completion: .clients,
                    help: "Clients that stay connected."),
                Flag("node", "n", "Nodes", .list(.text), help: "Only clients of these nodes."),
            ],
            effect: .changes, examples: ["session disconnect batch count=100"]),
        AdminCommand(
            "session unsubscribe", "Ends one subscription of a client",
            arguments: [
                clientID(),
                Argument("topic", "Topic", completion: .topics, help: "The filter of the subscription."),
            ],
            flags: [
                mountpoint,
                Flag("plugin", "p", help: "Tells plugins about it (hook on_topic_unsubscribed)."),
            ],
            effect: .changes, examples: ["session unsubscribe client-id=sensor-1 topic=a/b"]),
        AdminCommand(
            "session reauthorize", "Asks plugins again whether a client may have its subscriptions",
            details: "Subscriptions that plugins now refuse end. The answer is Unchanged when none does.",
            arguments: [
                Argument("username", "Username", help: "The user name that plugins are asked about."),
                clientID(),
            ],
            flags: [mountpoint], effect: .changes,
            examples: ["session reauthorize username=bob client-id=sensor-1"]),
        AdminCommand(
            "session delete", "Deletes a session with its subscriptions and waiting messages",
            details: "A connected client is disconnected first. The messages are lost.",
            arguments: [clientID()], flags: [mountpoint], effect: .destroys,
            examples: ["session delete client-id=sensor-1 --yes"]),
    ]
}
