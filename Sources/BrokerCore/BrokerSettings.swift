package import BrokerMetrics
package import MQTTCodec

/// What the broker is told by its operator. Values, resolved and checked before the broker starts; the names are
/// those of `vernemq.conf` in our spelling.
package struct BrokerSettings: Sendable {
    /// The node's name, as it is shown.
    package var nodeName = "VerneMQ@127.0.0.1"
    /// Whether clients may connect without any plugin being asked.
    package var allowsAnonymous = false
    /// Whether clients may publish and subscribe everywhere while no plugin decides about that. VerneMQ refuses it then.
    package var allowsAllTopics = false
    /// Bytes.
    package var maxClientIDSize = 100
    /// 0 = no limit.
    package var maxSubscriptionsPerClient = 100_000
    /// Filters in one SUBSCRIBE or UNSUBSCRIBE; 0 = no limit.
    package var maxFiltersPerPacket = 100_000
    /// Seconds an offline session of MQTT 3 is kept; nil = for ever.
    package var persistentClientExpiration: UInt32?
    /// Seconds; nil = what the client asks for.
    package var maxLastWillDelay: UInt32?
    /// Whether the will is not published when the client itself takes over its connection.
    package var suppressesWillOnTakeover = false
    /// Milliseconds from accept to a complete CONNECT.
    package var connectTimeout: UInt64 = 5000
    /// Bytes that the connections of the whole broker which have no session yet may hold together.
    package var newcomerByteLimit = 16 << 20
    /// Whether the end of a connection by its keep alive is logged as a warning, rather than as information.
    package var logsKeepAliveAsWarning = true
    /// Milliseconds a hook that answers later may take.
    package var hookTimeout: UInt64 = 5000
    /// Levels that no configuration goes beyond: each costs up to two microseconds and a hundred bytes.
    package static let greatestTopicDepth = 1024
    /// Bytes of the remaining length of an incoming packet.
    package var maxMessageSize = 268_435_455
    /// Which member of a shared subscription gets a message.
    package var sharedSubscriptionPolicy = SharedSubscriptionPolicy.preferLocal
    /// Seconds; 0 = the client decides.
    package var serverKeepAliveMax: UInt16 = 0
    /// Seconds between sweeps of expired retained messages; 0 = none.
    package var retainedExpirySweepInterval: UInt64 = 0
    /// What follows when logins fail.
    package var authFailures = AuthFailures.Limits()
    /// What each PUBLISH is checked against.
    package var publish = PublishLimits()
    /// Topic aliases.
    package var aliases = TopicAliasSettings()
    /// How the store is used.
    package var store = StorePacing()
    /// What each session starts with; hooks may change it for one session.
    package var session = SessionSettings()

    /// The values above.
    package init() {}
}

/// What a client may publish. Some of it holds for subscriptions and wills too.
package struct PublishLimits: Sendable, BitwiseCopyable {
    /// Levels of a topic or filter; 0 = no limit.
    package var topicMaxDepth = 10
    /// The highest QoS of messages and subscriptions.
    package var maxQoS = QoS.exactlyOnce
    /// Whether clients may publish retained messages.
    package var retainAvailable = true
    /// v5: whether a payload that is said to be UTF-8 is checked, and refused if it is not.
    package var checksPayloadFormat = false
    /// v5: QoS 2 messages that a client may have sent and not released.
    package var receiveMaxBroker: UInt16 = 65535
    /// MQTT 3.1: whether a PUBLISH that a hook refuses ends the connection, rather than being acknowledged.
    package var disconnectsOnUnauthorizedV3 = false
}

/// v5: how many topic aliases are used, and what they may take.
package struct TopicAliasSettings: Sendable {
    /// Aliases a client may use.
    package var clientMaximum: UInt16 = 0
    /// Aliases the broker may use towards a client.
    package var brokerMaximum: UInt16 = 0
    /// Bytes that the topics behind the aliases of one connection may take, in each direction.
    package var byteLimit = 1 << 20
}

/// How the store is used.
package struct StorePacing: Sendable {
    /// Milliseconds for which a copy may wait for its acknowledgement before it is written.
    package var commitWindow: UInt64 = 10
    /// Bytes on their way to the store, on all loops together, above which what adds to them waits.
    package var backlogByteCount = 32 * 1024 * 1024
}

/// Limits and habits of one session, which the register hook may override.
package struct SessionSettings: Sendable, Equatable {
    /// v3: outgoing QoS 1 and 2 messages under way; 0 = no limit.
    package var maxInflightMessages = 20
    /// v5: cap of the client's Receive Maximum.
    package var receiveMaxClient: UInt16 = 65535
    /// Messages waiting for a connected client; -1 = no limit.
    package var maxOnlineMessages = 1000
    /// Messages waiting for a client that is away; -1 = no limit.
    package var maxOfflineMessages = 1000
    /// Whether a client that comes back gets all messages that waited for it, even if they are more than
    /// `maxOnlineMessages`.
    package var overridesMaxOnlineMessages = false
    /// Bytes of the messages that wait for one client in memory; 0 = no limit. One message may be larger.
    package var queueByteLimit = 64 << 20
    /// What happens to a message when the queue is full, and which message is sent first.
    package var queueType = QueueType.fifo
    /// v3: milliseconds before an unacknowledged message is sent again.
    package var retryInterval: UInt64 = 20_000
    /// Incoming PUBLISH packets each second; 0 = no limit.
    package var maxMessageRate = 0
    /// Bytes of the remaining length of this client's packets.
    package var maxMessageSize = 268_435_455
    /// Whether a copy gets the QoS of the subscription even if the message was published with a lower one.
    package var upgradesOutgoingQoS = false
    /// Seconds; 0 = no limit.
    package var maxConnectionLifetime: UInt64 = 0
    /// Several connections of one client id at once, rather than a take-over; only a hook sets it.
    package var allowsMultipleSessions = false
    /// With several connections: which of them get a message.
    package var deliverMode = DeliverMode.fanout

    /// The values above.
    package init() {}
}

/// What happens to a message that meets a full queue.
package enum QueueType: String, Sendable, CaseIterable {
    /// The new one is dropped.
    case fifo
    /// The oldest is dropped, and the newest is delivered first.
    case lifo
}

/// Which of several connections of one client get a message.
package enum DeliverMode: String, Sendable, CaseIterable {
    /// All of them.
    case fanout
    /// One, picked at random.
    case balance
}

/// What a listener gives to the clients that come through it.
package struct ListenerFacts: Sendable {
    /// What a listener speaks, in VerneMQ's words.
    package enum Kind: String, CaseIterable, Sendable {
        /// MQTT over TCP, TLS, WebSocket, and WebSocket with TLS.
        case mqtt, mqtts, mqttws, mqttwss

        /// Whether frames of WebSocket carry the bytes.
        package var isWebSocket: Bool { self == .mqttws || self == .mqttwss }
    }

    /// The listener's name.
    package var name: String
    /// What it speaks. A plain value: these facts are copied several times with each connection.
    package var kind = Kind.mqtt
    /// The name in a client's certificate, or of its pre-shared key, is its user name.
    package var usesIdentityAsUserName = false
    /// The name that a proxy tells of the client's certificate is its user name.
    package var usesProxyNameAsUserName = false
    /// The mountpoint of its clients, unless a hook gives them another.
    package var mountpoint: Mountpoint
    /// Whether its clients may connect without any plugin being asked.
    package var allowsAnonymous: Bool
    /// The plugins that its clients are subject to; nil = all.
    package var plugins: ListenerPlugins?
    /// Protocol levels as on the wire: 3, 4, 5, 131 (3.1 bridge), 132 (3.1.1 bridge).
    package var allowedProtocolVersions: [UInt8]
    /// Seconds; 0 = no limit.
    package var maxConnectionLifetime: UInt64

    /// What a listener named `name` gives to its clients.
    package init(
        name: String, mountpoint: Mountpoint = .default, allowsAnonymous: Bool = false,
        allowedProtocolVersions: [UInt8] = [3, 4, 5, 131], maxConnectionLifetime: UInt64 = 0,
        plugins: ListenerPlugins? = nil
    ) {
        self.name = name
        self.mountpoint = mountpoint
        self.allowsAnonymous = allowsAnonymous
        self.allowedProtocolVersions = allowedProtocolVersions
        self.maxConnectionLifetime = maxConnectionLifetime
        self.plugins = plugins
    }
}

extension ProtocolVersion {
    /// The value of the metric label `mqtt_version`.
    package var label: VersionLabel { self == .v5 ? .v5 : .v4 }
}
