extension SettingsTable {
    /// What one client, or all of those whom nobody knows yet, may take of the broker's memory. VerneMQ has no such keys.
    static let limits = SettingGroup(
        "Limits in bytes",
        [
            Setting(
                "newcomer_memory", .byteSize(), "16MB", .ours,
                meaning:
                    "memory of all connections without a session together; beyond it those that hold most are cut"
            ),
            Setting(
                "queue_memory", .byteSize(), "64MB", .ours,
                meaning:
                    "memory of what waits for one client, and of what it has not acknowledged; beyond it messages wait on disk or are dropped"
            ),
            Setting(
                "topic_alias_memory", .byteSize(), "1MB", .ours,
                meaning:
                    "memory for the topic aliases of one MQTT 5 connection, in each direction; a client that needs more is cut (0x97)"
            ),
        ])
}
