import MQTTCodec
import Primitives
import TestSupport
import Testing

@Suite struct TextTests {
    @Test func `text is UTF-8 exactly when the standard library says so [MQTT-1.5.4-1]`() {
        var generator = SeededGenerator(seed: 1)
        // Bytes at the edges of the well-formed ranges, and what topics are made of.
        let alphabet: [UInt8] = [
            0x61, 0x62, 0x2F, 0x2F, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
            0xE1, 0xEC,
            0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        var validCount = 0
        for _ in 0..<200_000 {
            var bytes = [UInt8](repeating: 0x61, count: generator.below(10))
            for _ in 0...generator.below(4) { bytes.append(alphabet[generator.below(alphabet.count)]) }
            for _ in 0..<generator.below(10) { bytes.append(alphabet[generator.below(4)]) }
            let levels = try? TopicName.validate(bytes.span.bytes)
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            if isValid { validCount += 1 }
            let expected = isValid ? bytes.count { $0 == UInt8(ascii: "/") } + 1 : nil
            if levels != expected { Issue.record("\(bytes) has \(String(describing: levels)) levels") }
        }
        #expect(validCount > 10_000)
    }

    @Test func `every place of a NUL, a wildcard and a slash in a text is seen`() throws {
        for count in 1...40 {
            for place in 0..<count {
                var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: count)
                bytes[place] = UInt8(ascii: "/")
                #expect(try TopicName.validate(bytes.span.bytes) == 2)
                let forbidden: [(UInt8, MalformedPacket.Problem)] = [
                    (0, .nullCharacter), (UInt8(ascii: "+"), .topicWildcard),
                    (UInt8(ascii: "#"), .topicWildcard),
                    (0x80, .invalidUTF8),
                ]
                for (byte, problem) in forbidden {
                    bytes[place] = byte
                    let error = #expect(throws: MalformedPacket.self) {
                        _ = try TopicName.validate(bytes.span.bytes)
                    }
                    #expect(error == MalformedPacket(problem, at: place, in: nil))
                }
            }
        }
    }

    @Test func `only plus and number sign are wildcards`() {
        for byte in UInt8(1)...127 where byte != UInt8(ascii: "+") && byte != UInt8(ascii: "#") {
            let bytes: [UInt8] = [byte, byte, byte, byte, byte, byte, byte, byte, byte]
            let levels = try? TopicName.validate(bytes.span.bytes)
            #expect(levels == (byte == UInt8(ascii: "/") ? 10 : 1))
        }
    }
}
