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
    ]
}
