import BrokerMetrics

/// Limits that are reached or near.
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
                        ? "VerneMQOutOfDescriptors" : "VerneMQConnectionLimitReached",
                    stopsService: listener.reachedLimits.contains("descriptors")))
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
}
