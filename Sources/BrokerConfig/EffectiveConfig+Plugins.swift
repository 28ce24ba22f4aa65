/// Which plugins run, and what they go by.
extension EffectiveConfig {
    /// The plugins that this build has and that are on, by name.
    package var enabledPlugins: [String] {
        [FlagKey.aclPlugin, .passwordPlugin].filter(flag).map {
            String($0.rawValue.dropFirst("plugins.".count))
        }
    }

    /// Where a plugin stands among those that are started with the broker; nil = behind those that say so.
    package func priority(of plugin: String) -> Int? {
        value("plugins.\(plugin).priority").flatMap { Int($0.text) }
    }

    /// Whether somebody has written the setting.
    package func isSet(_ key: StringKey) -> Bool { set[key.rawValue] != nil }
}

/// Who may come in, and what they may do: for people who are about to start a broker.
enum ConfigExposure {
    /// One line for each MQTT listener, and one for what those have in common.
    static func lines(_ config: EffectiveConfig) -> [String] {
        let listeners = config.listeners().filter { $0.kind.carriesMQTT && $0.kind.isImplemented }
        return listeners.map { line($0, config) }
    }

    private static func line(_ listener: ListenerSettings, _ config: EffectiveConfig) -> String {
        let reach = listener.address.isLoopback ? "this machine alone" : "every machine that reaches it"
        return
            "\(listener.key) at \(listener.address): from \(reach); \(who(listener, config)); \(what(listener, config))"
    }

    private static func who(_ listener: ListenerSettings, _ config: EffectiveConfig) -> String {
        if listener.allowAnonymousOverride { return "everybody may connect (allow_anonymous_override)" }
        if config.flag(.allowAnonymous) { return "everybody may connect (allow_anonymous)" }
        let plugins = listener.authPlugins ?? config.enabledPlugins
        guard plugins.contains("vmq_passwd") else { return "nobody may connect" }
        return "users of \(config.string(.passwordFile)) may connect"
    }

    private static func what(_ listener: ListenerSettings, _ config: EffectiveConfig) -> String {
        let plugins = listener.authzPlugins ?? config.enabledPlugins
        if plugins.contains("vmq_acl") { return "they may do what \(config.string(.aclFile)) allows" }
        let isOpen = listener.authzPlugins == nil && config.flag(.allowAllTopics)
        return isOpen
            ? "they may publish and subscribe everywhere (allow_all_topics)"
            : "they may neither publish nor subscribe (plugins.vmq_acl and allow_all_topics are off)"
    }
}
