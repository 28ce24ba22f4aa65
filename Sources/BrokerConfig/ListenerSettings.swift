/// One listener with everything it inherits from its kind and from all listeners.
package struct ListenerSettings: Equatable, Sendable {
    /// The pages an HTTP listener can serve.
    package static let httpModuleNames = [
        "vmq_metrics_http", "vmq_http_mgmt_api", "vmq_http_v2_api", "vmq_status_http", "vmq_health_http",
        "vmq_http_pub", "vmq_web_ui",
    ]

    /// Those this build has.
    static let servedHTTPModules: Set = [
        "vmq_metrics_http", "vmq_status_http", "vmq_health_http", "vmq_http_mgmt_api", "vmq_http_v2_api",
    ]

    /// What the listener speaks. A kind that this build does not have cannot be started.
    package let kind: ListenerKind
    /// The third word of its key, such as `default`; of one that was started at run time its address.
    package var name: String
    /// Where it listens.
    package let address: AddressSetting
    /// `Int.max` for no limit.
    package let maxConnections: Int
    /// `refuse` or `wait`.
    package let maxConnectionsAction: String
    /// Seconds; 0 for no limit.
    package let maxConnectionLifetime: Int
    /// Without a trailing slash; empty for the usual topic space.
    package let mountpoint: String
    /// Protocol levels of CONNECT that are let in: 3, 4 and 5, and 131 and 132 for bridges of MQTT 3.1 and
    /// 3.1.1.
    package let allowedProtocolVersions: [Int]
    /// Every client may connect here, whatever `allow_anonymous` says.
    package let allowAnonymousOverride: Bool
    /// The plugins that say who may connect here, in their order; nil = all.
    package let authPlugins: [String]?
    /// The plugins that say which topics its clients may use, in their order; nil = all.
    package let authzPlugins: [String]?
    /// Empty for listeners that are not HTTP.
    package let httpModules: [String]
    /// Bytes: socket send, socket receive, read buffer.
    package let bufferSizes: [Int]?
    /// Bytes; HTTP and WebSocket.
    package let maxRequestLineLength: Int
    /// Bytes; HTTP and WebSocket.
    package let maxHeaderValueLength: Int
    /// What a listener with TLS proves itself with; nil for others.
    package let tls: TLSSettings?
    /// How a proxy tells of its clients; nil = it does not.
    package let proxy: ProxySettings?
    /// How WebSocket is spoken; nil for others.
    package let webSocket: WebSocketSettings?
    /// Connections a second of one address; 0 = any number.
    package let connectionRateLimit: Int
    /// Connections of one address at once.
    package let connectionRateBurst: Int
    /// Connections that are not as far as the first byte; 0 = any number.
    package let maxHandshakes: Int
    /// Where its address is set.
    package let source: SettingSource

    /// Such as `listener.tcp.default`.
    package var key: String { ConfKey(words: ["listener", kind.rawValue, name]).description }
}

/// How a proxy tells of its clients, in a header of the PROXY protocol.
package struct ProxySettings: Equatable, Sendable {
    /// Whose header is believed.
    package let trusted: NetworksSetting
    /// The name in the client's certificate becomes the user name.
    package let usesNameAsUserName: Bool
}

/// How WebSocket is spoken.
package struct WebSocketSettings: Equatable, Sendable {
    /// Who may tell the client's address in X-Forwarded-For; nil = nobody is asked.
    package let forwarders: NetworksSetting?
    /// The header with the name in the client's certificate, which becomes the user name; nil = none.
    package let nameHeader: String?
    /// Pages that browsers may connect from; empty = any.
    package let allowedOrigins: [String]
}

extension EffectiveConfig {
    /// Bytes of the largest frame of WebSocket.
    package var webSocketFrameLimit: UInt64 {
        UInt64(string(.maxWebSocketFrameSize)) ?? .max
    }

    /// Every listener that has an address, by kind and name. Kinds this build cannot start are among them. Without
    /// any HTTP listener there is one named `default`, as in VerneMQ.
    package func listeners() -> [ListenerSettings] {
        ListenerKind.allCases.flatMap { kind -> [ListenerSettings] in
            let prefix = ["listener", kind.rawValue]
            var names = listenerKeys.filter { key in
                // A name that is also an option of the kind was read as that option.
                key.words.count == 3 && key.words.starts(with: prefix)
                    && table.setting(for: key)?.isPattern == true
            }.map { $0.words[2] }
            if kind == .http, names.isEmpty { names = ["default"] }
            return names.sorted().compactMap { listener(kind, $0) }
        }
    }

    private func listener(_ kind: ListenerKind, _ name: String) -> ListenerSettings? {
        let key = ConfKey(words: ["listener", kind.rawValue, name]).description
        guard let value = value(key), let address = AddressSetting(value.text) else { return nil }
        func text(_ option: String) -> String? { listenerOption(option, of: kind, name)?.text }
        func number(_ option: String) -> Int { text(option).flatMap { Int($0) } ?? 0 }
        let isHTTP = kind == .http || kind == .https
        let ownModules = text("http_modules").flatMap(ConfigValue.words) ?? []
        let modules = ownModules.isEmpty ? ConfigValue.words(string(.httpModules)) ?? [] : ownModules
        var mountpoint = text("mountpoint") ?? "off"
        while mountpoint.hasSuffix("/") { mountpoint.removeLast() }
        let connections = text("max_connections") ?? ""
        return ListenerSettings(
            kind: kind, name: name, address: address,
            maxConnections: connections == "infinity" ? .max : Int(connections) ?? .max,
            maxConnectionsAction: text("max_connections_action") ?? "refuse",
            maxConnectionLifetime: number("max_connection_lifetime"),
            mountpoint: mountpoint == "off" ? "" : mountpoint,
            allowedProtocolVersions: text("allowed_protocol_versions").flatMap(ConfigValue.integers) ?? [],
            allowAnonymousOverride: text("allow_anonymous_override") == "on",
            authPlugins: text("auth_plugins").map { ConfigValue.words($0) ?? [] },
            authzPlugins: text("authz_plugins").map { ConfigValue.words($0) ?? [] },
            httpModules: isHTTP ? modules : [],
            bufferSizes: text("buffer_sizes").flatMap(ConfigValue.integers),
            maxRequestLineLength: number("max_request_line_length"),
            maxHeaderValueLength: number("max_header_value_length"),
            tls: [.ssl, .wss, .https].contains(kind)
                ? TLSSettings(text, hosts: hosts(of: kind, name), isHTTP: isHTTP) : nil,
            proxy: kind.isMQTT && text("proxy_protocol") == "on"
                ? ProxySettings(
                    trusted: text("proxy_protocol_trusted").flatMap(NetworksSetting.init) ?? .any,
                    usesNameAsUserName: text("proxy_protocol_use_cn_as_username") == "on") : nil,
            webSocket: kind == .ws || kind == .wss ? WebSocketSettings(text) : nil,
            connectionRateLimit: number("connection_rate_limit"),
            connectionRateBurst: number("connection_rate_burst"), maxHandshakes: number("max_handshakes"),
            source: value.source)
    }

    /// The hosts that a listener has certificates for, with their files.
    private func hosts(of kind: ListenerKind, _ name: String) -> [TLSSettings.Host] {
        let prefix = ["listener", kind.rawValue, name, "sni"]
        let names = Set(
            listenerKeys.filter { $0.words.count == 6 && $0.words.starts(with: prefix) }.map { $0.words[4] })
        return names.sorted().map { host in
            func file(_ option: String) -> String {
                value(ConfKey(words: prefix + [host, option]).description)?.text ?? ""
            }
            return TLSSettings.Host(
                name: host, certificateFile: file("certfile"), keyFile: file("keyfile"),
                ocspFile: file("ocsp_staple_file"))
        }
    }

    /// What is in force for `option` of one listener: its own value, else that of its kind, else that of all
    /// listeners, else the default. `-1` and empty text mean "not set".
    package func listenerOption(_ option: String, of kind: ListenerKind, _ name: String) -> Value? {
        let own = ConfKey(words: ["listener", kind.rawValue, name]).description + ".\(option)"
        let ofKind = "listener.\(kind).\(option)"
        let root = "listener.\(option)"
        func isSet(_ value: Value) -> Bool { value.text != "-1" && !value.text.isEmpty }
        for key in [own, ofKind, root] {
            if let value = set[key], isSet(value) { return value }
        }
        for pattern in ["listener.\(kind).$name.\(option)", ofKind, root] {
            let key = pattern.hasSuffix("$name.\(option)") ? own : pattern
            if let setting = table.setting(pattern: pattern), let value = defaultValue(of: setting, key: key),
                isSet(value)
            {
                return value
            }
        }
        return nil
    }
}
