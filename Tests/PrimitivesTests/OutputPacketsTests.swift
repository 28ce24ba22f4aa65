import Primitives
import TestSupport
import Testing

/// Packets as these tests write them: `| 0 or 1: counted | length, 4 bytes | body |`.
private func measure(_ bytes: RawSpan) -> OutputPacket {
    var length = 0
    for index in 1...4 { length = length << 8 | Int(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
    return OutputPacket(
        byteCount: length, isCounted: bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == 1)
}

/// An output and what a plain model says must have become of its packets.
private final class Bench {
    let list = FlushList()
    var buffer: OutputBuffer
    /// Ends of the packets in the stream of all bytes, and whether they are counted.
    var packets: [(end: Int, isCounted: Bool)] = []
    var appendedByteCount = 0
    var writtenByteCount = 0
    var settled = SettledPackets()

    init() {
        list.measure = measure
        buffer = OutputBuffer(slot: 0, flushList: list, pool: BufferPool())
    }

    func append(body: Int, shared: Int, isCounted: Bool) {
        let count = 5 + body + shared
        let bytes: [UInt8] =
            [isCounted ? 1 : 0] + [24, 16, 8, 0].map { UInt8(count >> $0 & 0xFF) }
            + Array(repeating: 0xEE, count: body)
        buffer.append(bytes)
        if shared > 0 {
            // Some of it lies in front of what is sent, as with an offset of a payload.
            let payload = [UInt8](repeating: 0xEE, count: shared + 7)
            buffer.append(shared: SharedBytes(copying: payload.span.bytes), from: 7)
        }
        if isCounted { buffer.countPacket() }
        appendedByteCount += count
        packets.append((appendedByteCount, isCounted))
    }

    func write(_ count: Int) {
        let count = min(count, buffer.byteCount)
        _ = buffer.wrote(count)
        writtenByteCount += count
    }

    var writtenCount: Int { packets.count { $0.isCounted && $0.end <= writtenByteCount } }

    func check() {
        let news = list.takeSettledPackets()
        settled.written += news.written
        settled.discarded += news.discarded
        #expect(settled == SettledPackets(written: writtenCount))
        #expect(buffer.packetCount == packets.count { $0.isCounted } - writtenCount)
    }
}

@Suite struct OutputPacketsTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `whatever the kernel takes at a time, the packets that left are counted, and only those`(
        _ seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        let bench = Bench()
        for _ in 0..<2000 {
            switch random.below(6) {
            case 0..<3:
                bench.append(
                    body: random.below(random.below(20) == 0 ? 30_000 : 60),
                    shared: random.below(5) == 0 ? 1 + random.below(3000) : 0,
                    isCounted: random.below(3) > 0)
            case 3: bench.write(bench.buffer.byteCount)
            default: bench.write(random.below(random.below(4) == 0 ? 40_000 : 40))
            }
            bench.check()
        }
        bench.write(bench.buffer.byteCount)
        bench.check()
        #expect(bench.buffer.packetCount == 0 && bench.settled.discarded == 0)
    }

    @Test(arguments: [0, 1, 14, 15, 16, 29, 30, 44])
    func `what is thrown away has not left, however much of it was written`(_ written: Int) {
        let bench = Bench()
        for _ in 0..<3 { bench.append(body: 10, shared: 0, isCounted: true) }
        bench.write(written)
        bench.buffer.discard()
        #expect(
            bench.list.takeSettledPackets()
                == SettledPackets(written: written / 15, discarded: 3 - written / 15))
        #expect(bench.list.takeSettledPackets() == SettledPackets())
    }

    @Test func `a buffer that goes out of use loses what it held`() {
        let list = FlushList()
        list.measure = measure
        do {
            let buffer = OutputBuffer(slot: 0, flushList: list, pool: BufferPool())
            buffer.append([1, 0, 0, 0, 5])
            buffer.countPacket()
        }
        #expect(list.takeSettledPackets() == SettledPackets(discarded: 1))
    }

    @Test func `a closed output loses what is written into it`() {
        let bench = Bench()
        bench.append(body: 1, shared: 0, isCounted: true)
        bench.buffer.isClosed = true
        bench.append(body: 1, shared: 0, isCounted: true)
        #expect(bench.list.takeSettledPackets() == SettledPackets(discarded: 1))
        _ = bench.buffer.wrote(bench.buffer.byteCount)
        #expect(bench.list.takeSettledPackets() == SettledPackets(written: 1))
    }

    @Test(arguments: [0, 3, 15, 20, 1000])
    func `packets that move to another loop are counted there when they leave`(_ written: Int) {
        let bench = Bench()
        bench.append(body: 10, shared: 0, isCounted: true)
        bench.append(body: 10, shared: 500, isCounted: true)
        bench.append(body: 10, shared: 500, isCounted: false)
        bench.append(body: 10, shared: 0, isCounted: true)
        bench.write(written)
        bench.check()
        let remainder = bench.buffer.takeRemainder()
        #expect(bench.buffer.isEmpty && bench.buffer.packetCount == 0 && bench.list.waitingByteCount == 0)
        #expect(remainder.bytes.count == bench.appendedByteCount - written)
        #expect(bench.list.takeSettledPackets() == SettledPackets())
        let list = FlushList()
        list.measure = measure
        let buffer = OutputBuffer(slot: 0, flushList: list, pool: BufferPool())
        buffer.restore(remainder)
        var settled = 0
        while !buffer.isEmpty {
            _ = buffer.wrote(min(7, buffer.byteCount))
            settled += list.takeSettledPackets().written
        }
        #expect(settled == 3 - bench.writtenCount)
    }

    @Test func `each packet is looked at once, however small the writes`() {
        let list = FlushList()
        var looks = 0
        list.measure = {
            looks += 1
            return measure($0)
        }
        let buffer = OutputBuffer(slot: 0, flushList: list, pool: BufferPool())
        for _ in 0..<1000 {
            buffer.append([1, 0, 0, 0, 9, 0, 0, 0, 0])
            buffer.countPacket()
        }
        while !buffer.isEmpty { _ = buffer.wrote(min(4, buffer.byteCount)) }
        #expect(looks <= 1000)
        #expect(list.takeSettledPackets() == SettledPackets(written: 1000))
    }
}
