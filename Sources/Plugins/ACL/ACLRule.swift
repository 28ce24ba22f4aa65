package import Primitives

/// One rule of an access control file: who may do what with which topics.
package struct ACLRule: Equatable, Sendable {
    /// What it allows.
    package struct Access: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// To subscribe.
        package static let read = Access(rawValue: 1)
        /// To publish.
        package static let write = Access(rawValue: 2)
    }

    /// Whom it allows it.
    package enum Scope: Equatable, Sendable {
        /// Every client, those without a user name too.
        case all
        /// Clients with this user name.
        case user(UTF8Text)
        /// Every client, with its own name in some levels of the filter.
        case pattern
    }

    package let scope: Scope
    package let access: Access
    /// As a subscription would name the topics, with the names for parts of the client in patterns.
    package let filter: UTF8Text
    /// In the file, from 1.
    package let line: Int
}

/// A line of an access control file that is no rule, or that may mean something else than was thought.
package struct ACLProblem: Equatable, Sendable {
    /// In the file, from 1.
    package let line: Int
    /// What is wrong, as a sentence.
    package let text: String
    /// Whether the line counts for nothing.
    package let isSkipped: Bool
}

/// Reads access control files.
///
///     # comment
///     topic read news/#          ┐ for every client, until a line `user`
///     topic write inbox          ┘
///     user ada                   what follows is for clients with this user name
///     topic ada/#                read and write
///     pattern devices/%c/#       for every client: %c client id, %u user name, %m mountpoint, each a whole level
///
/// VerneMQ: a line that is none of this ends the process that reads the file. Here it is skipped, counted and told.
package enum ACLParser {
    /// Bytes of the longest file that is read.
    package static let byteLimit = 64 << 20
    /// Rules of the longest file that is read.
    package static let ruleLimit = 1_000_000
    /// Problems that are kept to be shown.
    package static let problemLimit = 100

    /// What a file says.
    package struct Content: Sendable {
        package var rules: [ACLRule] = []
        package var problems: [ACLProblem] = []
        /// Lines that count for nothing, those that `problems` does not list included.
        package var skippedCount = 0
        /// Whether the file has more rules than are read; those that follow count for nothing.
        package var isCut = false

        mutating func skip(_ line: Int, _ text: String) {
            skippedCount += 1
            guard problems.count < ACLParser.problemLimit else { return }
            problems.append(ACLProblem(line: line, text: text, isSkipped: true))
        }
    }

    /// - Parameter maximumDepth: levels of a filter; 0 = no limit.
    package static func parse(_ bytes: [UInt8], maximumDepth: Int) -> Content {
        var content = Content()
        var scope = ACLRule.Scope.all
        var number = 0
        var start = 0
        while start < bytes.count {
            number += 1
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var line = bytes[start..<end]
            // VerneMQ keeps a carriage return, so that no rule of such a file ever matches.
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            start = end + 1
            guard !line.allSatisfy(isBlank), line.first != UInt8(ascii: "#") else { continue }
            if let name = line.elementsEqual("user".utf8) ? [] : rest(of: line, "user ") {
                guard !name.isEmpty else {
                    // The rules that follow must not become somebody else's.
                    scope = .user(UTF8Text(bytes: []))
                    content.skip(number, "user needs a name; the rules that follow are nobody's")
                    continue
                }
                scope = .user(UTF8Text(bytes: Array(name)))
                continue
            }
            guard let (rule, problem) = rule(line, scope, number, maximumDepth) else {
                content.skip(
                    number,
                    "\(shown(line)) is no rule; allowed: topic, pattern (each with read or write, or neither), user"
                )
                continue
            }
            if let problem {
                content.skip(number, problem)
                continue
            }
            guard content.rules.count < ruleLimit else {
                content.isCut = true
                content.skip(
                    number,
                    "the file has more than \(ruleLimit) rules; this and what follows counts for nothing")
                break
            }
            if case .user(let name) = scope, name.isEmpty, rule.scope != .pattern {
                content.skip(number, "the rule belongs to no user")
                continue
            }
            content.rules.append(rule)
        }
        return content
    }

    private static func rule(
        _ line: ArraySlice<UInt8>, _ scope: ACLRule.Scope, _ number: Int, _ maximumDepth: Int
    ) -> (ACLRule, problem: String?)? {
        let forms: [(String, ACLRule.Access, isPattern: Bool)] = [
            ("topic read ", .read, false), ("topic write ", .write, false),
            ("topic ", [.read, .write], false),
            ("pattern read ", .read, true), ("pattern write ", .write, true),
            ("pattern ", [.read, .write], true),
        ]
        for (keyword, access, isPattern) in forms {
            guard let filter = rest(of: line, keyword) else { continue }
            let rule = ACLRule(
                scope: isPattern ? .pattern : scope, access: access, filter: UTF8Text(bytes: Array(filter)),
                line: number)
            return (rule, problem(filter, maximumDepth))
        }
        return nil
    }

    private static func problem(_ filter: ArraySlice<UInt8>, _ maximumDepth: Int) -> String? {
        let text = UTF8Text(bytes: Array(filter))
        guard let levels = ACLFilter.levelCount(of: text) else {
            return "\(shown(filter)) is no topic filter"
        }
        guard maximumDepth == 0 || levels <= maximumDepth else {
            return "\(shown(filter)) has \(levels) levels; topic_max_depth allows \(maximumDepth)"
        }
        return nil
    }

    /// What stands behind a keyword, without blanks round it; nil = the line does not begin with the keyword.
    private static func rest(of line: ArraySlice<UInt8>, _ keyword: String) -> ArraySlice<UInt8>? {
        guard line.starts(with: keyword.utf8) else { return nil }
        var rest = line.dropFirst(keyword.utf8.count)
        while let first = rest.first, isBlank(first) { rest = rest.dropFirst() }
        while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
        return rest
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// Bytes of a file for a log line or a terminal.
    static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes.prefix(80), as: UTF8.self).unicodeScalars.map {
            $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0)
        }.joined()
        return "\"\(text)\(bytes.count > 80 ? "…" : "")\""
    }
}
