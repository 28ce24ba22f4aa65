extension SettingsTable {
    static let bridges = SettingGroup(
        "Bridges", status: .notYet(.harmless),
        family("tcp", .init()) + family("ssl", .hidden) + secure + [
            Setting("vmq_bridge.tcp.br0.topic.1", .text, nil, meaning: "an example of the topic key"),
            Setting(
                "vmq_bridge.clique_lead_line", .text, "    bridge      Manage MQTT bridges\\n", .hidden,
                meaning: "help text internal to VerneMQ"),
        ])

    /// - Parameter visibility: VerneMQ shows the plain bridge in its sample file and hides the other.
    private static func family(_ kind: String, _ visibility: Setting.Traits) -> [Setting] {
        let prefix = "vmq_bridge.\(kind).$name"
        func setting(
            _ name: String, _ type: SettingType, _ value: String?, _ traits: Setting.Traits = [],
            _ meaning: String
        ) -> Setting {
            Setting("\(prefix).\(name)", type, value, traits.union(visibility), meaning: meaning)
        }
        return [
            Setting(
                prefix, .text, nil, visibility, status: .notYet(.changes),
                meaning: "host:port of the other broker; begins a bridge", mainSwitch: "plugins.vmq_bridge"),
            setting("cleansession", .flag, "off", [], "leave no session at the other broker"),
            setting("client_id", .text, "auto", [], "client id there; auto is made of host and bridge name"),
            setting("mountpoint", .text, "", .new, "topic space of this broker that is bridged"),
            setting(
                "keepalive_interval", .integer(0...65535), "60", .seconds,
                "keep alive told to the other broker"),
            setting("persistent_queue", .flag, "off", .new, "keep waiting messages on disk"),
            setting("queue_dir", .directory(), nil, .new, "directory for them, one for each bridge"),
            setting("username", .text, nil, [], "user name there"),
            setting("password", .text, nil, .secret, "password there"),
            setting("segment_size", .byteSize(), "4096", .new, "size of a piece of the queue on disk"),
            setting("outgoing_batch_size", .integer(1...Int.max), "100", .new, "messages sent at once"),
            setting(
                "topic.$topic_id", .text, nil, .hidden,
                "what is bridged: filter, direction, QoS, prefixes of both sides"),
            setting("restart_timeout", .time, "10", .seconds, "wait before connecting again"),
            setting("try_private", .flag, "on", [], "say that this is a bridge"),
            setting("mqtt_version", .choice(["3", "4", "5"]), "3", [], "protocol spoken: 3.1, 3.1.1 or 5"),
            setting(
                "max_outgoing_buffered_messages", .count, "0", [],
                "messages kept while not connected, 0 for none"),
            setting("pubrel_queue_ratio", .percent, "0", .new, "part of that kept free for PUBREL"),
            setting("inet_version", .choice(["inet", "inet6"]), "inet", [.hidden, .new], "IPv4 or IPv6"),
        ]
    }

    private static let secure: [Setting] = [
        Setting("vmq_bridge.ssl.$name.sni", .text, nil, .hidden, meaning: "server name told in TLS"),
        Setting("vmq_bridge.ssl.$name.cafile", .file, "", meaning: "certificates that are trusted (PEM)"),
        Setting("vmq_bridge.ssl.$name.capath", .file, "", .hidden, meaning: "directory of such certificates"),
        Setting("vmq_bridge.ssl.$name.certfile", .file, "", meaning: "own certificate (PEM)"),
        Setting("vmq_bridge.ssl.$name.keyfile", .file, "", meaning: "own key (PEM)"),
        Setting("vmq_bridge.ssl.$name.insecure", .flag, "off", meaning: "do not check the server's name"),
        Setting("vmq_bridge.ssl.$name.tls_version", .atom, "tlsv1.2", meaning: "version of TLS"),
        Setting("vmq_bridge.ssl.$name.identity", .text, "", meaning: "identity for a pre-shared key"),
        Setting("vmq_bridge.ssl.$name.psk", .text, "", .secret, meaning: "pre-shared key in hexadecimal"),
        Setting("vmq_bridge.ssl.$name.depth", .count, "1", .hidden, meaning: "longest chain of certificates"),
        Setting(
            "vmq_bridge.ssl.$name.customize_hostname_check", .choice(["https"]), "https",
            meaning: "wildcards in certificates as in HTTPS"),
    ]
}
