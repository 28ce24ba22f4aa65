import Testing

@testable import Admin

@Suite struct CommandLineParserTests {
    private let parser = CommandLineParser(.vmqAdmin)

    private func parse(_ line: String) throws -> (Invocation, GlobalOptions) {
        try invocation(parser.parse(line.split(separator: " ").map(String.init)))
    }

    private func invocation(_ parsed: ParsedCommandLine) throws -> (Invocation, GlobalOptions) {
        guard case .invocation(let invocation, let globals) = parsed else {
            throw AdminFailure("no invocation")
        }
        return (invocation, globals)
    }

    private func refusal(_ line: String) -> String {
        refusal(line.split(separator: " ").map(String.init))
    }

    private func refusal(_ tokens: [String]) -> String {
        do throws(AdminFailure) {
            _ = try parser.parse(tokens)
            return "no refusal"
        } catch {
            #expect(error.kind == .usage)
            return error.text
        }
    }

    @Test func `words, arguments and flags are told apart`() throws {
        let (given, globals) = try parse("session disconnect client-id=a=b --cleanup --mountpoint=mp")
        #expect(given.command.name == "session disconnect")
        #expect(given.arguments == [.init("client-id", "a=b")])
        #expect(given.flags == [.init("cleanup", nil), .init("mountpoint", "mp")])
        #expect(globals == GlobalOptions())
    }

    @Test func `the longest command counts`() throws {
        #expect(
            try parse("session disconnect clients client-ids=a,b").0.command.name
                == "session disconnect clients")
    }

    @Test func `order is free`() throws {
        let given = try parse("api-key add -- expires=never scope=mgmt key=k".replacing(" --", with: "")).0
        #expect(given.argument("key") == "k" && given.argument("scope") == "mgmt")
        #expect(try parse("session disconnect -c client-id=a").0.argument("client-id") == "a")
    }

    @Test(arguments: ["-m mp", "-mmp", "-m=mp", "--mountpoint=mp", "--mountpoint mp"])
    func `a flag is written in five ways`(_ flag: String) throws {
        let given = try parse("session disconnect \(flag) client-id=a").0
        #expect(given.value("mountpoint") == "mp" && given.argument("client-id") == "a")
    }

    @Test func `a flag may have a value or not, and come twice`() throws {
        let given = try parse("session show --topic --topic=a/b --client_id x --is_online").0
        #expect(
            given.flags == [
                .init("topic", nil), .init("topic", "a/b"), .init("client_id", "x"), .init("is_online", nil),
            ])
        #expect(given.integer("limit") == 100)
    }

    @Test func `a value may be empty and may begin with a dash`() throws {
        #expect(try parse("session show --mountpoint=").0.flags == [.init("mountpoint", "")])
        #expect(try parse("session show --user=-x --client_id=~a=b").0.value("user") == "-x")
        #expect(try parse("session show --user -5").0.value("user") == "-5")
    }

    @Test func `a truth value of a flag that takes none counts`() throws {
        #expect(try parse("session disconnect client-id=a --cleanup=true").0.has("cleanup"))
        #expect(!(try parse("session disconnect client-id=a --cleanup=false").0.has("cleanup")))
    }

    @Test func `flags of every command may stand anywhere`() throws {
        #expect(try parse("--json session show --full").1 == GlobalOptions(format: .json, isFull: true))
        #expect(try parse("session show --format csv").1.format == .csv)
        #expect(try parse("--format table session show").1.format == .human)
        #expect(try parse("session delete client-id=a --yes").1.isConfirmed)
        let (_, globals) = try parse("session show --format=xml")
        #expect(globals.format == .human && globals.warnings.count == 1)
    }

    @Test func `names of settings stand alone`() throws {
        let given = try parse("show a.b c --all d").0
        #expect(given.arguments == [.init("a.b", nil), .init("c", nil), .init("d", nil)])
        #expect(given.has("all"))
        #expect(try parse("set a=b=c d=1").0.arguments == [.init("a", "b=c"), .init("d", "1")])
    }

    @Test func `a scope may stand alone`() throws {
        #expect(try parse("api-key show all").0.argument("scope") == "all")
        #expect(try parse("api-key show").0.argument("scope") == nil)
    }

    @Test func `lists have their items`() throws {
        #expect(
            try parse("listener start address=::1 port=1 --auth_plugins=[a,b]").0.list("auth_plugins") == [
                "a", "b",
            ])
        #expect(
            ValueType.items(of: "[]") == [] && ValueType.items(of: "") == nil
                && ValueType.items(of: "[a") == nil)
        #expect(ValueType.items(of: "a, b") == ["a", "b"])
    }

    @Test func `help and version are asked for in any place`() throws {
        for line in [
            "session show --help", "-h session show", "help session show", "session show x=y -h --bad",
        ] {
            guard case .help(let words) = try parser.parse(line.split(separator: " ").map(String.init)) else {
                Issue.record("no help: \(line)")
                continue
            }
            #expect(words == ["session", "show"])
        }
        guard case .help([]) = try parser.parse(["--help"]) else { throw AdminFailure("no help") }
        guard case .version = try parser.parse(["--version"]) else { throw AdminFailure("no version") }
    }

    @Test(arguments: [
        ("metrics show --nosuch", "Invalid key: \"nosuch\""),
        ("session show -z", "Invalid key: \"z\""),
        ("node status --foo", "Invalid Flags: [\"foo\"]"),
        ("node status k=v", "Invalid arguments: k=v "),
        ("node status k", "Invalid arguments: k "),
        ("session disconnect client=a", "Invalid key: \"client\""),
        ("listener start address=::1 port=70000", "Invalid argument: {port,\"70000\"}"),
        ("session show --limit=abc", "Invalid value: \"abc\" for flag: limit"),
        ("session show --limit=-1", "Invalid value: \"-1\" for flag: limit"),
        (
            "session show --limit=99999999999999999999",
            "Invalid value: \"99999999999999999999\" for flag: limit"
        ),
        ("session show --limit", "Invalid value: \"\" for flag: limit"),
        ("session disconnect client-id=a --cleanup=2", "Invalid value: \"2\" for flag: cleanup"),
        ("session disconnect client-id=a -m", "Invalid mountpoint value"),
        ("session disconnect client-id=", "Empty value in argument: \"client-id\""),
        ("session disconnect sensor", "Empty value in argument: \"sensor\""),
        ("session disconnect client-id=a --cleanup b", "Invalid flag: \"b\""),
        ("session disconnect client-id=a client-id=b", "Invalid argument: {client-id,\"b\"}"),
        ("session show --limit=1 --limit=2", "Invalid flag: {limit,\"2\"}"),
        ("session disconnect", "Missing argument: client-id"),
        ("api-key create expires=x scope=nosuch", "Invalid argument: {scope,\"nosuch\"}"),
        ("set", "Usage: vmq-admin set <variable>=<value> ... [[--node | -n] <node> | --all]"),
        ("show", "Usage: vmq-admin show <variable> ... [[--node | -n] <node> | --all]"),
        ("set a", "Empty value in argument: \"a\""), ("set a=", "Empty value in argument: \"a\""),
        ("show a=b", "Invalid arguments: a=b "),
        ("sesion show", "Unknown command: sesion show"),
        ("session", "Usage: vmq-admin session <sub-command>"),
        ("", "Usage: vmq-admin <sub-command>"),
        ("session disconnect client", "Unknown command: session disconnect client"),
    ])
    func `what is wrong is said in VerneMQ's words`(_ line: String, _ text: String) {
        let lines = refusal(line).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first.map(String.init) == text)
        #expect(lines.count > 1 || text.hasPrefix("Usage"))
    }

    @Test(arguments: [
        ("sesion show", "Did you mean: vmq-admin session show"),
        ("session shwo", "Did you mean: vmq-admin session show"),
        ("lisener", "Did you mean: vmq-admin listener"), ("session show --topc", "Did you mean --topic?"),
        ("session disconnect clientid=a", "Did you mean client-id=?"),
        ("session disconnect cleanup=true", "Write it with dashes: --cleanup"),
        ("session disconnect --client-id=a", "Write it without dashes: client-id="),
        ("session show --limit=x", "Write --limit=<N>: a whole number from 0."),
    ])
    func `a refusal says what was meant or is allowed`(_ line: String, _ hint: String) {
        #expect(refusal(line).contains(hint), "\(refusal(line))")
    }

    @Test func `where arguments are missing, how the command is called is known`() {
        for (words, beginning) in [
            (
                ["session", "disconnect"],
                "vmq-admin session disconnect client-id=<ClientId> [options]\n\n  Disc"
            ),
            (["set"], "Usage: vmq-admin set <variable>"),
        ] {
            do throws(AdminFailure) {
                _ = try parser.parse(words)
                Issue.record("nothing was missing")
            } catch {
                #expect(error.usage?.hasPrefix(beginning) == true)
            }
        }
        #expect(throws: AdminFailure(.usage, refusal("session shwo"))) {
            try parser.parse(["session", "shwo"])
        }
    }

    @Test(arguments: [
        ("webhooks show", "webhooks: this build has no webhooks"),
        ("webhooks", "webhooks: this build has no webhooks"),
        ("cluster leave node=x", "cluster leave: this build is a node of its own, and no cluster"),
        ("cluster status", "cluster status: its name is cluster show"),
    ])
    func `of a command that only VerneMQ has it is said why it is not here`(_ line: String, _ text: String) {
        #expect(throws: AdminFailure(.failed, text)) {
            try parser.parse(line.split(separator: " ").map(String.init))
        }
        #expect(HelpText(.vmqAdmin).text(for: []).contains("webhooks"))
        // Where the table has it, nothing is said.
        let table = CommandTable([AdminCommand("webhooks show", "Shows them")])
        #expect(AbsentCommands.vmqAdmin.reason(for: ["webhooks", "show"], in: table) == nil)
        #expect(!AbsentCommands.vmqAdmin.names(in: table).contains("webhooks"))
    }

    @Test func `too much is refused before it is looked at`() {
        #expect(refusal(Array(repeating: "a", count: 1001)).hasPrefix("There are 1001 words"))
        let long = refusal(["session", "show", "--client_id=" + String(repeating: "x", count: 65536)])
        #expect(long.contains("65536 are allowed") && long.utf8.count < 1000)
    }

    @Test func `a path and its query are a command`() throws {
        let parsed = try parser.parse(
            path: ["session", "show"],
            query: [("--limit", "1"), ("--client_id", nil), ("--is_online", "true"), ("--json", nil)])
        let (given, globals) = try invocation(parsed)
        #expect(given.command.name == "session show" && globals.format == .json)
        #expect(given.flags == [.init("limit", "1"), .init("client_id", nil), .init("is_online", "true")])
        let (disconnect, _) = try invocation(
            parser.parse(path: ["session", "disconnect"], query: [("client-id", "a=b"), ("--cleanup", nil)]))
        #expect(disconnect.argument("client-id") == "a=b" && disconnect.has("cleanup"))
        let (alone, _) = try invocation(
            parser.parse(
                path: ["session", "disconnect"],
                query: [("client-id", "a"), ("--cleanup", ""), ("--mountpoint", ""), ("--json", "")]))
        #expect(alone.flags == [.init("cleanup", nil), .init("mountpoint", "")])
        for (isExact, value) in [(false, nil), (true, "")] {
            let (column, _) = try invocation(
                parser.parse(path: ["session", "show"], query: [("--topic", "")], isExact: isExact))
            #expect(column.flags == [.init("topic", value)])
        }
        #expect(throws: AdminFailure.self) {
            try parser.parse(path: ["session", "show"], query: [("--limit", "")])
        }
        let (show, _) = try invocation(parser.parse(path: ["show", "a"], query: [("b", nil), ("c", "")]))
        #expect(show.arguments.map(\.name) == ["a", "b", "c"])
    }

    @Test(arguments: [
        (["sessions"], "session show"), (["sessions", "show"], "session show"),
        (["listeners"], "listener show"),
        (["plugins"], "plugin show"), (["plugins", "show"], "plugin show"),
    ])
    func `paths have short forms`(_ path: [String], _ name: String) throws {
        #expect(try invocation(parser.parse(path: path, query: [])).0.command.name == name)
    }

    @Test func `a query has no short flags and no words`() {
        for query in [("-n", "x"), ("x", nil), ("--", nil), ("-", nil)] as [(String, String?)] {
            #expect(throws: AdminFailure.self) {
                try parser.parse(path: ["session", "show"], query: [(name: query.0, value: query.1)])
            }
        }
        #expect(throws: AdminFailure.self) { try parser.parse(path: [], query: []) }
        #expect(throws: AdminFailure.self) { try parser.parse(path: ["cluster", "status"], query: []) }
    }

    @Test func `whatever is given, there is a command, help or a refusal of bounded length`() {
        var random = SeededRandom(1)
        let pieces = [
            "session", "show", "disconnect", "client-id=", "client-id=a", "--limit", "--limit=5", "-m", "-mx",
            "--topic",
            "=", "-", "--", "---", "-=", "--=", "--=x", "-5", "-\u{301}", "--\u{301}", "a=\u{301}", "set",
            "api-key", "all",
            "--format", "--format=", "--json=x", "--yes", "-c", "--cleanup=off", "listener", "start",
            "port=1", "node=\n",
            "trace", "client", "help", "", "--aggregate", "metrics", "count=-1", "completion", "bash",
        ]
        for _ in 0..<3000 {
            let tokens = (0..<Int.random(in: 0...7, using: &random)).map { _ in
                Int.random(in: 0..<6, using: &random) == 0
                    ? random.text() : pieces.randomElement(using: &random) ?? ""
            }
            do throws(AdminFailure) {
                if case .invocation(let given, _) = try parser.parse(tokens) {
                    for argument in given.command.arguments where argument.isRequired {
                        #expect(given.argument(argument.name) != nil)
                    }
                }
            } catch {
                #expect(error.kind == .usage && !error.text.isEmpty && error.text.utf8.count < 20_000)
            }
            let query = tokens.dropFirst(2).map {
                (name: $0, value: Bool.random(using: &random) ? random.text() : nil)
            }
            _ = try? parser.parse(path: Array(tokens.prefix(2)), query: query)
        }
    }
}
