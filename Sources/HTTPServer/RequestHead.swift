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

    // MARK: Reading

    /// Checks what came before the body.
    static func read(
        method: [UInt8], target: [UInt8], version: [UInt8], fields: [(name: [UInt8], value: [UInt8])],
        _ limits: HTTPLimits
    ) -> Result<RequestHead, HTTPRefusal.Thrown> {
        var head = RequestHead()
        // "GET " target " HTTP/1.1"
        guard method.count + target.count + version.count + 2 <= limits.requestLineLength else {
            return .failure(.init(.uriTooLong))
        }
        if let refusal = head.take(method: method, target: target, version: version) {
            return .failure(.init(refusal))
        }
        var byteCount = 0
        for field in fields {
            byteCount += field.name.count + field.value.count + 4
            guard byteCount <= limits.headerSectionLength else { return .failure(.init(.headerTooLarge)) }
            if let refusal = head.take(field: field, limits) { return .failure(.init(refusal)) }
        }
        if case .failure(let thrown) = head.framing(limits) { return .failure(thrown) }
        let expectations = head.words("Expect").filter { !$0.isEmpty }
        guard head.isOld || expectations.isEmpty || expectations == ["100-continue"] else {
            return .failure(.init(.expectation))
        }
        return .success(head)
    }

    private mutating func take(method: [UInt8], target: [UInt8], version: [UInt8]) -> HTTPRefusal? {
        guard !method.isEmpty, method.count <= 32, method.allSatisfy(isTokenByte),
            target.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return .requestLine }
        switch String(decoding: version, as: UTF8.self) {
        case "HTTP/1.1": isOld = false
        case "HTTP/1.0": isOld = true
        default:
            let isVersion =
                version.count == 8 && version.starts(with: Array("HTTP/".utf8))
                && version[6] == UInt8(ascii: ".")
            return isVersion ? .version : .requestLine
        }
        self.method = String(decoding: method, as: UTF8.self)
        guard let path = Self.path(target, self.method) else { return .requestLine }
        self.target = path
        return nil
    }

    private mutating func take(field: (name: [UInt8], value: [UInt8]), _ limits: HTTPLimits) -> HTTPRefusal? {
        // No white space in the name: not before the colon either [RFC 9112 §5.1].
        guard !field.name.isEmpty, field.name.allSatisfy(isTokenByte),
            field.value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
        else { return .header }
        guard field.value.count <= limits.headerValueLength, headers.count < limits.headerCount else {
            return .headerTooLarge
        }
        headers.append(
            (String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self)))
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

    // MARK: What the header fields mean

    /// The values of all fields called `name`.
    func values(_ name: String) -> [String] {
        headers.filter { HTTPRequest.isSame($0.name, name) }.map(\.value)
    }

    /// The words of a list, in lower case.
    func words(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
    }

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

func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte }
