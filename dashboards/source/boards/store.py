"""The message store: what it holds, how fast it is, what it could not do."""

from grafana import (
    BAD, GOOD, IN, INFORM, LOST, MEMORY, OUT, REFUSED, WAITING, WARN, Board, Query, Row, heatmap, quantiles, series,
    stat, thresholds)

R = "[$__rate_interval]"


def board():
    return Board("store", "Store", "The message store. Empty where message_store = memory.", [
        Row("Is it well?"),
        stat("Failing", "Nodes whose store takes no writes. Make room on the disk: the broker goes on by itself.", "short",
             "sum(@store_failing)", thresholds((1, BAD))),
        stat("Damaged rows", "Rows that could not be read since the start. Not 0: stop the broker, copy the directory, "
             "vernemq store check.", "short", "sum(@store_damaged_rows_total)", thresholds((1, BAD))),
        stat("Backlog", "What is on its way to the disk, as a share of message_store.backlog. At 100 % clients wait.",
             "percentunit", "max(@store_backlog_bytes / @store_backlog_limit_bytes)",
             thresholds((0.5, WARN), (0.9, BAD)), decimals=0),
        stat("Clients waiting", "Clients that are not read until the store has caught up. Staying: the disk is too slow.",
             "short", "sum(@store_paused_clients)", thresholds((1, WARN), (100, BAD))),
        stat("Refused", "Packets refused because the store took nothing. See Errors.", "pps",
             f"sum(rate(@store_refused_total{R}))", thresholds((0.001, BAD)), decimals=2),
        stat("On disk", "Bytes of the store's files. Keep as much free again: LevelDB rewrites its files.", "bytes",
             "sum(@store_disk_bytes)"),
        Row("Work"),
        series("To be stored", "Copies for sessions that last. Near the second line: most are acknowledged before they "
               "would be written, as it should be.", "mps",
               Query(f"sum(rate(@store_copies_offered_total{R}))", "to be stored", IN),
               Query(f"sum(rate(@store_elided_total{R}))", "acknowledged before", OUT)),
        series("Rows", "Rows added by kind. copies high: subscribers are slower than the store's rest.", "ops",
               Query(f"sum by (kind) (rate(@store_rows_added_total{R}))", "{{kind}} added"),
               Query(f"sum by (kind) (rate(@store_rows_deleted_total{R}))", "{{kind}} deleted")),
        series("Commits", "Commits and batches handed over by loops. Few commits of many rows: the disk is the limit.",
               "ops", Query(f"sum(rate(@store_commits_total{R}))", "commits", OUT),
               Query(f"sum(rate(@store_batches_total{R}))", "batches", IN)),
        series("Time of a commit", "write: without waiting for the disk, sync: with it (leveldb.sync_on_write). Over "
               "0.1 s: slow or shared disk.", "s", *quantiles("store_write_seconds", name="write"),
               *quantiles("store_sync_seconds", name="sync"), limits=thresholds((0.1, BAD))),
        heatmap("Time of a commit, all", "Commits that did not wait for the disk. A faint row on top: LevelDB pauses to "
                "compact its files.", "store_write_seconds", width=8),
        series("Rows in a commit", "How much a commit takes along. It grows by itself when the disk is slow.", "short",
               *quantiles("store_batch_rows")),
        Row("Waiting for the store"),
        series("Backlog in bytes", "Bytes on their way to the disk, and the bound above which more must wait "
               "(message_store.backlog).", "bytes",
               Query("sum by (node) (@store_backlog_bytes)", "{{node}}"),
               Query("max(@store_backlog_limit_bytes)", "bound", BAD)),
        series("Held acknowledgements", "Acknowledgements that wait for a commit. Grows with the publishers' rate times "
               "the disk's time.", "short", Query("sum(@store_held_answers)", "held", WAITING),
               Query("sum(@store_waiting_jobs)", "writer's jobs", INFORM),
               Query("sum(@store_paused_clients)", "clients not read", LOST)),
        series("Acknowledgements waited", "What clients notice of the disk. Over 1 s: see the runbook "
               "VerneMQAcknowledgementsSlow.", "s", *quantiles("store_answer_hold_seconds"),
               limits=thresholds((1, BAD))),
        series("Clients paused by", "What clients had sent when they were told to wait.", "ops",
               Query(f"sum by (packet) (rate(@store_pauses_total{R}))", "{{packet}}")),
        series("Spilled", "Messages left to the disk for want of memory, and read back for their client.", "mps",
               Query(f"sum(rate(@store_spilled_total{R}))", "left to the disk", WAITING),
               Query(f"sum(rate(@store_refilled_total{R}))", "read back", OUT),
               Query(f"sum(rate(@store_read_retries_total{R}))", "read again", LOST)),
        series("Backlogs of clients", "Times a loop looked how far the store could be read, and clients that waited over "
               "250 ms.", "ops", Query(f"sum(rate(@store_barriers_total{R}))", "looked", INFORM),
               Query(f"sum(rate(@store_barriers_late_total{R}))", "late", LOST)),
        Row("What is in it"),
        series("Rows in the store", "By kind. copies without end: clients that never come back; let sessions expire "
               "(persistent_client_expiration).", "short", Query("sum by (kind) (@store_rows)", "{{kind}}"),
               stacked=True),
        series("Copies", "What the store has against what sessions know. They part only for a moment.", "short",
               Query('sum(@store_rows{kind="copies"})', "in the store", IN),
               Query("sum(@store_copies)", "known to sessions", OUT),
               Query("sum(@store_spilled_messages)", "on disk alone", MEMORY)),
        series("Size", "Bytes of the store's files. Falls some time after rows are deleted, when LevelDB compacts.",
               "bytes", Query("sum by (node) (@store_disk_bytes)", "{{node}}")),
        series("Errors", "disk_full: make room. io: look at the kernel's log. corruption: stop, copy, vernemq store "
               "check.", "ops", Query(f"sum by (kind) (rate(@store_errors_total{R}))", "{{kind}}"),
               Query(f"sum(rate(@store_reopened_total{R}))", "opened anew", REFUSED)),
        series("Refused by packet", "Packets refused because the store took nothing.", "pps",
               Query(f"sum by (packet) (rate(@store_refused_total{R}))", "{{packet}}")),
        series("At the last start", "Rows found and how long reading them took: what a restart costs.", "short",
               Query("sum by (kind) (@store_rows_loaded)", "{{kind}}"),
               Query("sum(@store_leftovers_removed)", "leftovers removed", GOOD)),
        stat("Time to read it", "How long the broker read its store at the last start, of the slowest node.", "s",
             "max(@store_recovery_seconds)", width=8),
    ])
