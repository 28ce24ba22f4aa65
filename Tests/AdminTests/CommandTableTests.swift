import Testing

@testable import Admin

@Suite struct CommandTableTests {
    private let table = CommandTable(
        [
            AdminCommand("session show", "Shows"), AdminCommand("session disconnect", "Ends"),
            AdminCommand("session disconnect batch", "Ends many"), AdminCommand("set", "Sets"),
        ], groups: ["session": "Sessions"])

    @Test func `a command is found by its words, and by words that begin with them`() {
        #expect(table.command(["session", "show"])?.summary == "Shows")
        #expect(table.command(["session"]) == nil)
        #expect(table.longestMatch(["session", "disconnect", "x"])?.name == "session disconnect")
        #expect(table.longestMatch(["session", "disconnect", "batch"])?.name == "session disconnect batch")
        #expect(table.longestMatch(["session"]) == nil)
    }

    @Test func `a prefix has its sub-commands`() {
        #expect(
            table.subcommands(of: []) == [
                .init(word: "session", summary: "Sessions", isGroup: true),
                .init(word: "set", summary: "Sets", isGroup: false),
            ])
        #expect(table.subcommands(of: ["session"]).map(\.word) == ["show", "disconnect"])
        #expect(table.subcommands(of: ["session", "disconnect"]).map(\.word) == ["batch"])
        #expect(table.subcommands(of: ["set"]).isEmpty)
        #expect(table.knownPrefix(of: ["session", "x", "show"]) == ["session"])
    }

    @Test func `the nearest command is suggested, and nothing where none is near`() {
        #expect(table.suggestion(for: ["sesion", "shw"]) == ["session", "show"])
        #expect(table.suggestion(for: ["sess", "show"]) == ["session", "show"])
        #expect(table.suggestion(for: ["session", "show"]) == nil)
        #expect(table.suggestion(for: ["xyzzy"]) == nil)
        #expect(table.suggestion(for: [String(repeating: "s", count: 10_000)]) == nil)
    }

    @Test func `distances count letters, also swapped ones`() {
        #expect(EditDistance.between("show", "show") == 0)
        #expect(EditDistance.between("shwo", "show") == 1)
        #expect(EditDistance.between("", "abc") == 3)
        #expect(EditDistance.between("kitten", "sitting") == 3)
    }
}
