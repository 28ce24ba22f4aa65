"""Is it there, and does it stay?"""

from alert import Alert, Case

from .look import HEALTH, LISTENERS, LOG, STATUS, metrics

ALERTS = [
    Alert(
        "VerneMQInstanceDown", 'up{job="JOB_NAME"} == 0', "2m", "critical",
        "{{ $labels.instance }} does not answer",
        means="Prometheus has not been able to read `/metrics` of this broker for two minutes. The process has ended, hangs, "
              "or the network between them is down.",
        notice="if the process has ended, everything; if only its page does not answer, nothing.",
        look=[STATUS, HEALTH, ("vernemq ping --config FILE", "`pong` when the process lives")],
        panels=[("overview", "Nodes up"), ("http", "Answers")],
        do=["Ask the broker on its machine: `vmq-admin node status`. When it answers, the path to its HTTP listener is the "
            "fault: firewall, address, or a listener without the page.",
            "When it does not, start it, and read the end of its log, and the kernel's for an out-of-memory kill.",
            "When it does not start, the text on its terminal says why: [operations](../operations.md#start)."],
        fires=Case({"up": "1 1 0x10"}, "6m", "host:8888 does not answer"),
        quiet=Case({"up": "1 1 0 1x10"}, "6m"), scope="scrape"),
    Alert(
        "VerneMQInstanceMissing", 'absent(up{job="JOB_NAME"})', "5m", "critical",
        "Prometheus scrapes nothing under the job {{ $labels.job }}",
        means="There is no target with the job `vernemq`: the scrape configuration lost it, or service discovery finds no "
              "broker. No other alert can fire meanwhile.",
        notice="nothing by itself; nobody watches the brokers.",
        look=[("curl -s http://127.0.0.1:8888/metrics | head -3", "that the broker's page is there")],
        panels=[("overview", "Nodes up")],
        do=["Look at the targets page of Prometheus, and at `scrape_configs` for `job_name: vernemq`.",
            "If your job has another name, write the rules for it: `script/dashboards --job NAME`."],
        fires=Case({}, "10m", "Prometheus scrapes nothing under the job JOB_NAME", raw={'up{job="other"}': "1x20"}),
        quiet=Case({"up": "0x20"}, "10m"), scope="job"),
    Alert(
        "VerneMQNotReady", "min by (job, node, listener, type) (@listener_running) == 0", "2m", "critical",
        "{{ $labels.node }}: the {{ $labels.type }} listener {{ $labels.listener }} takes no clients",
        means="A listener is stopped, so `/health` answers 503 and load balancers send no clients. Somebody stopped it, "
              "or the node is being stopped.",
        notice="new clients of the listener are refused; those who are in go on.",
        look=[LISTENERS, HEALTH, LOG],
        panels=[("overview", "Listeners stopped"), ("node", "Listeners stopped")],
        do=["Start it: `vmq-admin listener restart address=ADDRESS port=PORT`.",
            "The log has a line `operator's command` that says who stopped it, and when.",
            "If it does not start, its port is taken, or the address is gone: the answer says so."],
        fires=Case({'@listener_running{listener="default",type="mqtt"}': "1 1 0x18"}, "10m",
                   "a@host: the mqtt listener default takes no clients", {"listener": "default", "type": "mqtt"}),
        quiet=Case({'@listener_running{listener="default",type="mqtt"}': "1 0 1x18"}, "10m")),
    Alert(
        "VerneMQRestartLoop", "changes(@process_start_time_seconds[30m]) > 2", None, "critical",
        "{{ $labels.node }} started {{ $value }} times in 30 minutes",
        means="The broker ends again and again, and something starts it anew: it is killed, runs out of memory, or fails.",
        notice="all are cut at each start; messages of QoS 0 are lost.",
        look=[STATUS, metrics("process_", "start time, memory, descriptors"), LOG],
        panels=[("node", "Up for"), ("node", "Memory")],
        do=["Read the last lines of the log before each start, and the kernel's log for `Out of memory`.",
            "Out of memory: give it more, or less to hold: see [VerneMQHighMemoryUsage](VerneMQHighMemoryUsage.md).",
            "It is stopped by a supervisor: a probe of `/health` is too strict; give it 10 s and three tries.",
            "A crash: keep the core file and report it with the log."],
        fires=Case({"@process_start_time_seconds": "100x5 200x5 300x5 400x8"}, "20m", "a@host started 3 times in 30 minutes"),
        quiet=Case({"@process_start_time_seconds": "100x5 200x20"}, "20m"), scope="instance"),
    Alert(
        "VerneMQProcessPaused", "sum by (job, node) (increase(@loop_lapses_total[15m])) > 2", None, "warning",
        "{{ $labels.node }}: event loops did not run for half a second or longer, {{ $value | humanize }} times in 15 minutes",
        means="The loops did not get to look at their sockets for half a second or more: the machine was suspended or "
              "migrated, its processors are overbooked, or the process was stopped. A clock that is set does not count.",
        notice="pauses; the broker does not blame them for keep alives that passed meanwhile.",
        look=[metrics("loop_lapses_total", "which loops: all of them means the machine"),
              metrics("loop_longest_lapse_seconds", "how long the longest was")],
        panels=[("latency", "Pauses"), ("latency", "Longest pause")],
        do=["All loops at once: look at the machine for steal time, snapshots, migration, swapping.",
            "One loop alone: a turn was that long; see [VerneMQLoopTurnsSlow](VerneMQLoopTurnsSlow.md)."],
        fires=Case({'@loop_lapses_total{loop="0"}': "0x5 3x10"}, "10m",
                   "a@host: event loops did not run for half a second or longer, 3 times in 15 minutes"),
        quiet=Case({'@loop_lapses_total{loop="0"}': "0x5 1x10"}, "10m")),
]
