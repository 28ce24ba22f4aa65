/// One request, complete: its body has arrived.
package struct HTTPRequest: Sendable {
    /// One field of the query, in the order of the URL: `--limit=1` has a value, `--client_id` has none.
    package struct QueryItem: Hashable, Sendable {
        package let name: String
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
    package let body: [UInt8]

    package init(
        method: String, target: [UInt8], headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.headers = headers
        self.body = body
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        path = Self.decoded(target[..<end], plusIsBlank: false)
        guard end < target.count else {
            query = []
            return
        }
        query = target[(end + 1)...].split(separator: UInt8(ascii: "&")).map { item in
            guard let equals = item.firstIndex(of: UInt8(ascii: "=")) else {
                return QueryItem(name: Self.decoded(item, plusIsBlank: true), value: nil)
            }
            return QueryItem(
                name: Self.decoded(item[..<equals], plusIsBlank: true),
                value: Self.decoded(item[(equals + 1)...], plusIsBlank: true))
        }
    }

    /// The first header called `name`, in whatever case.
    package func header(_ name: String) -> String? {
        headers.first { Self.isSame($0.name, name) }?.value
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

/// One answer. For HEAD the body is only measured.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// nil leaves the header out.
    package var contentType: String?
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Whether the body may be sent in gzip to clients that take it.
    package var isCompressible = false

    package init(
        status: Int = 200, contentType: String? = nil, headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
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
