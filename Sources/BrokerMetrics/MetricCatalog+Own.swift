/// Names that VerneMQ does not have: the flow of connections and messages, the event loops, the
/// service itself.
extension MetricCatalog {
    static let flow: [MetricFamily] = [
        MetricFamily(
            name: "connections_closed_total", kind: .counter, unit: .connections,
            labelNames: ["by", "reason"],
            help:
                "Connections that ended, by reason, and by whom: client (it sent DISCONNECT or closed), server (the broker decided so), network (it broke, or one side fell silent).",
            heritage: .own,
            series: CloseReason.allCases.map {
                MetricSeries(
                    [MetricLabel("by", $0.side.rawValue), MetricLabel("reason", $0.label)],
                    .words([$0.word], .integer))
            }),
        .labelled(
            "connections_opened_total", .counter, .connections, by: "tls_version",
            TLSVersion.allCases.map { ($0.label, $0.openedWord) },
            help:
                "Connections of MQTT clients whose handshakes are done, by the version of TLS; none is a connection that is not encrypted."
        ),
        .labelled(
            "connections_open", .gauge, .connections, by: "tls_version",
            TLSVersion.allCases.map { ($0.label, $0.openWord) },
            help: "Those of them that are open."),
        .labelled(
            "clients_online", .gauge, .sessions, by: "protocol",
            [
                ("3.1", LoopGauge.onlineV31.word), ("3.1.1", LoopGauge.onlineV311.word),
                ("5.0", LoopGauge.onlineV5.word),
            ],
            help: "Sessions with a connection, by the version of MQTT that it speaks."),
        .perLoop(
            "connections_accepted_total", .connections, .connectionsAccepted,
            help: "Connections accepted, by the event loop that accepted them."),
        .own(
            "connections_moved_total", .connections, .connectionsMoved,
            help: "Connections moved to the home loop of their client."),
        .own(
            "connections_refused_total", .connections, .connectionsRefused,
            help:
                "Connections that were accepted to be told that their listener's max_connections is reached, or that there are no descriptors for more clients. listener_refused_total tells which."
        ),
        .own(
            "connections_over_rate_total", .connections, .connectionsOverRate,
            help:
                "Connections that were closed because their address connects more often than connection_rate_limit allows."
        ),
        .own(
            "accept_paused_total", .events, .acceptPaused,
            help:
                "Times an event loop left clients in the kernel's backlog because a limit on connections was reached: with max_connections_action = wait, or while too many were being refused."
        ),
        .own(
            "clients_waiting", .connections, .clientsWaiting,
            help:
                "Clients that wait in the kernel's backlog because a limit on connections is reached, or there are no descriptors."
        ),
        .own(
            "newcomer_bytes", .bytes, .newcomerBytes,
            help:
                "Memory that connections without a session hold: packets that are not complete, clients being authenticated. Bounded by newcomer_memory."
        ),
        .own(
            "connections_half_closed_total", .connections, .halfClosed,
            help: "Connections whose client closed its sending side first."),
        .own(
            "connections_reset_total", .connections, .connectionReset, help: "Connections reset by the peer."),
        .own(
            "accept_descriptor_exhausted_total", .events, .acceptDescriptorExhausted,
            help: "Times no connection could be accepted for lack of file descriptors."),
        .own(
            "connection_send_timeouts_total", .connections, .sendTimeouts,
            help: "Connections whose peer did not take its output in time."),
        .own(
            "connection_write_blocked_total", .events, .writeBlocked,
            help: "Times a socket took less than there was to write."),
        .own(
            "output_discarded_bytes_total", .bytes, .outputBytesDiscarded,
            help: "Output thrown away with its connection."),
        .own(
            "undecoded_bytes_total", .bytes, .bytesUndecoded,
            help: "Input that came and was thrown away with its connection, without being decoded."),
        .own(
            "publisher_throttled_total", .events, .publisherThrottled,
            help:
                "Times reading from a publisher was paused because of its rate or a hook's wish."
        ),
        .own(
            "fan_outs_deferred_total", .messages, .fanOutsPutOff,
            help:
                "Messages that were given to their subscribers in slices, or came behind such a message; a publisher with 16,384 such copies is not read."
        ),
        .own(
            "fan_outs_waiting", .messages, .fanOutsWaiting,
            help: "Messages that have not been given to all their subscribers yet."),
        .own(
            "publishers_paused_total", .events, .publishersPaused,
            help: "Times a publisher was not read because too many copies were on their way."),
        .own(
            "subscriber_blocked_total", .events, .subscriberBlocked,
            help: "Times a subscriber's output stood above the high-water mark."),
        .labelled(
            "sessions", .gauge, .sessions, by: "state",
            [("online", LoopGauge.sessionsOnline.word), ("offline", LoopGauge.sessionsOffline.word)],
            help: "Sessions of this node."),
        .own(
            "sessions_taken_over_total", .sessions, .sessionTakenOver,
            help: "Sessions taken over by a new connection."),
        .own(
            "shared_redelivered_total", .messages, .sharedRedelivered,
            help: "Messages given to another member of a shared subscription because a session ended."),
        .labelled(
            "subscribe_filters_refused_total", .counter, .subscriptions, by: "reason",
            [
                ("over_client_limit", Counter.filtersOverLimit.word),
                ("too_many_levels", Counter.filtersTooDeep.word),
            ],
            help:
                "Filters of SUBSCRIBE and UNSUBSCRIBE refused by max_subscriptions_per_client or topic_max_depth."
        ),
        .own(
            "subscribe_packets_refused_total", .packets, .filterListsRefused,
            help:
                "SUBSCRIBE and UNSUBSCRIBE with more filters than max_filters_per_packet; each ended its connection."
        ),
        .own(
            "siblings_redelivered_total", .messages, .siblingRedelivered,
            help: "Messages given to another connection of the same client because one of them ended."),
        .own(
            "sessions_resumed_total", .sessions, .sessionResumed,
            help: "Sessions resumed by a reconnecting client."),
        .own(
            "sessions_expired_total", .sessions, .sessionExpired,
            help: "Sessions ended by their expiry interval."),
        .own(
            "ledger_pending_publishes", .messages, .publishesPending,
            help: "PUBLISH packets that wait for the answer of a hook."),
        .own("queued_messages", .messages, .queuedMessages, help: "Messages waiting in client queues."),
        .own("queued_bytes", .bytes, .queuedBytes, help: "Bytes of the messages waiting in client queues."),
        .own(
            "inflight_messages", .messages, .inflightMessages,
            help: "QoS 1 and 2 messages sent and not yet acknowledged."),
        .own(
            "output_messages", .messages, .outputMessages,
            help: "QoS 0 messages in the outputs of connections, not written to their last byte."),
        .own("output_buffer_bytes", .bytes, .outputBytes, help: "Bytes waiting to be written to clients."),
        .single(
            "fan_out", .histogram, .subscribers, .own, .histogram(.fanOut, .counts),
            help: "Subscribers that each routed message matched."),
        .labelled(
            "router_cache_lookups_total", .counter, .events, by: "result",
            [("hit", Counter.routerCacheHit.word), ("miss", Counter.routerCacheMiss.word)],
            help: "Lookups in the loops' caches of resolved topics."),
        .own("router_cache_entries", .entries, .routerCacheEntries, help: "Topics in the loops' caches."),
        .own(
            "queue_memory_full_total", .messages, .queueMemoryFull,
            help:
                "Copies dropped because what waits for one client took queue_memory; part of message_drops_total{reason=\"queue_full\"}."
        ),
        .own(
            "router_cache_bytes", .bytes, .routerCacheBytes,
            help: "Memory that the loops' caches of topics hold."),
        .own(
            "hook_permits_bytes", .bytes, .hookPermitBytes,
            help:
                "Memory of the topics for which the loops remember that a plugin has allowed a client to publish."
        ),
        .labelled(
            "retained_changes_total", .counter, .messages, by: "change",
            [
                ("set", Counter.retainedSet.word), ("deleted", Counter.retainedDeleted.word),
                ("expired", Counter.retainedExpired.word),
            ],
            help: "Changes to the retained messages."),
        .own("hook_calls_total", .calls, .hookCalls, help: "Questions that hooks were asked."),
        .labelled(
            "hook_outcomes_total", .counter, .calls, by: "outcome",
            [
                ("denied", Counter.hookDenied.word), ("deferred", Counter.hookDeferred.word),
                ("timeout", Counter.hookTimeout.word),
            ],
            help: "Calls of hooks that denied, that answer later, or whose answer did not come in time."),
        .labelled(
            "hook_answers_invalid_total", .counter, .calls, by: "hook",
            [
                ("auth_on_register", Counter.hookInvalidRegister.word),
                ("on_auth", Counter.hookInvalidAuth.word),
                ("auth_on_subscribe", Counter.hookInvalidSubscribe.word),
                ("on_unsubscribe", Counter.hookInvalidUnsubscribe.word),
                ("auth_on_publish", Counter.hookInvalidPublish.word),
                ("on_deliver", Counter.hookInvalidDeliver.word),
            ],
            help: "Answers of hooks that were not valid: the client was refused, or nothing was changed."),
        .own(
            "hook_answers_ignored_total", .calls, .hookAnswersIgnored,
            help: "Answers of hooks that came a second time, too late, or for a client that had gone."),
    ]

    static let loops: [MetricFamily] = [
        .perLoop("loop_turns_total", .events, .loopTurns, help: "Turns of each event loop."),
        .perLoop(
            "loop_busy_seconds_total", .seconds, .loopBusyNanoseconds, .nanoseconds,
            help: "Time each event loop worked rather than waited."),
        .single(
            "loop_turn_seconds", .histogram, .seconds, .own, .histogram(.turnNanoseconds, .turnSeconds),
            help: "Length of the event loops' turns, from wake-up to flush."),
        .perLoop(
            "loop_wakeups_total", .events, .loopWakeups, help: "Times another thread woke the event loop."),
        .perLoop(
            "loop_letters_posted_total", .letters, .loopLettersPosted,
            help: "Letters the loop sent to other loops."),
        .perLoop(
            "loop_letters_taken_total", .letters, .loopLettersTaken,
            help: "Letters the loop took from its mailbox."),
        .single(
            "loop_letter_batch", .histogram, .letters, .own, .histogram(.letterBatch, .counts),
            help: "Letters taken out of a mailbox at once."),
        .perLoop(
            "loop_mailbox_depth", .letters, .mailboxDepth, help: "Letters waiting in the loop's mailbox."),
        .perLoop(
            "loop_connections", .connections, .connectionsOpen, help: "Connections that live on the loop."),
        .perLoop(
            "loop_timers", .timers, .timersWaiting, help: "Deadlines waiting in the loop's timer wheel."),
        .perLoop(
            "loop_deferred_jobs", .events, .deferredJobsWaiting,
            help: "Long pieces of work that the loop is working off in slices."),
        .perLoop(
            "loop_deferred_jobs_begun_total", .events, .deferredJobs,
            help: "Pieces of work that were too long for one turn."),
        .perLoop(
            "loop_deferred_slices_total", .events, .deferredSlices,
            help: "Slices in which long pieces of work were worked off."),
        .perLoop(
            "loop_reads_paused_total", .events, .loopReadsPaused,
            help: "Times the loop stopped reading to let others catch up."),
        .perLoop(
            "loop_fairness_yields_total", .events, .loopFairnessYields,
            help: "Times a connection used up its share of a turn."),
        .perLoop(
            "loop_lapses_total", .events, .loopLapses,
            help:
                "Times the loop did not look at its sockets for half a second or longer: the process was stopped, the machine slept, or a turn was long. Clients are not blamed for that time."
        ),
        .perLoop(
            "loop_longest_lapse_seconds", .seconds, .longestLapseNanoseconds, .nanoseconds,
            help: "The longest of these times."),
        .single(
            "loop_stalled", .gauge, .flag, .own, .loopStalled,
            help: "1 when the loop did not answer this reading in time and its last numbers are shown."),
    ]

    static let service: [MetricFamily] = [
        .labelled(
            "log_client_events_omitted_total", .counter, .entries, by: "event",
            [
                ("client_connect_refused", Counter.logOmittedRefusals.word),
                ("client_stream_failed", Counter.logOmittedStreams.word),
                ("client_protocol_error", Counter.logOmittedProtocolErrors.word),
                ("client_slow", Counter.logOmittedSlow.word),
                ("session_taken_over", Counter.logOmittedTakeovers.word),
                ("client_drops_began", Counter.logOmittedDrops.word),
            ],
            help:
                "Events of clients that the log does not tell, because it told of enough others in the same minute; by event as in the log."
        ),
        .single(
            "process_resident_memory_bytes", .gauge, .bytes, .own, .process(.residentBytes),
            help: "Resident memory of the broker's process."),
        MetricFamily(
            name: "memory_bytes", kind: .gauge, unit: .bytes, labelNames: ["owner"],
            help:
                "Resident memory by whose it is: queues, outputs, newcomers (connections without a session), subscriptions, routes (topics that the loops remember), retained, store_backlog, store (its cache and tables), log, graphite, code. A message that several queues hold counts in each. unattributed is what is left: sessions, connections, and what the allocator keeps.",
            heritage: .own,
            series: MemoryOwner.allCases.map {
                MetricSeries([MetricLabel("owner", $0.rawValue)], .memory($0))
            }),
        .single(
            "process_cpu_seconds_total", .counter, .seconds, .own, .process(.cpuNanoseconds),
            help: "CPU time of the broker's process, user and system."),
        .single(
            "process_threads", .gauge, .threads, .own, .process(.threadCount),
            help: "Threads of the broker's process."),
        .single(
            "process_max_fds", .gauge, .descriptors, .own, .process(.maximumDescriptors),
            help: "File descriptors the process may open."),
        .single(
            "process_start_time_seconds", .gauge, .seconds, .own, .process(.startTimeNanoseconds),
            help: "When the broker started, in seconds since 1970-01-01 UTC."),
        .single(
            "snapshot_duration_seconds", .gauge, .seconds, .own, .snapshotNanoseconds,
            help: "How long the event loops took to hand out the numbers of this reading."),
        .single(
            "build_info", .gauge, .flag, .own, .buildInfo,
            help: "Always 1; the label tells the broker's version."),
    ]
}
