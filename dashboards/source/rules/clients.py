"""Clients that cannot come in, or fall silent."""

from alert import Alert, Case

from .look import CLIENT, LISTENERS, LOG, NEWEST, STATUS, UNACKNOWLEDGED, history, metrics

BAD_CREDENTIALS = "bad_username_or_password|not_authorized"

ALERTS = [
    Alert(
        "VerneMQConnectRefusalsStorm",
        "node:PREFIX_mqtt_connack_refused:rate5m > 1 and "
        "node:PREFIX_mqtt_connack_refused:rate5m / node:PREFIX_mqtt_connack_sent:rate5m > 0.2", "5m", "critical",
        "{{ $labels.node }} refuses {{ $value | humanize }} CONNECTs a second",
        means="More than one CONNECT in five has been answered with an error for five minutes.",
        notice="clients cannot come in, and try again and again.",
        look=[metrics("mqtt_connack_sent", "the code that grows"), metrics("listener_refused_total", "limits that are reached"),
              LISTENERS, LOG],
        panels=[("clients", "Refused by code"), ("clients", "No room")],
        do=["`not_authorized`, `bad_username_or_password`: see [VerneMQAuthenticationFailures](VerneMQAuthenticationFailures.md).",
            "`server_unavailable`, `quota_exceeded`: a limit is reached, or the store takes nothing: see "
            "[VerneMQConnectionLimitReached](VerneMQConnectionLimitReached.md), [VerneMQStoreFailing](VerneMQStoreFailing.md).",
            "`client_identifier_not_valid`, `unsupported_protocol_version`: clients of a new kind, or an old one; see "
            "`max_client_id_size` and `allowed_protocol_versions`."],
        fires=Case({'@mqtt_connack_sent{mqtt_version="5",reason_code="not_authorized"}': "0+300x30",
                    '@mqtt_connack_sent{mqtt_version="4",return_code="success"}': "0+300x30"},
                   says="a@host refuses 5 CONNECTs a second"),
        quiet=Case({'@mqtt_connack_sent{mqtt_version="5",reason_code="not_authorized"}': "0+90x30",
                    '@mqtt_connack_sent{mqtt_version="4",return_code="success"}': "0+900x30"})),
    Alert(
        "VerneMQAuthenticationFailures",
        f'sum by (job, node) (rate(@mqtt_connack_sent{{return_code=~"{BAD_CREDENTIALS}"}}[5m])) + '
        f'sum by (job, node) (rate(@mqtt_connack_sent{{reason_code=~"{BAD_CREDENTIALS}"}}[5m])) > 0.5', "5m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} CONNECTs a second with wrong credentials",
        means="Clients are refused for their user name, password or rights: credentials were changed on one side, a plugin "
              "fails, or somebody tries passwords.",
        notice="those clients cannot come in.",
        look=[metrics("mqtt_connack_sent", "`not_authorized` and `bad_username_or_password`"),
              ("vmq-admin plugin show", "which plugins authenticate"),
              ("vmq-admin show allow_anonymous", "whether clients without a name may come in"), NEWEST, LOG],
        panels=[("clients", "Refused by code"), ("latency", "Hooks")],
        do=["One user or address: its credentials, or an attack; block the address in front of the broker.",
            "All at once: credentials were changed, or the plugin's backend is down; its log says which."],
        fires=Case({'@mqtt_connack_sent{mqtt_version="4",return_code="not_authorized"}': "0+60x30",
                    '@mqtt_connack_sent{mqtt_version="5",reason_code="not_authorized"}': "0x30"},
                   says="a@host: 1 CONNECTs a second with wrong credentials"),
        quiet=Case({'@mqtt_connack_sent{mqtt_version="4",return_code="not_authorized"}': "0+6x30",
                    '@mqtt_connack_sent{mqtt_version="5",reason_code="not_authorized"}': "0x30"})),
    Alert(
        "VerneMQAuthorizationFailures",
        "sum by (job, node) (rate(@mqtt_publish_auth_error[5m])) + sum by (job, node) (rate(@mqtt_subscribe_auth_error[5m])) > 1",
        "10m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} publishes and subscribes a second are not authorized",
        means="Clients that are connected publish or subscribe where they may not: the ACL changed, or a client has a mistake.",
        notice="those messages and subscriptions are refused.",
        look=[metrics("_auth_error", "publishes or subscribes"), ("vmq-admin plugin show", "which plugins decide"), CLIENT, LOG],
        panels=[("messages", "Packet errors"), ("clients", "SUBSCRIBE")],
        do=["Find the client by the plugin's log, then see its packets: `vmq-admin trace client client-id=CLIENT`.",
            "Mend its topics, or the ACL."],
        fires=Case({'@mqtt_publish_auth_error{mqtt_version="5"}': "0+120x30", '@mqtt_subscribe_auth_error{mqtt_version="5"}': "0x30"},
                   says="a@host: 2 publishes and subscribes a second are not authorized"),
        quiet=Case({'@mqtt_publish_auth_error{mqtt_version="5"}': "0+6x30", '@mqtt_subscribe_auth_error{mqtt_version="5"}': "0x30"})),
    Alert(
        "VerneMQKeepaliveStorm",
        "sum by (job, node) (increase(@client_keepalive_expired[5m])) > 50 and sum by (job, node) "
        '(increase(@client_keepalive_expired[5m])) / clamp_min(sum by (job, node) (@sessions{state="online"}), 1) > 0.05',
        None, "critical",
        "{{ $labels.node }}: {{ $value | humanize }} clients fell silent in 5 minutes, many at once",
        means="In five minutes more clients fell silent than a twentieth of those online: a network between them and the broker "
              "is down. Their wills are published, and they will all come back at once.",
        notice="they are cut off; others get many wills.",
        look=[metrics("connections_closed_total", "`keep_alive_timeout` against the others"), STATUS,
              ("vmq-admin session show --client_id --is_offline=true --limit=20", "who is away")],
        panels=[("clients", "Keep alives expired"), ("clients", "Closed by reason"), ("overview", "Clients")],
        do=["Find what the silent clients share: the log names them with their addresses. An access point, a carrier, a NAT, a "
            "load balancer.",
            "The broker itself was stopped? See [VerneMQProcessPaused](VerneMQProcessPaused.md).",
            "When they come back, watch the event loops: the storm passes by itself."],
        fires=Case({'@client_keepalive_expired{mqtt_version="5"}': "0+100x30", '@sessions{state="online"}': "1000x30"},
                   says="a@host: 500 clients fell silent in 5 minutes, many at once"),
        quiet=Case({'@client_keepalive_expired{mqtt_version="5"}': "0+100x30", '@sessions{state="online"}': "100000x30"})),
    Alert(
        "VerneMQTakeoverStorm", "sum by (job, node) (rate(@sessions_taken_over_total[5m])) > 1", "10m", "warning",
        "{{ $labels.node }}: {{ $value | humanize }} sessions a second are taken over by another connection",
        means="Clients connect under an id that is connected already, again and again: two devices share an id, or clients "
              "connect anew without closing.",
        notice="two clients that push each other out.",
        look=[metrics("sessions_taken_over_total", "how many"), NEWEST,
              metrics("connections_closed_total", "`taken_over` against the others")],
        panels=[("clients", "What becomes of sessions"), ("clients", "Closed by reason")],
        do=["Look for ids that appear again and again with changing addresses: give each device an id of its own.",
            "One address per id: the client reconnects before its old connection is closed; mend its reconnect delay."],
        fires=Case({"@sessions_taken_over_total": "0+120x30"},
                   says="a@host: 2 sessions a second are taken over by another connection"),
        quiet=Case({"@sessions_taken_over_total": "0+6x30"})),
    Alert(
        "VerneMQConnectionLimitReached",
        'sum by (job, node, listener, type) (increase(@listener_refused_total{limit="max_connections"}[5m])) > 0', "1m", "warning",
        "{{ $labels.node }}: the {{ $labels.type }} listener {{ $labels.listener }} refused {{ $value | humanize }} clients in 5 minutes: "
        "max_connections is reached",
        means="A listener has as many clients as it may have, and told others that there is no room.",
        notice="CONNACK 0x97 (MQTT 3: 3), or they wait.",
        look=[LISTENERS, metrics("listener_", "connections, limit and refusals of each listener"), NEWEST],
        panels=[("clients", "Connections by listener"), ("clients", "No room")],
        do=["Raise `listener.max_connections`, or that of the listener, if memory and descriptors allow, and restart.",
            "Too many for what you run: look for one address or user with very many sessions."],
        fires=Case({'@listener_refused_total{listener="default",type="mqtt",limit="max_connections"}': "0+2x30"}, "20m",
                   "a@host: the mqtt listener default refused 10 clients in 5 minutes: max_connections is reached",
                   {"listener": "default", "type": "mqtt"}),
        quiet=Case({'@listener_refused_total{listener="default",type="mqtt",limit="max_connections"}': "4x30",
                    '@listener_refused_total{listener="default",type="mqtt",limit="descriptors"}': "0+2x30"})),
    Alert(
        "VerneMQListenerNearLimit", "@listener_connections / @listener_connections_limit > 0.85", "5m", "warning",
        "{{ $labels.node }}: the {{ $labels.type }} listener {{ $labels.listener }} has {{ $value | humanizePercentage }} of its max_connections",
        means="A listener is near its `max_connections`. At 100 % it refuses clients.",
        notice="nothing yet.",
        look=[LISTENERS, history("total_active_connections", "how fast they grow"), NEWEST],
        panels=[("clients", "Connections by listener"), ("node", "Listeners in use")],
        do=["Raise `listener.max_connections`, or that of the listener, before it is full; look at memory and descriptors first."],
        fires=Case({'@listener_connections{listener="default",type="mqtt"}': "900x30",
                    '@listener_connections_limit{listener="default",type="mqtt"}': "1000x30"}, "20m",
                   "a@host: the mqtt listener default has 90% of its max_connections", {"listener": "default", "type": "mqtt"}),
        quiet=Case({'@listener_connections{listener="default",type="mqtt"}': "700x30",
                    '@listener_connections_limit{listener="default",type="mqtt"}': "1000x30"}), scope="instance"),
    Alert(
        "VerneMQClientsNotAccepted", "increase(@accept_paused_total[5m]) > 0", "1m", "warning",
        "{{ $labels.node }} leaves clients in the kernel's backlog: a limit on connections is reached",
        means="With `listener.max_connections_action = wait`, or while very many are being refused, clients wait in the "
              "kernel's backlog. How many is not known.",
        notice="connects that hang.",
        look=[LISTENERS, metrics("accept_paused_total", "how often"), metrics("descriptors_", "descriptors by use")],
        panels=[("clients", "No room"), ("node", "Descriptors in use")],
        do=["Treat it as [VerneMQConnectionLimitReached](VerneMQConnectionLimitReached.md)."],
        fires=Case({"@accept_paused_total": "0+1x30"},
                   says="a@host leaves clients in the kernel's backlog: a limit on connections is reached"),
        quiet=Case({"@accept_paused_total": "3x30"}), scope="instance"),
    Alert(
        "VerneMQPublishersThrottled", "sum by (job, node) (rate(@publisher_throttled_total[5m])) > 1", "10m", "warning",
        "{{ $labels.node }} slows publishers down {{ $value | humanize }} times a second",
        means="Publishers send faster than `max_message_rate`, or a hook, allows, and are not read for a while each time.",
        notice="publishers with QoS 1 and 2 get their acknowledgements late.",
        look=[metrics("publisher_throttled_total", "how often"), ("vmq-admin show max_message_rate", "the rate that is allowed"),
              CLIENT],
        panels=[("clients", "Slow or stopped clients")],
        do=["It is meant to be so: nothing. Else raise the rate: `vmq-admin set max_message_rate=N`, for good in the "
            "configuration.",
            "Find who it is by `packets_received` of `vmq-admin client show client-id=CLIENT`."],
        fires=Case({"@publisher_throttled_total": "0+120x30"}, says="a@host slows publishers down 2 times a second"),
        quiet=Case({"@publisher_throttled_total": "0+6x30"})),
    Alert(
        "VerneMQSendTimeouts", "sum by (job, node) (rate(@connection_send_timeouts_total[5m])) > 0.1", "10m", "warning",
        "{{ $labels.node }} cuts {{ $value | humanize }} clients a second that do not take their output",
        means="Clients are sent messages and do not read their socket until the time is over: they hang, or their network is "
              "too slow for what they subscribed to.",
        notice="they are disconnected; QoS 0 on the way to them is lost.",
        look=[UNACKNOWLEDGED, metrics("connection_", "timeouts, blocked writes"), CLIENT],
        panels=[("clients", "Slow or stopped clients"), ("messages", "Bytes waiting")],
        do=["See what they subscribe to: `vmq-admin session show --client_id=CLIENT --topic`. A `#` on a thin line cannot work.",
            "Many of one kind: the client's program does not read while it works."],
        fires=Case({"@connection_send_timeouts_total": "0+30x30"},
                   says="a@host cuts 500m clients a second that do not take their output"),
        quiet=Case({"@connection_send_timeouts_total": "0+1x30"})),
]
