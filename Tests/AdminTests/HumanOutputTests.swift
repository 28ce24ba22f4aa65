import Testing

@testable import Admin

@Suite struct HumanOutputTests {
    private let bytes = CollectedBytes()
    private let clock = StandingClock()

    private func output(isTerminal: Bool = false, width: Int? = nil, isFull: Bool = false) -> HumanOutput {
        HumanOutput(
            isTerminal: isTerminal, width: width, isFull: isFull, now: { [clock] in clock.time },
            sink: bytes.take)
    }

    @Test func `listener show looks as in VerneMQ`() {
        let output = output()
        output.table(
            ["type", "status", "address", "port", "mountpoint", "max_conns", "active_conns", "all_conns"],
            [
                [
                    .text("mqtt"), .text("running"), .text("127.0.0.1"), .text("1886"), .text(""),
                    .integer(10000),
                    .integer(2), .integer(2),
                ],
                [
                    .text("mqttws"), .text("running"), .text("127.0.0.1"), .text("8096"), .text(""),
                    .integer(10000), .integer(0), .integer(0),
                ],
            ])
        output.finish()
        #expect(
            bytes.text == """
                +--------+---------+-----------+------+------------+-----------+--------------+-----------+
                | type   | status  | address   | port | mountpoint | max_conns | active_conns | all_conns |
                +--------+---------+-----------+------+------------+-----------+--------------+-----------+
                | mqtt   | running | 127.0.0.1 | 1886 |            | 10000     | 2            | 2         |
                +--------+---------+-----------+------+------------+-----------+--------------+-----------+
                | mqttws | running | 127.0.0.1 | 8096 |            | 10000     | 0            | 0         |
                +--------+---------+-----------+------+------------+-----------+--------------+-----------+

                """)
    }

    @Test func `headings, errors and states have colours on a terminal, and none elsewhere`() {
        for isColored in [true, false] {
            let bytes = CollectedBytes()
            let output = HumanOutput(isColored: isColored, now: { .zero }, sink: bytes.take)
            output.table(
                ["status", "client_id"],
                [[.text("running"), .text("running")], [.text("suspended"), .text("")]])
            output.table(["Item", "Value"], [[.text("state"), .text("online")]])
            output.alert("no\nmore")
            output.alert("Done.")
            output.text("Done")
            output.finish()
            let plain = """
                +-----------+-----------+
                | status    | client_id |
                +-----------+-----------+
                | running   | running   |
                +-----------+-----------+
                | suspended |           |
                +-----------+-----------+
                +-------+--------+
                | Item  | Value  |
                +-------+--------+
                | state | online |
                +-------+--------+
                no
                more
                Done.
                Done

                """
            let painted = [
                (
                    "| status    | client_id |",
                    "| \u{1b}[1mstatus\u{1b}[0m    | \u{1b}[1mclient_id\u{1b}[0m |"
                ),
                ("| running   |", "| \u{1b}[32mrunning\u{1b}[0m   |"),
                ("| suspended |", "| \u{1b}[33msuspended\u{1b}[0m |"),
                ("| Item  | Value  |", "| \u{1b}[1mItem\u{1b}[0m  | \u{1b}[1mValue\u{1b}[0m  |"),
                ("| online |", "| \u{1b}[32monline\u{1b}[0m |"), ("\nno\n", "\n\u{1b}[31mno\u{1b}[0m\n"),
            ]
            let expected = painted.reduce(plain) { $0.replacing($1.0, with: $1.1) }
            #expect(bytes.text == (isColored ? expected : plain))
        }
    }

    @Test func `the headings of help are bold on a terminal`() {
        let help = HelpText(.vmqAdmin).text(for: ["session", "disconnect"])
        let painted = TextColor.paintHelp(help)
        for heading in ["Usage:", "Arguments:", "Flags:", "Sub-commands:", "Examples:"] {
            #expect(painted.contains("\u{1b}[1m\(heading)\u{1b}[0m"))
        }
        #expect(painted.replacing("\u{1b}[1m", with: "").replacing("\u{1b}[0m", with: "") == help)
    }

    @Test func `a narrow terminal cuts the names of columns before addresses and numbers`() {
        let output = output(width: 72)
        output.table(
            ["type", "status", "address", "port", "mountpoint", "max_conns", "active_conns", "all_conns"],
            [
                [
                    .text("mqtt"), .text("running"), .text("127.0.0.1"), .integer(41883), .text(""),
                    .integer(10000), .integer(20000), .integer(3),
                ]
            ])
        output.finish()
        let lines = bytes.text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 72 })
        for value in ["127.0.0.1", "41883", "10000", "20000", "running"] {
            #expect(bytes.text.contains(" \(value) "), "\(value)")
        }
    }

    @Test(arguments: [80, nil] as [Int?]) func `a cell with very many lines is cut, but for --full`(
        width: Int?
    ) {
        func table(_ output: HumanOutput) -> Int {
            output.table(["payload"], [[.text(String(repeating: "x\n", count: 5000))]])
            output.finish()
            return bytes.text.split(separator: "\n").count
        }
        let cut = table(output(width: width))
        #expect(cut == 4 + (width == nil ? 1000 : 20))
        #expect(bytes.text.contains("more lines: --full"))
        #expect(table(output(width: width, isFull: true)) - cut == 5001 + 4)
    }

    @Test func `tabs go to the next stop, however many there are`() {
        #expect(TableLayout.lines(of: "a\tbc\t\td") == ["a       bc              d"])
        #expect(TableLayout.lines(of: "\t\u{1}\tx\r\n\ty") == ["        \\x01    x", "        y"])
        #expect(TableLayout.lines(of: String(repeating: "\t", count: 200_000))[0].utf8.count == 1_600_000)
    }

    @Test func `node status looks as in VerneMQ`() {
        let output = output()
        output.table(
            ["Status", "Value"],
            [
                [.text("num_online"), .integer(2)], [.text("num_subscriptions"), .integer(7)],
                [.text("version"), .text("2.2.0")],
            ])
        output.finish()
        #expect(
            bytes.text == """
                +-------------------+-------+
                | Status            | Value |
                +-------------------+-------+
                | num_online        | 2     |
                +-------------------+-------+
                | num_subscriptions | 7     |
                +-------------------+-------+
                | version           | 2.2.0 |
                +-------------------+-------+

                """)
    }

    @Test func `api-key show looks as in VerneMQ`() {
        let output = output()
        output.table(
            ["Key", "Scope", "Expires (UTC)", "has expired"],
            [
                [.text("Z7fC8NJMow3DubL3zI1K9cPKt0h29n4p"), .text("mgmt"), .text("never"), .boolean(false)],
                [
                    .text("METRICSKEYABCDEFGHIJKLMNOPQRSTUV"), .text("metrics"), .text("2030-01-01 00:00:00"),
                    .boolean(false),
                ],
            ])
        output.finish()
        #expect(
            bytes.text == """
                +----------------------------------+---------+---------------------+-------------+
                | Key                              | Scope   | Expires (UTC)       | has expired |
                +----------------------------------+---------+---------------------+-------------+
                | Z7fC8NJMow3DubL3zI1K9cPKt0h29n4p | mgmt    | never               | false       |
                +----------------------------------+---------+---------------------+-------------+
                | METRICSKEYABCDEFGHIJKLMNOPQRSTUV | metrics | 2030-01-01 00:00:00 | false       |
                +----------------------------------+---------+---------------------+-------------+

                """)
    }

    @Test func `session show looks as in VerneMQ, with null and undefined as words`() {
        let output = output()
        output.table(
            ["user", "mountpoint", "client_id", "is_online", "peer_host", "peer_port"],
            [
                [
                    .text("alice"), .text(""), .text("live4"), .boolean(true), .text("127.0.0.1"),
                    .integer(40656),
                ],
                [.null, .text(""), .text("tracer4"), .boolean(false), .null, .null],
                [.undefined, .text(""), .text("off4"), .boolean(false), .null, .null],
            ])
        output.finish()
        #expect(
            bytes.text == """
                +-----------+------------+-----------+-----------+-----------+-----------+
                | user      | mountpoint | client_id | is_online | peer_host | peer_port |
                +-----------+------------+-----------+-----------+-----------+-----------+
                | alice     |            | live4     | true      | 127.0.0.1 | 40656     |
                +-----------+------------+-----------+-----------+-----------+-----------+
                | null      |            | tracer4   | false     | null      | null      |
                +-----------+------------+-----------+-----------+-----------+-----------+
                | undefined |            | off4      | false     | null      | null      |
                +-----------+------------+-----------+-----------+-----------+-----------+

                """)
    }

    @Test func `a cell with line breaks takes several lines, and its last line feed one more`() {
        let output = output()
        output.table(
            ["Plugin", "Hook(s)"],
            [[.text("vmq_passwd"), .text("auth_on_register\nauth_on_register_m5\n")]])
        output.finish()
        #expect(
            bytes.text == """
                +------------+---------------------+
                | Plugin     | Hook(s)             |
                +------------+---------------------+
                | vmq_passwd | auth_on_register    |
                |            | auth_on_register_m5 |
                |            |                     |
                +------------+---------------------+

                """)
    }

    @Test func `texts, alerts and lists have a line each, and an empty table none`() {
        let output = output()
        output.text("Done")
        output.table(["a"], [])
        output.alert("Invalid key: \"foo\"")
        output.list(title: "Hooks", ["a", "b"])
        output.list(title: nil, ["c"])
        output.finish()
        #expect(bytes.text == "Done\nInvalid key: \"foo\"\nHooks: a b\nc\n")
    }

    @Test func `headers are bold on a terminal only`() {
        let output = output(isTerminal: true)
        output.table(["a", "bc"], [[.integer(100), .integer(1)]])
        output.finish()
        #expect(bytes.text.contains("\n| \u{1b}[1ma\u{1b}[0m   | \u{1b}[1mbc\u{1b}[0m |\n"))
    }

    @Test func `wide letters and accents keep the borders straight`() {
        let output = output()
        output.table(["id"], [[.text("漢字")], [.text("e\u{301}a")], [.text("😀👨‍👩‍👧🇩🇪")], [.text("한")]])
        output.finish()
        #expect(
            bytes.text == """
                +--------+
                | id     |
                +--------+
                | 漢字   |
                +--------+
                | e\u{301}a     |
                +--------+
                | 😀👨‍👩‍👧🇩🇪 |
                +--------+
                | 한     |
                +--------+

                """)
    }

    @Test func `what a client chose is no command to a terminal`() {
        let output = output(isTerminal: true)
        let evil = "a\u{1b}[2J\u{9b}31m\r\u{7}\u{202e}b\u{0}"
        output.text(evil)
        output.alert(evil)
        output.list(title: evil, [evil])
        output.table([evil], [[.text(evil)]])
        output.progress(evil, done: 1, total: nil)
        output.finish()
        let plain = bytes.text.split(separator: "\u{1b}[1m").joined().split(separator: "\u{1b}[0m").joined()
            .split(separator: "\u{1b}[K").joined().split(separator: "\r").joined()
            .split(separator: "\u{1b}[31m").joined()
        #expect(!plain.unicodeScalars.contains { $0 != "\n" && SafeText.isHarmful($0) })
        #expect(plain.contains("a\\x1b[2J\\x9b31m\\r\\x07\\u{202e}b\\x00"))
    }

    @Test func `tabs of a cell go to the next eighth column`() {
        #expect(TableLayout.lines(of: "ab\tc\r\nd") == ["ab      c", "d"])
    }

    @Test func `a table is cut to the terminal, and whole with full`() {
        let row: [Cell] = [
            .text("sensor-with-a-long-name"), .text("short"), .text("another-quite-long-value"),
        ]
        let cut = output(isTerminal: false, width: 40)
        cut.table(["client_id", "user", "topic"], [row])
        cut.finish()
        let lines = bytes.text.split(separator: "\n")
        #expect(lines.allSatisfy { DisplayWidth.of(String($0)) <= 40 })
        #expect(lines[3] == "| sensor-with… | short | another-qui… |")
        bytes.bytes = []
        let full = output(width: 40, isFull: true)
        full.table(["client_id", "user", "topic"], [row])
        full.finish()
        #expect(bytes.text.contains("| sensor-with-a-long-name | short | another-quite-long-value |"))
    }

    @Test func `after a thousand rows the widths stand, and a longer cell goes on below`() {
        let output = output()
        output.beginTable(["id"])
        for _ in 0..<1000 { output.row([.text("abcd")]) }
        let held = bytes.text.split(separator: "\n").count
        #expect(held > 1900)
        output.row([.text("0123456789")])
        output.endTable()
        output.finish()
        #expect(bytes.text.hasSuffix("| 0123 |\n| 4567 |\n| 89   |\n+------+\n"))
    }

    @Test func `one huge cell makes neither every row as long nor a row of a million lines`() {
        let wide = output()
        wide.table(["id"], [[.text(String(repeating: "x", count: 100_000))], [.text("y")]])
        wide.finish()
        #expect(bytes.bytes.count < 200_000)
        bytes.bytes = []
        let late = output()
        late.beginTable(["id"])
        for _ in 0..<1000 { late.row([.text("ab")]) }
        late.row([.text(String(repeating: "x", count: 1 << 20))])
        late.endTable()
        late.finish()
        #expect(bytes.bytes.count < 1 << 21)
    }

    @Test func `many rows need no memory of their own, and end when the reader goes`() {
        let output = output()
        bytes.hangsUpAfter = 1
        output.beginTable(["id"])
        for _ in 0..<2000 { output.row([.text("abcd")]) }
        #expect(output.isCancelled)
        #expect(bytes.pieces == 1)
    }

    @Test func `progress has a line a second where there is no terminal`() {
        let output = output()
        for step in 0...50 {
            clock.time = .milliseconds(step * 100)
            output.progress("Checking the store", done: step * 1000, total: 100_000)
        }
        output.finish()
        let lines = bytes.text.split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[1] == "Checking the store: 10,000 of 100,000 (10 %), 10,000 a second, 9 s left")
    }

    @Test func `progress of impossible size does no harm`() {
        for (done, total) in [(Int.max, 1), (.min, .max), (.max, .min), (0, 0), (.min, nil)] as [(Int, Int?)]
        {
            let output = output()
            clock.time = .zero
            output.progress("a", done: .min, total: total)
            clock.time = .seconds(1)
            output.progress("a", done: done, total: total)
            output.finish()
        }
        #expect(bytes.text.hasPrefix("a: "))
    }

    @Test func `progress on a terminal is written in place, and goes when something is said`() {
        let output = output(isTerminal: true, width: 40)
        output.progress("Reading", done: 5, total: 10)
        output.text("Done")
        output.finish()
        #expect(bytes.text == "\rReading: 5 of 10 (50 %)\u{1b}[K\r\u{1b}[KDone\n")
    }

    @Test func `whatever is said, all lines of a table are as long as its border`() {
        var random = SeededRandom(7)
        for _ in 0..<300 {
            bytes.bytes = []
            let output = output(width: Bool.random(using: &random) ? 60 : nil)
            let columns = (0..<3).map { _ in random.text() }
            output.table(columns, (0..<4).map { _ in columns.map { _ in random.cell() } })
            output.finish()
            let widths = Set(bytes.text.split(separator: "\n").map { DisplayWidth.of(String($0)) })
            #expect(widths.count == 1, "\(bytes.text)")
        }
    }
}
