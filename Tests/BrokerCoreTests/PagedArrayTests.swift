import Testing

@testable import BrokerCore

@Suite struct PagedArrayTests {
    @Test func `an array of many pages gives them back little by little, and is filled anew meanwhile`() {
        var array = PagedArray<Int>()
        for number in 0..<100_000 { array.append(number) }
        let full = array.byteCount
        array.removeAll()
        #expect(array.count == 0 && array.hasSparePages && array.byteCount == full)
        array.freePages(10)
        #expect(array.byteCount < full && array.byteCount > full / 2)
        for number in 0..<3000 { array.append(-number) }
        while array.hasSparePages { array.freePages(7) }
        #expect(array.count == 3000)
        #expect((0..<3000).allSatisfy { array[$0] == -$0 })
        #expect(array.byteCount < full / 20)
        for number in 3000..<5000 { array.append(-number) }
        #expect((0..<5000).allSatisfy { array[$0] == -$0 })
    }

    @Test func `an array of few pages gives them back at once`() {
        var array = PagedArray<Int>()
        for number in 0..<5000 { array.append(number) }
        array.removeAll()
        #expect(array.byteCount == 0 && !array.hasSparePages)
        array.freePages(1)
        array.append(7)
        #expect(array.count == 1 && array[0] == 7)
    }
}
