extension SettingsTable {
    static let erlang = SettingGroup(
        "Erlang VM", status: .ignored("there is no Erlang VM"),
        [
            Setting("erlang.async_threads", .count, "64", meaning: "threads for files"),
            Setting("erlang.async_threads.stack_size", .byteSize(), nil, .hidden, meaning: "their stack"),
            Setting("erlang.max_ports", .integer(1024...134_217_727), "262144", meaning: "sockets and files"),
            Setting("erlang.schedulers.total", .count, nil, meaning: "scheduler threads"),
            Setting("erlang.schedulers.online", .count, nil, meaning: "scheduler threads in use"),
            Setting(
                "erlang.schedulers.force_wakeup_interval", .count, nil,
                meaning: "time between forced wake-ups"),
            Setting(
                "erlang.schedulers.compaction_of_load", .choice(["true", "false"]), nil,
                meaning: "keep few schedulers busy"),
            Setting(
                "erlang.schedulers.utilization_balancing", .choice(["true", "false"]), nil,
                meaning: "keep all of them busy"),
            Setting("erlang.fullsweep_after", .count, "0", .hidden, meaning: "collections before a full one"),
            Setting(
                "erlang.crash_dump", .file, "./log/erl_crash.dump", .hidden, meaning: "path of the crash dump"
            ),
            Setting("erlang.max_ets_tables", .count, "256000", .hidden, meaning: "tables"),
            Setting(
                "erlang.process_limit", .integer(1024...134_217_727), "256000", .hidden, meaning: "processes"),
            Setting(
                "erlang.distribution_buffer_size", .byteSize(), nil, .hidden, meaning: "buffer between nodes"),
            Setting(
                "erlang.distribution.port_range.minimum", .port, nil, .hidden,
                meaning: "first port between nodes"),
            Setting(
                "erlang.distribution.port_range.maximum", .port, nil, .hidden,
                meaning: "last port between nodes"),
            Setting("erlang.distribution.interface", .text, nil, .hidden, meaning: "interface between nodes"),
            Setting(
                "erlang.distribution.net_ticktime", .count, nil, .hidden,
                meaning: "time without a sign of life"),
            Setting(
                "erlang.smp", .choice(["enable", "auto", "disable"]), "enable", .hidden,
                meaning: "several processors"),
            Setting("erlang.W", .text, "w", .hidden, meaning: "kind of warnings"),
            Setting("erlang.K", .flag, "on", .hidden, meaning: "kernel polling"),
            Setting(
                "runtime_health.thresholds.busy_processes", .count, "30", .hidden,
                meaning: "busy processes reported"),
            Setting(
                "runtime_health.thresholds.busy_ports", .count, "2", .hidden, meaning: "busy ports reported"),
            Setting(
                "runtime_health.triggers.process.garbage_collection", .duration(words: ["off"]), "off",
                .hidden,
                meaning: "long collections reported"),
            Setting(
                "runtime_health.triggers.process.long_schedule", .duration(words: ["off"]), "off", .hidden,
                meaning: "long schedules reported"),
            Setting(
                "runtime_health.triggers.process.heap_size", .byteSize(words: ["off"]), "160444000", .hidden,
                meaning: "large heaps reported"),
            Setting("runtime_health.triggers.port", .flag, "on", .hidden, meaning: "report busy ports"),
            Setting(
                "runtime_health.triggers.distribution_port", .flag, "on", .hidden,
                meaning: "report busy node links"),
        ])
}
