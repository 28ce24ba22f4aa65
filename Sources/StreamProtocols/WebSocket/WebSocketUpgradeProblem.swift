/// Why a request does not open a WebSocket.
package enum WebSocketUpgradeProblem: CaseIterable, Error, Sendable {
    /// The request line is not a method, a target and a version, or has other bytes than visible ASCII.
    case requestLine
    case requestLineTooLong
    /// HTTP before 1.1, or from 2 on.
    case httpVersion
    case method
    case path
    /// A header's name is missing or is not a token, white space stands before its colon, or its line goes on
    /// in the next one.
    case header
    /// A control character, or a line that does not end in CR LF.
    case controlCharacter
    /// A header that may be there once is there twice, so that two readers could take different ones.
    case repeatedHeader
    case headerTooLong
    case tooManyHeaders
    case requestTooLarge
    /// The Host header is missing or is no host.
    case host
    /// The request has a body, or says so in a way that readers take differently.
    case body
    /// An ordinary request: it does not ask for a WebSocket.
    case noUpgrade
    case webSocketVersion
    case key
    /// The client's list of subprotocols has none that is spoken here, or there is no list.
    case subprotocol
    case origin
    /// The header with the certificate's common name is not UTF-8.
    case commonName
    /// The library made no SHA-1.
    case unavailable

    /// The status code of the answer.
    package var status: Int {
        switch self {
        case .requestLine, .header, .controlCharacter, .repeatedHeader, .host, .body, .key, .subprotocol,
            .commonName:
            400
        case .origin: 403
        case .path: 404
        case .method: 405
        case .requestLineTooLong: 414
        case .noUpgrade, .webSocketVersion: 426
        case .headerTooLong, .tooManyHeaders, .requestTooLarge: 431
        case .unavailable: 500
        case .httpVersion: 505
        }
    }

    /// The value of the metric's label.
    package var label: String {
        switch self {
        case .requestLine: "request_line"
        case .requestLineTooLong: "request_line_too_long"
        case .httpVersion: "http_version"
        case .method: "method"
        case .path: "path"
        case .header: "header"
        case .controlCharacter: "control_character"
        case .repeatedHeader: "repeated_header"
        case .headerTooLong: "header_too_long"
        case .tooManyHeaders: "too_many_headers"
        case .requestTooLarge: "request_too_large"
        case .host: "host"
        case .body: "body"
        case .noUpgrade: "no_upgrade"
        case .webSocketVersion: "websocket_version"
        case .key: "key"
        case .subprotocol: "subprotocol"
        case .origin: "origin"
        case .commonName: "common_name"
        case .unavailable: "unavailable"
        }
    }

    /// For the log and for the client. Repeats nothing of the request.
    package var text: String {
        switch self {
        case .requestLine: "the request line is not `GET /path HTTP/1.1`"
        case .requestLineTooLong: "the request line is longer than max_request_line_length allows"
        case .httpVersion: "a WebSocket is opened by HTTP/1.1"
        case .method: "a WebSocket is opened by GET"
        case .path: "there is nothing at this path"
        case .header: "a header is not a name, a colon directly behind it, and a value on the same line"
        case .controlCharacter:
            "the request contains a control character, or a line that does not end in CR LF"
        case .repeatedHeader: "a header that may be there once is there twice"
        case .headerTooLong: "a header is longer than max_header_value_length allows"
        case .tooManyHeaders: "the request has too many headers"
        case .requestTooLarge: "the request is too large"
        case .host: "the request needs one Host header with a host"
        case .body: "a request that opens a WebSocket has no body"
        case .noUpgrade:
            "this is a WebSocket: the request needs `Connection: Upgrade` and `Upgrade: websocket`"
        case .webSocketVersion: "the request needs `Sec-WebSocket-Version: 13`"
        case .key: "the request needs one Sec-WebSocket-Key, 16 bytes in base64"
        case .subprotocol: "the request needs a Sec-WebSocket-Protocol with `mqtt` or `mqttv3.1`"
        case .origin: "pages of this origin may not connect"
        case .commonName: "the header with the name of the client is not UTF-8"
        case .unavailable: "the broker cannot answer now"
        }
    }

    /// The whole answer, after which the connection has to be closed. Always the same bytes for the same
    /// problem.
    package var response: [UInt8] {
        let body = text + "\n"
        var head = "HTTP/1.1 \(status) \(statusText)\r\n"
        switch self {
        case .method: head += "Allow: GET\r\n"
        case .noUpgrade: head += "Upgrade: websocket\r\n"
        case .webSocketVersion: head += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        default: break
        }
        head += status == 426 ? "Connection: Upgrade, close\r\n" : "Connection: close\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
        head += "Cache-Control: no-store\r\n\r\n"
        return Array((head + body).utf8)
    }

    private var statusText: String {
        switch status {
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 414: "URI Too Long"
        case 426: "Upgrade Required"
        case 431: "Request Header Fields Too Large"
        case 505: "HTTP Version Not Supported"
        default: "Internal Server Error"
        }
    }
}
