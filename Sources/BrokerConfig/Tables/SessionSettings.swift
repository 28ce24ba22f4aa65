extension SettingsTable {
    static let sessions = SettingGroup(
        "Sessions and authentication",
        [
            Setting(
                "allow_anonymous", .flag, "off", .runtime,
                meaning: "let every client in without asking an authentication plugin"),
            Setting(
                "max_client_id_size", .count, "100", [.runtime, .bytes],
                meaning: "longest client id that is let in"),
            Setting(
                "max_subscriptions_per_client", .count, "100000", [.runtime, .new],
                meaning:
                    "subscriptions of one client, and 256 bytes of filter for each together; 0 for no limit; existing ones may be changed"
            ),
            Setting(
                "max_filters_per_packet", .count, "100000", [.ours, .runtime],
                meaning:
                    "filters in one SUBSCRIBE or UNSUBSCRIBE, 0 for no limit; a packet with more ends the connection"
            ),
            Setting(
                "persistent_client_expiration", .expiry(words: ["never"]), "never", .runtime,
                meaning:
                    "how long a persistent session outlives its connection when the client did not say so with MQTT 5"
            ),
            Setting(
                "max_last_will_delay", .expiry(words: ["client"]), "client", .runtime,
                meaning: "upper limit of the Will Delay Interval; client takes what the client asks for"),
            Setting(
                "disconnect_on_unauthorized_publish_v3", .flag, "off", [.hidden, .runtime, .new],
                meaning: "close an MQTT 3 client whose publish was not authorised"),
            Setting(
                "suppress_lwt_on_session_takeover", .flag, "off", [.hidden, .runtime],
                meaning: "keep the will back when the same client id connects again"),
            Setting(
                "mqtt_connect_timeout", .time, "5000", [.hidden, .runtime, .milliseconds],
                meaning: "time from accept until CONNECT must have arrived"),
            Setting(
                "logging.obfuscation_secret", .text, "random", [.new, .secret],
                status: .ignored("credentials are not kept after CONNECT"),
                meaning: "key that hides credentials in memory"),
            Setting(
                "logging.keepalive_as_warning", .flag, "on", .new,
                meaning: "log a missed keep alive as warning; off logs it as info"),
        ])

    static let queues = SettingGroup(
        "Queues, delivery and protocol limits",
        [
            Setting(
                "retry_interval", .time, "20", [.runtime, .seconds],
                meaning: "wait before an unacknowledged QoS 1 or 2 message goes out again (MQTT 3)"),
            Setting(
                "max_inflight_messages", .integer(0...65535), "20", .runtime,
                meaning: "unacknowledged QoS 1 and 2 messages to one MQTT 3 client, 0 for no limit"),
            Setting(
                "max_online_messages", .integer(-1...Int.max), "1000", .runtime,
                meaning: "messages waiting for a connected client; -1 for no limit, 0 stops delivery"),
            Setting(
                "max_offline_messages", .integer(-1...Int.max), "1000", .runtime,
                meaning: "QoS 1 and 2 messages kept for a client that is away; -1 for no limit, 0 for none"),
            Setting(
                "override_max_online_messages", .flag, "off", .runtime,
                meaning: "let a returning client have all its offline messages, whatever the online limit"),
            Setting(
                "queue_type", .choice(["fifo", "lifo"]), "fifo", [.hidden, .runtime],
                meaning: "which waiting message goes first"),
            Setting(
                "queue_deliver_mode", .choice(["fanout", "balance"]), "fanout", .hidden,
                meaning: "how several sessions of one client id would share a queue; there is only ever one"),
            Setting(
                "max_message_rate", .count, "0", [.hidden, .runtime],
                meaning: "publishes a client may send in a second before its reads pause, 0 for no limit"),
            Setting(
                "max_message_size", .integer(0...268_435_455), "0", [.runtime, .bytes],
                meaning: "largest packet a client may send, 0 for what the protocol allows"),
            Setting(
                "upgrade_outgoing_qos", .flag, "off", .runtime,
                meaning: "deliver with the QoS of the subscription even when the publish had less"),
            Setting(
                "receive_max_client", .integer(1...65535), "65535", [.hidden, .runtime],
                meaning: "cap on unacknowledged messages to an MQTT 5 client"),
            Setting(
                "receive_max_broker", .integer(1...65535), "65535", [.hidden, .runtime],
                meaning: "Receive Maximum told to MQTT 5 clients"),
            Setting(
                "topic_alias_max_client", .integer(0...65535), "0", [.hidden, .runtime],
                meaning: "topic aliases an MQTT 5 client may use, 0 for none"),
            Setting(
                "topic_alias_max_broker", .integer(0...65535), "0", [.hidden, .runtime],
                meaning: "topic aliases used towards an MQTT 5 client, 0 for none"),
            Setting(
                "topic_max_depth", .integer(0...65535), "10",
                meaning: "most levels in a topic, 0 for as many as the broker takes: 1024"),
            Setting(
                "shared_subscription_policy", .choice(["prefer_local", "random", "local_only"]),
                "prefer_local", .runtime,
                meaning: "which member of a shared subscription gets a message"),
            Setting(
                "shared_subscription_timeout_action", .choice(["ignore", "requeue"]), "ignore", .hidden,
                status: .notYet(.harmless),
                meaning: "what to do when a shared subscriber of another node does not answer"),
            Setting(
                "subscriber_retain_mode", .choice(["immediate", "syncwait"]), "immediate",
                [.hidden, .runtime, .new],
                meaning:
                    "send retained messages at once; syncwait waits for other nodes and is the same as long as there are none"
            ),
            Setting(
                "expire_retain_cache", .time, "0", [.new, .seconds],
                meaning: "time between two sweeps for expired retained messages, 0 for none"),
            Setting(
                "fanout.shard_count", .integer(1...Int.max), "1", [.hidden, .new],
                status: .ignored("the event loops share the fan-out"),
                meaning: "pieces of the local fan-out table"),
            Setting(
                "fanout.async_handoff", .flag, "off", [.hidden, .new],
                status: .ignored("the event loops share the fan-out"),
                meaning: "hand a fan-out over without waiting"),
            Setting(
                "queue_sup_sup_children", .count, "50", .hidden,
                status: .ignored("queues belong to event loops"),
                meaning: "number of queue supervisors"),
            Setting(
                "default_reg_view", .atom, "vmq_reg_trie", .hidden,
                status: .ignored("there is one routing table"),
                meaning: "routing table in use"),
            Setting(
                "reg_views", .text, "[vmq_reg_trie]", .hidden, status: .ignored("there is one routing table"),
                meaning: "routing tables to start"),
        ])

    static let http = SettingGroup(
        "HTTP",
        [
            Setting(
                "http_modules", .wordList(ListenerSettings.httpModuleNames),
                "[vmq_metrics_http,vmq_http_mgmt_api, vmq_status_http, vmq_health_http, vmq_http_v2_api]",
                .hidden,
                meaning: "pages served by HTTP listeners that have no list of their own"),
            Setting(
                "http_module.$name.auth.mode", .choice(["apikey", "noauth"]), "noauth",
                .hidden,
                meaning: "who may use an HTTP module"),
            Setting(
                "http_module.vmq_http_mgmt_api.auth.mode", .choice(["apikey", "noauth"]), "apikey",
                .hidden,
                meaning: "who may use the management API"),
            Setting(
                "http_module.vmq_http_pub.auth.mode", .choice(["apikey", "noauth"]), "apikey",
                [.hidden, .new, .mainSwitch], status: .notYet(protects: .apiKey),
                meaning: "who may publish over HTTP", harmless: ["noauth"]),
            Setting(
                "http_module.vmq_http_v2_api.auth.mode", .choice(["apikey", "noauth"]), "apikey",
                [.hidden, .new],
                meaning: "who may use version 2 of the API"),
            Setting(
                "min_apikey_length", .count, "0", .hidden,
                meaning: "shortest API key an operator may add"),
            Setting(
                "max_apikey_expiry_days", .count, nil, .hidden,
                meaning: "longest and usual life of an API key in days"),
            Setting(
                "max_ws_frame_size", .integer(1...Int.max, words: ["infinity"]), "268435456", .bytes,
                meaning: "largest WebSocket frame; a larger one closes the connection", harmless: ["infinity"]
            ),
            Setting(
                "crl_refresh_interval", .time, "60000", [.hidden, .milliseconds],
                meaning: "time between two looks at the files of TLS listeners, 0 for never"),
            Setting(
                "tcp_listen_options", .text,
                "[{nodelay, true}, {linger, {true, 0}}, {send_timeout, 30000}, {send_timeout_close, true}]",
                .hidden,
                status: .ignored("socket options are Erlang terms"), meaning: "socket options of listeners"),
            Setting(
                "vmq_http_pub.mqtt_auth.mode", .text, "on-behalf-of", status: .notYet(.harmless),
                meaning: "whose rights an HTTP publish uses: on-behalf-of or predefined"),
            Setting(
                "vmq_http_pub.mqtt_auth.auth_plugin", .text, "mqtt", status: .notYet(.harmless),
                meaning: "hooks that check an HTTP publish"),
            Setting(
                "vmq_http_pub.mqtt_auth.user", .text, nil, .hidden, status: .notYet(.harmless),
                meaning: "user of predefined mode"),
            Setting(
                "vmq_http_pub.mqtt_auth.password", .text, nil, [.hidden, .secret], status: .notYet(.harmless),
                meaning: "password of predefined mode"),
            Setting(
                "vmq_http_pub.mqtt_auth.client_id", .text, nil, .hidden, status: .notYet(.harmless),
                meaning: "client id of predefined mode"),
            Setting(
                "vmq_http_pub.mountpoint", .text, nil, .hidden, status: .notYet(.harmless),
                meaning: "mountpoint of HTTP publishes"),
            Setting(
                "vmq_web_ui.admin.auth", .text, "password", .new, status: .notYet(.harmless),
                meaning: "how to log in to the web interface"),
            Setting(
                "vmq_web_ui.admin.user_name", .text, "admin", .new, status: .notYet(.harmless),
                meaning: "user of the web interface"),
            Setting(
                "vmq_web_ui.admin.user_pwd", .text, "", [.new, .secret], status: .notYet(.harmless),
                meaning: "password of the web interface; empty locks it"),
            Setting(
                "vmq_web_ui.mgmt_api.key", .text, "", [.new, .secret], status: .notYet(.harmless),
                meaning: "API key the web interface uses"),
            Setting(
                "vmq_web_ui.mgmt_api.port", .text, "", .new, status: .notYet(.harmless),
                meaning: "port of the API the web interface uses"),
            Setting(
                "vmq_web_ui.mgmt_api.scheme", .text, "", .new, status: .notYet(.harmless),
                meaning: "http or https for that API"),
            Setting(
                "vmq_web_ui.file_access.allow_read", .flag, "off", .new, status: .notYet(.harmless),
                meaning: "let the web interface read configuration and log files"),
            Setting(
                "vmq_web_ui.file_access.allow_write", .flag, "off", .new, status: .notYet(.harmless),
                meaning: "let the web interface change configuration files"),
        ])

    static let monitoring = SettingGroup(
        "Monitoring",
        [
            Setting(
                "systree_enabled", .flag, "on", [.runtime, .mainSwitch],
                meaning: "publish metrics below $SYS"),
            Setting(
                "systree_interval", .time, "20000", [.runtime, .milliseconds],
                meaning: "time between two rounds of $SYS, 0 for none"),
            Setting(
                "systree_mountpoint", .text, "", .hidden,
                meaning: "mountpoint of $SYS"),
            Setting(
                "systree_qos", .integer(0...2), "0", .hidden,
                meaning: "QoS of $SYS messages"
            ),
            Setting(
                "systree_retain", .flag, "off", .hidden,
                meaning: "retain $SYS messages"),
            Setting(
                "systree_reg_view", .atom, "vmq_reg_trie", .hidden,
                status: .ignored("there is one routing table"),
                meaning: "routing table for $SYS"),
            Setting(
                "prometheus_namespace", .metricPrefix, "vernemq_", .new,
                meaning: "what Prometheus metric names begin with; two double quotes for nothing"),
            Setting(
                "graphite_enabled", .flag, "off", .runtime, meaning: "send metrics to Graphite"),
            Setting("graphite_host", .text, "localhost", .runtime, meaning: "Graphite server"),
            Setting("graphite_port", .port, "2003", .runtime, meaning: "Graphite port"),
            Setting(
                "graphite_interval", .time, "20000", [.runtime, .milliseconds],
                meaning: "time between two reports to Graphite; less than 100 counts as 100"),
            Setting(
                "graphite_connect_timeout", .time, "5000", [.hidden, .milliseconds],
                meaning: "time to connect to Graphite"),
            Setting(
                "graphite_reconnect_timeout", .time, "15000", [.hidden, .milliseconds],
                meaning: "wait before connecting to Graphite again"),
            Setting("graphite_prefix", .text, "", meaning: "what Graphite metric names begin with"),
            Setting(
                "graphite_api_key", .text, "", .secret, meaning: "key before the prefix, for hosted Graphite"),
            Setting(
                "graphite_include_labels", .flag, "off", [.hidden, .runtime],
                meaning: "send metrics with labels too"),
            Setting(
                "graphite_tags", .flag, "off", [.ours, .runtime],
                meaning: "send labels as Graphite's tags instead: name;label=value"),
            Setting(
                "graphite_send_timeout", .integer(100...Int(Int32.max)), "30000", [.ours, .milliseconds],
                meaning: "time for which Graphite may take nothing before the connection is given up"),
            Setting(
                "graphite_buffer", .byteSize(), "4MB", .ours,
                meaning: "bytes that may wait for Graphite; lines beyond are dropped and counted"),
        ])
}
