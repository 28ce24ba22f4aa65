import Foundation
import Glibc
import Testing

@testable import BrokerConfig

@Suite struct ConfigTextTests {
    private let folder = TemporaryFolder()

    /// The root of the repository.
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    @Test func `the configuration we ship loads without a remark`() throws {
        let (config, notes) = try EffectiveConfig.load(path: Self.root + "/etc/vernemq.conf")
        #expect(notes.isEmpty)
        #expect(config.flag(.allowAnonymous))
        #expect(config.string(.logConsole) == "console")
        #expect(config.listeners().map(\.key) == ["listener.tcp.default", "listener.http.default"])
        #expect(config.listeners().map(\.address.description) == ["127.0.0.1:1883", "127.0.0.1:8888"])
    }

    @Test func `every commented line of the configuration we ship shows the default`() throws {
        let bytes = try FileReader.bytes(of: Self.root + "/etc/vernemq.conf")
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let pairs = lines.filter { $0.hasPrefix("# ") && $0.contains(" = ") }.map {
            $0.dropFirst(2).split(separator: " = ")
        }
        #expect(pairs.count > 15)
        for pair in pairs {
            #expect(SettingsTable.shared.setting(pattern: String(pair[0]))?.defaultValue == String(pair[1]))
        }
    }

    @Test func `docs/configuration.md is what the table says`() throws {
        let path = Self.root + "/docs/configuration.md"
        if ProcessInfo.processInfo.environment["WRITE_DOCS"] != nil {
            try ConfigurationPage.render().write(toFile: path, atomically: true, encoding: .utf8)
        }
        let page = String(decoding: try FileReader.bytes(of: path), as: UTF8.self)
        #expect(page == ConfigurationPage.render(), "write it anew: script/docs")
    }

    @Test func `check says whether a file is good`() {
        let good = ConfigText.check(
            path: folder.write("a.conf", "allow_anonymous = on\nlistener.tcp.x = 127.0.0.1:1"))
        #expect(good.isValid)
        #expect(
            good.text
                == """
                listener.tcp.x = 127.0.0.1:1
                listener.http.default = 127.0.0.1:8888
                who may do what:
                  listener.tcp.x at 127.0.0.1:1: from this machine alone; everybody may connect (allow_anonymous); \
                they may do what ./etc/vmq.acl allows
                config is OK

                """)
        let closed = ConfigText.check(
            path: folder.write(
                "c.conf",
                "listener.tcp.x = 0.0.0.0:1\nplugins.vmq_acl = off\nlistener.tcp.y = 127.0.0.1:2\n"
                    + "listener.tcp.y.allow_anonymous_override = on\nvmq_passwd.password_file = /p\nallow_all_topics = on"
            ))
        #expect(
            closed.text.hasSuffix(
                """
                who may do what:
                  listener.tcp.x at 0.0.0.0:1: from every machine that reaches it; users of /p may connect; \
                they may publish and subscribe everywhere (allow_all_topics)
                  listener.tcp.y at 127.0.0.1:2: from this machine alone; everybody may connect \
                (allow_anonymous_override); they may publish and subscribe everywhere (allow_all_topics)
                config is OK

                """))
        let path = folder.write(
            "b.conf",
            "loops = 257\nx = 1\nallow_anonymous = on\nlistener.tcp.x = 127.0.0.1:1\nlog.syslog = on")
        let bad = ConfigText.check(path: path)
        #expect(!bad.isValid)
        #expect(
            bad.text == """
                warning: \(path):5: log.syslog: not implemented in this build
                \(path):1: loops: 257 is outside 0...256
                \(path):2: x: unknown key (value "1")
                config has 2 errors and 1 warning

                """)
    }

    @Test func `show lists what is set, and all with defaults and what listeners inherit`() throws {
        let path = folder.write(
            "c.conf",
            "allow_anonymous = on\nlistener.max_connections = 5\nlistener.tcp.a = ::1:1\nlog.syslog = on"
        )
        let config = EffectiveConfig.report(path: path, overrides: [("loops", "2")]).config
        #expect(
            ConfigText.show(config, all: false) == """
                key                       value  origin
                allow_anonymous           on     \(path):1
                listener.max_connections  5      \(path):2
                listener.tcp.a            ::1:1  \(path):3
                log.syslog                on     \(path):4 (not implemented)
                loops                     2      --set

                """)
        let all = ConfigText.show(config, all: true).split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).prefix(3).joined(separator: " ")
        }
        #expect(all.contains("listener.tcp.a.max_connections 5 \(path):2"))
        #expect(all.contains("listener.http.default 127.0.0.1:8888 default"))
        #expect(all.contains("queue_type fifo default"))
        #expect(Set(all).count == all.count)
    }

    @Test func `describe tells about a key or offers the nearest`() throws {
        #expect(
            try ConfigText.describe("max_inflight_messages") == """
                max_inflight_messages
                  unacknowledged QoS 1 and 2 messages to one MQTT 3 client, 0 for no limit
                  type: int
                  allowed: 0...65535
                  default: 20
                  since: VerneMQ 1.x
                  changes at run time: yes, with vmq-admin set
                  in this build: implemented

                """)
        #expect(try ConfigText.describe("listener.tcp.$name").contains("local:/path:0"))
        #expect(try ConfigText.describe("listener.tcp.mine").hasPrefix("listener.tcp.$name\n"))
        let error = #expect(throws: ConfigError.self) { try ConfigText.describe("lops") }
        #expect(error?.nearest == ["loops"])
    }
}
