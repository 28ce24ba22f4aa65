/// A column of `session show`, in VerneMQ's names.
package enum SessionColumns {
    /// What a column belongs to: a table has a row for each combination of what its columns belong to.
    package enum Level: Sendable {
        case queue, session, subscription, message
    }

    /// A column: its name, what it belongs to, and one line of help.
    package struct Column: Sendable {
        package let name: String
        package let level: Level
        package let help: String
    }

    /// All of them, in the order of VerneMQ's help.
    package static let all: [Column] = [
        Column(name: "node", level: .queue, help: "The node that has the queue."),
        Column(name: "mountpoint", level: .queue, help: "The mountpoint of the client."),
        Column(name: "client_id", level: .queue, help: "The client identifier."),
        Column(name: "queue_pid", level: .queue, help: "A mark that tells queues apart."),
        Column(name: "queue_size", level: .queue, help: "Messages that wait for the client."),
        Column(name: "session_pid", level: .session, help: "A mark that tells connections apart."),
        Column(name: "is_offline", level: .queue, help: "Whether the client has no connection."),
        Column(name: "is_online", level: .queue, help: "Whether the client is connected."),
        Column(
            name: "statename", level: .queue,
            help: "The state of the queue: online, wait_for_offline, drain or offline."),
        Column(
            name: "deliver_mode", level: .queue,
            help: "What several connections of one client get: fanout or balance."),
        Column(
            name: "offline_messages", level: .queue, help: "How many messages wait for the client to return."),
        Column(
            name: "online_messages", level: .queue, help: "How many messages wait for the connected client."),
        Column(name: "num_sessions", level: .queue, help: "How many connections the client has."),
        Column(name: "clean_session", level: .session, help: "Whether the session ends with its connection."),
        Column(name: "is_plugin", level: .queue, help: "Whether a plugin has the queue, and no client."),
        Column(
            name: "queue_started_at", level: .queue,
            help: "When the queue began, in milliseconds since 1970."),
        Column(name: "user", level: .session, help: "The user name."),
        Column(name: "peer_host", level: .session, help: "The address of the client."),
        Column(name: "peer_port", level: .session, help: "The port of the client."),
        Column(
            name: "protocol", level: .session,
            help: "The version of MQTT: 3, 4 or 5; 131 and 132 for bridges."),
        Column(
            name: "waiting_acks", level: .session, help: "How many messages the client has not acknowledged."),
        Column(
            name: "session_started_at", level: .session,
            help: "When the client connected, in milliseconds since 1970."),
        Column(name: "topic", level: .subscription, help: "The topic filter of a subscription."),
        Column(name: "qos", level: .subscription, help: "The quality of service of a subscription."),
        Column(
            name: "rap", level: .subscription, help: "Whether messages keep their retain flag (MQTT 5)."),
        Column(
            name: "no_local", level: .subscription,
            help: "Whether the client does not get what it publishes (MQTT 5)."),
        Column(name: "msg_ref", level: .message, help: "The mark of a stored message."),
        Column(name: "msg_qos", level: .message, help: "The quality of service of a stored message."),
        Column(name: "routing_key", level: .message, help: "The topic of a stored message."),
        Column(name: "dup", level: .message, help: "Whether a stored message was sent before."),
        Column(name: "payload", level: .message, help: "The payload of a stored message."),
    ]

    /// The columns that are shown when none is asked for.
    package static let defaults = ["client_id", "is_online", "mountpoint", "peer_host", "peer_port", "user"]
}
