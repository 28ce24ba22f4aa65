/// The message store: what the loops give it and wait for, and what it does.
extension MetricCatalog {
    static let store: [MetricFamily] = [
        .own(
            "store_copies_offered_total", .messages, .storeCopies,
            help: "Copies of messages that were to be stored for a session that lasts."),
        .own(
            "store_elided_total", .messages, .storeElided,
            help:
                "Of these, copies acknowledged or dropped before they were written: they never reached the disk."
        ),
        .own(
            "store_copies", .messages, .storedCopies,
            help: "Copies in the store or on their way there, as the event loops know them."),
        .own(
            "store_spilled_messages", .messages, .spilledMessages,
            help: "Queued messages that lie in the store alone, not in memory."),
        .own(
            "store_spilled_total", .messages, .storeSpilled,
            help: "Messages left to the store for want of room in memory."),
        .own(
            "store_refilled_total", .messages, .storeRefilled,
            help: "Messages read back from the store for their client."),
        .own(
            "store_read_retries_total", .events, .storeReadRetries,
            help: "Times a backlog could not be read from the store and was asked for again."),
        .own(
            "store_barriers_total", .events, .storeBarriers,
            help: "Times a loop looked how far the store could be read, before it read backlogs."),
        .own(
            "store_barriers_late_total", .events, .storeBarriersLate,
            help:
                "Times clients waited over 250 ms for stored messages because an event loop had not handed its own to the store."
        ),
        .single(
            "store_barrier_wait_seconds", .histogram, .seconds, .own,
            .histogram(.barrierWaitNanoseconds, .turnSeconds),
            help: "How long sessions waited until their messages could be read from the store."),
        .own("store_batches_total", .events, .storeBatches, help: "Batches the loops handed to the store."),
        .own(
            "store_backlog_bytes", .bytes, .storeBacklogBytes,
            help: "Bytes on their way to the store and not committed: messages and all other changes."),
        .own(
            "store_backlog_limit_bytes", .bytes, .storeBacklogMark,
            help: "Bytes on their way to the store above which more must wait (message_store.backlog)."),
        .own(
            "store_paused_clients", .connections, .storeHeldClients,
            help: "Clients that are not read until the store has caught up."),
        .labelled(
            "store_pauses_total", .counter, .events, by: "packet",
            [
                ("publish", Counter.storePausesPublish.word),
                ("subscribe", Counter.storePausesSubscribe.word),
                ("unsubscribe", Counter.storePausesUnsubscribe.word),
                ("ack", Counter.storePausesAcks.word),
                ("connect", Counter.storePausesConnect.word),
            ],
            help: "Times a client was not read any further because the store was behind, by what it had sent."
        ),
        .own(
            "store_held_answers", .packets, .heldAnswers,
            help: "Acknowledgements to clients that wait until what they promise is stored."),
        .own(
            "store_answers_held_total", .packets, .answersHeld,
            help: "Acknowledgements that had to wait for the store."),
        .single(
            "store_answer_hold_seconds", .histogram, .seconds, .own,
            .histogram(.answerHoldNanoseconds, .turnSeconds),
            help: "How long acknowledgements waited for the store."),
        .labelled(
            "store_refused_total", .counter, .packets, by: "packet",
            [
                ("publish", RejectReason.storageUnavailable.word),
                ("subscribe", Counter.storeSubscribesRefused.word),
                ("unsubscribe", Counter.storeUnsubscribesRefused.word),
                ("connect", Counter.storeConnectsRefused.word),
            ],
            help: "Packets refused because the store took nothing."),
        .external(
            "store_rows_added_total", .counter, .entries, .storeStored,
            help: "Rows added to the store, by kind."),
        .external(
            "store_rows_deleted_total", .counter, .entries, .storeDeleted,
            help: "Rows removed from the store, by kind."),
        .external(
            "store_rows_loaded", .gauge, .entries, .storeLoaded,
            help: "Rows found in the store when the broker started, by kind."),
        .external(
            "store_rows", .gauge, .entries, .storePresent,
            help: "Rows in the store, by kind: those found at the start and added since, less those removed."),
        .external("store_commits_total", .counter, .events, .storeCommits, help: "Commits of the store."),
        .single(
            "store_write_seconds", .histogram, .seconds, .own, .externalHistogram(.storeWrite, .turnSeconds),
            help: "How long a commit took that did not wait for the disk (leveldb.sync_on_write = off)."),
        .single(
            "store_sync_seconds", .histogram, .seconds, .own, .externalHistogram(.storeSync, .turnSeconds),
            help: "How long a commit took that waited for the disk (leveldb.sync_on_write = on)."),
        .single(
            "store_batch_rows", .histogram, .entries, .own, .externalHistogram(.storeBatch, .counts),
            help: "Rows changed by each commit."),
        .external(
            "store_errors_total", .counter, .events, .storeErrors, help: "Errors of the store, by kind."),
        .external(
            "store_damaged_rows_total", .counter, .entries, .storeDamaged,
            help: "Rows that could not be read and were left out; vernemq store check tells more."),
        .external(
            "store_failing", .gauge, .flag, .storeFailing,
            help: "1 while the store takes no writes and messages that need it are refused."),
        .external(
            "store_leftovers_removed", .gauge, .entries, .storeLeftovers,
            help: "Rows of sessions that had ended, found when the broker started and removed."),
        .external(
            "store_reopened_total", .counter, .events, .storeReopened,
            help: "Times the store was opened anew after an error."),
        .external(
            "store_waiting_jobs", .gauge, .entries, .storeWaitingJobs,
            help: "Jobs that waited for the store's writer at its last commit."),
        .external("store_disk_bytes", .gauge, .bytes, .storeDiskBytes, help: "Bytes of the store's files."),
        .single(
            "store_recovery_seconds", .gauge, .seconds, .own,
            .external(.storeRecoveryNanoseconds, .nanoseconds),
            help: "How long reading the store took when the broker started."),
    ]
}

extension MetricFamily {
    fileprivate static func external(
        _ name: String, _ kind: MetricKind, _ unit: MetricUnit, _ metric: ExternalMetric, help: String
    ) -> MetricFamily {
        single(name, kind, unit, .own, .external(metric), help: help)
    }
}
