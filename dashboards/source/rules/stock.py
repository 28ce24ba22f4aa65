"""VerneMQ's own alerts: names, expressions, durations and severities are VerneMQ's."""

from alert import Alert, Case

from .look import BALANCE, CLIENT, LOG, NEWEST, QUEUES, STATUS, UNACKNOWLEDGED, metrics

MEMORY_LOOK = [
    QUEUES, metrics("_bytes", "`queued_bytes`, `output_buffer_bytes`, `router_cache_bytes`: whose memory it is"),
    ("vmq-admin metrics show | grep -E 'retain_memory|router_memory'", "retained messages and subscriptions")]
MEMORY_DO = [
    "See whose it is on the dashboard: queues, outputs, retained messages, subscriptions.",
    "Queues: make subscribers faster, or bound what waits (`max_offline_messages`, `queue_memory`); what has no room then is "
    "dropped and counted.",
    "Sessions of clients that never return: `persistent_client_expiration`.",
    "All of it is in use: a larger machine, and other bounds in this rule."]

VITAL = [
    Alert(
        "VerneMQHighSchedulerUtilization", "@system_utilization > 90", "10m", "warning",
        "{{ $labels.node }}: event loops {{ $value }} % busy",
        means="The event loops together work more than nine tenths of the time: the node is near what it can do.",
        notice="latency that grows with each further client.",
        look=[metrics("loop_busy_seconds_total", "whether all loops are busy, or one"), STATUS, NEWEST],
        panels=[("node", "Busy"), ("node", "CPU"), ("overview", "Messages")],
        do=["All loops busy: more cores (`loops` follows them), or another node.",
            "See what grew: messages in, fan-out, connects. A storm of connects passes by itself.",
            "One loop alone: see [VerneMQLoopSaturated](VerneMQLoopSaturated.md)."],
        fires=Case({"@system_utilization": "95x30"}, says="a@host: event loops 95 % busy"),
        quiet=Case({"@system_utilization": "80x30"}), scope="instance"),
    Alert(
        "VerneMQRunQueueHigh", "@system_run_queue > 50", "10m", "warning",
        "{{ $labels.node }}: {{ $value }} letters wait between the event loops",
        means="Copies and commands from one event loop to another wait in its mailbox, for ten minutes: that loop does not "
              "keep up.",
        notice="messages that come late, those of one loop's clients first.",
        look=[metrics("loop_mailbox_depth", "which loop"), metrics("loop_connections", "how many clients each has")],
        panels=[("node", "Letters waiting"), ("node", "Busy")],
        do=["Find the loop, then treat it as in [VerneMQLoopSaturated](VerneMQLoopSaturated.md)."],
        fires=Case({"@system_run_queue": "60x30"}, says="a@host: 60 letters wait between the event loops"),
        quiet=Case({"@system_run_queue": "40x30"}), scope="instance"),
    Alert(
        "VerneMQHighMemoryUsage", "@vm_memory_total > 8589934592", "10m", "warning",
        "{{ $labels.node }} holds {{ $value | humanize1024 }}B",
        means="The broker has held more than 8 GiB for ten minutes. Set the bound to what your machine has.",
        notice="nothing yet; at the machine's end the kernel kills the broker.",
        look=MEMORY_LOOK, panels=[("node", "Memory"), ("messages", "Bytes waiting")], do=MEMORY_DO,
        fires=Case({"@vm_memory_total": "9663676416x30"}, says="a@host holds 9GiB"),
        quiet=Case({"@vm_memory_total": "4294967296x30"}), scope="instance"),
    Alert(
        "VerneMQCriticalMemoryUsage", "@vm_memory_total > 17179869184", "10m", "critical",
        "{{ $labels.node }} holds {{ $value | humanize1024 }}B",
        means="The broker has held more than 16 GiB for ten minutes. Set the bound to what your machine has.",
        notice="nothing yet; at the machine's end the kernel kills the broker.",
        look=MEMORY_LOOK, panels=[("node", "Memory"), ("messages", "Bytes waiting")],
        do=["Act before the kernel does: empty the largest queue that nobody needs (`vmq-admin queue purge client-id=CLIENT "
            "--yes`; its messages are lost, counted as `queue_purged`).", *MEMORY_DO],
        fires=Case({"@vm_memory_total": "19327352832x30"}, says="a@host holds 18GiB"),
        quiet=Case({"@vm_memory_total": "9663676416x30"}), scope="instance"),
    Alert(
        "VerneMQQueueMessageDrop", "increase(@queue_message_drop[5m]) > 0", "2m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} messages in 5 minutes met a full queue or were too large for their client",
        means="Messages were lost for want of room: a queue was full, or the packet was over what its client takes.",
        notice="subscribers miss messages.",
        look=[metrics("message_drops_total", "the reasons: `queue_full`, `packet_too_large`, `queue_purged`"), QUEUES, CLIENT],
        panels=[("messages", "Lost by reason"), ("messages", "Waiting")],
        do=["`queue_full`: raise `max_online_messages` or `max_offline_messages`, or make the subscriber faster.",
            "`packet_too_large`: the client announced a smaller Maximum Packet Size than its publishers send.",
            "`queue_purged`: an operator emptied a queue; the log says who."],
        fires=Case({"@queue_message_drop": "0+1x30"},
                   says="a@host: 5 messages in 5 minutes met a full queue or were too large for their client"),
        quiet=Case({"@queue_message_drop": "7x30"}), scope="instance"),
    Alert(
        "VerneMQQueueUnhandledHigh", "increase(@queue_message_unhandled[5m]) > 100", "5m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} messages lost undelivered in 5 minutes; message_drops_total says why",
        means="Messages were lost for another reason than want of room: they expired, were QoS 0 for a client that is away, "
              "or their session ended.",
        notice="subscribers miss messages; often nobody expects them.",
        look=[metrics("message_drops_total", "which reason grows"), STATUS],
        panels=[("messages", "Lost by reason")],
        do=["Look up the reason in [operations](../operations.md#where-did-my-message-go).",
            "`offline_qos0` is as MQTT has it; publish and subscribe with QoS 1 if that is not wanted.",
            "`connection_closed`: clients lose their connection; see [VerneMQKeepaliveStorm](VerneMQKeepaliveStorm.md)."],
        fires=Case({"@queue_message_unhandled": "0+30x30"},
                   says="a@host: 150 messages lost undelivered in 5 minutes; message_drops_total says why"),
        quiet=Case({"@queue_message_unhandled": "0+10x30"}), scope="instance"),
    Alert(
        "VerneMQPublishErrorRateHigh",
        "increase(@mqtt_publish_error[5m]) / clamp_min(increase(@mqtt_publish_received[5m]), 1) > 0.05", "10m", "warning",
        "{{ $labels.node }}: {{ $value | humanizePercentage }} of publishes fail",
        means="More than one publish in twenty was not routed because the store takes nothing.",
        notice="publishers get 0x97, or no acknowledgement in MQTT 3.",
        look=[metrics("store_failing", "1 while the store takes nothing"), metrics("store_errors_total", "which kind"), LOG],
        panels=[("store", "Failing"), ("store", "Errors"), ("messages", "Packet errors")],
        do=["Treat it as [VerneMQStoreFailing](VerneMQStoreFailing.md): mostly the disk is full."],
        fires=Case({'@mqtt_publish_error{mqtt_version="5"}': "0+10x30", '@mqtt_publish_received{mqtt_version="5"}': "0+100x30"},
                   "20m", "a@host: 10% of publishes fail", {"mqtt_version": "5"}),
        quiet=Case({'@mqtt_publish_error{mqtt_version="5"}': "0+1x30", '@mqtt_publish_received{mqtt_version="5"}': "0+100x30"}),
        scope="instance"),
    Alert(
        "VerneMQSocketErrorRateHigh",
        "increase(@socket_error[5m]) / clamp_min(increase(@socket_open[5m]), 1) > 0.02", "10m", "warning",
        "{{ $labels.node }}: {{ $value | humanizePercentage }} of sockets end in an error",
        means="Sockets end in an error of reading or writing that is no reset: a network device in between, or a broken "
              "client.",
        notice="connections that break.",
        look=[metrics("connections_closed_total", "`io_error` and `reset` against the others"), NEWEST],
        panels=[("clients", "Closed by reason"), ("clients", "Connects and closes")],
        do=["See in the log, at level `debug`, which addresses they come from: `vmq-admin log level logger=console level=debug` "
            "(and back to `info` after a minute).",
            "Look for what changed in the network: a load balancer, a firewall, an MTU."],
        fires=Case({"@socket_error": "0+1x30", "@socket_open": "0+10x30"},
                   says="a@host: 10% of sockets end in an error"),
        quiet=Case({"@socket_error": "0x30", "@socket_open": "0+10x30"}), scope="instance"),
    Alert(
        "VerneMQKeepaliveExpiredHigh", "increase(@client_keepalive_expired[5m]) > 50", "5m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} clients fell silent in 5 minutes",
        means="More than fifty clients sent nothing for 1.5 times their keep alive and were disconnected.",
        notice="they come back, if they can; their wills are published.",
        look=[metrics("client_keepalive_expired", "how many, by version"),
              ("vmq-admin session show --client_id --is_offline=true --limit=20", "who is away")],
        panels=[("clients", "Keep alives expired"), ("clients", "Closed by reason")],
        do=["A step: a network or an access point is down; the log names clients and addresses.",
            "All the time: a NAT forgets connections that are quiet for longer than its timeout; clients need a shorter keep "
            "alive."],
        fires=Case({'@client_keepalive_expired{mqtt_version="5"}': "0+20x30"}, "20m",
                   "a@host: 100 clients fell silent in 5 minutes", {"mqtt_version": "5"}),
        quiet=Case({'@client_keepalive_expired{mqtt_version="5"}': "0+5x30"}), scope="instance"),
]

CLUSTER = [
    Alert(
        "VerneMQNetsplitDetected", "increase(@netsplit_detected[5m]) > 0", "1m", "critical",
        "{{ $labels.node }}: the nodes do not agree on who is there",
        means="Nodes of a cluster lost sight of each other. This broker has no cluster yet, so it cannot fire.",
        notice="subscribers on one side miss what is published on the other.",
        look=[("vmq-admin cluster show", "which nodes it sees"), STATUS, LOG],
        panels=[("overview", "Nodes up")],
        do=["See with `vmq-admin cluster show` on each node whom it misses, and mend the network between them."],
        fires=Case({"@netsplit_detected": "0+1x30"}, says="a@host: the nodes do not agree on who is there"),
        quiet=Case({"@netsplit_detected": "3x30"}), scope="instance"),
    Alert(
        "VerneMQClusterBytesDropped", "increase(@cluster_bytes_dropped[5m]) > 0", "2m", "warning",
        "{{ $labels.node }} throws away bytes for other nodes",
        means="What was to go to another node had no room to wait. This broker has no cluster yet, so it cannot fire.",
        notice="messages between nodes are lost.",
        look=[("vmq-admin cluster show", "which nodes it sees"), BALANCE, UNACKNOWLEDGED],
        panels=[("overview", "Nodes up")],
        do=["Mend the network to the node that cannot be reached, or the node that is too slow."],
        fires=Case({"@cluster_bytes_dropped": "0+1000x30"}, says="a@host throws away bytes for other nodes"),
        quiet=Case({"@cluster_bytes_dropped": "5x30"}), scope="instance"),
]
