import Admin
import BrokerCore
import MQTTCodec
import Primitives
import Testing

@testable import Control

@Suite struct HandlerTableTests {
    @Test func `each command of the table is carried out, and nothing else is`() {
        // What the program does by itself.
        let local: Set = ["completion bash", "completion zsh", "completion fish"]
        let table = Set(CommandTable.vmqAdmin.commands.map(\.name))
        #expect(Control.handledCommands.union(local) == table)
    }

    @Test func `the columns of session show are those of its help`() {
        #expect(
            Set(SessionColumn.all.map(\.name)) == Set(SessionColumns.all.map(\.name)))
        #expect(Set(SessionColumn.standard) == Set(SessionColumns.defaults))
    }

    private static let matches: [(filter: UTF8Text, wanted: UTF8Text, isMatch: Bool)] = [
        ("a/b", "a/b", true), ("a/+", "a/b", true), ("a/#", "a", true), ("a/#", "a/b/c", true),
        ("#", "a", true),
        ("+", "a/b", false), ("a/b", "a", false), ("a", "a/b", false), ("+/b", "a/b", true),
        ("a//", "a//", true),
        ("a/+/", "a//", true), ("#", "$SYS/x", false), ("+/x", "$SYS/x", false), ("$SYS/#", "$SYS/x", true),
        ("$share/g/a/+", "a/b", true), ("$share/g/a/+", "g/a/b", false), ("a/#", "a/#", true),
        ("a/+", "a/#", false),
    ]

    @Test(arguments: matches)
    func `a filter matches a topic as a broker would`(_ filter: UTF8Text, _ wanted: UTF8Text, _ isMatch: Bool)
    {
        #expect(TopicMatch.matches(filter, wanted) == isMatch)
    }

    @Test func `lists are read with brackets and without`() {
        #expect(Control.list("a,b") == ["a", "b"])
        #expect(Control.list("[a, b ,c]") == ["a", "b", "c"])
        #expect(Control.list("").isEmpty)
    }

    @Test(arguments: ["2030-01-31T23:59:59", "1999-12-31T00:00:00"])
    func `a time of a key is local and shown in UTC`(_ text: String) throws {
        let seconds = try #require(try LocalTime.parse(text))
        #expect(LocalTime.utcText(seconds).utf8.count == 19)
        #expect(try LocalTime.parse(nil) == nil)
    }

    @Test(arguments: [
        "", "2030", "2030-13-01T00:00:00", "2030-01-01 00:00:00", "2030-01-01T00:00:00Z",
        "x030-01-01T00:00:00", "2030-02-31T00:00:00", "2029-02-29T00:00:00",
    ])
    func `what is no time is refused`(_ text: String) {
        #expect(throws: AdminFailure.self) { try LocalTime.parse(text) }
    }
}
