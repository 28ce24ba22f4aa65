package import Primitives

/// Frames of a server, which are not masked [RFC 6455, 5.1].
package enum WebSocketFrameWriter {
    /// The longest header that is written.
    package static let longestHeaderByteCount = 10
    /// What a control frame may carry.
    package static let longestControlPayload = 125

    /// Bytes of the header in front of `payloadByteCount` bytes: 2, 4 or 10.
    @inline(__always)
    package static func headerByteCount(payloadByteCount: Int) -> Int {
        payloadByteCount < 126 ? 2 : payloadByteCount <= 0xFFFF ? 4 : 10
    }

    /// Writes the header of an unfragmented binary frame.
    ///
    /// - Parameter target: room for `headerByteCount(payloadByteCount:)` bytes.
    /// - Returns: the bytes written.
    @discardableResult
    package static func writeHeader(payloadByteCount: Int, to target: UnsafeMutableRawPointer) -> Int {
        let final: UInt8 = 0x80
        unsafe target.storeBytes(of: final | WebSocketOpcode.binary, as: UInt8.self)
        let byteCount = headerByteCount(payloadByteCount: payloadByteCount)
        switch byteCount {
        case 2:
            let length = UInt8(truncatingIfNeeded: payloadByteCount)
            unsafe target.storeBytes(of: length, toByteOffset: 1, as: UInt8.self)
        case 4:
            let length = UInt16(truncatingIfNeeded: payloadByteCount).bigEndian
            unsafe target.storeBytes(of: 126, toByteOffset: 1, as: UInt8.self)
            unsafe target.storeBytes(of: length, toByteOffset: 2, as: UInt16.self)
        default:
            let length = UInt64(payloadByteCount).bigEndian
            unsafe target.storeBytes(of: 127, toByteOffset: 1, as: UInt8.self)
            unsafe target.storeBytes(of: length, toByteOffset: 2, as: UInt64.self)
        }
        return byteCount
    }

    /// A whole close frame. A reason of more than 123 bytes is cut in front of the character that does not
    /// fit.
    ///
    /// - Parameter code: nil: an empty frame, the answer to an empty one.
    package static func closeFrame(code: UInt16?, reason: UTF8Text = "") -> [UInt8] {
        guard let code else { return frame(WebSocketOpcode.close, []) }
        var end = min(reason.count, longestControlPayload - 2)
        // No byte of a text that begins a character has the form 10xxxxxx.
        while end > 0, end < reason.count, reason.bytes[end] & 0xC0 == 0x80 { end -= 1 }
        let payload = [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)] + reason.bytes[..<end]
        return frame(WebSocketOpcode.close, payload[...])
    }

    /// The answer to a ping with that payload, of which at most 125 bytes count.
    package static func pongFrame(_ payload: [UInt8]) -> [UInt8] {
        frame(WebSocketOpcode.pong, payload.prefix(longestControlPayload))
    }

    /// A ping with that payload, of which at most 125 bytes count.
    package static func pingFrame(_ payload: [UInt8] = []) -> [UInt8] {
        frame(WebSocketOpcode.ping, payload.prefix(longestControlPayload))
    }

    private static func frame(_ opcode: UInt8, _ payload: ArraySlice<UInt8>) -> [UInt8] {
        [0x80 | opcode, UInt8(payload.count)] + payload
    }
}
