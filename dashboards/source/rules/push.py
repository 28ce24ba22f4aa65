"""Metrics that the broker sends away by itself."""

from alert import Alert, Case

from .look import LOG, metrics

FAILS = '@otlp_exports_total{result="given_up"}'
TAKES = '@otlp_exports_total{result="accepted"}'

ALERTS = [
    Alert(
        "VerneMQGraphiteFails", "sum by (job, node) (increase(@graphite_errors_total[15m])) > 3", "5m", "warning",
        "{{ $labels.node }}: Graphite does not take metrics",
        means="Connections to Graphite failed more than three times in a quarter of an hour, or it takes nothing.",
        notice="nothing; the graphs in Graphite have gaps.",
        look=[metrics("graphite_errors_total", "`lookup`, `connect`, `connect_timeout`, `send`, `send_timeout` or `closed`"),
              metrics("graphite_lines_dropped_total", "what was lost"),
              ("vmq-admin show graphite_host graphite_port", "where it is looked for"), LOG],
        panels=[("http", "Graphite"), ("http", "Graphite waiting")],
        do=["Look whether Graphite runs at `graphite_host` and `graphite_port`, and whether this machine reaches it.",
            "It has moved: `vmq-admin set graphite_host=HOST`, which holds at once. Write it to `vernemq.conf` as well.",
            "It is gone for good: `vmq-admin set graphite_enabled=off`."],
        fires=Case({'@graphite_errors_total{reason="connect"}': "0+1x60"}, "40m", "a@host: Graphite does not take metrics"),
        quiet=Case({'@graphite_errors_total{reason="connect"}': "0x20 1x40"}, "40m")),
    Alert(
        "VerneMQOTLPFails",
        'sum by (job, node) (increase(@otlp_exports_total{result=~"refused|given_up|unconfirmed"}[30m])) > 0 '
        'and sum by (job, node) (increase(@otlp_exports_total{result=~"accepted|partial"}[30m])) == 0',
        "10m", "warning", "{{ $labels.node }}: the OTLP receiver takes no metrics",
        means="Exports of metrics failed, and none succeeded within half an hour.",
        notice="nothing; the receiver's graphs have gaps.",
        look=[metrics("otlp_exports_total", "`given_up`: it is away; `refused`: it does not want them"),
              metrics("otlp_requests_total", "`unreachable`, `untrusted`, `timeout`, `busy`, `refused`"), LOG],
        panels=[("http", "OTLP exports"), ("http", "OTLP points")],
        do=["`unreachable`, `timeout`: look whether the receiver of `otlp.metrics.endpoint` runs.",
            "`untrusted`: its certificate is of an authority that this machine does not know: `otlp.cafile`.",
            "`refused`: a wrong path, or `otlp.headers` without the key that it wants. Both need a restart."],
        fires=Case({FAILS: "0+1x90", TAKES: "5x90"}, "60m", "a@host: the OTLP receiver takes no metrics"),
        quiet=Case({FAILS: "0+1x90", TAKES: "0+1x90"}, "60m")),
]
