"""Recorded series: (name, expression, help). Names say level, metric and operation, as Prometheus' guide has it."""

from alert import WINDOWS
from histograms import quantile

# Bad parts of a whole for each window of the burn rates.
LOST = [
    (f"node_reason:PREFIX_message_drops:ratio_rate{window}",
     f"sum by (job, node, reason) (rate(@message_drops_total[{window}])) / on (job, node) group_left () "
     f"(sum by (job, node) (rate(@ledger_delivered_total[{window}])) "
     f"+ sum by (job, node) (rate(@message_drops_total[{window}])))",
     "Lost copies as a share of those that ended, by reason.")
    for window in WINDOWS]
REJECTED = [
    (f"node_reason:PREFIX_ledger_rejected:ratio_rate{window}",
     f"sum by (job, node, reason) (rate(@ledger_rejected_total[{window}])) / on (job, node) group_left () "
     f"sum by (job, node) (rate(@ledger_received_total[{window}]))",
     "Rejected publishes as a share of those received, by reason.")
    for window in WINDOWS]
HTTP = [
    (f"node:PREFIX_http_errors:ratio_rate{window}",
     f'sum by (job, node) (rate(@http_requests_total{{code="5xx"}}[{window}])) '
     f"/ sum by (job, node) (rate(@http_requests_total[{window}]))",
     "HTTP requests answered with 5xx as a share of all.")
    for window in ("5m", "1h")]
NODE = [
    ("node:PREFIX_ledger_received:rate5m", "sum by (job, node) (rate(@ledger_received_total[5m]))",
     "Publishes that came, a second."),
    ("node:PREFIX_ledger_delivered:rate5m", "sum by (job, node) (rate(@ledger_delivered_total[5m]))",
     "Copies delivered, a second."),
    ("node:PREFIX_message_drops:rate5m", "sum by (job, node) (rate(@message_drops_total[5m]))",
     "Copies lost, a second."),
    ("node:PREFIX_mqtt_connack_refused:rate5m",
     'sum by (job, node) (rate(@mqtt_connack_sent{return_code!="success",reason_code!="success"}[5m]))',
     "CONNECTs refused, a second."),
    ("node:PREFIX_mqtt_connack_sent:rate5m", "sum by (job, node) (rate(@mqtt_connack_sent[5m]))",
     "CONNECTs answered, a second."),
    ("node:PREFIX_loop_busy:max_rate5m", "max by (job, node) (rate(@loop_busy_seconds_total[5m]))",
     "Busy share of the busiest event loop."),
    ("node:PREFIX_loop_turn_seconds:p99_5m",
     quantile(0.99, "loop_turn_seconds", "job, node", "[5m]"),
     "One turn in a hundred takes longer."),
    ("node:PREFIX_store_answer_hold_seconds:p99_5m",
     quantile(0.99, "store_answer_hold_seconds", "job, node", "[5m]"),
     "One acknowledgement in a hundred waits longer for the store."),
]
GROUPS = [
    ("vernemq-burn-rates", "What the burn rates are made of.", LOST + REJECTED + HTTP),
    ("vernemq-nodes", "Numbers of a node, for alerts and for a Prometheus above this one.", NODE),
]
