import Testing

@testable import BrokerConfig

@Suite struct EffectiveConfigTests {
    private let folder = TemporaryFolder()

    private func load(
        _ text: String, set: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) throws(ConfigErrors) -> (EffectiveConfig, [ConfigNote]) {
        let report = report(text, set: set, environment: environment)
        // Who may connect is not what most tests are about.
        guard report.isWellFormed else { throw report.errors }
        return (report.config, report.notes)
    }

    private func report(
        _ text: String, set: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) -> ConfigReport {
        let path = folder.write("vernemq.conf", text)
        return EffectiveConfig.report(path: path, overrides: set, environment: environment)
    }

    /// Of a configuration that lets clients in.
    private func startErrors(_ text: String) -> [String] {
        report("allow_anonymous = on\nlistener.tcp.t = 127.0.0.1:1\n" + text).errors.errors.map {
            "\($0)".split(separator: folder.path + "/vernemq.conf:").joined()
        }
    }

    /// The messages without the folder.
    private func errors(
        _ text: String, set: [(key: String, value: String)] = [], environment: [String: String] = [:]
    ) -> [String] {
        report(text, set: set, environment: environment).errors.errors
            .filter { !$0.concernsTheStartAlone }
            .map { $0.description.split(separator: folder.path + "/").joined() }
    }

    private func notes(_ text: String, environment: [String: String] = [:]) throws -> [String] {
        try load("allow_anonymous = on\nlistener.tcp.t = 127.0.0.1:1\n" + text, environment: environment).1
            .map {
                "\($0.level) \($0.key): \($0.text)"
            }
    }

    @Test func `without any file every key has its default`() throws {
        let config = EffectiveConfig.report(path: nil).config
        #expect(!config.flag(.allowAnonymous))
        #expect(config.integer(.maxInflightMessages) == 20)
        #expect(config.duration(.mqttConnectTimeout) == .seconds(5))
        #expect(config.duration(.retryInterval) == .seconds(20))
        #expect(config.seconds(.persistentClientExpiration) == nil)
        #expect(config.seconds(.maxLastWillDelay) == nil)
        #expect(config.string(.nodeName) == "VerneMQ@127.0.0.1")
        #expect(config.value("max_inflight_messages")?.source == .builtIn)
        // Every typed key answers without a trap.
        for key in FlagKey.allCases { _ = config.flag(key) }
        for key in IntegerKey.allCases { _ = config.integer(key) }
        for key in DurationKey.allCases { _ = config.duration(key) }
        for key in ExpiryKey.allCases { _ = config.seconds(key) }
        for key in StringKey.allCases { _ = config.string(key) }
    }

    @Test func `a later line of a key wins, and only it is checked`() throws {
        let (config, _) = try load("retry_interval = nonsense\nretry_interval = 7")
        #expect(config.duration(.retryInterval) == .seconds(7))
        #expect(config.value("retry_interval")?.source.description == "\(folder.path)/vernemq.conf:2")
    }

    @Test func `the command line is stronger than the environment, and that than the file`() throws {
        let environment = [
            "DOCKER_VERNEMQ_RETRY_INTERVAL": "2", "DOCKER_VERNEMQ_LOG__CONSOLE__LEVEL": "debug",
        ]
        let (config, _) = try load(
            "retry_interval = 1\nlog.console.level = error", set: [("retry_interval", "3")],
            environment: environment)
        #expect(config.integer(.retryInterval) == 3)
        #expect(config.value("retry_interval")?.source.description == "--set")
        #expect(config.string(.logConsoleLevel) == "debug")
        #expect(
            config.value("log.console.level")?.source.description
                == "environment DOCKER_VERNEMQ_LOG__CONSOLE__LEVEL")
    }

    @Test func `everything wrong is listed with file, line, key, value and what is allowed`() {
        folder.write("more.conf", "max_inflight_messages = 70000")
        let text = """
            allow_anonymous = yes
            allow_anonymus = on
            include more.conf
            retry_interval =
            max_online_messages = -2
            listener.tcp.a = localhost:1883
            queue_type = lilo
            """
        #expect(
            errors(text, set: [("topic_max_depth", "abc")]) == [
                "vernemq.conf:1: allow_anonymous: \"yes\" is not one of on, off",
                "vernemq.conf:2: allow_anonymus: unknown key (value \"on\"); did you mean allow_anonymous?",
                "vernemq.conf:4: column 17: expected a value",
                "vernemq.conf:5: max_online_messages: -2 is outside -1...",
                "vernemq.conf:6: listener.tcp.a: \"localhost:1883\" is not an address IPv4:port, IPv6:port or local:/path:0",
                "vernemq.conf:7: queue_type: \"lilo\" is not one of fifo, lifo",
                "more.conf:1: max_inflight_messages: 70000 is outside 0...65535",
                "--set: topic_max_depth: \"abc\" is not an integer; allowed: 0...65535",
            ])
    }

    @Test func `an error carries its facts apart`() throws {
        let error = try #require(throws: ConfigErrors.self) { try load("\nqueue_type = x") }.errors[0]
        #expect(error.problem == .notOneOf)
        #expect(error.source == .file(path: "\(folder.path)/vernemq.conf", line: 2))
        #expect([error.key, error.value, error.allowed] == ["queue_type", "x", "fifo, lifo"])
    }

    @Test func `a secret is in no message, not even of a mistyped key`() throws {
        let all = errors("vmq_diversity.postgres.pasword = hunter2\nvmq_bridge.tcp.a.passwort = hunter2")
        #expect(all.count == 2)
        #expect(!all.joined().contains("hunter2"))
        let (config, notes) = try load("distributed_cookie = hunter2")
        #expect(!ConfigText.show(config, all: true).contains("hunter2"))
        #expect(!notes.description.contains("hunter2"))
        #expect(!(try ConfigText.describe("distributed_cookie", in: config)).contains("hunter2"))
    }

    @Test func `a value may use other settings, defaults and the environment`() throws {
        let (config, _) = try load(
            """
            platform_data_dir = /data
            log.console.file = $(platform_data_dir)/$(NAME)-$(queue_type).log
            log.error.file = '$(NAME)'
            nodename = $(HOST)
            """, environment: ["NAME": "broker", "HOST": "a@$(b)"])
        #expect(config.string(.logConsoleFile) == "/data/broker-fifo.log")
        #expect(config.string(.logErrorFile) == "$(NAME)")
        #expect(config.string(.nodeName) == "a@$(b)")
        #expect(config.value("leveldb.data_root")?.text == "/data/leveldb")
    }

    @Test func `values that double with each step are an error and not a flood`() {
        let keys = [
            "log.console.file", "log.error.file", "log.crash.file", "log.sasl.file", "vmq_acl.acl_file",
            "vmq_passwd.password_file", "graphite_prefix", "graphite_host", "systree_mountpoint",
            "graphite_api_key",
            "distributed_cookie", "vmq_webhooks.cafile", "vmq_webhooks.certfile", "vmq_webhooks.keyfile",
        ]
        var text = "\(keys[keys.count - 1]) = \(String(repeating: "x", count: 100))\n"
        for (key, next) in zip(keys, keys.dropFirst()) { text += "\(key) = $(\(next))$(\(next))\n" }
        #expect(errors(text).contains { $0.contains("longer than 65536 bytes") })
    }

    @Test func `a value that needs itself or nothing at all is an error`() {
        #expect(
            errors("log.console.file = $(log.error.file)\nlog.error.file = x$(log.console.file)") == [
                "vernemq.conf:1: log.console.file: values in a circle: log.console.file → log.error.file → log.console.file",
                "vernemq.conf:2: log.error.file: values in a circle: log.error.file → log.console.file → log.error.file",
            ])
        #expect(
            errors("nodename = $(nothing)") == [
                "vernemq.conf:1: nodename: $(nothing) is neither a setting with a value nor an environment variable"
            ])
    }

    @Test func `old names set the new keys`() throws {
        let (config, notes) = try load(
            "mqtt.connect.timeout = 100\nmax_queued_messages = 7\nmessage_size_limit = 8")
        #expect(config.duration(.mqttConnectTimeout) == .milliseconds(100))
        #expect(config.integer(.maxOnlineMessages) == 7)
        #expect(config.integer(.maxMessageSize) == 8)
        #expect(config.value("max_queued_messages")?.text == "7")
        #expect(notes.count { $0.text.hasPrefix("another name of") && $0.level == .info } == 3)
    }

    @Test
    func
        `what is not implemented is an error where it protects, else a warning, and a note where it asks for nothing`()
        throws
    {
        #expect(
            startErrors("plugins.vmq_webhooks = on") == [
                "3: plugins.vmq_webhooks: it decides what an endpoint lets clients do, and this build has no webhooks; "
                    + "remove the line if the broker may run without"
            ])
        #expect(try notes("plugins.vmq_webhooks = off") == [])
        #expect(startErrors("vmq_webhooks.t.endpoint = http://a").count == 1)
        #expect(
            try notes("vmq_webhooks.t.endpoint = http://a\nplugins.vmq_webhooks = off") == [
                "info vmq_webhooks.t.endpoint: not implemented in this build, and plugins.vmq_webhooks is off"
            ])
        #expect(startErrors("listener.ssl.a = 127.0.0.1:8883").count == 1)
        #expect(startErrors("http_module.vmq_metrics_http.auth.mode = apikey").isEmpty)
        #expect(startErrors("http_module.vmq_http_pub.auth.mode = apikey").count == 1)
        #expect(startErrors("http_module.vmq_metrics_http.auth.mode = noauth").isEmpty)
        #expect(try notes("log.syslog = off") == [])
        #expect(
            try notes("log.syslog.remote.port = 515") == [
                "warning log.syslog.remote.port: not implemented in this build"
            ])
        #expect(
            try notes("log.syslog.remote.port = 514") == [
                "info log.syslog.remote.port: not implemented in this build; the value asks for nothing"
            ])
        #expect(
            try notes("listener.vmqs.max_connections = 7") == [
                "info listener.vmqs.max_connections: not implemented in this build, and nothing that is would be different"
            ])
        #expect(
            try notes("leveldb.threads = 3").map { $0.hasPrefix("info leveldb.threads: has no effect") } == [
                true
            ])
        #expect(try notes("leveldb.compression = off") == [])
        #expect(try notes("erlang.K = on") == ["info erlang.K: has no effect: there is no Erlang VM"])
        #expect(try notes("max_qos = 1") == [])
        #expect(
            try notes("http_modules = vmq_metrics_http,vmq_web_ui,vmq_http_pub") == [
                "warning http_modules: not implemented in this build: vmq_web_ui, vmq_http_pub"
            ])
    }

    @Test func `a broker that would let nobody in does not start, and says what to write`() throws {
        func keys(_ text: String) -> [String] { report(text).errors.errors.map(\.key) }
        let closed = "plugins.vmq_passwd = off\n"
        #expect(keys(closed) == ["listener.tcp.$name", "allow_anonymous"])
        #expect(keys(closed + "listener.tcp.a = 127.0.0.1:1") == ["allow_anonymous"])
        // Users of the password file, if there are any.
        #expect(keys("listener.tcp.a = 127.0.0.1:1").isEmpty)
        #expect(keys("allow_anonymous = on") == ["listener.tcp.$name"])
        #expect(keys("listener.tcp.a = 127.0.0.1:1\nlistener.tcp.a.allow_anonymous_override = on").isEmpty)
        #expect(
            report(closed).errors.description == """
                default: listener.tcp.$name: nobody can connect: there is no MQTT listener; write \
                listener.tcp.default = 127.0.0.1:1883
                default: allow_anonymous: nobody can connect: it is off, and no plugin that authenticates clients is on; \
                write plugins.vmq_passwd = on, or allow_anonymous = on, or \
                listener.tcp.NAME.allow_anonymous_override = on for a listener that only trusted machines reach
                """)
        // The value is good, so `config show` and `store check` take it.
        #expect(report("allow_anonymous = off").isWellFormed)
        #expect(!report("allow_anonymous = off").canStart)
    }

    @Test
    func
        `an error in a line that would let clients in is not followed by the complaint that none can connect`()
    {
        func keys(_ text: String) -> [String] { report(text).errors.errors.map(\.key) }
        #expect(keys("allow_anonymous = yes\nlistener.tcp.a = 127.0.0.1:1") == ["allow_anonymous"])
        #expect(keys("allow_anonymous = on\nlistener.tcp.a = localhost:1") == ["listener.tcp.a"])
    }

    @Test func `a broker that lets everybody in from elsewhere says so`() throws {
        let open = "listener.tcp.a = 0.0.0.0:1\nlistener.tcp.b = 127.0.0.1:2\n"
        #expect(try load(open + "allow_anonymous = on").1.map(\.key) == ["listener.tcp.a"])
        #expect(
            try load(open + "listener.tcp.a.allow_anonymous_override = on").1.map(\.key) == ["listener.tcp.a"]
        )
        #expect(try load(open + "listener.tcp.b.allow_anonymous_override = on").1.isEmpty)
    }

    @Test func `a listener names plugins that are on, each once`() throws {
        func errors(_ text: String) -> [String] {
            report("allow_anonymous = on\nlistener.tcp.a = 127.0.0.1:1\nlistener.tcp.a.auth" + text).errors
                .errors.map(
                    \.key)
        }
        #expect(errors("_plugins = vmq_passwd").isEmpty)
        #expect(errors("z_plugins = [vmq_acl, vmq_passwd]").isEmpty)
        for wrong in [
            "nosuch", "vmq_passwd,vmq_passwd", "vmq_webhooks", "[]", "[vmq_acl", "vmq_acl,,vmq_passwd",
        ] {
            #expect(errors("_plugins = \(wrong)") == ["listener.tcp.a.auth_plugins"], "\(wrong)")
        }
        #expect(errors("z_plugins = vmq_acl\nplugins.vmq_acl = off") == ["listener.tcp.a.authz_plugins"])
    }

    @Test func `a broker on which nobody may use a topic says so`() throws {
        let way = "listener.tcp.a = 127.0.0.1:1\nallow_anonymous = on\n"
        let closed = try load(way + "plugins.vmq_acl = off").1
        #expect(closed.map(\.key) == ["plugins.vmq_acl"] && closed.map(\.level) == [.warning])
        #expect(try load(way + "plugins.vmq_acl = off\nallow_all_topics = on").1.isEmpty)
        #expect(try load(way).1.isEmpty)
    }

    @Test func `the Prometheus namespace can be nothing`() throws {
        #expect(try load("").0.prometheusNamespace == "vernemq_")
        #expect(try load("prometheus_namespace = \"\"").0.prometheusNamespace == "")
    }
}
