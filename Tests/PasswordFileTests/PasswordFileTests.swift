import Primitives
import TestSupport
import Testing

@testable import PasswordFile

@Suite struct PasswordFileTests {
    private static let hash = PasswordHashTests.known[0].text

    private func parse(_ text: String) throws -> PasswordFile {
        try PasswordFile(parsing: Array(text.utf8), path: "p")
    }

    private func text(_ file: PasswordFile) -> String { String(decoding: file.bytes, as: UTF8.self) }

    private func known(_ index: Int = 0) throws -> PasswordHash {
        try #require(PasswordHash(text: Array(PasswordHashTests.known[index].text.utf8)[...]))
    }

    @Test(arguments: [
        "", "\n", "a:\(hash)\n", "a:\(hash)", "# note\n\n  \na:\(hash)\n#b:\(hash)\n",
        "a:\(hash)\r\nb:x\r\n\r\n", "nonsense", ":x\n",
        "a:b:c\na:$6$x\na:\n", "\u{0}\n\u{FEFF}a:b",
    ])
    func `what is not changed stays as it is`(_ content: String) throws {
        #expect(text(try parse(content)) == content)
    }

    @Test func `the last well-formed line of a user counts`() throws {
        let other = PasswordHashTests.known[1].text
        let file = try parse("a:\(other)\nb:\(other)\na:\(Self.hash)\na:$6$broken\na:plain\r\nc:\(other)\r\n")
        #expect(file.hashes == ["a": try known(), "b": try known(1), "c": try known(1)])
    }

    @Test func `a line that lets nobody in is named, and what it holds is not`() throws {
        let file = try parse("# a:b\n\nnonsense\n:x\na:\na:geheim\na:$6$geheim\na:\(Self.hash)\n")
        #expect(file.problems.map(\.line) == [3, 4, 5, 6, 7])
        #expect(file.problems.map(\.kind) == [.noColon, .noUserName, .noPassword, .plainText, .damagedHash])
        #expect(!file.problems.contains { $0.text.contains("geheim") })
        #expect(file.hashes.count == 1)
    }

    @Test func `a user keeps its place and loses its further lines`() throws {
        var file = try parse("# first\na:1\nb:2\n\na:3\n# last\na:4")
        let wasThere = try file.set("a", known())
        #expect(wasThere)
        #expect(text(file) == "# first\na:\(Self.hash)\nb:2\n\n# last\n")
    }

    @Test(arguments: [
        ("", ""), ("b:1", "b:1\n"), ("b:1\n", "b:1\n"), ("# x", "# x\n"), ("b:1\n\n", "b:1\n\n"),
    ])
    func `a new user comes last, in a line of its own`(_ before: String, _ kept: String) throws {
        var file = try parse(before)
        let wasThere = try file.set("a", known())
        #expect(!wasThere)
        #expect(text(file) == kept + "a:\(Self.hash)\n")
    }

    @Test func `all lines of a user are removed`() throws {
        var file = try parse("a:1\nb:2\na:3\nab:4\nA:5\n")
        let wasRemoved = file.remove("a")
        #expect(wasRemoved)
        #expect(text(file) == "b:2\nab:4\nA:5\n")
        let isRemovedAgain = file.remove("a")
        #expect(!isRemovedAgain)
    }

    @Test func `names are compared by bytes`() throws {
        var file = try parse("caf\u{E9}:1\n")
        let isOther = file.remove(UTF8Text("cafe\u{301}"))
        #expect(!isOther)
        let isSame = file.remove(UTF8Text("caf\u{E9}"))
        #expect(isSame)
    }

    @Test func `plain text is hashed, once`() throws {
        var file = try parse(
            "# n:x\na:geheim\nb:\(Self.hash)\nc:\nd:with:colon\r\ne:$6$broken\nnonsense\nf:last")
        let count = try file.hashPlainText()
        #expect(count == 3)
        #expect(file.hashes.keys.map(\.description).sorted() == ["a", "b", "d", "f"])
        #expect(file.hashes["a"]?.matches(Array("geheim".utf8)) == true)
        #expect(file.hashes["d"]?.matches(Array("with:colon".utf8)) == true)
        #expect(file.hashes["f"]?.matches(Array("last".utf8)) == true)
        let once = text(file)
        #expect(
            once.hasPrefix("# n:x\na:$6$") && once.contains("\nc:\n")
                && once.contains("\ne:$6$broken\nnonsense\nf:$6$"))
        #expect(!once.hasSuffix("\n"))
        let countAgain = try file.hashPlainText()
        #expect(countAgain == 0)
        #expect(text(file) == once)
    }

    @Test(arguments: ["", " ", "a:b", "#a", "a\nb", "a\rb", "a\u{0}b", String(repeating: "n", count: 65_281)])
    func `a name that no line can hold is refused`(_ name: String) throws {
        var file = PasswordFile()
        let error = #expect(throws: PasswordFileError.self) { try file.set(UTF8Text(name), known()) }
        guard case .badUserName(let shown, _) = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(shown.count <= 80)
        #expect(file.bytes.isEmpty)
    }

    @Test func `the longest name can be read again`() throws {
        var file = PasswordFile()
        let name = UTF8Text(String(repeating: "n", count: 65_280))
        try file.set(name, known())
        #expect(try PasswordFile(parsing: file.bytes, path: "p").hashes[name] == known())
    }

    @Test func `a line over the limit is named`() throws {
        let line = String(repeating: "x", count: PasswordFile.lineByteLimit)
        #expect(try parse("a:b\n\(line)\n").problemCount == 2)
        let error = #expect(throws: PasswordFileError.self) { try parse("a:b\n\n\(line)x\n") }
        #expect(error?.description == "p:3: the line is longer than 65536 bytes")
    }

    @Test func `a file over the limits is refused`() throws {
        let long = [UInt8](repeating: UInt8(ascii: "\n"), count: PasswordFile.byteLimit + 1)
        #expect(throws: PasswordFileError(.tooLong(limit: PasswordFile.byteLimit), path: "p")) {
            try PasswordFile(parsing: long, path: "p")
        }
        let crowd = Array(String(repeating: "a:\n", count: PasswordFile.userLimit + 1).utf8)
        #expect(throws: PasswordFileError(.tooManyUsers(limit: 1_000_000), path: "p", line: 1_000_001)) {
            try PasswordFile(parsing: crowd, path: "p")
        }
    }

    @Test func `problems beyond the first hundred are counted`() throws {
        let file = try parse(String(repeating: "x\n", count: 250))
        #expect(file.problems.count == 100 && file.problemCount == 250)
    }

    @Test func `no bytes upset it, and all come back`() throws {
        var random = SeededGenerator(seed: 4711)
        let alphabet = Array("a:$6#\n\r =\u{0}\u{80}".utf8) + [0xFF]
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            var file = try PasswordFile(parsing: bytes, path: "p")
            #expect(file.bytes == bytes)
            try file.set("a", known())
            let again = try PasswordFile(parsing: file.bytes, path: "p")
            #expect(again.hashes["a"] == (try known()))
            #expect(again.bytes == file.bytes)
        }
    }
}
