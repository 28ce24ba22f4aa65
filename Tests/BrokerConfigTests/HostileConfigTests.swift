import Glibc
import Testing

@testable import BrokerConfig

/// Configurations that are made to be slow, large or misread. Cost is counted in steps, not in time.
@Suite struct HostileConfigTests {
    private let folder = TemporaryFolder()
    private let wayIn = "allow_anonymous = on\nlistener.tcp.t = 127.0.0.1:1\n"

    private func report(_ text: String) -> ConfigReport {
        EffectiveConfig.report(path: folder.write("a.conf", text))
    }

    /// Without the folder.
    private func errors(_ report: ConfigReport) -> [String] {
        report.errors.description.split(separator: folder.path + "/").joined()
            .split(separator: "\n").map(String.init)
    }

    // MARK: Cost

    @Test func `the search for what unknown keys may mean costs no more for 20,000 of them than for 100`() {
        func unknown(_ count: Int) -> ConfigReport {
            report(wayIn + (0..<count).map { "max_inflight_mesage\($0 % 10)\($0) = 1\n" }.joined())
        }
        let (few, many) = (unknown(100), unknown(20_000))
        #expect(few.work.nearestSteps > 0)
        #expect(Double(many.work.nearestSteps) < 1.05 * Double(few.work.nearestSteps))
        #expect(many.errors.errors.count == 100)
        #expect(many.errors.count == 20_000)
        #expect(errors(many).last == "and 19900 more errors")
        #expect(errors(many)[0].hasPrefix("a.conf:3: max_inflight_mesage00: unknown key"))
    }

    @Test func `one search is bounded by the length of the key and not by its square`() {
        func steps(_ length: Int) -> Int {
            var search = NearestKeys(among: [String(repeating: "a", count: length)])
            #expect(search.of(String(repeating: "a", count: length - 1) + "b").count == 1)
            return search.steps
        }
        #expect(steps(400) < 3 * steps(200))
        #expect(steps(400) <= 400 * (2 * 8 + 1))
    }

    @Test func `values that name one another are worked out once each`() {
        // Each names the one before, twice; all come to little text.
        func chain(_ count: Int) -> ConfigReport {
            let lines = (0..<count).map { index in
                "listener.tcp.n\(index).mountpoint = "
                    + (index % 20 == 0 ? "x" : "$(listener.tcp.n\(index - 1).mountpoint)")
            }
            return report(wayIn + lines.joined(separator: "\n"))
        }
        let (few, many) = (chain(500), chain(5000))
        #expect(few.errors.count == 0)
        #expect(many.errors.count == 0)
        #expect(many.work.substitutionLookUps <= 10 * few.work.substitutionLookUps)
        #expect(many.work.substitutionLookUps <= 5000)
    }

    @Test func `50,000 openings of a substitution, closed or not, are text or one unknown name`() {
        let openings = String(repeating: "$(", count: 50_000)
        let open = report(wayIn + "log.console.file = \(openings)")
        #expect(open.work.substitutionLookUps == 0)
        #expect(open.config.string(.logConsoleFile) == openings)
        let closed = report(wayIn + "log.console.file = \(openings)" + String(repeating: ")", count: 50_000))
        #expect(closed.work.substitutionLookUps == 1)
        #expect(closed.errors.count == 1)
        #expect(errors(closed)[0].utf8.count < 400)
    }

    @Test func `values in values go 32 deep`() {
        func deep(_ count: Int) -> ConfigReport {
            let lines = (0..<count).reversed().map { index in
                "listener.tcp.n\(index).mountpoint = "
                    + (index == 0 ? "x" : "$(listener.tcp.n\(index - 1).mountpoint)")
            }
            return report(wayIn + lines.joined(separator: "\n"))
        }
        #expect(deep(32).errors.count == 0)
        let far = deep(5000)
        #expect(errors(far).first?.contains("more than 32 deep") == true)
        #expect(far.errors.count > 4900)
        #expect(far.work.substitutionLookUps < 1000 * 33)
    }

    @Test func `a text that many settings repeat does not fill the memory`() {
        let text =
            wayIn + "graphite_prefix = \(String(repeating: "x", count: 60_000))\n"
            + (0..<1000).map { "listener.tcp.n\($0).mountpoint = $(graphite_prefix)\n" }.joined()
        #expect(errors(report(text)).contains { $0.contains("come to more than 16777216 bytes together") })
    }

    // MARK: Size

    @Test func `a key of 100,000 parts is one error that shows little of it`() {
        let key = String(repeating: "a.", count: 100_000) + "a"
        #expect(
            errors(report(wayIn + "\(key) = 1\nx = 1")) == [
                "a.conf:3: the key is longer than 512 bytes", "a.conf:4: x: unknown key (value \"1\")",
            ])
        let report = EffectiveConfig.report(
            path: nil, overrides: [(key, "1"), ("allow_anonymous", "on"), ("listener.tcp.a", "::1:1")])
        #expect(report.errors.description.utf8.count < 400)
        #expect(report.errors.description.hasSuffix("the key is longer than 512 bytes"))
    }

    @Test func `a line of 10 MB without an equals sign is one error, and so is a value of that size`() {
        let long = String(repeating: "x", count: 10 << 20)
        #expect(errors(report(wayIn + long + "\n")) == ["a.conf:3: the key is longer than 512 bytes"])
        #expect(
            errors(report(wayIn + "loops = \(long)\n")) == [
                "a.conf:3: loops: \"\(String(repeating: "x", count: 80))… (10485760 bytes)\" is not an integer; allowed: 0...256"
            ])
    }

    @Test func `a file of 1 GB is not read`() {
        let path = folder.write("a.conf", "")
        truncate(path, 1 << 30)
        let report = EffectiveConfig.report(path: path)
        #expect(errors(report)[0] == "a.conf: cannot be read: more than 16777216 bytes")
    }

    @Test func `files together may have no more than one alone`() {
        folder.write("b.conf", "# " + String(repeating: "x", count: 1 << 20))
        let found = errors(report(wayIn + String(repeating: "include b.conf\n", count: 40)))
        #expect(found[0].hasPrefix("a.conf:18: include"))
        #expect(found[0].hasSuffix("bytes"))
    }

    @Test func `more settings than anybody has are an error and are not kept`() {
        let found = report(wayIn + String(repeating: "loops = 1\n", count: 150_000))
        #expect(
            errors(found) == ["a.conf:100001: more than 100000 settings; what follows is not read"])
    }

    @Test func `a hundred thousand mistakes are a hundred messages and a number`() {
        let found = report(String(repeating: "a\n", count: 100_000))
        #expect(found.errors.errors.count == 100)
        #expect(found.errors.count == 100_000)
        let notes = report(wayIn + (0..<2000).map { "plugins.p\($0).path = /x\n" }.joined())
        #expect(notes.canStart)
        #expect(notes.notes.count == 100)
        #expect(notes.omittedNotes[.info] == 1900)
        #expect(notes.noteLines().last == "info: and 1900 more like that")
    }

    @Test func `one mistake in a file that is included often is told once`() {
        folder.write("b.conf", "loops = x\nlops = 1")
        let found = errors(report(wayIn + String(repeating: "include b.conf\n", count: 300)))
        #expect(found.count == 2)
    }

    // MARK: Files

    @Test func `files that include one another twice each are cut off`() {
        for index in 0..<14 {
            folder.write("\(index).conf", "include \(index + 1).conf\ninclude \(index + 1).conf")
        }
        folder.write("14.conf", "x = 1")
        let found = errors(report(wayIn + "include 0.conf"))
        #expect(found.contains { $0.contains("more than 1000 files are read") })
        #expect(found.count == 2)
    }

    @Test func `files in files go 16 deep`() {
        for index in 0..<40 { folder.write("\(index).conf", "include \(index + 1).conf") }
        let found = errors(report(wayIn + "include 0.conf"))
        #expect(
            found
                == ["15.conf:1: include \(folder.path)/16.conf: lies in 16 other files, which is too deep"]
                .map { $0.split(separator: folder.path + "/").joined() })
    }

    @Test func `a pipe, a socket or a device is no configuration and holds nobody up`() {
        let pipe = folder.path + "/pipe"
        mkfifo(pipe, 0o600)
        #expect(
            errors(EffectiveConfig.report(path: pipe))[0]
                == "pipe: cannot be read: it is a pipe, a socket or a device, not a file")
        #expect(errors(EffectiveConfig.report(path: "/dev/zero"))[0].hasSuffix("a device, not a file"))
        #expect(errors(report(wayIn + "include pipe"))[0].hasPrefix("a.conf:3: include"))
        #expect(errors(report(wayIn + "nodename = $(<pipe)"))[0].hasSuffix("a device, not a file"))
        #expect(errors(report(wayIn + "nodename = $(<.)"))[0].hasSuffix("Is a directory"))
    }

    @Test func `a value out of a file has at most 64 KB`() {
        folder.write("long", String(repeating: "x", count: 70_000))
        #expect(errors(report(wayIn + "nodename = $(<long)"))[0].hasSuffix("more than 65536 bytes"))
    }

    // MARK: Characters

    @Test(arguments: ["\0", "\u{1}", "\u{1B}", "\u{7F}", "\u{85}", "\n"])
    func `no setting of free text takes a control character`(_ character: String) {
        for setting in SettingsTable.shared.settings {
            switch setting.type {
            case .text, .atom, .nodeName, .file, .directory, .character: break
            default: continue
            }
            let value = setting.type == .character ? character : "a@b\(character)c"
            #expect(setting.type.problem(with: value) == .controlCharacter, "\(setting.pattern)")
        }
    }

    @Test func `a message shows control characters by their number`() {
        let found = errors(report(wayIn + "nodename = a@b\0\u{1B}[31m"))
        #expect(
            found == [
                "a.conf:3: nodename: \"a@b\\u{0}\\u{1B}[31m\" has a control character; "
                    + "allowed: a node name of the form name@host, at most 255 bytes"
            ])
        #expect(SettingType.text.problem(with: "a\tb") == nil)
        #expect(SettingType.file.problem(with: "a\tb") == .controlCharacter)
        #expect(
            SettingType.nodeName.problem(with: "a@" + String(repeating: "b", count: 254)) == .malformedValue)
    }

    @Test func `text that is not UTF-8 is refused wherever it comes from`() {
        let path = folder.write(
            "a.conf", bytes: Array(wayIn.utf8) + Array("nodename = a@".utf8) + [0xC3, 0x28])
        #expect(errors(EffectiveConfig.report(path: path))[0] == "a.conf:3: is not UTF-8")
        let set = EffectiveConfig.report(path: nil, overrides: [("nodename", "a@\u{FFFD}")])
        #expect(set.errors.description.contains("--set: nodename: is not UTF-8"))
    }

    // MARK: Numbers

    @Test(
        arguments: [
            ("message_store.commit_window = 9223372036854775807", "is outside 0...1000"),
            ("message_store.commit_window = 9223372036854775808", "is not an integer"),
            ("retry_interval = -1", "is outside 0...2147483647"),
            ("retry_interval = 2147483648", "is outside 0...2147483647"),
            ("max_inflight_messages = -9223372036854775808", "is outside 0...65535"),
            ("persistent_client_expiration = 4294967296s", "is not an integer followed by"),
            ("persistent_client_expiration = 9223372036854775807y", "is not an integer followed by"),
            ("persistent_client_expiration = -1d", "is not an integer followed by"),
            ("leveldb.write_buffer_size_min = 9223372036854775807KB", "is not a byte size"),
            ("leveldb.write_buffer_size_min = 8589934592GB", "is not a byte size"),
            ("leveldb.write_buffer_size_min = -1", "is not a byte size"),
            ("leveldb.expiration.retention_time = 9223372036854775807f", "is not a duration"),
            ("leveldb.expiration.retention_time = 9223372036854775807ms1ms", "is not a duration"),
            ("leveldb.expiration.retention_time = -5s", "is not a duration"),
            ("leveldb.maximum_memory.percent = 101", "is outside 0...100"),
            ("listener.tcp.t = 127.0.0.1:99999999999999999999", "is not an address"),
        ])
    func `a number beyond the edge is refused with what is allowed`(_ line: String, _ text: String) {
        let found = errors(report("allow_anonymous = on\nlistener.tcp.x = 127.0.0.1:1\n" + line))
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("a.conf:3: "))
        #expect(found[0].contains(text))
    }
}
