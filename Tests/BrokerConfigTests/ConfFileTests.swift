import Testing

@testable import BrokerConfig

@Suite struct ConfFileTests {
    private let folder = TemporaryFolder()

    private func values(_ path: String) throws -> [String] {
        try ConfFile(path: path).lines.map { "\($0.key)=\($0.value)" }
    }

    private func errors(_ path: String) -> [String] {
        ConfFile.reading(path: path).findings.items.map {
            $0.description.split(separator: folder.path + "/").joined()
        }
    }

    @Test func `an include is read where it stands, relative to its file`() throws {
        folder.write("sub/b.conf", "b = 1\ninclude c.conf")
        folder.write("sub/c.conf", "c = 1")
        let path = folder.write("a.conf", "a = 1\ninclude sub/b.conf\na = 2")
        #expect(try values(path) == ["a=1", "b=1", "c=1", "a=2"])
        #expect(try ConfFile(path: path).lines[2].source.description == "\(folder.path)/sub/c.conf:1")
    }

    @Test func `a glob includes its files in order of name, and may match none`() throws {
        folder.write("conf.d/2.conf", "b = 2")
        folder.write("conf.d/1.conf", "b = 1")
        folder.write("conf.d/3.txt", "b = 3")
        let path = folder.write("a.conf", "include conf.d/*.conf\ninclude none.d/*.conf")
        #expect(try values(path) == ["b=1", "b=2"])
    }

    @Test func `an include of a missing file is an error at its line`() {
        let path = folder.write("a.conf", "\ninclude b.conf")
        #expect(errors(path) == ["a.conf:2: include b.conf: cannot be read: No such file or directory"])
    }

    @Test func `a missing file is an error`() {
        #expect(errors("\(folder.path)/x.conf") == ["x.conf: cannot be read: No such file or directory"])
    }

    @Test func `a directory is not a configuration`() {
        #expect(errors(folder.path).first?.hasSuffix("cannot be read: Is a directory") == true)
    }

    @Test func `files that include each other are an error`() {
        folder.write("b.conf", "include a.conf")
        let path = folder.write("a.conf", "include b.conf")
        #expect(errors(path) == ["b.conf:1: includes a.conf, which is being read already"])
    }

    @Test func `a circle through another spelling of the path is found`() {
        folder.write("sub/x", "")
        let path = folder.write("a.conf", "include sub/../a.conf")
        #expect(errors(path).count == 1)
    }

    @Test func `a file may be included twice`() throws {
        folder.write("b.conf", "b = 1")
        #expect(try values(folder.write("a.conf", "include b.conf\ninclude b.conf")) == ["b=1", "b=1"])
    }

    @Test func `a value can be the content of a file, without its last newline`() throws {
        folder.write("secret", "p#ss\n$(x)\n")
        let path = folder.write("a.conf", "a = $(<secret)\nb = '$(<secret)'")
        let lines = try ConfFile(path: path).lines
        #expect(lines.map(\.value) == ["p#ss\n$(x)", "$(<secret)"])
        #expect(lines[0].isLiteral)
    }

    @Test func `a value file that is missing or not text is an error`() {
        folder.write("bad", bytes: [0xFF])
        let path = folder.write("a.conf", "a = $(<none)\nb = $(<bad)")
        #expect(
            errors(path) == [
                "a.conf:1: a $(<none): cannot be read: No such file or directory",
                "a.conf:2: b $(<bad): is not UTF-8",
            ])
    }
}
