"""What the broker's own checks say, certificates that end, and what the broker keeps from log and metrics."""

from alert import Alert, Case

from .look import HEALTH, LISTENERS, LOG, REPORT, metrics

PATH = ("curl -s http://127.0.0.1:8888/health/path", "each stage with its time, or the reason why it is blocked")
CERTIFICATES = ("vmq-admin tls show", "the certificates in force, with their ends")
END = '@listener_certificate_expiry_timestamp_seconds{listener="default",type="https",file="a.pem"}'
WHERE = {"listener": "default", "type": "https", "file": "a.pem"}
DAY = 86_400


def renewal(limit):
    return [f"Put the new certificate, and its key, into the files of the listener; it has {limit} left.",
            "MQTT listeners read their files again on `vmq-admin tls clear-pem-cache`. An HTTPS listener reads them when it is "
            "stopped and started, `vmq-admin listener stop address=ADDRESS port=PORT` and then "
            "`vmq-admin listener restart address=ADDRESS port=PORT`.",
            "It is one of an authority (`cafile`): clients whose certificates it has signed are refused when it ends."]


ALERTS = [
    Alert(
        "VerneMQMessagePathBlocked", 'sum by (job, node) (increase(@health_path_walks_total{result="down"}[5m])) > 0', "1m",
        "critical", "{{ $labels.node }}: the way of a message is blocked",
        means="A probe message did not come through a loop, the router, a queue or the store in time. `/health/path` walks that "
              "way when it is asked.",
        notice="messages stand still, or publishers get no acknowledgement.",
        look=[PATH, metrics("health_path_stage_seconds", "how long each stage took; one that did not end is missing"), LOG],
        panels=[("http", "Walks of the message path"), ("http", "Stages of the message path")],
        do=["It names a loop: see [VerneMQLoopStalled](VerneMQLoopStalled.md).",
            "It names the store: see [VerneMQStoreFailing](VerneMQStoreFailing.md).",
            "It comes and goes: the machine is overloaded; see [VerneMQLoopSaturated](VerneMQLoopSaturated.md)."],
        fires=Case({'@health_path_walks_total{result="down"}': "0 0 0 1+1x20"}, "10m", "a@host: the way of a message is blocked"),
        quiet=Case({'@health_path_walks_total{result="down"}': "3x30", '@health_path_walks_total{result="ok"}': "0+60x30"})),
    Alert(
        "VerneMQHealthChecksFail",
        'sum by (job, node, check) (increase(@health_probes_total{result="down"}[5m])) '
        "/ sum by (job, node, check) (increase(@health_probes_total[5m])) > 0.5", "2m", "critical",
        "{{ $labels.node }}: {{ $value | humanizePercentage }} of the checks /health/{{ $labels.check }} fail",
        means="Most answers of `/health/live`, `/health/ready` or `/health/path` were 503. Load balancers send no clients to a "
              "broker that is not ready, and supervisors restart one that is not live.",
        notice="new clients go elsewhere, or nowhere.",
        look=[HEALTH, ("curl -s http://127.0.0.1:8888/health/ready", "the reasons why not"), LISTENERS],
        panels=[("http", "Health checks")],
        do=["`ready`: the body says whether a listener is stopped, the store takes nothing, or the descriptors are used up.",
            "`live`: an event loop does not run; see [VerneMQLoopStalled](VerneMQLoopStalled.md).",
            "`path`: see [VerneMQMessagePathBlocked](VerneMQMessagePathBlocked.md)."],
        fires=Case({'@health_probes_total{check="ready",result="down"}': "0+9x30", '@health_probes_total{check="ready",result="ok"}': "0+1x30"},
                   "10m", "a@host: 90% of the checks /health/ready fail", {"check": "ready"}),
        quiet=Case({'@health_probes_total{check="ready",result="down"}': "0+4x30", '@health_probes_total{check="ready",result="ok"}': "0+6x30",
                    '@health_probes_total{check="path",result="down"}': "0x30"})),
    Alert(
        "VerneMQCertificateEnds", f"@listener_certificate_expiry_timestamp_seconds - time() < {30 * DAY}", "5m", "warning",
        "{{ $labels.node }}: a certificate of the {{ $labels.type }} listener {{ $labels.listener }} ends in {{ $value | humanizeDuration }}",
        means="A certificate that a listener proves itself with, or one of an authority that it trusts, ends within thirty days.",
        notice="nothing yet; from its end on they refuse to connect.",
        look=[CERTIFICATES, ("vmq-admin tls check --validity=2592000", "those that end within thirty days; it looks at two days by itself")],
        panels=[("node", "Days until a certificate ends")],
        do=renewal("at most thirty days"),
        fires=Case({END: f"{20 * DAY}x30"}, says="a@host: a certificate of the https listener default ends in 19d 23h 40m 0s", labels=WHERE),
        quiet=Case({END: f"{90 * DAY}x30"}), scope="instance"),
    Alert(
        "VerneMQCertificateEndsSoon", f"@listener_certificate_expiry_timestamp_seconds - time() < {7 * DAY}", "5m", "critical",
        "{{ $labels.node }}: a certificate of the {{ $labels.type }} listener {{ $labels.listener }} ends in {{ $value | humanizeDuration }}",
        means="A certificate of a listener ends within a week, or has ended.",
        notice="nothing yet, or, once it has ended, they refuse to connect.",
        look=[CERTIFICATES, ("vmq-admin tls check --validity=604800", "those that end within a week")],
        panels=[("node", "Days until a certificate ends")],
        do=renewal("a week at most"),
        fires=Case({END: f"{2 * DAY}x30"}, says="a@host: a certificate of the https listener default ends in 1d 23h 40m 0s", labels=WHERE),
        quiet=Case({END: f"{10 * DAY}x30"}), scope="instance"),
    Alert(
        "VerneMQClientEventsOmitted",
        "sum by (job, node, event) (increase(@log_client_events_omitted_total[5m])) > 1000", "5m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} events {{ $labels.event }} in 5 minutes are not in the log",
        means="So many clients had the same trouble that the log names only the first of each minute.",
        notice="what the event says: they are refused, cut, slow, taken over, or lose messages.",
        look=[metrics("log_client_events_omitted_total", "which event"), LOG],
        panels=[("http", "Client events omitted")],
        do=["Read the lines that are there: they name clients and addresses; look for what these have in common.",
            "`client_connect_refused`: see [VerneMQConnectRefusalsStorm](VerneMQConnectRefusalsStorm.md).",
            "`client_drops_began`, `client_slow`: see [VerneMQQueuesGrow](VerneMQQueuesGrow.md)."],
        fires=Case({'@log_client_events_omitted_total{event="client_slow"}': "0+600x30"}, "20m",
                   "a@host: 3k events client_slow in 5 minutes are not in the log", {"event": "client_slow"}),
        quiet=Case({'@log_client_events_omitted_total{event="client_slow"}': "0+100x30"})),
    Alert(
        "VerneMQSeriesFolded", "sum by (job, node, metric) (@metrics_folded_series) > 0", "10m", "warning",
        "{{ $labels.node }}: {{ $value }} label sets of {{ $labels.metric }} are added up under other",
        means="A metric has more label sets than `metrics.max_series_per_family`, or all together more than `metrics.max_series`. "
              "Sums are right; single series are missing.",
        notice="nothing.",
        look=[("vmq-admin metrics cardinality", "which metrics have most series"), metrics("metrics_folded_series", "how many are folded")],
        panels=[("http", "Series folded")],
        do=["See where the values of its labels come from: a plugin, or very many listeners.",
            "They are meant so, and Prometheus can bear it: raise `metrics.max_series_per_family`; it needs a restart."],
        fires=Case({'@metrics_folded_series{metric="listener_connections"}': "0x5 7x30"}, "30m",
                   "a@host: 7 label sets of listener_connections are added up under other", {"metric": "listener_connections"}),
        quiet=Case({'@metrics_folded_series{metric="listener_connections"}': "0x40"}, "30m")),
    Alert(
        "VerneMQSamplesUndeclared", "sum by (job, node, room) (increase(@metrics_undeclared_samples_total[15m])) > 0", None, "warning",
        "{{ $labels.node }}: {{ $labels.room }} gives samples that it has not declared",
        means="A part of the broker gave a metric, a label or a label's value that is not in the catalogue. It is left out.",
        notice="nothing.",
        look=[metrics("metrics_undeclared_samples_total", "which part")],
        panels=[("http", "Series folded")],
        do=[REPORT],
        fires=Case({'@metrics_undeclared_samples_total{room="Storage"}': "0x5 3x30"}, "10m",
                   "a@host: Storage gives samples that it has not declared", {"room": "Storage"}),
        quiet=Case({'@metrics_undeclared_samples_total{room="Storage"}': "3x40"}, "10m")),
]
