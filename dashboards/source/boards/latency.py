"""How long things take."""

from grafana import (
    BAD, IN, INFORM, LOST, OUT, WAITING, WARN, Board, Query, Row, heatmap, quantiles, series, stat, thresholds)
from histograms import quantile

R = "[$__rate_interval]"
ALL = (0.5, 0.9, 0.99, 0.999)
SHADES = ("green", "yellow", "orange", "red")


def p99(histogram):
    return quantile(0.99, histogram)


def by_label(histogram, label, share=0.99):
    """One line for each value of `label`."""
    return Query(quantile(share, histogram, label), f"{{{{{label}}}}}")


def board():
    return Board("latency", "Latency", "What clients wait for, and which part of the broker makes them wait.", [
        Row("Time in the broker"),
        stat("In the broker p50", "Half of all copies left the broker sooner after their message was read.", "s",
             quantile(0.5, "publish_residence_seconds"),
             thresholds((0.01, WARN), (0.1, BAD)), width=6),
        stat("In the broker p99", "One copy in a hundred took longer from the message's arrival until the network had it. "
             "Over 0.1 s: By stage tells where it waited.", "s", p99("publish_residence_seconds"),
             thresholds((0.1, WARN), (1, BAD)), width=6),
        series("In the broker, by QoS", "p99 of that. QoS 2 waits for commits of the store: see Store.", "s",
               by_label("publish_residence_seconds", "qos"), limits=thresholds((1, BAD))),
        series("By stage", "p99 of each stage. Hooks: a plugin's backend is slow. Queue and write: subscribers are slow. "
               "Parse and route: the loops have too much to do. Offline: how long clients were away.", "s",
               by_label("publish_stage_seconds", "stage"), limits=thresholds((1, BAD)), width=12),
        heatmap("In the broker, all", "The same as a picture: a second band above the first is a group of slow "
                "subscribers.", "publish_residence_seconds"),
        series("Clients acknowledge after", "p99 from PUBLISH to PUBACK or PUBREC, and from PUBREL to PUBCOMP: the network "
               "and the clients, not the broker.", "s", by_label("ack_round_trip_seconds", "packet")),
        Row("What clients wait for"),
        stat("Acknowledgement p99", "One acknowledgement in a hundred waited longer for the store. Over 1 s: the disk is "
             "too slow; see Store. Nothing measured: no acknowledgement had to wait.", "s",
             p99("store_answer_hold_seconds"), thresholds((0.1, WARN), (1, BAD)), width=6),
        stat("Turn p99", "One turn of an event loop in a hundred took longer; all clients of the loop wait meanwhile. "
             "Over 0.1 s: see Length of a turn.", "s", p99("loop_turn_seconds"), thresholds((0.01, WARN), (0.1, BAD)),
             width=6),
        stat("Backlog p99", "One client in a hundred waited longer for its stored messages. Nothing measured: nobody had "
             "to.", "s", p99("store_barrier_wait_seconds"), thresholds((0.25, WARN), (1, BAD)), width=6),
        stat("Longest pause", "The longest time a loop did not look at its sockets since the start: the machine slept, "
             "or the process was stopped.", "s", "max(@loop_longest_lapse_seconds)", thresholds((0.5, WARN), (5, BAD)),
             width=6),
        series("Acknowledgements waited", "How long PUBACK, PUBREC and SUBACK waited until what they promise is stored. "
               "Rises with the disk's time: see Store.", "s",
               *quantiles("store_answer_hold_seconds", of=ALL, colours=SHADES), limits=thresholds((1, BAD)), width=12),
        heatmap("Acknowledgements waited, all", "The same as a picture: a second band above the first is a disk that "
                "pauses now and then.", "store_answer_hold_seconds"),
        Row("Event loops"),
        series("Length of a turn", "From wake-up to flush. p99 over 0.1 s: a loop does too much at once, or gets no "
               "processor; compare with CPU on Node.", "s",
               *quantiles("loop_turn_seconds", of=ALL, colours=SHADES), limits=thresholds((0.1, BAD)), width=12),
        heatmap("Length of a turn, all", "The same as a picture: seldom and long turns show as a faint row on top.",
                "loop_turn_seconds"),
        series("Busy", "Share of the time each loop works. Near 1: messages wait for their turn.", "percentunit",
               Query(f"rate(@loop_busy_seconds_total{R})", "{{node}} loop {{loop}}"),
               limits=thresholds((0.7, WARN), (0.9, BAD)), maximum=1),
        series("Letters waiting", "Letters in the loops' mailboxes at the scrape. Hundreds that stay: that loop is the "
               "bottleneck.", "short", Query("@loop_mailbox_depth", "{{node}} loop {{loop}}")),
        series("Letters at once", "Letters taken out of a mailbox at once: more means that a loop comes round more "
               "seldom.", "short", *quantiles("loop_letter_batch")),
        series("Pauses", "Times a loop did not look at its sockets for half a second. Not 0: the process was stopped, or "
               "the machine is overbooked.", "ops",
               Query(f"sum by (node, loop) (rate(@loop_lapses_total{R}))", "{{node}} loop {{loop}}")),
        series("Work put off", "Long pieces of work done in slices, messages given out in slices, turns that ended a "
               "connection's share. They keep others quick; nothing to do.", "ops",
               Query(f"sum(rate(@loop_deferred_jobs_begun_total{R}))", "jobs", WAITING),
               Query(f"sum(rate(@fan_outs_deferred_total{R}))", "fan-outs", INFORM),
               Query(f"sum(rate(@loop_fairness_yields_total{R}))", "shares used up", OUT),
               Query(f"sum(rate(@loop_reads_paused_total{R}))", "reads paused", LOST)),
        series("Route cache", "Lookups found in the cache. Many misses: topics with ever new names, which cost a walk "
               "through the subscriptions.", "ops",
               Query(f"sum by (result) (rate(@router_cache_lookups_total{R}))", "{{result}}"), stacked=True),
        Row("Store and hooks"),
        series("Commits", "How long a commit took, without (write) and with (sync) waiting for the disk.", "s",
               *quantiles("store_write_seconds", name="write"), *quantiles("store_sync_seconds", name="sync")),
        series("Backlogs waited", "How long clients that came back waited until their messages could be read.", "s",
               *quantiles("store_barrier_wait_seconds")),
        series("Hooks", "Questions to hooks; deferred ones were answered later, and timeouts not in time. Timeouts: the "
               "plugin's backend is slow.", "ops",
               Query(f"sum(rate(@hook_calls_total{R}))", "calls", IN),
               Query(f"sum by (outcome) (rate(@hook_outcomes_total{R}))", "{{outcome}}")),
        series("Publishes that wait for a hook", "Their publishers are not read meanwhile. Staying above 0: the plugin's "
               "backend does not answer.", "short", Query("sum(@ledger_pending_publishes)", "pending", WAITING)),
    ])
