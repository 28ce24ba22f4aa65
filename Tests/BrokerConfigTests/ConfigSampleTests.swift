import Testing

@testable import BrokerConfig

@Suite struct ConfigSampleTests {
    private let folder = TemporaryFolder()
    private let lines = ConfigSample.render().split(separator: "\n", omittingEmptySubsequences: false)

    /// The settings, without the two bytes that comment them out.
    private var settings: [Substring] { lines.filter { $0.hasPrefix("# ") }.map { $0.dropFirst(2) } }

    @Test func `every setting that is not hidden is there, once`() {
        let expected = SettingsTable.shared.settings.filter {
            !$0.isHidden && $0.newName == nil && $0.origin != .removed
        }
        let keys = settings.map { $0.prefix { $0 != " " } }
        #expect(keys.map(String.init) == expected.map(\.pattern))
        #expect(keys.count > 200)
    }

    @Test func `nothing is in force`() {
        #expect(lines.allSatisfy { $0.isEmpty || $0.hasPrefix("#") })
    }

    @Test func `each default is accepted, and is the default`() throws {
        let written = settings.filter { !$0.contains("$name") && !$0.hasSuffix("=") && !$0.contains("$") }
        #expect(written.count > 100)
        let path = folder.write("sample.conf", written.joined(separator: "\n") + "\n")
        let report = EffectiveConfig.report(path: path, overrides: [], environment: [:])
        let wrong = report.errors.errors.filter { !$0.concernsTheStartAlone }
        #expect(wrong == [])
        for line in written {
            let key = String(line.prefix { $0 != " " })
            #expect(
                report.config.value(key)?.text == SettingsTable.shared.setting(pattern: key)?.defaultValue)
        }
    }

    @Test func `the lines it proposes make a broker start`() {
        let proposed = lines.filter { $0.hasPrefix("##   ") && $0.contains(" = ") }.map { $0.dropFirst(5) }
        #expect(proposed.count == 2)
        let path = folder.write("proposed.conf", proposed.joined(separator: "\n") + "\n")
        #expect(EffectiveConfig.report(path: path, overrides: [], environment: [:]).canStart)
    }
}
