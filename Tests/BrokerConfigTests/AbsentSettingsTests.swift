import Testing

@testable import BrokerConfig

/// Every key that this build does not have, held against what its absence means.
@Suite struct AbsentSettingsTests {
    private static let wayIn = [
        ("allow_anonymous", "on"), ("listener.tcp.t", "127.0.0.1:1"), ("allow_all_topics", "on"),
    ]
    private static let table = SettingsTable.shared

    private static func absence(_ setting: Setting) -> Setting.Absence? {
        if case .notYet(let absence) = setting.status { absence } else { nil }
    }

    /// Values of the type, among them some that ask for something.
    private static func samples(_ setting: Setting) -> [String] {
        let type: [String] =
            switch setting.type {
            case .flag: ["on", "off"]
            case .choice(let words): words
            case .integer(let range, let words): ["\(range.upperBound)", "\(range.lowerBound)"] + words
            case .atom, .text: ["word"]
            case .nodeName: ["a@b"]
            case .metricPrefix: ["prefix_"]
            case .file, .directory: ["/some/path"]
            case .byteSize(let words): ["123456"] + words
            case .duration(let words): ["77s"] + words
            case .expiry: ["77s"]
            case .percent: ["77%"]
            case .address: ["127.0.0.1:2"]
            case .integerList(let list): [list.map(String.init).joined(separator: ",")]
            case .wordList(let list): [list.joined(separator: ",")]
            case .bufferSizes: ["1,2,3"]
            case .character: ["x"]
            case .url: ["http://a/b"]
            case .headers: ["a=b"]
            case .networks: ["10.0.0.0/8"]
            }
        return type + [setting.defaultValue].compactMap { $0 == "" ? nil : $0 }
    }

    private static func key(_ setting: Setting) -> String {
        setting.pattern.split(separator: ".").map { $0.hasPrefix("$") ? "t" : String($0) }.joined(
            separator: ".")
    }

    private func report(_ settings: [(String, String)]) -> ConfigReport {
        EffectiveConfig.report(path: nil, overrides: Self.wayIn + settings)
    }

    @Test(arguments: table.settings.filter { absence($0) != nil }.map(\.pattern))
    func `a key this build does not have is an error, a warning or a note, as the table says`(
        _ pattern: String
    ) throws {
        let setting = try #require(Self.table.setting(pattern: pattern))
        let key = Self.key(setting)
        for value in Self.samples(setting) {
            let report = report([(key, value)])
            let errors = report.errors.errors.filter { $0.key == key }
            let notes = report.notes.filter { $0.key == key }
            let asks = setting.asksForSomething(value)
            switch try #require(Self.absence(setting)) {
            case .protects:
                #expect(report.canStart != asks, "\(key) = \(value)")
                #expect(errors.count == (asks ? 1 : 0), "\(key) = \(value)")
                #expect(!asks || errors.allSatisfy { $0.concernsTheStartAlone })
            case .changes:
                #expect(report.canStart, "\(key) = \(value): \(report.errors)")
                #expect(notes.contains { $0.level == .warning } == asks, "\(key) = \(value)")
            case .harmless:
                #expect(report.canStart, "\(key) = \(value): \(report.errors)")
                let isAbsent = notes.contains { $0.text.hasPrefix("not implemented") && $0.level == .info }
                #expect(isAbsent || value == "off", "\(key) = \(value)")
            }
        }
    }

    @Test func `every key that protects has a value that does not start, and most have one that does`() {
        for setting in Self.table.settings {
            guard case .protects = Self.absence(setting) else { continue }
            #expect(Self.samples(setting).contains(where: setting.asksForSomething), "\(setting.pattern)")
        }
    }

    /// What in a key's name speaks of protection.
    private static let words = [
        "acl", "auth", "passw", "pwd", "apikey", "api_key", "cert", "cafile", "tls", "ssl", "psk", "proxy",
        "cipher",
        "ecc", "crl", "verify", "script", "plugins", "hook", "secret", "cookie", "max_", "limit", "key",
    ]

    /// Keys with such a word whose absence opens nothing, and why.
    private static let opensNothing: [(prefix: String, why: String)] = [
        ("listener.ssl.", "an option; the listener itself does not start"),
        ("listener.ws", "an option; the listener itself does not start"),
        ("listener.vmq", "there are no clusters, and nothing listens for other nodes"),
        ("listener.https.", "an option; what decides who is let in is served, or does not start"),
        ("listener.http.$name.http_modules.vmq_http_pub", "no page publishes"),
        ("listener.tcp.proxy_protocol_use_cn", "needs proxy_protocol, which does not start"),
        ("listener.tcp.$name.proxy_protocol_use_cn", "needs proxy_protocol, which does not start"),
        ("listener.http.proxy_protocol_use_cn", "needs proxy_protocol, which does not start"),
        ("listener.http.$name.proxy_protocol_use_cn", "needs proxy_protocol, which does not start"),
        ("vmq_http_pub.", "no page publishes"),
        ("vmq_web_ui.", "there is no web interface"),
        ("crl_refresh_interval", "needs a crlfile, which does not start"),
        ("vmq_bridge.", "no connection to another broker is made"),
        ("vmq_diversity.", "an option; what loads a script does not start"),
        ("vmq_webhooks.", "an option; a hook and its endpoint do not start"),
        ("vmq_acl.acl_reload_interval", "an option of acl_file, which does not start"),
        ("vmq_passwd.password_reload_interval", "an option of password_file, which does not start"),
        ("vmq_bcrypt.", "an option of password_file, which does not start"),
        ("plugins.$name.p", "an option; the plugin does not start"),
        ("shared_subscription_timeout_action", "there are no clusters"),
        ("distributed_cookie", "there are no clusters"),
        ("max_drain_time", "there are no clusters"),
        ("max_msgs_per_drain_step", "there are no clusters"),
        ("log.syslog.remote.tls.cafile", "nothing is sent to syslog"),
    ]

    @Test func `a key whose name speaks of protection protects, or its absence opens nothing`() {
        for setting in Self.table.settings {
            guard let absence = Self.absence(setting), Self.words.contains(where: setting.pattern.contains)
            else {
                continue
            }
            if case .protects = absence { continue }
            #expect(
                Self.opensNothing.contains { setting.pattern.hasPrefix($0.prefix) },
                "\(setting.pattern): \(absence)")
        }
    }

    @Test func `what starts part of the broker that is not there never starts in silence`() {
        for key in [
            "listener.vmqs.t", "plugins.mine", "vmq_diversity.t.file", "vmq_webhooks.t.hook",
            "vmq_webhooks.t.endpoint",
        ] {
            let setting = ConfKey(key).flatMap(Self.table.setting(for:))
            guard case .protects = setting.flatMap(Self.absence) else {
                Issue.record("\(key) does not keep the broker from starting")
                continue
            }
        }
    }

    @Test func `the switch of a plugin that is off takes what belongs to it along`() {
        for setting in Self.table.settings {
            guard let part = setting.mainSwitch, let value = Self.samples(setting).first else { continue }
            #expect(Self.table.setting(pattern: part)?.type == .flag, "\(part)")
            let off = report([(Self.key(setting), value), (part, "off")])
            #expect(off.canStart, "\(setting.pattern)")
            #expect(!off.notes.contains { $0.level == .warning }, "\(setting.pattern)")
        }
    }

    @Test func `a listener option that only repeats the default of its kind starts`() {
        #expect(
            report([("listener.http.t.proxy_protocol", "off"), ("listener.https.tls_version", "tlsv1.2")])
                .canStart)
        #expect(!report([("listener.http.t.proxy_protocol", "on")]).canStart)
        #expect(!report([("listener.https.crlfile", "/some/file")]).canStart)
    }
}
