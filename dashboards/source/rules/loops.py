"""Event loops."""

from alert import Alert, Case

from .look import HEALTH, LOG, QUEUES, STATUS, UNACKNOWLEDGED, metrics

ALERTS = [
    Alert(
        "VerneMQLoopStalled", "min_over_time(@loop_stalled[1m]) > 0", "1m", "critical",
        "{{ $labels.node }}: event loop {{ $labels.loop }} does not answer; its clients wait",
        means="An event loop has not answered the scrape for two minutes: one turn of it does not end, or its thread gets no "
              "processor. `/health` answers 503.",
        notice="all clients of that loop stand still.",
        look=[HEALTH, metrics("loop_stalled", "which loop"), metrics("loop_busy_seconds_total", "whether it works or waits"), LOG],
        panels=[("node", "Loops stalled"), ("node", "Busy")],
        do=["Look at the machine first: no processor, swapping, a stopped process.",
            "Before you restart it, keep where it hangs: `gdb -p PID -batch -ex 'thread apply all bt'`.",
            "Restart the broker; stored sessions and messages come back. Report it with the stacks."],
        fires=Case({'@loop_stalled{loop="0"}': "0 0 1x20"}, "10m",
                   "a@host: event loop 0 does not answer; its clients wait", {"loop": "0"}),
        quiet=Case({'@loop_stalled{loop="0"}': "0 1 0 1 0 1 0 1 0 1 0 1 0"}, "10m"), scope="instance"),
    Alert(
        "VerneMQLoopSaturated", "rate(@loop_busy_seconds_total[5m]) > 0.9", "10m", "warning",
        "{{ $labels.node }}: event loop {{ $labels.loop }} is {{ $value | humanizePercentage }} busy",
        means="One event loop has worked more than nine tenths of the time for ten minutes: its clients wait for each other, "
              "whatever the other loops do.",
        notice="latency, for the clients of that loop.",
        look=[metrics("loop_busy_seconds_total", "whether all loops are busy"), metrics("loop_connections", "clients of each"),
              QUEUES, UNACKNOWLEDGED],
        panels=[("node", "Busy"), ("node", "Connections by loop"), ("node", "Length of a turn")],
        do=["One loop alone: a very busy client lives on it (`home_loop` of `vmq-admin client show client-id=CLIENT`). Split "
            "what it does over several clients, with a shared subscription.",
            "All loops: see [VerneMQHighSchedulerUtilization](VerneMQHighSchedulerUtilization.md)."],
        fires=Case({'@loop_busy_seconds_total{loop="0"}': "0+57x40"}, "30m", "a@host: event loop 0 is 95% busy", {"loop": "0"}),
        quiet=Case({'@loop_busy_seconds_total{loop="0"}': "0+30x40"}, "30m"), scope="instance"),
    Alert(
        "VerneMQLoopTurnsSlow", "node:PREFIX_loop_turn_seconds:p99_5m > 0.1", "10m", "warning",
        "{{ $labels.node }}: one turn in a hundred takes more than {{ $value | humanizeDuration }}",
        means="Turns of the event loops are long, and all clients of a loop wait for its turn to end. Turns have a budget of a "
              "few milliseconds, so a long one is mostly a loop that gets no processor.",
        notice="pauses of that length.",
        look=[metrics("loop_turn_seconds", "how long, in buckets"), metrics("loop_lapses_total", "pauses over half a second"),
              STATUS],
        panels=[("latency", "Length of a turn"), ("node", "CPU"), ("node", "Context switches")],
        do=["Compare with the machine's processors: other processes, steal time, a CPU limit of the container (throttling).",
            "Processors are free: report it with the histogram and what the clients do."],
        fires=Case({'@loop_turn_seconds_bucket{le="0.1"}': "0+90x40", '@loop_turn_seconds_bucket{le="0.25"}': "0+100x40",
                    '@loop_turn_seconds_bucket{le="+Inf"}': "0+100x40"}, "30m",
                   "a@host: one turn in a hundred takes more than 235ms"),
        quiet=Case({'@loop_turn_seconds_bucket{le="0.1"}': "0+100x40", '@loop_turn_seconds_bucket{le="0.25"}': "0+100x40",
                    '@loop_turn_seconds_bucket{le="+Inf"}': "0+100x40"}, "30m")),
    Alert(
        "VerneMQHookTimeouts", 'sum by (job, node) (increase(@hook_outcomes_total{outcome="timeout"}[5m])) > 0', "5m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} questions to plugins were not answered in time in 5 minutes",
        means="A plugin does not answer in time whether a client may connect, publish or subscribe; its backend is slow or "
              "down.",
        notice="they are refused, and wait until then.",
        look=[metrics("hook_", "questions, outcomes"), ("vmq-admin plugin show", "which plugins there are"), LOG],
        panels=[("latency", "Hooks"), ("latency", "Publishes that wait for a hook")],
        do=["Look at the plugin's backend: the database, the web service, and the way to it."],
        fires=Case({'@hook_outcomes_total{outcome="timeout"}': "0+2x30"},
                   says="a@host: 10 questions to plugins were not answered in time in 5 minutes"),
        quiet=Case({'@hook_outcomes_total{outcome="timeout"}': "3x30", '@hook_outcomes_total{outcome="denied"}': "0+9x30"})),
]
