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

    @Test func `every key is found at each step while a table grows and shrinks`() {
        var table = IntegerTable()
        for key in 0..<700 as Range<UInt64> {
            table.set(key, to: UInt32(key))
            #expect((0...key).allSatisfy { table.find($0) == UInt32($0) })
            #expect(table.find(key + 1) == IntegerTable.none)
        }
        for key in 0..<700 as Range<UInt64> {
            table.set(key, to: UInt32(key) + 1)  // in whichever set of places it is
            #expect(table.remove(key) == UInt32(key) + 1)
            #expect((key + 1..<700).allSatisfy { table.find($0) == UInt32($0) })
            #expect(table.find(key) == IntegerTable.none)
        }
        #expect(table.count == 0)
    }

    @Test func `a paged array has what was put into it, over many pages`() {
        var array = PagedArray<Int>()
        for number in 0..<5000 { array.append(number) }
        for number in stride(from: 0, to: 5000, by: 7) { array[number] = -number }
        #expect(array.count == 5000)
        #expect((0..<5000).allSatisfy { array[$0] == ($0 % 7 == 0 ? -$0 : $0) })
    }

    @Test func `chunks have room for what they were made for, and do not overlap`() {
        var pool = ChunkPool<Int>(filler: 0)
        #expect([1, 2, 3, 4, 5, 8, 9].map { ChunkPool<Int>.size(for: $0) } == [0, 1, 2, 2, 3, 3, 4])
        var chunks = (0..<100).map { (offset: pool.allocate(size: UInt8($0 % 5)), size: UInt8($0 % 5)) }
        for index in stride(from: 0, to: 100, by: 3) {
            pool.deallocate(chunks[index].offset, size: chunks[index].size)
            chunks[index].offset = pool.allocate(size: chunks[index].size)
        }
        var used: Set<Int> = []
        for chunk in chunks {
            for place in chunk.offset..<chunk.offset + (1 << Int(chunk.size)) {
                #expect(used.insert(place).inserted)
            }
        }
        for chunk in chunks { pool.deallocate(chunk.offset, size: chunk.size) }
        #expect(pool.byteCount == 0)
    }
}
