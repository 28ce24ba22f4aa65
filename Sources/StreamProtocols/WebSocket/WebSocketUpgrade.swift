import Primitives

/// What the bytes so far are.
package enum WebSocketUpgradeParse: Equatable, Sendable {
    /// The beginning of a request: more bytes are needed.
    case incomplete
    /// A request of `byteCount` bytes. What comes after them are frames.
    case upgrade(WebSocketRequest, byteCount: Int)
    /// No request that opens a WebSocket. `response` is to be sent and the connection closed.
    case refused(status: Int, problem: WebSocketUpgradeProblem, response: [UInt8])
}

/// Reads the HTTP request that opens a WebSocket, as it comes.
///
/// Strict where readers differ, for a proxy in front may have read the same bytes in its own way: lines end
/// in CR LF, no line is continued, nothing stands between a name and its colon, what may be there once is
/// there once, and there is no body (RFC 9112, 2.2, 5 and 6).
package struct WebSocketUpgrade: Sendable {
    /// Bytes of names and of white space, as far as a line with the longest value may have them.
    private static let lineAllowance = 256

    /// Bytes that were looked at: the head does not end in them.
    private var scanned = 0
    private var lineStart = 0
    private var lineCount = 0
    private var problem: WebSocketUpgradeProblem?

    /// A reader before the first byte.
    package init() {}

    /// Reads all bytes that have come so far, from the first byte of the request on.
    ///
    /// Called again with the old bytes and the new ones while it says `incomplete`; the old ones are not
    /// looked at again. The caller needs room for at most `settings.maximumByteCount` bytes: with more the
    /// answer is never `incomplete`.
    package mutating func parse(_ bytes: RawSpan, _ settings: WebSocketUpgradeSettings)
        -> WebSocketUpgradeParse
    {
        do throws(WebSocketUpgradeProblem) {
            if let problem { throw problem }
            guard let end = try findEnd(bytes, settings) else { return .incomplete }
            let head = HTTPHead(bytes.extracting(0..<end).copiedBytes())
            return .upgrade(try WebSocketUpgradeCheck(head, settings).request(), byteCount: end)
        } catch {
            problem = error
            return .refused(status: error.status, problem: error, response: error.response)
        }
    }

    /// The end of the empty line, once it is there. Refuses what is too long, and bytes that stand nowhere in
    /// a head.
    private mutating func findEnd(
        _ bytes: RawSpan, _ settings: WebSocketUpgradeSettings
    ) throws(WebSocketUpgradeProblem) -> Int? {
        let carriageReturn = UInt8(ascii: "\r")
        let lineFeed = UInt8(ascii: "\n")
        let end = min(bytes.byteCount, settings.maximumByteCount)
        while scanned < end {
            let byte = bytes.byte(at: scanned)
            let isAfterReturn = scanned > lineStart && bytes.byte(at: scanned - 1) == carriageReturn
            guard isAfterReturn == (byte == lineFeed) else { throw .controlCharacter }
            scanned += 1
            if byte == lineFeed {
                let isEmpty = scanned - lineStart == 2
                lineStart = scanned
                lineCount += 1
                if isEmpty {
                    guard lineCount > 1 else { throw .requestLine }
                    return scanned
                }
                guard lineCount <= settings.maximumHeaderCount + 1 else { throw .tooManyHeaders }
                continue
            }
            try check(byte, carriageReturn, settings)
        }
        guard bytes.byteCount < settings.maximumByteCount else { throw .requestTooLarge }
        return nil
    }

    /// Checks a byte of a line that is not its line feed; it is the last that was scanned.
    private func check(
        _ byte: UInt8, _ carriageReturn: UInt8, _ settings: WebSocketUpgradeSettings
    ) throws(WebSocketUpgradeProblem) {
        let count = scanned - lineStart - (byte == carriageReturn ? 1 : 0)
        if lineCount == 0 {
            guard byte == carriageReturn || 0x20..<0x7F ~= byte else {
                throw scanned == 1 || byte >= 0x80 ? .requestLine : .controlCharacter
            }
            guard count <= settings.maximumRequestLineByteCount else { throw .requestLineTooLong }
        } else {
            guard byte == carriageReturn || byte == 0x09 || byte >= 0x20 && byte != 0x7F else {
                throw .controlCharacter
            }
            guard count <= settings.maximumHeaderValueByteCount + Self.lineAllowance else {
                throw .headerTooLong
            }
        }
    }
}
