extension AdminCommands {
    private static let address = [
        Argument(
            "address", "IpAddr", completion: .listeners,
            help: "An IP address, or local:/path for a Unix socket."),
        Argument("port", "Port", .integer(0...65535), completion: .ports, help: "The port."),
    ]

    static let listener = [
        AdminCommand(
            "listener show", "Shows listeners, their state and how many connections they have",
            flags: [
                Flag("tls", "t", help: "Shows the settings of TLS too."),
                Flag("mqtt", "m", help: "Shows the settings of MQTT too."),
            ],
            examples: ["listener show", "listener show --tls"]),
        AdminCommand(
            "listener start", "Makes a listener and starts it",
            details:
                "It is not written to the configuration: it is gone when the broker is started anew. Without "
                + "--websocket or --http it is a listener for MQTT over TCP. Each flag means what the setting of its name "
                + "means for a listener in the configuration, and what is not given is as it is for one there.",
            arguments: address, flags: listenerFlags + tlsFlags + httpFlags, effect: .changes,
            examples: [
                "listener start address=0.0.0.0 port=1884 --mountpoint=building-1",
                "listener start address=0.0.0.0 port=8080 --websocket --max_connections=1000",
                "listener start address=127.0.0.1 port=8890 --http --http_modules=vmq_metrics_http",
            ]),
        AdminCommand(
            "listener stop", "Stops to accept connections, and keeps those that there are",
            details: asksWith("kill_sessions"),
            arguments: address,
            flags: [Flag("kill_sessions", "k", help: "Closes the connections too.")], effect: .changes,
            examples: ["listener stop address=0.0.0.0 port=1884"]),
        AdminCommand(
            "listener restart", "Accepts connections again after listener stop", arguments: address,
            effect: .changes, examples: ["listener restart address=0.0.0.0 port=1884"]),
        AdminCommand(
            "listener delete", "Removes a listener and closes its connections", details: asks,
            arguments: address,
            effect: .changes, examples: ["listener delete address=0.0.0.0 port=1884"]),
    ]

    private static func truth(_ name: String, _ help: String) -> Flag {
        Flag(name, nil, "Bool", .boolean, isOptional: true, help: help)
    }

    private static let listenerFlags = [
        Flag(
            "mountpoint", "m", "Mountpoint", .text, defaultValue: "",
            help: "What stands before the topics of its clients, so that they are among themselves."),
        Flag(
            "max_connections", nil, "N", .integer(0...Int.max, words: ["infinity"]),
            help: "How many clients may be connected. By default the setting max_connections says it."),
        Flag(
            "nr_of_acceptors", nil, "N", positive,
            help: "How many accept connections at once. By default the setting nr_of_acceptors says it."),
        Flag(
            "allowed_protocol_versions", nil, "Versions", .list(.choice(["3", "4", "5", "131", "132"])),
            help:
                "The versions of MQTT that clients may use, such as 3,4,5. By default those of configured listeners."
        ),
        truth("allow_anonymous_override", "Lets clients in without a check, whatever allow_anonymous says."),
        Flag("auth_plugins", nil, "Plugins", .list(.text), help: "The plugins that say who may connect."),
        Flag(
            "authz_plugins", nil, "Plugins", .list(.text),
            help: "The plugins that say who may publish and subscribe."),
        Flag("websocket", help: "MQTT over WebSocket; with --ssl over secure WebSocket."),
        Flag("proxy_protocol", help: "A proxy sends the address of the client first (PROXY protocol)."),
        truth("proxy_protocol_use_cn_as_username", "The proxy's certificate name (CN) is the user name."),
        truth("proxy_xff_support", "A proxy sends the address in X-Forwarded-For (WebSocket)."),
        truth("proxy_xff_use_cn_as_username", "A header of the proxy has the user name (WebSocket)."),
        Flag(
            "proxy_xff_trusted_intermediate", nil, "Addresses", .text, help: "The proxies that are believed."),
        Flag("proxy_xff_cn_header", nil, "Header", .text, help: "The header that has the user name."),
    ]

    private static let tlsFlags = [
        Flag("ssl", help: "Connections are encrypted. The flags of TLS count only with it."),
        Flag(
            "tls_handshake_timeout", nil, "Milliseconds", .integer(0...Int.max, words: ["infinity"]),
            help: "How long a client may take to set up TLS."),
        Flag("cafile", nil, "CaFile", .file, help: "The certificates that those of clients must come from."),
        Flag("certfile", nil, "CertificateFile", .file, help: "The certificate of the listener."),
        Flag("keyfile", nil, "KeyFile", .file, help: "The key of the certificate."),
        Flag("keypasswd", nil, "Password", .text, help: "The password of the key."),
        Flag("crlfile", nil, "CRLFile", .file, help: "Certificates of clients that are revoked."),
        Flag("tls_version", nil, "Versions", .text, help: "The version of TLS, or a list of versions."),
        Flag("ciphers", nil, "CiphersList", .text, help: "Ciphers with colons between them."),
        Flag("eccs", nil, "EllipticCurveList", .text, help: "Elliptic curves with colons between them."),
        truth("require_certificate", "Clients must have a certificate."),
        truth("use_identity_as_username", "The name in the certificate is the user name."),
        truth("psk_support", "Clients may use a shared key in place of a certificate."),
        Flag("pskfile", nil, "PskFile", .file, help: "The shared keys."),
        truth("forward_connection_opts", "Plugins are given the details of the connection."),
    ]

    private static let httpFlags = [
        Flag("http", help: "Pages and the HTTP API; with --ssl over HTTPS."),
        Flag(
            "http_modules", nil, "Modules", .list(.text),
            help: "Which pages it has, with commas between them."),
        Flag("config_mod", nil, "Module", .text, help: "Taken and not used: VerneMQ asks for it."),
        Flag("config_fun", nil, "Function", .text, help: "Taken and not used: VerneMQ asks for it."),
    ]
}
