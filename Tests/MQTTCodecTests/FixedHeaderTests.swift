import MQTTCodec
import TestSupport
import Testing

@Suite struct FixedHeaderTests {
    @Test(arguments: [
        (0, [UInt8(0)]), (127, [0x7F]), (128, [0x80, 0x01]), (16_383, [0xFF, 0x7F]),
        (16_384, [0x80, 0x80, 0x01]),
        (2_097_151, [0xFF, 0xFF, 0x7F]), (2_097_152, [0x80, 0x80, 0x80, 0x01]),
        (268_435_455, [0xFF, 0xFF, 0xFF, 0x7F]),
    ])
    func `a remaining length has its one to four bytes`(_ length: Int, _ bytes: [UInt8]) throws {
        let packet = [0x30] + bytes
        let header = try FixedHeader.decode(packet.span.bytes, maximumRemainingLength: length)
        #expect(header?.remainingLength == length)
        #expect(header?.headerByteCount == packet.count)
        #expect(header?.packetByteCount == packet.count + length)
        let error = #expect(throws: MalformedPacket.self) {
            _ = try FixedHeader.decode(packet.span.bytes, maximumRemainingLength: length - 1)
        }
        #expect(error == MalformedPacket(.packetTooLarge, at: 1, in: .publish))
    }

    @Test func `a header that has not arrived is not an error`() throws {
        let packet = wireBytes("30 ffffff7f")
        for count in 0..<packet.count {
            let bytes = packet.span.bytes.extracting(..<count)
            #expect(try FixedHeader.decode(bytes, maximumRemainingLength: 268_435_455) == nil)
        }
    }

    @Test func `a bad first byte is refused before anything else has arrived [MQTT-2.1.3-1]`() {
        for byte in UInt8.min...UInt8.max {
            let flags = byte & 0x0F
            let isGood =
                switch byte >> 4 {
                case 0: false
                case 3: flags & 0b0110 != 0b0110
                case 6, 8, 10: flags == 2
                default: flags == 0
                }
            let header = Result { try FixedHeader.decode([byte].span.bytes, maximumRemainingLength: 100) }
            #expect((try? header.get()) == .some(nil) || !isGood)
            if !isGood { #expect(throws: MalformedPacket.self) { try header.get() } }
        }
    }
}
