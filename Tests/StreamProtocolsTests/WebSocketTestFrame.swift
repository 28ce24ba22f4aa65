import StreamProtocols
import TestSupport

/// A frame as a client sends it, or as it should not.
struct ClientFrame {
    var opcode: UInt8 = 2
    var payload: [UInt8] = []
    var isFinal = true
    /// The three bits between FIN and the opcode.
    var reserved: UInt8 = 0
    /// nil: not masked.
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    /// nil: the shortest form. 125, 126 or 127: that of a short length, of 16 bits, of 64 bits.
    var lengthForm: UInt8?
    /// nil: that of the payload.
    var length: UInt64?

    var bytes: [UInt8] {
        let length = length ?? UInt64(payload.count)
        let form = lengthForm ?? (length < 126 ? 125 : length <= 0xFFFF ? 126 : 127)
        var bytes = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let mask: UInt8 = key == nil ? 0 : 0x80
        let width = form == 125 ? 0 : form == 126 ? 2 : 8
        bytes.append(mask | (form == 125 ? UInt8(length) : form))
        bytes += (0..<width).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * (width - 1 - $0))) }
        guard let key else { return bytes + payload }
        bytes += key
        bytes.reserveCapacity(bytes.count + payload.count)
        for index in payload.indices { bytes.append(payload[index] ^ key[index & 3]) }
        return bytes
    }

    static func binary(_ payload: [UInt8], final: Bool = true) -> ClientFrame {
        ClientFrame(payload: payload, isFinal: final)
    }

    static func continuation(_ payload: [UInt8], final: Bool = true) -> ClientFrame {
        ClientFrame(opcode: 0, payload: payload, isFinal: final)
    }

    static func ping(_ payload: [UInt8] = []) -> ClientFrame { ClientFrame(opcode: 9, payload: payload) }
    static func pong(_ payload: [UInt8] = []) -> ClientFrame { ClientFrame(opcode: 10, payload: payload) }

    static func close(_ code: UInt16? = nil, _ reason: [UInt8] = []) -> ClientFrame {
        ClientFrame(opcode: 8, payload: (code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []) + reason)
    }
}

/// What a stream of frames came to, however it was cut.
struct StreamOutcome: Equatable {
    var payload: [UInt8] = []
    var dataFrameCount = 0
    var pingCount = 0
    var pongCount = 0
    var lastPing: [UInt8]?
    var end: WebSocketEnd?
    var ignoredByteCount = 0
}

extension StreamOutcome {
    /// Decodes `bytes`, cut at `cuts`, which are ascending.
    init(_ bytes: [UInt8], cutAt cuts: [Int] = [], limit: UInt64 = .max) {
        var reader = WebSocketFrameReader(maximumFrameByteCount: limit)
        var start = 0
        for end in cuts + [bytes.count] where end > start {
            var piece = Array(bytes[start..<end])
            let progress = piece.withUnsafeMutableBytes { reader.decode($0) }
            payload += piece[..<progress.payloadByteCount]
            dataFrameCount += progress.dataFrameCount
            pingCount += progress.pingCount
            pongCount += progress.pongCount
            lastPing = progress.ping ?? lastPing
            self.end = self.end ?? progress.end
            ignoredByteCount += progress.ignoredByteCount
            start = end
        }
    }
}

/// Decodes in one piece, byte by byte, and in pieces of several sizes, which must come to the same.
func outcome(
    of frames: [ClientFrame], limit: UInt64 = .max, chops: [Int] = [1, 2, 3, 7, 16, 997, 2048]
) throws -> StreamOutcome {
    let bytes = frames.flatMap(\.bytes)
    let whole = StreamOutcome(bytes, limit: limit)
    for size in chops where size < bytes.count && bytes.count / size < 5000 {
        let cuts = Array(stride(from: size, to: bytes.count, by: size))
        let cut = StreamOutcome(bytes, cutAt: cuts, limit: limit)
        guard cut == whole else { throw DifferentOutcome(chop: size, whole: whole, cut: cut) }
    }
    return whole
}

struct DifferentOutcome: Error {
    let chop: Int
    let whole, cut: StreamOutcome
}
