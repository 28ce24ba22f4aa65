// The keys this build asks for, by the type of their values. A test holds each against `SettingsTable`, so a typo or
// a setting nobody reads is found there.

/// Settings that are `on` or `off`.
package enum FlagKey: String, CaseIterable, Sendable {
    case allowAnonymous = "allow_anonymous"
    case allowAllTopics = "allow_all_topics"
    case passwordPlugin = "plugins.vmq_passwd"
    case aclPlugin = "plugins.vmq_acl"
    case aclStrictSubscribe = "vmq_acl.strict_subscribe"
    case aclProtectSystemTopics = "vmq_acl.protect_system_topics"
    case authFailuresBanUsers = "auth_failures.ban_users"
    case disconnectOnUnauthorizedPublishV3 = "disconnect_on_unauthorized_publish_v3"
    case suppressLWTOnSessionTakeover = "suppress_lwt_on_session_takeover"
    case keepAliveAsWarning = "logging.keepalive_as_warning"
    case overrideMaxOnlineMessages = "override_max_online_messages"
    case upgradeOutgoingQoS = "upgrade_outgoing_qos"
    case logError = "log.error"
    case payloadFormatCheck = "payload_format_check"
    case metricsNativeHistograms = "metrics.native_histograms"
    case retainAvailable = "retain_available"
    case levelDBSyncOnWrite = "leveldb.sync_on_write"
    case levelDBBloomFilter = "leveldb.bloomfilter"
    case levelDBVerifyChecksums = "leveldb.verify_checksums"
    case levelDBCompression = "leveldb.compression"
    case graphiteEnabled = "graphite_enabled"
    case sysTreeEnabled = "systree_enabled"
    case sysTreeRetain = "systree_retain"
    case graphiteIncludeLabels = "graphite_include_labels"
    case graphiteTags = "graphite_tags"
}

/// Settings that count something.
package enum IntegerKey: String, CaseIterable, Sendable {
    /// Bytes.
    case maxClientIDSize = "max_client_id_size"
    /// 0: no limit.
    case maxSubscriptionsPerClient = "max_subscriptions_per_client"
    /// 0: no limit.
    case maxFiltersPerPacket = "max_filters_per_packet"
    /// 0: no limit.
    case maxInflightMessages = "max_inflight_messages"
    /// -1: no limit.
    case maxOnlineMessages = "max_online_messages"
    /// -1: no limit.
    case maxOfflineMessages = "max_offline_messages"
    /// A second; 0: no limit.
    case maxMessageRate = "max_message_rate"
    /// Bytes; 0: the protocol's limit.
    case maxMessageSize = "max_message_size"
    case receiveMaxClient = "receive_max_client"
    case receiveMaxBroker = "receive_max_broker"
    case topicAliasMaxClient = "topic_alias_max_client"
    case topicAliasMaxBroker = "topic_alias_max_broker"
    case topicMaxDepth = "topic_max_depth"
    case passwordThreads = "vmq_passwd.hash_threads"
    /// 0: never.
    case authFailuresMax = "auth_failures.max"
    /// 0: one for each core.
    case loops
    case httpThreads = "http.threads"
    case metricsMaxSeriesPerFamily = "metrics.max_series_per_family"
    case metricsMaxSeries = "metrics.max_series"
    /// Characters.
    case minAPIKeyLength = "min_apikey_length"
    /// Bytes.
    case httpMaxBodySize = "http.max_body_size"
    case maxQoS = "max_qos"
    /// Seconds; 0: any.
    case serverKeepAliveMax = "server_keep_alive_max"
    /// Of the machine's memory.
    case levelDBMaximumMemoryPercent = "leveldb.maximum_memory.percent"
    case levelDBBlockRestartInterval = "leveldb.block.restart_interval"
    case graphitePort = "graphite_port"
    case sysTreeQoS = "systree_qos"
}

/// Settings that are a time, in the unit of the table.
package enum DurationKey: String, CaseIterable, Sendable {
    case crlRefreshInterval = "crl_refresh_interval"
    case mqttConnectTimeout = "mqtt_connect_timeout"
    case retryInterval = "retry_interval"
    /// Zero: no sweeps.
    case expireRetainCache = "expire_retain_cache"
    case shutdownTimeout = "shutdown_timeout"
    case hookTimeout = "hook_timeout"
    /// Zero: the file is not looked at again.
    case passwordReloadInterval = "vmq_passwd.password_reload_interval"
    /// Zero: the file is not looked at again.
    case aclReloadInterval = "vmq_acl.acl_reload_interval"
    case authFailuresWindow = "auth_failures.window"
    case authFailuresBanTime = "auth_failures.ban_time"
    case authFailuresDelay = "auth_failures.delay"
    case storeCommitWindow = "message_store.commit_window"
    case httpRequestTimeout = "http.request_timeout"
    case graphiteInterval = "graphite_interval"
    case sysTreeInterval = "systree_interval"
    case graphiteConnectTimeout = "graphite_connect_timeout"
    case graphiteReconnectTimeout = "graphite_reconnect_timeout"
    case graphiteSendTimeout = "graphite_send_timeout"
    case otlpMetricsInterval = "otlp.metrics.interval"
    case otlpMetricsTimeout = "otlp.metrics.timeout"
}

/// Settings such as `2w`, where a word says that there is no limit.
package enum ExpiryKey: String, CaseIterable, Sendable {
    /// `never`
    case persistentClientExpiration = "persistent_client_expiration"
    /// `client`
    case maxLastWillDelay = "max_last_will_delay"
}

/// Settings that are a number of bytes.
package enum ByteSizeKey: String, CaseIterable, Sendable {
    /// Has no default: the percentage counts then.
    case levelDBMaximumMemory = "leveldb.maximum_memory"
    case levelDBWriteBufferSize = "leveldb.write_buffer_size_min"
    case levelDBBlockCacheThreshold = "leveldb.block_cache_threshold"
    case levelDBBlockSize = "leveldb.block.size"
    case storeBacklog = "message_store.backlog"
    case queueMemory = "queue_memory"
    case newcomerMemory = "newcomer_memory"
    case topicAliasMemory = "topic_alias_memory"
    case graphiteBuffer = "graphite_buffer"
}

/// Settings that are text or a word.
package enum StringKey: String, CaseIterable, Sendable {
    /// Asked for with `EffectiveConfig.webSocketFrameLimit`, for it may be `infinity`.
    case maxWebSocketFrameSize = "max_ws_frame_size"
    case nodeName = "nodename"
    case passwordFile = "vmq_passwd.password_file"
    case aclFile = "vmq_acl.acl_file"
    case queueType = "queue_type"
    case queueDeliverMode = "queue_deliver_mode"
    case sharedSubscriptionPolicy = "shared_subscription_policy"
    case subscriberRetainMode = "subscriber_retain_mode"
    /// Asked for with `EffectiveConfig.prometheusNamespace` too, which knows how "nothing" is written.
    case prometheusNamespace = "prometheus_namespace"
    case logConsole = "log.console"
    case logConsoleLevel = "log.console.level"
    case logConsoleFile = "log.console.file"
    case logConsoleConsoleFormat = "log.console.console.format"
    case logConsoleFileFormat = "log.console.file.format"
    case logErrorFile = "log.error.file"
    case logErrorFileFormat = "log.error.file.format"
    case messageStore = "message_store"
    case levelDBDataRoot = "leveldb.data_root"
    case messageStorePlugin = "message_store_plugin"
    case platformDataDirectory = "platform_data_dir"
    /// Empty: `EffectiveConfig.adminSocket` knows the path.
    case adminSocket = "vmq_admin.socket"
    /// A comma list; `EffectiveConfig.listeners()` resolves it for each listener.
    case httpModules = "http_modules"
    case graphiteHost = "graphite_host"
    case graphitePrefix = "graphite_prefix"
    case sysTreeMountpoint = "systree_mountpoint"
    case graphiteAPIKey = "graphite_api_key"
    /// Empty: nothing is sent.
    case otlpMetricsEndpoint = "otlp.metrics.endpoint"
    /// `HeaderListSetting` reads it.
    case otlpHeaders = "otlp.headers"
    /// Empty: the system's.
    case otlpCAFile = "otlp.cafile"
}
