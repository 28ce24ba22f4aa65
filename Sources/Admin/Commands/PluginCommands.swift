extension AdminCommands {
    private static let pluginFlags = [
        Flag("name", "n", "Name", .text, completion: .plugins, help: "The name of a plugin."),
        Flag(
            "path", "p", "Directory", .file, help: "Where the plugin is, when it is not part of the broker."),
        Flag("module", "m", "Module", .text, help: "A module with one hook, in place of a plugin's name."),
        Flag("function", "f", "Function", .text, help: "The function of the module."),
        Flag("arity", "a", "N", count, help: "How many arguments the function takes."),
        Flag("hook", nil, "Hook", .text, help: "The hook that the function serves; its own name by default."),
    ]

    static let plugin = [
        AdminCommand(
            "plugin show", "Shows plugins, the hooks that they serve and how long their answers take",
            flags: [
                Flag("plugin", nil, "Name", .text, completion: .plugins, help: "Only this plugin."),
                Flag("hook", nil, "Hook", .text, help: "Only plugins that serve this hook."),
                Flag("internal", help: "Shows what is part of the broker too."),
                Flag(
                    "calls",
                    help:
                        "Adds in which order plugins are asked, what came of it, and how long late answers took."
                ),
            ],
            examples: ["plugin show", "plugin show --hook=auth_on_publish", "plugin show --calls"]),
        AdminCommand(
            "plugin enable", "Enables a plugin until the broker is started anew", flags: pluginFlags,
            effect: .changes, examples: ["plugin enable --name=vmq_acl"]),
        AdminCommand(
            "plugin disable", "Disables a plugin until the broker is started anew", details: asks,
            flags: pluginFlags,
            effect: .changes, examples: ["plugin disable --name=vmq_acl"]),
    ]

    static let access = [
        AdminCommand(
            "acl check",
            "Looks at an access control file: what counts for nothing, and what may mean something else",
            details:
                "Warns where VerneMQ would read a rule otherwise. The broker reads the file; of another file than its own it quotes nothing.",
            arguments: [
                Argument(
                    "file", "File", isRequired: false,
                    help: "The file on the broker's machine. Without it the one of vmq_acl.acl_file.")
            ],
            examples: ["acl check", "acl check file=/etc/vernemq/new.acl"]),
        AdminCommand(
            "auth failures show",
            "Shows from where, and with which user names, logins have failed, the last first",
            flags: [
                Flag("banned", help: "Only those that are banned."),
                limit(),
            ],
            examples: ["auth failures show", "auth failures show --banned"]),
        AdminCommand(
            "auth failures clear",
            "Forgets failed logins and ends bans; all of them, or those of an address or a user",
            flags: [
                Flag("address", "a", "Address", .text, help: "Only this address, as it is shown."),
                Flag("user", "u", "Username", .text, help: "Only this user name."),
            ],
            effect: .changes,
            examples: ["auth failures clear", "auth failures clear --address=192.0.2.7"]),
    ]
}
