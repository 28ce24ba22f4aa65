extension AdminCommands {
    static let metrics = [
        AdminCommand(
            "metrics show", "Shows all metrics, one a line",
            details: "Metrics without a label are left out as soon as a flag asks for a label.",
            flags: [
                Flag("with-descriptions", "d", help: "Shows what each metric counts."),
                Flag(
                    "aggregate", "a", "Bool", .boolean, isOptional: true, defaultValue: "true",
                    help: "Adds up what differs in labels only. With false each has a line."),
                Flag(
                    "mqtt_version", nil, "Version", .choice(["4", "5"]), help: "Only those of this version."),
                Flag("reason_code", nil, "Name", .text, help: "Only those of this reason code (MQTT 5)."),
                Flag("return_code", nil, "Name", .text, help: "Only those of this return code (MQTT 3.1.1)."),
            ],
            examples: ["metrics show", "metrics show -d --mqtt_version=5 --reason_code=success"]),
        AdminCommand(
            "metrics reset", "Lets metrics show count VerneMQ's counters from 0",
            details:
                "What is scraped, pushed and published goes on: a counter that falls is a restart to who reads it. "
                + asks,
            effect: .changes,
            examples: ["metrics reset"]),
        AdminCommand(
            "metrics history", "Draws the key numbers, or shows what a metric was, over the last minutes",
            details:
                "The key numbers are those of the status page: a value a second for 15 minutes, one in 10 s for 6 hours, one a minute for 48 hours, kept over a restart. Other metrics have one in 10 s for an hour and a half since the start.",
            arguments: [
                Argument(
                    "name", "Metric", isRequired: false, completion: .metrics,
                    help: "A key number, or the name of a metric. Without it all key numbers are drawn.")
            ],
            flags: [
                Flag(
                    "minutes", nil, "N", .integer(1...2880), defaultValue: "60", help: "How far back it goes."
                )
            ],
            examples: [
                "metrics history", "metrics history name=lost --minutes=360",
                "metrics history name=mqtt_publish_received --minutes=10",
            ]),
        AdminCommand(
            "metrics check",
            "Checks that every message is accounted for and that /metrics is well-formed, and shows what is not",
            details:
                "Each form of /metrics (text, OpenMetrics, protobuf) is written, read back and compared with the others.",
            examples: ["metrics check"]),
        AdminCommand(
            "metrics cardinality", "Shows how many time series each metric has, the most first",
            flags: [limit(defaultValue: "20")], examples: ["metrics cardinality"]),
    ]

    private static let scopes = ["status", "mgmt", "metrics", "health", "api2", "httppub"]
    private static let scope = Argument(
        "scope", "Scope", .choice(scopes), isRequired: false, help: "What the key opens; mgmt by default.")
    private static let expires = Argument(
        "expires", "Date", isRequired: false,
        help: "When it ends, in local time: 2030-12-31T23:59:59. Never by default.")

    static let apiKey = [
        AdminCommand(
            "api-key create", "Makes a random key and shows it",
            details: "The broker stores a hash of the key: this is the only time that it is shown whole.",
            arguments: [scope, expires], effect: .changes,
            examples: [
                "api-key create scope=metrics", "api-key create scope=mgmt expires=2030-12-31T23:59:59",
            ]),
        AdminCommand(
            "api-key add", "Stores a key that you chose",
            arguments: [Argument("key", "Key", help: "The key."), scope, expires], effect: .changes,
            examples: ["api-key add key=a8b2c9 scope=mgmt"]),
        AdminCommand(
            "api-key delete", "Deletes one key",
            details:
                "The key is given whole, or as api-key show writes it; of that, what stands behind the dots is enough. A key "
                + "that has several scopes is deleted for one of them: scope says which. " + asks,
            arguments: [
                Argument(
                    "key", "Key", completion: .keys, help: "The key, or what api-key show writes of it."),
                Argument(
                    "scope", "Scope", .choice(scopes), isRequired: false,
                    help: "The scope for which it is deleted. It must be given where the key has several."),
            ],
            effect: .changes,
            examples: ["api-key delete key=a8b2c9 scope=mgmt", "api-key delete key=Ub8lvG…5be1a0c2"]),
        AdminCommand(
            "api-key show", "Lists keys, what they open and when they end",
            arguments: [
                Argument(
                    "scope", "Scope", .choice(scopes + ["all"]), isRequired: false,
                    help: "Only those of this scope; all by default.")
            ],
            examples: ["api-key show", "api-key show scope=metrics"]),
    ]

    static let trace = [
        AdminCommand(
            "trace client", "Shows the packets of a client as they come and go, and what plugins answer",
            details:
                "It goes on until you end it with Ctrl-C. It waits for the client if it is not connected.",
            arguments: [clientID()],
            flags: [
                Flag(
                    "mountpoint", nil, "Mountpoint", .text, defaultValue: "",
                    help: "The mountpoint of the client."),
                Flag(
                    "rate-max", nil, "N", positive, defaultValue: "10",
                    help: "How many packets are shown in an interval."),
                Flag(
                    "rate-interval", nil, "Milliseconds", positive, defaultValue: "100",
                    help: "How long an interval is."),
                Flag(
                    "trunc-payload", nil, "Bytes", count, defaultValue: "200",
                    help: "How much of a payload is shown."),
                Flag(
                    "on-limit", nil, "Action", .choice(["skip", "stop"]), defaultValue: "skip",
                    help:
                        "What happens when there are more packets: they are skipped and counted, or the trace "
                        + "stops."),
            ],
            isStreaming: true,
            examples: ["trace client client-id=sensor-1", "trace client client-id=sensor-1 --rate-max=1000"]),
        AdminCommand(
            "trace stop_all", "Ends all traces that are running", effect: .changes,
            examples: ["trace stop_all"]),
    ]

    static let tls = [
        AdminCommand(
            "tls show", "Shows the certificates that listeners use, and how long they are valid",
            examples: ["tls show"]),
        AdminCommand(
            "tls check", "Shows certificates that end soon, or are not valid yet",
            flags: [
                Flag(
                    "validity", "v", "Seconds", count, defaultValue: "172800",
                    help: "How long they must still be valid.")
            ],
            examples: ["tls check --validity=604800"]),
        AdminCommand(
            "tls clear-pem-cache",
            "Forgets certificates, but not those of HTTPS listeners",
            details:
                "HTTPS listeners read their files again when they are stopped and started: listener stop, listener restart.",
            effect: .changes,
            examples: ["tls clear-pem-cache"]),
    ]

    private static let levels = [
        "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug", "all",
        "none",
    ]

    static let log = [
        AdminCommand(
            "log show config", "Shows where log lines go and from which level on",
            examples: ["log show config"]),
        AdminCommand(
            "log level", "Changes from which level on log lines are written",
            details:
                "Each place has a level of its own: console, consolefile (log.console.file) and default (log.error.file). "
                + "alert and emergency are critical here; none writes nothing.",
            arguments: [
                Argument(
                    "logger", "Logger", completion: .loggers, help: "The name that log show config shows."),
                Argument("level", "Level", .choice(levels), help: "The new level."),
            ],
            effect: .changes, examples: ["log level logger=console level=debug"]),
    ]
}
