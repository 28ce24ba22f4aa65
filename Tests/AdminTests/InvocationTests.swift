import Testing

@testable import Admin

@Suite struct InvocationTests {
    private static let command = AdminCommand(
        "session show", "Show sessions",
        flags: [
            Flag("limit", nil, "N", .integer(0...Int.max), defaultValue: "100", help: "Rows."),
            Flag("topic", nil, "T", .text, isOptional: true, help: "The filter."),
            Flag("cleanup", "c", help: "All of it."),
        ])

    @Test func `what was given counts, the last one first, and then the default`() {
        let given = Invocation(
            Self.command, flags: [.init("topic", nil), .init("topic", "a/b"), .init("cleanup", nil)])
        #expect(given.value("topic") == "a/b")
        #expect(given.integer("limit") == 100)
        #expect(given.isOn("cleanup") && given.has("topic"))
        let nothing = Invocation(Self.command)
        #expect(nothing.value("topic") == nil && !nothing.isOn("cleanup"))
    }

    @Test func `a truth value may be written out`() {
        #expect(!Invocation(Self.command, flags: [.init("cleanup", "false")]).isOn("cleanup"))
        #expect(Invocation(Self.command, flags: [.init("cleanup", "on")]).isOn("cleanup"))
    }
}
