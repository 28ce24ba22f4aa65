import BrokerMetrics

/// Limits that are reached or near, certificates that end, clients that misbehave, and what watches the broker.
extension StatusFacts {
    var limitWarnings: [StatusWarning] {
        var found: [StatusWarning] = []
        for listener in node.listeners where !listener.reachedLimits.isEmpty {
            let limits = listener.reachedLimits.joined(separator: ", ")
            found.append(
                StatusWarning(
                    listener.reachedLimits.contains("descriptors") ? .critical : .warning,
                    "The \(listener.type) listener on \(listener.place) refuses clients: \(limits) is reached.",
                    "Raise the limit if memory and descriptors allow, or spread the clients over more nodes.",
                    runbook: listener.reachedLimits.contains("descriptors")
                        ? "VerneMQOutOfDescriptors" : "VerneMQConnectionLimitReached"))
        }
        for listener in node.listeners where listener.reachedLimits.isEmpty {
            guard let maximum = listener.maximumConnections, maximum > 0, let open = listener.connections
            else { continue }
            let share = Double(open) / Double(maximum)
            guard share > 0.85 else { continue }
            found.append(
                StatusWarning(
                    .warning,
                    "The \(listener.type) listener on \(listener.place) has \(open) of \(maximum) connections.",
                    "Raise its max_connections before it refuses clients.",
                    runbook: "VerneMQListenerNearLimit"))
        }
        found += counted(
            .refusedForConnections, recent.fiveMinutes, over: 0, .warning,
            "clients were refused in 5 minutes: max_connections was reached.",
            "Raise listener.max_connections, or that of the listener, if memory and descriptors allow.",
            "VerneMQConnectionLimitReached")
        found += counted(
            .refusedForDescriptors, recent.fiveMinutes, over: 0, .critical,
            "times in 5 minutes a client found no descriptor free.",
            "Raise the process's limit on open files (LimitNOFILE), and restart.", "VerneMQOutOfDescriptors")
        found += descriptorWarnings
        found += counted(
            .acceptPaused, recent.fiveMinutes, over: 0, .warning,
            "times in 5 minutes clients were left in the kernel's backlog: a limit was reached.",
            "See which listener is at its limit, and raise it.", "VerneMQClientsNotAccepted")
        found += counted(
            .queueMemoryFull, recent.fiveMinutes, over: 0, .warning,
            "messages in 5 minutes met a client's queue_memory.",
            "Make that client faster, or raise queue_memory.", "VerneMQQueueMemoryFull")
        found += counted(
            .newcomerMemory, recent.fiveMinutes, over: 0, .warning,
            "connections were cut in 5 minutes: newcomer_memory is full.",
            "Many connections send half a CONNECT: look for an attack, or raise newcomer_memory.",
            "VerneMQNewcomerMemoryFull")
        let memory = snapshot.process.residentBytes
        if memory > 8_589_934_592 {
            let isCritical = memory > 17_179_869_184
            found.append(
                StatusWarning(
                    isCritical ? .critical : .warning, "The broker holds \(Plain.bytes(memory)) of memory.",
                    "See what waits: queues, retained messages, outputs. Give the machine more, or shorten the queues.",
                    runbook: isCritical ? "VerneMQCriticalMemoryUsage" : "VerneMQHighMemoryUsage"))
        }
        if recent.queueGrowth > 10 {
            found.append(
                StatusWarning(
                    .warning,
                    "Subscribers are slower than publishers: \(Plain.number(recent.queueGrowth)) messages a second pile up.",
                    "Find the longest queues: vmq-admin session show --client_id --offline_messages --online_messages.",
                    runbook: "VerneMQQueuesGrow"))
        }
        return found
    }

    private var descriptorWarnings: [StatusWarning] {
        snapshot.samples(.descriptorsLimit).compactMap { limit in
            guard limit.value > 0, limit.labelValues != ["refusals"],
                let open = snapshot.samples(.descriptorsOpen).first(where: {
                    $0.labelValues == limit.labelValues
                }), Double(open.value) / Double(limit.value) > 0.85
            else { return nil }
            return StatusWarning(
                .warning,
                "\(open.value) of \(limit.value) descriptors for \(limit.labelValues.first ?? "") are open.",
                "Raise the process's limit on open files (LimitNOFILE), and restart.",
                runbook: "VerneMQDescriptorsNearLimit")
        }
    }

    /// Thirty days before the end, as `vmq-admin tls check`; within a week it is urgent.
    var certificateWarnings: [StatusWarning] {
        node.certificates.compactMap { certificate in
            let left = certificate.notAfter.subtractingReportingOverflow(wallSeconds)
            guard !left.overflow, left.partialValue <= 30 * 86_400 else { return nil }
            let days = left.partialValue / 86_400
            return StatusWarning(
                left.partialValue <= 7 * 86_400 ? .critical : .warning,
                left.partialValue <= 0
                    ? "The certificate of \(certificate.name) in \(certificate.file) has ended."
                    : "The certificate of \(certificate.name) in \(certificate.file) ends in \(days) days.",
                "Put a new one in its place, and restart the listener.", runbook: nil)
        }
    }

    var clientWarnings: [StatusWarning] {
        let window = recent.fiveMinutes
        var found: [StatusWarning] = []
        if window.seconds >= 30, let refused = window.rate(.connacksRefused),
            let all = window.rate(.connacks), refused > 1, refused > 0.2 * all
        {
            found.append(
                StatusWarning(
                    .critical, "\(Plain.number(refused)) CONNECTs a second are refused.",
                    "mqtt_connack_sent on /metrics says with which code: credentials, limits, the store.",
                    runbook: "VerneMQConnectRefusalsStorm"))
        }
        let silent = window[.keepAliveExpired]
        if silent > 50 {
            let isStorm = Double(silent) > 0.05 * Double(max(1, snapshot[LoopGauge.sessionsOnline]))
            found.append(
                StatusWarning(
                    isStorm ? .critical : .warning, "\(silent) clients fell silent in 5 minutes.",
                    "Find what they share: the log names them with their addresses.",
                    runbook: isStorm ? "VerneMQKeepaliveStorm" : "VerneMQKeepaliveExpiredHigh"))
        }
        found += rated(
            .takenOver, over: 1, "sessions a second are taken over by another connection.",
            "Two devices share a client id, or clients reconnect before they close.", "VerneMQTakeoverStorm")
        found += rated(
            .throttled, over: 1, "times a second publishers are slowed down.",
            "They send faster than max_message_rate, or a plugin, allows.", "VerneMQPublishersThrottled")
        found += rated(
            .sendTimeouts, over: 0.1, "clients a second are cut because they do not take their output.",
            "They hang, or their network is too slow for what they subscribe to.", "VerneMQSendTimeouts")
        found += rated(
            .authorizationErrors, over: 1, "publishes and subscribes a second are not authorized.",
            "Find the client by the plugin's log; mend its topics, or the rules.",
            "VerneMQAuthorizationFailures")
        found += counted(
            .hookTimeouts, window, over: 0, .warning,
            "questions to plugins were not answered in time in 5 minutes.",
            "Look at the plugin's backend.", "VerneMQHookTimeouts")
        return found
    }

    var pageWarnings: [StatusWarning] {
        let window = recent.fiveMinutes
        return rated(
            .wrongKeys, over: 0.2, "API requests a second come without a good key.",
            "A script's key has expired, or somebody tries.", "VerneMQWrongAPIKeys")
            + counted(
                .httpRefused, window, over: 0, .warning,
                "HTTP connections were refused in 5 minutes: all were in use.",
                "Look who asks so much.", "VerneMQHTTPExhausted")
            + counted(
                .logLinesDropped, window, over: 0, .warning, "log lines were dropped in 5 minutes.",
                "Raise the log's level, or give it a faster place.", "VerneMQLogLinesDropped")
            + counted(
                .logWriteErrors, window, over: 0, .warning, "log lines could not be written in 5 minutes.",
                "A full disk, a closed pipe, or a file that cannot be opened.", "VerneMQLogNotWritten")
    }

    private func counted(
        _ count: WatchedCount, _ window: RecentNumbers.Window, over bound: UInt64,
        _ severity: StatusWarning.Severity,
        _ words: String, _ advice: String, _ runbook: String
    ) -> [StatusWarning] {
        guard window[count] > bound else { return [] }
        return [StatusWarning(severity, "\(Plain.number(window[count])) \(words)", advice, runbook: runbook)]
    }

    private func rated(
        _ count: WatchedCount, over bound: Double, _ words: String, _ advice: String, _ runbook: String
    ) -> [StatusWarning] {
        // Just after a start a few events look like a rate.
        guard recent.fiveMinutes.seconds >= 30, let rate = recent.fiveMinutes.rate(count), rate > bound else {
            return []
        }
        return [StatusWarning(.warning, "\(Plain.number(rate)) \(words)", advice, runbook: runbook)]
    }
}
