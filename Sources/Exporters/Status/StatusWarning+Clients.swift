import BrokerMetrics

/// Certificates that end, clients that misbehave, and what watches the broker.
extension StatusFacts {
    /// From thirty days before the end; within a week it is urgent. `vmq-admin tls check --validity=2592000` says the
    /// same, and looks two days ahead by itself, as VerneMQ's.
    var certificateWarnings: [StatusWarning] {
        node.certificates.compactMap { certificate in
            let left = certificate.notAfter.subtractingReportingOverflow(wallSeconds)
            guard !left.overflow, left.partialValue <= 30 * 86_400 else { return nil }
            let days = left.partialValue / 86_400
            let listener =
                certificate.listener.isEmpty
                ? "" : ", of the \(certificate.type) listener \(certificate.listener),"
            let name = "The certificate of \(certificate.name) in \(certificate.file)\(listener)"
            return StatusWarning(
                left.partialValue <= 7 * 86_400 ? .critical : .warning,
                left.partialValue <= 0 ? "\(name) has ended." : "\(name) ends in \(days) days.",
                "Put a new one in its place, and restart the listener.",
                runbook: left.partialValue <= 7 * 86_400
                    ? "VerneMQCertificateEndsSoon" : "VerneMQCertificateEnds",
                stopsService: left.partialValue <= 0)
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
            .badCredentials, over: 0.5, "CONNECTs a second come with wrong credentials.",
            "Credentials were changed on one side, a plugin fails, or somebody tries passwords: the log names them.",
            "VerneMQAuthenticationFailures")
        found += rated(
            .authorizationErrors, over: 1, "publishes and subscribes a second are not authorized.",
            "Find the client by the plugin's log; mend its topics, or the rules.",
            "VerneMQAuthorizationFailures")
        if let share = window.share(.socketErrors, of: .socketOpens), share > 0.02 {
            found.append(
                StatusWarning(
                    .warning, "\(Plain.percent(share)) of sockets end in an error, in 5 minutes.",
                    "Look for what changed in the network: a load balancer, a firewall, an MTU.",
                    runbook: "VerneMQSocketErrorRateHigh"))
        }
        if let share = window.share(.publishErrors, of: .received), share > 0.05 {
            found.append(
                StatusWarning(
                    .warning,
                    "\(Plain.percent(share)) of publishes fail, in 5 minutes: the store takes nothing.",
                    "Look at the store: mostly its disk is full.", runbook: "VerneMQPublishErrorRateHigh"))
        }
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
            + counted(
                .clientEventsOmitted, window, over: 1_000, .warning,
                "events of clients in 5 minutes are not in the log: there were too many of a kind.",
                "log_client_events_omitted_total says of which kind; look for what the clients have in common.",
                "VerneMQClientEventsOmitted")
            + pushWarnings + healthWarnings
    }

    /// What is sent away, and does not arrive.
    private var pushWarnings: [StatusWarning] {
        let window = recent.quarterHour
        let graphite = counted(
            .graphiteErrors, window, over: 3, .warning,
            "times in 15 minutes something went wrong with Graphite: it may lack metrics.",
            "Look whether it runs at graphite_host and graphite_port, and whether this machine reaches it.",
            "VerneMQGraphiteFails")
        guard window[.otlpFailed] > 0, window[.otlpTaken] == 0 else { return graphite }
        return graphite + [
            StatusWarning(
                .warning, "The OTLP receiver has taken no metrics in 15 minutes.",
                "otlp_requests_total on /metrics says why: unreachable, untrusted, refused.",
                runbook: "VerneMQOTLPFails")
        ]
    }

    /// What the checks of the broker have found, and pages that fail.
    private var healthWarnings: [StatusWarning] {
        let window = recent.fiveMinutes
        var found = counted(
            .pathBlocked, window, over: 0, .critical,
            "times in 5 minutes the way of a message was blocked, says /health/path.",
            "Ask /health/path: it names the loop, or the store.", "VerneMQMessagePathBlocked")
        // As the alert: fourteen times the budget of one in a hundred.
        if window[.httpErrors] > 10, let share = window.share(.httpErrors, of: .httpAnswers), share > 0.144 {
            found.append(
                StatusWarning(
                    .warning,
                    "\(Plain.percent(share)) of HTTP requests are answered with an error, in 5 minutes.",
                    "/health says why when it is 503; the log names pages that failed.",
                    runbook: "VerneMQHTTPErrors"))
        }
        return found
    }

    func counted(
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
