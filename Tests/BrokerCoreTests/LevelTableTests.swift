import BrokerCore
import Testing

struct LevelTableTests {
    private func find(_ table: LevelTable, _ text: String) -> UInt32 {
        let bytes = text.bytes
        return table.find(bytes.span.bytes)
    }

    private func hold(_ table: inout LevelTable, _ text: String) -> UInt32 {
        let bytes = text.bytes
        return table.retain(bytes.span.bytes)
    }

    @Test func `the same text has the same id as long as somebody holds it`() {
        var table = LevelTable()
        let first = hold(&table, "sensor")
        #expect(hold(&table, "sensor") == first)
        #expect(hold(&table, "Sensor") != first)
        table.release(first)
        #expect(find(table, "sensor") == first)
        table.release(first)
        #expect(find(table, "sensor") == LevelTable.none)
        #expect(table.count == 1)
    }

    @Test func `texts that only look alike are different [MQTT-4.7.3-4]`() {
        var table = LevelTable()
        let composed = hold(&table, "\u{E9}")
        let decomposed = hold(&table, "e\u{301}")
        #expect(composed != decomposed)
    }

    @Test func `the empty text is a text, and lengths around eight bytes are kept apart`() {
        var table = LevelTable()
        let texts = (0...40).map { String(repeating: "x", count: $0) }
        let ids = texts.map { hold(&table, $0) }
        #expect(Set(ids).count == texts.count)
        for (text, id) in zip(texts, ids) {
            var bytes: [UInt8] = []
            table.appendText(of: id, to: &bytes)
            #expect(bytes == text.bytes)
            #expect(find(table, text) == id)
        }
    }

    @Test func `a level that begins with a dollar sign is known as such`() {
        var table = LevelTable()
        let dollar = hold(&table, "$SYS")
        let empty = hold(&table, "")
        let inside = hold(&table, "a$")
        #expect(table.beginsWithDollar(dollar))
        #expect(!table.beginsWithDollar(empty))
        #expect(!table.beginsWithDollar(inside))
    }

    @Test(arguments: [UInt64.max, 0b111, 0])
    func `after many texts came and went, the table holds what is held, however they collide`(
        hashMask: UInt64
    ) {
        var random = SeededRandom(seed: hashMask)
        var table = LevelTable(hashMask: hashMask)
        var model: [String: (id: UInt32, holders: Int)] = [:]
        for _ in 0..<(hashMask == .max ? 30_000 : 3000) {
            let number = Int.random(in: 0..<(hashMask == .max ? 2000 : 60), using: &random)
            let text = String(repeating: "t", count: number % 17) + String(number)
            if let known = model[text], Bool.random(using: &random) {
                table.release(known.id)
                model[text] = known.holders == 1 ? nil : (known.id, known.holders - 1)
            } else {
                let id = hold(&table, text)
                if let known = model[text] { #expect(known.id == id) }
                model[text] = (id, (model[text]?.holders ?? 0) + 1)
            }
        }
        #expect(table.count == model.count)
        #expect(Set(model.values.map(\.id)).count == model.count)
        for (text, held) in model { #expect(find(table, text) == held.id) }
        for held in model.values { for _ in 0..<held.holders { table.release(held.id) } }
        #expect(table.count == 0)
        #expect(table.byteCount == 0)
    }
}
