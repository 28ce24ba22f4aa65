import Testing

@testable import Admin

@Suite struct ShellCompletionTests {
    private func texts(_ words: String...) -> [String] {
        let values: (ValueSource, String) -> [String] = { source, prefix in
            switch source {
            case .clients: ["sensor-1", "sensor-2", "pump", "evil\u{1b}[2J"].filter { $0.hasPrefix(prefix) }
            case .settings: ["max_inflight_messages", "max_message_size"].filter { $0.hasPrefix(prefix) }
            case .settingValues:
                ["allow_anonymous=on", "allow_anonymous=off"].filter { $0.hasPrefix(prefix) }
            case .keys: ["Ub8lvG…5be1a0c2"]
            default: []
            }
        }
        return ShellCompletion(.vmqAdmin, values: values).candidates(words).map(\.text)
    }

    @Test func `words are completed by words`() {
        #expect(texts("ses") == ["session"])
        #expect(texts("session", "d") == ["disconnect", "delete"])
        #expect(texts("") == CommandTable.vmqAdmin.subcommands(of: []).map(\.word))
        #expect(texts("nosuch", "") == [])
    }

    @Test func `arguments and their values are completed`() {
        #expect(texts("client", "show", "") == ["client-id="])
        #expect(texts("client", "show", "client-id=sen") == ["client-id=sensor-1", "client-id=sensor-2"])
        #expect(texts("client", "show", "client-id=a", "").contains("client-id=") == false)
        #expect(
            texts("session", "disconnect", "clients", "client-ids=pump,s")
                == ["client-ids=pump,sensor-1", "client-ids=pump,sensor-2"])
        #expect(texts("log", "level", "level=e") == ["level=emergency", "level=error"])
    }

    @Test func `flags and their values are completed`() {
        #expect(texts("session", "show", "--li") == ["--limit="])
        #expect(texts("session", "show", "--client") == ["--client_id", "--client_id="])
        #expect(
            texts("session", "show", "--order=p") == [
                "--order=peer_host", "--order=peer_port", "--order=protocol", "--order=payload",
            ])
        #expect(texts("session", "show", "--order", "no") == ["node", "no_local"])
        #expect(texts("session", "show", "--format=j") == ["--format=json"])
        #expect(texts("--socket", "/x", "session", "sho") == ["show"])
        #expect(texts("session", "disconnect", "--cleanup", "--cl") == [])
    }

    @Test func `settings are completed`() {
        #expect(texts("show", "max_in") == ["max_inflight_messages"])
        #expect(texts("set", "max_m") == ["max_message_size="])
        #expect(texts("set", "allow_anonymous=o") == ["allow_anonymous=on", "allow_anonymous=off"])
        #expect(texts("api-key", "delete", "key=") == ["key=Ub8lvG…5be1a0c2"])
        #expect(
            texts("listener", "start", "--require_certificate=")
                == ["--require_certificate=true", "--require_certificate=false"])
    }

    @Test func `values that a terminal would obey are not offered`() {
        #expect(texts("client", "show", "client-id=e") == [])
    }

    @Test func `there is a script for each shell of the table`() {
        for command in AdminCommands.completion {
            #expect(ShellCompletion.script(command.words[1])?.contains("__complete --") == true)
        }
        #expect(ShellCompletion.script("csh") == nil)
        #expect(
            ShellCompletion.lines([.init(text: "a", help: "b"), .init(text: "c", help: "")]) == "a\tb\nc\n")
    }

    @Test func `whatever is written, completion answers`() {
        var random = SeededRandom(9)
        let pieces = [
            "session", "show", "--", "-", "--order", "client-id=", "set", "--socket", "=", "-m", "",
        ]
        for _ in 0..<5000 {
            let words = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                Bool.random(using: &random) ? random.text() : pieces.randomElement(using: &random) ?? ""
            }
            let found = ShellCompletion(.vmqAdmin, values: { _, prefix in [prefix + "x"] }).candidates(words)
            #expect(found.count <= ShellCompletion.mostCandidates)
        }
    }
}
