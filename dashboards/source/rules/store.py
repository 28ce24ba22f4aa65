"""The message store."""

from alert import Alert, Case

from .look import BALANCE, CHECK, LOG, REPORT, history, metrics

DISAGREE = dict(
    means="The store holds another number of copies than the sessions know to be stored, for a quarter of an hour. While "
          "batches are on their way the two differ for a moment; then they must agree again.",
    notice="perhaps nothing; after a restart a message may come twice, or not.",
    look=[BALANCE, metrics("store_rows", "`copies` in the store"), metrics("store_copies", "as sessions know them")],
    panels=[("store", "Copies"), ("messages", "Ledger residual")],
    do=[REPORT])
DISAGREES = "{{ $labels.node }}: the store and the sessions disagree by {{ $value }} messages"
EQUATION = '@ledger_residual{equation="storage"}'

ALERTS = [
    Alert(
        "VerneMQStoreDoesNotBalance", f"min_over_time({EQUATION}[15m]) > 0", "15m", "warning", DISAGREES, **DISAGREE,
        fires=Case({EQUATION: "3x60"}, "40m", "a@host: the store and the sessions disagree by 3 messages",
                   {"equation": "storage"}),
        quiet=Case({EQUATION: "3x9 0 3x9 0 3x9 0 3x9 0 3x9"}, "40m"), scope="instance"),
    Alert(
        "VerneMQStoreLacksMessages", f"max_over_time({EQUATION}[15m]) < 0", "15m", "warning", DISAGREES, **DISAGREE,
        fires=Case({EQUATION: "-3x60"}, "40m", "a@host: the store and the sessions disagree by -3 messages",
                   {"equation": "storage"}),
        quiet=Case({EQUATION: "-3x9 0 -3x9 0 -3x9 0 -3x9 0 -3x9"}, "40m"), scope="instance"),
    Alert(
        "VerneMQStoreFailing", "max_over_time(@store_failing[1m]) > 0", "1m", "critical",
        "{{ $labels.node }}: the store takes no writes; messages that need it are refused",
        means="A write to the store failed, and the broker tries again every half second. Mostly the disk is full.",
        notice="publishers of messages to be stored get 0x97 (MQTT 3: no acknowledgement); sessions that last cannot begin; "
               "QoS 0 and all deliveries go on.",
        look=[metrics("store_errors_total", "`disk_full`, `io` or `corruption`"),
              metrics("store_refused_total", "what was refused"), ("vmq-admin show message_store", "which store it is"), LOG],
        panels=[("store", "Failing"), ("store", "Errors"), ("store", "Refused")],
        do=["Make room on the disk of `leveldb.data_root`: the broker goes on by itself within a second.",
            "`io`: read the kernel's log; the disk may be dying. Copy the directory with the broker stopped.",
            "`corruption`: see [VerneMQStoreDamaged](VerneMQStoreDamaged.md).",
            "Do not stop it before there is room: what waits for the disk would be lost (none of it acknowledged)."],
        fires=Case({"@store_failing": "0 0 1x20"}, "10m",
                   "a@host: the store takes no writes; messages that need it are refused"),
        quiet=Case({"@store_failing": "0x20"}, "10m"), scope="instance"),
    Alert(
        "VerneMQStoreDamaged", "@store_damaged_rows_total > 0", None, "critical",
        "{{ $labels.node }}: {{ $value }} rows of the store cannot be read",
        means="Rows of the store could not be read since the start, and were left out: files are damaged. It fires until the "
              "broker is started on a store that is whole.",
        notice="stored messages, subscriptions or retained messages are missing.",
        look=[metrics("store_damaged_rows_total", "how many"), metrics("store_rows_loaded", "what could be read"), CHECK],
        panels=[("store", "Damaged rows"), ("store", "Errors")],
        do=["Stop the broker, copy the directory, run `vernemq store check`, then `vernemq store repair`, and start it.",
            "Find the cause before you trust the disk again: power failure without `leveldb.sync_on_write`, a full disk, a "
            "failing disk, a copy made while the broker ran."],
        fires=Case({"@store_damaged_rows_total": "0x3 2x20"}, "5m", "a@host: 2 rows of the store cannot be read"),
        quiet=Case({"@store_damaged_rows_total": "0x20"}, "5m"), scope="instance"),
    Alert(
        "VerneMQAcknowledgementsSlow", "node:PREFIX_store_answer_hold_seconds:p99_5m > 1", "10m", "warning",
        "{{ $labels.node }}: one acknowledgement in a hundred waits {{ $value | humanizeDuration }} for the store",
        means="Acknowledgements wait until what they promise is stored. One in a hundred has waited over a second, for ten "
              "minutes: the disk is too slow for the load.",
        notice="publishers with QoS 1 and 2 are slow; those with few in flight first.",
        look=[metrics("store_answer_hold_seconds", "how long, in buckets"),
              metrics("store_sync_seconds", "commits that wait for the disk"),
              metrics("store_backlog", "what waits, and its bound")],
        panels=[("store", "Acknowledgements waited"), ("store", "Time of a commit"), ("latency", "Acknowledgement p99")],
        do=["Compare with the time of a commit. It is as long: a faster disk, or `leveldb.sync_on_write = off` if a power "
            "failure may lose what was acknowledged.",
            "It is short: the event loops are busy; see [VerneMQLoopSaturated](VerneMQLoopSaturated.md).",
            "Something else on the machine writes to the same disk: move it."],
        fires=Case({'@store_answer_hold_seconds_bucket{le="1"}': "0+90x40", '@store_answer_hold_seconds_bucket{le="10"}': "0+100x40",
                    '@store_answer_hold_seconds_bucket{le="+Inf"}': "0+100x40"}, "30m",
                   "a@host: one acknowledgement in a hundred waits 9.1s for the store"),
        quiet=Case({'@store_answer_hold_seconds_bucket{le="1"}': "0+100x40", '@store_answer_hold_seconds_bucket{le="10"}': "0+100x40",
                    '@store_answer_hold_seconds_bucket{le="+Inf"}': "0+100x40"}, "30m")),
    Alert(
        "VerneMQStoreLags", "@store_backlog_bytes / @store_backlog_limit_bytes > 0.8", "5m", "warning",
        "{{ $labels.node }}: what waits for the disk takes {{ $value | humanizePercentage }} of message_store.backlog",
        means="The disk has been slower than what is to be stored for five minutes. At 100 % clients are not read until it has "
              "caught up.",
        notice="slow acknowledgements; then publishers that stand still.",
        look=[metrics("store_backlog", "bytes that wait, and their bound"),
              metrics("store_paused_clients", "clients that wait"), history("store_backlog_bytes", "since when")],
        panels=[("store", "Backlog"), ("store", "Time of a commit")],
        do=["Slow only at times: raise `message_store.backlog`, it is memory.",
            "Always: a faster disk, fewer messages for sessions that last, or `leveldb.sync_on_write = off` if a power failure "
            "may lose what was acknowledged."],
        fires=Case({"@store_backlog_bytes": "30000000x30", "@store_backlog_limit_bytes": "33554432x30"},
                   says="a@host: what waits for the disk takes 89.41% of message_store.backlog"),
        quiet=Case({"@store_backlog_bytes": "1000x30", "@store_backlog_limit_bytes": "33554432x30"}), scope="instance"),
    Alert(
        "VerneMQStorePausesClients", "min_over_time(@store_paused_clients[5m]) > 0", "5m", "warning",
        "{{ $labels.node }}: {{ $value }} clients are not read because the store is behind",
        means="Clients have been kept waiting without a break for ten minutes because the store's backlog is full.",
        notice="publishers that stand still; keep alives do not expire meanwhile.",
        look=[metrics("store_paused_clients", "clients that wait"), metrics("store_pauses_total", "what they had sent")],
        panels=[("store", "Clients waiting"), ("store", "Clients paused by")],
        do=["Treat it as [VerneMQStoreLags](VerneMQStoreLags.md)."],
        fires=Case({"@store_paused_clients": "5x30"}, says="a@host: 5 clients are not read because the store is behind"),
        quiet=Case({"@store_paused_clients": "5x3 0 5x3 0 5x3 0 5x3 0 5x3 0 5x3"}), scope="instance"),
    Alert(
        "VerneMQStoreErrors", "sum by (job, node, kind) (increase(@store_errors_total[5m])) > 0", None, "warning",
        "{{ $labels.node }}: the store had {{ $value | humanize }} errors in 5 minutes: {{ $labels.kind }}",
        means="A write or a read of the store failed. If the next one succeeded, no more came of it.",
        notice="nothing, when it was one; see VerneMQStoreFailing when it stays.",
        look=[metrics("store_errors_total", "which kind"), metrics("store_reopened_total", "times it was opened anew"), LOG],
        panels=[("store", "Errors")],
        do=["`disk_full`: make room, more than the store has now: LevelDB rewrites its files.",
            "`io`, `corruption`: read the kernel's log, and check the store at the next chance."],
        fires=Case({'@store_errors_total{kind="io"}': "0x3 2x20"}, "6m", "a@host: the store had 2 errors in 5 minutes: io",
                   {"kind": "io"}),
        quiet=Case({'@store_errors_total{kind="io"}': "2x20"}, "6m")),
]
