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
            ],
            examples: ["plugin show", "plugin show --hook=auth_on_publish"]),
        AdminCommand(
            "plugin enable", "Enables a plugin until the broker is started anew", flags: pluginFlags,
            effect: .changes, examples: ["plugin enable --name=vmq_acl"]),
        AdminCommand(
            "plugin disable", "Disables a plugin until the broker is started anew", flags: pluginFlags,
            effect: .changes, examples: ["plugin disable --name=vmq_acl"]),
    ]
}
