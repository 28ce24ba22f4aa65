import Primitives
import StreamProtocols
import TestSupport
import Testing

@Suite struct WebSocketFrameReaderTests {
    @Test func `the example of the standard is unmasked [RFC 6455, 5.7]`() {
        // "Hello" as a binary frame instead of a text frame.
        var bytes: [UInt8] = [0x82, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        var reader = WebSocketFrameReader()
        let progress = bytes.withUnsafeMutableBytes { reader.decode($0) }
        var expected = WebSocketProgress()
        expected.payloadByteCount = 5
        expected.dataFrameCount = 1
        #expect(progress == expected)
        #expect(Array(bytes[..<5]) == Array("Hello".utf8))
    }

    @Test func `payload of every length is unmasked at every place in the mask`() throws {
        for count in 0...100 {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
            let bytes = ClientFrame.binary(payload).bytes + ClientFrame.binary(payload).bytes
            for cut in 0...bytes.count {
                let found = StreamOutcome(bytes, cutAt: [cut])
                try #require(found.payload == payload + payload, "\(count) bytes cut at \(cut)")
            }
        }
    }

    @Test(arguments: 0..<40)
    func `a stream comes to the same however it is cut`(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<50 {
            var frames: [ClientFrame] = []
            var expected = StreamOutcome()
            var isOpen = false
            for _ in 0..<generator.below(12) {
                var frame = ClientFrame(key: (0..<4).map { _ in UInt8(generator.below(256)) })
                let bounds = [4, 40, 126, 200, 70_000]
                let count = generator.below(bounds[generator.below(generator.below(4) == 0 ? 5 : 3)])
                frame.payload = (0..<count).map { _ in UInt8(generator.below(256)) }
                switch generator.below(6) {
                case 0:
                    frame.opcode = 9
                    frame.payload = Array(frame.payload.prefix(125))
                    expected.pingCount += 1
                    expected.lastPing = frame.payload
                case 1:
                    frame.opcode = 10
                    frame.payload = Array(frame.payload.prefix(125))
                    expected.pongCount += 1
                default:
                    frame.opcode = isOpen ? 0 : 2
                    frame.isFinal = generator.below(3) > 0
                    isOpen = !frame.isFinal
                    if generator.below(8) == 0 { frame.lengthForm = 127 }
                    expected.payload += frame.payload
                    expected.dataFrameCount += 1
                }
                frames.append(frame)
            }
            switch generator.below(4) {
            case 0:
                frames.append(.close(1000, Array("ciao".utf8)))
                expected.end = .closed(WebSocketClose(code: 1000, reason: "ciao"))
            case 1:
                frames.append(ClientFrame(payload: [1], key: nil))
                if isOpen { frames[frames.count - 1].opcode = 0 }
                expected.end = .failed(.unmasked)
            default: break
            }
            let bytes = frames.flatMap(\.bytes)
            var found = StreamOutcome(bytes)
            found.ignoredByteCount = 0
            try #require(found == expected)
            for _ in 0..<5 {
                let cuts = (0..<generator.below(20)).map { _ in generator.below(bytes.count + 1) }.sorted()
                var cut = StreamOutcome(bytes, cutAt: cuts)
                cut.ignoredByteCount = 0
                try #require(cut == expected, "cut at \(cuts)")
            }
        }
    }

    @Test func `a length may be written longer than need be`() throws {
        for form in [125, 126, 127] as [UInt8] {
            let frame = ClientFrame(payload: [1, 2, 3], lengthForm: form)
            #expect(try outcome(of: [frame]).payload == [1, 2, 3])
        }
    }

    @Test(arguments: [1 << 63, UInt64.max, 1 << 63 | 5] as [UInt64])
    func `a length with its highest bit set is refused`(_ length: UInt64) throws {
        let frame = ClientFrame(lengthForm: 127, length: length)
        #expect(try outcome(of: [frame]).end == .failed(.invalidLength))
    }

    @Test func `a frame of data may be as long as the limit`() throws {
        for limit in [0, 5, 125, 126, 127, 65535, 65536, 100_000] as [UInt64] {
            let payload = [UInt8](repeating: 7, count: Int(limit))
            #expect(try outcome(of: [.binary(payload), .binary(payload)], limit: limit).end == nil)
            let found = try outcome(of: [.binary(payload), .binary(payload + [7])], limit: limit)
            #expect(found.end == .failed(.frameTooLong))
            #expect(found.payload == payload)
        }
        let huge = ClientFrame(lengthForm: 127, length: UInt64(Int64.max))
        #expect(try outcome(of: [huge]).end == nil)
        #expect(try outcome(of: [huge], limit: 1 << 28).end == .failed(.frameTooLong))
        // Control frames have a limit of their own.
        #expect(try outcome(of: [.ping([1, 2, 3])], limit: 0).lastPing == [1, 2, 3])
    }

    @Test func `what comes after the end is counted and not decoded`() throws {
        for end in [ClientFrame.close(1000), ClientFrame(opcode: 3), ClientFrame(opcode: 1, payload: [0x61])]
        {
            let head = ClientFrame.binary([1, 2]).bytes
            let tail = ClientFrame.binary([3]).bytes + ClientFrame.ping([4]).bytes
            let bytes = head + end.bytes + tail
            let whole = StreamOutcome(bytes)
            #expect(whole.payload == [1, 2])
            #expect(whole.pingCount == 0)
            #expect(whole.ignoredByteCount == tail.count + (end.opcode == 1 ? 1 : 0))
            #expect(StreamOutcome(bytes, cutAt: Array(1..<bytes.count)) == whole)
        }
    }

    @Test func `the reader says that the stream has ended`() {
        var reader = WebSocketFrameReader()
        var bytes = ClientFrame.binary([1]).bytes
        _ = bytes.withUnsafeMutableBytes { reader.decode($0) }
        #expect(!reader.hasEnded)
        bytes = ClientFrame.close().bytes
        _ = bytes.withUnsafeMutableBytes { reader.decode($0) }
        #expect(reader.hasEnded)
    }

    @Test func `the reader says that the bytes so far are whole messages`() {
        let frames = ClientFrame.binary([1], final: false).bytes + ClientFrame.ping([2]).bytes
        let bytes = frames + ClientFrame.continuation([3]).bytes + ClientFrame.pong().bytes
        var reader = WebSocketFrameReader()
        #expect(reader.isBetweenMessages)
        var whole: [Int] = []
        for (index, byte) in bytes.enumerated() {
            var piece = [byte]
            _ = piece.withUnsafeMutableBytes { reader.decode($0) }
            if reader.isBetweenMessages { whole.append(index + 1) }
        }
        #expect(whole == [bytes.count - 6, bytes.count])
    }

    @Test func `of many pings in one buffer the last is given out`() {
        var bytes = (0..<100).flatMap { ClientFrame.ping([UInt8](repeating: UInt8($0), count: $0)).bytes }
        var reader = WebSocketFrameReader()
        let progress = bytes.withUnsafeMutableBytes { reader.decode($0) }
        #expect(progress.pingCount == 100)
        #expect(progress.ping == [UInt8](repeating: 99, count: 99))
        bytes = ClientFrame.ping().bytes
        #expect(bytes.withUnsafeMutableBytes { reader.decode($0) }.ping == [])
        #expect(MemoryLayout<WebSocketFrameReader>.size <= 64)
    }

    @Test func `an empty buffer changes nothing`() {
        var reader = WebSocketFrameReader()
        #expect(reader.decode(UnsafeMutableRawBufferPointer(start: nil, count: 0)) == WebSocketProgress())
    }

    @Test func `every problem has a label of its own, a status code and a text that fits a close frame`() {
        #expect(Set(WebSocketProblem.allCases.map(\.label)).count == WebSocketProblem.allCases.count)
        for problem in WebSocketProblem.allCases {
            #expect(WebSocketClose.isSendable(problem.closeCode))
            #expect(20...123 ~= problem.text.utf8.count)
            #expect(WebSocketEnd.failed(problem).replyCode == problem.closeCode)
        }
        #expect(WebSocketEnd.closed(WebSocketClose()).replyCode == nil)
        #expect(WebSocketEnd.closed(WebSocketClose(code: 4711)).replyCode == 4711)
    }
}
