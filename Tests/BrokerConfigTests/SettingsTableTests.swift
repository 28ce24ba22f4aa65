import Testing

@testable import BrokerConfig

@Suite struct SettingsTableTests {
    private let table = SettingsTable.shared

    @Test func `every key of VerneMQ is declared`() {
        #expect(ReferenceKeys.vernemq2.count == 626)
        let declared = Set(table.settings.map(\.pattern))
        #expect(ReferenceKeys.vernemq2.filter { !declared.contains($0) } == [])
        #expect(ReferenceKeys.vernemq1.filter { !declared.contains($0) } == [])
    }

    @Test func `every declared key that is not VerneMQ's says so`() {
        let reference = Set(ReferenceKeys.vernemq2)
        let others = table.settings.filter {
            !reference.contains($0.pattern) && $0.origin != .ours && $0.origin != .removed
        }
        // The schema of the reference was taken without its syslog application.
        #expect(others.allSatisfy { $0.pattern.hasPrefix("log.syslog.") })
    }

    @Test func `no key is declared twice`() {
        #expect(Set(table.settings.map(\.pattern)).count == table.settings.count)
    }

    @Test func `every default is a value that would be accepted`() {
        for setting in table.settings {
            guard let value = setting.defaultValue, !value.isEmpty else { continue }
            #expect(setting.type.problem(with: value) == nil, "\(setting.pattern) = \(value)")
        }
    }

    @Test func `every key has a short meaning`() {
        for setting in table.settings {
            #expect((3...125).contains(setting.meaning.count), "\(setting.pattern)")
        }
    }

    @Test func `a key that looks like a secret is one`() {
        for setting in table.settings {
            let last = setting.pattern.split(separator: ".").last.map(String.init) ?? ""
            guard ["password", "user_pwd", "keypasswd", "psk", "api_key", "keyfile_password"].contains(last)
            else { continue }
            #expect(setting.isSecret, "\(setting.pattern)")
        }
    }

    @Test func `an old name leads to a key that exists and accepts the same`() {
        for setting in table.settings {
            guard let newName = setting.newName else { continue }
            #expect(table.setting(pattern: newName)?.type == setting.type)
        }
    }

    @Test func `every key the build asks for is implemented, of that type, and has a default`() {
        func check(_ key: String, _ isType: (SettingType) -> Bool) {
            let setting = table.setting(pattern: key)
            #expect(setting?.status == .implemented, "\(key)")
            #expect(setting?.defaultValue != nil, "\(key)")
            #expect(setting.map { isType($0.type) } == true, "\(key)")
        }
        func isInteger(_ type: SettingType) -> Bool {
            if case .integer(_, words: []) = type { true } else { false }
        }
        for key in FlagKey.allCases { check(key.rawValue) { $0 == .flag } }
        for key in IntegerKey.allCases { check(key.rawValue, isInteger) }
        for key in DurationKey.allCases {
            check(key.rawValue, isInteger)
            let unit = table.setting(pattern: key.rawValue)?.unit
            #expect(unit == .seconds || unit == .milliseconds, "\(key)")
        }
        for key in ExpiryKey.allCases { check(key.rawValue) { if case .expiry = $0 { true } else { false } } }
        for key in ByteSizeKey.allCases where key != .levelDBMaximumMemory {
            check(key.rawValue) { $0 == .byteSize() }
        }
        for key in StringKey.allCases { check(key.rawValue) { $0 != .flag && !isInteger($0) } }
    }

    @Test func `every implemented key is asked for`() {
        let asked = Set(
            FlagKey.allCases.map(\.rawValue) + IntegerKey.allCases.map(\.rawValue)
                + DurationKey.allCases.map(\.rawValue)
                + ExpiryKey.allCases.map(\.rawValue) + ByteSizeKey.allCases.map(\.rawValue)
                + StringKey.allCases.map(\.rawValue))
        // Asked for by name: `needsKey`, `otlpResource`, and what may have no value.
        let byName: Set = ["max_apikey_expiry_days", "plugins.$name.priority"]
        let orphans = table.settings.filter {
            $0.status == .implemented && !$0.pattern.hasPrefix("listener.") && $0.newName == nil
                && !$0.pattern.hasPrefix("http_module.") && !$0.pattern.hasPrefix("otlp.resource.")
                && !asked.contains($0.pattern)
                && !byName.contains($0.pattern)
        }
        #expect(orphans.map(\.pattern) == [])
    }

    @Test(
        arguments: [
            ("listener.tcp.default", "listener.tcp.$name"),
            ("listener.tcp.a\\.b", "listener.tcp.$name"),
            ("listener.tcp.max_connections", "listener.tcp.max_connections"),
            ("listener.tcp.default.max_connections", "listener.tcp.$name.max_connections"),
            ("plugins.vmq_acl", "plugins.vmq_acl"),
            ("plugins.other", "plugins.$name"),
            ("vmq_bridge.tcp.br0.topic.1", "vmq_bridge.tcp.br0.topic.1"),
            ("vmq_bridge.tcp.br0.topic.2", "vmq_bridge.tcp.$name.topic.$topic_id"),
            ("vmq_diversity.mine.file", "vmq_diversity.$script.file"),
            ("http_module.vmq_http_pub.auth.mode", "http_module.vmq_http_pub.auth.mode"),
            ("http_module.other.auth.mode", "http_module.$name.auth.mode"),
        ])
    func `a key finds its setting, the plainest first`(_ key: String, _ pattern: String) {
        #expect(ConfKey(key).flatMap(table.setting(for:))?.pattern == pattern)
    }

    @Test(
        arguments: [
            ("allow_anonymus", "allow_anonymous"),
            ("allow_annonymous", "allow_anonymous"),
            ("max_infligth_messages", "max_inflight_messages"),
            ("listener.tcp.mine.max_conections", "listener.tcp.mine.max_connections"),
            ("log.console.levle", "log.console.level"),
        ])
    func `a slip of the hand leads to the key that was meant`(_ key: String, _ meant: String) {
        #expect(ConfKey(key).map(table.nearest(to:))?.first == meant)
    }

    @Test func `at most three keys are offered, and none for nonsense`() {
        #expect(ConfKey("log.crash.rotation.keip").map(table.nearest(to:))?.count == 3)
        #expect(ConfKey("xyzzyplugh").map(table.nearest(to:)) == [])
    }

    @Test func `distance counts insertions, deletions, replacements and swaps`() {
        func distance(_ left: String, _ right: String, limit: Int = 5) -> Int? {
            var search = NearestKeys(among: [])
            return search.distance(Array(left.utf8), Array(right.utf8), limit: limit)
        }
        #expect(distance("", "abc") == 3)
        #expect(distance("abc", "abc") == 0)
        #expect(distance("abc", "acb") == 1)
        #expect(distance("kitten", "sitting") == 3)
        #expect(distance("kitten", "sitting", limit: 2) == nil)
        #expect(distance("abcdefgh", "hgfedcba", limit: 2) == nil)
        #expect(distance("abcd", "badc", limit: 2) == 2)
        #expect(distance("", "") == 0)
    }
}
