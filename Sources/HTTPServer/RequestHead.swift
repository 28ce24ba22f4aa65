import Primitives

/// The first line and the header fields of a request, checked as RFC 9112 asks of a server that stands in the open:
/// what two readers could understand in two ways is refused.
struct RequestHead {
    var method = ""
    var target: [UInt8] = []
    /// HTTP/1.0, which closes after an answer unless it is asked not to, and knows no chunks.
    var isOld = false
    var headers: [(name: String, value: String)] = []

    /// How the end of the body is told.
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    // MARK: The first line

    /// - Returns: what is wrong with the line; nil when it was taken.
    mutating func takeRequestLine(_ line: RawSpan) -> HTTPRefusal? {
        let space = UInt8(ascii: " ")
        guard let first = line.firstOffset(of: space), first > 0,
            let second = line.firstOffset(of: space, from: first + 1), second > first + 1
        else { return .requestLine }
        let version = line.text(second + 1..<line.byteCount)
        let name = line.extracting(0..<first)
        guard first <= 32, name.allBytes(isTokenByte) else { return .requestLine }
        let target = line.extracting(first + 1..<second)
        guard target.allBytes({ $0 > 0x20 && $0 < 0x7F }) else { return .requestLine }
        switch version {
        case "HTTP/1.1": isOld = false
        case "HTTP/1.0": isOld = true
        default:
            let isVersion =
                version.utf8.count == 8 && version.hasPrefix("HTTP/")
                && version.utf8.dropFirst(6).first == UInt8(ascii: ".")
            return isVersion ? .version : .requestLine
        }
        method = line.text(0..<first)
        guard let path = Self.path(target.copiedBytes(), method) else { return .requestLine }
        self.target = path
        return nil
    }

    /// Path and query of a target in origin form, absolute form or, for OPTIONS, `*` [RFC 9112 §3.2].
    private static func path(_ target: [UInt8], _ method: String) -> [UInt8]? {
        if target.first == UInt8(ascii: "/") { return target }
        if target == [UInt8(ascii: "*")] { return method == "OPTIONS" ? target : nil }
        for scheme in ["http://", "https://"] where target.count > scheme.utf8.count {
            guard
                target.prefix(scheme.utf8.count).elementsEqual(
                    scheme.utf8, by: { lowercase($0) == $1 })
            else { continue }
            let rest = target.dropFirst(scheme.utf8.count)
            guard let end = rest.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") })
            else { return [UInt8(ascii: "/")] }
            guard end > rest.startIndex else { return nil }
            return rest[end] == UInt8(ascii: "?") ? [UInt8(ascii: "/")] + rest[end...] : Array(rest[end...])
        }
        return nil
    }

    // MARK: Header fields

    /// - Returns: what is wrong with the line; nil when it was taken.
    mutating func takeField(_ line: RawSpan, _ limits: HTTPLimits) -> HTTPRefusal? {
        guard let colon = line.firstOffset(of: UInt8(ascii: ":")), colon > 0,
            // No white space: not before the colon, not at the front, which would be a folded line.
            line.extracting(0..<colon).allBytes(isTokenByte)
        else { return .header }
        var start = colon + 1
        var end = line.byteCount
        while start < end, isBlank(line.byte(at: start)) { start += 1 }
        while end > start, isBlank(line.byte(at: end - 1)) { end -= 1 }
        let value = line.extracting(start..<end)
        guard value.allBytes({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return .header }
        guard value.byteCount <= limits.headerValueLength, headers.count < limits.headerCount else {
            return .headerTooLarge
        }
        headers.append((line.text(0..<colon), line.text(start..<end)))
        return nil
    }

    /// The values of all fields called `name`.
    func values(_ name: String) -> [String] {
        headers.filter { HTTPRequest.isSame($0.name, name) }.map(\.value)
    }

    /// The words of a list, in lower case.
    func words(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
    }

    // MARK: What the header fields mean

    /// How long the body is, or why that cannot be said [RFC 9112 §6.3].
    func framing(_ limits: HTTPLimits) -> Result<Framing, HTTPRefusal.Thrown> {
        let hosts = values("Host")
        guard hosts.count == 1 || (isOld && hosts.isEmpty),
            hosts.allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") } })
        else { return .failure(.init(.host)) }
        let lengths = values("Content-Length")
        if !values("Transfer-Encoding").isEmpty {
            // Both: the request may have been made to be understood in two ways [RFC 9112 §6.1].
            guard lengths.isEmpty, !isOld else { return .failure(.init(.framing)) }
            let codings = words("Transfer-Encoding")
            if codings == ["chunked"] { return .success(.chunked) }
            let areKnown = codings.allSatisfy { $0 == "chunked" || $0.isEmpty }
            return .failure(.init(areKnown ? .framing : .transferCoding))
        }
        guard let length = lengths.first else { return .success(.none) }
        // Two are refused even when they are equal.
        guard lengths.count == 1, !length.isEmpty, length.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return .failure(.init(.framing))
        }
        guard let count = Int(length), count <= limits.bodySize else { return .failure(.init(.bodyTooLarge)) }
        return .success(count == 0 ? .none : .length(count))
    }

    /// Whether the connection may serve another request after this one.
    var keepsConnection: Bool {
        let wishes = words("Connection")
        return isOld ? wishes.contains("keep-alive") && !wishes.contains("close") : !wishes.contains("close")
    }
}

extension HTTPRefusal {
    /// A refusal as an error.
    struct Thrown: Error, Equatable {
        let refusal: HTTPRefusal
        init(_ refusal: HTTPRefusal) { self.refusal = refusal }
    }
}

/// RFC 9110 §5.6.2.
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
        UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
        true
    default: false
    }
}

func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte }

extension RawSpan {
    func firstOffset(of wanted: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < byteCount {
            if byte(at: index) == wanted { return index }
            index += 1
        }
        return nil
    }

    func allBytes(_ isFine: (UInt8) -> Bool) -> Bool {
        for index in 0..<byteCount where !isFine(byte(at: index)) { return false }
        return true
    }

    func text(_ range: Range<Int>) -> String {
        extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
