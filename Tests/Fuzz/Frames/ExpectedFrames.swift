import Primitives
import StreamProtocols

/// The rules of RFC 6455, 5 as they read, one byte after the other, with all bytes at hand.
struct ExpectedFrames {
    var payload: [UInt8] = []
    var pingCount = 0
    var pongCount = 0
    var lastPing: [UInt8]?
    var end: WebSocketEnd?
    var ignoredByteCount = 0

    init(_ bytes: [UInt8], limit: UInt64) {
        var rest = bytes[...]
        var isOpen = false
        while end == nil, rest.count >= 2 {
            let first = rest[rest.startIndex]
            let second = rest[rest.startIndex + 1]
            let width = second & 0x7F == 127 ? 8 : second & 0x7F == 126 ? 2 : 0
            let keyWidth = second & 0x80 == 0 ? 0 : 4
            guard rest.count >= 2 + width + keyWidth else { break }
            rest = rest.dropFirst(2)
            let length =
                width == 0
                ? UInt64(second & 0x7F) : rest.prefix(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(width)
            let key = Array(rest.prefix(keyWidth))
            rest = rest.dropFirst(keyWidth)
            if let problem = Self.problem(first, second, length, isOpen: isOpen, limit: limit) {
                end = .failed(problem)
                break
            }
            let available = Int(min(length, UInt64(rest.count)))
            let unmasked = rest.prefix(available).enumerated().map { $1 ^ key[$0 % 4] }
            rest = rest.dropFirst(available)
            let isWhole = UInt64(available) == length
            switch first & 0x0F {
            case 0, 2:
                payload += unmasked
                isOpen = first & 0x80 == 0
            case 9 where isWhole:
                pingCount += 1
                lastPing = unmasked
            case 10 where isWhole: pongCount += 1
            case 8 where isWhole: end = Self.close(unmasked)
            default: break
            }
            if !isWhole { return }
        }
        if end != nil { ignoredByteCount = rest.count }
    }

    private static func problem(
        _ first: UInt8, _ second: UInt8, _ length: UInt64, isOpen: Bool, limit: UInt64
    ) -> WebSocketProblem? {
        let opcode = first & 0x0F
        if first & 0x70 != 0 { return .reservedBit }
        if opcode == 1 { return .textFrame }
        if ![0, 2, 8, 9, 10].contains(opcode) { return .unknownOpcode }
        if opcode == 0, !isOpen { return .unexpectedContinuation }
        if opcode == 2, isOpen { return .missingContinuation }
        if second & 0x80 == 0 { return .unmasked }
        if opcode >= 8 {
            if first & 0x80 == 0 { return .controlFragmented }
            return length > 125 ? .controlTooLong : nil
        }
        if length >> 63 == 1 { return .invalidLength }
        return length > limit ? .frameTooLong : nil
    }

    private static func close(_ payload: [UInt8]) -> WebSocketEnd {
        if payload.isEmpty { return .closed(WebSocketClose()) }
        if payload.count == 1 { return .failed(.closePayload) }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        let isSendable =
            (1000...1014).contains(code) && !(1004...1006).contains(code) || (3000...4999).contains(code)
        if !isSendable { return .failed(.closeCode) }
        let reason = Array(payload[2...])
        if String(validating: reason, as: UTF8.self) == nil { return .failed(.closeReason) }
        return .closed(WebSocketClose(code: code, reason: UTF8Text(bytes: reason)))
    }
}
