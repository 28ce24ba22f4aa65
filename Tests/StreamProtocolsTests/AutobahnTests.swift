import Primitives
import StreamProtocols
import TestSupport
import Testing

/// The sections of the Autobahn test suite for WebSocket servers, as far as they say something of a server
/// that takes binary messages only. Each case is decoded in one piece and cut into pieces of many sizes. What
/// the suite asks of text messages (6, most of 1.1) is one rule here: they are refused. Compression (12, 13)
/// is not offered.
@Suite struct AutobahnTests {
    private static let hello = Array("Hello, world!".utf8)

    private static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    }

    // ── 1 Framing ──

    @Test(arguments: [0, 125, 126, 127, 128, 65535, 65536])
    func `1.1 text messages are refused with 1003 [MQTT-6.0.0-1]`(_ count: Int) throws {
        let found = try outcome(of: [ClientFrame(opcode: 1, payload: Self.bytes(count))])
        #expect(found.end == .failed(.textFrame))
        #expect(found.end?.replyCode == 1003)
        #expect(found.payload.isEmpty)
    }

    @Test(arguments: [0, 125, 126, 127, 128, 65535, 65536])
    func `1.2 binary messages of all lengths come through`(_ count: Int) throws {
        let found = try outcome(of: [.binary(Self.bytes(count)), .close(1000)])
        #expect(found.payload == Self.bytes(count))
        #expect(found.end == .closed(WebSocketClose(code: 1000)))
    }

    // ── 2 Pings and pongs ──

    @Test(
        arguments: [
            ("2.1", []), ("2.2", Array("Hello, world!".utf8)),
            ("2.3", [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF]),
            ("2.4", [UInt8](repeating: 0xFE, count: 125)), ("2.6", [UInt8](repeating: 0xFE, count: 125)),
        ] as [(String, [UInt8])])
    func `2.1 to 2.4, 2.6 a ping is answered with its payload`(_ section: String, _ payload: [UInt8]) throws {
        let found = try outcome(of: [.ping(payload), .close(1000)])
        #expect(found.lastPing == payload)
        #expect(found.pingCount == 1)
        let pong = WebSocketFrameWriter.pongFrame(payload)
        #expect(pong == [0x8A, UInt8(payload.count)] + payload)
    }

    @Test func `2.5 a ping of 126 bytes fails the connection`() throws {
        let found = try outcome(of: [.ping([UInt8](repeating: 0xFE, count: 126)), .close(1000)])
        #expect(found.end == .failed(.controlTooLong))
        #expect(found.end?.replyCode == 1002)
    }

    @Test func `2.7 to 2.9 pongs that nobody asked for are passed over`() throws {
        let found = try outcome(of: [.pong(), .pong(Self.hello), .ping(Self.hello), .close(1000)])
        #expect(found.pongCount == 2)
        #expect(found.lastPing == Self.hello)
        #expect(found.end == .closed(WebSocketClose(code: 1000)))
    }

    @Test func `2.10, 2.11 ten pings are counted, and the last is answered`() throws {
        let found = try outcome(of: (0..<10).map { .ping(Array("payload-\($0)".utf8)) } + [.close(1000)])
        #expect(found.pingCount == 10)
        #expect(found.lastPing == Array("payload-9".utf8))
    }

    // ── 3 Reserved bits ──

    @Test(arguments: 1...7 as ClosedRange<UInt8>, [2, 9, 10, 8] as [UInt8])
    func `3.1 to 3.7 a reserved bit fails the connection`(_ bits: UInt8, _ opcode: UInt8) throws {
        let frame = ClientFrame(opcode: opcode, payload: Self.hello, reserved: bits)
        let found = try outcome(of: [.binary(Self.hello), frame, .ping()])
        #expect(found.payload == Self.hello)
        #expect(found.end == .failed(.reservedBit))
        #expect(found.end?.replyCode == 1002)
        #expect(found.pingCount == 0)
    }

    // ── 4 Opcodes ──

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8], [0, 13])
    func `4.1, 4.2 an opcode without a meaning fails the connection`(_ opcode: UInt8, _ count: Int) throws {
        let frame = ClientFrame(opcode: opcode, payload: Array(Self.hello.prefix(count)))
        let found = try outcome(of: [.binary(Self.hello), frame, .ping()])
        #expect(found.payload == Self.hello)
        #expect(found.end == .failed(.unknownOpcode))
        #expect(found.end?.replyCode == 1002)
    }

    // ── 5 Fragmentation ──

    @Test(arguments: [9, 10, 8] as [UInt8])
    func `5.1, 5.2 a control frame must not be fragmented`(_ opcode: UInt8) throws {
        let frames = [
            ClientFrame(opcode: opcode, payload: [0x03, 0xE8], isFinal: false), .continuation([0x61]),
            .ping(),
        ]
        let found = try outcome(of: frames)
        #expect(found.end == .failed(.controlFragmented))
        #expect(found.end?.replyCode == 1002)
    }

    @Test func `5.3 to 5.8 a message in fragments comes through, with pings between them`() throws {
        let plain: [ClientFrame] = [
            .binary(Self.hello, final: false), .continuation(Self.hello), .close(1000),
        ]
        #expect(try outcome(of: plain).payload == Self.hello + Self.hello)
        let pinged: [ClientFrame] = [
            .binary(Self.hello, final: false), .ping(Self.hello), .continuation(Self.hello), .close(1000),
        ]
        let found = try outcome(of: pinged)
        #expect(found.payload == Self.hello + Self.hello)
        #expect(found.lastPing == Self.hello)
        #expect(found.end == .closed(WebSocketClose(code: 1000)))
    }

    @Test(arguments: [true, false])
    func `5.9 to 5.14 a continuation of nothing fails the connection`(_ isFinal: Bool) throws {
        let frames: [ClientFrame] = [.continuation(Self.hello, final: isFinal), .binary(Self.hello)]
        let found = try outcome(of: frames)
        #expect(found.payload.isEmpty)
        #expect(found.end == .failed(.unexpectedContinuation))
        #expect(found.end?.replyCode == 1002)
    }

    @Test func `5.15 a message that is complete is not continued`() throws {
        let frames: [ClientFrame] = [
            .binary([1], final: false), .continuation([2]), .continuation([3], final: false), .binary([4]),
        ]
        let found = try outcome(of: frames)
        #expect(found.payload == [1, 2])
        #expect(found.end == .failed(.unexpectedContinuation))
    }

    @Test func `5.16, 5.17 a continuation of nothing fails the connection, whatever follows`() throws {
        for isFinal in [true, false] {
            let frames: [ClientFrame] = [
                .continuation([1], final: isFinal), .binary([2], final: false), .continuation([3]),
            ]
            #expect(try outcome(of: frames).end == .failed(.unexpectedContinuation))
        }
    }

    @Test func `5.18 a new message must wait for the one before`() throws {
        let found = try outcome(of: [.binary([1], final: false), .binary([2])])
        #expect(found.payload == [1])
        #expect(found.end == .failed(.missingContinuation))
        #expect(found.end?.replyCode == 1002)
    }

    @Test func `5.19, 5.20 many fragments and pings come through in order`() throws {
        let frames: [ClientFrame] = [
            .binary([1], final: false), .continuation([2], final: false), .ping([0xA]),
            .continuation([3], final: false), .continuation([4], final: false), .ping([0xB]),
            .continuation([5]),
            .close(1000),
        ]
        let found = try outcome(of: frames)
        #expect(found.payload == [1, 2, 3, 4, 5])
        #expect(found.pingCount == 2)
        #expect(found.lastPing == [0xB])
    }

    // ── 6 UTF-8: only the reason of a close frame is text ──

    @Test(
        arguments: [
            ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9], true), ([0xF4, 0x8F, 0xBF, 0xBF], true),
            ([0xEF, 0xBF, 0xBF], true),
            ([0xED, 0x9F, 0xBF], true), ([0xEE, 0x80, 0x80], true), ([0x00], true),
            ([0xF0, 0x90, 0x80, 0x80], true),
            ([0xF4, 0x90, 0x80, 0x80], false), ([0x80], false), ([0xFE], false), ([0xC0, 0xAF], false),
            ([0xE0, 0x9F, 0xBF], false), ([0xF0, 0x8F, 0xBF, 0xBF], false), ([0xED, 0xA0, 0x80], false),
            ([0xED, 0xBF, 0xBF], false), ([0xE2, 0x82], false), ([0xF8, 0x88, 0x80, 0x80, 0x80], false),
        ] as [([UInt8], Bool)])
    func `6 the reason of a close frame is UTF-8 or the connection fails with 1007`(
        _ bytes: [UInt8], _ isValid: Bool
    ) throws {
        for prefix in [0, 5, 16] {
            let reason = [UInt8](repeating: 0x61, count: prefix) + bytes
            let found = try outcome(of: [.close(1000, reason)])
            if isValid {
                #expect(found.end == .closed(WebSocketClose(code: 1000, reason: UTF8Text(bytes: reason))))
            } else {
                #expect(found.end == .failed(.closeReason))
                #expect(found.end?.replyCode == 1007)
            }
        }
    }

    // ── 7 Close handling ──

    @Test func `7.1.1 to 7.1.6 nothing is taken after a close frame`() throws {
        let cases: [(before: [ClientFrame], after: [ClientFrame])] = [
            ([.binary(Self.hello)], []), ([], [.close(1000)]), ([], [.ping(Self.hello)]),
            ([], [.binary(Self.hello)]), ([.binary([1], final: false)], [.continuation([2])]),
            ([.binary(Self.bytes(256 * 1024))], [.binary(Self.hello), .ping()]),
        ]
        for (before, after) in cases {
            let found = try outcome(of: before + [.close(1000)] + after)
            #expect(found.payload == before.flatMap(\.payload))
            #expect(found.pingCount == 0)
            #expect(found.end == .closed(WebSocketClose(code: 1000)))
            #expect(found.ignoredByteCount == after.flatMap(\.bytes).count)
        }
    }

    @Test func `7.3.1 an empty close frame is answered by an empty one`() throws {
        let found = try outcome(of: [.close()])
        #expect(found.end == .closed(WebSocketClose()))
        #expect(WebSocketFrameWriter.closeFrame(code: found.end?.replyCode) == [0x88, 0])
    }

    @Test func `7.3.2 a close frame of one byte fails the connection`() throws {
        let found = try outcome(of: [ClientFrame(opcode: 8, payload: [0x61])])
        #expect(found.end == .failed(.closePayload))
        #expect(found.end?.replyCode == 1002)
    }

    @Test(arguments: [0, 2, 122, 123])
    func `7.3.3 to 7.3.5 a close frame has a code and up to 123 bytes of reason`(_ count: Int) throws {
        let reason = [UInt8](repeating: UInt8(ascii: "*"), count: count)
        let found = try outcome(of: [.close(1000, reason)])
        #expect(found.end == .closed(WebSocketClose(code: 1000, reason: UTF8Text(bytes: reason))))
    }

    @Test func `7.3.6 a close frame of 126 bytes fails the connection`() throws {
        let found = try outcome(of: [.close(1000, [UInt8](repeating: UInt8(ascii: "*"), count: 124))])
        #expect(found.end == .failed(.controlTooLong))
        #expect(found.end?.replyCode == 1002)
    }

    @Test func `7.5.1 a reason that is not UTF-8 fails the connection`() throws {
        let reason =
            Array("Hello-\u{B5}@\u{DF}\u{F6}\u{E4}\u{FC}".utf8) + [0xED, 0xA0, 0x80] + Array("edited".utf8)
        #expect(try outcome(of: [.close(1000, reason)]).end == .failed(.closeReason))
    }

    @Test(
        arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] as [UInt16])
    func `7.7 a close code that may be sent is echoed`(_ code: UInt16) throws {
        let found = try outcome(of: [.close(code)])
        #expect(found.end == .closed(WebSocketClose(code: code)))
        #expect(found.end?.replyCode == code)
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16])
    func `7.9, 7.13 a close code that must not be sent fails the connection`(_ code: UInt16) throws {
        let found = try outcome(of: [.close(code)])
        #expect(found.end == .failed(.closeCode))
        #expect(found.end?.replyCode == 1002)
    }

    // ── 9 Limits ──

    @Test(arguments: [1 << 16, 1 << 18])
    func `9.1 to 9.6 large messages come through, in one frame or in many, in pieces of any size`(
        _ count: Int
    ) throws {
        let payload = Self.bytes(count)
        #expect(
            try outcome(of: [.binary(payload)], chops: [256, 512, 1024, 2048]).payload == payload)
        for size in [64, 256, 1024, 4096, 16384, 65536] where count / size <= 1024 {
            let pieces = stride(from: 0, to: count, by: size).map { Array(payload[$0..<$0 + size]) }
            let frames = pieces.enumerated().map { index, piece in
                ClientFrame(opcode: index == 0 ? 2 : 0, payload: piece, isFinal: index == pieces.count - 1)
            }
            let found = try outcome(of: frames, chops: [1021])
            #expect(found.payload == payload)
            #expect(found.dataFrameCount == pieces.count)
        }
    }

    @Test(arguments: [0, 16, 64, 256, 1024])
    func `9.7, 9.8 a thousand messages come through`(_ size: Int) throws {
        let found = try outcome(of: (0..<1000).map { _ in .binary(Self.bytes(size)) }, chops: [13, 1460])
        #expect(found.payload.count == 1000 * size)
        #expect(found.dataFrameCount == 1000)
    }

    // ── 10 Fragments of a library ──

    @Test func `10.1.1 a message in fragments of 1300 bytes comes through`() throws {
        let payload = Self.bytes(65536)
        let starts = Array(stride(from: 0, to: payload.count, by: 1300))
        let frames = starts.map { start in
            let end = min(start + 1300, payload.count)
            return ClientFrame(
                opcode: start == 0 ? 2 : 0, payload: Array(payload[start..<end]),
                isFinal: end == payload.count)
        }
        #expect(try outcome(of: frames).payload == payload)
    }

    // ── Not in the suite: what only a server sees ──

    @Test(arguments: [0, 2, 8, 9, 10] as [UInt8])
    func `a frame of a client that is not masked fails the connection`(_ opcode: UInt8) throws {
        let frames = [
            ClientFrame(opcode: 2, payload: [1], isFinal: opcode != 0), ClientFrame(opcode: opcode, key: nil),
        ]
        let found = try outcome(of: frames)
        #expect(found.payload == [1])
        #expect(found.end == .failed(.unmasked))
        #expect(found.end?.replyCode == 1002)
    }
}
