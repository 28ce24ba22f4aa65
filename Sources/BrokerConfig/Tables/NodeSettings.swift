extension SettingsTable {
    static let node = SettingGroup(
        "Node and cluster",
        [
            Setting(
                "nodename", .nodeName, "VerneMQ@127.0.0.1",
                meaning: "name of this node, of the form name@host"),
            Setting(
                "distributed_cookie", .text, "vmq", .secret, status: .notYet(.harmless),
                meaning: "secret that the nodes of a cluster share"),
            Setting(
                "allow_register_during_netsplit", .flag, "off", .runtime, status: .notYet(.harmless),
                meaning: "take CONNECT while nodes are missing"),
            Setting(
                "allow_publish_during_netsplit", .flag, "off", .runtime, status: .notYet(.harmless),
                meaning: "take PUBLISH while nodes are missing"),
            Setting(
                "allow_subscribe_during_netsplit", .flag, "off", .runtime, status: .notYet(.harmless),
                meaning: "take SUBSCRIBE while nodes are missing"),
            Setting(
                "allow_unsubscribe_during_netsplit", .flag, "off", .runtime, status: .notYet(.harmless),
                meaning: "take UNSUBSCRIBE while nodes are missing"),
            Setting(
                "coordinate_registrations", .flag, "on", .runtime,
                status: .ignored(
                    "a client id belongs to one event loop, so its connects are always in order"),
                meaning: "let one CONNECT of a client id finish before the next begins"),
            Setting(
                "max_drain_time", .count, "500", [.hidden, .milliseconds], status: .notYet(.harmless),
                meaning: "how long a queue that moved away forwards late messages"),
            Setting(
                "max_msgs_per_drain_step", .count, "100", .hidden, status: .notYet(.harmless),
                meaning: "messages moved at once with a queue"),
            Setting(
                "outgoing_clustering_buffer_size", .count, "67108864", [.hidden, .bytes],
                status: .notYet(.harmless),
                meaning: "what waits for a node that cannot be reached"),
            Setting(
                "incoming_clustering_buffer_size", .count, "67108864", [.hidden, .new, .bytes],
                status: .notYet(.harmless),
                meaning: "most unread data from another node"),
            Setting(
                "outgoing_clustering_flush_threshold", .count, "65536", [.hidden, .new, .bytes],
                status: .notYet(.harmless),
                meaning: "data for another node that is sent without waiting for more"),
            Setting(
                "outgoing_cluster_handshake_ack_timeout", .time, "250", [.hidden, .new, .milliseconds],
                status: .notYet(.harmless),
                meaning: "time another node has to answer a connect"),
            Setting(
                "outgoing_connect_options", .text, "[{keepalive, true}, {send_timeout, 0}]", [.hidden, .new],
                status: .ignored("socket options are Erlang terms"), meaning: "socket options between nodes"),
            Setting(
                "remote_enqueue_timeout", .integer(0...Int(Int32.max), words: ["infinity"]), "5000",
                [.hidden, .runtime, .milliseconds], status: .notYet(.harmless),
                meaning: "time another node has to take a message"),
            Setting(
                "cluster_ready_rpc_timeout", .time, "5000", [.hidden, .runtime, .new, .milliseconds],
                status: .notYet(.harmless),
                meaning: "time for asking all nodes whether they are ready"),
            Setting(
                "metadata_plugin", .choice(["vmq_plumtree", "vmq_swc"]), "vmq_swc",
                status: .ignored("other metadata engine"),
                meaning: "metadata engine"),
        ])

    static let metadata = SettingGroup(
        "Metadata engines", status: .ignored("other metadata engine"),
        [
            Setting("plumtree.directory", .directory(), "./data/meta", .hidden, meaning: "data of plumtree"),
            Setting(
                "plumtree.outstanding_limit", .count, "250000", .hidden, meaning: "broadcasts that may wait"),
            Setting(
                "plumtree.drop_i_have_threshold", .count, "1000000", .hidden,
                meaning: "mailbox length that stops gossip"),
            Setting("vmq_swc.directory", .directory(), "./data/swc_meta", .hidden, meaning: "data of swc"),
            Setting(
                "vmq_swc.dkm_directory", .directory(), "./data/swc_dkm", [.hidden, .new],
                meaning: "dot-key map of swc"),
            Setting("vmq_swc.db_backend", .atom, "leveldb", .hidden, meaning: "store below swc"),
            Setting(
                "vmq_swc.swc_groups", .integer(1...100), "10", .hidden,
                meaning: "metadata groups, the same on all nodes"),
            Setting(
                "vmq_swc.sync_interval", .time, "5000", [.hidden, .milliseconds],
                meaning: "time between two exchanges"),
            Setting(
                "vmq_swc.sync_interval.leeway", .time, "2500", [.hidden, .milliseconds],
                meaning: "random addition to it"),
            Setting(
                "vmq_swc.gc_interval", .time, "15000", [.hidden, .milliseconds],
                meaning: "time between two clean-ups"),
            Setting("vmq_swc.periodic_gc", .flag, "on", .hidden, meaning: "clean up regularly"),
            Setting(
                "vmq_swc.sync_timeout", .time, "60000", [.hidden, .new, .milliseconds],
                meaning: "time for an exchange"),
            Setting(
                "vmq_swc.fast_call_timeout", .time, "5000", [.hidden, .new, .milliseconds],
                meaning: "time for a short call"),
            Setting("vmq_swc.enable_broadcast", .flag, "on", .hidden, meaning: "send updates at once"),
            Setting(
                "vmq_swc.exchange_batch_size", .count, "100", .hidden, meaning: "objects exchanged at once"),
            Setting(
                "vmq_swc.init_sync_procedure", .flag, "off", [.hidden, .new],
                meaning: "extra exchange for a new node"),
            Setting(
                "vmq_swc.prevent_nonempty_join", .flag, "on", [.hidden, .new],
                meaning: "keep a node with data from joining"),
        ])
}
