"""Who comes, who goes, and why."""

from grafana import (
    BAD, GOOD, IN, INFORM, LOST, OUT, REFUSED, WAITING, WARN, Board, Query, Row, series, stat, thresholds)

R = "[$__rate_interval]"
REFUSALS = f'sum(rate(@mqtt_connack_sent{{return_code!="success",reason_code!="success"}}{R}))'


def board():
    return Board(
        "clients", "Clients & sessions", "Who connects, who is refused, who is lost, and how near the limits are.", [
            Row("Now"),
            stat("Online", "Sessions with a connection.", "short", 'sum(@sessions{state="online"})'),
            stat("Away", "Sessions that last without a connection. Ever growing: clients come under ever new names; let "
                 "sessions expire (persistent_client_expiration).", "short", 'sum(@sessions{state="offline"})'),
            stat("Connections", "Open MQTT connections, those before CONNECT included.", "short",
                 "sum(@total_active_connections)"),
            stat("CONNECT refused", "CONNECT packets answered with an error. See Refused by code below.", "cps",
                 REFUSALS, thresholds((0.1, WARN), (10, BAD)), decimals=2),
            stat("Fell silent", "Clients that sent nothing for 1.5 times their keep alive. Many at once: a network is "
                 "down.", "cps", f"sum(rate(@client_keepalive_expired{R}))", thresholds((0.1, WARN), (5, BAD)),
                 decimals=2),
            stat("Fullest listener", "Connections of the fullest listener as a share of its max_connections. Raise "
                 "listener.max_connections before it is full. Nothing where no listener has a limit.", "percentunit",
                 "max(@listener_connections / @listener_connections_limit) or vector(0)",
                 thresholds((0.7, WARN), (0.9, BAD)), decimals=0),
            Row("Coming and going"),
            series("Connects and closes", "Sockets and CONNECTs. Opened far above CONNECT: something opens sockets and "
                   "sends nothing.", "cps",
                   Query(f"sum(rate(@socket_open{R}))", "opened", IN),
                   Query(f"sum(rate(@mqtt_connect_received{R}))", "CONNECT", OUT),
                   Query(f"sum(rate(@socket_close{R}))", "closed", WAITING),
                   Query(f"sum(rate(@socket_error{R}))", "errors", LOST)),
            series("Closed by reason", "Why connections ended. client_disconnect is well; keep_alive_timeout and reset "
                   "are the network; taken_over in numbers: two clients share an id.", "cps",
                   Query(f"sum by (reason) (rate(@connections_closed_total{R}))", "{{reason}}"), stacked=True),
            series("Ended by", "Who ended connections: the client (DISCONNECT, or it closed), the broker, or the network (it "
                   "broke, or one side fell silent). Much network: look at NAT, Wi-Fi, mobile providers.", "cps",
                   Query(f"sum by (by) (rate(@connections_closed_total{R}))", "{{by}}"), stacked=True),
            series("Encryption", "Open connections by version of TLS; none is not encrypted. 1.0 and 1.1 are old: update "
                   "these clients.", "short", Query("sum by (tls_version) (@connections_open)", "{{tls_version}}"), stacked=True),
            series("Protocol", "Clients online by the version of MQTT that they speak.", "short",
                   Query("sum by (protocol) (@clients_online)", "{{protocol}}"), stacked=True),
            series("Refused by code", "CONNACK with an error. not_authorized and bad_username_or_password: wrong or "
                   "stolen credentials; server_unavailable and quota_exceeded: a limit or the store.", "cps",
                   Query(f'sum by (return_code) (rate(@mqtt_connack_sent{{mqtt_version="4",return_code!="success"}}{R}))',
                         "{{return_code}} (3.1.1)"),
                   Query(f'sum by (reason_code) (rate(@mqtt_connack_sent{{mqtt_version="5",reason_code!="success"}}{R}))',
                         "{{reason_code}} (5.0)"), stacked=True),
            series("CONNECT by version", "Which MQTT version clients speak: 4 is 3.1 and 3.1.1.", "cps",
                   Query(f"sum by (mqtt_version) (rate(@mqtt_connect_received{R}))", "{{mqtt_version}}"), stacked=True),
            series("Keep alives expired", "Clients that fell silent, by version. A step: a network or a NAT in "
                   "between dropped connections.", "cps",
                   Query(f"sum by (mqtt_version) (rate(@client_keepalive_expired{R}))", "{{mqtt_version}}")),
            series("No room", "Clients told that there is no place, by listener and limit, and pauses of accept. Raise "
                   "listener.max_connections, or LimitNOFILE for descriptors.", "cps",
                   Query(f"sum by (listener, type, limit) (rate(@listener_refused_total{R}))", "{{listener}} {{type}}: {{limit}}"),
                   Query(f"sum(rate(@accept_paused_total{R}))", "accept paused", WAITING),
                   Query(f"sum(rate(@accept_descriptor_exhausted_total{R}))", "no descriptor", LOST)),
            series("Waiting for room", "Clients in the kernel's backlog, because a limit is reached. Raise it, or they go away.",
                   "short", Query("sum(@clients_waiting)", "waiting", WAITING)),
            Row("Sessions"),
            series("Sessions", "Sessions by state. Both grow: more devices. Away alone grows: they do not come back.",
                   "short", Query("sum by (state) (@sessions)", "{{state}}"), stacked=True),
            series("What becomes of sessions", "Taken over: the client connected twice. Expired: it did not come back in "
                   "time, and its messages are lost.", "cps",
                   Query(f"sum(rate(@sessions_resumed_total{R}))", "resumed", GOOD),
                   Query(f"sum(rate(@sessions_taken_over_total{R}))", "taken over", WAITING),
                   Query(f"sum(rate(@sessions_expired_total{R}))", "sessions expired", LOST),
                   Query(f"sum(rate(@ledger_wills_published_total{R}))", "wills published", REFUSED)),
            series("Connections by listener", "Open connections of each listener, and how many it may have. "
                   "Raise listener.max_connections before they meet.",
                   "short", Query("sum by (listener, type) (@listener_connections)", "{{listener}} {{type}}"),
                   Query("sum by (listener, type) (@listener_connections_limit) or on () vector(0)",
                         "limit {{listener}} {{type}}", BAD)),
            series("Subscriptions", "Subscriptions in the routing table. Steps up without new clients: one client "
                   "subscribes without end (max_subscriptions_per_client).", "short",
                   Query("sum(@router_subscriptions)", "subscriptions", OUT)),
            series("SUBSCRIBE", "Subscribing, and what was refused: see topic_max_depth, max_subscriptions_per_client and "
                   "the ACL.", "cps",
                   Query(f"sum(rate(@mqtt_subscribe_received{R}))", "SUBSCRIBE", IN),
                   Query(f"sum(rate(@mqtt_unsubscribe_received{R}))", "UNSUBSCRIBE", WAITING),
                   Query(f"sum(rate(@mqtt_subscribe_auth_error{R}))", "not authorized", REFUSED),
                   Query(f"sum by (reason) (rate(@subscribe_filters_refused_total{R}))", "filter {{reason}}"),
                   Query(f"sum(rate(@subscribe_packets_refused_total{R}))", "too many filters", LOST)),
            series("Slow or stopped clients", "Outputs above the high-water mark, peers that took nothing in time, "
                   "publishers slowed down. Find them: vmq-admin session show --order=waiting_acks --desc.", "cps",
                   Query(f"sum(rate(@subscriber_blocked_total{R}))", "subscriber blocked", WAITING),
                   Query(f"sum(rate(@connection_send_timeouts_total{R}))", "send timeout", LOST),
                   Query(f"sum(rate(@publisher_throttled_total{R}))", "publisher throttled", REFUSED),
                   Query(f"sum(rate(@publishers_paused_total{R}))", "publisher paused", INFORM)),
        ])
