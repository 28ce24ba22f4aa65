import BrokerMetrics

/// What is wrong inside: listeners, loops, the ledger, the store.
extension StatusFacts {
    var listenerWarnings: [StatusWarning] {
        node.listeners.filter { !$0.isRunning && !node.isStopping }.map {
            StatusWarning(
                .critical, "The \($0.type) listener on \($0.place) takes no clients: it is stopped.",
                "Start it: vmq-admin listener restart \($0.commandAddress). The log says who stopped it.",
                runbook: "VerneMQNotReady", stopsService: true)
        }
            + node.members.filter { !$0.isReachable }.map {
                StatusWarning(
                    .critical, "The member \($0.node) is not reached.",
                    "See vmq-admin cluster show on each node, and mend the network between them.",
                    runbook: "VerneMQNetsplitDetected", stopsService: true)
            }
    }

    /// Rates and warnings come from looks that are taken once a second: when those stand still, no silence means anything.
    var watchWarnings: [StatusWarning] {
        let seconds = recent.age ?? Double(snapshot.uptimeMilliseconds) / 1000
        guard seconds > 10 else { return [] }
        return [
            StatusWarning(
                .critical,
                "The broker has not looked at its own numbers for \(Plain.number(seconds)) seconds.",
                "What is shown beside totals is old. Look whether the machine gives the process a processor.",
                runbook: "VerneMQProcessPaused", stopsService: true)
        ]
    }

    var loopWarnings: [StatusWarning] {
        var found: [StatusWarning] = []
        for (number, loop) in snapshot.loops.enumerated() where loop.isStalled {
            found.append(
                StatusWarning(
                    .critical, "Event loop \(number) does not answer; its clients wait.",
                    "Look whether the machine gives the process a processor; else keep a core file and restart.",
                    runbook: "VerneMQLoopStalled", stopsService: true))
        }
        for (number, busy) in recent.busy.enumerated() where busy > 0.9 {
            found.append(
                StatusWarning(
                    .warning, "Event loop \(number) is saturated: \(Plain.percent(busy)) busy.",
                    "Find its busiest clients (vmq-admin session show), spread them, or give the node more cores and loops.",
                    runbook: "VerneMQLoopSaturated"))
        }
        if let slow = recent.turns.quantile(0.99), slow > 0.1 {
            found.append(
                StatusWarning(
                    .warning,
                    "One turn of the event loops in a hundred takes more than \(Plain.number(slow * 1000)) ms.",
                    "Look for a machine without processor time, a slow plugin, or very large fan-outs.",
                    runbook: "VerneMQLoopTurnsSlow"))
        }
        if let seconds = recent.mailboxFullSeconds, seconds >= 60 {
            found.append(
                StatusWarning(
                    .warning, "\(snapshot[LoopGauge.mailboxDepth]) letters wait between the event loops.",
                    "One loop does not keep up: see which is busiest below.", runbook: "VerneMQRunQueueHigh"))
        }
        let lapses = recent.quarterHour[.lapses]
        if lapses > 2 {
            found.append(
                StatusWarning(
                    .warning,
                    "The event loops did not run for half a second or longer, \(lapses) times in 15 minutes.",
                    "All loops at once: look at the machine for steal time, snapshots, swapping.",
                    runbook: "VerneMQProcessPaused"))
        }
        return found
    }

    var ledgerWarnings: [StatusWarning] {
        var found: [StatusWarning] = []
        for (index, equation) in LedgerEquation.allCases.enumerated() {
            guard let seconds = recent.residualSeconds[index] else { continue }
            let residual = snapshot.residual(equation)
            guard residual != 0 else { continue }
            switch equation {
            case .ingress, .routing, .delivery, .queue:
                // A block that was copied in between looks off once.
                guard seconds >= 2 else { continue }
                found.append(
                    StatusWarning(
                        .critical,
                        "\(residual) messages are not accounted for: the \(equation.rawValue) equation is off.",
                        "This is a defect of the broker: keep /metrics and the log, and report it.",
                        runbook: "VerneMQLedgerResidual", isLoss: true))
            case .transit:
                guard seconds >= 900, residual > 0 else { continue }
                found.append(
                    StatusWarning(
                        .warning,
                        "\(residual) copies between the event loops have not arrived for 15 minutes.",
                        "This may be a defect of the broker: run vmq-admin metrics check, and report it.",
                        runbook: "VerneMQLetterLost"))
            case .storage:
                guard seconds >= 900 else { continue }
                found.append(
                    StatusWarning(
                        .warning,
                        "The store and the sessions disagree by \(residual) messages for 15 minutes.",
                        "Run vernemq store check when the broker can be stopped.",
                        runbook: residual > 0 ? "VerneMQStoreDoesNotBalance" : "VerneMQStoreLacksMessages"))
            }
        }
        return found
    }

    var storeWarnings: [StatusWarning] {
        var found: [StatusWarning] = []
        if snapshot[.storeFailing] != 0 {
            found.append(
                StatusWarning(
                    .critical, "The store takes no writes; messages that need it are refused.",
                    "Make room on the disk of leveldb.data_root; the broker goes on by itself. Do not stop it before.",
                    runbook: "VerneMQStoreFailing", stopsService: true))
        }
        let damaged = snapshot[.storeDamaged]
        if damaged > 0 {
            found.append(
                StatusWarning(
                    .critical, "\(damaged) rows of the store cannot be read.",
                    "Stop the broker, copy its directory, run vernemq store check, then vernemq store repair.",
                    runbook: "VerneMQStoreDamaged"))
        }
        let limit = snapshot[LoopGauge.storeBacklogMark]
        let share = limit > 0 ? Double(snapshot[LoopGauge.storeBacklogBytes]) / Double(limit) : 0
        if share > 0.8 {
            found.append(
                StatusWarning(
                    .warning,
                    "The store lags: what waits for the disk takes \(Plain.percent(share)) of message_store.backlog.",
                    "The disk is slower than what is to be stored: a faster disk, or fewer messages for sessions that last.",
                    runbook: "VerneMQStoreLags"))
        }
        if let seconds = recent.clientsPausedSeconds, seconds >= 5 {
            found.append(
                StatusWarning(
                    .warning,
                    "\(snapshot[LoopGauge.storeHeldClients]) clients are not read because the store is behind.",
                    "As for a store that lags: a faster disk, or less to store.",
                    runbook: "VerneMQStorePausesClients"))
        }
        if let slow = recent.holds.quantile(0.99), slow > 1 {
            found.append(
                StatusWarning(
                    .warning, "One acknowledgement in a hundred waits \(Plain.number(slow)) s for the store.",
                    "Compare with the time of a commit: a faster disk, or less that writes to the same one.",
                    runbook: "VerneMQAcknowledgementsSlow"))
        }
        let errors = recent.fiveMinutes[.storeErrors]
        if errors > 0 {
            found.append(
                StatusWarning(
                    .warning, "The store had \(errors) errors in 5 minutes.",
                    "Read the log for their kind, and the kernel's log for the disk.",
                    runbook: "VerneMQStoreErrors"))
        }
        return found
    }
}

extension ListenerStatus {
    /// Where it listens, as people write it.
    var place: String { port == 0 ? ip : ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)" }

    /// The flags by which `vmq-admin listener` finds it.
    var commandAddress: String {
        "address=\(ip.hasPrefix("/") ? "local:" : "")\(ip) port=\(port)"
    }
}
