/// Why a request was refused before any page saw it. Each is a counter on `/metrics`, and ends its connection: where
/// one request ends and the next begins is no longer certain.
package enum HTTPRefusal: String, CaseIterable, Sendable {
    /// The first line is no `METHOD target HTTP/1.x` [RFC 9112 §3].
    case requestLine = "request_line"
    /// The first line is longer than the limit.
    case uriTooLong = "uri_too_long"
    /// A version this server does not speak [RFC 9110 §15.6.6].
    case version = "version"
    /// A header field that is none: white space in its name, a folded line, control characters [RFC 9112 §5.1, 5.2].
    case header = "header"
    /// Too many header fields, or too long.
    case headerTooLarge = "header_too_large"
    /// No `Host` in HTTP/1.1, or more than one [RFC 9112 §3.2].
    case host = "host"
    /// The length of the body is told twice, or cannot be understood [RFC 9112 §6.3].
    case framing = "framing"
    /// A transfer coding other than chunked [RFC 9112 §6.1].
    case transferCoding = "transfer_coding"
    /// What the library cannot read: a chunk that is none [RFC 9112 §7.1], a line that is no header field.
    case malformed = "malformed"
    /// The body is longer than `HTTPLimits.bodySize`.
    case bodyTooLarge = "body_too_large"
    /// `Expect` asks for something else than 100-continue [RFC 9110 §10.1.1].
    case expectation = "expectation"
    /// It was not complete in time.
    case timeout = "timeout"
    /// All requests together hold as much body as they may.
    case busy = "busy"
    /// It came over a Unix socket from another user than root or the broker's own.
    case peer = "peer"
    /// The listener wants a client certificate that its authority has signed, and there is none.
    case certificate = "certificate"

    var status: Int {
        switch self {
        case .requestLine, .header, .host, .framing, .malformed: 400
        case .peer, .certificate: 403
        case .timeout: 408
        case .bodyTooLarge: 413
        case .uriTooLong: 414
        case .expectation: 417
        case .headerTooLarge: 431
        case .transferCoding: 501
        case .busy: 503
        case .version: 505
        }
    }

    /// For the person at the other end.
    func sentence(_ limits: HTTPLimits) -> String {
        switch self {
        case .requestLine: "The first line is not: METHOD target HTTP/1.1"
        case .uriTooLong: "The request line is longer than \(limits.requestLineLength) bytes."
        case .version: "This server speaks HTTP/1.1 and HTTP/1.0."
        case .header: "A header line is not: Name: value"
        case .headerTooLarge:
            "A header is longer than \(limits.headerValueLength) bytes, or there are too many of them."
        case .host: "HTTP/1.1 asks for exactly one Host header."
        case .framing: "The length of the body is told twice, or cannot be understood."
        case .transferCoding: "The only transfer coding here is chunked."
        case .malformed: "The request cannot be read."
        case .bodyTooLarge: "The body is longer than \(limits.bodySize) bytes."
        case .expectation: "The only expectation here is 100-continue."
        case .timeout: "The request was not complete in time."
        case .busy: "Too many bodies are being sent at the same time."
        case .peer: "This socket serves root and the user that the broker runs as."
        case .certificate: "This listener serves clients with a certificate that its authority has signed."
        }
    }

    /// The whole answer as bytes, for a connection that ends with it.
    func wireAnswer(_ limits: HTTPLimits) -> [UInt8] {
        let body = sentence(limits) + "\n"
        let head =
            "HTTP/1.1 \(status) \(phrase)\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n"
        return Array((head + body).utf8)
    }

    /// Of those that are told in the midst of a request.
    private var phrase: String {
        switch self {
        case .timeout: "Request Timeout"
        case .bodyTooLarge: "Content Too Large"
        case .busy: "Service Unavailable"
        default: "Bad Request"
        }
    }

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
