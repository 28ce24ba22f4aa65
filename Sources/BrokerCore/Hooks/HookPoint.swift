package import MQTTCodec

/// Every place where a plugin can take part, with VerneMQ's names.
///
/// A point is a question, which a hook answers, or a notification, which tells of something that has happened. Points
/// without suffix are for connections of MQTT 3.1 and 3.1.1, those with `_m5` for MQTT 5. Points about queues have no
/// `_m5` form and are for all versions.
package enum HookPoint: Int, CaseIterable, Sendable {
    /// A client wants to connect. Question, answered with `RegisterModifiers`.
    case authOnRegister
    /// As `authOnRegister`.
    case authOnRegisterM5
    /// A step of enhanced authentication. Question, answered with `AuthModifiers`.
    case onAuthM5
    /// A client connects. Notification `registered`.
    case onRegister
    /// As `onRegister`.
    case onRegisterM5
    /// A client's connection comes to its session. Notification `clientWakeup`.
    case onClientWakeup
    /// A connection ended, its session lasts. Notification `clientOffline`.
    case onClientOffline
    /// A session ended with its connection, or by a clean start. Notification `clientGone`.
    case onClientGone
    /// The session of a client that is away expired. Notification `sessionExpired`.
    case onSessionExpired
    /// A client wants to subscribe. Question, answered with one `SubscribeVerdict` for each filter.
    case authOnSubscribe
    /// As `authOnSubscribe`.
    case authOnSubscribeM5
    /// A client has subscribed. Notification `subscribed`.
    case onSubscribe
    /// As `onSubscribe`.
    case onSubscribeM5
    /// A client unsubscribes. Question, answered with the filters to unsubscribe.
    case onUnsubscribe
    /// As `onUnsubscribe`.
    case onUnsubscribeM5
    /// Subscriptions have been removed. Notification `topicUnsubscribed`.
    case onTopicUnsubscribed
    /// A client wants to publish a message, or to connect with a will. Question, answered with `PublishModifiers`.
    case authOnPublish
    /// As `authOnPublish`.
    case authOnPublishM5
    /// A message or a will has been routed. Notification `published`.
    case onPublish
    /// As `onPublish`.
    case onPublishM5
    /// A copy of a message is about to be sent to its subscriber. Question, answered with `PublishModifiers`.
    case onDeliver
    /// As `onDeliver`.
    case onDeliverM5
    /// A copy has come for a client that is away. Notification `offlineMessage`.
    case onOfflineMessage
    /// Copies of messages were lost. Notification `messageDropped`.
    case onMessageDrop
    /// The configuration has changed. Not sent yet: no setting changes while the broker runs.
    case onConfigChange

    /// The point to ask for a client of `version`.
    package func forVersion(_ version: ProtocolVersion) -> HookPoint {
        guard version == .v5 else { return self }
        switch self {
        case .authOnRegister: return .authOnRegisterM5
        case .onRegister: return .onRegisterM5
        case .authOnSubscribe: return .authOnSubscribeM5
        case .onSubscribe: return .onSubscribeM5
        case .onUnsubscribe: return .onUnsubscribeM5
        case .authOnPublish: return .authOnPublishM5
        case .onPublish: return .onPublishM5
        case .onDeliver: return .onDeliverM5
        default: return self
        }
    }

    /// Its place among all points, from 0.
    package var index: Int { rawValue }

    /// VerneMQ's name.
    package var name: String {
        switch self {
        case .authOnRegister: "auth_on_register"
        case .authOnRegisterM5: "auth_on_register_m5"
        case .onAuthM5: "on_auth_m5"
        case .onRegister: "on_register"
        case .onRegisterM5: "on_register_m5"
        case .onClientWakeup: "on_client_wakeup"
        case .onClientOffline: "on_client_offline"
        case .onClientGone: "on_client_gone"
        case .onSessionExpired: "on_session_expired"
        case .authOnSubscribe: "auth_on_subscribe"
        case .authOnSubscribeM5: "auth_on_subscribe_m5"
        case .onSubscribe: "on_subscribe"
        case .onSubscribeM5: "on_subscribe_m5"
        case .onUnsubscribe: "on_unsubscribe"
        case .onUnsubscribeM5: "on_unsubscribe_m5"
        case .onTopicUnsubscribed: "on_topic_unsubscribed"
        case .authOnPublish: "auth_on_publish"
        case .authOnPublishM5: "auth_on_publish_m5"
        case .onPublish: "on_publish"
        case .onPublishM5: "on_publish_m5"
        case .onDeliver: "on_deliver"
        case .onDeliverM5: "on_deliver_m5"
        case .onOfflineMessage: "on_offline_message"
        case .onMessageDrop: "on_message_drop"
        case .onConfigChange: "on_config_change"
        }
    }
}
