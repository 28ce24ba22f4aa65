extension SettingsTable {
    private static let hooks = [
        "auth_on_register", "auth_on_publish", "auth_on_subscribe", "on_register", "on_publish",
        "on_subscribe",
        "on_unsubscribe", "on_deliver", "on_offline_message", "on_client_wakeup", "on_client_offline",
        "on_client_gone", "on_session_expired", "auth_on_register_m5", "auth_on_publish_m5",
        "auth_on_subscribe_m5",
        "on_register_m5", "on_publish_m5", "on_subscribe_m5", "on_unsubscribe_m5", "on_deliver_m5",
        "on_auth_m5",
    ]

    /// The plugins that this build has.
    static let filePlugins = SettingGroup(
        "Passwords and access control",
        [
            Setting(
                "plugins.vmq_passwd", .flag, "on",
                meaning: "start the password file plugin, which says who may connect"),
            Setting(
                "plugins.vmq_acl", .flag, "on",
                meaning: "start the access control file plugin, which says which topics clients may use"),
            Setting("plugins.$name.priority", .anyInteger, nil, meaning: "order of starting, lowest first"),
            Setting(
                "vmq_passwd.password_file", .file, "./etc/vmq.passwd", .runtime,
                meaning: "password file, which vmq-passwd writes", mainSwitch: "plugins.vmq_passwd"),
            Setting(
                "vmq_passwd.password_reload_interval", .time, "10", [.runtime, .seconds],
                meaning: "time between two looks at it, 0 for none"),
            Setting(
                "vmq_passwd.hash_threads", .integer(1...64), "1", .ours,
                meaning: "threads that compare passwords"),
            Setting(
                "vmq_acl.acl_file", .file, "./etc/vmq.acl", .runtime,
                meaning: "access control file; vmq-admin acl check looks at one",
                mainSwitch: "plugins.vmq_acl"),
            Setting(
                "vmq_acl.acl_reload_interval", .time, "10", [.runtime, .seconds],
                meaning: "time between two looks at it, 0 for none"),
            Setting(
                "vmq_acl.strict_subscribe", .flag, "on", [.ours, .runtime],
                meaning:
                    "a subscription must be within a rule: a/+ does not let a/# through; off compares as VerneMQ does"
            ),
            Setting(
                "vmq_acl.protect_system_topics", .flag, "on", [.ours, .runtime],
                meaning:
                    "rules that begin with a wildcard do not reach topics that begin with $; off lets # reach $SYS, as in VerneMQ"
            ),
            Setting(
                "allow_all_topics", .flag, "off", [.ours, .runtime],
                meaning:
                    "let clients publish and subscribe everywhere while no plugin decides about that; off refuses it, as VerneMQ does"
            ),
            Setting(
                "auth_failures.max", .count, "0", [.ours, .runtime],
                meaning:
                    "refused logins from one address, within auth_failures.window, after which it is banned; 0 for never"
            ),
            Setting(
                "auth_failures.window", .time, "60", [.ours, .runtime, .seconds],
                meaning: "time after which failures are forgotten"),
            Setting(
                "auth_failures.ban_time", .time, "300", [.ours, .runtime, .seconds],
                meaning: "how long a ban lasts"),
            Setting(
                "auth_failures.ban_users", .flag, "off", [.ours, .runtime],
                meaning:
                    "ban user names as well as addresses; whoever knows a name can then lock its owner out"),
            Setting(
                "auth_failures.delay", .time, "1000", [.ours, .runtime, .milliseconds],
                meaning:
                    "longest time for which the answer to a refused login is held back; it doubles with each failure, from a sixteenth; 0 for none"
            ),
        ])

    static let plugins = SettingGroup(
        "Plugins", status: .notYet(.harmless),
        [
            Setting(
                "plugins.$name", .flag, nil, .mainSwitch, status: .notYet(protects: .plugin),
                meaning: "start a plugin"),
            Setting("plugins.$name.path", .directory(), nil, meaning: "where a plugin of another maker is"),
            Setting(
                "plugins.vmq_diversity", .flag, "off", .mainSwitch, status: .notYet(protects: .script),
                meaning: "start the Lua plugin"),
            Setting(
                "plugins.vmq_webhooks", .flag, "off", .mainSwitch, status: .notYet(protects: .webhook),
                meaning: "start the webhooks plugin"),
            Setting(
                "plugins.vmq_bridge", .flag, "off", .mainSwitch, status: .notYet(protects: .bridge),
                meaning: "start the bridge plugin"),
            Setting(
                "vmq_bcrypt.pool_size", .integer(1...Int.max, words: ["auto"]), "1",
                meaning: "bcrypt processes"),
            Setting(
                "vmq_bcrypt.nif_pool_size", .integer(1...Int.max, words: ["auto"]), "4",
                meaning: "bcrypt operations at the same time"),
            Setting("vmq_bcrypt.nif_pool_max_overflow", .count, "10", meaning: "how many more when busy"),
            Setting(
                "vmq_bcrypt.default_log_rounds", .integer(4...31), "12", meaning: "cost of a new bcrypt hash"),
            Setting(
                "vmq_bcrypt.mechanism", .choice(["nif", "port"]), "port", meaning: "how VerneMQ runs bcrypt"),
        ])

    static let webhooks = SettingGroup(
        "Webhooks", status: .notYet(.harmless),
        [
            Setting(
                "vmq_webhooks.$name.hook", .choice(hooks), nil, status: .notYet(protects: .webhook),
                meaning: "hook that calls the endpoint", mainSwitch: "plugins.vmq_webhooks"),
            Setting(
                "vmq_webhooks.$name.endpoint", .text, nil, status: .notYet(protects: .webhook),
                meaning: "URL that is called", mainSwitch: "plugins.vmq_webhooks"),
            Setting(
                "vmq_webhooks.$name.base64encode", .flag, "on", .hidden, meaning: "send payloads in base64"),
            Setting("vmq_webhooks.$name.no_payload", .flag, "off", .hidden, meaning: "send no payload"),
            Setting(
                "vmq_webhooks.$name.response_timeout", .time, "5000", [.hidden, .milliseconds],
                meaning: "time the endpoint has to answer"),
            Setting(
                "vmq_webhooks.clique_lead_line", .text, "    webhooks    Manage webhooks\\n", .hidden,
                meaning: "help text internal to VerneMQ"),
            Setting(
                "vmq_webhooks.pool_max_connections", .integer(1...Int.max), "100", [.hidden, .runtime],
                meaning: "connections to one endpoint"),
            Setting(
                "vmq_webhooks.pool_timeout", .time, "60000", [.hidden, .runtime, .milliseconds],
                meaning: "how long an idle connection is kept"),
            Setting(
                "vmq_webhooks.cafile", .file, "", [.hidden, .runtime],
                meaning: "certificates that are trusted (PEM)"),
            Setting("vmq_webhooks.tls_version", .atom, "tlsv1.2", .runtime, meaning: "version of TLS"),
            Setting(
                "vmq_webhooks.verify_peer", .flag, "on", [.hidden, .runtime],
                meaning: "check the server's certificate"),
            Setting(
                "vmq_webhooks.depth", .count, "100", [.hidden, .runtime],
                meaning: "longest chain of certificates"),
            Setting(
                "vmq_webhooks.certfile", .file, "", [.hidden, .runtime], meaning: "own certificate (PEM)"),
            Setting("vmq_webhooks.use_crls", .flag, "on", .hidden, meaning: "look at revocation lists"),
            Setting("vmq_webhooks.keyfile", .file, "", [.hidden, .runtime], meaning: "own key (PEM)"),
            Setting(
                "vmq_webhooks.keyfile_password", .text, "", [.hidden, .secret],
                meaning: "password of that key"),
        ])

    static let scripting = SettingGroup(
        "Lua scripts", status: .notYet(.harmless),
        [
            Setting(
                "vmq_diversity.keep_state", .flag, "off", [.hidden, .runtime],
                meaning: "keep the state of a script"),
            Setting(
                "vmq_diversity.nr_lua_states", .integer(1...Int.max), "1", .hidden,
                meaning: "states of each script"),
            Setting(
                "vmq_diversity.script_dir", .directory(), "./share/lua",
                status: .notYet(protects: .script), meaning: "directory whose scripts are loaded",
                mainSwitch: "plugins.vmq_diversity"),
            Setting(
                "vmq_diversity.$script.file", .file, nil, status: .notYet(protects: .script),
                meaning: "script that is loaded at the start", mainSwitch: "plugins.vmq_diversity"),
            Setting(
                "vmq_diversity.clique_lead_line", .text, "    script      Manage lua scripts\\n", .hidden,
                meaning: "help text internal to VerneMQ"),
        ])
}
