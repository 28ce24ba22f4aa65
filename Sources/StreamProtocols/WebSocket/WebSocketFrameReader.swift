import Primitives

/// Takes the frames of a WebSocket client apart [RFC 6455, 5], in the buffer that they were read into.
///
/// MQTT's stream of bytes pays no heed to frames [MQTT-6.0.0-2]: neither frames nor messages have to be
/// gathered, and what comes out is the payload of all data frames back to back:
///
///     before  |header|masked payload|header|ping|header|masked payl…
///     after   |payload|payl|·····························
///
/// A header or a control frame that is not complete is kept inside; so is the place in the mask. Memory is
/// taken for pings and close frames only.
package struct WebSocketFrameReader: Sendable {
    /// What the next byte belongs to.
    private enum Place: UInt8, Sendable { case header, data, ping, pong, close, end }

    private static let shortestHeader = 2
    private static let longestControlPayload: UInt64 = 125

    /// The longest frame of data.
    package let maximumFrameByteCount: UInt64
    /// Payload of the frame that has not come yet.
    private var remaining: UInt64 = 0
    /// The mask, beginning with its byte for the next byte of payload; the first byte is the lowest.
    private var key: UInt32 = 0
    private var place = Place.header
    private var isMessageOpen = false
    /// The bytes of an incomplete header, the first in the lowest bits.
    private var header = HeaderBytes()
    private var headerCount: UInt8 = 0
    /// The payload so far of a ping or a close frame.
    private var control: [UInt8] = []

    /// A reader at the beginning of a stream.
    ///
    /// - Parameter maximumFrameByteCount: the longest frame of data; a longer one fails the stream.
    package init(maximumFrameByteCount: UInt64 = .max) {
        self.maximumFrameByteCount = maximumFrameByteCount
    }

    /// Whether the stream has ended: by a close frame or because a rule was broken.
    package var hasEnded: Bool { place == .end }

    /// Whether the bytes so far are whole messages and whole control frames.
    package var isBetweenMessages: Bool { place == .header && headerCount == 0 && !isMessageOpen }

    /// Decodes the bytes that were read next, all of them. The payload in them is unmasked and moved to the
    /// front of `buffer`; what lies behind it afterwards means nothing.
    ///
    /// - Complexity: O(bytes), a word at a time.
    package mutating func decode(_ buffer: UnsafeMutableRawBufferPointer) -> WebSocketProgress {
        var progress = WebSocketProgress()
        guard let base = buffer.baseAddress else { return progress }
        let end = buffer.count
        var index = 0
        while index < end {
            guard place != .header else {
                unsafe readHeader(base, at: &index, end: end, &progress)
                continue
            }
            guard place != .end else {
                progress.ignoredByteCount &+= end &- index
                break
            }
            let count = Int(truncatingIfNeeded: min(remaining, UInt64(end &- index)))
            let payload = unsafe base + index
            switch place {
            case .data:
                unsafe Mask.apply(key, from: payload, to: base + progress.payloadByteCount, count: count)
                progress.payloadByteCount &+= count
            case .ping, .close:
                unsafe Mask.apply(key, from: payload, to: payload, count: count)
                unsafe control.append(contentsOf: UnsafeRawBufferPointer(start: payload, count: count))
            case .pong, .header, .end: break
            }
            key = Mask.rotate(key, by: count)
            remaining &-= UInt64(count)
            index &+= count
            if remaining == 0 { endFrame(&progress) }
        }
        if progress.pingCount > 1, control.isEmpty { control = [] }
        return progress
    }

    private mutating func readHeader(
        _ base: UnsafeMutableRawPointer, at index: inout Int, end: Int, _ progress: inout WebSocketProgress
    ) {
        if headerCount == 0, end &- index >= HeaderBytes.capacity {
            let bytes = unsafe HeaderBytes(loading: base + index)
            index &+= bytes.byteCount
            begin(bytes, &progress)
            return
        }
        // At the end of the buffer a byte at a time.
        unsafe header.set(base.load(fromByteOffset: index, as: UInt8.self), at: Int(headerCount))
        index &+= 1
        headerCount &+= 1
        guard Int(headerCount) >= Self.shortestHeader, Int(headerCount) == header.byteCount else { return }
        begin(header, &progress)
        header = HeaderBytes()
        headerCount = 0
    }

    /// Acts on a complete header.
    private mutating func begin(_ header: HeaderBytes, _ progress: inout WebSocketProgress) {
        do throws(WebSocketProblem) {
            place = try check(header)
        } catch {
            place = .end
            progress.end = .failed(error)
            return
        }
        if place == .data {
            isMessageOpen = !header.isFinal
            progress.dataFrameCount &+= 1
        }
        key = header.key
        remaining = header.payloadByteCount
        if remaining == 0 { endFrame(&progress) }
    }

    private func check(_ header: HeaderBytes) throws(WebSocketProblem) -> Place {
        guard header.reservedBits == 0 else { throw .reservedBit }
        let place: Place
        switch header.opcode {
        case WebSocketOpcode.continuation:
            guard isMessageOpen else { throw .unexpectedContinuation }
            place = .data
        case WebSocketOpcode.text: throw .textFrame
        case WebSocketOpcode.binary:
            guard !isMessageOpen else { throw .missingContinuation }
            place = .data
        case WebSocketOpcode.close: place = .close
        case WebSocketOpcode.ping: place = .ping
        case WebSocketOpcode.pong: place = .pong
        default: throw .unknownOpcode
        }
        guard header.isMasked else { throw .unmasked }
        let count = header.payloadByteCount
        if place == .data {
            guard count <= UInt64(Int64.max) else { throw .invalidLength }
            guard count <= maximumFrameByteCount else { throw .frameTooLong }
        } else {
            guard header.isFinal else { throw .controlFragmented }
            guard count <= Self.longestControlPayload else { throw .controlTooLong }
        }
        return place
    }

    private mutating func endFrame(_ progress: inout WebSocketProgress) {
        switch place {
        case .ping:
            progress.pingCount &+= 1
            // The array of the ping before is used again: a flood of pings takes memory once.
            var payload = progress.ping.take() ?? []
            payload.removeAll(keepingCapacity: true)
            swap(&payload, &control)
            progress.ping = payload
        case .pong: progress.pongCount &+= 1
        case .close:
            do throws(WebSocketProblem) {
                progress.end = .closed(try Self.close(control))
            } catch {
                progress.end = .failed(error)
            }
            control = []
            place = .end
            return
        case .data, .header, .end: break
        }
        place = .header
    }

    private static func close(_ payload: [UInt8]) throws(WebSocketProblem) -> WebSocketClose {
        guard !payload.isEmpty else { return WebSocketClose() }
        guard payload.count >= 2 else { throw .closePayload }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard WebSocketClose.isSendable(code) else { throw .closeCode }
        let reason = unsafe payload.span.bytes.extracting(droppingFirst: 2)
        guard reason.isWellFormedUTF8 else { throw .closeReason }
        return WebSocketClose(code: code, reason: UTF8Text(copying: reason))
    }
}

/// Opcodes of frames [RFC 6455, 11.8].
enum WebSocketOpcode {
    static let continuation: UInt8 = 0
    static let text: UInt8 = 1
    static let binary: UInt8 = 2
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10
}

/// Up to 16 bytes, of which the first are a frame's header [RFC 6455, 5.2].
///
///     |FIN RSV×3 opcode×4|MASK length×7|length: 0, 2 or 8 bytes|key: 0 or 4 bytes|
private struct HeaderBytes: BitwiseCopyable, Sendable {
    static let capacity = 16
    /// The first byte is the lowest of `low`, the ninth the lowest of `high`.
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init() {}

    /// - Parameter bytes: `capacity` bytes.
    @inline(__always)
    init(loading bytes: UnsafeMutableRawPointer) {
        low = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        high = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    mutating func set(_ byte: UInt8, at index: Int) {
        if index < 8 {
            low |= UInt64(byte) &<< (8 &* UInt64(index))
        } else {
            high |= UInt64(byte) &<< (8 &* UInt64(index &- 8))
        }
    }

    var isFinal: Bool { low & 0x80 != 0 }
    var reservedBits: UInt8 { UInt8(truncatingIfNeeded: low) & 0x70 }
    var opcode: UInt8 { UInt8(truncatingIfNeeded: low) & 0x0F }
    var isMasked: Bool { low & 0x8000 != 0 }
    private var shortLength: UInt64 { low &>> 8 & 0x7F }

    /// 2 to 14. The first two bytes have to be there.
    var byteCount: Int {
        let extended = shortLength < 126 ? 0 : shortLength == 126 ? 2 : 8
        return 2 &+ extended &+ (isMasked ? 4 : 0)
    }

    /// What the length says, and it may say anything.
    var payloadByteCount: UInt64 {
        switch shortLength {
        case 126: low.byteSwapped &>> 32 & 0xFFFF
        case 127: (low &>> 16 | high &<< 48).byteSwapped
        default: shortLength
        }
    }

    /// The first byte of the key is the lowest.
    var key: UInt32 {
        switch shortLength {
        case 126: UInt32(truncatingIfNeeded: low &>> 32)
        case 127: UInt32(truncatingIfNeeded: high &>> 16)
        default: UInt32(truncatingIfNeeded: low &>> 16)
        }
    }
}
