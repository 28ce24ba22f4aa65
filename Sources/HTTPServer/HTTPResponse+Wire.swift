import CZlib
import Glibc

extension HTTPResponse {
    /// Whether this status has no body and no length [RFC 9110 §6.4.1].
    var hasNoBody: Bool { status == 204 || status == 304 || (100..<200).contains(status) }

    /// The status line and the header fields, with the empty line behind them.
    ///
    /// - Parameters:
    ///   - closes: the connection ends after the answer.
    ///   - isOld: the request was HTTP/1.0, which wants to be told when the connection goes on.
    func head(closes: Bool, isOld: Bool, date: String) -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(Self.phrase(status))\r\nDate: \(date)\r\n"
        if closes {
            text += "Connection: close\r\n"
        } else if isOld {
            text += "Connection: keep-alive\r\n"
        }
        if let contentType { text += "Content-Type: \(contentType)\r\n" }
        for header in headers { text += "\(header.name): \(header.value)\r\n" }
        if !hasNoBody { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }

    // MARK: gzip

    /// Below this many bytes compression saves less than a packet.
    private static let leastCompressed = 1_024
    /// zlib's level. The 70 KB of an idle broker's `/metrics` become 10 KB in 0.7 ms; level 6 makes them another 12 %
    /// smaller in 2.5 times the time.
    private static let level: Int32 = 2

    /// The same answer in gzip, where it may be compressed and the client takes it.
    func compressed(for request: HTTPRequest) -> HTTPResponse {
        guard isCompressible else { return self }
        var answer = self
        // A cache between here and the client must not give one client's form to another [RFC 9110 §12.5.5].
        answer.headers.append(("Vary", "Accept-Encoding"))
        guard body.count >= Self.leastCompressed, request.acceptsGzip else { return answer }
        var count = 0
        let packed = [UInt8](unsafeUninitializedCapacity: body.count) { target, written in
            body.withUnsafeBytes { source in
                count = czlib_gzip(
                    source.baseAddress, source.count, target.baseAddress, target.count, Self.level)
            }
            written = count
        }
        // 0: it would not have become smaller, or there was no memory for it.
        guard count > 0 else { return answer }
        answer.body = packed
        answer.headers.append(("Content-Encoding", "gzip"))
        return answer
    }
}

extension HTTPRequest {
    /// Whether the client says that it takes gzip [RFC 9110 §12.5.3].
    var acceptsGzip: Bool {
        var isAccepted = false
        for header in headers where Self.isSame(header.name, "Accept-Encoding") {
            for coding in header.value.split(separator: ",") {
                let parts = coding.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
                guard let name = parts.first, ["gzip", "x-gzip", "*"].contains(name) else { continue }
                let isRefused = parts.dropFirst().contains {
                    ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0)
                }
                if name != "*" { return !isRefused }
                isAccepted = !isRefused
            }
        }
        return isAccepted
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` [RFC 9110 §5.6.7].
enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    static func text(_ seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = days[Int(parts.tm_wday) % 7]
        let month = months[Int(parts.tm_mon) % 12]
        return
            "\(day), \(two(parts.tm_mday)) \(month) \(1900 + parts.tm_year) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
