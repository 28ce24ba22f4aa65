extension AdminCommands {
    static let node = [
        AdminCommand(
            "node start", "Starts to accept clients again after node stop",
            details:
                "The listeners for MQTT that node stop has suspended accept connections again. The process of "
                + "the broker must be running: 'vernemq start' starts it.",
            effect: .changes, examples: ["node start"]),
        AdminCommand(
            "node stop", "Stops serving clients, and leaves the process of the broker running",
            details:
                "Listeners for MQTT accept no connections any more, and connected clients are disconnected. "
                + "Sessions, queues and retained messages stay. " + asks,
            effect: .changes, examples: ["node stop"]),
        AdminCommand(
            "node status",
            "Shows how many clients are online, how many messages came and went, and the version",
            examples: ["node status", "node status --format=json"]),
        AdminCommand(
            "node upgrade", "Says why a running broker is not upgraded in place",
            details:
                "VerneMQ loads new code into its running process. This broker is one program: install the new one, "
                + "and start it anew with 'vernemq restart'. Sessions and stored messages stay.",
            flags: [
                Flag("upgrade-now", help: "Taken as VerneMQ's; nothing is upgraded."),
                Flag("instruction-file", nil, "File", .text, help: "Taken as VerneMQ's; it is not read."),
            ],
            examples: ["node upgrade"]),
        AdminCommand(
            "cluster show", "Shows the nodes of the cluster and whether they are running",
            examples: ["cluster show"]),
    ]
}
