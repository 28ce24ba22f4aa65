package import MQTTCodec

/// Every place where a plugin can take part, with VerneMQ's names.
///
/// A point is a question, which a hook answers, or a notification, which tells of something that has happened. Points
/// without suffix are for connections of MQTT 3.1 and 3.1.1, those with `_m5` for MQTT 5. Points about queues have no
/// `_m5` form and are for all versions.
package enum HookPoint: String, CaseIterable, Sendable {
    /// A client wants to connect. Question, answered with `RegisterModifiers`.
    case authOnRegister = "auth_on_register"
    /// As `authOnRegister`.
    case authOnRegisterM5 = "auth_on_register_m5"
    /// A step of enhanced authentication. Question, answered with `AuthModifiers`.
    case onAuthM5 = "on_auth_m5"
    /// A client connects. Notification `registered`.
    case onRegister = "on_register"
    /// As `onRegister`.
    case onRegisterM5 = "on_register_m5"
    /// A client's connection comes to its session. Notification `clientWakeup`.
    case onClientWakeup = "on_client_wakeup"
    /// A connection ended, its session lasts. Notification `clientOffline`.
    case onClientOffline = "on_client_offline"
    /// A session ended with its connection, or by a clean start. Notification `clientGone`.
    case onClientGone = "on_client_gone"
    /// The session of a client that is away expired. Notification `sessionExpired`.
    case onSessionExpired = "on_session_expired"
    /// A client wants to subscribe. Question, answered with one `SubscribeVerdict` for each filter.
    case authOnSubscribe = "auth_on_subscribe"
    /// As `authOnSubscribe`.
    case authOnSubscribeM5 = "auth_on_subscribe_m5"
    /// A client has subscribed. Notification `subscribed`.
    case onSubscribe = "on_subscribe"
    /// As `onSubscribe`.
    case onSubscribeM5 = "on_subscribe_m5"
    /// A client unsubscribes. Question, answered with the filters to unsubscribe.
    case onUnsubscribe = "on_unsubscribe"
    /// As `onUnsubscribe`.
    case onUnsubscribeM5 = "on_unsubscribe_m5"
    /// Subscriptions have been removed. Notification `topicUnsubscribed`.
    case onTopicUnsubscribed = "on_topic_unsubscribed"
    /// A client wants to publish a message, or to connect with a will. Question, answered with `PublishModifiers`.
    case authOnPublish = "auth_on_publish"
    /// As `authOnPublish`.
    case authOnPublishM5 = "auth_on_publish_m5"
    /// A message or a will has been routed. Notification `published`.
    case onPublish = "on_publish"
    /// As `onPublish`.
    case onPublishM5 = "on_publish_m5"
    /// A copy of a message is about to be sent to its subscriber. Question, answered with `PublishModifiers`.
    case onDeliver = "on_deliver"
    /// As `onDeliver`.
    case onDeliverM5 = "on_deliver_m5"
    /// A copy has come for a client that is away. Notification `offlineMessage`.
    case onOfflineMessage = "on_offline_message"
    /// Copies of messages were lost. Notification `messageDropped`.
    case onMessageDrop = "on_message_drop"
    /// The configuration has changed. Not sent yet: no setting changes while the broker runs.
    case onConfigChange = "on_config_change"

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

    fileprivate static let indexByPoint: [HookPoint: Int] = Dictionary(
        uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })

    package var index: Int { Self.indexByPoint[self] ?? 0 }
}
