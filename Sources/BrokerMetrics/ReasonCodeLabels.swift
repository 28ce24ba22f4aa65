/// VerneMQ's names of the reason codes, and which of them each packet's counter tells apart.
///
/// A code outside the set of its packet has no series in VerneMQ (its session crashes). Here all such codes
/// share the series `reason_code="other"`, which is exported only once it is not 0.
public enum ReasonCodeLabels {
    /// A code on the wire and the value of its label.
    public typealias Code = (code: UInt8, label: String)

    /// The codes of PUBACK and PUBREC.
    public static let pub: [Code] = [
        (0x00, "success"), (0x10, "no_matching_subscribers"), (0x80, "unspecified_error"),
        (0x83, "impl_specific_error"), (0x87, "not_authorized"), (0x90, "topic_name_invalid"),
        (0x91, "packet_id_in_use"), (0x97, "quota_exceeded"), (0x99, "payload_format_invalid"),
    ]

    /// The codes of PUBREL and PUBCOMP.
    public static let rel: [Code] = [(0x00, "success"), (0x92, "packet_id_not_found")]

    /// The codes of AUTH.
    public static let auth: [Code] = [
        (0x00, "success"), (0x18, "continue_authentication"), (0x19, "reauthenticate"),
    ]

    /// The codes of a DISCONNECT from a client.
    public static let disconnectReceived: [Code] = [
        (0x00, "normal_disconnect"), (0x04, "disconnect_with_will_msg"), (0x80, "unspecified_error"),
        (0x81, "malformed_packet"), (0x82, "protocol_error"), (0x83, "impl_specific_error"),
        (0x90, "topic_name_invalid"), (0x93, "receive_max_exceeded"), (0x94, "topic_alias_invalid"),
        (0x95, "packet_too_large"), (0x96, "message_rate_too_high"), (0x97, "quota_exceeded"),
        (0x98, "administrative_action"), (0x99, "payload_format_invalid"),
    ]

    /// The codes of a DISCONNECT that the broker sends.
    public static let disconnectSent: [Code] = [
        (0x00, "normal_disconnect"), (0x80, "unspecified_error"), (0x81, "malformed_packet"),
        (0x82, "protocol_error"), (0x83, "impl_specific_error"), (0x87, "not_authorized"),
        (0x89, "server_busy"), (0x8B, "server_shutting_down"), (0x8D, "keep_alive_timeout"),
        (0x8E, "session_taken_over"), (0x8F, "topic_filter_invalid"), (0x90, "topic_name_invalid"),
        (0x93, "receive_max_exceeded"), (0x94, "topic_alias_invalid"), (0x95, "packet_too_large"),
        (0x96, "message_rate_too_high"), (0x97, "quota_exceeded"), (0x98, "administrative_action"),
        (0x99, "payload_format_invalid"), (0x9A, "retain_not_supported"), (0x9B, "qos_not_supported"),
        (0x9C, "use_another_server"), (0x9D, "server_moved"), (0x9E, "shared_subs_not_supported"),
        (0x9F, "connection_rate_exceeded"), (0xA0, "max_connect_time"),
        (0xA1, "subscription_ids_not_supported"), (0xA2, "wildcard_subs_not_supported"),
    ]

    /// The reason codes of a CONNACK of MQTT 5. MQTT 3.1 and 3.1.1 have those of `connack4`.
    public static let connack5: [Code] = [
        (0x00, "success"), (0x80, "unspecified_error"), (0x81, "malformed_packet"), (0x82, "protocol_error"),
        (0x83, "impl_specific_error"), (0x84, "unsupported_protocol_version"),
        (0x85, "client_identifier_not_valid"), (0x86, "bad_username_or_password"), (0x87, "not_authorized"),
        (0x88, "server_unavailable"), (0x89, "server_busy"), (0x8A, "banned"),
        (0x8C, "bad_authentication_method"), (0x90, "topic_name_invalid"), (0x95, "packet_too_large"),
        (0x97, "quota_exceeded"), (0x99, "payload_format_invalid"), (0x9A, "retain_not_supported"),
        (0x9B, "qos_not_supported"), (0x9C, "use_another_server"), (0x9D, "server_moved"),
        (0x9F, "connection_rate_exceeded"),
    ]

    /// Return codes of MQTT 3.1 and 3.1.1, exported under `return_code`.
    public static let connack4: [Code] = [
        (0, "success"), (1, "unsupported_protocol_version"), (2, "client_identifier_not_valid"),
        (3, "server_unavailable"), (4, "bad_username_or_password"), (5, "not_authorized"),
    ]
}
