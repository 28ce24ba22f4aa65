import Primitives
import Testing

@Suite struct SlabTests {
    @Test func `a slab holds what a dictionary of handles holds, and old handles find nothing`() {
        var slab = Slab<Int>()
        var model: [Slab<Int>.Handle: Int] = [:]
        var gone: [Slab<Int>.Handle] = []
        var state: UInt64 = 1
        for number in 0..<5000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            if state >> 60 < 9 || model.isEmpty {
                let handle = slab.insert(number)
                let older = model.updateValue(number, forKey: handle)
                #expect(older == nil)
            } else if let handle = model.keys.first {
                let removed = slab.remove(handle)
                let expected = model.removeValue(forKey: handle)
                #expect(removed == expected)
                gone.append(handle)
            }
            #expect(slab.count == model.count)
        }
        for (handle, value) in model { #expect(slab[handle] == value) }
        for handle in gone {
            #expect(slab[handle] == nil)
            let again = slab.remove(handle)
            #expect(again == nil)
        }
        var seen: [Slab<Int>.Handle: Int] = [:]
        slab.forEach { seen[$0] = $1 }
        #expect(seen == model)
    }

    @Test func `slots are used again before new ones are made`() {
        var slab = Slab<String>()
        let handles = ["a", "b", "c"].map { slab.insert($0) }
        slab.remove(handles[1])
        let again = slab.insert("d")
        #expect(again.slot == handles[1].slot)
        #expect(again.generation != handles[1].generation)
        #expect(slab[Slab.Handle(slot: 99, generation: 1)] == nil)
    }
}
