import Glibc
import Primitives
import Testing

/// Takes at most `limit` bytes out of `buffer`, as a socket would.
private func take(_ limit: Int, from buffer: OutputBuffer, vectorCount: Int) -> [UInt8] {
    let vectors = UnsafeMutableBufferPointer<iovec>.allocate(capacity: vectorCount)
    defer { vectors.deallocate() }
    let used = buffer.gather(into: vectors)
    var bytes: [UInt8] = []
    for vector in vectors[..<used] {
        #expect(vector.iov_len > 0)
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len))
    }
    bytes = Array(bytes.prefix(limit))
    return bytes
}

@Suite struct OutputBufferTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `bytes leave in the order they were added, copied or shared`(_ seed: UInt64) {
        let list = FlushList()
        let pool = BufferPool(keptCount: 2)
        let buffer = OutputBuffer(slot: 3, flushList: list, pool: pool)
        var model: [UInt8] = []
        var state = seed
        func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var next: UInt8 = 0
        func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in
                next &+= 1
                return next
            }
        }
        for _ in 0..<3000 {
            switch below(5) {
            case 0, 1:
                let added = bytes(below(below(10) == 0 ? 40_000 : 300))
                buffer.append(added)
                model += added
            case 2 where below(3) == 0:
                let added = bytes(1 + below(30_000))
                let offset = below(added.count)
                buffer.append(shared: SharedBytes(copying: added.span.bytes), from: offset)
                model += added[offset...]
            default:
                let vectorCount = 1 + below(4)
                let written = take(below(20_000), from: buffer, vectorCount: vectorCount)
                #expect(written.elementsEqual(model.prefix(written.count)))
                #expect(!written.isEmpty || model.isEmpty || written.isEmpty)
                _ = buffer.wrote(written.count)
                model.removeFirst(written.count)
            }
            #expect(buffer.byteCount == model.count)
            #expect(buffer.isEmpty == model.isEmpty)
        }
        var rest: [UInt8] = []
        while !buffer.isEmpty {
            let written = take(.max, from: buffer, vectorCount: 2)
            #expect(!written.isEmpty)
            guard !written.isEmpty else { break }
            rest += written
            _ = buffer.wrote(written.count)
        }
        #expect(rest == model)
    }

    @Test func `a buffer blocks above its high mark and says when it has room again`() {
        let buffer = OutputBuffer(slot: 0, flushList: FlushList(), pool: BufferPool())
        buffer.append([UInt8](repeating: 1, count: OutputBuffer.highWater))
        #expect(!buffer.isBlocked)
        buffer.append([1])
        #expect(buffer.isBlocked)
        #expect(!buffer.wrote(OutputBuffer.highWater - OutputBuffer.lowWater))
        #expect(buffer.isBlocked)
        #expect(buffer.wrote(1))
        #expect(!buffer.isBlocked)
        buffer.append(
            shared: SharedBytes(copying: [UInt8](repeating: 2, count: OutputBuffer.highWater).span.bytes),
            from: 0)
        #expect(buffer.isBlocked)
    }

    @Test func `a buffer is listed once until it is taken off the list`() {
        let list = FlushList()
        let buffer = OutputBuffer(slot: 7, flushList: list, pool: BufferPool())
        buffer.append([1])
        buffer.append([2])
        #expect(list.slots == [7])
        var batch: ContiguousArray<Int> = []
        list.drain(into: &batch)
        buffer.unlist()
        buffer.append([3])
        #expect(batch == [7] && list.slots == [7])
    }

    @Test func `a closed buffer takes nothing, and discarding says how much was lost`() {
        let buffer = OutputBuffer(slot: 0, flushList: FlushList(), pool: BufferPool())
        let two: [UInt8] = [4, 5]
        buffer.append([1, 2, 3])
        buffer.append(shared: SharedBytes(copying: two.span.bytes), from: 1)
        buffer.isClosed = true
        buffer.append([6])
        buffer.append(shared: SharedBytes(copying: two.span.bytes), from: 0)
        #expect(buffer.byteCount == 4)
        #expect(buffer.discard() == 4)
        #expect(buffer.isEmpty)
    }
}
