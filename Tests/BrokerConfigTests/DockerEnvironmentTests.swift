import Testing

@testable import BrokerConfig

/// The rules of docs/docker-environment.md, one by one.
@Suite struct DockerEnvironmentTests {
    private let folder = TemporaryFolder()
    private let wayIn = "allow_anonymous = on\nlistener.tcp.t = 127.0.0.1:1\n"

    private func report(_ environment: [String: String], _ text: String = "") -> ConfigReport {
        EffectiveConfig.report(
            path: folder.write("vernemq.conf", wayIn + text), environment: environment)
    }

    @Test(
        arguments: [
            ("DOCKER_VERNEMQ_RETRY_INTERVAL", "retry_interval"),
            ("DOCKER_VERNEMQ_retry_interval", "retry_interval"),
            ("DOCKER_VERNEMQ_LOG__CONSOLE__LEVEL", "log.console.level"),
            ("DOCKER_VERNEMQ_LOG.CONSOLE.LEVEL", "log.console.level"),
            (
                "DOCKER_VERNEMQ_LISTENER__TCP__ALLOWED_PROTOCOL_VERSIONS",
                "listener.tcp.allowed_protocol_versions"
            ),
            ("DOCKER_VERNEMQ_LISTENER__TCP__MyName", "listener.tcp.myname"),
            ("DOCKER_VERNEMQ_A___B", "a._b"),
            ("DOCKER_VERNEMQ_A____B", "a..b"),
        ])
    func `the prefix goes, letters become small, two underscores become a dot`(
        _ variable: String, _ key: String
    ) {
        #expect(DockerEnvironment([variable: "x"]).settings.map(\.key) == [key])
    }

    @Test func `the name is followed by the value, which is as in a file`() {
        let environment = [
            "DOCKER_VERNEMQ_LOG__CONSOLE__FILE": "$(platform_data_dir)/a.log",
            "DOCKER_VERNEMQ_LOG__ERROR__FILE": "'$(x) # y'", "DOCKER_VERNEMQ_PLATFORM_DATA_DIR": "/d",
        ]
        let config = report(environment).config
        #expect(config.string(.logConsoleFile) == "/d/a.log")
        #expect(config.string(.logErrorFile) == "$(x) # y")
    }

    @Test func `a variable is stronger than the file and weaker than the command line`() {
        let environment = ["DOCKER_VERNEMQ_RETRY_INTERVAL": "2", "DOCKER_VERNEMQ_LOOPS": "2"]
        let report = EffectiveConfig.report(
            path: folder.write("vernemq.conf", wayIn + "retry_interval = 1\nloops = 1"),
            overrides: [("loops", "3")], environment: environment)
        #expect(report.config.integer(.retryInterval) == 2)
        #expect(
            report.config.value("retry_interval")?.source.description
                == "environment DOCKER_VERNEMQ_RETRY_INTERVAL")
        #expect(report.config.integer(.loops) == 3)
    }

    @Test(arguments: [
        "DOCKER_VERNEMQ_DISCOVERY_NODE", "DOCKER_VERNEMQ_DISCOVERY_KUBERNETES",
        "DOCKER_VERNEMQ_KUBERNETES_NAMESPACE", "DOCKER_VERNEMQ_SWARM", "DOCKER_VERNEMQ_COMPOSE",
    ])
    func `what finds the nodes of a cluster is a warning`(_ variable: String) {
        let report = report([variable: "x"])
        #expect(report.canStart)
        #expect(report.notes.map(\.key) == [variable])
        #expect(report.notes.map(\.level) == [.warning])
    }

    @Test
    func `users would need a password file, so the broker does not start, and the password is not shown`() {
        let report = report(["DOCKER_VERNEMQ_USER_ANN": "hunter2"])
        #expect(!report.canStart)
        #expect(
            report.errors.description == """
                environment DOCKER_VERNEMQ_USER_ANN: DOCKER_VERNEMQ_USER_ANN: it decides who may connect, and this \
                build has no users from the environment; unset the variable if the broker may run without
                """)
        #expect(!report.errors.description.contains("hunter2"))
    }

    @Test func `of the node name a container gives the host alone, or all of it`() {
        #expect(
            report(["DOCKER_VERNEMQ_NODENAME": "10.0.0.1"]).config.string(.nodeName) == "VerneMQ@10.0.0.1")
        #expect(report(["DOCKER_VERNEMQ_NODENAME": "a@b"]).config.string(.nodeName) == "a@b")
    }

    @Test func `variables without the prefix are no settings`() {
        let report = report([
            "DOCKER_NET_INTERFACE": "eth0", "DOCKER_IP_ADDRESS": "1", "MY_POD_NAME": "x",
            "RETRY_INTERVAL": "7",
        ])
        #expect(report.canStart)
        #expect(report.notes.isEmpty)
        #expect(report.config.integer(.retryInterval) == 20)
    }

    @Test func `an unknown name, a wrong value and text that is not UTF-8 keep the broker from starting`() {
        let report = report([
            "DOCKER_VERNEMQ_RETRY_INTERVALL": "2", "DOCKER_VERNEMQ_LOOPS": "many",
            "DOCKER_VERNEMQ_NODENAME": "\u{FFFD}",
            "DOCKER_VERNEMQ_A B": "1",
        ])
        #expect(
            report.errors.errors.map { "\($0)" } == [
                "environment DOCKER_VERNEMQ_A B: a b: column 1: expected a key",
                "environment DOCKER_VERNEMQ_LOOPS: loops: \"many\" is not an integer; allowed: 0...256",
                "environment DOCKER_VERNEMQ_NODENAME: nodename: is not UTF-8",
                "environment DOCKER_VERNEMQ_RETRY_INTERVALL: retry_intervall: unknown key (value \"2\"); "
                    + "did you mean retry_interval?",
            ])
    }

    @Test func `the broker adds no listeners for a container`() {
        let report = EffectiveConfig.report(path: nil, environment: ["DOCKER_VERNEMQ_ALLOW_ANONYMOUS": "on"])
        #expect(report.errors.errors.map(\.key) == ["listener.tcp.$name"])
    }
}
