package import Primitives

/// What `WebSocketFrameReader.decode` found in a buffer.
package struct WebSocketProgress: Equatable, Sendable {
    /// Bytes of payload that now lie at the front of the buffer. They came before anything that ended the
    /// stream, so they are the peer's even when there is a `problem`.
    package var payloadByteCount = 0
    /// Frames of data whose header ended in the buffer: binary ones and continuations.
    package var dataFrameCount = 0
    /// Pings that ended in the buffer.
    package var pingCount = 0
    /// Pongs that ended in the buffer. Nobody waits for one.
    package var pongCount = 0
    /// The payload of the last ping, at most 125 bytes: the one to be answered [RFC 6455, 5.5.3]. nil: no
    /// ping ended.
    package var ping: [UInt8]?
    /// What ended the stream. Nothing after it is decoded.
    package var end: WebSocketEnd?
    /// Bytes after the end of the stream, which nobody looks at.
    package var ignoredByteCount = 0

    package init() {}
}

/// How a stream of frames ended.
package enum WebSocketEnd: Equatable, Sendable {
    /// The peer's close frame.
    case closed(WebSocketClose)
    /// The peer broke a rule: the connection has to be failed.
    case failed(WebSocketProblem)

    /// The status code of the close frame that is the answer; nil: a close frame without one.
    package var replyCode: UInt16? {
        switch self {
        case .closed(let close): close.code
        case .failed(let problem): problem.closeCode
        }
    }
}

/// What a close frame says.
package struct WebSocketClose: Equatable, Sendable {
    /// nil: the frame was empty.
    package var code: UInt16?
    /// At most 123 bytes, well-formed. A client wrote it: escape it where it is shown.
    package var reason: UTF8Text

    package init(code: UInt16? = nil, reason: UTF8Text = "") {
        self.code = code
        self.reason = reason
    }

    /// Whether `code` may be sent in a close frame: those of RFC 6455, 7.4.1, and of IANA's registry that are
    /// for the wire, those of libraries (3000 to 3999) and those for private use (4000 to 4999).
    package static func isSendable(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// Why a stream of frames is failed.
package enum WebSocketProblem: CaseIterable, Error, Sendable {
    /// A frame of a client is not masked.
    case unmasked
    /// A reserved bit is set, though no extension was agreed on.
    case reservedBit
    /// No such opcode is defined.
    case unknownOpcode
    /// A text frame: MQTT is carried in binary frames only [MQTT-6.0.0-1].
    case textFrame
    /// A control frame is fragmented.
    case controlFragmented
    /// A control frame has more than 125 bytes.
    case controlTooLong
    /// A continuation, though no message is open.
    case unexpectedContinuation
    /// A new message, though the one before is not complete.
    case missingContinuation
    /// The highest bit of a length of 64 bits is set.
    case invalidLength
    /// A frame of data has more bytes than the limit.
    case frameTooLong
    /// A close frame of one byte, which is half a status code.
    case closePayload
    /// A status code that must not be sent.
    case closeCode
    /// The reason of a close frame is not UTF-8.
    case closeReason

    /// The status code of the close frame that tells the peer.
    package var closeCode: UInt16 {
        switch self {
        case .textFrame: 1003
        case .closeReason: 1007
        case .frameTooLong: 1009
        case .unmasked, .reservedBit, .unknownOpcode, .controlFragmented, .controlTooLong,
            .unexpectedContinuation, .missingContinuation, .invalidLength, .closePayload, .closeCode:
            1002
        }
    }

    /// The value of the metric's label.
    package var label: String {
        switch self {
        case .unmasked: "unmasked"
        case .reservedBit: "reserved_bit"
        case .unknownOpcode: "unknown_opcode"
        case .textFrame: "text_frame"
        case .controlFragmented: "control_fragmented"
        case .controlTooLong: "control_too_long"
        case .unexpectedContinuation: "unexpected_continuation"
        case .missingContinuation: "missing_continuation"
        case .invalidLength: "invalid_length"
        case .frameTooLong: "frame_too_long"
        case .closePayload: "close_payload"
        case .closeCode: "close_code"
        case .closeReason: "close_reason"
        }
    }

    /// For the log and as the reason of the close frame: at most 123 bytes.
    package var text: String {
        switch self {
        case .unmasked: "a frame of a client has to be masked"
        case .reservedBit: "a reserved bit is set, but no extension was agreed on"
        case .unknownOpcode: "the opcode is not one of continuation, binary, close, ping and pong"
        case .textFrame: "MQTT has to come in binary frames, not in text frames"
        case .controlFragmented: "a control frame must not be fragmented"
        case .controlTooLong: "a control frame has at most 125 bytes"
        case .unexpectedContinuation: "a continuation frame needs a message that it continues"
        case .missingContinuation: "a message began before the one before was complete"
        case .invalidLength: "the highest bit of a frame's length has to be 0"
        case .frameTooLong: "the frame is longer than the broker takes"
        case .closePayload: "a close frame is empty or has a status code of two bytes"
        case .closeCode: "the status code of the close frame must not be sent"
        case .closeReason: "the reason of the close frame is not UTF-8"
        }
    }
}
