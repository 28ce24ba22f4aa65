/// What is looked at when every value is known: what this build does not have, and who could connect.
extension ConfigLoader {
    /// An error for what protects and is not there, a warning for what an operator asked for and does not get; an info
    /// where the value asks for nothing.
    mutating func tellStatus(
        of setting: Setting, _ value: EffectiveConfig.Value, _ config: EffectiveConfig
    ) {
        switch setting.status {
        case .implemented: break
        case .ignored(let why): tell(.info, value, "has no effect: \(why)")
        case .notYet(let absence):
            if let part = setting.mainSwitch, config.set[part]?.text == "off" {
                return tell(.info, value, "not implemented in this build, and \(part) is off")
            }
            guard setting.asksForSomething(value.text) else {
                // What is off is off.
                if setting.type == .flag, value.text == "off" { return }
                return tell(.info, value, "not implemented in this build; the value asks for nothing")
            }
            switch absence {
            case .protects(let protection):
                errors.append(
                    ConfigError(
                        .notProtected(decides: protection.decides, feature: protection.feature),
                        at: value.source, key: value.key, value: value.shownText))
            case .changes: tell(.warning, value, "not implemented in this build")
            case .harmless:
                tell(.info, value, "not implemented in this build, and nothing that is would be different")
            }
        }
        if setting.pattern.hasSuffix("http_modules"), let modules = ConfigValue.words(value.text) {
            let absent = modules.filter { !ListenerSettings.servedHTTPModules.contains($0) }
            if !absent.isEmpty {
                tell(.warning, value, "not implemented in this build: \(absent.joined(separator: ", "))")
            }
        }
        if setting.pattern == "subscriber_retain_mode", value.text == "syncwait" {
            tell(
                .warning, value,
                "syncwait is not implemented in this build; retained messages are sent at once")
        }
    }

    private mutating func tell(
        _ level: ConfigNote.Level, _ value: EffectiveConfig.Value, _ text: String
    ) {
        add(ConfigNote(level: level, source: value.source, key: value.key, text: text))
    }

    mutating func checkListeners(of config: EffectiveConfig) {
        let listeners = config.listeners()
        checkAddresses(of: listeners)
        for listener in listeners { checkStreams(of: listener) }
        checkOwners(of: config, listeners)
        for listener in listeners where listener.kind.isMQTT && !listener.address.isLoopback {
            guard config.flag(.allowAnonymous) || listener.allowAnonymousOverride else { continue }
            add(
                ConfigNote(
                    level: .warning, source: listener.source, key: listener.key,
                    text:
                        "anybody who reaches \(listener.address) may connect, publish and subscribe (allow_anonymous)"
                ))
        }
        checkPlugins(of: config, listeners)
        checkWayIn(of: config, listeners)
    }

    /// Listeners that name plugins, and what it means that there is none for something.
    private mutating func checkPlugins(of config: EffectiveConfig, _ listeners: [ListenerSettings]) {
        let enabled = config.enabledPlugins
        for listener in listeners {
            for (option, names) in [
                ("auth_plugins", listener.authPlugins), ("authz_plugins", listener.authzPlugins),
            ] {
                guard let names, let value = config.listenerOption(option, of: listener.kind, listener.name)
                else { continue }
                let wrong = names.filter { !enabled.contains($0) }
                let isRepeated = Set(names).count < names.count
                guard names.isEmpty || !wrong.isEmpty || isRepeated else { continue }
                let known = enabled.isEmpty ? "none is on" : "on are \(enabled.joined(separator: ", "))"
                errors.append(
                    ConfigError(
                        .malformedValue, at: value.source, key: value.key, value: value.text,
                        allowed: isRepeated
                            ? "a list that names each plugin once"
                            : "a list of plugins that are on (\(known))"))
            }
        }
        let decides = config.flag(.aclPlugin) || config.flag(.allowAllTopics)
        if !decides, let value = config.value(FlagKey.aclPlugin.rawValue) {
            add(
                ConfigNote(
                    level: .warning, source: value.source, key: value.key,
                    text:
                        "no plugin says which topics clients may use, so they can connect, and every PUBLISH and SUBSCRIBE is refused; allow_all_topics = on lets them use all"
                ))
        }
    }

    private mutating func checkAddresses(of listeners: [ListenerSettings]) {
        var owners: [AddressSetting: String] = [:]
        for listener in listeners {
            if case .ip(_, port: 0) = listener.address { continue }
            if let owner = owners[listener.address] {
                errors.append(
                    ConfigError(
                        .addressTaken(by: owner), at: listener.source, key: listener.key,
                        value: listener.address.description))
            }
            owners[listener.address] = listener.key
        }
    }

    /// What a listener needs that speaks TLS, or believes a proxy.
    private mutating func checkStreams(of listener: ListenerSettings) {
        func needs(_ option: String, _ why: String, _ write: String) {
            errors.append(
                ConfigError(
                    .needsSetting(why: why, write: write), at: listener.source,
                    key: "\(listener.key).\(option)"))
        }
        if listener.kind.isMQTT, let tls = listener.tls {
            let hasPair = !tls.certificateFile.isEmpty && !tls.keyFile.isEmpty
            if !hasPair, tls.preSharedKeys == nil || !(tls.certificateFile.isEmpty && tls.keyFile.isEmpty) {
                needs(
                    tls.certificateFile.isEmpty ? "certfile" : "keyfile",
                    "a listener that speaks TLS proves itself with a certificate and its key",
                    "the path of a PEM file")
            }
            if tls.versions.isEmpty {
                needs(
                    "tls_version", "it names no version of TLS",
                    TLSSettings.versionNames.joined(separator: ", "))
            }
            let verifies = tls.requiresCertificate || tls.usesIdentityAsUserName && tls.preSharedKeys == nil
            if verifies, tls.authorityFile.isEmpty, tls.authorityPath.isEmpty {
                needs(
                    "cafile", "certificates of clients are checked, and no authority is trusted",
                    "the path of a PEM file with the authorities")
            }
            if !tls.requiresCertificate, !tls.usesIdentityAsUserName, !tls.revocationFile.isEmpty {
                needs(
                    "require_certificate",
                    "a list of revoked certificates is given, and no certificate is asked for", "on")
            }
            for host in tls.hosts where host.certificateFile.isEmpty || host.keyFile.isEmpty {
                needs(
                    "sni.\(host.name)", "a host has a certificate and its key",
                    "both .certfile and .keyfile")
            }
        }
        if listener.webSocket?.forwarders == .listed([]) {
            needs(
                "proxy_xff_trusted_intermediate",
                "X-Forwarded-For is read, and nobody is trusted to write it, so nobody could connect",
                "the addresses of the proxies")
        }
        if listener.kind.isMQTT, let proxy = listener.proxy, proxy.trusted == .any,
            !listener.address.isLoopback
        {
            add(
                ConfigNote(
                    level: .warning, source: listener.source, key: "\(listener.key).proxy_protocol_trusted",
                    text:
                        "anybody who reaches \(listener.address) may claim any address in a PROXY header; list the proxies"
                ))
        }
    }

    /// Options of a listener that has no address.
    private mutating func checkOwners(of config: EffectiveConfig, _ listeners: [ListenerSettings]) {
        let known = Set(listeners.map(\.key))
        for key in config.listenerKeys where key.words.count > 3 {
            let owner = ConfKey(words: Array(key.words.prefix(3))).description
            guard let setting = table.setting(for: key), setting.pattern.contains("$name"),
                !known.contains(owner), !broken.contains(owner),
                let line = lines[key.description]
            else { continue }
            // The sample file of VerneMQ has such lines, with defaults.
            let asksForNothing = !setting.asksForSomething(line.value)
            note(
                asksForNothing ? .info : .warning, line,
                "\(owner) has no address, so there is no such listener")
        }
    }

    /// A broker that nobody can reach is never what was meant. Where something else is wrong, that may be the reason, and
    /// is said alone.
    private mutating func checkWayIn(of config: EffectiveConfig, _ listeners: [ListenerSettings]) {
        guard errors.omitted == 0, errors.items.allSatisfy(\.concernsTheStartAlone) else { return }
        if !listeners.contains(where: \.kind.isMQTT) {
            errors.append(
                ConfigError(
                    .nobodyCanConnect(
                        why: "there is no MQTT listener", write: "listener.tcp.default = 127.0.0.1:1883"),
                    at: .builtIn, key: "listener.tcp.$name"))
        }
        let key = FlagKey.allowAnonymous.rawValue
        if !config.flag(.allowAnonymous), !config.flag(.passwordPlugin),
            !listeners.contains(where: \.allowAnonymousOverride)
        {
            errors.append(
                ConfigError(
                    .nobodyCanConnect(
                        why: "it is off, and no plugin that authenticates clients is on",
                        write:
                            "plugins.vmq_passwd = on, or allow_anonymous = on, or "
                            + "listener.tcp.NAME.allow_anonymous_override = on for a listener that only trusted machines reach"
                    ),
                    at: config.value(key)?.source ?? .builtIn, key: key))
        }
    }
}
