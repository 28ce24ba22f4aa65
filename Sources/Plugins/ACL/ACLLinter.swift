import Primitives

/// Says what in an access control file may not mean what was thought, and where VerneMQ would read it otherwise.
package enum ACLLinter {
    /// - Returns: problems of lines that count for nothing, then warnings, by line.
    package static func check(
        _ content: ACLParser.Content, _ manners: ACLMatcher.Manners
    ) -> [ACLProblem] {
        var linter = Linter(manners: manners)
        for rule in content.rules {
            guard linter.problems.count < ACLParser.problemLimit else { break }
            linter.look(at: rule)
        }
        return (content.problems + linter.problems).sorted { $0.line < $1.line }
    }

    private struct Linter {
        let manners: ACLMatcher.Manners
        var problems: [ACLProblem] = []
        private var seen: [Key: Int] = [:]
        private var everything: [UInt8: Int] = [:]

        private struct Key: Hashable {
            let scope: UTF8Text
            let access: UInt8
            let filter: UTF8Text
        }

        init(manners: ACLMatcher.Manners) { self.manners = manners }

        mutating func look(at rule: ACLRule) {
            let levels = ACLFilter.levels(of: rule.filter).map { String(decoding: $0, as: UTF8.self) }
            repeated(rule)
            words(rule, levels)
            names(rule, levels)
            wildcards(rule, levels)
        }

        private mutating func warn(_ rule: ACLRule, _ text: String) {
            problems.append(ACLProblem(line: rule.line, text: text, isSkipped: false))
        }

        private mutating func repeated(_ rule: ACLRule) {
            let scope: UTF8Text =
                switch rule.scope {
                case .all: "a"
                case .pattern: "p"
                case .user(let name): UTF8Text(bytes: Array("u".utf8) + name.bytes)
                }
            let key = Key(scope: scope, access: rule.access.rawValue, filter: rule.filter)
            if let line = seen[key] {
                warn(rule, "the same rule as in line \(line)")
            } else {
                seen[key] = rule.line
            }
            for bit in [ACLRule.Access.read, .write] where rule.access.contains(bit) {
                if let line = everything[bit.rawValue], line != rule.line {
                    warn(
                        rule,
                        "line \(line) allows every client to \(bit == .read ? "subscribe" : "publish") to everything, so this adds nothing"
                    )
                }
                if rule.scope == .all, rule.filter == "#" { everything[bit.rawValue] = rule.line }
            }
        }

        private mutating func words(_ rule: ACLRule, _ levels: [String]) {
            let first = rule.filter.description.split(separator: " ").first.map(String.init) ?? ""
            if rule.filter.description.contains(" "),
                ["read", "write", "readwrite", "deny", "allow"].contains(first)
            {
                warn(
                    rule,
                    "\(ACLParser.shown(rule.filter.bytes[...])) is taken as a topic that begins with \"\(first) \"; allowed before a topic are read and write alone (there is no rule that denies)"
                )
            } else if ["read", "write"].contains(rule.filter.description) {
                warn(rule, "\"\(rule.filter)\" is taken as a topic")
            } else if rule.filter.description.contains(where: { $0 == " " || $0 == "\t" }) {
                warn(rule, "the topic has blanks in it")
            }
            if rule.filter.bytes.first == UInt8(ascii: "/") {
                warn(rule, "the topic begins with an empty level: /a and a are different topics")
            }
        }

        private mutating func names(_ rule: ACLRule, _ levels: [String]) {
            let marks = ["%c", "%u", "%m"]
            if rule.scope == .pattern {
                for level in levels where marks.contains(where: level.contains) && !marks.contains(level) {
                    warn(
                        rule,
                        "\"\(level)\" is literal: %c, %u and %m stand for something as whole levels alone")
                }
                if !levels.contains(where: marks.contains) {
                    warn(rule, "a pattern without %c, %u or %m is a rule for every client")
                }
                if levels == ["%c"] || levels.first.map(marks.contains) == true {
                    warn(
                        rule,
                        "the first level is the client's to choose: it may be the name of somebody else's topics"
                    )
                }
            } else if levels.contains(where: { level in marks.contains(where: level.contains) }) {
                warn(rule, "%c, %u and %m are literal in a topic rule; patterns replace them")
            }
        }

        private mutating func wildcards(_ rule: ACLRule, _ levels: [String]) {
            guard rule.access.contains(.read) else { return }
            if levels.contains("+"), manners.isStrict {
                warn(
                    rule,
                    "VerneMQ lets a subscription with # through where the rule has +; this broker does not")
            } else if levels.contains("+") {
                warn(
                    rule,
                    "a subscription with # passes where the rule has + (vmq_acl.strict_subscribe is off)")
            }
            if levels.first == "#" || levels.first == "+" {
                warn(
                    rule,
                    manners.protectsSystemTopics
                        ? "VerneMQ lets this rule reach $SYS; here topics that begin with $ need a rule of their own"
                        : "the rule reaches $SYS (vmq_acl.protect_system_topics is off)")
            }
            if levels.first == "$share" {
                warn(
                    rule,
                    "a shared subscription is allowed where its filter is; VerneMQ needs rules for $share")
            }
        }
    }
}
