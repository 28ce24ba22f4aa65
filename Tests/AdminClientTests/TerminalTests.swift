import Admin
import Testing

@testable import AdminClient

@Suite struct TerminalTests {
    @Test func `only a terminal has a width, bold headers and a cursor that moves`() {
        let pipe = Terminal(isTerminal: false, columns: 80, environment: ["COLUMNS": "40"])
        #expect(pipe.width == nil && !pipe.isColored && !pipe.canMove)
        let terminal = Terminal(isTerminal: true, columns: 80, environment: ["COLUMNS": "40"])
        #expect(terminal.width == 80 && terminal.isColored && terminal.canMove)
        #expect(Terminal(isTerminal: true, columns: 0, environment: ["COLUMNS": "40"]).width == 40)
        #expect(Terminal(isTerminal: true, columns: 0, environment: [:]).width == nil)
    }

    @Test func `who wants no colour gets none`() {
        let plain = Terminal(isTerminal: true, columns: 80, environment: ["NO_COLOR": "1"])
        #expect(!plain.isColored && plain.canMove)
        #expect(Terminal(isTerminal: true, columns: 80, environment: ["NO_COLOR": ""]).isColored)
        let dumb = Terminal(isTerminal: true, columns: 80, environment: ["TERM": "dumb"])
        #expect(!dumb.isColored && !dumb.canMove)
    }
}

@Suite struct LiveViewTests {
    private func screen(_ text: String, rows: Int?) -> String {
        LiveView.screen(Array(text.utf8), title: "t", rows: rows, width: 20, isColored: false)
    }

    @Test func `a screen is drawn over the one before, each line cleared to its end`() {
        #expect(
            screen("a\n\nb\n", rows: 10)
                == "\u{1B}[Ht\u{1B}[K\r\na\u{1B}[K\r\n\u{1B}[K\r\nb\u{1B}[K\r\n\u{1B}[J"
        )
    }

    @Test(arguments: [5, 6, 7, nil] as [Int?]) func `what the screen has no room for is counted`(rows: Int?) {
        let shown = screen("one\ntwo\nthree\nfour\nfive\n", rows: rows)
        let hidden = rows.map { 5 - ($0 - 2) + 1 } ?? 0
        #expect(shown.contains("… and \(hidden) more lines") == (hidden > 1))
        #expect(rows.map { shown.split(separator: "\r\n").count - 1 <= $0 - 1 } ?? true)
        #expect(shown.contains("five") == (hidden <= 1))
    }
}

extension LiveViewTests {
    @Test func `CSV is cut to the screen as well, and no line wraps`() {
        #expect(
            screen("a,b\r\n1,2\r\n3,4\r\n", rows: 4)
                == "\u{1B}[Ht\u{1B}[K\r\na,b\u{1B}[K\r\n… and 2 more lines\u{1B}[K\r\n\u{1B}[J")
        #expect(
            screen(String(repeating: "x", count: 30), rows: nil)
                == "\u{1B}[Ht\u{1B}[K\r\n\(String(repeating: "x", count: 20))\u{1B}[K\r\n\u{1B}[J")
    }
}

@Suite struct ConfirmationTests {
    private func isNeeded(_ words: String...) throws -> Bool { try isNeeded(words) }

    private func isNeeded(_ words: [String]) throws -> Bool {
        guard case .invocation(let invocation, _) = try CommandLineParser(.vmqAdmin).parse(words) else {
            return false
        }
        return Confirmation.isNeeded(invocation)
    }

    @Test func `what destroys more than one message asks`() throws {
        #expect(try isNeeded("queue", "purge", "client-id=a"))
        #expect(try isNeeded("session", "delete", "client-id=a"))
        #expect(try isNeeded("retain", "delete", "--topic=a/#"))
        #expect(try isNeeded("retain", "delete", "-t", "+"))
        #expect(try !isNeeded("retain", "delete", "--topic=a/b"))
        #expect(try !isNeeded("retain", "delete"))
        #expect(try !isNeeded("session", "show"))
    }

    @Test(arguments: [
        (["session", "disconnect", "client-id=a", "--cleanup"], true),
        (["session", "disconnect", "client-id=a"], false), (["node", "stop"], true),
        (["listener", "delete", "address=127.0.0.1", "port=1"], true), (["metrics", "reset"], true),
        (["session", "show"], false), (["session", "disconnect", "clients", "client-ids=a,b", "-c"], true),
        (["session", "disconnect", "clients", "client-ids=a,b"], false),
        (["session", "disconnect", "batch", "count=3", "--cleanup"], true),
        (["api-key", "delete", "key=a"], true), (["config", "reset"], true),
        (["plugin", "disable", "--name=vmq_acl"], true),
        (["listener", "stop", "address=127.0.0.1", "port=1"], false),
        (["listener", "stop", "address=127.0.0.1", "port=1", "--kill_sessions"], true),
    ])
    func `a person is asked before VerneMQ's own commands throw clients out, a script is not`(
        words: [String], isCourtesy: Bool
    ) throws {
        guard case .invocation(let invocation, _) = try CommandLineParser(.vmqAdmin).parse(words) else {
            return
        }
        #expect(Confirmation.isCourtesy(invocation) == isCourtesy)
        #expect(try !isNeeded(words))
        let saysSo = invocation.command.details.contains("Elsewhere it does not ask")
        #expect(
            saysSo
                == (isCourtesy
                    || invocation.command.flags.contains {
                        $0.name == "kill_sessions" || $0.name == "cleanup"
                    }))
    }
}
