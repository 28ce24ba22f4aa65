import Testing

@testable import BrokerConfig

@Suite struct ListenerSettingsTests {
    private let folder = TemporaryFolder()

    private func load(_ text: String) throws -> (EffectiveConfig, [ConfigNote]) {
        let report = EffectiveConfig.report(
            path: folder.write("vernemq.conf", "allow_anonymous = on\n" + text))
        guard report.isWellFormed else { throw report.errors }
        return (report.config, report.notes)
    }

    private func listener(_ text: String) throws -> ListenerSettings {
        try #require(try load(text).0.listeners().first)
    }

    private static let address = "listener.tcp.a = 127.0.0.1:1883\n"

    @Test func `a listener without options has the defaults`() throws {
        let listener = try listener(Self.address)
        #expect(listener.kind == .tcp)
        #expect(listener.name == "a")
        #expect(listener.address == .ip(host: "127.0.0.1", port: 1883))
        #expect(listener.maxConnections == 10000)
        #expect(listener.maxConnectionLifetime == 0)
        #expect(listener.mountpoint == "")
        #expect(listener.allowedProtocolVersions == [3, 4, 5, 131])
        #expect(!listener.allowAnonymousOverride)
        #expect(listener.bufferSizes == nil)
        #expect(listener.httpModules == [])
        #expect(listener.source.description.hasSuffix("vernemq.conf:2"))
    }

    @Test(
        arguments: [
            ("listener.max_connections = 1", 1),
            ("listener.max_connections = 1\nlistener.tcp.max_connections = 2", 2),
            (
                "listener.max_connections = 1\nlistener.tcp.max_connections = 2\nlistener.tcp.a.max_connections = 3",
                3
            ),
            ("listener.tcp.max_connections = 2\nlistener.tcp.a.max_connections = -1", 2),
            ("listener.tcp.max_connections = 2\nlistener.tcp.b.max_connections = 3", 2),
            ("listener.ssl.max_connections = 2", 10000),
            ("listener.tcp.a.max_connections = infinity", Int.max),
            ("listener.tcp.a.max_connections = 0", 0),
        ])
    func `an option comes from the listener, else its kind, else all listeners`(
        _ text: String, _ connections: Int
    ) throws {
        #expect(try listener(Self.address + text).maxConnections == connections)
    }

    @Test(
        arguments: [
            ("listener.mountpoint = m", "m"),
            ("listener.mountpoint = m\nlistener.tcp.mountpoint = n/", "n"),
            ("listener.mountpoint = m\nlistener.tcp.a.mountpoint = off", ""),
            ("listener.mountpoint = m\nlistener.tcp.a.mountpoint = ''", "m"),
            ("listener.tcp.a.mountpoint = x/y//", "x/y"),
        ])
    func `a mountpoint is inherited, off means none, and its last slash goes`(
        _ text: String, _ mountpoint: String
    ) throws {
        #expect(try listener(Self.address + text).mountpoint == mountpoint)
    }

    @Test func `the other options are read`() throws {
        let listener = try listener(
            Self.address + """
                listener.tcp.allowed_protocol_versions = [3,4]
                listener.tcp.a.allow_anonymous_override = on
                listener.tcp.buffer_sizes = 1,2,3
                listener.max_connection_lifetime = 60
                """)
        #expect(listener.allowedProtocolVersions == [3, 4])
        #expect(listener.allowAnonymousOverride)
        #expect(listener.bufferSizes == [1, 2, 3])
        #expect(listener.maxConnectionLifetime == 60)
    }

    @Test func `without an HTTP listener there is the default one`() throws {
        let listeners = try load("").0.listeners()
        #expect(listeners.map(\.key) == ["listener.http.default"])
        #expect(listeners[0].address == .ip(host: "127.0.0.1", port: 8888))
        #expect(listeners[0].source == .builtIn)
        #expect(listeners[0].maxRequestLineLength == 8000)
        #expect(listeners[0].maxHeaderValueLength == 4096)
        #expect(listeners[0].httpModules.contains("vmq_metrics_http"))
        #expect(try load("listener.http.mine = 127.0.0.1:1").0.listeners().map(\.name) == ["mine"])
    }

    @Test func `an HTTP listener has its own pages, else the common ones`() throws {
        let (config, _) = try load(
            """
            http_modules = vmq_health_http
            listener.http.a = 127.0.0.1:1
            listener.http.b = 127.0.0.1:2
            listener.http.b.http_modules = [vmq_metrics_http, vmq_status_http]
            """)
        #expect(
            config.listeners().map(\.httpModules) == [
                ["vmq_health_http"], ["vmq_metrics_http", "vmq_status_http"],
            ])
    }

    @Test func `kinds that cannot be started are listed too`() throws {
        let (config, _) = try load(
            "listener.ws.a = 127.0.0.1:1\nlistener.vmq.b = 0.0.0.0:44053\n" + Self.address)
        #expect(config.listeners().map(\.kind) == [.tcp, .ws, .vmq, .http])
    }

    @Test func `a name may hold a dot`() throws {
        let (config, _) = try load("listener.tcp.a\\.b = 127.0.0.1:1\nlistener.tcp.a\\.b.max_connections = 5")
        #expect(config.listeners()[0].name == "a.b")
        #expect(config.listeners()[0].maxConnections == 5)
    }

    @Test func `two listeners on one address keep the broker from starting`() throws {
        let error = try #require(throws: ConfigErrors.self) {
            try load("listener.tcp.a = ::1:1883\nlistener.http.b = [::1]:1883")
        }
        #expect(error.errors.map(\.problem) == [.addressTaken(by: "listener.tcp.a")])
        #expect(
            error.description.hasSuffix(
                "vernemq.conf:3: listener.http.b: [::1]:1883 is taken by listener.tcp.a"))
    }

    @Test func `listeners that let the kernel choose a port never clash`() throws {
        #expect(
            try load("listener.tcp.a = 127.0.0.1:0\nlistener.tcp.b = 127.0.0.1:0").0.listeners().count == 3)
    }

    @Test func `an option for a name without an address makes no listener and is a warning`() throws {
        let (config, notes) = try load("listener.tcp.a = 127.0.0.1:1\nlistener.tcp.ghost.max_connections = 5")
        #expect(!config.listeners().contains { $0.name == "ghost" })
        #expect(notes.map(\.text) == ["listener.tcp.ghost has no address, so there is no such listener"])
        #expect(notes.map(\.level) == [.warning])
        #expect(
            try load("listener.tcp.a = 127.0.0.1:1\nlistener.tcp.name.allow_anonymous_override = off").1.map(
                \.level) == [.info])
    }
}
