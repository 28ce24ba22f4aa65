import Primitives
import Testing

@testable import Plugins

/// Rules of access control files: what they mean, and what they cost.
@Suite struct ACLMatcherTests {
    private struct Client {
        var id = "dev1"
        var user: String?
        var mountpoint = ""
    }

    private func parse(_ text: String, depth: Int = 10) -> ACLParser.Content {
        ACLParser.parse(Array(text.utf8), maximumDepth: depth)
    }

    private func matcher(_ text: String, _ manners: ACLMatcher.Manners = .init()) -> ACLMatcher {
        ACLMatcher(parse(text).rules, manners)
    }

    private func allows(
        _ matcher: ACLMatcher, _ access: ACLRule.Access, _ topic: String, _ client: Client = Client()
    ) -> Bool {
        let topic = UTF8Text(topic)
        let id = UTF8Text(client.id)
        let user = UTF8Text(client.user ?? "")
        let mountpoint = UTF8Text(client.mountpoint)
        let names = ACLMatcher.Names(
            clientID: id.bytes.span.bytes, userName: user.bytes.span.bytes,
            mountpoint: mountpoint.bytes.span.bytes)
        let userName = client.user.map { UTF8Text($0) }
        return access == .write
            ? matcher.allowsPublish(topic.bytes.span.bytes, names, userName: userName)
            : matcher.allowsSubscribe(topic.bytes.span.bytes, names, userName: userName)
    }

    static let file = """
        # everybody
        topic read news/#
        topic write inbox
        topic chat/+/room

        user ada
        topic ada/#
        topic write only/ada
        pattern devices/%c/#
        pattern read home/%u/+
        pattern %m/all
        user bob
        topic  bob/x 	
        topic read $SYS/broker/#
        """

    @Test(
        arguments: [
            ("read", "news", nil, true), ("read", "news/a", nil, true), ("read", "news/#", nil, true),
            ("read", "news/+/b", nil, true), ("read", "new", nil, false), ("read", "newsx", nil, false),
            ("write", "news/a", nil, false), ("write", "inbox", nil, true), ("write", "inbox/a", nil, false),
            ("read", "inbox", nil, false), ("write", "chat/1/room", nil, true),
            ("read", "chat/+/room", nil, true),
            ("read", "chat/#", nil, false), ("read", "chat/+/+", nil, false),
            ("write", "chat//room", nil, true),
            ("write", "chat/1/2/room", nil, false), ("read", "#", nil, false), ("read", "+", nil, false),
            ("read", "ada/x", nil, false), ("read", "ada/x", "ada", true), ("read", "ada/#", "ada", true),
            ("write", "ada", "ada", true), ("read", "ada/x", "Ada", false), ("read", "ada/x", "bob", false),
            ("write", "only/ada", "ada", true), ("read", "only/ada", "ada", false),
            ("write", "devices/dev1/state", nil, true), ("read", "devices/dev1/#", "bob", true),
            ("write", "devices/dev2/state", nil, false), ("read", "devices/+/state", nil, false),
            ("read", "home/ada/x", "ada", true), ("read", "home/ada/x/y", "ada", false),
            ("write", "home/ada/x", "ada", false), ("read", "home/ada/x", nil, false),
            ("read", "home//x", nil, false), ("write", "/all", nil, false),
            ("read", "home/ada/#", "ada", false),
            ("read", "bob/x", "bob", true), ("read", "$SYS/broker/load", "bob", true),
            ("read", "$SYS/broker/load", "ada", false), ("read", "$SYS/#", "bob", false),
        ] as [(String, String, String?, Bool)])
    func `a rule allows what it says and no more`(
        _ access: String, _ topic: String, _ user: String?, _ isAllowed: Bool
    ) {
        let found = allows(
            matcher(Self.file), access == "read" ? .read : .write, topic, Client(user: user))
        #expect(found == isAllowed)
    }

    @Test(arguments: [
        ("topic read a/+", "a/#", false, true), ("topic read a/+", "a/+", true, true),
        ("topic read a/+/c", "a/#/c", false, true), ("topic read #", "$SYS/a", false, true),
        ("topic read #", "#", true, true), ("topic read +/a", "$SYS/a", false, true),
        ("topic read $SYS/#", "$SYS/#", true, true), ("topic read a/b", "a/+", false, false),
        ("topic read +/#", "a/b/#", true, true), ("topic read a/#", "a", true, true),
    ])
    func `a subscription must be within a rule, unless VerneMQ's comparison is asked for`(
        _ file: String, _ filter: String, _ isStrictlyAllowed: Bool, _ isLaxlyAllowed: Bool
    ) {
        var lax = ACLMatcher.Manners()
        lax.isStrict = false
        lax.protectsSystemTopics = false
        #expect(allows(matcher(file), .read, filter) == isStrictlyAllowed)
        #expect(allows(matcher(file, lax), .read, filter) == isLaxlyAllowed)
    }

    @Test func `a shared subscription may what its filter may`() {
        let plain = matcher("topic read a/#")
        #expect(allows(plain, .read, "$share/g/a/b"))
        #expect(!allows(plain, .read, "$share/a/b"))
        #expect(!allows(plain, .read, "$share/g/b"))
        #expect(!allows(matcher("topic read #"), .read, "$share/g/$SYS/a"))
        // A rule that names the group, as VerneMQ needs it.
        let named = matcher("topic read $share/workers/jobs/#\ntopic read $share/+/#")
        #expect(allows(named, .read, "$share/workers/jobs/1"))
        #expect(allows(named, .read, "$share/x/y"))
        #expect(!allows(named, .read, "jobs/1"))
        #expect(!allows(named, .read, "$share/x/$SYS/y"))
    }

    @Test func `a client whose names are wildcards gets nothing by them`() {
        let rules = matcher("pattern devices/%c/#\npattern read home/%u\npattern %c/x")
        for name in ["+", "#", "a/b", "$SYS"] {
            let client = Client(id: name, user: name)
            #expect(!allows(rules, .read, "devices/other/x", client))
            #expect(!allows(rules, .read, "devices/+/x", client))
            #expect(!allows(rules, .read, "devices/#", client))
            #expect(!allows(rules, .read, "home/+", client))
            #expect(!allows(rules, .read, "$SYS/x", client))
        }
    }

    @Test func `a mountpoint stands in patterns`() {
        let rules = matcher("pattern tenant/%m/#")
        #expect(allows(rules, .write, "tenant/m1/a", Client(mountpoint: "m1")))
        #expect(!allows(rules, .write, "tenant/m2/a", Client(mountpoint: "m1")))
        #expect(!allows(rules, .write, "tenant//a"))
    }

    @Test func `lines that are no rules are skipped, with their numbers`() {
        let content = parse(
            "topic read a\r\ntopics b\nuser\ntopic c\nTopic d\n topic e\ntopic a+/b\ntopic\ntopic write 1/2/3\nuser x\ntopic y",
            depth: 2)
        #expect(content.rules.map(\.line) == [1, 11])
        #expect(content.rules[0].filter == "a")
        #expect(content.rules[1].scope == .user("x"))
        #expect(content.problems.map(\.line) == [2, 3, 4, 5, 6, 7, 8, 9])
        #expect(content.skippedCount == 8)
        #expect(content.problems.allSatisfy { $0.isSkipped && !$0.text.isEmpty })
    }

    @Test func `bytes by chance trap nobody`() {
        var random = SystemRandomNumberGenerator()
        let words = [
            "topic ", "read ", "write ", "user ", "pattern ", "#", "+", "/", "%c", "%u", "$share", "\n", "\r",
            "\t", "a",
        ]
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                bytes += Array(words.randomElement(using: &random)!.utf8)
                if Int.random(in: 0..<8, using: &random) == 0 {
                    bytes.append(UInt8.random(in: 0...255, using: &random))
                }
            }
            let content = ACLParser.parse(bytes, maximumDepth: 4)
            let rules = ACLMatcher(content.rules, .init())
            for topic in ["a", "a/a", "#", "+/a", "$share/a/a", "$SYS/a", "/", "$share//", "$share/a/"] {
                _ = allows(rules, .read, topic)
                _ = allows(rules, .write, topic)
            }
            _ = ACLLinter.check(content, .init())
        }
    }

    /// The plain way to compare, level by level.
    private func compares(_ rule: [Substring], _ asked: [Substring], isFilter: Bool) -> Bool {
        if rule.first == "#" { return true }
        guard let first = rule.first, let level = asked.first else { return rule.isEmpty && asked.isEmpty }
        let isSame =
            first == "+"
            ? level != "#" || !isFilter : level == first && (!isFilter || !["+", "#"].contains(level))
        return isSame
            && compares(rule.dropFirst().map { $0 }, asked.dropFirst().map { $0 }, isFilter: isFilter)
    }

    @Test func `the trie says what a comparison with each rule says`() {
        var random = SystemRandomNumberGenerator()
        func text(_ levels: [String], _ hasEnd: Bool) -> String {
            var parts = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                levels.randomElement(using: &random)!
            }
            if hasEnd, Int.random(in: 0..<3, using: &random) == 0 { parts.append("#") }
            return parts.joined(separator: "/")
        }
        for _ in 0..<3000 {
            let filters = (0..<6).map { _ in text(["a", "b", "+", ""], true) }.filter { !$0.isEmpty }
            let rules = matcher(filters.map { "topic \($0)" }.joined(separator: "\n"))
            for isFilter in [true, false] {
                let asked = text(isFilter ? ["a", "b", "+", ""] : ["a", "b", ""], isFilter)
                if asked.isEmpty { continue }
                func levels(_ text: String) -> [Substring] {
                    text.split(separator: "/", omittingEmptySubsequences: false)
                }
                let expected = filters.contains {
                    ACLFilter.levelCount(of: UTF8Text($0)) != nil
                        && compares(levels($0), levels(asked), isFilter: isFilter)
                }
                #expect(
                    allows(rules, isFilter ? .read : .write, asked) == expected,
                    "\(filters) \(asked) \(isFilter)")
            }
        }
    }

    @Test func `the linter says where VerneMQ would read a file otherwise`() {
        let content = parse(
            """
            topic read a/+
            topic #
            topic deny secret
            topic %c/x
            pattern dev%c/x
            topic read a/+
            user ada
            topic ada/#
            topic read $share/g/x
            nonsense
            """)
        let texts = ACLLinter.check(content, .init()).map { "\($0.line): \($0.text)" }
        for part in [
            "1: VerneMQ lets a subscription with #", "2: VerneMQ lets this rule reach $SYS",
            "3: \"deny secret\" is taken as a topic",
            "4: %c, %u and %m are literal", "5: \"dev%c\" is literal", "6: the same rule as in line 1",
            "8: line 2 allows every client", "9: a shared subscription is allowed where its filter is",
            "10: \"nonsense\" is no rule",
        ] {
            #expect(texts.contains { $0.hasPrefix(part) }, "\(part)")
        }
    }
}
