import BrokerMetrics

/// What VerneMQ does not have: state and warnings, rates, losses by reason and since when, the ledger, loops, the store.
extension StatusJSON {
    static func appendOwn(_ facts: StatusFacts, to json: inout JSONText) {
        let (snapshot, recent) = (facts.snapshot, facts.recent)
        let warnings = facts.warnings
        let state = facts.state(warnings)
        json.field("state", state.word)
        json.field("reason", state.reason)
        json.field("now_ms", facts.wallMilliseconds)
        // Older than a few seconds: who takes the looks stands still, and rates and warnings are of then.
        json.field("look_age_s", short: recent.age)
        json.field("uptime_ms", snapshot.uptimeMilliseconds)
        json.field("memory_bytes", snapshot.process.residentBytes)
        json.field("bytes_in", snapshot[Counter.bytesReceived])
        json.field("bytes_out", snapshot[Counter.bytesSent])
        json.field("connects", snapshot[VersionedCounter.connectReceived])
        json.key("warnings")
        json.beginArray()
        for warning in warnings {
            json.beginObject()
            json.field("severity", warning.severity.rawValue)
            json.field("text", warning.text)
            json.field("do", warning.advice)
            if let runbook = warning.runbook { json.field("runbook", runbook) }
            json.endObject()
        }
        json.endArray()
        json.key("rates")
        json.beginObject()
        for (name, count) in rates { json.field(name, short: recent.tenSeconds.rate(count)) }
        json.endObject()
        json.key("latency")
        json.beginObject()
        json.field("of", StatusLatency.meaning)
        json.field("p50_s", short: recent.latency.quantile(0.5))
        json.field("p99_s", short: recent.latency.quantile(0.99))
        json.endObject()
        reasons(
            "drops", DropReason.allCases.map { (.drop($0), $0.label, $0.plainWords, $0.advice) }, facts, &json
        )
        reasons(
            "rejects", RejectReason.allCases.map { (.reject($0), $0.label, $0.plainWords, "") }, facts, &json)
        ledger(snapshot, &json)
        store(snapshot, &json)
        loops(facts, &json)
    }

    /// Under which names the rates of the last ten seconds stand.
    private static let rates: [(String, WatchedCount)] = [
        ("in", .received), ("out", .sent), ("accepted", .accepted), ("rejected", .rejected),
        ("unrouted", .unrouted), ("duplicate", .duplicate), ("copies", .copies), ("delivered", .delivered),
        ("lost", .lost), ("bytes_in", .bytesIn), ("bytes_out", .bytesOut), ("connects", .connects),
    ]

    private static func reasons(
        _ name: String, _ reasons: [(count: WatchedCount, label: String, words: String, advice: String)],
        _ facts: StatusFacts, _ json: inout JSONText
    ) {
        json.key(name)
        json.beginArray()
        for reason in reasons {
            let episode = facts.recent.episodes[reason.count.index]
            json.beginObject()
            json.field("reason", reason.label)
            json.field("means", reason.words)
            if !reason.advice.isEmpty { json.field("do", reason.advice) }
            json.field("count", reason.count.value(in: facts.snapshot))
            json.field("rate", short: facts.recent.tenSeconds.rate(reason.count))
            if let first = episode.first { json.field("first_ms", first) }
            if let last = episode.last { json.field("last_ms", last) }
            if let since = episode.since { json.field("since_ms", since) }
            json.endObject()
        }
        json.endArray()
    }

    /// Every station of a message, and the equations that hold them together.
    private static func ledger(_ snapshot: Snapshot, _ json: inout JSONText) {
        json.key("ledger")
        json.beginObject()
        json.field("received", snapshot[Counter.ledgerReceived])
        json.field("accepted", snapshot.messages(.client))
        json.field("duplicate", snapshot[Counter.ledgerDuplicate])
        json.field("pending", snapshot[LoopGauge.publishesPending])
        json.field("rejected", WatchedCount.rejected.value(in: snapshot))
        json.field("unrouted", snapshot[Counter.ledgerUnrouted])
        json.field("copies", WatchedCount.copies.value(in: snapshot))
        json.field("loaded", snapshot[Counter.ledgerLoaded])
        json.field("queued", snapshot[LoopGauge.queuedMessages])
        json.field("inflight", snapshot[LoopGauge.inflightMessages])
        json.field("output", snapshot[LoopGauge.outputMessages])
        json.field("transit", snapshot.residual(.transit))
        json.field("delivered", snapshot[Counter.ledgerDelivered])
        json.field("handed_over", snapshot[Counter.ledgerHandedOver])
        json.field("lost", WatchedCount.lost.value(in: snapshot))
        // What published them: the copies are of more than what clients sent.
        json.key("messages_by_origin")
        json.beginObject()
        for origin in PublicationOrigin.allCases { json.field(origin.label, snapshot.messages(origin)) }
        json.endObject()
        json.key("copies_by_origin")
        json.beginObject()
        for origin in PublicationOrigin.allCases { json.field(origin.label, snapshot.copies(origin)) }
        json.endObject()
        json.key("residual")
        json.beginObject()
        for equation in LedgerEquation.allCases { json.field(equation.rawValue, snapshot.residual(equation)) }
        json.endObject()
        json.endObject()
    }

    private static func store(_ snapshot: Snapshot, _ json: inout JSONText) {
        json.key("store")
        json.beginObject()
        json.field("messages", snapshot[LoopGauge.storedCopies])
        json.field("on_disk_alone", snapshot[LoopGauge.spilledMessages])
        json.field("answers_waiting", snapshot[LoopGauge.heldAnswers])
        json.field("backlog_bytes", snapshot[LoopGauge.storeBacklogBytes])
        json.field("backlog_limit_bytes", snapshot[LoopGauge.storeBacklogMark])
        json.field("clients_waiting", snapshot[LoopGauge.storeHeldClients])
        json.field("disk_bytes", snapshot[RoomMetric.storeDiskBytes])
        json.field("damaged_rows", snapshot[RoomMetric.storeDamaged])
        json.field("errors", snapshot[RoomMetric.storeErrors])
        json.field("failing", snapshot[RoomMetric.storeFailing] != 0)
        json.endObject()
    }

    private static func loops(_ facts: StatusFacts, _ json: inout JSONText) {
        json.key("loops")
        json.beginArray()
        for (number, loop) in facts.snapshot.loops.enumerated() {
            json.beginObject()
            json.field(
                "busy_percent",
                short: number < facts.recent.busy.count ? facts.recent.busy[number] * 100 : nil)
            json.field("connections", loop[.connectionsOpen])
            json.field("queued", loop[.queuedMessages])
            json.field("mailbox", loop[.mailboxDepth])
            json.field("turns", loop[.loopTurns])
            json.field("stalled", loop.isStalled)
            json.endObject()
        }
        json.endArray()
    }
}
