import Foundation
import Testing

@testable import Admin

@Suite struct JSONOutputTests {
    private let bytes = CollectedBytes()

    private func json(_ say: (JSONOutput) -> Void) -> String {
        let output = JSONOutput(sink: bytes.take)
        say(output)
        output.finish()
        return bytes.text
    }

    @Test func `one element stands alone, without a line feed`() {
        #expect(json { $0.text("Done") } == #"{"text":"Done","type":"text"}"#)
    }

    @Test func `a table has its rows, with the keys in the order of the columns`() {
        let text = json {
            $0.table(
                ["user", "mountpoint", "client_id", "is_online", "peer_host", "peer_port"],
                [
                    [
                        .text("alice"), .text(""), .text("live4"), .boolean(true), .text("127.0.0.1"),
                        .integer(40656),
                    ],
                    [.undefined, .text(""), .text("off4"), .boolean(false), .null, .null],
                ])
        }
        #expect(
            text
                == #"{"table":[{"user":"alice","mountpoint":"","client_id":"live4","is_online":true,"peer_host":"127.0.0.1","peer_port":40656},{"user":null,"mountpoint":"","client_id":"off4","is_online":false,"peer_host":null,"peer_port":null}],"type":"table"}"#
        )
    }

    @Test func `an empty table is a table`() {
        #expect(json { $0.table(["a"], []) } == #"{"table":[],"type":"table"}"#)
    }

    @Test func `an alert has its text in an array`() {
        #expect(
            json { $0.alert("not found") }
                == #"{"alert":[{"text":"not found","type":"text"}],"type":"alert"}"#)
    }

    @Test func `a list has its words and perhaps a title`() {
        #expect(
            json { $0.list(title: "Hooks", ["a", "b"]) }
                == #"{"list":["a","b"],"title":"Hooks","type":"list"}"#)
        bytes.bytes = []
        #expect(json { $0.list(title: nil, []) } == #"{"list":[],"type":"list"}"#)
    }

    @Test func `nothing is an empty array and a line feed`() {
        #expect(json { _ in } == "[]\n")
    }

    @Test func `several elements are an array and a line feed`() {
        let text = json {
            $0.table(["a"], [[.integer(1)]])
            $0.alert("x")
            $0.text("y")
        }
        #expect(
            text
                == #"[{"table":[{"a":1}],"type":"table"},{"alert":[{"text":"x","type":"text"}],"type":"alert"},{"text":"y","type":"text"}]"#
                + "\n")
    }

    @Test func `texts lose blanks at their ends, and values are escaped`() {
        #expect(
            json { $0.text(" Invalid config keys: a ") }
                == #"{"text":"Invalid config keys: a","type":"text"}"#)
        #expect(JSONText.quoted("a\"\\\n\u{1b}\u{9b}é") == #""a\"\\\n\u001b\u009bé""#)
        #expect(JSONText.value(.real(.nan)) == "null")
        #expect(JSONText.value(.real(0.5)) == "0.5")
    }

    @Test func `a stream has an element a line`() {
        let output = JSONOutput(isStream: true, sink: bytes.take)
        output.text("a")
        #expect(bytes.text == "{\"text\":\"a\",\"type\":\"text\"}\n")
        output.table(["b"], [[.integer(1)]])
        output.finish()
        #expect(bytes.text.hasSuffix("}\n{\"table\":[{\"b\":1}],\"type\":\"table\"}\n"))
    }

    @Test func `a table over a megabyte is streamed, and what follows stands in it`() throws {
        let output = JSONOutput(sink: bytes.take)
        output.beginTable(["id"])
        for _ in 0..<30_000 { output.row([.text("abcdefghijklmnopqrstuvwxyz0123456789")]) }
        #expect(bytes.bytes.count > 1_000_000)
        output.endTable()
        output.alert("slow rows were left out")
        output.table(["b"], [[.integer(1)]])
        output.finish()
        let parsed = try JSONSerialization.jsonObject(with: Data(bytes.bytes)) as? [String: Any]
        #expect((parsed?["table"] as? [Any])?.count == 30_000)
        #expect((parsed?["more"] as? [Any])?.count == 2)
        #expect(parsed?["type"] as? String == "table")
    }

    @Test func `whatever is said, it is JSON`() throws {
        var random = SeededRandom(11)
        for _ in 0..<500 {
            let said = random.output()
            bytes.bytes = []
            let text = json { said.replay(to: $0) }
            #expect(throws: Never.self) {
                _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            }
        }
    }
}
