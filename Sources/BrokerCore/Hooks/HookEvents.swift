package import BrokerMetrics
package import MQTTCodec
package import Primitives

/// Who a client is: unique in a broker. A mountpoint is part of the identity, so equal client ids on different
/// mountpoints are different clients.
package struct SubscriberID: Hashable, Sendable {
    package var mountpoint: Mountpoint
    package var clientID: UTF8Text

    package init(mountpoint: Mountpoint, clientID: UTF8Text) {
        self.mountpoint = mountpoint
        self.clientID = clientID
    }
}

/// Where a client connects from, as it is shown and given to hooks.
package struct ClientPeer: Sendable, Equatable {
    package var address: String
    package var port: UInt16

    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}

package struct RegisterEvent: Sendable {
    package var peer: ClientPeer
    package var subscriber: SubscriberID
    package var userName: UTF8Text?
    package var password: [UInt8]?
    /// Clean Session (v3) or Clean Start (v5).
    package var cleanStart: Bool
    package var version: ProtocolVersion
    package var properties: Properties
    package var listener: String
}

/// What `auth_on_register` may change; nil leaves a value as it is.
package struct RegisterModifiers: Sendable {
    package var mountpoint: Mountpoint?
    package var clientID: UTF8Text?
    package var userName: UTF8Text?
    package var cleanStart: Bool?
    package var sessionExpiryInterval: UInt32?
    package var settings: SessionSettings?
    /// Properties to add to CONNACK.
    package var connackProperties: Properties?

    package init() {}
}

package struct AuthEvent: Sendable {
    package var subscriber: SubscriberID
    package var userName: UTF8Text?
    package var method: UTF8Text
    package var data: [UInt8]?
    package var reasonCode: ReasonCode
}

/// The answer to a step of enhanced authentication [MQTT-4.12.0-2].
package struct AuthModifiers: Sendable {
    /// `success` ends the exchange; `continueAuthentication` asks the client for more.
    package var reasonCode: ReasonCode
    package var data: [UInt8]?
    package var reasonString: UTF8Text?

    package init(reasonCode: ReasonCode, data: [UInt8]? = nil, reasonString: UTF8Text? = nil) {
        self.reasonCode = reasonCode
        self.data = data
        self.reasonString = reasonString
    }
}

package struct SubscribeEvent: Sendable {
    package var subscriber: SubscriberID
    package var userName: UTF8Text?
    package var filters: [SubscribeFilter]
    package var properties: Properties
    package var version: ProtocolVersion
}

/// What becomes of one filter of a SUBSCRIBE.
package enum SubscribeVerdict: Sendable {
    case grant(SubscribeFilter)
    case refuse(ReasonCode)
}

package struct UnsubscribeEvent: Sendable {
    package var subscriber: SubscriberID
    package var userName: UTF8Text?
    package var filters: [UTF8Text]
    package var properties: Properties
    package var version: ProtocolVersion
}

/// A message at `auth_on_publish`, `on_publish` and `on_deliver`.
package struct PublishEvent: Sendable {
    package var subscriber: SubscriberID
    package var userName: UTF8Text?
    package var message: ApplicationMessage
    package var version: ProtocolVersion
}

/// What `auth_on_publish` and `on_deliver` may change; nil leaves a value as it is.
package struct PublishModifiers: Sendable {
    package var topic: UTF8Text?
    package var payload: [UInt8]?
    package var qos: QoS?
    package var isRetained: Bool?
    package var mountpoint: Mountpoint?
    /// Replaces all properties of the message.
    package var properties: Properties?
    /// Milliseconds the broker stops reading from this client.
    package var throttle: UInt64?

    package init() {}
}

/// Something that has happened.
package enum HookNotification: Sendable {
    case registered(RegisterEvent)
    case clientWakeup(SubscriberID)
    case clientOffline(SubscriberID)
    case clientGone(SubscriberID)
    case sessionExpired(SubscriberID)
    case subscribed(SubscribeEvent)
    /// Filters given up; nil = all of them.
    case topicUnsubscribed(SubscriberID, [UTF8Text]?)
    case published(PublishEvent)
    case offlineMessage(SubscriberID, ApplicationMessage, QoS)
    case messageDropped(DropEvent)
}

/// Copies of messages that were lost, at `on_message_drop`.
package struct DropEvent: Sendable {
    /// Who does not get them; nil when the session had ended, or with QoS 0 that was in its connection's output.
    package var subscriber: SubscriberID?
    /// The message; nil when it is not at hand: it lay in the store alone, or was bytes in an output.
    package var message: ApplicationMessage?
    /// How many copies; 1 where there is a message.
    package var count: Int
    package var reason: DropReason

    /// VerneMQ's word for the reason where it has one, else the label of `message_drops_total`.
    package var reasonName: String {
        reason == .packetTooLarge ? "max_packet_size_exceeded" : reason.label
    }
}
