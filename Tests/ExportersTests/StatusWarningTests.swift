import BrokerMetrics
import Foundation
import Testing

@testable import Exporters

/// One rule: what makes it speak, and what just does not.
private struct Rule: Sendable, CustomTestStringConvertible {
    let runbook: String
    let severity: StatusWarning.Severity
    let fires: @Sendable (inout StatusFacts) -> Void
    let quiet: @Sendable (inout StatusFacts) -> Void
    var testDescription: String { runbook }

    init(
        _ runbook: String, _ severity: StatusWarning.Severity,
        fires: @escaping @Sendable (inout StatusFacts) -> Void,
        quiet: @escaping @Sendable (inout StatusFacts) -> Void
    ) {
        self.runbook = runbook
        self.severity = severity
        self.fires = fires
        self.quiet = quiet
    }

    /// A counter that grew by so much in five minutes.
    static func increase(
        _ count: WatchedCount, _ runbook: String, _ severity: StatusWarning.Severity = .warning,
        fires: UInt64 = 1, quiet: UInt64 = 0
    ) -> Rule {
        Rule(runbook, severity) {
            $0.recent.fiveMinutes[count] = fires
        } quiet: {
            $0.recent.fiveMinutes[count] = quiet
        }
    }
}

private func snapshot(
    samples: [String: [RoomSample]] = [:], isStalled: Bool = false, memory: Int64 = 0,
    _ count: (LoopCounters) -> Void = { _ in }
) -> Snapshot {
    let counters = LoopCounters()
    count(counters)
    var process = ProcessReading()
    process.residentBytes = memory
    return Snapshot(
        loops: [Snapshot.Loop(words: counters.copy(), isStalled: isStalled)], samples: samples,
        process: process)
}

private func listener(_ change: (inout ListenerStatus) -> Void) -> [ListenerStatus] {
    var listener = ListenerStatus(
        type: "mqtt", isRunning: true, ip: "::", port: 1883, maximumConnections: 100, connections: 85)
    change(&listener)
    return [listener]
}

private func observed(_ nanoseconds: UInt64, _ count: UInt64) -> Distribution {
    var counts = [UInt64](repeating: 0, count: LogLinearBuckets.bucketCount)
    counts[LogLinearBuckets.index(of: nanoseconds)] = count
    counts[LogLinearBuckets.index(of: 1000)] = 90
    return Distribution(counts: counts)
}

private let rules: [Rule] = [
    Rule("VerneMQNotReady", .critical) {
        $0.node.listeners = listener { $0.isRunning = false }
    } quiet: {
        $0.node.listeners = listener { _ in }
    },
    Rule("VerneMQNetsplitDetected", .critical) {
        $0.node.members = [("a", true), ("b", false)]
    } quiet: {
        $0.node.members = [("a", true), ("b", true)]
    },
    Rule("VerneMQLoopStalled", .critical) {
        $0.snapshot = snapshot(isStalled: true)
    } quiet: {
        $0.snapshot = snapshot()
    },
    Rule("VerneMQLoopSaturated", .warning) {
        $0.recent.busy = [0.2, 0.91]
    } quiet: {
        $0.recent.busy = [0.9, 0.9]
    },
    Rule("VerneMQLoopTurnsSlow", .warning) {
        $0.recent.turns = observed(200_000_000, 10)
    } quiet: {
        $0.recent.turns = observed(90_000_000, 10)
    },
    Rule("VerneMQRunQueueHigh", .warning) {
        $0.recent.mailboxFullSeconds = 60
    } quiet: {
        $0.recent.mailboxFullSeconds = 59
    },
    Rule("VerneMQProcessPaused", .warning) {
        $0.recent.quarterHour[.lapses] = 3
    } quiet: {
        $0.recent.quarterHour[.lapses] = 2
    },
    Rule("VerneMQLedgerResidual", .critical) {
        $0.snapshot = snapshot { $0.add(.ledgerDelivered) }
        $0.recent.residualSeconds[2] = 2
    } quiet: {
        $0.snapshot = snapshot { $0.add(.ledgerDelivered) }
        $0.recent.residualSeconds[2] = 1
    },
    Rule("VerneMQLetterLost", .warning) {
        $0.snapshot = snapshot { $0.add(.ledgerPosted) }
        $0.recent.residualSeconds[3] = 900
    } quiet: {
        $0.snapshot = snapshot { $0.add(.ledgerPosted) }
        $0.recent.residualSeconds[3] = 899
    },
    Rule("VerneMQStoreLacksMessages", .warning) {
        $0.snapshot = snapshot { $0.move(.storedCopies, by: 1) }
        $0.recent.residualSeconds[4] = 900
    } quiet: {
        $0.snapshot = snapshot { $0.move(.storedCopies, by: 1) }
        $0.recent.residualSeconds[4] = 100
    },
    Rule("VerneMQStoreFailing", .critical) {
        $0.snapshot = snapshot(samples: ["store_failing": [RoomSample(value: 1)]])
    } quiet: {
        $0.snapshot = snapshot(samples: ["store_failing": [RoomSample(value: 0)]])
    },
    Rule("VerneMQStoreDamaged", .critical) {
        $0.snapshot = snapshot(samples: ["store_damaged_rows_total": [RoomSample(value: 2)]])
    } quiet: {
        $0.snapshot = snapshot(samples: ["store_damaged_rows_total": [RoomSample(value: 0)]])
    },
    Rule("VerneMQStoreLags", .warning) {
        $0.snapshot = snapshot {
            $0.move(.storeBacklogMark, by: 100); $0.move(.storeBacklogBytes, by: 81)
        }
    } quiet: {
        $0.snapshot = snapshot {
            $0.move(.storeBacklogMark, by: 100); $0.move(.storeBacklogBytes, by: 80)
        }
    },
    Rule("VerneMQStorePausesClients", .warning) {
        $0.recent.clientsPausedSeconds = 5
    } quiet: {
        $0.recent.clientsPausedSeconds = 4
    },
    Rule("VerneMQAcknowledgementsSlow", .warning) {
        $0.recent.holds = observed(3_000_000_000, 10)
    } quiet: {
        $0.recent.holds = observed(800_000_000, 10)
    },
    .increase(.storeErrors, "VerneMQStoreErrors"),
    Rule("VerneMQSocketErrorRateHigh", .warning) {
        $0.recent.fiveMinutes[.socketErrors] = 3
        $0.recent.fiveMinutes[.socketOpens] = 100
    } quiet: {
        $0.recent.fiveMinutes[.socketErrors] = 2
        $0.recent.fiveMinutes[.socketOpens] = 100
    },
    Rule("VerneMQPublishErrorRateHigh", .warning) {
        $0.recent.fiveMinutes[.publishErrors] = 6
        $0.recent.fiveMinutes[.received] = 100
    } quiet: {
        $0.recent.fiveMinutes[.publishErrors] = 5
        $0.recent.fiveMinutes[.received] = 100
    },
    Rule("VerneMQAuthenticationFailures", .warning) {
        $0.recent.fiveMinutes[.badCredentials] = 180
    } quiet: {
        $0.recent.fiveMinutes[.badCredentials] = 150
    },
    Rule("VerneMQHTTPErrors", .warning) {
        $0.recent.fiveMinutes[.httpErrors] = 15
        $0.recent.fiveMinutes[.httpAnswers] = 100
    } quiet: {
        $0.recent.fiveMinutes[.httpErrors] = 14
        $0.recent.fiveMinutes[.httpAnswers] = 100
    },
    Rule("VerneMQGraphiteFails", .warning) {
        $0.recent.quarterHour[.graphiteErrors] = 4
    } quiet: {
        $0.recent.quarterHour[.graphiteErrors] = 3
    },
    Rule("VerneMQOTLPFails", .warning) {
        $0.recent.quarterHour[.otlpFailed] = 1
    } quiet: {
        $0.recent.quarterHour[.otlpFailed] = 5
        $0.recent.quarterHour[.otlpTaken] = 1
    },
    .increase(.pathBlocked, "VerneMQMessagePathBlocked", .critical),
    Rule("VerneMQClientEventsOmitted", .warning) {
        $0.recent.fiveMinutes[.clientEventsOmitted] = 1_001
    } quiet: {
        $0.recent.fiveMinutes[.clientEventsOmitted] = 1_000
    },
    Rule("VerneMQCertificateEndsSoon", .critical) {
        $0.node.certificates = [
            NodeStatus.CertificateEnd(
                listener: "tls", name: "n", file: "f", notAfter: $0.wallSeconds + 86_400)
        ]
    } quiet: {
        $0.node.certificates = [
            NodeStatus.CertificateEnd(
                listener: "tls", name: "n", file: "f", notAfter: $0.wallSeconds + 90 * 86_400)
        ]
    },
    Rule("VerneMQCertificateEnds", .warning) {
        $0.node.certificates = [
            NodeStatus.CertificateEnd(name: "n", file: "f", notAfter: $0.wallSeconds + 20 * 86_400)
        ]
    } quiet: {
        $0.node.certificates = [
            NodeStatus.CertificateEnd(name: "n", file: "f", notAfter: $0.wallSeconds + 31 * 86_400)
        ]
    },
    Rule("VerneMQPublishesRejected", .warning) {
        $0.recent.minute[.reject(.malformed)] = 1
    } quiet: { _ in
    },
    Rule("VerneMQConnectionLimitReached", .warning) {
        $0.node.listeners = listener { $0.reachedLimits = ["max_connections"] }
    } quiet: {
        $0.node.listeners = listener { _ in }
    },
    Rule("VerneMQOutOfDescriptors", .critical) {
        $0.node.listeners = listener { $0.reachedLimits = ["descriptors"] }
    } quiet: {
        $0.node.listeners = listener { _ in }
    },
    Rule("VerneMQListenerNearLimit", .warning) {
        $0.node.listeners = listener { $0.connections = 86 }
    } quiet: {
        $0.node.listeners = listener { _ in }
    },
    .increase(.refusedForConnections, "VerneMQConnectionLimitReached"),
    .increase(.refusedForDescriptors, "VerneMQOutOfDescriptors", .critical),
    .increase(.acceptPaused, "VerneMQClientsNotAccepted"),
    .increase(.queueMemoryFull, "VerneMQQueueMemoryFull"),
    .increase(.newcomerMemory, "VerneMQNewcomerMemoryFull"),
    Rule("VerneMQDescriptorsNearLimit", .warning) {
        $0.snapshot = snapshot(samples: [
            "descriptors_limit": [RoomSample(["http"], value: 100)],
            "descriptors_open": [RoomSample(["http"], value: 86)],
        ])
    } quiet: {
        $0.snapshot = snapshot(samples: [
            "descriptors_limit": [
                RoomSample(["http"], value: 100), RoomSample(["refusals"], value: 1),
            ],
            "descriptors_open": [RoomSample(["http"], value: 85), RoomSample(["refusals"], value: 1)],
        ])
    },
    Rule("VerneMQHighMemoryUsage", .warning) {
        $0.snapshot = snapshot(memory: 8_589_934_593)
    } quiet: {
        $0.snapshot = snapshot(memory: 8_589_934_592)
    },
    Rule("VerneMQCriticalMemoryUsage", .critical) {
        $0.snapshot = snapshot(memory: 17_179_869_185)
    } quiet: {
        $0.snapshot = snapshot(memory: 1)
    },
    Rule("VerneMQQueuesGrow", .warning) {
        $0.recent.queueGrowth = 11
    } quiet: {
        $0.recent.queueGrowth = 10
    },
    Rule("VerneMQConnectRefusalsStorm", .critical) {
        $0.recent.fiveMinutes[.connacksRefused] = 301
        $0.recent.fiveMinutes[.connacks] = 1000
    } quiet: {
        $0.recent.fiveMinutes[.connacksRefused] = 301
        $0.recent.fiveMinutes[.connacks] = 2000
    },
    .increase(.keepAliveExpired, "VerneMQKeepaliveStorm", .critical, fires: 51, quiet: 50),
    Rule("VerneMQKeepaliveExpiredHigh", .warning) {
        $0.snapshot = snapshot { $0.move(.sessionsOnline, by: 100_000) }
        $0.recent.fiveMinutes[.keepAliveExpired] = 51
    } quiet: {
        $0.recent.fiveMinutes[.keepAliveExpired] = 50
    },
    .increase(.takenOver, "VerneMQTakeoverStorm", fires: 301, quiet: 300),
    .increase(.throttled, "VerneMQPublishersThrottled", fires: 301, quiet: 300),
    .increase(.sendTimeouts, "VerneMQSendTimeouts", fires: 31, quiet: 30),
    .increase(.authorizationErrors, "VerneMQAuthorizationFailures", fires: 301, quiet: 300),
    .increase(.hookTimeouts, "VerneMQHookTimeouts"),
    .increase(.wrongKeys, "VerneMQWrongAPIKeys", fires: 61, quiet: 60),
    .increase(.httpRefused, "VerneMQHTTPExhausted"), .increase(.logLinesDropped, "VerneMQLogLinesDropped"),
    .increase(.logWriteErrors, "VerneMQLogNotWritten"),
]

@Suite struct StatusWarningTests {
    private var calm: StatusFacts {
        var facts = StatusFacts(
            snapshot: snapshot(), node: NodeStatus(node: "n", version: "1", listeners: []),
            wallMilliseconds: 1_764_478_399_000)
        facts.recent.fiveMinutes.seconds = 300
        return facts
    }

    @Test func `a broker that is well has no warnings and says OK`() {
        #expect(calm.warnings.isEmpty)
        #expect(calm.state([]).word == "ok")
    }

    @Test(arguments: rules) fileprivate func `each rule speaks when it must and is silent just before`(
        rule: Rule
    ) {
        var facts = calm
        rule.fires(&facts)
        let found = facts.warnings.filter { $0.runbook == rule.runbook }
        #expect(found.count == 1 && found.first?.severity == rule.severity, "\(facts.warnings)")
        #expect(found.allSatisfy { $0.text.hasSuffix(".") && $0.advice.hasSuffix(".") })
        #expect(facts.state(facts.warnings).word != "ok")
        var quiet = calm
        rule.quiet(&quiet)
        #expect(!quiet.warnings.contains { $0.runbook == rule.runbook }, "\(quiet.warnings)")
    }

    @Test func `every rule has a runbook and an alert of the same name`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let alerts = try String(contentsOf: root.appending(path: "dashboards/alerts.yml"), encoding: .utf8)
        for name in Set(
            rules.map(\.runbook) + [
                "VerneMQMessagesDropped", "VerneMQStoreDoesNotBalance", "VerneMQInstanceDown",
            ])
        {
            #expect(
                FileManager.default.fileExists(atPath: root.appending(path: "docs/runbooks/\(name).md").path),
                "\(name)")
            #expect(alerts.contains("alert: \(name)\n"), "\(name)")
        }
    }

    @Test(
        arguments: [(nil, 10_000, false), (nil, 10_001, true), (10, 99_999, false), (10.5, 99_999, true)]
            as [(Double?, Int64, Bool)])
    func `looks that stand still are said`(age: Double?, uptime: Int64, speaks: Bool) {
        var facts = calm
        facts.snapshot = Snapshot(loops: [], uptimeMilliseconds: uptime)
        facts.recent.age = age
        #expect((facts.state(facts.warnings).word == "failing") == speaks)
    }

    @Test(arguments: DropReason.allCases) func `a single copy that is lost keeps the page from saying OK`(
        reason: DropReason
    ) {
        var facts = calm
        facts.recent.minute[.drop(reason)] = 1
        #expect(facts.state(facts.warnings).word == "losing")
        facts.recent.minute[.drop(reason)] = 0
        #expect(facts.state(facts.warnings).word == "ok")
    }

    @Test func `a loss of more than the error budget allows is critical, unless clients have chosen it`() {
        var facts = calm
        facts.recent.minute[.drop(.queueFull)] = 11
        facts.recent.fiveMinutes[.drop(.queueFull)] = 11
        facts.recent.fiveMinutes[.lost] = 11
        facts.recent.fiveMinutes[.delivered] = 700
        #expect(facts.warnings.map(\.severity) == [.critical])
        facts.recent.fiveMinutes[.delivered] = 800
        #expect(facts.warnings.map(\.severity) == [.warning])
        facts = calm
        facts.recent.minute[.drop(.offlineQoS0)] = 1000
        facts.recent.fiveMinutes[.drop(.offlineQoS0)] = 1000
        #expect(facts.warnings.map(\.severity) == [.warning])
    }

    @Test(
        arguments: [(31, nil), (30, .warning), (8, .warning), (7, .critical), (-1, .critical)]
            as [(Int64, StatusWarning.Severity?)])
    func `a certificate that ends is named in time`(days: Int64, severity: StatusWarning.Severity?) {
        var facts = calm
        facts.node.certificates = [
            NodeStatus.CertificateEnd(
                name: "broker.example", file: "a.pem", notAfter: facts.wallSeconds + days * 86_400)
        ]
        #expect(facts.warnings.first?.severity == severity)
        #expect(facts.warnings.allSatisfy { $0.text.contains("broker.example in a.pem") })
        let word = severity == nil ? "ok" : days <= 0 ? "failing" : "strained"
        #expect(facts.state(facts.warnings).word == word)
        facts.recent.minute[.drop(.queueFull)] = 1
        #expect(facts.state(facts.warnings).word == (days <= 0 ? "failing" : "losing"))
    }

    @Test func `the certificates of two listeners of one name are told apart`() {
        var facts = calm
        facts.node.certificates = ["https", "mqtts"].map {
            NodeStatus.CertificateEnd(
                listener: "default", type: $0, name: "b", file: "a.pem", notAfter: facts.wallSeconds)
        }
        #expect(Set(facts.warnings.map(\.text)).count == 2)
    }

    @Test func `the command for a Unix socket's listener names it as the command takes it`() {
        var facts = calm
        facts.node.listeners = [
            ListenerStatus(type: "mqtt", isRunning: false, ip: "/run/mqtt.sock", port: 0)
        ]
        #expect(facts.warnings.first?.advice.contains("address=local:/run/mqtt.sock port=0") == true)
    }

    @Test func `what is critical comes first, and gives the state its reason`() {
        var facts = calm
        facts.recent.minute[.drop(.expired)] = 1
        facts.snapshot = snapshot(samples: ["store_failing": [RoomSample(value: 1)]])
        let warnings = facts.warnings
        #expect(warnings.map(\.severity) == [.critical, .warning])
        let state = facts.state(warnings)
        #expect(state.word == "failing" && state.reason == warnings[0].text)
        facts.node.isStopping = true
        #expect(facts.state(facts.warnings).word == "stopping")
    }

    @Test func `a rate is not trusted just after the start`() {
        var facts = calm
        facts.recent.fiveMinutes.seconds = 2
        facts.recent.fiveMinutes[.takenOver] = 10
        #expect(facts.warnings.isEmpty)
    }

    @Test(arguments: [
        (0.0, "0"), (0.256, "0.26"), (12.34, "12.3"), (999.6, "1,000"), (-1234, "-1,234"),
        (2_500_007, "2,500,007"),
    ])
    func `numbers are short`(value: Double, text: String) {
        #expect(Plain.number(value) == text)
    }
}
