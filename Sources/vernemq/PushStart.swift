import BrokerConfig
import BrokerCore
import BrokerMetrics
import Control
import Listeners
import Logging
import MQTTCodec
import Primitives
import PushExporters

/// What sends metrics away: to Graphite, to a receiver of OTLP, and to the clients that subscribe to `$SYS`.
struct PushStart {
    private let graphite: GraphiteExporter?
    private let otlp: OTLPExporter?
    private let sysTree: SysTreePublisher?

    /// Starts what the configuration asks for, and follows its changes.
    init(
        _ config: EffectiveConfig, _ source: MetricsSource, _ runtime: BrokerRuntime,
        _ settings: RuntimeSettings,
        _ log: Logger
    ) throws(MetricConflict) {
        graphite = GraphiteExporter(source)
        otlp = OTLPExporter(source, OTLPSettings(config))
        sysTree = SysTreePublisher(source) { runtime.publish(ApplicationMessage($0, $1), .broker) }
        guard let graphite, let otlp, let sysTree else {
            log.error("no metrics go to Graphite, an OTLP receiver or $SYS: no descriptor for it")
            return
        }
        try source.registry.register(GraphiteMetrics.room) { [statistics = graphite.statistics] in
            statistics.read(&$0)
        }
        try source.registry.register(OTLPMetrics.room) { [statistics = otlp.statistics] in
            statistics.read(&$0)
        }
        graphite.apply(GraphiteSettings(config))
        otlp.start()
        sysTree.apply(SysTreeSettings(config))
        settings.observe { config in
            sysTree.apply(SysTreeSettings(config))
            graphite.apply(GraphiteSettings(config))
            otlp.apply(interval: UInt64(clamping: config.integer(.otlpMetricsInterval)))
        }
    }

    /// Ends them at once.
    func stop() {
        sysTree?.stop()
        graphite?.stop()
        otlp?.stop()
    }
}

extension SysTreeSettings {
    init(_ config: EffectiveConfig) {
        self.init()
        isEnabled = config.flag(.sysTreeEnabled)
        interval = UInt64(clamping: config.integer(.sysTreeInterval))
        qos = UInt8(clamping: config.integer(.sysTreeQoS))
        isRetained = config.flag(.sysTreeRetain)
        mountpoint = config.string(.sysTreeMountpoint)
    }
}

extension ApplicationMessage {
    /// A message of the `$SYS` tree.
    fileprivate init(_ message: SysMessage, _ settings: SysTreeSettings) {
        let facts = MessageFacts(
            qos: QoS(rawValue: settings.qos) ?? .atMostOnce, isRetained: settings.isRetained,
            mountpoint: Mountpoint.intern(UTF8Text(settings.mountpoint)), publisher: nil)
        let (topic, payload) = (Array(message.topic.utf8), Array(message.payload.utf8))
        unsafe self.init(
            facts: facts, topic: topic.span.bytes, properties: RawSpan(), payload: payload.span.bytes)
    }
}

extension GraphiteSettings {
    init(_ config: EffectiveConfig) {
        self.init()
        isEnabled = config.flag(.graphiteEnabled)
        server.host = config.string(.graphiteHost)
        server.port = UInt16(clamping: config.integer(.graphitePort))
        interval = UInt64(clamping: config.integer(.graphiteInterval))
        connectTimeout = UInt64(clamping: config.integer(.graphiteConnectTimeout))
        reconnectTimeout = UInt64(clamping: config.integer(.graphiteReconnectTimeout))
        sendTimeout = UInt64(clamping: config.integer(.graphiteSendTimeout))
        prefix = config.string(.graphitePrefix)
        apiKey = config.string(.graphiteAPIKey)
        labels =
            config.flag(.graphiteTags) ? .tags : config.flag(.graphiteIncludeLabels) ? .lines : .none
        bufferLimit = config.byteCount(.graphiteBuffer) ?? bufferLimit
    }
}

extension OTLPSettings {
    init(_ config: EffectiveConfig) {
        self.init()
        endpoint = config.string(.otlpMetricsEndpoint)
        interval = UInt64(clamping: config.integer(.otlpMetricsInterval))
        timeout = UInt64(clamping: config.integer(.otlpMetricsTimeout))
        headers = config.otlpHeaders
        resource = config.otlpResource
        let authorities = config.string(.otlpCAFile)
        self.authorities = authorities.isEmpty ? nil : authorities
    }
}
