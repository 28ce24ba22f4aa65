package import MQTTCodec
package import Primitives

/// Who asks for something again and again: a client with a connection, as hooks that look at each of its messages see it.
/// One object for a connection, made with the first question.
package final class HookClient: Sendable {
    /// Who it is.
    package let subscriber: SubscriberID
    /// Its user name; nil = it has none.
    package let userName: UTF8Text?
    /// The MQTT version of the connection.
    package let version: ProtocolVersion
    /// Which plugins its listener asks; nil = all.
    package let plugins: ListenerPlugins?

    /// A client of a listener.
    package init(
        subscriber: SubscriberID, userName: UTF8Text?, version: ProtocolVersion, plugins: ListenerPlugins?
    ) {
        self.subscriber = subscriber
        self.userName = userName
        self.version = version
        self.plugins = plugins
    }
}

/// The plugins that a listener's clients are subject to, and their order (`auth_plugins`, `authz_plugins`).
package final class ListenerPlugins: Sendable, Equatable {
    /// Who is asked at `auth_on_register` and `on_auth_m5`; nil = all plugins in their order.
    package let authentication: [String]?
    /// Who is asked at `auth_on_publish` and `auth_on_subscribe`; nil = all plugins in their order.
    package let authorization: [String]?

    /// nil when a listener names none.
    package init?(authentication: [String]?, authorization: [String]?) {
        guard authentication != nil || authorization != nil else { return nil }
        self.authentication = authentication
        self.authorization = authorization
    }

    package static func == (left: ListenerPlugins, right: ListenerPlugins) -> Bool {
        left.authentication == right.authentication && left.authorization == right.authorization
    }

    /// The plugins that are asked at `point`; nil = all.
    func names(at point: HookPoint) -> [String]? {
        switch point {
        case .authOnRegister, .authOnRegisterM5, .onAuthM5: authentication
        case .authOnPublish, .authOnPublishM5, .authOnSubscribe, .authOnSubscribeM5: authorization
        default: nil
        }
    }
}
