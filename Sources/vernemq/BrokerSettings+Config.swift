import BrokerConfig
import BrokerCore
import MQTTCodec
import Primitives

extension BrokerSettings {
    /// What `vernemq.conf` says, in the core's terms. Ranges were checked when it was loaded.
    init(_ config: EffectiveConfig) {
        self.init()
        nodeName = config.string(.nodeName)
        allowsAnonymous = config.flag(.allowAnonymous)
        allowsAllTopics = config.flag(.allowAllTopics)
        authFailures = AuthFailures.Limits(config)
        maxClientIDSize = config.integer(.maxClientIDSize)
        maxSubscriptionsPerClient = config.integer(.maxSubscriptionsPerClient)
        maxFiltersPerPacket = config.integer(.maxFiltersPerPacket)
        persistentClientExpiration = config.seconds(.persistentClientExpiration)
        maxLastWillDelay = config.seconds(.maxLastWillDelay)
        publish.disconnectsOnUnauthorizedV3 = config.flag(.disconnectOnUnauthorizedPublishV3)
        suppressesWillOnTakeover = config.flag(.suppressLWTOnSessionTakeover)
        connectTimeout = UInt64(clamping: config.integer(.mqttConnectTimeout))
        logsKeepAliveAsWarning = config.flag(.keepAliveAsWarning)
        hookTimeout = UInt64(clamping: config.integer(.hookTimeout))
        let depth = config.integer(.topicMaxDepth)
        publish.topicMaxDepth = depth == 0 ? Self.greatestTopicDepth : min(depth, Self.greatestTopicDepth)
        if config.integer(.maxMessageSize) > 0 { maxMessageSize = config.integer(.maxMessageSize) }
        publish.receiveMaxBroker = UInt16(clamping: config.integer(.receiveMaxBroker))
        aliases.clientMaximum = UInt16(clamping: config.integer(.topicAliasMaxClient))
        aliases.brokerMaximum = UInt16(clamping: config.integer(.topicAliasMaxBroker))
        sharedSubscriptionPolicy =
            SharedSubscriptionPolicy(rawValue: config.string(.sharedSubscriptionPolicy)) ?? .preferLocal
        publish.checksPayloadFormat = config.flag(.payloadFormatCheck)
        publish.maxQoS = QoS(rawValue: UInt8(clamping: config.integer(.maxQoS))) ?? .exactlyOnce
        publish.retainAvailable = config.flag(.retainAvailable)
        serverKeepAliveMax = UInt16(clamping: config.integer(.serverKeepAliveMax))
        retainedExpirySweepInterval = UInt64(clamping: config.integer(.expireRetainCache))
        store.backlogByteCount = config.byteCount(.storeBacklog) ?? store.backlogByteCount
        store.commitWindow = UInt64(clamping: config.integer(.storeCommitWindow))
        newcomerByteLimit = config.byteCount(.newcomerMemory) ?? newcomerByteLimit
        aliases.byteLimit = config.byteCount(.topicAliasMemory) ?? aliases.byteLimit
        session = SessionSettings(config)
        session.maxMessageSize = maxMessageSize
    }
}

extension AuthFailures.Limits {
    init(_ config: EffectiveConfig) {
        self.init()
        maximum = config.integer(.authFailuresMax)
        window = UInt64(clamping: config.integer(.authFailuresWindow))
        banTime = UInt64(clamping: config.integer(.authFailuresBanTime))
        bansUsers = config.flag(.authFailuresBanUsers)
        longestDelay = UInt64(clamping: config.integer(.authFailuresDelay))
    }
}

extension SessionSettings {
    init(_ config: EffectiveConfig) {
        self.init()
        maxInflightMessages = config.integer(.maxInflightMessages)
        receiveMaxClient = UInt16(clamping: config.integer(.receiveMaxClient))
        maxOnlineMessages = config.integer(.maxOnlineMessages)
        maxOfflineMessages = config.integer(.maxOfflineMessages)
        overridesMaxOnlineMessages = config.flag(.overrideMaxOnlineMessages)
        queueByteLimit = config.byteCount(.queueMemory) ?? queueByteLimit
        queueType = QueueType(rawValue: config.string(.queueType)) ?? .fifo
        deliverMode = DeliverMode(rawValue: config.string(.queueDeliverMode)) ?? .fanout
        retryInterval = UInt64(clamping: config.integer(.retryInterval)) * 1000
        maxMessageRate = config.integer(.maxMessageRate)
        upgradesOutgoingQoS = config.flag(.upgradeOutgoingQoS)
    }
}
