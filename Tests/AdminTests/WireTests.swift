import Testing

@testable import Admin

@Suite struct WireTests {
    private func wire(_ output: RecordedOutput, status: Int = 0) -> [UInt8] {
        let bytes = CollectedBytes()
        let clock = StandingClock()
        let wire = WireOutput(
            now: {
                clock.time += .seconds(1)
                return clock.time
            }, sink: bytes.take)
        output.replay(to: wire)
        wire.heartbeat()
        wire.end(status: status)
        return bytes.bytes
    }

    @Test func `each event has its line`() {
        let said = RecordedOutput()
        said.text("a\tb\nc\\")
        said.beginTable(["x", "y"])
        said.row([.text("t"), .integer(-1)])
        said.row([.boolean(true), .real(0.5)])
        said.row([.null, .undefined])
        said.endTable()
        said.list(title: nil, ["i"])
        said.progress("p", done: 1, total: 2)
        said.alert("")
        #expect(
            String(decoding: wire(said, status: 2), as: UTF8.self) == """
                x\ta\\tb\\nc\\\\
                c\tx\ty
                r\tst\ti-1
                r\tb1\td0.5
                r\tn\tu
                z
                l\tn\ti
                p\tp\t1\t2
                a\t

                e\t2

                """)
    }

    @Test func `what is said arrives, in whatever pieces the bytes come`() throws {
        var random = SeededRandom(3)
        for round in 0..<400 {
            let said = random.output()
            let status = round % 4
            var bytes = wire(said, status: status)[...]
            let heard = RecordedOutput()
            var reader = WireReader(heard)
            while !bytes.isEmpty {
                let piece = bytes.prefix(Int.random(in: 1...20, using: &random))
                try reader.receive(Array(piece))
                bytes = bytes.dropFirst(piece.count)
            }
            #expect(heard.events == said.events)
            #expect(reader.status == status)
        }
    }

    @Test(arguments: [
        ("q\tx\n", WireReader.Malformed.Problem.unknownEvent), ("x\n", .unknownEvent),
        ("xa\n", .unknownEvent),
        ("x\ta\tb\n", .unknownEvent), ("x\t\\q\n", .unknownEvent), ("x\t\\\n", .unknownEvent),
        ("r\tn\n", .misplacedRow), ("c\ta\nr\tn\tn\n", .misplacedRow), ("z\n", .misplacedRow),
        ("c\ta\nr\tx\n", .unknownEvent), ("c\ta\nr\ti1x\n", .unknownEvent), ("p\ta\t1\n", .unknownEvent),
        ("e\tx\n", .unknownEvent), ("e\t256\n", .unknownEvent), ("e\t0\nx\ta\n", .afterEnd),
        ("l\n", .unknownEvent),
    ])
    func `what no broker sends is refused`(_ text: String, _ problem: WireReader.Malformed.Problem) {
        var reader = WireReader(RecordedOutput())
        var caught: WireReader.Malformed?
        do throws(WireReader.Malformed) { try reader.receive(Array(text.utf8)) } catch { caught = error }
        #expect(caught?.problem == problem)
        #expect(throws: WireReader.Malformed.self) { try reader.receive([UInt8(ascii: "\n")]) }
    }

    @Test func `a line may not be longer than 16 MB`() throws {
        var reader = WireReader(RecordedOutput())
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<16 { try reader.receive(piece) }
        #expect(throws: WireReader.Malformed(problem: .tooLong, line: 1)) { try reader.receive(piece) }
        #expect(throws: WireReader.Malformed.self) {
            var reader = WireReader(RecordedOutput())
            try reader.receive(
                Array("l\tn".utf8) + [UInt8](repeating: UInt8(ascii: "\t"), count: 2 << 20) + [10])
        }
    }

    @Test func `a text over 16 MB is not sent, and that is said`() throws {
        let said = RecordedOutput()
        said.text(String(repeating: "x", count: 17 << 20))
        let heard = RecordedOutput()
        var reader = WireReader(heard)
        try reader.receive(wire(said))
        #expect(heard.events == [.alert("A line of over 16 MB was left out.")])
    }

    @Test func `garbage neither crashes the reader nor makes it forget an end`() {
        var random = SeededRandom(5)
        let letters = Array("xalcrzpe\t\t\t\n\n\\sidbnu01 é".utf8)
        for _ in 0..<3000 {
            let heard = RecordedOutput()
            var reader = WireReader(heard)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let piece = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    Int.random(in: 0..<20, using: &random) == 0
                        ? UInt8.random(in: 0...255, using: &random)
                        : letters.randomElement(using: &random) ?? 0
                }
                try? reader.receive(piece)
            }
        }
    }

    @Test func `a reader that has gone ends the command`() {
        let bytes = CollectedBytes()
        bytes.hangsUpAfter = 1
        let wire = WireOutput(now: { .zero }, sink: bytes.take)
        #expect(!wire.isCancelled)
        wire.heartbeat()
        #expect(wire.isCancelled)
        wire.text("nobody hears it")
        wire.finish()
        #expect(bytes.text == "\n")
    }

    @Test func `progress is sent ten times a second at most, and at its end`() {
        let bytes = CollectedBytes()
        let clock = StandingClock()
        let wire = WireOutput(now: { clock.time }, sink: bytes.take)
        for step in 1...100 {
            clock.time = .milliseconds(step)
            wire.progress("p", done: step, total: 100)
        }
        #expect(bytes.text == "p\tp\t1\t100\np\tp\t100\t100\n")
    }
}
