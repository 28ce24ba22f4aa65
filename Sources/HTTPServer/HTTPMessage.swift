package import Primitives

/// One request, complete: its body has arrived.
package struct HTTPRequest: Sendable {
    /// One field of the query, in the order of the URL: `--limit=1` has a value, `--client_id` has none.
    package struct QueryItem: Hashable, Sendable {
        /// Percent-decoded.
        package let name: String
        /// Percent-decoded; nil when there is no `=` after the name, empty when nothing follows it.
        package let value: String?
    }

    /// As sent: `GET`.
    package let method: String
    /// Percent-decoded, without the query.
    package let path: String
    /// Percent-decoded, `+` as a blank.
    package let query: [QueryItem]
    /// In the order they came.
    package let headers: [(name: String, value: String)]
    /// All of the body, at most `HTTPLimits.bodySize` bytes; empty when there is none, or the page does not want it.
    package let body: [UInt8]
    /// Who sent it.
    package let peer: HTTPPeer
    /// The page's `admission` has let it in already.
    var isAdmitted = false
    /// When it was complete: what is read later shows what its sender has done before.
    package let arrivedAt: MonotonicTime

    /// A complete request.
    ///
    /// - Parameter target: path and query as on the wire, percent-encoded.
    package init(
        method: String, target: [UInt8], headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        peer: HTTPPeer = .tcp(address: "", port: 0), arrivedAt: MonotonicTime = SystemClock().now
    ) {
        self.method = method
        self.headers = headers
        self.body = body
        self.peer = peer
        self.arrivedAt = arrivedAt
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        path = Self.decoded(target[..<end], plusIsBlank: false)
        guard end < target.count else {
            query = []
            return
        }
        query = Self.items(target[(end + 1)...])
    }

    /// What stands between `&`.
    static func items(_ bytes: ArraySlice<UInt8>) -> [QueryItem] {
        bytes.split(separator: UInt8(ascii: "&")).map { item in
            guard let equals = item.firstIndex(of: UInt8(ascii: "=")) else {
                return QueryItem(name: decoded(item, plusIsBlank: true), value: nil)
            }
            return QueryItem(
                name: decoded(item[..<equals], plusIsBlank: true),
                value: decoded(item[(equals + 1)...], plusIsBlank: true))
        }
    }

    /// The first header called `name`, in whatever case.
    package func header(_ name: String) -> String? {
        headers.first { Self.isSame($0.name, name) }?.value
    }

    /// All headers called `name`, joined as one list [RFC 9110 §5.3]; nil when there is none.
    package func joinedHeaders(_ name: String) -> String? {
        let values = headers.filter { Self.isSame($0.name, name) }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Whether the client takes `mediaType` (`text/plain`): it says so, or says nothing about it.
    package func accepts(_ mediaType: String) -> Bool {
        guard let accept = header("Accept") else { return true }
        let family = mediaType.prefix { $0 != "/" } + "/*"
        return accept.split(separator: ",").contains { range in
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard let type = parts.first else { return false }
            let isRefused = parts.dropFirst().contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
            return !isRefused && (type == mediaType || type == "*/*" || type == family)
        }
    }

    static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
    }

    /// Undoes `%HH`; a `%` that begins no such code stands for itself, bytes that are no UTF-8 become U+FFFD.
    static func decoded(_ bytes: ArraySlice<UInt8>, plusIsBlank: Bool) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%"), bytes.endIndex - index > 2,
                let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
                continue
            }
            result.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// One answer. For HEAD the body is only measured, and a stream does not begin.
package struct HTTPResponse: Sendable {
    /// The status code, such as 200.
    package var status: Int
    /// nil leaves the header out.
    package var contentType: String?
    /// Header fields beside Content-Type and those that the server adds itself.
    package var headers: [(name: String, value: String)]
    /// What is sent after the headers, before any compression; not sent when there is a stream.
    package var body: [UInt8]
    /// What is sent in place of `body`, while it is made.
    package let stream: HTTPStream?
    /// Whether the body may be sent in gzip to clients that take it.
    package var isCompressible = false

    /// An answer; by default 200 without a body.
    package init(
        status: Int = 200, contentType: String? = nil, headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
        stream = nil
    }

    /// An answer that is sent while it is made, in chunks to clients that know them.
    package init(
        status: Int = 200, contentType: String? = nil, headers: [(name: String, value: String)] = [],
        stream: HTTPStream
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.stream = stream
        body = []
    }

    /// A sentence for a person, with a line feed after it.
    package static func text(_ status: Int, _ sentence: String) -> HTTPResponse {
        HTTPResponse(
            status: status, contentType: "text/plain; charset=utf-8", body: Array((sentence + "\n").utf8))
    }

    /// JSON as bytes.
    package static func json(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", body: body)
    }
}
