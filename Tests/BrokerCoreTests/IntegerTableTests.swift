import BrokerCore
import Testing

struct IntegerTableTests {
    @Test func `an empty table finds nothing and removes nothing`() {
        var table = IntegerTable()
        #expect(table.find(0) == IntegerTable.none)
        #expect(table.remove(0) == IntegerTable.none)
        #expect(table.count == 0)
    }

    @Test func `the keys 0 and all ones are keys like others`() {
        var table = IntegerTable()
        table.set(0, to: 7)
        table.set(.max, to: 8)
        #expect(table.find(0) == 7)
        #expect(table.find(.max) == 8)
        #expect(table.remove(0) == 7)
        #expect(table.find(0) == IntegerTable.none)
        #expect(table.find(.max) == 8)
    }

    @Test(arguments: [20, 300, 20_000])
    func `a table does what a dictionary does, whatever is added and removed`(keyCount: Int) {
        var random = SeededRandom(seed: UInt64(keyCount))
        var table = IntegerTable()
        var model: [UInt64: UInt32] = [:]
        for step in 0..<40_000 {
            // Structured like (node, level), with few bits set.
            let key = UInt64.random(in: 0..<UInt64(keyCount), using: &random) << UInt64(step % 2 * 32)
            if Bool.random(using: &random) {
                table.set(key, to: UInt32(step))
                model[key] = UInt32(step)
            } else {
                #expect(table.remove(key) == (model.removeValue(forKey: key) ?? IntegerTable.none))
            }
        }
        #expect(table.count == model.count)
        for (key, value) in model { #expect(table.find(key) == value) }
        for key in model.keys.sorted() { table.remove(key) }
        #expect(table.count == 0)
        #expect(table.byteCount < 4096)  // gives memory back as it shrinks
    }
}
