import Primitives
import StreamProtocols

/// Takes an input as a limit, a number that says where to cut, and a stream of frames; holds what the reader
/// makes of the stream, in one piece and cut, against the rules written for reading.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count >= 5 else { return -1 }
    let bytes = UnsafeRawBufferPointer(start: data, count: count).bytes.copied()
    let limit: UInt64 = bytes[0] == 0 ? .max : UInt64(bytes[0])
    var seed = bytes[1..<5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let stream = Array(bytes[5...])
    let expected = ExpectedFrames(stream, limit: limit)
    check(stream, limit: limit, against: expected) { stream.count }
    check(stream, limit: limit, against: expected) { 1 }
    check(stream, limit: limit, against: expected) {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return 1 + Int(seed >> 33) % (seed & 1 << 40 == 0 ? 9 : 70)
    }
    return 0
}

private func check(
    _ stream: [UInt8], limit: UInt64, against expected: ExpectedFrames, pieceByteCount: () -> Int
) {
    var reader = WebSocketFrameReader(maximumFrameByteCount: limit)
    var payload: [UInt8] = []
    var pingCount = 0
    var pongCount = 0
    var ignoredByteCount = 0
    var lastPing: [UInt8]?
    var end: WebSocketEnd?
    var start = 0
    while start < stream.count {
        let next = min(stream.count, start + pieceByteCount())
        var piece = Array(stream[start..<next])
        let progress = piece.withUnsafeMutableBytes { reader.decode($0) }
        require((0...piece.count).contains(progress.payloadByteCount), "payload fits the buffer")
        require(progress.end == nil || end == nil, "a stream ends once")
        payload += piece[..<progress.payloadByteCount]
        pingCount += progress.pingCount
        pongCount += progress.pongCount
        ignoredByteCount += progress.ignoredByteCount
        lastPing = progress.ping ?? lastPing
        end = end ?? progress.end
        require((end != nil) == reader.hasEnded, "the reader knows that the stream has ended")
        start = next
    }
    require(payload == expected.payload, "\(stream) carries \(expected.payload), not \(payload)")
    require(
        end == expected.end,
        "\(stream) ends with \(String(describing: expected.end)), not \(String(describing: end))")
    require(
        lastPing == expected.lastPing, "\(stream) has the last ping \(String(describing: expected.lastPing))")
    require(pingCount == expected.pingCount && pongCount == expected.pongCount, "\(stream) has other pings")
    require(
        ignoredByteCount == expected.ignoredByteCount,
        "\(stream) has \(expected.ignoredByteCount) bytes behind its end, not \(ignoredByteCount)")
}

@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    func frame(_ first: UInt8, _ payload: [UInt8], form: UInt8 = 125) -> [UInt8] {
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        let size = payload.count
        let length: [UInt8] =
            form == 127
            ? [0xFF, 0, 0, 0, 0, 0, 0, UInt8(size >> 8), UInt8(size & 0xFF)]
            : form == 126 || size > 125 ? [0xFE, UInt8(size >> 8), UInt8(size & 0xFF)] : [0x80 | UInt8(size)]
        return [first] + length + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
    let long = (0..<200).map { UInt8($0) }
    let streams: [[UInt8]] = [
        frame(0x82, [1, 2, 3]), frame(0x82, long) + frame(0x89, [4]) + frame(0x82, long),
        frame(0x02, [1]) + frame(0x89, []) + frame(0x00, [2], form: 126) + frame(0x80, [3], form: 127),
        frame(0x82, []) + frame(0x8A, Array(long[..<125])) + frame(0x89, Array(long[..<125])),
        frame(0x82, [1]) + frame(0x88, [0x03, 0xE8] + Array("böse".utf8)) + frame(0x82, [1]),
        frame(0x88, []), frame(0x88, [1]), frame(0x81, [0x61]), frame(0xC2, [1]), frame(0x83, [1]),
        frame(0x80, [1]),
        [0x82, 0x01, 0x00], [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    ]
    Corpus.writeIfAsked(
        streams.flatMap { stream in [[0, 1, 2, 3, 4] + stream, [100, 9, 9, 9, 9] + stream] })
    return 0
}
