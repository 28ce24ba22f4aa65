import Primitives
import StreamProtocols
import Testing

@Suite struct WebSocketFrameWriterTests {
    @Test(
        arguments: [
            (0, [0x82, 0]), (1, [0x82, 1]), (125, [0x82, 125]), (126, [0x82, 126, 0, 126]),
            (256, [0x82, 126, 1, 0]), (65535, [0x82, 126, 0xFF, 0xFF]),
            (65536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (0x0102_0304_0506_0708, [0x82, 127, 1, 2, 3, 4, 5, 6, 7, 8]),
        ] as [(Int, [UInt8])])
    func `the header of a binary frame has the shortest length, unmasked`(_ count: Int, _ expected: [UInt8]) {
        var bytes = [UInt8](repeating: 0xEE, count: 12)
        let written = bytes.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { WebSocketFrameWriter.writeHeader(payloadByteCount: count, to: $0 + 1) }
        }
        #expect(written == expected.count)
        #expect(WebSocketFrameWriter.headerByteCount(payloadByteCount: count) == expected.count)
        #expect(Array(bytes[1..<1 + expected.count]) == expected)
        #expect(bytes[0] == 0xEE)
        #expect(bytes[(1 + expected.count)...].allSatisfy { $0 == 0xEE })
    }

    @Test func `pings and pongs carry their payload`() {
        #expect(WebSocketFrameWriter.pingFrame() == [0x89, 0])
        #expect(WebSocketFrameWriter.pongFrame([1, 2]) == [0x8A, 2, 1, 2])
        #expect(WebSocketFrameWriter.pongFrame([UInt8](repeating: 1, count: 200)).count == 127)
    }

    @Test func `a close frame has a code and a reason, or nothing`() {
        #expect(WebSocketFrameWriter.closeFrame(code: nil, reason: "lost") == [0x88, 0])
        #expect(WebSocketFrameWriter.closeFrame(code: 1000) == [0x88, 2, 0x03, 0xE8])
        #expect(
            WebSocketFrameWriter.closeFrame(code: 1009, reason: "ab") == [0x88, 4, 0x03, 0xF1, 0x61, 0x62])
    }

    @Test func `a reason that is too long is cut between characters`() {
        for count in 115...130 {
            for character in ["a", "ä", "€", "𐍈"] {
                let reason = UTF8Text(String(repeating: "a", count: count) + character + "bcdefgh")
                let frame = WebSocketFrameWriter.closeFrame(code: 1000, reason: reason)
                let kept = Array(frame.dropFirst(4))
                #expect(frame[1] == UInt8(kept.count + 2))
                #expect(kept.count <= 123 && kept.count >= min(reason.count, 120))
                #expect(reason.bytes.starts(with: kept))
                #expect(String(validating: kept, as: UTF8.self) != nil)
            }
        }
    }
}
