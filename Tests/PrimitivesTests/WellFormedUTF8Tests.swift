import Primitives
import TestSupport
import Testing

@Suite struct WellFormedUTF8Tests {
    @Test func `bytes are UTF-8 exactly when the standard library says so`() {
        var generator = SeededGenerator(seed: 2)
        let alphabet: [UInt8] = [
            0, 0x61, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
            0xEE,
            0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        var validCount = 0
        for _ in 0..<200_000 {
            var bytes = [UInt8](repeating: 0x61, count: generator.below(18))
            for _ in 0...generator.below(4) { bytes.append(alphabet[generator.below(alphabet.count)]) }
            bytes += [UInt8](repeating: 0x61, count: generator.below(18))
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            if isValid { validCount += 1 }
            if bytes.span.bytes.isWellFormedUTF8 != isValid { Issue.record("\(bytes) is valid: \(isValid)") }
        }
        #expect(validCount > 5000)
        let isEmptyWellFormed = [UInt8]().span.bytes.isWellFormedUTF8
        #expect(isEmptyWellFormed)
    }

    @Test func `a character has one to four bytes, and none behind the end`() {
        for text in ["a", "ä", "€", "𐍈", "\0"] {
            let bytes = Array(text.utf8) + [0x80, 0x80]
            #expect(bytes.span.bytes.utf8SequenceLength(at: 0, end: bytes.count) == text.utf8.count)
            for end in 0..<text.utf8.count {
                #expect(bytes.span.bytes.utf8SequenceLength(at: 0, end: end) == 0)
            }
            #expect(bytes.span.bytes.utf8SequenceLength(at: text.utf8.count, end: bytes.count) == 0)
        }
    }
}
