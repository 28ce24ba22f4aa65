"""Messages that did not arrive. Losses and refusals burn a budget of one in a thousand."""

from alert import FAST, SLOW, Alert, Case, burns

from .look import BALANCE, CLIENT, QUEUES, REPORT, STATUS, TRACE, UNACKNOWLEDGED, history, metrics

BUDGET = 0.001
# Nobody's fault: as MQTT has it, as the publisher wished, as an operator did.
WISHED = '{reason!~"offline_qos0|expired|queue_purged"}'
# A handful in an hour wakes nobody, whatever share of little traffic it is.
FLOOR = 10


def lost(windows):
    """The two windows of lost copies, without those that somebody wished away."""
    text = burns(
        "node_reason:PREFIX_message_drops:ratio_rate", windows, BUDGET,
        f"sum by (job, node, reason) (increase(@message_drops_total{WISHED}[{windows[1]}])) > {FLOOR}")
    return text.replace(" > ", f"{WISHED} > ", 2)


def rejected(windows):
    return burns(
        "node_reason:PREFIX_ledger_rejected:ratio_rate", windows, BUDGET,
        f"sum by (job, node, reason) (increase(@ledger_rejected_total[{windows[1]}])) > {FLOOR}")


def copies(lost_ones, delivered, minutes=400):
    """So many copies a minute that were lost for a full queue, and that were delivered."""
    return {'@message_drops_total{reason="queue_full"}': f"0+{lost_ones}x{minutes}",
            "@ledger_delivered_total": f"0+{delivered}x{minutes}"}


def publishes(refused, received, minutes=400):
    """So many publishes a minute that were not authorized, of those that came."""
    return {'@ledger_rejected_total{reason="not_authorized"}': f"0+{refused}x{minutes}",
            "@ledger_received_total": f"0+{received}x{minutes}"}


LOST_LOOK = [
    metrics("message_drops_total", "which reason grows"), history("message_drops_total", "since when"), QUEUES,
    UNACKNOWLEDGED, CLIENT]
LOST_DO = [
    "Look up the reason in [operations](../operations.md#where-did-my-message-go), step 4.",
    "`queue_full`: find the client with the first commands; raise `max_online_messages` or `max_offline_messages`, or make it "
    "faster.",
    "`session_ended`, `connection_closed`: clients come and go; see their network, and their session expiry.",
    "`store_lost`: see [VerneMQStoreDamaged](VerneMQStoreDamaged.md)."]
REJECTED_LOOK = [
    metrics("ledger_rejected_total", "which reason grows"), history("ledger_rejected_total", "since when"), CLIENT, TRACE]
REJECTED_DO = [
    "Look up the reason in [operations](../operations.md#where-did-my-message-go), step 2.",
    "`not_authorized`: a client publishes where it may not; the log of the plugin, or the ACL, says who.",
    "`storage_unavailable`: see [VerneMQStoreFailing](VerneMQStoreFailing.md).",
    "`malformed`, `protocol_error`, `packet_too_large`: a broken or hostile client; the log has its address at level `debug`."]

ALERTS = [
    Alert(
        "VerneMQLedgerResidual", '@ledger_residual{equation!~"transit|storage"} != 0', "2m", "critical",
        "{{ $labels.node }}: the {{ $labels.equation }} equation is off by {{ $value }}",
        means="The counters of messages do not add up: a message came in and left by no counted exit, or left twice. "
              "[metrics](../metrics.md#the-ledger) says what each equation compares.",
        notice="perhaps nothing; a message may be lost without a reason.",
        look=[BALANCE, metrics("ledger_", "all of the ledger, for the report"), STATUS],
        panels=[("messages", "Ledger residual"), ("messages", "The way of messages")],
        do=[REPORT, "No restart is needed; it would only set the counters back."],
        fires=Case({'@ledger_residual{equation="delivery"}': "0x5 3x25"}, "20m",
                   "a@host: the delivery equation is off by 3", {"equation": "delivery"}),
        quiet=Case({'@ledger_residual{equation="delivery"}': "0x30", '@ledger_residual{equation="transit"}': "4x30"}),
        scope="instance"),
    Alert(
        "VerneMQLetterLost", 'min_over_time(@ledger_residual{equation="transit"}[15m]) > 0', "15m", "warning",
        "{{ $labels.node }}: copies between the event loops have not arrived for 15 minutes",
        means="Copies that one event loop posted to another have not been taken for a quarter of an hour. Under load some are "
              "always on their way, but not the same for so long.",
        notice="messages that come very late, or not.",
        look=[BALANCE, metrics("loop_mailbox_depth", "a loop with letters that stay"),
              metrics("loop_stalled", "1: the loop does not answer")],
        panels=[("messages", "Ledger residual"), ("node", "Letters waiting")],
        do=["A loop is busy or stalled: see [VerneMQLoopSaturated](VerneMQLoopSaturated.md) and "
            "[VerneMQLoopStalled](VerneMQLoopStalled.md).", f"No loop is busy: {REPORT[0].lower()}{REPORT[1:]}"],
        fires=Case({'@ledger_residual{equation="transit"}': "4x60"}, "40m",
                   "a@host: copies between the event loops have not arrived for 15 minutes", {"equation": "transit"}),
        quiet=Case({'@ledger_residual{equation="transit"}': "4x9 0 4x9 0 4x9 0 4x9 0 4x9"}, "40m"), scope="instance"),
    Alert(
        "VerneMQMessagesDropped", lost(FAST), "2m", "critical",
        "{{ $labels.node }} loses {{ $value | humanizePercentage }} of all copies: {{ $labels.reason }}",
        means="Copies are lost so fast that a month's budget (one in a thousand) would be gone in two days: over the last hour "
              "and still in the last five minutes.",
        notice="subscribers miss messages.",
        look=LOST_LOOK, panels=[("messages", "Share lost"), ("messages", "Lost by reason")], do=LOST_DO,
        fires=Case(copies(60, 60, 80), "70m", "a@host loses 50% of all copies: queue_full",
                   {"reason": "queue_full"}),
        quiet=Case({'@message_drops_total{reason="queue_full"}': "0+60x5 300x75", '@message_drops_total{reason="expired"}': "0+60x80",
                    "@ledger_delivered_total": "0+60x80"}, "70m")),
    Alert(
        "VerneMQMessagesDroppedSlowly", lost(SLOW), "15m", "warning",
        "{{ $labels.node }} loses {{ $value | humanizePercentage }} of all copies: {{ $labels.reason }}",
        means="Copies are lost faster than the budget (one in a thousand) allows, for hours: it would be gone in five days.",
        notice="subscribers miss messages now and then.",
        look=LOST_LOOK, panels=[("messages", "Share lost"), ("messages", "Lost by reason")], do=LOST_DO,
        fires=Case(copies(1, 99), "390m", "a@host loses 1% of all copies: queue_full",
                   {"reason": "queue_full"}),
        quiet=Case(copies(1, 999), "390m")),
    Alert(
        "VerneMQPublishesRejected", rejected(FAST), "2m", "warning",
        "{{ $labels.node }} rejects {{ $value | humanizePercentage }} of all publishes: {{ $labels.reason }}",
        means="Publishes are refused so fast that a month's budget (one in a thousand) would be gone in two days.",
        notice="publishers get an error, or are disconnected; subscribers miss messages.",
        look=REJECTED_LOOK, panels=[("messages", "Rejected by reason")], do=REJECTED_DO,
        fires=Case(publishes(10, 100, 80), "70m",
                   "a@host rejects 10% of all publishes: not_authorized", {"reason": "not_authorized"}),
        quiet=Case({'@ledger_rejected_total{reason="not_authorized"}': "0+60x5 300x75", "@ledger_received_total": "0+60x80"},
                   "70m")),
    Alert(
        "VerneMQPublishesRejectedSlowly", rejected(SLOW), "15m", "warning",
        "{{ $labels.node }} rejects {{ $value | humanizePercentage }} of all publishes: {{ $labels.reason }}",
        means="Publishes are refused faster than the budget (one in a thousand) allows, for hours.",
        notice="some publishers get an error, or are disconnected.",
        look=REJECTED_LOOK, panels=[("messages", "Rejected by reason")], do=REJECTED_DO,
        fires=Case(publishes(1, 100), "390m",
                   "a@host rejects 1% of all publishes: not_authorized", {"reason": "not_authorized"}),
        quiet=Case(publishes(1, 1000), "390m")),
    Alert(
        "VerneMQQueuesGrow", "deriv(@queued_messages[15m]) > 10", "15m", "warning",
        "{{ $labels.node }}: subscribers are slower than publishers; {{ $value | humanize }} messages a second pile up",
        means="What waits in queues has grown by more than ten messages a second for half an hour. It ends in drops.",
        notice="messages that come later and later.",
        look=[QUEUES, UNACKNOWLEDGED, CLIENT], panels=[("messages", "Waiting"), ("messages", "Bytes waiting")],
        do=["Find the clients, and make them faster: more instances with a shared subscription, larger receive maximum.",
            "Clients that are away and will not come back: `vmq-admin session delete client-id=CLIENT --yes`, and "
            "`persistent_client_expiration`."],
        fires=Case({"@queued_messages": "0+1200x60"}, "40m",
                   "a@host: subscribers are slower than publishers; 20 messages a second pile up"),
        quiet=Case({"@queued_messages": "0+60x60"}, "40m"), scope="instance"),
]
