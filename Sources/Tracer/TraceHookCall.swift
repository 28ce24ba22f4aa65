package import MQTTCodec
package import Primitives

/// A plugin is asked. Only these questions are traced.
package struct TraceHookCall: Equatable, Sendable {
    /// Which hook it is, with what it alone has.
    package enum Question: Equatable, Sendable {
        /// `auth_on_register`. The password is not here, so it cannot be shown.
        case register(peer: TracePeer, cleanStart: Bool)
        /// `auth_on_publish`.
        case publish(qos: QoS, topic: UTF8Text, isRetained: Bool, payload: [UInt8])
        /// `auth_on_subscribe`.
        case subscribe([SubscribeFilter])
        /// `on_auth_m5`, which VerneMQ cannot write: a step of enhanced authentication with this code.
        case authenticate(ReasonCode)
    }

    /// Which hook it is.
    package var question: Question
    /// The version of the connection: the hooks of MQTT 5 end in `_m5`.
    package var version: ProtocolVersion
    /// nil = the client has none.
    package var userName: UTF8Text?
    /// Those of the packet; empty before MQTT 5.
    package var properties: Properties

    /// A call.
    package init(
        _ question: Question, version: ProtocolVersion, userName: UTF8Text?,
        properties: Properties = Properties()
    ) {
        self.question = question
        self.version = version
        self.userName = userName
        self.properties = properties
    }

    /// VerneMQ's name of the hook.
    package var name: String {
        let name =
            switch question {
            case .register: "auth_on_register"
            case .publish: "auth_on_publish"
            case .subscribe: "auth_on_subscribe"
            case .authenticate: "on_auth"
            }
        return version == .v5 ? name + "_m5" : name
    }
}
