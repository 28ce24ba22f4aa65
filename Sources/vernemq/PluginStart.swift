import BrokerConfig
import BrokerCore
import BrokerMetrics
import Control
import Glibc
import Listeners
import Logging
import Plugins
import Primitives
import Synchronization

/// The plugins of this broker: which there are, and what they go by.
final class PluginStart: Sendable {
    let registry: PluginRegistry
    private let box: ConfigBox

    /// Starts those that are on; before there are loops.
    init(_ config: EffectiveConfig, _ broker: Broker, _ log: Logger) throws(PluginError) {
        let box = ConfigBox(config)
        registry = PluginRegistry(
            [
                ACLPlugin(log: log) { box.value.acl },
                PasswordPlugin(log: log) { box.value.passwords },
            ], broker: broker, log: log)
        self.box = box
        try registry.start(
            config.enabledPlugins.map { PluginRegistry.Wanted($0, priority: config.priority(of: $0)) })
    }

    /// Looks for changes from now on.
    func run(_ runtime: BrokerRuntime) throws(PluginError) { try registry.run { runtime.setHooks($0) } }

    /// Goes by what operators set while the broker runs.
    func follow(_ settings: RuntimeSettings) {
        settings.observe { [box, registry] config in
            box.set(config)
            registry.settingsChanged()
        }
    }
}

extension PluginStart {
    /// Shows what plugins were asked.
    func register(in metrics: MetricsRegistry) throws(MetricConflict) {
        try metrics.register(PluginMetrics.room) { [registry] in registry.read(&$0) }
    }
}

/// What operators ask of plugins.
extension PluginStart: PluginOperations {
    var plugins: [PluginRow] {
        registry.running.map { one in
            PluginRow(
                name: one.name,
                hooks: Array(zip(one.points, one.readings)).map { (point: $0.0, reading: $0.1) },
                entries: one.file?.entries, badLines: one.file?.badLines, waiting: one.work?.waitingJobs)
        }
    }

    func enable(_ name: String) throws(PluginRefusal) {
        do throws(PluginError) { try registry.enable(name) } catch { throw PluginRefusal(error.reason) }
    }

    func disable(_ name: String) throws(PluginRefusal) {
        do throws(PluginError) { try registry.disable(name) } catch { throw PluginRefusal(error.reason) }
    }

    func checkACL(_ path: String?) throws(PluginRefusal) -> ACLFindings {
        let settings = box.value.acl
        let file = path ?? settings.path
        do throws(PluginError) {
            let content = try ACLPlugin.read(file, maximumDepth: settings.maximumDepth)
            let isOwn = file == settings.path
            return ACLFindings(
                path: file, ruleCount: content.rules.count,
                findings: ACLLinter.check(content, settings.manners).map {
                    // Who asks may not be allowed to read whatever file it names.
                    (
                        line: $0.line, isSkipped: $0.isSkipped,
                        text: isOwn || !$0.isSkipped ? $0.text : "no rule, or one whose filter is not valid"
                    )
                },
                skippedCount: content.skippedCount)
        } catch {
            throw PluginRefusal(error.reason)
        }
    }
}

/// What plugins go by, made anew when a setting changes: they ask each second.
private final class ConfigBox: Sendable {
    struct Value: Sendable {
        let acl: ACLPlugin.Settings
        let passwords: PasswordPlugin.Settings
    }

    private let state: Mutex<Value>

    init(_ config: EffectiveConfig) { state = Mutex(Self.value(config)) }

    private static func value(_ config: EffectiveConfig) -> Value {
        Value(acl: ACLPlugin.Settings(config), passwords: PasswordPlugin.Settings(config))
    }

    var value: Value { state.withLock { $0 } }
    func set(_ config: EffectiveConfig) {
        let value = Self.value(config)
        state.withLock { $0 = value }
    }
}

extension PasswordPlugin.Settings {
    fileprivate init(_ config: EffectiveConfig) {
        self.init(
            path: config.string(.passwordFile), reloadInterval: config.integer(.passwordReloadInterval),
            isNamed: config.isSet(.passwordFile), threads: config.integer(.passwordThreads))
    }
}

extension ACLPlugin.Settings {
    fileprivate init(_ config: EffectiveConfig) {
        var manners = ACLMatcher.Manners()
        manners.isStrict = config.flag(.aclStrictSubscribe)
        manners.protectsSystemTopics = config.flag(.aclProtectSystemTopics)
        self.init(
            path: config.string(.aclFile), reloadInterval: config.integer(.aclReloadInterval),
            isNamed: config.isSet(.aclFile), manners: manners,
            maximumDepth: BrokerSettings(config).publish.topicMaxDepth)
    }
}
