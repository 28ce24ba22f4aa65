package import MQTTCodec
package import Primitives

/// A CONNECT that has no session yet: what the packet says, and what was decided about it so far.
///
/// It moves between loops. The loop that accepted a connection reads it up to CONNECT; then the connection moves to the
/// home loop of its client id, and once more if a hook gives the client another identity. It is an object, because a
/// value with some thirty references was copied at each stage, which took a third of the time of a CONNECT.
///
///     admitted → authenticating → registering → takingOver → session
package final class ConnectAttempt: @unchecked Sendable {
    // One loop has it at a time: a loop that posts it to another does not touch it again (`ClientConnection.move`).

    /// Which stage comes next.
    package enum Stage: Sendable { case authenticating, registering, takingOver }

    /// The stage that comes next, on the loop that has the connection.
    package var stage = Stage.authenticating
    /// The packet as it came.
    package let packet: ConnectPacket
    /// Who the client is; a hook may change it.
    package var subscriber: SubscriberID
    /// Whether the broker chose the client id, because CONNECT had none.
    package var isAssignedClientID: Bool
    /// The user name; a hook may change it. nil = there is none.
    package var userName: UTF8Text?
    /// Clean Session or Clean Start; a hook may change it.
    package var cleanStart: Bool
    /// The limits of the session that is to be made.
    package var settings: SessionSettings
    /// Seconds for which the session outlives its connection; 0 = it ends with it, `.max` = it never expires.
    package var sessionExpiryInterval: UInt32
    /// Seconds a session of MQTT 3 that is not clean outlives its connection.
    private let persistentExpiryInterval: UInt32
    /// The will; nil = there is none.
    package var will: WillMessage?
    /// Properties for CONNACK, from hooks.
    package var connackProperties = Properties()
    /// nil = nobody watches the connection.
    var watch: ConnectionWatch?

    init(
        _ packet: ConnectPacket, _ broker: BrokerSettings, listener: ListenerFacts,
        assignedClientID: UTF8Text?
    ) {
        self.packet = packet
        subscriber = SubscriberID(
            mountpoint: listener.mountpoint, clientID: assignedClientID ?? packet.clientID)
        isAssignedClientID = assignedClientID != nil
        userName = packet.userName
        cleanStart = packet.cleanStart
        settings = broker.session
        if listener.maxConnectionLifetime > 0 {
            settings.maxConnectionLifetime = listener.maxConnectionLifetime
        }
        persistentExpiryInterval = broker.persistentClientExpiration ?? .max
        if packet.version == .v5 {
            sessionExpiryInterval = packet.properties.sessionExpiryInterval ?? 0
        } else {
            sessionExpiryInterval = packet.cleanStart ? 0 : persistentExpiryInterval
        }
        will = packet.will.map { fields in
            let wanted = fields.properties.willDelayInterval ?? 0
            return WillMessage(
                qos: fields.qos, isRetained: fields.isRetained, topic: fields.topic, payload: fields.payload,
                properties: packet.version == .v5 ? fields.properties.forwardedBytes() : [],
                messageExpiryInterval: fields.properties.messageExpiryInterval,
                delayInterval: min(wanted, broker.maxLastWillDelay ?? .max), mountpoint: listener.mountpoint)
        }
    }

    /// Applies what `auth_on_register` has changed.
    func apply(_ modifiers: RegisterModifiers) {
        if let mountpoint = modifiers.mountpoint {
            subscriber.mountpoint = mountpoint
            will?.mountpoint = mountpoint
        }
        if let clientID = modifiers.clientID { subscriber.clientID = clientID }
        if let userName = modifiers.userName { self.userName = userName }
        if let settings = modifiers.settings { self.settings = settings }
        if let properties = modifiers.connackProperties {
            let exchange = connackProperties
            connackProperties = properties
            // Only enhanced authentication sets these [MQTT-4.12.0-5, 4.12.0-6].
            connackProperties.authenticationMethod = exchange.authenticationMethod
            connackProperties.authenticationData = exchange.authenticationData
        }
        if let cleanStart = modifiers.cleanStart {
            self.cleanStart = cleanStart
            if packet.version != .v5 {
                sessionExpiryInterval = cleanStart ? 0 : persistentExpiryInterval
            }
        }
        if let interval = modifiers.sessionExpiryInterval { sessionExpiryInterval = interval }
    }
}

extension ConnectAttempt {
    /// Bytes of memory that it holds, about.
    var byteCount: Int {
        let will = will.map { $0.topic.count + $0.payload.count + $0.properties.count } ?? 0
        let credentials = (packet.userName?.count ?? 0) + (packet.password?.count ?? 0)
        return 512 + packet.clientID.count + will + credentials
    }
}
