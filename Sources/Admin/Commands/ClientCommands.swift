extension AdminCommands {
    static let client = [
        AdminCommand(
            "client show", "Shows everything about one client on one screen",
            details:
                "Its connection, listener and address, the version of MQTT, keep alive, the age and expiry of "
                + "its session, its subscriptions, queue and messages in flight with the age of the oldest, its "
                + "packets by type, the limits that hold for it, its will and what last went wrong.",
            arguments: [clientID()], flags: [mountpoint],
            examples: ["client show client-id=sensor-1"]),
        AdminCommand(
            "subscriptions show", "Shows who would get a message of a topic",
            details:
                "Only clients of one mountpoint are shown. With --filter it says how many there are on others.",
            flags: [
                Flag(
                    "filter", nil, "Topic", .text, completion: .topics,
                    help:
                        "A topic such as a/b, or a filter as it was subscribed to. Without it all are shown."),
                mountpoint, limit(),
            ],
            examples: ["subscriptions show --filter=a/b"]),
        AdminCommand(
            "queue show", "Shows the messages that wait for a client",
            details: "Behind them it says how many there are, in memory, in the store and in flight.",
            arguments: [clientID()],
            flags: [mountpoint, Flag("payload", help: "Shows the payloads too."), limit()],
            examples: ["queue show client-id=sensor-1", "queue show client-id=sensor-1 --payload --limit=10"]),
        AdminCommand(
            "queue purge", "Deletes the messages that wait for a client",
            details: "The session and its subscriptions stay. The messages are lost.",
            arguments: [clientID()], flags: [mountpoint], effect: .destroys,
            examples: ["queue purge client-id=sensor-1 --yes"]),
    ]

    static let retain = [
        AdminCommand(
            "retain show", "Lists retained messages",
            details:
                "A column flag without a value shows the column, with a value it selects rows, with =~ by a "
                + "regular expression. A topic with + or # is a filter. Without any column flag the columns are payload "
                + "and topic.",
            flags: [
                Flag(
                    "topic", nil, "Topic", .text, isOptional: true, completion: .topics, help: "The topic."),
                Flag("payload", nil, "Payload", .text, isOptional: true, help: "The payload."),
                Flag("mountpoint", nil, "Mountpoint", .text, isOptional: true, help: "The mountpoint."),
                limit(),
                Flag(
                    "rowtimeout", nil, "Milliseconds", count, defaultValue: "100",
                    help:
                        "VerneMQ's; it changes nothing here: rows are read in slices, and no session is waited for."
                ),
            ],
            examples: [
                "retain show", "retain show --topic=house/# --topic",
                "retain show --topic=~^house/ --topic --payload",
            ]),
        AdminCommand(
            "retain delete", "Deletes retained messages",
            flags: [
                Flag(
                    "topic", "t", "Filter", .text, completion: .topics,
                    help: "The topic, or a filter with + and #. It must be given."),
                Flag(
                    "mountpoint", "m", "Mountpoint", .text, defaultValue: "",
                    help: "The mountpoint of the topic."),
            ],
            effect: .destroys, examples: ["retain delete --topic=house/door --yes"]),
        AdminCommand(
            "retain delete-expired",
            "Deletes retained messages whose time is over, and shows how many there were",
            effect: .changes, examples: ["retain delete-expired"]),
    ]
}
