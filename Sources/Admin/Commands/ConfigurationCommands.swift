extension AdminCommands {
    private static let nodeFlags = [
        Flag("node", "n", "Node", .text, help: "The node that is meant; this one by default."),
        Flag("all", "a", help: "All nodes of the cluster."),
    ]

    static let configuration = [
        AdminCommand(
            "set", "Changes settings of the running broker",
            details:
                "They take effect at once, all or none of them, and are forgotten when the broker is started "
                + "anew. Settings that can only be changed in the configuration are refused.",
            flags: nodeFlags, effect: .changes, rule: .assignments,
            examples: ["set max_inflight_messages=50", "set allow_anonymous=off max_message_size=65536"]),
        AdminCommand(
            "show", "Shows the values of settings", flags: nodeFlags, rule: .settingNames,
            examples: ["show max_inflight_messages allow_anonymous"]),
        AdminCommand(
            "describe", "Explains settings", rule: .settingNames, examples: ["describe max_inflight_messages"]
        ),
        AdminCommand(
            "config show", "Shows where each setting has its value from",
            arguments: [application],
            flags: [Flag("key", "k", "Setting", .text, completion: .settings, help: "Only this setting.")],
            examples: ["config show app=vmq_server --key=max_inflight_messages"]),
        AdminCommand(
            "config reset", "Gives settings the values of the configuration again",
            details: "What was changed with set is forgotten. " + asks,
            arguments: [application],
            flags: [
                Flag("key", "k", "Setting", .text, completion: .settings, help: "Only this setting."),
                Flag("config-file", nil, "File", .file, help: "Not part of this broker: write set instead."),
                Flag("config-val", nil, "Value", .text, help: "Not part of this broker: write set instead."),
                Flag("local", help: "Forgets what was changed on this node, which is what is done anyway."),
                Flag("global", help: "Refused: no setting is kept for all nodes together."),
            ],
            effect: .changes, examples: ["config reset app=vmq_server --key=max_inflight_messages"]),
    ]

    private static let application = Argument(
        "app", "App", isRequired: false, help: "The part of the broker: vmq_server.")

    static let completion = ["bash", "zsh", "fish"].map { shell in
        AdminCommand(
            "completion \(shell)", "Prints the script that lets \(shell) complete commands and values",
            details: ShellCompletion.installation(shell), examples: ["completion \(shell)"])
    }
}
