import BrokerMetrics
import Testing

@testable import Exporters

@Suite struct KeyHistoryTests {
    private func sample(_ value: Float, peak: Float? = nil) -> [Float?] {
        KeySeries.all.map { $0.merge == .peak ? peak ?? value : value }
    }

    private let first = 0
    private let busy = KeySeries.index(named: "loop_busy") ?? 0

    @Test func `it stays below 10 MB however long it is filled`() {
        var history = KeyHistory()
        for second in stride(from: 1_764_478_399, to: 1_764_478_399 + 200_000, by: 7) as StrideTo<Int64> {
            history.add(sample(1), at: second)
        }
        #expect(history.fileBytes.count < 1_000_000)
        #expect(history.values(of: first, .quarterHour).count == 900)
        #expect(history.values(of: first, .sixHours).count == 2160)
        #expect(history.values(of: first, .twoDays).count == 2880)
    }

    @Test func `ten seconds become their mean, and a peak stays a peak`() {
        var history = KeyHistory()
        for second in 0..<10 as Range<Int64> {
            history.add(sample(Float(second), peak: second == 3 ? 99 : 1), at: 1000 + second)
        }
        #expect(history.values(of: first, .quarterHour).last == 9)
        #expect(history.values(of: first, .sixHours).last == 4.5)
        #expect(history.values(of: busy, .sixHours).last == 99)
        #expect(history.newest(.sixHours) == 1000)
    }

    @Test func `seconds without a sample are gaps`() {
        var history = KeyHistory()
        history.add(sample(1), at: 1000)
        history.add(sample(2), at: 1003)
        let last: [Float?] = [1, nil, nil, 2]
        #expect(Array(history.values(of: first, .quarterHour).suffix(4)) == last)
    }

    @Test func `what is not known is a gap too`() {
        var history = KeyHistory()
        history.add(KeySeries.all.map { _ in nil }, at: 1000)
        history.add(KeySeries.all.map { _ in .infinity }, at: 1001)
        #expect(history.values(of: first, .quarterHour).allSatisfy { $0 == nil })
    }

    @Test(arguments: [1, 100, 5000] as [Int64]) func `a clock that is set back forgets what lies after it`(
        back: Int64
    ) {
        var history = KeyHistory()
        for second in 10_000..<10_200 as Range<Int64> { history.add(sample(1), at: second) }
        history.add(sample(7), at: 10_199 - back)
        #expect(history.values(of: first, .quarterHour).last == (back == 1 || back == 100 ? 4 : 7))
        #expect(history.newest(.quarterHour) == 10_199 - back)
        history.add(sample(9), at: 10_202)
        let last: [Float?] = [nil, nil, 9]
        #expect(Array(history.values(of: first, .quarterHour).suffix(3)) == last)
    }

    @Test func `a jump far ahead leaves gaps and costs no more than the ring`() {
        var history = KeyHistory()
        history.add(sample(1), at: 1000)
        history.add(sample(2), at: 4_000_000_000)
        #expect(history.values(of: first, .twoDays).compactMap { $0 } == [2])
    }

    @Test func `the file brings everything back`() throws {
        var history = KeyHistory()
        for second in 5000..<7000 as Range<Int64> where second % 5 != 0 {
            history.add(sample(Float(second)), at: second)
        }
        let read = try KeyHistory(fileBytes: history.fileBytes)
        #expect(read == history)
        #expect(try KeyHistory(fileBytes: KeyHistory().fileBytes) == KeyHistory())
    }

    @Test func `a file that is cut, changed or something else is refused`() {
        var history = KeyHistory()
        history.add(sample(1), at: 1000)
        let bytes = history.fileBytes
        for length in [0, 7, 8, 20, 31, 32, 100, bytes.count / 2, bytes.count - 1] {
            #expect(throws: KeyHistory.FileError.self) {
                try KeyHistory(fileBytes: Array(bytes.prefix(length)))
            }
        }
        for place in [0, 8, 20, 300, 320, 340, 5000, bytes.count - 1] {
            var changed = bytes
            changed[place] ^= 0x40
            #expect(throws: KeyHistory.FileError.self) { try KeyHistory(fileBytes: changed) }
        }
        #expect(throws: KeyHistory.FileError.self) { try KeyHistory(fileBytes: bytes + [0]) }
        #expect(throws: KeyHistory.FileError.notAHistory) { try KeyHistory(fileBytes: Array("hello".utf8)) }
    }

    @Test func `its JSON leaves out what was before the first sample`() {
        var history = KeyHistory()
        history.add(sample(1.25), at: 1000)
        history.add(sample(123_456), at: 1002)
        let text = String(decoding: history.json(.quarterHour), as: UTF8.self)
        #expect(text.hasPrefix(#"{"range":"15m","interval_s":1,"end_s":1002,"units":{"in":"/s","#))
        #expect(text.contains(#""in":[1.25,null,123456]"#))
    }
}
