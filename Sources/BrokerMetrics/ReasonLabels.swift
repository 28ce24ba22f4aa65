/// The label values of the closed sets of reasons. Exhaustive, so that a new case does not compile without
/// its exported name, and renaming a case changes no dashboard.

extension DropReason {
    /// The value of `reason` in `message_drops_total`.
    public var label: String {
        switch self {
        case .queueFull: "queue_full"
        case .expired: "expired"
        case .offlineQoS0: "offline_qos0"
        case .packetTooLarge: "packet_too_large"
        case .sessionEnded: "session_ended"
        case .refusedByClient: "refused_by_client"
        case .deniedByHook: "denied_by_hook"
        case .subscriberGone: "subscriber_gone"
        case .storeLost: "store_lost"
        case .connectionClosed: "connection_closed"
        case .queuePurged: "queue_purged"
        }
    }
}

extension PublicationOrigin {
    /// The value of `origin` in `ledger_messages_total` and `ledger_copies_total`.
    public var label: String {
        switch self {
        case .client: "client"
        case .will: "will"
        case .retained: "retained"
        case .broker: "broker"
        case .bridge: "bridge"
        case .http: "http"
        case .node: "node"
        }
    }
}

extension RejectReason {
    /// The value of `reason` in `ledger_rejected_total`.
    public var label: String {
        switch self {
        case .malformed: "malformed"
        case .notAuthorized: "not_authorized"
        case .topicInvalid: "topic_invalid"
        case .dollarTopic: "dollar_topic"
        case .topicAliasInvalid: "topic_alias_invalid"
        case .packetTooLarge: "packet_too_large"
        case .receiveMaximumExceeded: "receive_maximum_exceeded"
        case .payloadFormatInvalid: "payload_format_invalid"
        case .protocolError: "protocol_error"
        case .sessionClosed: "session_closed"
        case .retainNotSupported: "retain_not_supported"
        case .qosNotSupported: "qos_not_supported"
        case .storageUnavailable: "storage_unavailable"
        case .quotaExceeded: "quota_exceeded"
        }
    }
}

extension CloseReason {
    /// The value of `reason` in `connections_closed_total`.
    public var label: String {
        switch self {
        case .clientDisconnect: "client_disconnect"
        case .peerClosed: "peer_closed"
        case .reset: "reset"
        case .ioError: "io_error"
        case .connectTimeout: "connect_timeout"
        case .keepAliveTimeout: "keep_alive_timeout"
        case .malformed: "malformed"
        case .protocolError: "protocol_error"
        case .refused: "refused"
        case .takenOver: "taken_over"
        case .administrative: "administrative"
        case .lifetime: "lifetime"
        case .sendTimeout: "send_timeout"
        case .shutdown: "shutdown"
        case .packetTooLarge: "packet_too_large"
        case .newcomerMemory: "newcomer_memory"
        case .tlsFailed: "tls_failed"
        case .proxyFailed: "proxy_protocol_failed"
        case .webSocketFailed: "websocket_failed"
        }
    }
}

extension VersionLabel {
    /// The value of `mqtt_version`: 3.1 and 3.1.1 share one, as in VerneMQ.
    public var label: String {
        switch self {
        case .v4: "4"
        case .v5: "5"
        }
    }
}
