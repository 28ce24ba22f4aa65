import Primitives

/// Cuts a request out of the bytes of a connection, line by line, so that whoever sends it byte by byte costs no more
/// than the bytes of one line each time.
///
///     requestLine → fields → complete                               [no body]
///                          → fixedBody → complete                   [Content-Length]
///                          → chunkSize → chunkData → chunkEnd → chunkSize …
///                                      → trailers → complete        [the chunk of size 0]
///     any → refused
struct RequestParser {
    enum Event: Equatable {
        /// More bytes are needed.
        case more
        /// The headers are there, and the client waits for 100-continue before it sends the body.
        case wantsContinue
        case complete
        case refused(HTTPRefusal)
    }

    private enum State {
        case requestLine, fields, chunkSize, chunkEnd, trailers, complete
        case fixedBody(left: Int)
        case chunkData(left: Int)
    }

    private let limits: HTTPLimits
    private var state = State.requestLine
    private var fieldBytes = 0
    private var fieldCount = 0
    private var emptyLines = 0
    private(set) var head = RequestHead()
    private(set) var body: [UInt8] = []

    init(_ limits: HTTPLimits) { self.limits = limits }

    /// Whether the headers are complete.
    var isInBody: Bool {
        switch state {
        case .requestLine, .fields: false
        default: true
        }
    }

    /// Takes what it can of `bytes`. Call it again with the rest, and what came behind it, after `more` and
    /// `wantsContinue`.
    ///
    /// - Returns: how many bytes were taken.
    mutating func take(_ bytes: RawSpan) -> (consumed: Int, event: Event) {
        var offset = 0
        while true {
            switch state {
            case .complete: return (offset, .complete)
            case .fixedBody(let left), .chunkData(let left):
                let count = min(left, bytes.byteCount - offset)
                append(bytes.extracting(offset..<offset + count))
                offset += count
                advance(left: left - count)
                if count < left { return (offset, .more) }
            case .requestLine, .fields, .chunkSize, .chunkEnd, .trailers:
                let rest = bytes.extracting(offset...)
                guard let feed = rest.firstOffset(of: 0x0A) else {
                    // The line's end is not there yet; a byte more than the limit is no line any more.
                    if rest.byteCount > lineLimit + 1 { return (offset, .refused(refusalOfLength)) }
                    return (offset, .more)
                }
                // A line feed alone ends a line for some and not for others [RFC 9112 §2.2].
                guard feed > 0, rest.byte(at: feed - 1) == 0x0D else {
                    return (offset, .refused(refusalOfLine))
                }
                guard feed - 1 <= lineLimit else { return (offset, .refused(refusalOfLength)) }
                offset += feed + 1
                let event = takeLine(rest.extracting(0..<feed - 1))
                if event != .more { return (offset, event) }
            }
        }
    }

    private mutating func advance(left: Int) {
        switch state {
        case .fixedBody: state = left == 0 ? .complete : .fixedBody(left: left)
        case .chunkData: state = left == 0 ? .chunkEnd : .chunkData(left: left)
        default: break
        }
    }

    private mutating func append(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { body.append(contentsOf: $0) }
    }

    // MARK: Lines

    /// Bytes a line may have without its end.
    private var lineLimit: Int {
        switch state {
        case .requestLine: limits.requestLineLength
        case .chunkSize: 256
        case .chunkEnd: 0
        default: limits.headerValueLength + 512
        }
    }

    private var refusalOfLength: HTTPRefusal {
        switch state {
        case .requestLine: .uriTooLong
        case .chunkSize, .chunkEnd: .chunk
        default: .headerTooLarge
        }
    }

    private var refusalOfLine: HTTPRefusal {
        switch state {
        case .requestLine: .requestLine
        case .chunkSize, .chunkEnd: .chunk
        default: .header
        }
    }

    private mutating func takeLine(_ line: RawSpan) -> Event {
        switch state {
        case .requestLine:
            // Some send an empty line after a body [RFC 9112 §2.2].
            if line.byteCount == 0 {
                emptyLines += 1
                return emptyLines > 4 ? .refused(.requestLine) : .more
            }
            if let refusal = head.takeRequestLine(line) { return .refused(refusal) }
            state = .fields
        case .fields:
            if line.byteCount == 0 { return endOfHeaders() }
            return takeField(line)
        case .trailers:
            if line.byteCount == 0 {
                state = .complete
                return .more
            }
            return takeField(line)
        case .chunkSize: return takeChunkSize(line)
        case .chunkEnd: state = .chunkSize
        case .fixedBody, .chunkData, .complete: break
        }
        return .more
    }

    private mutating func takeField(_ line: RawSpan) -> Event {
        fieldBytes += line.byteCount + 2
        fieldCount += 1
        guard fieldBytes <= limits.headerSectionLength, fieldCount <= limits.headerCount else {
            return .refused(.headerTooLarge)
        }
        if case .trailers = state {
            // Looked at and forgotten: nothing here asks for them [RFC 9112 §7.1.2].
            var forgotten = RequestHead()
            return forgotten.takeField(line, limits).map { .refused($0) } ?? .more
        }
        return head.takeField(line, limits).map { .refused($0) } ?? .more
    }

    private mutating func endOfHeaders() -> Event {
        switch head.framing(limits) {
        case .failure(let thrown): return .refused(thrown.refusal)
        case .success(.none): state = .complete
        case .success(.length(let count)): state = .fixedBody(left: count)
        case .success(.chunked): state = .chunkSize
        }
        let expectations = head.words("Expect").filter { !$0.isEmpty }
        guard !head.isOld, !expectations.isEmpty else { return .more }
        guard expectations == ["100-continue"] else { return .refused(.expectation) }
        if case .complete = state { return .more }
        return .wantsContinue
    }

    private mutating func takeChunkSize(_ line: RawSpan) -> Event {
        var size = 0
        var index = 0
        while index < line.byteCount, let digit = HTTPRequest.digit(line.byte(at: index)) {
            // Sixteen digits and more could overflow; nobody needs leading zeros.
            guard index < 15 else { return .refused(.chunk) }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0 else { return .refused(.chunk) }
        // What follows is an extension, which is not understood here: `;` and text.
        var rest = index
        while rest < line.byteCount, isBlank(line.byte(at: rest)) { rest += 1 }
        let isEnd = index == line.byteCount
        guard isEnd || (rest < line.byteCount && line.byte(at: rest) == UInt8(ascii: ";")),
            line.extracting(rest...).allBytes({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
        else { return .refused(.chunk) }
        guard size <= limits.bodySize - body.count else { return .refused(.bodyTooLarge) }
        state = size == 0 ? .trailers : .chunkData(left: size)
        return .more
    }
}
