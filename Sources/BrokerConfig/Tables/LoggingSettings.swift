extension SettingsTable {
    private static let levels = [
        "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
    ]
    private static let formats = SettingType.choice(["text", "json"])

    static let logging = SettingGroup(
        "Logging",
        [
            Setting(
                "log.console", .choice(["off", "file", "console", "both"]), "file",
                meaning: "where the log goes"),
            Setting(
                "log.console.level", .choice(levels), "info",
                meaning: "least important messages that are logged"),
            Setting(
                "log.template", .choice(["simple", "extended"]), "extended", [.hidden, .new],
                status: .ignored("a line has its own format"), meaning: "shape of a line"),
            Setting("log.console.file", .file, "./log/console.log", meaning: "path of the log"),
            Setting("log.console.console.format", formats, "text", .new, meaning: "format on the console"),
            Setting("log.console.file.format", formats, "text", .new, meaning: "format in the file"),
        ] + rotation("log.console") + [
            Setting("log.error", .flag, "on", .new, meaning: "keep errors in a file of their own as well"),
            Setting("log.error.file", .file, "./log/error.log", meaning: "path of that file"),
            Setting("log.error.file.format", formats, "text", .new, meaning: "format in that file"),
        ] + rotation("log.error") + [
            Setting(
                "log.crash", .flag, "off",
                status: .ignored("a crash is reported on the standard error output"),
                meaning: "log of Erlang process crashes"),
            Setting(
                "log.crash.file", .file, "./log/crash.log", status: noErlang, meaning: "path of that log"),
        ] + rotation("log.crash", keepWords: ["current"], status: noErlang) + [
            Setting("log.sasl", .flag, "off", .new, status: noErlang, meaning: "log of Erlang supervisors"),
            Setting(
                "log.sasl.file", .file, "./log/sasl.log", .new, status: noErlang, meaning: "path of that log"),
        ] + rotation("log.sasl", status: noErlang) + syslog + [
            Setting(
                "log.level", .choice(["all", "debug", "info", "warning", "error"]), "all", [.hidden, .new],
                status: .notYet(.changes), meaning: "least important messages on any log"),
            Setting("sasl", .flag, "off", .hidden, status: noErlang, meaning: "Erlang's own error log"),
        ])

    private static let noErlang = Setting.Status.ignored("there is no Erlang VM")

    private static func rotation(
        _ log: String, keepWords: [String] = [], status: Setting.Status = .notYet(.changes)
    ) -> [Setting] {
        [
            Setting(
                "\(log).rotation.size", .byteSize(words: ["infinity"]), "infinity", .new, status: status,
                meaning: "size at which a new file is begun"),
            Setting(
                // Only the crash log had it in 1.x.
                "\(log).rotation.keep", .integer(0...Int.max, words: keepWords), "5",
                keepWords.isEmpty ? .new : [],
                status: status,
                meaning: "old files that are kept"),
            Setting(
                "\(log).rotation.compress_on_rotate", .flag, "off", .new, status: status,
                meaning: "compress old files"),
        ]
    }

    private static let facilities = [
        "kern", "kernel", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp",
        "ntp", "logaudit", "logalert", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
        "local6",
        "local7",
    ]

    private static let syslog: [Setting] = [
        Setting("log.syslog", .flag, "off", status: .notYet(.changes), meaning: "log to syslog"),
        Setting(
            "log.syslog.level", .choice(["all", "debug", "info", "warning", "error"]), "all",
            [.hidden, .new],
            status: .notYet(.changes), meaning: "least important messages sent to syslog"),
        Setting(
            "log.syslog.format", .choice(["rfc3164", "rfc5424"]), "rfc3164", .new, status: .notYet(.changes),
            meaning: "syslog message format"),
        Setting(
            "log.syslog.facility", .choice(facilities), "daemon", .new, status: .notYet(.changes),
            meaning: "syslog facility"),
        Setting(
            "log.syslog.app_name", .text, nil, .new, status: .notYet(.changes), meaning: "name told to syslog"
        ),
        Setting(
            "log.syslog.remote.host", .text, nil, .new, status: .notYet(.changes),
            meaning: "remote syslog server"),
        Setting("log.syslog.remote.port", .port, "514", .new, status: .notYet(.changes), meaning: "its port"),
        Setting(
            "log.syslog.remote.protocol", .choice(["udp", "tcp", "tls"]), "udp", .new,
            status: .notYet(.changes),
            meaning: "how it is reached"),
        Setting(
            "log.syslog.remote.tls.cafile", .file, nil, .new, status: .notYet(.changes),
            meaning: "certificates trusted for it (PEM)"),
    ]
}
