extension SettingsTable {
    /// Keys of VerneMQ 1.x (and earlier) that 2.x no longer has, and keys that only its packages know.
    static let legacy = SettingGroup(
        "Removed keys that are still accepted",
        [
            old(
                "mqtt.connect.timeout", .time, "5000", .milliseconds, "old spelling of mqtt_connect_timeout",
                newName: "mqtt_connect_timeout"),
            old(
                "max_queued_messages", .integer(-1...Int.max), "1000", [], "old name of max_online_messages",
                newName: "max_online_messages"),
            old(
                "message_size_limit", .integer(0...268_435_455), "0", .bytes, "old name of max_message_size",
                newName: "max_message_size"),
            old(
                "allow_multiple_sessions", .flag, "off", .runtime, "several sessions for one client id",
                status: .notYet(.changes)),
            old(
                "trade_consistency", .flag, "off", .runtime,
                "go on while nodes are missing; now four keys allow_…_during_netsplit",
                status: .notYet(.harmless)),
            old(
                "leveldb_message_store.directory", .directory(), "./data/msgstore", [], "old message store",
                status: .notYet(.changes)),
            old(
                "generic_message_store_engine", .atom, "vmq_storage_engine_leveldb", [],
                "old message store engine",
                status: .notYet(.changes)),
            old(
                "vmq_bridge.registry_mfa", .text, nil, [], "internal to VerneMQ",
                status: .ignored("internal to VerneMQ")),
            old(
                "vmq_diversity.mongodb.r_mode", .choice(["master", "slave_ok"]), nil, [],
                "old read_preference", status: .notYet(.harmless)),
            old("vmq_pulse.url", .text, nil, [], "telemetry server", status: pulse),
            old("vmq_pulse.api_key", .text, nil, .secret, "telemetry key", status: pulse),
            old(
                "vmq_pulse.connect_timeout", .time, nil, [.milliseconds], "telemetry time limit",
                status: pulse),
            old("vmq_pulse.push_interval", .time, nil, [.milliseconds], "telemetry interval", status: pulse),
            old("vmq_pulse.$option", .text, nil, [], "telemetry", status: pulse),
            old("plugins.vmq_pulse", .flag, "off", [], "telemetry", status: pulse),
            old("log.error.redirect", .flag, "on", [], "catch what Erlang logs", status: noErlang),
            old("log.error.messages_per_second", .count, "100", [], "limit on that", status: noErlang),
            old(
                "log.crash.maximum_message_size", .byteSize(), "64KB", [], "longest crash message",
                status: noErlang),
            old("log.crash.size", .byteSize(), "10MB", [], "size of a crash log", status: noErlang),
            old("log.crash.rotation", .text, "$D0", [], "when a crash log ends", status: noErlang),
            old(
                "accept_eula", .text, nil, [], "consent to the licence of VerneMQ's packages",
                status: .ignored("not needed")),
        ])

    private static let noErlang = Setting.Status.ignored("there is no Erlang VM")
    private static let pulse = Setting.Status.ignored("no telemetry is sent")

    private static func old(
        _ pattern: String, _ type: SettingType, _ value: String?, _ traits: Setting.Traits, _ meaning: String,
        status: Setting.Status = .implemented, newName: String? = nil
    ) -> Setting {
        Setting(
            pattern, type, value, traits.union([.removed, .hidden]), status: status, meaning: meaning,
            newName: newName)
    }

    /// Keys that VerneMQ does not have.
    static let ours = SettingGroup(
        "This broker's own",
        [
            Setting(
                "loops", .integer(0...256), "0", .ours, meaning: "event loop threads, 0 for one each core"),
            Setting(
                "message_store", .choice(["leveldb", "memory"]), "leveldb", .ours,
                meaning:
                    "where sessions, queues and retained messages are kept: on disk, or not beyond the process"
            ),
            Setting(
                "message_store.commit_window", .integer(0...1000), "10", [.ours, .milliseconds],
                meaning:
                    "time an online client has for its acknowledgement before a message is written to disk"),
            Setting(
                "message_store.backlog", .byteSize(), "32MB", .ours,
                meaning:
                    "bytes that may be on their way to the store before clients that add to them must wait"),
            Setting(
                "shutdown_timeout", .time, "5000", [.ours, .milliseconds],
                meaning: "time for saying goodbye to clients when the broker stops"),
            Setting(
                "hook_timeout", .time, "5000", [.ours, .runtime, .milliseconds],
                meaning: "time a hook has to answer"),
            Setting(
                "vmq_admin.socket", .text, "", .ours,
                meaning: "path of the Unix socket for vmq-admin; empty for admin.sock in platform_data_dir"),
            Setting("http.threads", .integer(1...64), "2", .ours, meaning: "threads that serve HTTP"),
            Setting(
                "http.request_timeout", .time, "10000", [.ours, .milliseconds],
                meaning:
                    "time for an HTTP request to arrive, from the opening of a new connection on, and again for its answer to be sent"
            ),
            Setting(
                "http.max_body_size", .integer(0...1 << 30), "65536", [.ours, .bytes],
                meaning: "largest body of an HTTP request"),
            Setting(
                "metrics.max_series_per_family", .integer(1...1_000_000), "1000", .ours,
                meaning:
                    "time series of a metric whose labels are named from outside; more are added up under the label value other"
            ),
            Setting(
                "metrics.max_series", .integer(1...10_000_000), "20000", .ours,
                meaning:
                    "time series of all metrics; those whose labels are named from outside share what the others leave"
            ),
            Setting(
                "metrics.native_histograms", .flag, "off", .ours,
                meaning:
                    "native histograms in the protobuf form of /metrics, for a Prometheus that keeps classic buckets beside them"
            ),
            Setting(
                "payload_format_check", .flag, "off", [.ours, .runtime],
                meaning: "refuse payloads that say UTF-8 and are not"),
            Setting(
                "max_qos", .integer(0...2), "2", .ours, meaning: "highest QoS the broker grants (Maximum QoS)"
            ),
            Setting(
                "retain_available", .flag, "on", .ours, meaning: "keep retained messages (Retain Available)"),
            Setting(
                "server_keep_alive_max", .integer(0...65535), "0", [.ours, .runtime, .seconds],
                meaning: "longest keep alive granted (Server Keep Alive), 0 for any"),
        ])
}
