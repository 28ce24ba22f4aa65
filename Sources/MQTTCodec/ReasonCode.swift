/// The reason codes of MQTT 5 (§2.4). One number may read differently in different packets: 0x00 is also
/// "normal disconnection" and "granted QoS 0".
public enum ReasonCode: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case success = 0x00
    case grantedQoS1 = 0x01
    case grantedQoS2 = 0x02
    case disconnectWithWillMessage = 0x04
    case noMatchingSubscribers = 0x10
    case noSubscriptionExisted = 0x11
    case continueAuthentication = 0x18
    case reAuthenticate = 0x19
    case unspecifiedError = 0x80
    case malformedPacket = 0x81
    case protocolError = 0x82
    case implementationSpecificError = 0x83
    case unsupportedProtocolVersion = 0x84
    case clientIdentifierNotValid = 0x85
    case badUserNameOrPassword = 0x86
    case notAuthorized = 0x87
    case serverUnavailable = 0x88
    case serverBusy = 0x89
    case banned = 0x8A
    case serverShuttingDown = 0x8B
    case badAuthenticationMethod = 0x8C
    case keepAliveTimeout = 0x8D
    case sessionTakenOver = 0x8E
    case topicFilterInvalid = 0x8F
    case topicNameInvalid = 0x90
    case packetIdentifierInUse = 0x91
    case packetIdentifierNotFound = 0x92
    case receiveMaximumExceeded = 0x93
    case topicAliasInvalid = 0x94
    case packetTooLarge = 0x95
    case messageRateTooHigh = 0x96
    case quotaExceeded = 0x97
    case administrativeAction = 0x98
    case payloadFormatInvalid = 0x99
    case retainNotSupported = 0x9A
    case qosNotSupported = 0x9B
    case useAnotherServer = 0x9C
    case serverMoved = 0x9D
    case sharedSubscriptionsNotSupported = 0x9E
    case connectionRateExceeded = 0x9F
    case maximumConnectTime = 0xA0
    case subscriptionIdentifiersNotSupported = 0xA1
    case wildcardSubscriptionsNotSupported = 0xA2

    /// True for the codes that say that something failed.
    public var isError: Bool { rawValue >= 0x80 }

    /// Whether the standard lists this code for packets of `type` (the tables in §3.2.2.2 to §3.15.2.1). 0x8C
    /// in a DISCONNECT is allowed as in §2.4, though the table in §3.14.2.1 leaves it out.
    public func isAllowed(in type: PacketType) -> Bool {
        switch type {
        case .connack:
            switch self {
            case .success, .unspecifiedError, .malformedPacket, .protocolError, .implementationSpecificError,
                .unsupportedProtocolVersion, .clientIdentifierNotValid, .badUserNameOrPassword,
                .notAuthorized,
                .serverUnavailable, .serverBusy, .banned, .badAuthenticationMethod, .topicNameInvalid,
                .packetTooLarge, .quotaExceeded, .payloadFormatInvalid, .retainNotSupported, .qosNotSupported,
                .useAnotherServer, .serverMoved, .connectionRateExceeded:
                true
            default: false
            }
        case .puback, .pubrec:
            switch self {
            case .success, .noMatchingSubscribers, .unspecifiedError, .implementationSpecificError,
                .notAuthorized, .topicNameInvalid, .packetIdentifierInUse, .quotaExceeded,
                .payloadFormatInvalid:
                true
            default: false
            }
        case .pubrel, .pubcomp:
            self == .success || self == .packetIdentifierNotFound
        case .suback:
            switch self {
            case .success, .grantedQoS1, .grantedQoS2, .unspecifiedError, .implementationSpecificError,
                .notAuthorized, .topicFilterInvalid, .packetIdentifierInUse, .quotaExceeded,
                .sharedSubscriptionsNotSupported, .subscriptionIdentifiersNotSupported,
                .wildcardSubscriptionsNotSupported:
                true
            default: false
            }
        case .unsuback:
            switch self {
            case .success, .noSubscriptionExisted, .unspecifiedError, .implementationSpecificError,
                .notAuthorized, .topicFilterInvalid, .packetIdentifierInUse:
                true
            default: false
            }
        case .disconnect:
            switch self {
            case .success, .disconnectWithWillMessage, .unspecifiedError, .malformedPacket, .protocolError,
                .implementationSpecificError, .notAuthorized, .serverBusy, .serverShuttingDown,
                .badAuthenticationMethod, .keepAliveTimeout, .sessionTakenOver, .topicFilterInvalid,
                .topicNameInvalid:
                true
            default: rawValue >= ReasonCode.receiveMaximumExceeded.rawValue
            }
        case .auth:
            self == .success || self == .continueAuthentication || self == .reAuthenticate
        case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp:
            false
        }
    }
}

extension ReasonCode {
    /// The code's name in VerneMQ's hooks, metrics and traces. 0x00 is `success`; where it has another name,
    /// ask `vernemqName(in:)`.
    public var vernemqName: String {
        switch self {
        case .success: "success"
        case .grantedQoS1: "granted_qos1"
        case .grantedQoS2: "granted_qos2"
        case .disconnectWithWillMessage: "disconnect_with_will_msg"
        case .noMatchingSubscribers: "no_matching_subscribers"
        case .noSubscriptionExisted: "no_subscription_existed"
        case .continueAuthentication: "continue_authentication"
        case .reAuthenticate: "reauthenticate"
        case .unspecifiedError: "unspecified_error"
        case .malformedPacket: "malformed_packet"
        case .protocolError: "protocol_error"
        case .implementationSpecificError: "impl_specific_error"
        case .unsupportedProtocolVersion: "unsupported_protocol_version"
        case .clientIdentifierNotValid: "client_identifier_not_valid"
        case .badUserNameOrPassword: "bad_username_or_password"
        case .notAuthorized: "not_authorized"
        case .serverUnavailable: "server_unavailable"
        case .serverBusy: "server_busy"
        case .banned: "banned"
        case .serverShuttingDown: "server_shutting_down"
        case .badAuthenticationMethod: "bad_authentication_method"
        case .keepAliveTimeout: "keep_alive_timeout"
        case .sessionTakenOver: "session_taken_over"
        case .topicFilterInvalid: "topic_filter_invalid"
        case .topicNameInvalid: "topic_name_invalid"
        case .packetIdentifierInUse: "packet_id_in_use"
        case .packetIdentifierNotFound: "packet_id_not_found"
        case .receiveMaximumExceeded: "receive_max_exceeded"
        case .topicAliasInvalid: "topic_alias_invalid"
        case .packetTooLarge: "packet_too_large"
        case .messageRateTooHigh: "message_rate_too_high"
        case .quotaExceeded: "quota_exceeded"
        case .administrativeAction: "administrative_action"
        case .payloadFormatInvalid: "payload_format_invalid"
        case .retainNotSupported: "retain_not_supported"
        case .qosNotSupported: "qos_not_supported"
        case .useAnotherServer: "use_another_server"
        case .serverMoved: "server_moved"
        case .sharedSubscriptionsNotSupported: "shared_subs_not_supported"
        case .connectionRateExceeded: "connection_rate_exceeded"
        case .maximumConnectTime: "max_connect_time"
        case .subscriptionIdentifiersNotSupported: "subscription_ids_not_supported"
        case .wildcardSubscriptionsNotSupported: "wildcard_subs_not_supported"
        }
    }

    /// As `vernemqName`, but 0x00 is `normal_disconnect` in a DISCONNECT and `granted_qos0` in a SUBACK.
    public func vernemqName(in type: PacketType) -> String {
        switch (self, type) {
        case (.success, .disconnect): "normal_disconnect"
        case (.success, .suback): "granted_qos0"
        default: vernemqName
        }
    }
}
