"""All nodes on one screen: is it well, and if not, where to look."""

from grafana import (
    BAD, GOOD, IN, INFORM, LOST, OUT, REFUSED, WAITING, WARN, Board, Query, Row, series, stat, table, thresholds)

R = "[$__rate_interval]"
# Lost without anybody's wish: not QoS 0 to clients that are away, and not what its publisher or an operator let go.
UNWANTED = 'reason!~"offline_qos0|expired|queue_purged"'


def board():
    return Board(
        "overview", "Overview", "All nodes at a glance: every red field names the dashboard that tells more.", [
            Row("Is it well?"),
            stat("Nodes up", "Nodes that answer the scrape. Fewer than you run: see the runbook VerneMQInstanceDown.",
                 "short", 'sum(up{job=~"$job"})', thresholds((1, GOOD), base=BAD), width=3, graph=False),
            stat("Alerts firing",
                 "Alerts of dashboards/alerts.yml that fire now; each names its runbook. 0 also when the rules are not "
                 "loaded into this Prometheus.", "short",
                 'count(ALERTS{alertname=~"VerneMQ.*",alertstate="firing",job=~"$job"}) or vector(0)',
                 thresholds((1, BAD)), width=3, graph=False),
            stat("Ledger off by",
                 "Messages that no counter explains. Anything but 0 is a defect of the broker: see the runbook "
                 "VerneMQLedgerResidual.", "short",
                 'sum(abs(@ledger_residual{equation!~"transit|storage"}))', thresholds((1, BAD)), width=3),
            stat("Lost",
                 "Copies lost against everybody's wish. See Messages & drops for the reason: mostly a subscriber is too "
                 "slow.", "mps", f"sum(rate(@message_drops_total{{{UNWANTED}}}{R}))",
                 thresholds((0.001, WARN), (1, BAD)), width=3, decimals=2),
            stat("Rejected",
                 "Publishes that the broker took and refused to route. See Messages & drops for the reason.", "mps",
                 f"sum(rate(@ledger_rejected_total{R}))", thresholds((0.001, WARN), (1, BAD)), width=3, decimals=2),
            stat("Busiest loop",
                 "Share of its time that the busiest event loop works. At 90 % it is the bottleneck: see Node for whether "
                 "one loop is busy or all.", "percentunit", f"max(rate(@loop_busy_seconds_total{R}))",
                 thresholds((0.7, WARN), (0.9, BAD)), width=3, decimals=0),
            stat("Stores failing",
                 "Nodes whose store takes no writes; messages that need it are refused. Mostly the disk is full: see the "
                 "runbook VerneMQStoreFailing.", "short", "sum(@store_failing)", thresholds((1, BAD)), width=3),
            stat("Listeners stopped",
                 "Listeners that take no clients. Start them: vmq-admin listener restart.", "short",
                 "sum(1 - @listener_running)", thresholds((1, BAD)), width=3),
            Row("Traffic"),
            stat("Clients online", "Sessions with a connection. A sudden fall: look at Clients & sessions, closed by "
                 "reason.", "short", 'sum(@sessions{state="online"})', width=4),
            stat("Clients away", "Sessions that last, whose clients are away; their messages wait.", "short",
                 'sum(@sessions{state="offline"})', width=4),
            stat("Published in", "PUBLISH packets that came, of all publishers.", "mps",
                 f"sum(rate(@ledger_received_total{R}))", width=4, decimals=1),
            stat("Delivered", "Copies whose delivery is complete: taken by the network (QoS 0) or acknowledged.", "mps",
                 f"sum(rate(@ledger_delivered_total{R}))", width=4, decimals=1),
            stat("Waiting", "Messages in queues, in flight or in outputs. Growing: subscribers are slower than "
                 "publishers.", "short", "sum(@queued_messages + @inflight_messages + @output_messages)", width=4),
            stat("Memory", "Resident memory of all nodes together. See Node for whose it is.", "bytes",
                 "sum(@process_resident_memory_bytes)", width=4),
            series("Messages", "In, accepted, copies made for subscribers, delivered. Delivered below copies: they wait "
                   "or are lost.", "mps",
                   Query(f"sum(rate(@ledger_received_total{R}))", "received", IN),
                   Query(f"sum(rate(@ledger_accepted_total{R}))", "accepted", INFORM),
                   Query(f"sum(rate(@ledger_copies_total{R}))", "copies", WAITING),
                   Query(f"sum(rate(@ledger_delivered_total{R}))", "delivered", OUT), width=8),
            series("Lost and rejected", "What did not arrive. Any line above 0: see Messages & drops for the reason and "
                   "what to do.", "mps",
                   Query(f"sum(rate(@message_drops_total{{{UNWANTED}}}{R}))", "lost", LOST),
                   Query(f"sum(rate(@message_drops_total{{reason=~\"offline_qos0|expired|queue_purged\"}}{R}))",
                         "let go", WARN),
                   Query(f"sum(rate(@ledger_rejected_total{R}))", "rejected", REFUSED), width=8),
            series("Clients", "Sessions by state. Online falls and away grows: clients lost their connection.", "short",
                   Query('sum(@sessions{state="online"})', "online", GOOD),
                   Query('sum(@sessions{state="offline"})', "away", WAITING), width=8),
            Row("By node"),
            table("Nodes", "A line for each node; click it for its dashboard. A node that differs from the others is the "
                  "one to look at.", "node", [
                      ("Online", 'sum by (node) (@sessions{state="online"})', "short"),
                      ("Away", 'sum by (node) (@sessions{state="offline"})', "short"),
                      ("Received", f"sum by (node) (rate(@ledger_received_total{R}))", "mps"),
                      ("Delivered", f"sum by (node) (rate(@ledger_delivered_total{R}))", "mps"),
                      ("Lost", f"sum by (node) (rate(@message_drops_total{{{UNWANTED}}}{R}))", "mps",
                       thresholds((0.001, WARN), (1, BAD))),
                      ("Rejected", f"sum by (node) (rate(@ledger_rejected_total{R}))", "mps",
                       thresholds((0.001, WARN), (1, BAD))),
                      ("Waiting", "sum by (node) (@queued_messages + @inflight_messages + @output_messages)", "short"),
                      ("Busiest loop", f"max by (node) (rate(@loop_busy_seconds_total{R}))", "percentunit",
                       thresholds((0.7, WARN), (0.9, BAD))),
                      ("Memory", "sum by (node) (@process_resident_memory_bytes)", "bytes"),
                      ("Up for", "time() - max by (node) (@process_start_time_seconds)", "s"),
                  ], link={"title": "Node", "url": "/d/vernemq-node?var-node=${__value.raw}&${datasource:queryparam}"
                           "&${job:queryparam}&${__url_time_range}", "targetBlank": False}),
            table("Alerts", "What fires now. Empty is good. The page docs/runbooks/ALERTNAME.md says what to do.",
                  "alertname", [
                      ("Firing", 'max by (alertname, severity, node) (ALERTS{alertname=~"VerneMQ.*",alertstate="firing",'
                       'job=~"$job"}) or on () vector(0)', "short")], height=6),
        ])
