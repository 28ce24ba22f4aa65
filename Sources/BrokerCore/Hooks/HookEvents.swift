package import BrokerMetrics
package import MQTTCodec
package import Primitives

/// Who a client is: unique in a broker. A mountpoint is part of the identity, so equal client ids on different
/// mountpoints are different clients.
package struct SubscriberID: Hashable, Sendable {
    /// The namespace that the client belongs to: clients on different mountpoints see different topics.
    package var mountpoint: Mountpoint
    /// The Client Identifier, never empty: the one that the broker assigned when CONNECT had none.
    package var clientID: UTF8Text

    /// The identity of `clientID` on `mountpoint`.
    package init(mountpoint: Mountpoint, clientID: UTF8Text) {
        self.mountpoint = mountpoint
        self.clientID = clientID
    }
}

/// Where a client connects from, as it is shown and given to hooks.
package struct ClientPeer: Sendable, Equatable {
    /// The address in text, without the port.
    package var address: String
    /// The port, 0 where the kind of address has none.
    package var port: UInt16

    /// An address and a port, as they are shown.
    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// A client that wants to connect, at `auth_on_register`, or that has connected, at `on_register`.
///
/// `auth_on_register` is asked when CONNECT has been decoded and enhanced authentication, if there is any, has
/// succeeded. It is not asked where the broker or the listener allows anonymous clients. `on_register` is sent after
/// an older connection of the client was taken over, before the will is authorised and before CONNACK; it has the
/// values that `auth_on_register` changed.
package struct RegisterEvent: Sendable {
    /// Where the connection comes from.
    package var peer: ClientPeer
    /// Who the client says it is; at `on_register`, who it is.
    package var subscriber: SubscriberID
    /// The User Name; nil = CONNECT has none.
    package var userName: UTF8Text?
    /// The Password, of up to 65,535 bytes that need not be text; nil = CONNECT has none.
    package var password: [UInt8]?
    /// Clean Session (v3) or Clean Start (v5).
    package var cleanStart: Bool
    /// The MQTT version of the connection.
    package var version: ProtocolVersion
    /// The properties of CONNECT; empty for MQTT 3.1 and 3.1.1.
    package var properties: Properties
    /// The name of the listener that the client came through, as the log shows it.
    package var listener: String
    /// What is known of the connection beside its address.
    package var identity = ClientIdentity()
}

/// What `auth_on_register` may change; nil leaves a value as it is.
package struct RegisterModifiers: Sendable {
    /// The mountpoint of the client and of its will.
    package var mountpoint: Mountpoint?
    /// The Client Identifier; it must not be empty, nor longer than `max_client_id_size`.
    package var clientID: UTF8Text?
    /// The user name that later events of the session show.
    package var userName: UTF8Text?
    /// Clean Session or Clean Start. With MQTT 3, true also makes the session end with its connection, and false
    /// makes it last for `persistent_client_expiration`.
    package var cleanStart: Bool?
    /// Seconds for which the session outlives its connection; 0 = it ends with it, `UInt32.max` = it never expires.
    package var sessionExpiryInterval: UInt32?
    /// Limits of this session. They replace all of the broker's, so begin with a copy of those.
    package var settings: SessionSettings?
    /// Properties for CONNACK; the broker sets its own limits over them.
    package var connackProperties: Properties?

    /// Changes nothing.
    package init() {}
}

/// A step of enhanced authentication, at `on_auth_m5` (MQTT 5 alone).
///
/// It is asked for a CONNECT with an Authentication Method, for each AUTH packet before CONNACK, and for each AUTH
/// packet with which a connected client authenticates anew.
package struct AuthEvent: Sendable {
    /// Who the client says it is.
    package var subscriber: SubscriberID
    /// The User Name; nil = CONNECT has none.
    package var userName: UTF8Text?
    /// The Authentication Method, the same for all steps of a connection.
    package var method: UTF8Text
    /// The Authentication Data of this step, as the client sent it; nil = it sent none.
    package var data: [UInt8]?
    /// `success` for CONNECT, otherwise the code of the AUTH packet: `continueAuthentication` or `reauthenticate`.
    package var reasonCode: ReasonCode
}

/// The answer to a step of enhanced authentication [MQTT-4.12.0-2].
package struct AuthModifiers: Sendable {
    /// `success` ends the exchange; `continueAuthentication` asks the client for more.
    package var reasonCode: ReasonCode
    /// Authentication Data for the client; nil = none. At most 65,535 bytes.
    package var data: [UInt8]?
    /// A Reason String for the client, which gets it unless it asked for no problem information; nil = none.
    package var reasonString: UTF8Text?

    /// An answer of these parts.
    package init(reasonCode: ReasonCode, data: [UInt8]? = nil, reasonString: UTF8Text? = nil) {
        self.reasonCode = reasonCode
        self.data = data
        self.reasonString = reasonString
    }
}

/// A SUBSCRIBE packet, at `auth_on_subscribe` and `on_subscribe`.
///
/// `auth_on_subscribe` is asked once for the whole packet, before anything is subscribed. `on_subscribe` is sent when
/// SUBACK has been made and no hook or limit refused the filters that it shows.
package struct SubscribeEvent: Sendable {
    /// The client that subscribes.
    package var subscriber: SubscriberID
    /// The client's user name; nil = it has none.
    package var userName: UTF8Text?
    /// The filters with their options, `$share/…` included. At `on_subscribe`, those that were granted, as they were
    /// granted.
    package var filters: [SubscribeFilter]
    /// The properties of SUBSCRIBE; empty for MQTT 3.1 and 3.1.1.
    package var properties: Properties
    /// The MQTT version of the connection.
    package var version: ProtocolVersion
}

/// What becomes of one filter of a SUBSCRIBE.
package enum SubscribeVerdict: Sendable {
    /// The filter is subscribed with these options, which the hook may have changed. The QoS is still limited by the
    /// broker's `max_qos`.
    case grant(SubscribeFilter)
    /// SUBACK gets this code for the filter; one that SUBACK must not carry is replaced by 0x87 (Not authorized).
    case refuse(ReasonCode)
}

/// An UNSUBSCRIBE packet, at `on_unsubscribe`. It is asked once for the whole packet, before anything is
/// unsubscribed; an answer may put other filters in place of these, one for each, and cannot refuse them.
package struct UnsubscribeEvent: Sendable {
    /// The client that unsubscribes.
    package var subscriber: SubscriberID
    /// The client's user name; nil = it has none.
    package var userName: UTF8Text?
    /// The filters of the packet, `$share/…` included, whether the client is subscribed to them or not.
    package var filters: [UTF8Text]
    /// The properties of UNSUBSCRIBE; empty for MQTT 3.1 and 3.1.1.
    package var properties: Properties
    /// The MQTT version of the connection.
    package var version: ProtocolVersion
}

/// A message at `auth_on_publish`, `on_publish` and `on_deliver`.
///
/// `auth_on_publish` is asked for each PUBLISH that the broker itself would route, and at CONNECT for the will.
/// `on_publish` is sent when the message or the will has been routed. `on_deliver` is asked for each copy when it
/// leaves its queue, before it is sent for the first time; what is sent again later is not asked about again.
package struct PublishEvent: Sendable {
    /// The client that published, or at `on_deliver` the client that gets the message.
    package var subscriber: SubscriberID
    /// That client's user name; nil = it has none, or, with a will that was found in the store, it is not known any
    /// more.
    package var userName: UTF8Text?
    /// The message. Its QoS and RETAIN are those of the publisher, at `on_deliver` too.
    package var message: ApplicationMessage
    /// The MQTT version of that client's connection.
    package var version: ProtocolVersion
}

/// What `auth_on_publish` and `on_deliver` may change; nil leaves a value as it is.
package struct PublishModifiers: Sendable {
    /// A topic that a client could publish to: it must not begin with `$` nor have more levels than
    /// `topic_max_depth`.
    package var topic: UTF8Text?
    /// The payload, at most 268,435,455 bytes.
    package var payload: [UInt8]?
    /// The QoS of the message, at most `max_qos`. The publisher is answered by the QoS of its packet. No effect at
    /// `on_deliver`.
    package var qos: QoS?
    /// Whether the message is to be retained. No effect at `on_deliver`.
    package var isRetained: Bool?
    /// The mountpoint whose subscribers get the message. No effect at `on_deliver`.
    package var mountpoint: Mountpoint?
    /// Properties in place of all properties of the message. Those that are not forwarded to subscribers are left out.
    package var properties: Properties?
    /// Milliseconds for which the broker does not read from the publisher after this PUBLISH; nil or 0 = it goes on
    /// reading. No effect with a will or at `on_deliver`.
    package var throttle: UInt64?

    /// Changes nothing.
    package init() {}
}

/// Something that has happened.
package enum HookNotification: Sendable {
    /// `on_register`: a client may connect and has taken over an older connection. It may still be refused because of
    /// its will.
    case registered(RegisterEvent)
    /// `on_client_wakeup`: a client's connection comes to its session, a new or a stored one; sent before
    /// `registered`.
    case clientWakeup(SubscriberID)
    /// `on_client_offline`: a connection has ended, and its session lasts.
    case clientOffline(SubscriberID)
    /// `on_client_gone`: a session has ended with its connection, or gave way to a CONNECT with a clean start.
    case clientGone(SubscriberID)
    /// `on_session_expired`: the session of a client that was away has ended, for its expiry interval has passed.
    case sessionExpired(SubscriberID)
    /// `on_subscribe`: filters were granted, and SUBACK was made.
    case subscribed(SubscribeEvent)
    /// `on_topic_unsubscribed`: a client is not subscribed to these filters any more, for UNSUBSCRIBE named them, even
    /// if it was not subscribed to some of them before. nil = a session with subscriptions ends, and all of them with
    /// it.
    case topicUnsubscribed(SubscriberID, [UTF8Text]?)
    /// `on_publish`: a message or a will was routed; it is shown as it was routed, with the changes of
    /// `auth_on_publish`.
    case published(PublishEvent)
    /// `on_offline_message`: a copy has come for a client that is away. The QoS is that of the copy, 1 or 2. The copy
    /// is not in the queue yet: if that is full, `messageDropped` follows.
    case offlineMessage(SubscriberID, ApplicationMessage, QoS)
    /// `on_message_drop`: copies were lost.
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
    /// Why they were lost.
    package var reason: DropReason

    /// VerneMQ's word for the reason where it has one, else the label of `message_drops_total`.
    package var reasonName: String {
        reason == .packetTooLarge ? "max_packet_size_exceeded" : reason.label
    }
}
