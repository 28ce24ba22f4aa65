/// VerneMQ's counters, names and labels exactly, in its order; 58 names with 192 series.
extension MetricCatalog {
    static let verneMQCounters: [MetricFamily] =
        sockets + packetsIn + connackLegacy + packetsOut + errors + queues + tail

    private static let sockets: [MetricFamily] = [
        .verne("socket_open", .events, .socketOpen, help: "MQTT transports opened, handshakes done."),
        .verne("socket_close", .events, .socketClose, help: "MQTT transports closed, for whatever reason."),
        .verne(
            "socket_close_timeout", .events, .socketCloseTimeout,
            help: "Transports closed because no complete CONNECT came in time."),
        .verne(
            "socket_error", .events, .socketError,
            help: "Errors of MQTT sockets, reading or writing, other than resets."),
        .verne(
            "bytes_received", .bytes, .bytesReceived,
            help: "Bytes read from MQTT clients, after TLS and WebSocket."),
        .verne(
            "bytes_sent", .bytes, .bytesSent, help: "Bytes written to MQTT clients, before TLS and WebSocket."
        ),
    ]

    private static let packetsIn: [MetricFamily] = [
        .versioned("mqtt_connect_received", .packets, .connectReceived, help: "CONNECT packets received."),
        .versioned(
            "mqtt_publish_received", .packets, .publishReceived,
            help: "PUBLISH packets received from clients and well-formed, before any check or authorization."),
        .byReason(
            "mqtt_puback_received", .pubackReceived, ReasonCodeLabels.pub, help: "PUBACK packets received."),
        .byReason(
            "mqtt_pubrec_received", .pubrecReceived, ReasonCodeLabels.pub, help: "PUBREC packets received."),
        .byReason(
            "mqtt_pubrel_received", .pubrelReceived, ReasonCodeLabels.rel, help: "PUBREL packets received."),
        .byReason(
            "mqtt_pubcomp_received", .pubcompReceived, ReasonCodeLabels.rel, help: "PUBCOMP packets received."
        ),
        .versioned(
            "mqtt_subscribe_received", .packets, .subscribeReceived, help: "SUBSCRIBE packets received."),
        .versioned(
            "mqtt_unsubscribe_received", .packets, .unsubscribeReceived, help: "UNSUBSCRIBE packets received."
        ),
        .versioned("mqtt_pingreq_received", .packets, .pingreqReceived, help: "PINGREQ packets received."),
        .byReason(
            "mqtt_disconnect_received", .disconnectReceived, ReasonCodeLabels.disconnectReceived,
            help: "DISCONNECT packets received."),
    ]

    private static let connackLegacy: [MetricFamily] = [
        .legacyConnack(
            "mqtt_connack_accepted_sent", help: "Always 0, kept for old dashboards: see mqtt_connack_sent."),
        .legacyConnack(
            "mqtt_connack_unacceptable_protocol_sent",
            help: "Always 0, kept for old dashboards: see mqtt_connack_sent."),
        .legacyConnack(
            "mqtt_connack_identifier_rejected_sent",
            help: "Always 0, kept for old dashboards: see mqtt_connack_sent."),
        .legacyConnack(
            "mqtt_connack_server_unavailable_sent",
            help: "Always 0, kept for old dashboards: see mqtt_connack_sent."),
        .legacyConnack(
            "mqtt_connack_bad_credentials_sent",
            help: "Always 0, kept for old dashboards: see mqtt_connack_sent."),
        .legacyConnack(
            "mqtt_connack_not_authorized_sent",
            help: "Always 0, kept for old dashboards: see mqtt_connack_sent."),
    ]

    private static let packetsOut: [MetricFamily] = [
        .versioned("mqtt_publish_sent", .packets, .publishSent, help: sent("PUBLISH")),
        .byReason("mqtt_puback_sent", .pubackSent, ReasonCodeLabels.pub, help: sent("PUBACK")),
        .byReason("mqtt_pubrec_sent", .pubrecSent, ReasonCodeLabels.pub, help: sent("PUBREC")),
        .byReason("mqtt_pubrel_sent", .pubrelSent, ReasonCodeLabels.rel, help: sent("PUBREL")),
        .byReason("mqtt_pubcomp_sent", .pubcompSent, ReasonCodeLabels.rel, help: sent("PUBCOMP")),
        .versioned("mqtt_suback_sent", .packets, .subackSent, help: sent("SUBACK")),
        .versioned("mqtt_unsuback_sent", .packets, .unsubackSent, help: sent("UNSUBACK")),
        .versioned("mqtt_pingresp_sent", .packets, .pingrespSent, help: sent("PINGRESP")),
    ]

    private static let errors: [MetricFamily] = [
        .versioned(
            "mqtt_publish_auth_error", .events, .publishAuthError, help: "PUBLISH refused by authorization."),
        .versioned(
            "mqtt_subscribe_auth_error", .events, .subscribeAuthError,
            help: "SUBSCRIBE refused by authorization."),
        .versioned(
            "mqtt_invalid_msg_size_error", .events, .invalidMessageSizeError,
            help: "Packets over the largest size allowed; each closed its connection."),
        .versioned(
            "mqtt_puback_invalid_error", .events, .pubackInvalidError,
            help: "PUBACK with a packet identifier that is not in flight."),
        .versioned(
            "mqtt_pubrec_invalid_error", .events, .pubrecInvalidError, hidden: [.v5],
            help: "PUBREC with a packet identifier that is not in flight."),
        .versioned(
            "mqtt_pubcomp_invalid_error", .events, .pubcompInvalidError,
            help: "PUBCOMP with a packet identifier that is not in flight."),
        .versioned(
            "mqtt_publish_error", .events, .publishError,
            help:
                "PUBLISH not routed because the store takes nothing. MQTT 5: QoS 0 only, for else the acknowledgement tells."
        ),
        .versioned(
            "mqtt_subscribe_error", .events, .subscribeError,
            help: "SUBSCRIBE of which no filter was granted, for a reason other than authorization."),
        .versioned("mqtt_unsubscribe_error", .events, .unsubscribeError, help: "UNSUBSCRIBE that failed."),
        .versioned(
            "client_keepalive_expired", .events, .keepaliveExpired,
            help: "Sessions closed because the client was silent for 1.5 times its keep alive."),
    ]

    private static let queues: [MetricFamily] = [
        .verne("queue_setup", .events, .queueSetup, help: "Client queues created."),
        .verne(
            "queue_initialized_from_storage", .events, .queueInitializedFromStorage,
            help: "Client queues filled from the message store at start."),
        .verne("queue_teardown", .events, .queueTeardown, help: "Client queues ended."),
        .verne(
            "queue_message_drop", sumOf: VerneMQQueues.drop,
            help:
                "Messages lost for want of room: a queue was full, or the packet over the client's maximum size."
        ),
        .verne(
            "queue_message_expired", sumOf: [DropReason.expired.word],
            help:
                "Messages whose expiry interval passed before they were delivered; queue_message_unhandled has them too."
        ),
        .verne(
            "queue_message_unhandled", sumOf: VerneMQQueues.unhandled,
            help:
                "Messages lost for any other reason than queue_message_drop: see the reasons of message_drops_total."
        ),
        .verne(
            "queue_message_in", sumOf: VerneMQQueues.messageIn,
            help:
                "Messages offered to client queues, those found in the store at the start and those lost at once included."
        ),
        .verne(
            "queue_message_out", sumOf: VerneMQQueues.messageOut,
            help:
                "Messages whose delivery is complete (QoS 0 written, QoS 1 and 2 acknowledged), or that another client's queue got instead."
        ),
    ]

    private static let tail: [MetricFamily] = [
        .verne(
            "client_expired", .events, help: "Always 0, kept for old dashboards: see sessions_expired_total."),
        .single(
            "cluster_bytes_received", .counter, .bytes, .verneMQCounter, .zero,
            help: "Bytes received from other nodes."),
        .single(
            "cluster_bytes_sent", .counter, .bytes, .verneMQCounter, .zero,
            help: "Bytes sent to other nodes."),
        .single(
            "cluster_bytes_dropped", .counter, .bytes, .verneMQCounter, .zero,
            help: "Bytes for other nodes that were thrown away because a node could not be reached."),
        .verne(
            "router_matches_local", .matches, .routerMatchesLocal,
            help: "Subscriptions of this node that routed messages matched."),
        .verne(
            "router_matches_remote", .matches, .routerMatchesRemote,
            help: "Subscriptions of other nodes that routed messages matched."),
        .byReason(
            "mqtt_connack_sent", .connackSent, ReasonCodeLabels.connack5,
            v4: .returnCodes(ReasonCodeLabels.connack4), help: sent("CONNACK")),
        .byReason(
            "mqtt_disconnect_sent", .disconnectSent, ReasonCodeLabels.disconnectSent, v4: .absent,
            help: sent("DISCONNECT")),
        .byReason(
            "mqtt_auth_sent", .authSent, ReasonCodeLabels.auth, v4: .absent, help: sent("AUTH")),
        .byReason(
            "mqtt_auth_received", .authReceived, ReasonCodeLabels.auth, v4: .absent,
            help: "AUTH packets received."),
    ]

    /// What "sent" says of a packet. Bytes are counted when the kernel takes them, and messages of QoS 0 by the ledger.
    private static func sent(_ packet: String) -> String {
        "\(packet) packets sent: put into the output of their client. If it is cut off, the last may not have left."
    }
}
