"""One node: its loops, its process, its limits."""

from grafana import (
    BAD, GOOD, IN, INFORM, LOST, MEMORY, OUT, REFUSED, WAITING, WARN, Board, Query, Row, quantiles, series, stat, table,
    thresholds)

R = "[$__rate_interval]"


def board():
    return Board("node", "Node", "One node: its event loops, its process, and how near its limits are.", [
        Row("Now"),
        stat("Up for", "Since the broker started. Small and not expected: see the runbook VerneMQRestartLoop.", "s",
             "time() - max(@process_start_time_seconds)", width=3, graph=False),
        stat("Clients online", "Sessions with a connection.", "short", 'sum(@sessions{state="online"})', width=3),
        stat("Published in", "PUBLISH packets that came.", "mps", f"sum(rate(@mqtt_publish_received{R}))", width=3,
             decimals=1),
        stat("Published out", "PUBLISH packets sent to subscribers.", "mps", f"sum(rate(@mqtt_publish_sent{R}))", width=3,
             decimals=1),
        stat("Dropped", "Copies that never reached their subscriber. See Messages & drops for the reason.", "mps",
             f"sum(rate(@message_drops_total{R}))", thresholds((0.001, WARN), (1, BAD)), width=3, decimals=2),
        stat("Ledger off by", "0 when every message is accounted for. Else a defect: report it with the whole of "
             "/metrics.", "short", 'sum(abs(@ledger_residual{equation!~"transit|storage"}))', thresholds((1, BAD)),
             width=3),
        stat("Loops stalled", "Loops that do not answer; their clients wait. See the runbook VerneMQLoopStalled.", "short",
             "sum(@loop_stalled)", thresholds((1, BAD)), width=3),
        stat("Listeners stopped", "Listeners that take no clients. vmq-admin listener restart.", "short",
             "sum(1 - @listener_running)", thresholds((1, BAD)), width=3),
        Row("Event loops"),
        series("Busy", "Share of the time each loop works. One alone near 1: a very busy client on it. All: more cores.",
               "percentunit", Query(f"rate(@loop_busy_seconds_total{R})", "loop {{loop}}"),
               limits=thresholds((0.7, WARN), (0.9, BAD)), maximum=1),
        series("Length of a turn", "From wake-up to flush: all clients of the loop wait that long.", "s",
               *quantiles("loop_turn_seconds"), limits=thresholds((0.1, BAD))),
        series("Connections by loop", "Clients are spread by their id. One loop far above: ids of one pattern, or one "
               "client with many connections.", "short", Query("@loop_connections", "loop {{loop}}"), stacked=True),
        series("Turns and wake-ups", "Turns a second. Many turns and little work: many small packets.", "ops",
               Query(f"sum(rate(@loop_turns_total{R}))", "turns", INFORM),
               Query(f"sum(rate(@loop_wakeups_total{R}))", "wake-ups by others", WAITING)),
        series("Letters", "Copies and commands between loops. Posted above taken for long: a loop does not keep up.",
               "ops", Query(f"sum(rate(@loop_letters_posted_total{R}))", "posted", IN),
               Query(f"sum(rate(@loop_letters_taken_total{R}))", "taken", OUT)),
        series("Letters waiting", "In each loop's mailbox at the scrape. Staying: that loop is the bottleneck.", "short",
               Query("@loop_mailbox_depth", "loop {{loop}}")),
        series("Timers", "Deadlines that wait: keep alives, expiries, retries. Grows with clients.", "short",
               Query("@loop_timers", "loop {{loop}}"), stacked=True),
        series("Accepted by loop", "Connections accepted, and those moved to their client's home loop.", "cps",
               Query(f"sum by (loop) (rate(@connections_accepted_total{R}))", "loop {{loop}}"),
               Query(f"sum(rate(@connections_moved_total{R}))", "moved", WAITING)),
        series("Work in slices", "Long pieces of work under way now, and fan-outs. Above 0 for long: a very large "
               "subscription or fan-out is worked off.", "short", Query("sum(@loop_deferred_jobs)", "jobs", WAITING),
               Query("sum(@fan_outs_waiting)", "fan-outs", INFORM)),
        Row("Process"),
        series("CPU", "Processors that the broker uses. At the number of cores: the machine is too small.", "short",
               Query(f"sum(rate(@process_cpu_seconds_total{R}))", "cores", INFORM)),
        series("Memory", "Resident memory, and what is known of it. Alerts at 8 and 16 GiB.", "bytes",
               Query("sum(@process_resident_memory_bytes)", "resident", MEMORY),
               Query("sum(@queued_bytes)", "queues", WAITING),
               Query("sum(@output_buffer_bytes)", "outputs", REFUSED),
               Query("sum(@retain_memory)", "retained", IN),
               Query("sum(@router_memory)", "subscriptions", OUT),
               Query("sum(@router_cache_bytes)", "route cache", INFORM)),
        series("Memory by owner", "Whose the resident memory is. queues and outputs: slow clients. retained, subscriptions: as "
               "many as there are. unattributed: sessions, connections, the allocator.", "bytes",
               Query("sum by (owner) (@memory_bytes)", "{{owner}}"), stacked=True),
        series("Memory given back", "Freed memory that was returned to the system.", "Bps",
               Query(f"sum(rate(@memory_returned_bytes_total{R}))", "given back", OUT)),
        series("Bytes", "Traffic of MQTT clients, after TLS.", "Bps",
               Query(f"sum(rate(@bytes_received{R}))", "in", IN), Query(f"sum(rate(@bytes_sent{R}))", "out", OUT)),
        series("Context switches", "Switches of the process. Many times the turns: too many busy threads for the cores.",
               "ops", Query(f"sum(rate(@system_context_switches{R}))", "switches", INFORM)),
        series("Threads", "A fixed number. A growing one is a defect.", "short", Query("sum(@process_threads)", "threads")),
        Row("Limits"),
        series("Days until a certificate ends", "Of each listener's files. Under thirty: renew it. Nothing where no listener "
               "has a certificate.", "short",
               Query("min by (node, listener, type, file) ((@listener_certificate_expiry_timestamp_seconds - time()) / 86400)",
                     "{{listener}} {{type}} {{file}}"), limits=thresholds((7, WARN), (30, GOOD), base=BAD)),
        series("Descriptors in use", "Share of each use that is open. clients at 1: new clients are refused; raise "
               "LimitNOFILE.", "percentunit", Query("max by (use) (@descriptors_open / @descriptors_limit)", "{{use}}"),
               limits=thresholds((0.85, WARN), (1, BAD))),
        series("Listeners in use", "Share of max_connections. At 1 clients are refused or wait. Nothing where there is no "
               "limit.", "percentunit",
               Query("max by (listener, type) (@listener_connections / @listener_connections_limit) or on () vector(0)",
                     "{{listener}} {{type}}"), limits=thresholds((0.85, WARN), (1, BAD))),
        series("Turned away", "Clients and output the broker had no place for.", "cps",
               Query(f"sum by (listener, type, limit) (rate(@listener_refused_total{R}))",
                     "{{listener}} {{type}}: {{limit}}"),
               Query(f"sum(rate(@connections_refused_total{R}))", "refused", LOST)),
        series("Thrown away with connections", "Output and input of connections that ended.", "Bps",
               Query(f"sum(rate(@output_discarded_bytes_total{R}))", "output", WAITING),
               Query(f"sum(rate(@undecoded_bytes_total{R}))", "input", REFUSED)),
        series("VerneMQ's runtime names", "system_utilization and its like, for those who know them: busy share of the "
               "loops in percent.", "percent", Query("max(@system_utilization)", "utilization", INFORM),
               limits=thresholds((70, WARN), (90, BAD)), maximum=100),
        table("Version", "What runs here. After an update all nodes should show the same.", "node", [
            ("Running", "max by (node, version) (@build_info)", "short")], width=8),
    ], is_of_one_node=True)
