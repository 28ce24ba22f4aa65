import Testing

@testable import PushExporters

@Suite struct GraphiteBufferTests {
    private func text(_ buffer: GraphiteBuffer) -> String {
        buffer.withWaiting { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `what is taken in pieces is complete at the end of each report`() {
        var buffer = GraphiteBuffer()
        #expect(buffer.append(Array("aa 1\nbb 2\n".utf8), limit: 100) == 0)
        #expect(buffer.append(Array("cc 3\n".utf8), limit: 100) == 0)
        #expect(buffer.waiting == 15)
        #expect(buffer.taken(3) == 0)
        #expect(buffer.taken(6) == 0)
        #expect(buffer.taken(2) == 1)
        #expect(text(buffer) == "c 3\n")
        #expect(buffer.taken(4) == 1)
        #expect(buffer.waiting == 0)
    }

    @Test func `a line that was taken in part goes once more as a whole`() {
        var buffer = GraphiteBuffer()
        #expect(buffer.append(Array("aa 1\nbb 2\ncc 3\n".utf8), limit: 100) == 0)
        #expect(buffer.taken(7) == 0)
        #expect(text(buffer) == " 2\ncc 3\n")
        buffer.rewind()
        #expect(text(buffer) == "bb 2\ncc 3\n")
        #expect(buffer.taken(10) == 1)
    }

    @Test func `lines beyond the limit are counted, and none is cut`() {
        var buffer = GraphiteBuffer()
        #expect(buffer.append(Array("aa 1\nbb 2\ncc 3\n".utf8), limit: 12) == 1)
        #expect(text(buffer) == "aa 1\nbb 2\n")
        #expect(buffer.append(Array("dd 4\nee 5\n".utf8), limit: 12) == 2)
        // A report of which a line was dropped is never complete.
        #expect(buffer.taken(10) == 0)
        #expect(buffer.append(Array("ff 6\n".utf8), limit: 12) == 0)
        #expect(buffer.taken(5) == 1)
        #expect(buffer.append(Array("gg 7\n".utf8), limit: 0) == 1)
    }

    @Test func `who forgets everything knows how many lines there were, a half one included`() {
        var buffer = GraphiteBuffer()
        #expect(buffer.append(Array("aa 1\nbb 2\ncc 3\n".utf8), limit: 100) == 0)
        #expect(buffer.taken(7) == 0)
        #expect(buffer.removeAll() == 2)
        #expect(buffer.waiting == 0 && buffer.removeAll() == 0)
    }

    @Test func `much that is taken slowly is not kept`() {
        var buffer = GraphiteBuffer()
        let report = Array(
            String(repeating: "a.name.of.forty.bytes.or.so 12 1700000000\n", count: 1_000).utf8)
        var complete = 0
        for _ in 0..<100 {
            #expect(buffer.append(report, limit: 1 << 20) == 0)
            while buffer.waiting > 1_000 { complete += buffer.taken(777) }
        }
        complete += buffer.taken(buffer.waiting)
        #expect(complete == 100)
    }
}
