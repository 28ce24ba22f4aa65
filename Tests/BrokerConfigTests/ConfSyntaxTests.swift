import Testing

@testable import BrokerConfig

@Suite struct ConfSyntaxTests {
    private func statements(_ text: String) -> [ConfStatement] {
        let syntax = ConfSyntax(reading: Array(text.utf8), path: "t.conf")
        #expect(syntax.errors.isEmpty)
        return syntax.statements
    }

    private func errors(_ text: String) -> [String] {
        ConfSyntax(reading: Array(text.utf8), path: "t.conf").errors.map(\.description)
    }

    @Test(
        arguments: [
            ("a = b", "a", "b", false),
            ("a=b", "a", "b", false),
            ("  a \t=\t b  ", "a", "b", false),
            ("a = b c  d", "a", "b c  d", false),
            ("a = b # comment", "a", "b", false),
            ("a = b#c", "a", "b", false),
            ("a = 'b # c'", "a", "b # c", true),
            ("a = ' b '   # c", "a", " b ", true),
            ("a = ''", "a", "", true),
            ("a = \"b\"", "a", "\"b\"", false),
            ("a = b'c'", "a", "b'c'", false),
            ("a = b\r", "a", "b", false),
            ("a = 'b'\r", "a", "b", true),
            ("a.b-c_D.9 = x", "a.b-c_D.9", "x", false),
            ("a.b\\.c.d = x", "a.b\\.c.d", "x", false),
            ("include = x", "include", "x", false),
            ("a = größe → ✓", "a", "größe → ✓", false),
            ("a = $(b)", "a", "$(b)", false),
            ("a = '''b'''", "a", "b", true),
            ("a = '''it's'''", "a", "it's", true),
            ("\u{FEFF}a = b", "a", "b", false),
        ])
    func `a line with a setting is read as in the table`(
        _ line: String, _ key: String, _ value: String, _ isLiteral: Bool
    ) {
        let read = statements(line)
        #expect(read.map(\.line) == [1])
        guard case .setting(let readKey, let readValue, let readLiteral) = read.first?.content else {
            Issue.record("no setting in \(line)")
            return
        }
        #expect(readKey.description == key)
        #expect(readValue == value)
        #expect(readLiteral == isLiteral)
    }

    @Test func `a backslash puts a dot into a word of the key`() {
        #expect(ConfKey("a.b\\.c.d")?.words == ["a", "b.c", "d"])
    }

    @Test func `comments and empty lines say nothing`() {
        #expect(statements("\n# a = b\n   \n\t# c\r\n\r\n").isEmpty)
    }

    @Test func `line numbers count what a multi-line value spans`() {
        let read = statements("a = 1\n\nb = '''x\ny\n'''\r\nc = 3")
        #expect(read.map(\.line) == [1, 3, 6])
        guard case .setting(_, let value, _) = read[1].content else { return }
        #expect(value == "x\ny\n")
    }

    @Test func `an include keeps its pattern`() {
        #expect(
            statements("include conf.d/*.conf # more\n include 'a b.conf'").map(\.content) == [
                .include(pattern: "conf.d/*.conf"), .include(pattern: "a b.conf"),
            ])
    }

    @Test(
        arguments: [
            ("a", "t.conf:1: column 2: expected '=' after the key"),
            ("a b = c", "t.conf:1: column 3: expected '=' after the key"),
            ("= c", "t.conf:1: column 1: expected a key"),
            ("a..b = c", "t.conf:1: column 1: expected a key"),
            ("a. = c", "t.conf:1: column 1: expected a key"),
            ("ä = c", "t.conf:1: column 1: expected a key"),
            ("a =", "t.conf:1: column 4: expected a value"),
            ("a = # c", "t.conf:1: column 5: expected a value"),
            ("a = 'b", "t.conf:1: column 5: expected a closing '"),
            ("a = 'b\n'", "t.conf:1: column 5: expected a closing '"),
            ("a = 'b' c", "t.conf:1: column 9: expected the end of the line after the closing quote"),
            ("a = '''b", "t.conf:1: column 5: expected a closing '''"),
            ("include ", "t.conf:1: column 9: expected a path after include"),
        ])
    func `a syntax error names the column and what was expected`(_ text: String, _ message: String) {
        #expect(errors(text).first == message)
    }

    @Test func `every line with an error is named`() {
        #expect(
            errors("a\nb = 1\nc =\n") == [
                "t.conf:1: column 2: expected '=' after the key", "t.conf:3: column 4: expected a value",
            ])
    }

    @Test func `text that is not UTF-8 is refused with its line`() {
        let syntax = ConfSyntax(reading: Array("a = 1\nb = ".utf8) + [0xC3, 0x28], path: "t.conf")
        #expect(syntax.errors.map(\.description) == ["t.conf:2: is not UTF-8"])
    }

    @Test func `any bytes at all are read to their end`() {
        var state: UInt64 = 42
        let alphabet = Array("a.\\='# \n\r$()<include".utf8) + [0x00, 0xFF]
        for _ in 0..<2000 {
            let bytes = (0..<40).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return alphabet[Int(state >> 33) % alphabet.count]
            }
            let syntax = ConfSyntax(reading: bytes, path: "t.conf")
            #expect(syntax.statements.count + syntax.errors.count <= bytes.count)
        }
    }
}
