/// What a listener speaks; the second word of its keys.
package enum ListenerKind: String, CaseIterable, Sendable {
    /// MQTT over TCP, TLS, WebSocket, and WebSocket with TLS; messages between nodes, without and with TLS; HTTP
    /// pages, without and with TLS.
    case tcp, ssl, ws, wss, vmq, vmqs, http, https

    /// MQTT clients connect to it.
    package var carriesMQTT: Bool { [.tcp, .ssl, .ws, .wss].contains(self) }

    /// This build can start it.
    package var isImplemented: Bool { self != .vmq && self != .vmqs }

    /// It speaks MQTT with clients.
    package var isMQTT: Bool { self == .tcp || self == .ssl || self == .ws || self == .wss }

    /// What `listener show` calls it.
    package var shownName: String {
        switch self {
        case .tcp: "mqtt"
        case .ssl: "mqtts"
        case .ws: "mqttws"
        case .wss: "mqttwss"
        case .vmq, .vmqs, .http, .https: rawValue
        }
    }
}

/// One option of listeners, and on which levels which kinds have it.
///
///     listener.tcp.default.max_connections   level of the listener
///     listener.tcp.max_connections           level of the kind
///     listener.max_connections               root
private struct ListenerOption {
    typealias Kinds = Set<ListenerKind>
    static let mqtt: Kinds = [.tcp, .ssl, .ws, .wss]
    static let tls: Kinds = [.ssl, .wss, .vmqs, .https]
    static let web: Kinds = [.http, .https]

    let name: String
    let type: SettingType
    /// The kinds that have it on the level of the listener, and of the kind.
    var named: Kinds = []
    var ofKind: Kinds = []
    /// The kinds for which it is in the sample file on the level of the kind.
    var shown: Kinds = []
    /// The defaults on the two levels.
    var namedDefault: String?
    var kindDefault: String?
    var traits: Setting.Traits = []
    var status: Setting.Status = .implemented
    /// Kinds for which this build has it, whatever `status` says of the others.
    var served: Kinds = []
    let meaning: String
    /// Values that ask for nothing, on either level.
    var harmless: [String] = []

    /// The settings this stands for.
    var settings: [Setting] {
        // The default of the kind asks for nothing when it is written for one listener either.
        let inherited = harmless + [namedDefault, kindDefault, ""].compactMap(\.self)
        return ListenerKind.allCases.flatMap { kind -> [Setting] in
            var result: [Setting] = []
            let isServed = status == .implemented && kind.isImplemented || served.contains(kind)
            let kindStatus = isServed ? .implemented : status == .implemented ? .notYet(.harmless) : status
            if ofKind.contains(kind) {
                let traits = shown.contains(kind) ? traits : traits.union(.hidden)
                result.append(
                    Setting(
                        "listener.\(kind).\(name)", type, kindDefault, traits, status: kindStatus,
                        meaning: "\(meaning) (all \(kind) listeners)", harmless: inherited))
            }
            if named.contains(kind) {
                let isShown = name == "allow_anonymous_override"
                result.append(
                    Setting(
                        "listener.\(kind).$name.\(name)", type, namedDefault,
                        isShown ? traits : traits.union(.hidden), status: kindStatus, meaning: meaning,
                        harmless: inherited))
            }
            return result
        }
    }
}

extension SettingsTable {
    private static let connections = SettingType.integer(-1...Int.max, words: ["infinity"])

    static let listenerRoots = SettingGroup(
        "Listeners: common to all",
        [
            Setting(
                "listener.max_connections", .integer(1...Int.max, words: ["infinity"]), "10000",
                meaning: "connections at the same time, for each listener"),
            Setting(
                "listener.max_connections_action", .choice(["refuse", "wait"]), "refuse", .ours,
                meaning:
                    "a client over max_connections, or out of descriptors, is told and closed, or waits in the backlog as in VerneMQ"
            ),
            Setting(
                "listener.max_connection_lifetime", .time, "0", .seconds,
                meaning: "age at which a connection is closed, 0 for never"),
            Setting(
                "listener.mountpoint", .text, "off", .hidden,
                meaning: "topic space of the clients; off for the usual one"),
            Setting(
                "listener.nr_of_acceptors", .anyInteger, "10", status: .ignored("every event loop accepts"),
                meaning: "acceptor workers"),
        ])

    static let listenerAddresses = SettingGroup(
        "Listeners: addresses",
        [
            Setting(
                "listener.tcp.$name", .address(unixSocket: true), nil,
                meaning: "MQTT over TCP, or over a Unix socket"),
            Setting(
                "listener.ssl.$name", .address(unixSocket: false), nil,
                meaning: "MQTT over TLS"),
            Setting(
                "listener.ws.$name", .address(unixSocket: false), nil, .hidden,
                meaning: "MQTT over WebSocket"),
            Setting(
                "listener.wss.$name", .address(unixSocket: false), nil, .hidden,
                meaning: "MQTT over WebSocket and TLS"),
            Setting(
                "listener.vmq.$name", .address(unixSocket: false), "0.0.0.0:44053", status: .notYet(.changes),
                meaning: "messages between nodes"),
            Setting(
                "listener.vmqs.$name", .address(unixSocket: false), "0.0.0.0:44054", .hidden,
                status: .notYet(protects: .tlsListener),
                meaning: "messages between nodes, over TLS"),
            Setting(
                "listener.http.$name", .address(unixSocket: false), "127.0.0.1:8888",
                meaning: "metrics, health and status pages; without any there is one named default"),
            Setting(
                "listener.https.$name", .address(unixSocket: false), "127.0.0.1:8889", .hidden,
                meaning: "the same over TLS"),
        ])

    static let listenerOptions = SettingGroup("Listeners: options", options.flatMap(\.settings))

    private static let all = Set(ListenerKind.allCases)
    private static let mqtt = ListenerOption.mqtt
    private static let tls = ListenerOption.tls
    private static let web = ListenerOption.web

    private static let options: [ListenerOption] =
        commonOptions + accessOptions + webOptions + proxyOptions + tlsOptions + ownTLSOptions

    private static let commonOptions: [ListenerOption] = [
        ListenerOption(
            name: "max_connections", type: connections, named: all, ofKind: all, namedDefault: "-1",
            kindDefault: "-1",
            meaning: "connections at the same time, -1 to inherit"),
        ListenerOption(
            name: "max_connections_action", type: .choice(["refuse", "wait"]), named: mqtt, ofKind: mqtt,
            traits: .ours,
            meaning: "what happens to a client over the limit: refuse or wait"),
        ListenerOption(
            name: "max_connection_lifetime", type: .time, named: mqtt, ofKind: mqtt, traits: .seconds,
            meaning: "age at which a connection is closed, 0 for never"),
        ListenerOption(
            name: "nr_of_acceptors", type: .anyInteger, named: mqtt, ofKind: mqtt, namedDefault: "-1",
            kindDefault: "-1", status: .ignored("every event loop accepts"), meaning: "acceptor workers"),
        ListenerOption(
            name: "nr_of_acceptors", type: .anyInteger, named: all.subtracting(mqtt),
            ofKind: all.subtracting(mqtt),
            namedDefault: "10", kindDefault: "10", status: .ignored("every event loop accepts"),
            meaning: "acceptor workers"),
        ListenerOption(
            name: "mountpoint", type: .text, named: mqtt.union([.vmq, .vmqs]),
            ofKind: mqtt.union([.vmq, .vmqs]),
            meaning: "topic space of the clients; off for the usual one"),
        ListenerOption(
            name: "allowed_protocol_versions", type: .integerList([3, 4, 5, 131, 132]), named: mqtt,
            ofKind: mqtt,
            shown: [.tcp], kindDefault: "3,4,5,131",
            meaning: "protocol levels of CONNECT let in; 131 and 132 are bridges of 3.1 and 3.1.1"),
        ListenerOption(
            name: "allow_anonymous_override", type: .flag, named: mqtt, namedDefault: "off",
            meaning: "let every client in here, whatever allow_anonymous says"),
        ListenerOption(
            name: "auth_plugins", type: .text, named: mqtt, traits: .new,
            meaning: "plugins that authenticate here, in this order"),
        ListenerOption(
            name: "authz_plugins", type: .text, named: mqtt, traits: .new,
            meaning: "plugins that authorise here, in this order"),
        ListenerOption(
            name: "forward_connection_opts", type: .flag, named: mqtt, ofKind: mqtt, shown: mqtt,
            kindDefault: "off",
            traits: .new, status: .notYet(.changes),
            meaning: "tell authentication plugins about listener and certificate"),
        ListenerOption(
            name: "buffer_sizes", type: .bufferSizes, named: [.tcp, .ssl, .vmq], ofKind: [.tcp, .ssl],
            shown: [.tcp],
            meaning: "socket send, socket receive and read buffer, in bytes"),
        ListenerOption(
            name: "active_n", type: .integer(1...32767), named: [.tcp, .ssl], ofKind: [.tcp, .ssl],
            shown: [.tcp],
            traits: .new, status: .ignored("the event loop reads what there is"),
            meaning: "packets for each activation"),
    ]

    private static let accessOptions: [ListenerOption] = [
        ListenerOption(
            name: "connection_rate_limit", type: .integer(0...1_000_000), named: mqtt, ofKind: mqtt,
            kindDefault: "0", traits: .ours,
            meaning: "connections a second that one address may make here, 0 for any number"),
        ListenerOption(
            name: "connection_rate_burst", type: .integer(1...1_000_000), named: mqtt, ofKind: mqtt,
            kindDefault: "100", traits: .ours,
            meaning: "connections that one address may make at once, where connection_rate_limit is set"),
        ListenerOption(
            name: "max_handshakes", type: .integer(0...Int(Int32.max)), named: mqtt, ofKind: mqtt,
            kindDefault: "1000", traits: .ours,
            meaning:
                "connections in the midst of PROXY header, TLS handshake or WebSocket request; more wait, 0 for any number"
        ),
        ListenerOption(
            name: "allowed_origins", type: .text, named: [.ws, .wss], ofKind: [.ws, .wss], kindDefault: "",
            traits: .ours,
            meaning: "pages that browsers may connect from, with commas; empty for any"),
    ]

    private static let webOptions: [ListenerOption] =
        [
            ListenerOption(
                name: "max_request_line_length", type: .integer(1...Int(Int32.max)),
                named: web.union([.ws, .wss]),
                namedDefault: "8000", traits: .bytes, meaning: "longest HTTP request line"),
            ListenerOption(
                name: "max_header_value_length", type: .integer(1...Int(Int32.max)),
                named: web.union([.ws, .wss]),
                namedDefault: "4096", traits: .bytes, meaning: "longest value of an HTTP header"),
            ListenerOption(
                name: "config_mod", type: .atom, named: web, namedDefault: "vmq_http_config",
                status: .ignored("internal to VerneMQ"), meaning: "module that configures the listener"),
            ListenerOption(
                name: "config_fun", type: .atom, named: web, namedDefault: "config",
                status: .ignored("internal to VerneMQ"), meaning: "function that configures the listener"),
            ListenerOption(
                name: "http_modules", type: .wordList(ListenerSettings.httpModuleNames), named: web,
                namedDefault: "[]",
                meaning: "pages served here; empty for those of http_modules"),
            ListenerOption(
                name: "http_module.$module.auth.mode", type: .choice(["apikey", "noauth"]), named: web,
                meaning: "who may use an HTTP module here"),
            ListenerOption(
                name: "http_modules.vmq_http_pub.mountpoint", type: .text, named: web, traits: .new,
                status: .notYet(.harmless),
                meaning: "mountpoint of HTTP publishes here"),
            ListenerOption(
                name: "http_modules.vmq_http_pub.mqtt_auth.mode", type: .text, named: web, traits: .new,
                status: .notYet(.harmless),
                meaning: "whose rights an HTTP publish uses here"),
            ListenerOption(
                name: "http_modules.vmq_http_pub.mqtt_auth.auth_plugin", type: .text, named: web,
                traits: .new,
                status: .notYet(.harmless), meaning: "hooks that check an HTTP publish here"),
            ListenerOption(
                name: "http_modules.vmq_http_pub.mqtt_auth.user", type: .text, named: web, traits: .new,
                status: .notYet(.harmless),
                meaning: "user of predefined mode here"),
            ListenerOption(
                name: "http_modules.vmq_http_pub.mqtt_auth.password", type: .text, named: web,
                traits: [.new, .secret],
                status: .notYet(.harmless), meaning: "password of predefined mode here"),
            ListenerOption(
                name: "http_modules.vmq_http_pub.mqtt_auth.client_id", type: .text, named: web, traits: .new,
                status: .notYet(.harmless), meaning: "client id of predefined mode here"),
        ]
        + [
            ("high_watermark", "8192"), ("low_watermark", "4096"), ("high_msgq_watermark", "8192"),
            ("low_msgq_watermark", "4096"),
        ].map { name, value in
            ListenerOption(
                name: name, type: .count, named: [.vmq], namedDefault: value,
                status: .ignored("internal to VerneMQ"),
                meaning: "flow control between nodes")
        }

    private static let proxied: Set<ListenerKind> = [.tcp, .ws, .http]
    private static let securelyProxied: Set<ListenerKind> = [.ssl, .wss]

    private static let proxyOptions: [ListenerOption] = [
        ListenerOption(
            name: "proxy_protocol", type: .flag, named: proxied, ofKind: proxied, kindDefault: "off",
            status: .notYet(protects: .proxy), served: mqtt,
            meaning: "a PROXY header precedes each connection"),
        ListenerOption(
            name: "proxy_protocol", type: .flag, named: securelyProxied, ofKind: securelyProxied,
            kindDefault: "off", traits: .ours,
            meaning: "a PROXY header precedes the TLS handshake of each connection"),
        ListenerOption(
            name: "proxy_protocol_use_cn_as_username", type: .flag, named: securelyProxied,
            ofKind: securelyProxied, kindDefault: "off", traits: .ours,
            meaning: "the certificate name in that header becomes the user name"),
        ListenerOption(
            name: "proxy_protocol_trusted", type: .networks, named: mqtt, ofKind: mqtt, kindDefault: "any",
            traits: .ours, meaning: "addresses and networks whose PROXY header is believed; others are closed"
        ),
        ListenerOption(
            name: "proxy_protocol_use_cn_as_username", type: .flag, named: proxied, ofKind: proxied,
            kindDefault: "on",
            status: .notYet(.harmless), served: mqtt,
            meaning: "the certificate name in that header becomes the user name"),
        ListenerOption(
            name: "proxy_xff_support", type: .flag, named: [.ws], ofKind: [.ws], kindDefault: "off",
            meaning: "take the client's address from X-Forwarded-For"),
        ListenerOption(
            name: "proxy_xff_trusted_intermediate", type: .networks, named: [.ws], ofKind: [.ws],
            kindDefault: "", meaning: "proxies whose X-Forwarded-For is believed"),
        ListenerOption(
            name: "proxy_xff_use_cn_as_username", type: .flag, named: [.ws], namedDefault: "off",
            meaning: "the user name comes from a header"),
        ListenerOption(
            name: "proxy_xff_cn_header", type: .text, named: [.ws], namedDefault: "x-ssl-client-cn",
            meaning: "that header"),
    ]

    private static let tlsOptions: [ListenerOption] = [
        ListenerOption(
            name: "tls_handshake_timeout", type: .integer(-1...Int(Int32.max), words: ["infinity"]),
            named: tls,
            ofKind: tls, kindDefault: "-1", traits: .milliseconds, status: .notYet(.harmless),
            served: secure, meaning: "time for the TLS handshake, -1 for 5000"),
        ListenerOption(
            name: "cafile", type: .file, named: tls, ofKind: tls, shown: [.ssl, .https], kindDefault: "",
            status: .notYet(protects: .certificate), served: pages,
            meaning: "certificates that are trusted (PEM)"),
        ListenerOption(
            name: "depth", type: .count, named: tls, ofKind: tls, kindDefault: "1",
            status: .notYet(protects: .certificate), served: secure,
            meaning: "longest chain of certificates"),
        ListenerOption(
            name: "certfile", type: .file, named: tls, ofKind: tls, shown: [.ssl, .https], kindDefault: "",
            status: .notYet(protects: .tls), served: pages, meaning: "certificate of the server (PEM)"),
        ListenerOption(
            name: "keyfile", type: .file, named: tls, ofKind: tls, shown: [.ssl, .vmqs, .https],
            kindDefault: "",
            status: .notYet(protects: .tls), served: pages, meaning: "its key (PEM)"),
        ListenerOption(
            name: "keypasswd", type: .text, named: tls, ofKind: tls, kindDefault: "", traits: .secret,
            status: .notYet(protects: .tls), served: pages,
            meaning: "password of the key"),
        ListenerOption(
            name: "ciphers", type: .text, named: tls, ofKind: tls, shown: [.ssl, .vmqs, .https],
            kindDefault: "",
            status: .notYet(protects: .tls), served: secure,
            meaning: "ciphers in OpenSSL's names; empty for the library's choice"),
        ListenerOption(
            name: "eccs", type: .text, named: tls, ofKind: tls, shown: [.ssl, .vmqs, .https],
            namedDefault: "",
            kindDefault: "", status: .notYet(protects: .tls), served: secure,
            meaning: "named curves; empty for all"),
        ListenerOption(
            name: "crlfile", type: .file, named: tls, ofKind: tls, shown: [.ssl], kindDefault: "",
            status: .notYet(protects: .certificate), served: secure,
            meaning: "revoked certificates (PEM)"),
        ListenerOption(
            name: "require_certificate", type: .flag, named: tls, ofKind: tls, shown: [.ssl, .vmqs, .https],
            kindDefault: "off", status: .notYet(protects: .certificate), served: pages,
            meaning: "refuse clients without a valid certificate"),
        ListenerOption(
            name: "tls_version", type: .wordList(TLSSettings.versionNames), named: tls, ofKind: tls,
            shown: [.ssl, .vmqs, .https],
            kindDefault: "tlsv1.2", status: .notYet(protects: .tls), served: secure,
            meaning: "versions of TLS that are spoken"),
        ListenerOption(
            name: "use_identity_as_username", type: .flag, named: [.ssl, .wss], ofKind: [.ssl, .wss],
            shown: [.ssl],
            kindDefault: "off",
            meaning: "the name in the client's certificate becomes the user name"),
        ListenerOption(
            name: "psk_support", type: .flag, named: [.ssl], ofKind: [.ssl], shown: [.ssl],
            kindDefault: "off", meaning: "pre-shared keys"),
        ListenerOption(
            name: "psk_identity_hint", type: .text, named: [.ssl], ofKind: [.ssl], shown: [.ssl],
            kindDefault: "VMQ_PSK", meaning: "identity hint for pre-shared keys"),
        ListenerOption(
            name: "pskfile", type: .file, ofKind: [.ssl], shown: [.ssl], kindDefault: "./etc/vmq.psk",
            meaning: "file of pre-shared keys"),
        ListenerOption(
            name: "pskfile_separator", type: .character, ofKind: [.ssl], shown: [.ssl], kindDefault: ":",
            meaning: "what separates identity and key in it"),
    ]

    private static let secure: Set<ListenerKind> = [.ssl, .wss]
    private static let pages: Set<ListenerKind> = [.ssl, .wss, .https]

    private static let ownTLSOptions: [ListenerOption] = [
        ListenerOption(
            name: "capath", type: .file, named: secure, ofKind: secure, kindDefault: "", traits: .ours,
            meaning: "directory of trusted certificates (PEM), named by their hash"),
        ListenerOption(
            name: "dhfile", type: .file, named: secure, ofKind: secure, kindDefault: "", traits: .ours,
            meaning: "parameters of Diffie-Hellman (PEM); empty for none of it in finite fields"),
        ListenerOption(
            name: "ocsp_staple_file", type: .file, named: secure, ofKind: secure, kindDefault: "",
            traits: .ours, meaning: "answer of an OCSP responder about the certificate (DER)"),
        ListenerOption(
            name: "ktls", type: .flag, named: secure, ofKind: secure, kindDefault: "on", traits: .ours,
            meaning: "let the kernel encrypt, where it can"),
        ListenerOption(
            name: "session_ticket_lifetime", type: .integer(1...86_400), named: secure, ofKind: secure,
            kindDefault: "3600", traits: [.ours, .seconds],
            meaning: "time after which session tickets get another key; they are good for as long again"),
        ListenerOption(
            name: "sni.$host.certfile", type: .file, named: secure, traits: .ours,
            meaning: "certificate for clients that ask for this host (PEM)"),
        ListenerOption(
            name: "sni.$host.keyfile", type: .file, named: secure, traits: .ours, meaning: "its key (PEM)"),
        ListenerOption(
            name: "sni.$host.ocsp_staple_file", type: .file, named: secure, traits: .ours,
            meaning: "answer of an OCSP responder about it (DER)"),
    ]
}
