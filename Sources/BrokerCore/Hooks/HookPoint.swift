package import MQTTCodec

/// Every place where a plugin can look or take part, with VerneMQ's names.
///
/// Names without suffix serve MQTT 3.1 and 3.1.1 sessions, those with `_m5` MQTT 5. Hooks about queues have no
/// `_m5` form and serve both.
package enum HookPoint: String, CaseIterable, Sendable {
    case authOnRegister = "auth_on_register"
    case authOnRegisterM5 = "auth_on_register_m5"
    case onAuthM5 = "on_auth_m5"
    case onRegister = "on_register"
    case onRegisterM5 = "on_register_m5"
    case onClientWakeup = "on_client_wakeup"
    case onClientOffline = "on_client_offline"
    case onClientGone = "on_client_gone"
    case onSessionExpired = "on_session_expired"
    case authOnSubscribe = "auth_on_subscribe"
    case authOnSubscribeM5 = "auth_on_subscribe_m5"
    case onSubscribe = "on_subscribe"
    case onSubscribeM5 = "on_subscribe_m5"
    case onUnsubscribe = "on_unsubscribe"
    case onUnsubscribeM5 = "on_unsubscribe_m5"
    case onTopicUnsubscribed = "on_topic_unsubscribed"
    case authOnPublish = "auth_on_publish"
    case authOnPublishM5 = "auth_on_publish_m5"
    case onPublish = "on_publish"
    case onPublishM5 = "on_publish_m5"
    case onDeliver = "on_deliver"
    case onDeliverM5 = "on_deliver_m5"
    case onOfflineMessage = "on_offline_message"
    case onMessageDrop = "on_message_drop"
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
