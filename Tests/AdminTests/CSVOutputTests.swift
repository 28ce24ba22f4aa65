import Testing

@testable import Admin

@Suite struct CSVOutputTests {
    private let bytes = CollectedBytes()

    @Test func `session show looks as in VerneMQ`() {
        let output = CSVOutput(sink: bytes.take)
        output.table(
            ["user", "mountpoint", "client_id", "is_online", "peer_host", "peer_port"],
            [
                [
                    .text("alice"), .text(""), .text("live4"), .boolean(true), .text("127.0.0.1"),
                    .integer(40656),
                ],
                [.null, .text(""), .text("off4"), .boolean(false), .null, .null],
            ])
        output.finish()
        #expect(
            bytes.text == "user,mountpoint,client_id,is_online,peer_host,peer_port\r\n"
                + "alice,,live4,true,127.0.0.1,40656\r\nnull,,off4,false,null,null\r\n")
    }

    @Test func `fields with commas, quotes and line breaks are quoted`() {
        let output = CSVOutput(sink: bytes.take)
        output.table(["a", "b,c"], [[.text("x\"y"), .text("1\n2")], [.text("\"\u{301}"), .integer(-5)]])
        output.finish()
        #expect(bytes.text == "a,\"b,c\"\r\n\"x\"\"y\",\"1\n2\"\r\n\"\"\"\u{301}\",-5\r\n")
    }

    @Test func `control characters do not reach a terminal`() {
        let output = CSVOutput(isTerminal: true, sink: bytes.take)
        output.text("a\u{1b}[2J")
        output.finish()
        #expect(bytes.text == "a\\x1b[2J\r\n")
    }
}
