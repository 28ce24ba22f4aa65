"""Where messages go, and where the rest went."""

from grafana import (
    BAD, GOOD, IN, INFORM, LOST, MEMORY, OUT, REFUSED, WAITING, WARN, Board, Query, Row, quantiles, series, stat,
    thresholds)

R = "[$__rate_interval]"
PACKETS = ("publish", "puback", "pubrec", "pubrel", "pubcomp")


def board():
    return Board(
        "messages", "Messages & drops", "The ledger: what came in, what went out, and the reason for all that did not.", [
            Row("Accounted for?"),
            stat("Accounted", "Share of ended copies that were delivered. Below 100 %: see Lost by reason.",
                 "percentunit",
                 f"(sum(rate(@ledger_delivered_total{R})) / (sum(rate(@ledger_delivered_total{R})) + "
                 f"sum(rate(@message_drops_total{R})) > 0)) or vector(1)",
                 thresholds((0.99, WARN), (0.999, GOOD), base=BAD), decimals=2),
            stat("Ledger off by", "Messages that no counter explains. Not 0: a defect; report it with the whole of "
                 "/metrics.", "short", 'sum(abs(@ledger_residual{equation!~"transit|storage"}))', thresholds((1, BAD))),
            stat("Lost", "All copies lost, for whatever reason.", "mps", f"sum(rate(@message_drops_total{R}))",
                 thresholds((0.001, WARN), (1, BAD)), decimals=2),
            stat("Rejected", "Publishes not routed. Their reason says what the publisher does wrong.", "mps",
                 f"sum(rate(@ledger_rejected_total{R}))", thresholds((0.001, WARN), (1, BAD)), decimals=2),
            stat("Unrouted", "Messages nobody subscribed to, not retained either. Check spelling of topics and filters.",
                 "mps", f'sum(rate(@ledger_unrouted_total{{retain="no"}}{R}))', decimals=2),
            stat("Waiting", "Messages in queues, in flight and in outputs. Growing: subscribers are too slow.", "short",
                 "sum(@queued_messages + @inflight_messages + @output_messages)"),
            Row("From left to right"),
            series("The way of messages", "Received → accepted → copies → delivered. Where two neighbours part, look for "
                   "the reason in the two panels beside.", "mps",
                   Query(f"sum(rate(@ledger_received_total{R}))", "received", IN),
                   Query(f"sum(rate(@ledger_accepted_total{R}))", "accepted", INFORM),
                   Query(f"sum(rate(@ledger_copies_total{R}))", "copies", WAITING),
                   Query(f"sum(rate(@ledger_delivered_total{R}))", "delivered", OUT),
                   Query(f'sum(rate(@ledger_unrouted_total{{retain="no"}}{R}))', "unrouted", REFUSED)),
            series("Lost by reason", "queue_full: a subscriber is too slow or too long away. offline_qos0: publish and "
                   "subscribe with QoS 1. docs/operations.md has all reasons.", "mps",
                   Query(f"sum by (reason) (rate(@message_drops_total{R}))", "{{reason}}"), stacked=True),
            series("Rejected by reason", "not_authorized: a hook or ACL. storage_unavailable: the store takes nothing. "
                   "malformed, protocol_error: a broken client. docs/operations.md has all reasons.", "mps",
                   Query(f"sum by (reason) (rate(@ledger_rejected_total{R}))", "{{reason}}"), stacked=True),
            series("Ledger residual", "Difference of the two sides of each equation. transit and storage may leave 0 "
                   "under load and must come back; the others never.", "short",
                   Query("sum by (equation) (@ledger_residual)", "{{equation}}"), is_signed=True),
            series("Share lost", "Lost copies as a share of ended ones, by reason: what the alerts measure. The line is "
                   "a hundred times the budget of 0.1 %.", "percentunit",
                   Query(f"sum by (reason) (rate(@message_drops_total{R})) / scalar(clamp_min("
                         f"sum(rate(@ledger_delivered_total{R})) + sum(rate(@message_drops_total{R})), 1e-9))",
                         "{{reason}}"), limits=thresholds((0.001, WARN), (0.1, BAD))),
            series("Copies by origin", "What copies were made of: a client's PUBLISH, a retained message, a will.", "mps",
                   Query(f"sum by (origin) (rate(@ledger_copies_total{R}))", "{{origin}}"), stacked=True),
            Row("Queues"),
            series("Where they wait", "Where messages are now. Queued: the client is away or its window full. In flight: not "
                   "acknowledged. Outputs: QoS 0 that the network has not taken.", "short",
                   Query("sum(@queued_messages)", "queued", WAITING),
                   Query("sum(@inflight_messages)", "in flight", INFORM),
                   Query("sum(@output_messages)", "in outputs", REFUSED),
                   Query("sum(@store_spilled_messages)", "on disk alone", MEMORY)),
            series("Bytes waiting", "Memory of what waits. queue_memory bounds it for each client.", "bytes",
                   Query("sum(@queued_bytes)", "queued", WAITING),
                   Query("sum(@output_buffer_bytes)", "outputs", REFUSED),
                   Query("sum(@newcomer_bytes)", "before CONNECT", INFORM)),
            series("VerneMQ's queue counters", "In, out, drop, unhandled under VerneMQ's names. drop: no room or too "
                   "large; unhandled: every other loss.", "mps",
                   Query(f"sum(rate(@queue_message_in{R}))", "in", IN),
                   Query(f"sum(rate(@queue_message_out{R}))", "out", OUT),
                   Query(f"sum(rate(@queue_message_drop{R}))", "drop", LOST),
                   Query(f"sum(rate(@queue_message_expired{R}))", "expired", WAITING),
                   Query(f"sum(rate(@queue_message_unhandled{R}))", "unhandled", REFUSED)),
            series("No memory left", "Copies dropped because what waits for one client took queue_memory. Find it: "
                   "vmq-admin session show --order=queue_size --desc.", "mps",
                   Query(f"sum(rate(@queue_memory_full_total{R}))", "queue_memory", LOST)),
            series("Sent again", "Retransmissions with DUP, shared messages given to another member. High: clients "
                   "reconnect often or do not acknowledge.", "mps",
                   Query(f"sum(rate(@ledger_retransmitted_total{R}))", "retransmitted", WAITING),
                   Query(f"sum(rate(@ledger_duplicate_total{R}))", "QoS 2 again", INFORM),
                   Query(f"sum(rate(@shared_redelivered_total{R}))", "shared, to another", REFUSED)),
            series("Fan-out", "Subscribers that a message matched. p99 in the thousands: such messages are given out in "
                   "slices.", "short", *quantiles("fan_out")),
            Row("Packets"),
            series("PUBLISH and acknowledgements in", "Packets of publishers and subscribers. PUBACK in far below PUBLISH "
                   "out at QoS 1: subscribers do not acknowledge.", "pps",
                   *[Query(f"sum(rate(@mqtt_{packet}_received{R}))", packet.upper()) for packet in PACKETS]),
            series("PUBLISH and acknowledgements out", "Packets the broker sent.", "pps",
                   *[Query(f"sum(rate(@mqtt_{packet}_sent{R}))", packet.upper()) for packet in PACKETS]),
            series("Packet errors", "Packets that clients got wrong. invalid size: over max_message_size. Unknown "
                   "identifiers: a client acknowledges twice.", "pps",
                   Query(f"sum(rate(@mqtt_publish_error{R}))", "not stored", LOST),
                   Query(f"sum(rate(@mqtt_publish_auth_error{R}))", "not authorized", REFUSED),
                   Query(f"sum(rate(@mqtt_invalid_msg_size_error{R}))", "too large", WAITING),
                   Query(f"sum(rate(@mqtt_puback_invalid_error{R}))", "PUBACK unknown"),
                   Query(f"sum(rate(@mqtt_pubrec_invalid_error{R}))", "PUBREC unknown"),
                   Query(f"sum(rate(@mqtt_pubcomp_invalid_error{R}))", "PUBCOMP unknown")),
            series("Bytes", "Traffic of MQTT clients, after TLS. Out near the line's speed: the network is the limit.",
                   "Bps", Query(f"sum(rate(@bytes_received{R}))", "in", IN),
                   Query(f"sum(rate(@bytes_sent{R}))", "out", OUT)),
            series("Retained", "Retained messages. Growing without end: topics with ever new names; vmq-admin retain "
                   "show.", "short", Query("sum(@retain_messages)", "retained", INFORM)),
            series("Retained changes", "Retained messages set, deleted and expired.", "mps",
                   Query(f"sum by (change) (rate(@retained_changes_total{R}))", "{{change}}")),
        ])
