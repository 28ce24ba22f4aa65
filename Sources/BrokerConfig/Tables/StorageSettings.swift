extension SettingsTable {
    static let storage = SettingGroup(
        "Storage and directories",
        [
            Setting(
                "message_store_plugin", .atom, "vmq_generic_msg_store", .hidden,
                meaning: "message store; there is one"),
            Setting(
                "vmq_generic_msg_store.store_dir", .directory(), "./data/msgstore", [.hidden, .new],
                status: .ignored("the store lies in leveldb.data_root"),
                meaning: "directory of the message store"),
            Setting(
                "vmq_generic_msg_store.db_backend", .atom, "leveldb", [.hidden, .new],
                status: .ignored("the store is a LevelDB"),
                meaning: "database below the message store"),
            Setting(
                "vmq_generic_msg_store.nr_of_buckets", .integer(1...Int.max), "12", [.hidden, .new],
                status: .ignored("the store is one LevelDB, written by one thread"),
                meaning: "pieces of the message store"),
            Setting(
                "platform_data_dir", .text, "./data", .hidden,
                meaning: "root of all data, for use as $(platform_data_dir)"),
            Setting(
                "setup.log_dir", .directory(), "./log/", .hidden, status: internals,
                meaning: "directory of logs"),
            Setting(
                "setup.data_dir", .directory(), "./data/", .hidden, status: internals,
                meaning: "directory of data"),
            Setting(
                "wait_for_proc", .atom, "vmq_server_sup", .hidden, status: internals,
                meaning: "process to wait for"),
            Setting(
                "default_schema_dir", .directory(words: ["off"]), "off", .hidden, status: internals,
                meaning: "directory of plugin schemas"),
        ])

    private static let internals = Setting.Status.ignored("internal to VerneMQ")

    private static let inside = Setting.Status.ignored("VerneMQ's own LevelDB has it; Debian's does not")
    private static let expiry = Setting.Status.ignored(
        "messages and sessions say themselves when they expire")

    static let levelDB = SettingGroup(
        "LevelDB",
        [
            Setting(
                "leveldb.maximum_memory.percent", .integer(0...100), "70",
                meaning: "share of the memory it may take"),
            Setting("leveldb.maximum_memory", .byteSize(), nil, .hidden, meaning: "memory it may take"),
            Setting(
                "leveldb.data_root", .directory(), "$(platform_data_dir)/leveldb", .hidden,
                meaning: "its directory"),
            Setting(
                "leveldb.sync_on_write", .flag, "off", .hidden,
                meaning: "acknowledge only what the disk has: survives a power failure"),
            Setting(
                "leveldb.sync", .flag, nil, .ours, meaning: "short for leveldb.sync_on_write",
                newName: "leveldb.sync_on_write"),
            Setting(
                "leveldb.limited_developer_mem", .flag, "off", .hidden, status: inside,
                meaning: "take little memory"),
            Setting(
                "leveldb.write_buffer_size_min", .byteSize(), "4MB", .hidden,
                meaning: "write buffer: bytes gathered in memory before they become a file"),
            Setting(
                "leveldb.write_buffer_size_max", .byteSize(), "60MB", .hidden,
                status: .ignored("there is one store: its buffer has leveldb.write_buffer_size_min"),
                meaning: "largest write buffer"),
            Setting("leveldb.bloomfilter", .flag, "on", .hidden, meaning: "use Bloom filters"),
            Setting(
                "leveldb.block_cache_threshold", .byteSize(), "4MB", .hidden,
                meaning: "block cache, as far as the memory it may take allows"),
            Setting("leveldb.block.size", .byteSize(), "4KB", .hidden, meaning: "size of a block"),
            Setting(
                "leveldb.block.restart_interval", .count, "16", .hidden,
                meaning: "keys between two restart points"),
            Setting(
                "leveldb.block.size_steps", .count, "16", .hidden, status: inside,
                meaning: "steps in which blocks grow"),
            Setting(
                "leveldb.cache_object_warming", .choice(["true", "false"]), "true", .hidden, status: inside,
                meaning: "fill caches early"),
            Setting("leveldb.verify_checksums", .flag, "on", .hidden, meaning: "check sums when reading"),
            Setting(
                "leveldb.verify_compaction", .flag, "on", .hidden,
                status: .ignored("leveldb.verify_checksums says it for compactions too"),
                meaning: "check sums when compacting"),
            Setting("leveldb.threads", .count, "71", .hidden, status: inside, meaning: "its threads"),
            Setting(
                "leveldb.fadvise_willneed", .choice(["true", "false"]), "false", .hidden, status: inside,
                meaning: "ask the system to keep files in memory"),
            Setting("leveldb.compression", .flag, "on", meaning: "compress blocks"),
            Setting(
                "leveldb.compression.algorithm", .choice(["snappy", "lz4"]), "lz4",
                status: .ignored("blocks are compressed with Snappy"),
                meaning: "how they are compressed"),
            Setting(
                "leveldb.compaction.trigger.tombstone_count", .integer(0...Int.max, words: ["off"]), "1000",
                .hidden, status: inside,
                meaning: "deleted keys that start a compaction"),
            Setting(
                "leveldb.expiration", .flag, "off", .hidden, status: expiry, meaning: "let entries expire"),
            Setting(
                "leveldb.expiration.mode", .choice(["whole_file", "normal"]), "whole_file", .hidden,
                status: expiry,
                meaning: "how entries expire"),
            Setting(
                "leveldb.expiration.retention_time", .duration(words: ["unlimited"]), "unlimited", .hidden,
                status: expiry,
                meaning: "when entries expire"),
            Setting(
                "leveldb.tiered", .integer(1...6, words: ["off"]), "off", .hidden, status: inside,
                meaning: "level that moves to slow disks"),
            Setting(
                "leveldb.tiered.path.fast", .directory(), nil, .hidden, status: inside,
                meaning: "directory on fast disks"),
            Setting(
                "leveldb.tiered.path.slow", .directory(), nil, .hidden, status: inside,
                meaning: "directory on slow disks"),
        ])
}
