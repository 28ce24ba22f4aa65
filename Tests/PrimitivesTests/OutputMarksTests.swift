import Primitives
import Testing

/// When the kernel takes copies that it had refused.
@Suite struct OutputMarksTests {
    private let list = FlushList()
    private let buffer: OutputBuffer

    init() { buffer = OutputBuffer(slot: 0, flushList: list, pool: BufferPool()) }

    private static func at(_ seconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: seconds * 1_000_000_000)
    }

    private func append(_ received: UInt64, kind: UInt8 = 0) {
        buffer.append([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        buffer.mark(received: Self.at(received), appended: Self.at(9), kind: kind)
    }

    private func passed() -> [[UInt64]] {
        list.takePassedMarks().map { [$0.received.nanoseconds / 1_000_000_000, UInt64($0.kind), $0.count] }
    }

    @Test func `a mark passes with the last byte of its copies`() {
        buffer.append([0])
        buffer.getStuck()
        append(1)
        append(1)
        append(1, kind: 2)
        append(3)
        _ = buffer.wrote(20)
        #expect(passed() == [])
        _ = buffer.wrote(1)
        #expect(passed() == [[1, 0, 2]])
        #expect(buffer.isStuck)
        _ = buffer.wrote(20)
        #expect(passed() == [[1, 2, 1], [3, 0, 1]])
        #expect(!buffer.isStuck && passed() == [])
    }

    @Test func `an output has a bounded number of marks, and no copy is forgotten`() {
        buffer.getStuck()
        for number in 0..<1000 as Range<UInt64> { append(number) }
        _ = buffer.wrote(10_000)
        let marks = passed()
        #expect(marks.count == 64)
        #expect(marks.reduce(0) { $0 + $1[2] } == 1000)
    }

    @Test func `what is thrown away passes nothing`() {
        buffer.getStuck()
        append(1)
        buffer.discard()
        #expect(!buffer.isStuck && passed() == [])
        buffer.append([1])
        _ = buffer.wrote(1)
        #expect(passed() == [])
    }
}
