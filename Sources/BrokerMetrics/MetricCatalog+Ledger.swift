/// Names that VerneMQ does not have: the ledger of messages (docs/architecture.md, "Accounting").
extension MetricCatalog {
    static let ledger: [MetricFamily] = [
        .own(
            "ledger_received_total", .messages, .ledgerReceived,
            help:
                "PUBLISH packets that reached the broker, malformed and oversized ones included (mqtt_publish_received has only well-formed ones)."
        ),
        .single(
            "ledger_accepted_total", .counter, .messages, .own,
            .words([PublicationOrigin.client.messagesWord], .integer),
            help: "PUBLISH packets that passed all checks and were routed."),
        .labelled(
            "ledger_messages_total", .counter, .messages, by: "origin",
            PublicationOrigin.allCases.filter { $0 != .retained }.map { ($0.label, $0.messagesWord) },
            help:
                "Messages that were routed, by who published them: clients, wills, the broker itself ($SYS)."),
        .labelled(
            "ledger_rejected_total", .counter, .messages, by: "reason",
            RejectReason.allCases.map { ($0.label, $0.word) },
            help: "PUBLISH packets received and not routed, by reason."),
        .own(
            "ledger_duplicate_total", .messages, .ledgerDuplicate,
            help: "QoS 2 messages that had been received before."),
        .labelled(
            "ledger_unrouted_total", .counter, .messages, by: "retain",
            [("no", Counter.ledgerUnrouted.word), ("yes", Counter.ledgerUnroutedRetained.word)],
            help:
                "Accepted messages and wills that matched no subscription; with retain=yes they set or removed a retained message, with retain=no they went nowhere. MQTT 5 publishers get reason 0x10 for both."
        ),
        .own(
            "ledger_messages_refused_total", .messages, .publicationsRefused,
            help:
                "Messages of the broker itself, of bridges and of the HTTP API that were not routed, because they would have to be stored and the store takes nothing."
        ),
        .labelled(
            "ledger_copies_total", .counter, .messages, by: "origin",
            PublicationOrigin.allCases.map { ($0.label, $0.copiesWord) },
            help: "Copies made for subscribers, by who published what they are copies of."),
        .own(
            "ledger_loaded_total", .messages, .ledgerLoaded,
            help: "Copies that were found in the message store at the start."),
        .own(
            "ledger_delivered_total", .messages, .ledgerDelivered,
            help:
                "Copies whose delivery is complete: QoS 0 when the kernel took the last byte, QoS 1 and 2 when the client acknowledged."
        ),
        .labelled(
            "message_drops_total", .counter, .messages, by: "reason",
            DropReason.allCases.map { ($0.label, $0.word) },
            help: "Copies that never reached their subscriber, by reason."),
        .own(
            "ledger_handed_over_total", .messages, .ledgerHandedOver,
            help: "Copies that another node took over; 0 until there is a cluster."),
        .own("ledger_posted_total", .messages, .ledgerPosted, help: "Copies sent to another event loop."),
        .own("ledger_taken_total", .messages, .ledgerTaken, help: "Copies taken from another event loop."),
        .single(
            "ledger_wills_published_total", .counter, .messages, .own,
            .words([PublicationOrigin.will.messagesWord], .integer), help: "Will messages published."),
        .own(
            "ledger_retransmitted_total", .messages, .ledgerRetransmitted,
            help: "Messages sent once more with DUP, and PUBRELs sent once more."),
        MetricFamily(
            name: "ledger_residual", kind: .gauge, unit: .difference, labelNames: ["equation"],
            help:
                "What the ledger cannot account for; 0, and for transit and storage back to 0 as soon as the loops rest.",
            heritage: .own,
            series: LedgerEquation.allCases.map {
                MetricSeries([MetricLabel("equation", $0.rawValue)], .ledger($0))
            }),
    ]
}
